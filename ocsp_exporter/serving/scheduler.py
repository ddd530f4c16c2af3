"""The workers: every target probed once per its interval, and again when its evidence ends.

What is due when is decided by the plan; here is the loop that waits for it, and what happens to its results.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from ocsp_exporter.metrics import Publication
from ocsp_exporter.model import ProbeResult, Results, ScheduledTarget
from ocsp_exporter.report.assessment import assess
from ocsp_exporter.serving.plan import Entry, Key, Plan, key_of, next_due
from ocsp_exporter.serving.probes import Clock, Probe

_log = logging.getLogger(__name__)

# A slot nearer than this part of the interval is left out. After the first probe that keeps the round that all
# targets make at the start from being made twice; later it keeps a clock that is being corrected from
# bringing a target to its slot twice.
_REST_AFTER_FIRST = 0.5
_REST = 0.01


class Scheduler:
    """Probes the targets it was last given, at most `concurrency` at a time, while `run` runs.

    `observe_delay` is told how many seconds late each probe began; the first of a target is never late. All
    methods are for the event loop's thread.
    """

    def __init__(
        self,
        probe: Probe,
        *,
        concurrency: int,
        clock: Clock = Clock(),  # noqa: B008 - frozen, so one for all is right
        observe_delay: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._probe = probe
        self._concurrency = concurrency
        self._clock = clock
        self._observe_delay = observe_delay
        self._plan = Plan()
        self._tasks: dict[Key, asyncio.Task[None]] = {}
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

    def publications(self) -> list[Publication]:
        """Give the last results of all targets as they are shown on `/metrics`."""
        return [
            Publication(result, scheduled.labels, scheduled.interval)
            for scheduled, results in self.overview()
            for result in results
        ]

    async def run(self) -> None:
        """Probe until cancelled; then nothing is left running."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                room = self._concurrency - self._plan.in_flight
                for entry in self._plan.take(self._clock.monotonic(), room):
                    key = key_of(entry.scheduled)
                    self._tasks[key] = task = group.create_task(self._look(entry))
                    task.add_done_callback(partial(self._forget, key))
                full = self._plan.in_flight >= self._concurrency
                await self._woken_within(None if full else self._plan.wait(self._clock.monotonic()))

    def _forget(self, key: Key, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]

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
            self._observe_delay(began_monotonic - entry.due)
        results: Results = ()
        try:
            results = await self._probe(scheduled.target, scheduled.module)
            due = self._next_due(scheduled, results, began, first=is_first)
        finally:
            shown = self._plan.put_back(entry, results, due)
            self._wake.set()
        if shown:
            _tell(results, before)

    def _next_due(self, scheduled: ScheduledTarget, results: Results, began: float, *, first: bool) -> float:
        ended = self._clock.wall()
        rest = scheduled.interval * (_REST_AFTER_FIRST if first else _REST)
        wait = next_due(scheduled, results, began=began, ended=ended, rest=rest) - ended
        return self._clock.monotonic() + wait


def _tell(results: Results, before: Results) -> None:
    """Log the probe, and each change of the target's state that it made."""
    states_before = {result.identity: state_of(result) for result in before}
    for result in results:
        state = state_of(result)
        fields = {**_fields(result), "state": state, "detail": result.detail or None}
        _log.debug("target probed", extra={"fields": {**fields, "duration": round(result.duration, 4)}})
        state_before = states_before.get(result.identity)
        if state != state_before:
            _log.info("target changed", extra={"fields": {**fields, "before": state_before}})
    still_there = {result.identity for result in results}
    for result in before:
        if result.identity not in still_there:
            fields = {**_fields(result), "state": "gone", "before": state_of(result)}
            _log.info("target changed", extra={"fields": fields})


def _fields(result: ProbeResult) -> dict[str, str | None]:
    return {"target": result.target.name, "module": result.module, **dict(result.variant)}


def state_of(result: ProbeResult) -> str:
    """Say in a few words how a target is: `staple=invalid(expired)`, `non_compliant`, `failed=timeout`."""
    if result.key_type_served is False:
        return "key_type_not_served"
    if result.findings is None:
        return f"failed={result.failure}"
    words = []
    for evidence in result.findings.evidence:
        problems = f"({','.join(evidence.problems)})" if evidence.problems else ""
        depth = f"[{evidence.depth}]" if evidence.depth else ""
        words.append(f"{evidence.source}{depth}={evidence.status}{problems}")
    if result.findings.tls and result.findings.tls.compliant is False:
        words.append("non_compliant")
    return " ".join(words) or assess(result, result.obtained_at).level
