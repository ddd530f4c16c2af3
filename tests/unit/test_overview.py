from dataclasses import replace

import pytest

from ocsp_exporter.model import ProbeResult, Problem, Source, Status
from ocsp_exporter.serving.overview import ORDERS, Row, Selection, count, rows_of, selection
from tests.unit.results import GOOD, MISSING, NOW, failed, found, named, scheduled

LATER = replace(GOOD, next_update=int(NOW) + 90_000, this_update=int(NOW) - 10)
INVALID = replace(GOOD, status=Status.INVALID, problems=(Problem.SIGNATURE_INVALID,), authentic=False)


def rows(**results: ProbeResult | None) -> list[Row]:
    """Give the rows of targets that are named for their results."""
    return rows_of([(scheduled(name), (result,) if result else ()) for name, result in results.items()], NOW)


def names(chosen: list[Row]) -> list[str]:
    """Give the names of rows in their order."""
    return [row.scheduled.target.name for row in chosen]


FLEET = rows(
    later=found(LATER),
    sooner=found(replace(LATER, next_update=int(NOW) + 80_000)),
    endless=replace(found(replace(LATER, next_update=None)), obtained_at=NOW - 100),
    invalid=found(INVALID, compliant=False),
    down=failed(detail="no route to HOST"),
    new=None,
)


def test_the_worst_first() -> None:
    """Rows stand by how bad they are, and of equally good ones first what ends first."""
    assert names(FLEET) == ["invalid", "down", "new", "sooner", "later", "endless"]
    assert count(FLEET) == [("critical", 1), ("failed", 1), ("waiting", 1), ("ok", 3)]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", ["invalid", "down", "new", "sooner", "later", "endless"]),
        ("-verdict", ["sooner", "later", "endless", "new", "down", "invalid"]),
        ("target", ["down", "endless", "invalid", "later", "new", "sooner"]),
        ("staple", ["invalid", "sooner", "later", "endless", "down", "new"]),
        ("responder", ["invalid", "down", "new", "sooner", "later", "endless"]),
        ("next_update", ["sooner", "later", "invalid", "down", "new", "endless"]),
        ("must_staple", ["invalid", "down", "new", "sooner", "later", "endless"]),
        ("-looked_at", ["invalid", "down", "sooner", "later", "endless", "new"]),
    ],
)
def test_orders(sort: str, expected: list[str]) -> None:
    """Whatever they are sorted by, rows that are equal in it stay in theirs, the worst first."""
    assert names(selection("", sort=sort).of(FLEET)) == expected


@pytest.mark.parametrize(
    ("words", "grades", "expected"),
    [
        ("", [], ["invalid", "down", "new", "sooner", "later", "endless"]),
        ("SIGNATURE invalid", [], ["invalid"]),
        ("signature down", [], []),
        ("host", [], ["down"]),
        ("timeout", [], ["down"]),
        ("team=web", [], []),
        ("tls", ["ok", "waiting"], ["new", "sooner", "later", "endless"]),
        ("violated", [""], ["invalid"]),
    ],
)
def test_selections(words: str, grades: list[str], expected: list[str]) -> None:
    """A row is asked for if it has all the words somewhere, in any case, and one of the levels."""
    assert names(selection(words, grades).of(FLEET)) == expected


def test_each_file_of_a_glob_is_a_row_by_its_own_path() -> None:
    """The glob itself is only what they were found by; until then it is the row."""
    found_files = tuple(found(GOOD, target=named(name)) for name in ("/staples/b.ocsp", "/staples/a.ocsp"))
    glob = scheduled("/staples/*")

    assert [row.name for row in rows_of([(glob, found_files)], NOW)] == ["/staples/a.ocsp", "/staples/b.ocsp"]
    assert [row.name for row in rows_of([(glob, ())], NOW)] == ["/staples/*"]


def test_labels_are_found() -> None:
    """The operator's labels are found as they are shown."""
    web = replace(scheduled("a"), labels=(("team", "Web"),))
    both = rows_of([(web, (found(GOOD),)), (scheduled("b"), (found(GOOD),))], NOW)

    assert names(selection("team=web").of(both)) == ["a"]


def test_what_there_is_not() -> None:
    """A level or an order that there is not is refused with those that there are."""
    with pytest.raises(ValueError, match=r"Unknown level 'bad': known are critical, failed, warning, waiting, ok"):
        selection("", ["ok", "bad"])
    with pytest.raises(ValueError, match=r"Unknown order '-x': known are verdict, target, staple, .* - in front"):
        selection("", sort="-x")


def test_the_order_in_a_url() -> None:
    """The order that is asked for can be asked for again as it was."""
    assert {selection("", sort=sort).sort for sort in ORDERS} == set(ORDERS)
    assert selection("", sort="-crl").sort == "-crl"
    assert Selection().sort == "verdict"


def test_why_a_source_says_nothing() -> None:
    """A source that says nothing was not asked, is not applicable, or sent nothing; of a failure nothing is known."""
    silent, down = rows(silent=found(MISSING))[0], rows(down=failed())[0]

    assert [silent.absence(source) for source in Source] == [
        "none sent",
        "not asked",
        "not applicable",
        "not applicable",
    ]
    assert {down.absence(source) for source in Source} == {""}


@pytest.mark.parametrize(
    ("elapsed", "percent", "lasting"),
    [
        (-0.5, 100, "left"),
        (0.0, 100, "left"),
        (0.74, 26, "left"),
        (0.76, 24, "overdue"),
        (1.0, 0, "over"),
        (9.0, 0, "over"),
    ],
)
def test_what_is_left(elapsed: float, percent: int, lasting: str) -> None:
    """What is left of a life is between nothing and all of it, and overdue in its last quarter."""
    begin = int(NOW - elapsed * 10_000)
    row = rows(one=found(replace(GOOD, this_update=begin, next_update=begin + 10_000)))[0]

    assert (row.percent_left(NOW), row.lasting(NOW)) == (percent, lasting)


def test_what_is_left_of_nothing() -> None:
    """Without authentic evidence that ends there is neither bar nor word."""
    for row in rows(none=found(), endless=found(replace(GOOD, next_update=None)), invalid=found(INVALID)):
        assert (row.percent_left(NOW), row.lasting(NOW)) == (None, "")
