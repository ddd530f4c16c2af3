"""What happened lately: the last results that changed or failed."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from ocsp_exporter.model import ProbeResult, Results, ScheduledTarget
from ocsp_exporter.serving.changes import GONE, Change

#: How many events are kept.
KEPT = 100


@dataclass(slots=True)
class Event:
    """A result that changed or failed, `number` its own among all events.

    `result` None: what it was about is gone. The same failure came `times` times in a row, last at `last_at`.
    """

    number: int
    scheduled: ScheduledTarget
    change: Change
    result: ProbeResult | None
    last_at: float
    times: int = 1


class History:
    """The last 100 results that changed or failed, in memory.

    A failure that stays the same is one event, however often it comes: a target that is down for a day must not push
    out what happened to the others. That a target was looked at for the first time is no change.
    """

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._numbers = count(1)

    def note(self, scheduled: ScheduledTarget, results: Results, changes: Sequence[Change]) -> None:
        """Note what a probe brought, and what that changed."""
        by_way = {result.way: result for result in results}
        for change in changes:
            result = by_way.pop(change.way, None)
            if change.before is not None or (result is not None and result.failure):
                self._events.append(Event(next(self._numbers), scheduled, change, result, change.at))
        for result in by_way.values():
            if result.failure:
                self._repeat(scheduled, result)

    def _repeat(self, scheduled: ScheduledTarget, result: ProbeResult) -> None:
        for event in reversed(self._events):
            if event.scheduled == scheduled and event.change.way == result.way and event.change.after != GONE:
                event.result = result
                event.last_at = result.obtained_at
                event.times += 1
                return

    def events(self) -> list[Event]:
        """Give what is kept, the latest first."""
        return list(reversed(self._events))

    def find(self, number: str) -> Event | None:
        """Give an event by its number in digits, None where it is not kept, or not any more."""
        return next((event for event in self._events if str(event.number) == number), None)
