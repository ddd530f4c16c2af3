"""When each target is probed next. Pure: times come in as arguments, and nothing here waits.

Every target has a slot, a moment within its interval that is the same after a restart. Slots are reckoned on
the wall clock; the order of probes is kept on the monotonic one, so that a clock set back stalls nobody.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count

from ocsp_exporter.metrics import Publication
from ocsp_exporter.model import Results, ScheduledTarget
from ocsp_exporter.serving.changes import Change

#: What makes the series of a target its own: target, module and the operator's labels.
Key = tuple[str, str, tuple[tuple[str, str], ...]]

#: A look at evidence that ends comes this much later, so that the verdict has surely turned.
_AFTER_THE_END = 1.0

#: And it comes no sooner than this after the probe before: an endpoint chooses the times in its staples, and must not
#: choose how often it is probed.
_SHORTEST_REST = 10.0

#: So many changes of its state are remembered of each target.
REMEMBERED = 20


def key_of(scheduled: ScheduledTarget) -> Key:
    """Give what distinguishes a target from all others on the schedule."""
    return scheduled.target.name, scheduled.module.name, scheduled.labels


def slot(scheduled: ScheduledTarget) -> float:
    """Give the target's moment within its interval, in seconds from 0 up to the interval."""
    digest = blake2b(repr(key_of(scheduled)).encode("utf-8", "backslashreplace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64 * scheduled.interval


def next_due(scheduled: ScheduledTarget, results: Results, *, began: float, ended: float, rest: float) -> float:
    """Give the wall-clock time of the probe after one that ran from `began` to `ended`.

    That is the target's next slot that is at least `rest` seconds after the beginning, or, if it comes first, the
    moment at which a piece of the evidence found reaches next_update, or next_update and the clock skew allowed.
    """
    began = min(began, ended)  # the clock may have been set back meanwhile
    earliest = max(ended, began + rest)
    until_slot = (slot(scheduled) - earliest) % scheduled.interval
    regular = earliest + (until_slot or scheduled.interval)
    soonest = ended + min(scheduled.interval, _SHORTEST_REST)
    return min((regular, *(max(end, soonest) for end in _ends(scheduled, results) if end > began)))


def _ends(scheduled: ScheduledTarget, results: Results) -> Iterator[float]:
    for evidence in (each for result in results if result.findings for each in result.findings.evidence):
        if evidence.next_update is not None:
            yield evidence.next_update + _AFTER_THE_END
            yield evidence.next_update + scheduled.module.clock_skew + _AFTER_THE_END


@dataclass(slots=True, eq=False)
class Entry:
    """A target on the plan.

    `due` is on the monotonic clock; `results` are the last ones, none before the first; `changes` the last few.
    `is_new`: it has not been probed yet as it is now; where it was otherwise before, its results are still that one's.
    `publications` are the results as they are shown, the same ones from scrape to scrape: their lines are kept in them.
    """

    scheduled: ScheduledTarget
    due: float
    results: Results = ()
    is_new: bool = True
    changes: tuple[Change, ...] = ()
    publications: tuple[Publication, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Show the results that are there."""
        self.show(self.results)

    def show(self, results: Results) -> None:
        """Take these results in place of the last ones."""
        labels, interval = self.scheduled.labels, self.scheduled.interval
        self.results = results
        self.publications = tuple(Publication(result, labels, interval) for result in results)

    def remember(self, changes: Iterable[Change]) -> None:
        """Keep the latest changes of the target's state."""
        self.changes = (*self.changes, *changes)[-REMEMBERED:]


@dataclass(slots=True)
class Plan:
    """The targets in the order in which they are due, and which of them are being probed.

    An idle target costs one heap item. Of a target that was replaced while it was being probed the new entry
    waits until that probe has ended: there are never two probes of one target.
    """

    entries: dict[Key, Entry] = field(default_factory=dict)
    _heap: list[tuple[float, int, Entry]] = field(default_factory=list)
    _in_flight: set[Key] = field(default_factory=set)
    _waiting: dict[Key, Entry] = field(default_factory=dict)
    _serial: Iterator[int] = field(default_factory=count)

    def update(self, targets: Iterable[ScheduledTarget], now: float) -> set[Key]:
        """Replace the targets: unchanged ones keep results and time, all others are due now.

        Of one that is to be looked at in another way than before, the results are kept until there are new ones.
        Gives the keys of those that are being probed for an entry that is there no more.
        """
        before, self.entries = self.entries, {}
        for scheduled in targets:
            key = key_of(scheduled)
            kept = before.get(key)
            if kept is None or kept.scheduled != scheduled:
                kept = Entry(scheduled, now, kept.results if kept else ())
            self.entries[key] = kept
        self._heap = [item for item in self._heap if self.is_current(item[2])]
        self._waiting = {key: entry for key, entry in self._waiting.items() if self.is_current(entry)}
        fresh = [entry for key, entry in self.entries.items() if before.get(key) is not entry]
        self._heap += [(now, next(self._serial), entry) for entry in fresh]
        heapq.heapify(self._heap)
        return {key for key in self._in_flight if self.entries.get(key) is not before.get(key)}

    def take(self, now: float, room: int) -> Iterator[Entry]:
        """Give the entries whose probe begins now, the longest overdue first, at most `room` of them."""
        while room > 0 and self._heap and self._heap[0][0] <= now:
            entry = heapq.heappop(self._heap)[2]
            key = key_of(entry.scheduled)
            if key in self._in_flight:
                self._waiting[key] = entry
                continue
            self._in_flight.add(key)
            room -= 1
            yield entry

    def put_back(self, entry: Entry, results: Results, due: float) -> bool:
        """Note the end of an entry's probe, with its results if it has any, and when it is due again.

        Gives False where the target was removed or replaced meanwhile: then the results are dropped.
        """
        key = key_of(entry.scheduled)
        self._in_flight.discard(key)
        if successor := self._waiting.pop(key, None):
            self._push(successor)
        if not self.is_current(entry):
            return False
        if results:
            entry.show(results)
            entry.is_new = False
        entry.due = due
        self._push(entry)
        return True

    @property
    def in_flight(self) -> int:
        """How many targets are being probed."""
        return len(self._in_flight)

    def wait(self, now: float) -> float | None:
        """Give the seconds until the next entry is due, None if none is on the plan."""
        return max(0.0, self._heap[0][0] - now) if self._heap else None

    def _push(self, entry: Entry) -> None:
        heapq.heappush(self._heap, (entry.due, next(self._serial), entry))

    def is_current(self, entry: Entry) -> bool:
        """Tell whether the entry is on the plan: its target was neither removed nor replaced."""
        return self.entries.get(key_of(entry.scheduled)) is entry
