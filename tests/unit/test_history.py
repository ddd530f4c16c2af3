from dataclasses import replace

from ocsp_exporter.model import Failure, ProbeResult, Problem, Status
from ocsp_exporter.report.assessment import Level
from ocsp_exporter.serving.changes import Change, changes
from ocsp_exporter.serving.history import History
from tests.unit.results import GOOD, NOW, failed, found, scheduled

EXPIRED = replace(GOOD, status=Status.INVALID, problems=(Problem.EXPIRED,))
ONE = scheduled("one.example")
TWO = scheduled("two.example")


def at(seconds: float, result: ProbeResult, address: str | None = None) -> ProbeResult:
    """Give a result as it was obtained so many seconds later, at an address."""
    return replace(result, obtained_at=NOW + seconds, address=address)


def test_changes() -> None:
    """A change is told with both states, the level of the new one and the time; where nothing changed there is none."""
    good, expired = (at(0, found(GOOD)),), (at(60, found(EXPIRED)),)

    assert changes(good, ()) == (Change(NOW, (), None, "staple=good", Level.WARNING),)
    assert changes((at(60, found(GOOD)),), good) == ()
    assert changes(expired, good) == (Change(NOW + 60, (), "staple=good", "staple=invalid(expired)", Level.CRITICAL),)
    assert changes((at(60, failed(detail="no answer")),), good) == (
        Change(NOW + 60, (), "staple=good", "failed=timeout", Level.FAILED, "no answer"),
    )


def test_changes_of_variants() -> None:
    """Each address changes by itself; one that is there no more is gone."""
    before = (at(0, found(GOOD), "a"), at(0, found(GOOD), "b"))
    now = (at(60, found(EXPIRED), "b"), at(60, failed(), "c"))

    assert [(change.way, change.before, change.after) for change in changes(now, before)] == [
        ((("address", "b"),), "staple=good", "staple=invalid(expired)"),
        ((("address", "c"),), None, "failed=timeout"),
        ((("address", "a"),), "staple=good", "gone"),
    ]


class Watched:
    """A target whose results are noted in a history, one probe after the other."""

    def __init__(self, history: History, name: str = "one.example") -> None:
        self.history = history
        self.scheduled = scheduled(name)
        self.before: tuple[ProbeResult, ...] = ()

    def probe(self, *results: ProbeResult) -> None:
        """Note the results of a probe."""
        self.history.note(self.scheduled, results, changes(results, self.before))
        self.before = results


def told(history: History) -> list[tuple[str, str | None, str, int]]:
    """Give what a history keeps: target, both states, and how often."""
    return [
        (event.scheduled.target.name, event.change.before, event.change.after, event.times)
        for event in history.events()
    ]


def test_history() -> None:
    """It keeps what changed or failed, the latest first; a first look that shows something is neither."""
    history = History()
    one, two = Watched(history), Watched(history, "two.example")
    one.probe(at(0, found(GOOD)))
    two.probe(at(1, failed()))
    one.probe(at(60, found(GOOD)))
    one.probe(at(120, found(EXPIRED)))

    assert told(history) == [
        ("one.example", "staple=good", "staple=invalid(expired)", 1),
        ("two.example", None, "failed=timeout", 1),
    ]


def test_a_failure_that_stays() -> None:
    """The same failure again is the same event, with the latest result; another failure is another."""
    history = History()
    one = Watched(history)
    for minute in range(5):
        one.probe(at(60 * minute, failed(detail=f"try {minute}")))
    one.probe(at(300, failed(Failure.REFUSED)))

    assert told(history) == [
        ("one.example", "failed=timeout", "failed=refused", 1),
        ("one.example", None, "failed=timeout", 5),
    ]
    first = history.events()[1]
    assert (first.change.at, first.last_at) == (NOW, NOW + 240)
    assert first.result
    assert first.result.detail == "try 4"


def test_a_failure_that_stays_at_one_address() -> None:
    """Addresses are counted by themselves."""
    history = History()
    one = Watched(history)
    one.probe(at(0, failed(), "a"), at(0, failed(), "b"))
    one.probe(at(60, failed(), "a"), at(60, found(GOOD), "b"))
    one.probe(at(120, failed(), "a"))

    assert [(event.change.way[0][1], event.change.after, event.times) for event in history.events()] == [
        ("b", "gone", 1),
        ("b", "staple=good", 1),
        ("b", "failed=timeout", 1),
        ("a", "failed=timeout", 3),
    ]
    assert history.events()[0].result is None


def test_the_last_hundred() -> None:
    """The oldest make room; a failure that was forgotten and stays does not come back, and numbers are never reused."""
    history = History()
    down, one = Watched(history, "down.example"), Watched(history)
    down.probe(at(0, failed()))
    for minute in range(101):
        one.probe(at(60 * minute, found(EXPIRED if minute % 2 else GOOD)))
    down.probe(at(9000, failed()))

    assert len(told(history)) == 100
    assert {name for name, *_ in told(history)} == {"one.example"}
    assert [event.number for event in history.events()] == list(range(101, 1, -1))
    assert history.find("1") is None
    found_again = history.find("101")
    assert found_again
    assert found_again.change.at == NOW + 6000
