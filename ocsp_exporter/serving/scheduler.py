"""The workers: every target probed once per its interval, and again when its evidence ends.

What is due when is decided by the plan; here is the loop that waits for it, and what happens to its results.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from ocsp_exporter.metrics import Publication
from ocsp_exporter.model import Results, ScheduledTarget
from ocsp_exporter.serving.changes import Change, changes, state_of
from ocsp_exporter.serving.plan import Entry, Key, Plan, key_of, next_due
from ocsp_exporter.serving.probes import Clock, Probe
from ocsp_exporter.serving.punctuality import Punctuality

_log = logging.getLogger(__name__)

# A slot nearer than this part of the interval is left out. After the first probe that keeps the round that all
# targets make at the start from being made twice; later it keeps a clock that is being corrected from
# bringing a target to its slot twice.
_REST_AFTER_FIRST = 0.5
_REST = 0.01


class Standing(NamedTuple):
    """A target with its last results, none where it was not looked at yet, and its last changes, the latest last."""

    scheduled: ScheduledTarget
    results: Results
    changes: tuple[Change, ...]


class Scheduler:
    """Probes the targets it was last given, at most `concurrency` at a time, while `run` runs.

    `observe_delay` is told how many seconds late each probe began; the first of a target is never late.
    `observe_results` is told of each probe that ended what it brought and what that changed. All methods are for the
    event loop's thread.
    """

    def __init__(
        self,
        probe: Probe,
        *,
        concurrency: int,
        clock: Clock = Clock(),  # noqa: B008 - frozen, so one for all is right
        observe_delay: Callable[[float], None] = lambda _: None,
        observe_results: Callable[[ScheduledTarget, Results, Sequence[Change]], None] = lambda *_: None,
    ) -> None:
        self._probe = probe
        self._concurrency = concurrency
        self._clock = clock
        self._observe_delay = observe_delay
        self._observe_results = observe_results
        self._punctuality = Punctuality()
        self._plan = Plan()
        self._tasks: dict[Key, asyncio.Task[object]] = {}
        self._wake = asyncio.Event()
        self._all_seen_once = False

    def update(self, targets: Iterable[ScheduledTarget]) -> None:
        """Replace the targets: unchanged ones keep results and schedule, changed ones the results until the next."""
        for key in self._plan.update(targets, self._clock.monotonic()):
            if task := self._tasks.pop(key, None):
                task.cancel()
        self._wake.set()

    def limit(self, concurrency: int) -> None:
        """Probe at most so many targets at a time from now on; what is running goes on."""
        self._concurrency = concurrency
        self._wake.set()

    @property
    def first_round_done(self) -> bool:
        """Whether there was a moment at which every target had been probed."""
        self._all_seen_once = self._all_seen_once or all(entry.results for entry in self._plan.entries.values())
        return self._all_seen_once

    def overview(self) -> list[tuple[ScheduledTarget, Results]]:
        """Give each target with its last results, none where it has not been probed yet."""
        return [(entry.scheduled, entry.results) for entry in self._plan.entries.values()]

    def find(self, name: str, module: str | None, labels: Collection[tuple[str, str]]) -> list[Standing]:
        """Give the targets of that name that have the module, if one is given, and all the labels.

        One that has no other labels stands alone: it is the one that was meant.
        """
        found = [
            Standing(entry.scheduled, entry.results, entry.changes)
            for entry in self._plan.entries.values()
            if entry.scheduled.target.name == name
            and module in {None, entry.scheduled.module.name}
            and set(labels) <= set(entry.scheduled.labels)
        ]
        exact = [each for each in found if len(each.scheduled.labels) == len(labels)]
        return exact if len(exact) == 1 else found

    def publications(self) -> list[Publication]:
        """Give the last results of all targets as they are shown on `/metrics`."""
        return [publication for entry in self._plan.entries.values() for publication in entry.publications]

    async def run(self) -> None:
        """Probe until cancelled; then nothing is left running."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                room = self._concurrency - self._plan.in_flight
                for entry in self._plan.take(self._clock.monotonic(), room):
                    group.create_task(self._look(entry))
                full = self._plan.in_flight >= self._concurrency
                await self._woken_within(None if full else self._plan.wait(self._clock.monotonic()))

    async def _woken_within(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _look(self, entry: Entry) -> None:
        scheduled, before = entry.scheduled, entry.results
        began = self._clock.wall()
        is_first = entry.is_new
        due = began_monotonic = self._clock.monotonic()
        if not is_first:
            late = began_monotonic - entry.due
            self._observe_delay(late)
            self._punctuality.note(late, scheduled.interval, began_monotonic)
        results: Results = ()
        try:
            # It may have been removed or replaced since it was decided that this begins.
            if self._plan.is_current(entry):
                results = await self._cancellable(key_of(scheduled), self._probe(scheduled.target, scheduled.module))
                due = self._next_due(scheduled, results, began, first=is_first)
        finally:
            shown = self._plan.put_back(entry, results, due)
            self._wake.set()
        if shown:
            changed = changes(results, before)
            entry.remember(changed)
            _tell(results, changed)
            self._observe_results(scheduled, results, changed)

    async def _cancellable(self, key: Key, probing: Coroutine[object, object, Results]) -> Results:
        """Await a probe that `update` may cancel from now on; a task that is cancelled before it begins ends unseen."""
        task = asyncio.current_task()
        assert task  # noqa: S101 - all of this runs in tasks
        self._tasks[key] = task
        try:
            return await probing
        finally:
            if self._tasks.get(key) is task:
                del self._tasks[key]

    def _next_due(self, scheduled: ScheduledTarget, results: Results, began: float, *, first: bool) -> float:
        ended = self._clock.wall()
        rest = scheduled.interval * (_REST_AFTER_FIRST if first else _REST)
        wait = next_due(scheduled, results, began=began, ended=ended, rest=rest) - ended
        return self._clock.monotonic() + wait


def _tell(results: Results, changed: Iterable[Change]) -> None:
    """Log the probe, and each change of the target's state that it made."""
    for result in results:
        fields = {"state": state_of(result), "detail": result.detail or None, "duration": round(result.duration, 4)}
        _log.debug("target probed", extra={"fields": {**_fields(results, result.way), **fields}})
    for change in changed:
        fields = {"state": change.after, "before": change.before, "detail": change.detail or None}
        _log.info("target changed", extra={"fields": {**_fields(results, change.way), **fields}})


def _fields(results: Results, way: tuple[tuple[str, str], ...]) -> dict[str, object]:
    told = dict(way)
    return {"target": told.pop("file", results[0].target.name), "module": results[0].module, **told}
