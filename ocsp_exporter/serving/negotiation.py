"""Which representation of a page a client wants (RFC 9110, section 12.5), q-values honoured.

Headers come from anywhere: what cannot be understood in them is skipped, never an error.
"""

from collections.abc import Iterator
from enum import Enum

_Range = tuple[str, dict[str, str], float]


class Format(Enum):
    """The two text formats. The value is the exact Content-Type: Prometheus 3 refuses a scrape with another."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


_OFFERS = (
    (Format.TEXT, "text/plain", "0.0.4"),
    (Format.OPENMETRICS, "application/openmetrics-text", "1.0.0"),
)


def negotiate_format(accept: str) -> Format:
    """Give the format that an Accept header prefers; plain text if it is empty or accepts nothing we have.

    Of two equally preferred formats the one named more exactly is given, then plain text.
    """
    ranges = tuple(_ranges(accept))
    preferences = [(*_preference(ranges, media_type, version), offer) for offer, media_type, version in _OFFERS]
    quality, _, best = max(preferences, key=lambda preference: preference[:2])
    return best if quality > 0 else Format.TEXT


def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether an Accept-Encoding header allows gzip."""
    qualities = {coding: quality for coding, _, quality in _ranges(accept_encoding)}
    for coding in ("gzip", "x-gzip", "*"):
        if coding in qualities:
            return qualities[coding] > 0
    return False


def _preference(ranges: tuple[_Range, ...], media_type: str, version: str) -> tuple[float, int]:
    """Give the quality of the most specific range that matches, and how specific that is (0: none matches)."""
    family = media_type.partition("/")[0]
    best = (0, 0.0)
    for name, parameters, quality in ranges:
        if parameters.get("version", version) != version:
            continue
        if name == media_type:
            specificity = 4 if "version" in parameters else 3
        elif name == f"{family}/*":
            specificity = 2
        elif name == "*/*":
            specificity = 1
        else:
            continue
        best = max(best, (specificity, quality))
    return best[1], best[0]


def _ranges(header: str) -> Iterator[_Range]:
    for element in header.split(","):
        name, *texts = (part.strip() for part in element.split(";"))
        pairs = (text.partition("=") for text in texts)
        parameters = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
        quality = _quality(parameters.pop("q", "1"))
        if name and quality is not None:
            yield name.lower(), parameters, quality


def _quality(text: str) -> float | None:
    try:
        quality = float(text)
    except ValueError:
        return None
    return quality if 0 <= quality <= 1 else None
