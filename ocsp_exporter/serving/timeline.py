"""Where the times of several pieces of evidence lie on one line, in percent of its width. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ocsp_exporter.model import Evidence

# Evidence may state any time. What lies further from now than this, 400 days, is beyond the end of the line.
_FARTHEST = 400 * 86400
#: So much of the line, in percent, is left free at each end.
MARGIN = 4.0


@dataclass(frozen=True, slots=True)
class Lane:
    """The life of a piece of evidence: from `begin` to `end`, of which `passed` percent of the line are over.

    `produced` None: it does not say. `open_end`: it states no end.
    """

    evidence: Evidence
    begin: float
    end: float
    passed: float
    produced: float | None
    open_end: bool

    @property
    def length(self) -> float:
        """How much of the line the life takes."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Timeline:
    """Lanes on one line that goes from the time `first` to `last`, with the present at `now` percent."""

    lanes: tuple[Lane, ...]
    first: float
    last: float
    now: float


def timeline(evidence: Iterable[Evidence], now: float) -> Timeline | None:
    """Put evidence that says when it begins on one line with the present; None where none does."""
    shown = [each for each in evidence if each.this_update is not None]
    if not shown:
        return None
    moments = [moment for each in shown for moment in (each.produced_at, each.this_update, each.next_update)]
    near = [moment for moment in moments if moment is not None and abs(moment - now) <= _FARTHEST]
    first, last = _ends(near, now)

    def place(moment: float) -> float:
        position = MARGIN + (moment - first) / (last - first) * (100 - 2 * MARGIN)
        return round(min(100.0, max(0.0, position)), 2)

    return Timeline(tuple(_lane(each, now, place) for each in shown), first, last, place(now))


def _ends(moments: Sequence[float], now: float) -> tuple[float, float]:
    first, last = min(moments, default=now), max(moments, default=now)
    return min(first, now), max(last, now, min(first, now) + 1)


def _lane(evidence: Evidence, now: float, place: Callable[[float], float]) -> Lane:
    begin = place(evidence.this_update or 0)
    end = 100.0 if evidence.next_update is None else max(begin, place(evidence.next_update))
    passed = min(end, max(begin, place(now))) - begin
    produced = None if evidence.produced_at is None else place(evidence.produced_at)
    return Lane(evidence, begin, end, round(passed, 2), produced, evidence.next_update is None)
