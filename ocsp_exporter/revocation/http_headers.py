"""What the HTTP headers of an answer say about time: when it was sent, and how long caches keep it. Pure."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import floor

_DELTA_SECONDS = re.compile(r'"?(\d{1,10})"?')  # RFC 9111, section 1.2.2; some put it in quotes


def read_date(text: str) -> float | None:
    """Return a date in seconds since 1970, None where it is none (RFC 9110, section 5.6.7)."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def clock_skew(headers: Mapping[str, str], at: float) -> float | None:
    """Return by how many seconds the sender's clock is ahead of ours; None where its answer has no Date.

    The names of `headers` are in lower case; `at` is when the answer came, in seconds since 1970. A Date has whole
    seconds, so ours is taken as one. An answer out of a cache has the Date at which it was made, and its Age.
    """
    date = read_date(headers.get("date", ""))
    return None if date is None else date + _age(headers) - floor(at)


def kept_until(headers: Mapping[str, str], at: float) -> Iterator[tuple[str, float]]:
    """Yield for each header that tells caches how long to keep an answer until when they do (RFC 9111, section 4.2).

    In seconds since 1970, by our clock, with what says so: `max-age=600`. The arguments are as those of `clock_skew`.
    """
    date = read_date(headers.get("date", ""))
    passed = max(_age(headers), 0.0 if date is None else at - date)
    directives = [directive.strip().lower() for directive in headers.get("cache-control", "").split(",")]
    if "no-store" in directives:
        return
    for directive in directives:
        name, _, value = directive.partition("=")
        lifetime = _DELTA_SECONDS.fullmatch(value)
        if name in {"max-age", "s-maxage"} and lifetime:
            yield directive, at + int(lifetime[1]) - passed
    expires = read_date(headers.get("expires", ""))
    if expires is not None:
        yield f"Expires {headers['expires']}", at + expires - (at if date is None else date) - passed


def _age(headers: Mapping[str, str]) -> float:
    age = _DELTA_SECONDS.fullmatch(headers.get("age", "").strip())
    return float(age[1]) if age else 0.0
