"""The page `/`: all targets in one table, each of several addresses or key types in a row of its own.

Here is what the page says of a target; how it looks is in `pages/`.
"""

from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from ocsp_exporter.config import DEFAULT_MODULE
from ocsp_exporter.model import Results, ScheduledTarget, Source
from ocsp_exporter.serving import templates
from ocsp_exporter.serving.overview import GRADES, Selection, count, rows_of

_SOURCES = (Source.STAPLE, Source.RESPONDER, Source.CRL, Source.FILE)
_TITLES = {
    "verdict": "Verdict",
    "target": "Target",
    "staple": "Staple",
    "responder": "Responder",
    "crl": "CRL",
    "file": "File",
    "next_update": "Next update",
    "must_staple": "Must-Staple",
    "looked_at": "Looked at",
}


def render(
    targets: Sequence[tuple[ScheduledTarget, Results]],
    now: float,
    modules: Iterable[str],
    selection: Selection,
    typed: str = "",
) -> bytes:
    """Give the page as of `now`, with the rows that `selection` asks for; the user's own words for it are `typed`.

    `modules` are those that the form for `/probe` offers.
    """
    rows = rows_of(targets, now)
    with_files = any(evidence.source is Source.FILE for row in rows for evidence in row.evidence)
    sources = _SOURCES if with_files else _SOURCES[:-1]

    def link_of(order: str) -> str:
        turned = order == selection.order and not selection.descending
        kept = [("q", typed), *(("level", grade) for grade in sorted(selection.grades))]
        wanted = [(name, value) for name, value in kept if value]
        return urlencode([*wanted, ("sort", f"-{order}" if turned else order)], errors="replace")

    return templates.render(
        "status.html",
        now=now,
        rows=selection.of(rows),
        total=len(targets),
        total_rows=len(rows),
        counts=count(rows),
        grades=GRADES,
        selection=selection,
        q=typed,
        link_of=link_of,
        columns=[(order, title) for order, title in _TITLES.items() if with_files or order != Source.FILE],
        sources=sources,
        modules=sorted(modules),
        default_module=DEFAULT_MODULE,
    )
