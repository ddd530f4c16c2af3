from dataclasses import replace

import pytest

from ocsp_exporter.model import Evidence, Source, Status
from ocsp_exporter.serving.timeline import timeline
from tests.unit.results import GOOD

NOW = 1_000_000.0


def lasting(begin: int, end: int | None, produced: int | None = None) -> Evidence:
    """Give evidence with these times, in seconds from now."""
    moments = [None if each is None else int(NOW) + each for each in (begin, end, produced)]
    return replace(GOOD, this_update=moments[0], next_update=moments[1], produced_at=moments[2])


def test_on_one_line() -> None:
    """All lives are drawn to one scale, which goes from the first time that is stated to the last."""
    line = timeline([lasting(-100, 100, -50), lasting(0, 300)], NOW)

    assert line
    assert (line.first, line.last) == (NOW - 100, NOW + 300)
    # From 4 to 96 percent: 23 percent for each 100 seconds.
    assert line.now == 27.0
    one, other = line.lanes
    assert (one.begin, one.end, one.length, one.passed, one.produced) == (4.0, 50.0, 46.0, 23.0, 15.5)
    assert (other.begin, other.end, other.passed, other.produced) == (27.0, 96.0, 0.0, None)


@pytest.mark.parametrize(("begin", "end", "passed"), [(-300, -100, 46.0), (100, 300, 0.0)])
def test_now_is_always_on_it(begin: int, end: int, passed: float) -> None:
    """The present is on the line, though all is over or nothing has begun."""
    line = timeline([lasting(begin, end)], NOW)

    assert line
    assert 0 <= line.now <= 100
    assert line.now in {4.0, 96.0}
    assert line.lanes[0].passed == pytest.approx(passed, abs=16)


def test_without_an_end() -> None:
    """Evidence that states no end goes to the end of the line."""
    line = timeline([lasting(-100, None)], NOW)

    assert line
    assert (line.lanes[0].end, line.lanes[0].open_end) == (100.0, True)


@pytest.mark.parametrize(
    ("begin", "end"),
    [(-(10**12), 10**12), (0, 0), (100, -100), (-(10**12), -(10**11)), (10**11, 10**12), (-253402300799, 253402300799)],
)
def test_any_times(begin: int, end: int) -> None:
    """Whatever times evidence states, and they may contradict each other, all of it is drawn within the line."""
    line = timeline([lasting(begin, end, begin), lasting(-100, 100)], NOW)

    assert line
    assert (line.first, line.last) == (NOW - 100, NOW + 100)
    for lane in line.lanes:
        assert 0 <= lane.begin <= lane.end <= 100
        assert 0 <= lane.passed <= lane.length
        assert lane.produced is None or 0 <= lane.produced <= 100


def test_without_times() -> None:
    """Evidence that says nothing of time is not on the line; without any other there is none."""
    silent = Evidence(Source.STAPLE, 0, Status.MISSING)
    line = timeline([silent, lasting(-1, 1)], NOW)

    assert timeline([silent], NOW) is None
    assert timeline([], NOW) is None
    assert line
    assert len(line.lanes) == 1
