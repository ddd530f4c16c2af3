"""The page `/history`."""

from collections.abc import Sequence

from ocsp_exporter.serving import templates
from ocsp_exporter.serving.history import KEPT, Event


def render(events: Sequence[Event], now: float) -> bytes:
    """Give the page as of `now`, the events in their order."""
    return templates.render("history.html", now=now, events=events, most=KEPT)
