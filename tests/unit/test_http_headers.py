"""What HTTP headers say about time; all moments are seconds from 2026-11-20 12:00:00 UTC."""

import pytest

from ocsp_exporter.revocation.http_headers import clock_skew, kept_until, read_date

NOON = 1_795_176_000.0
DATE = "Fri, 20 Nov 2026 12:00:00 GMT"
LATER = "Fri, 20 Nov 2026 13:00:00 GMT"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (DATE, NOON),
        ("Friday, 20-Nov-26 12:00:00 GMT", NOON),
        ("Fri Nov 20 12:00:00 2026", NOON),
        ("", None),
        ("0", None),
        ("Fri, 20 Nov 99999 12:00:00 GMT", None),
    ],
)
def test_a_date_is_read_in_all_forms_that_http_has(text: str, moment: float | None) -> None:
    """What is none of them is no date."""
    assert read_date(text) == moment


@pytest.mark.parametrize(
    ("headers", "at", "skew"),
    [
        ({"date": DATE}, 0.9, 0.0),
        ({"date": DATE}, 90.0, -90.0),
        ({"date": LATER}, 0.0, 3600.0),
        ({"date": DATE, "age": "80"}, 90.0, -10.0),
        ({"date": DATE, "age": "soon"}, 90.0, -90.0),
        ({"date": "soon"}, 0.0, None),
        ({}, 0.0, None),
    ],
)
def test_the_clock_of_the_server_is_held_against_ours(headers: dict[str, str], at: float, skew: float | None) -> None:
    """Ahead is positive; the time that an answer lay in a cache is not the server's fault."""
    assert clock_skew(headers, NOON + at) == skew


@pytest.mark.parametrize(
    ("headers", "until"),
    [
        ({"date": DATE, "cache-control": "max-age=600"}, {"max-age=600": 600.0}),
        ({"date": DATE, "cache-control": 'Public, MAX-AGE="600"'}, {'max-age="600"': 600.0}),
        ({"cache-control": "max-age=600"}, {"max-age=600": 610.0}),
        ({"cache-control": "max-age=600", "age": "30"}, {"max-age=600": 580.0}),
        ({"date": LATER, "cache-control": "max-age=600"}, {"max-age=600": 610.0}),
        (
            {"date": DATE, "cache-control": "max-age=600, s-maxage=60", "expires": LATER},
            {"max-age=600": 600.0, "s-maxage=60": 60.0, f"Expires {LATER}": 3600.0},
        ),
        ({"date": LATER, "expires": LATER}, {f"Expires {LATER}": 10.0}),
        ({"expires": LATER}, {f"Expires {LATER}": 3600.0}),
        ({"date": DATE, "cache-control": "no-store, max-age=600", "expires": LATER}, {}),
        ({"date": DATE, "cache-control": "max-age=-1, max-age, max-age=99999999999", "expires": "-1"}, {}),
        ({"date": DATE}, {}),
    ],
)
def test_caches_keep_an_answer_for_as_long_as_they_are_told(headers: dict[str, str], until: dict[str, float]) -> None:
    """Reckoned by the server's own clock and the time that has passed, for an answer that came at 12:00:10."""
    assert {said: moment - NOON for said, moment in kept_until(headers, NOON + 10.0)} == until
