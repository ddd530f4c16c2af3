"""`/api/v1/targets`: what the status page shows, and all that is behind it, as JSON. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from ocsp_exporter.model import Results, ScheduledTarget
from ocsp_exporter.report.document import Document, document
from ocsp_exporter.serving.overview import Row, Selection, count, rows_of, selection

_DEFAULT_LIMIT = 1000
_HIGHEST_LIMIT = 10_000
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Query:
    """What a request asks for: `selection` of the rows of `target` and `module` (None: of all), a page of them.

    `der`: with the bytes of the evidence. `given` are the parameters as they were given.
    """

    selection: Selection
    target: str | None
    module: str | None
    offset: int
    limit: int
    der: bool
    given: Mapping[str, str]


#: The parameters that there are, each at most once.
PARAMETERS = ("target", "module", "q", "level", "sort", "offset", "limit", "der")


def read_query(parameters: Iterable[tuple[str, str]]) -> Query:
    """Read the parameters of a request. Raises ValueError with a sentence."""
    given: dict[str, str] = {}
    for name, value in parameters:
        if name not in PARAMETERS:
            raise ValueError(f"Unknown parameter {name!r}: known are {', '.join(PARAMETERS)}.")
        if name in given:
            raise ValueError(f"Parameter {name} was given more than once; give it once.")
        given[name] = value
    der = given.get("der", "false")
    if der not in _BOOLEANS:
        raise ValueError(f"Parameter der is true or false (got {der!r}).")
    return Query(
        selection=selection(given.get("q", ""), given.get("level", "").split(","), given.get("sort", "")),
        target=given.get("target"),
        module=given.get("module"),
        offset=_number(given, "offset", 0, 0, None),
        limit=_number(given, "limit", _DEFAULT_LIMIT, 1, _HIGHEST_LIMIT),
        der=_BOOLEANS[der],
        given=given,
    )


def _number(given: Mapping[str, str], name: str, default: int, lowest: int, highest: int | None) -> int:
    text = given.get(name)
    if text is None:
        return default
    digits = len(text) <= len(str(_HIGHEST_LIMIT)) + 3 and text.isascii() and text.isdigit()
    if not digits or int(text) < lowest or (highest is not None and int(text) > highest):
        bound = f"from {lowest} to {highest}" if highest is not None else f"of at least {lowest}"
        raise ValueError(f"Parameter {name} is a number {bound} (got {text[:80]!r}).")
    return int(text)


def render(targets: Sequence[tuple[ScheduledTarget, Results]], now: float, query: Query) -> bytes:
    """Give the document as of `now`; its keys are described in `docs/pages.md`."""
    asked = [
        (scheduled, results)
        for scheduled, results in targets
        if query.target in {None, scheduled.target.name} and query.module in {None, scheduled.module.name}
    ]
    rows = query.selection.of(all_rows := rows_of(asked, now))
    page = rows[query.offset : query.offset + query.limit]
    end = query.offset + len(page)
    told = {
        "as_of": now,
        "levels": dict(count(all_rows)),
        "total": len(rows),
        "offset": query.offset,
        "next": f"?{urlencode({**query.given, 'offset': str(end)}, errors='replace')}" if end < len(rows) else None,
    }
    # One after the other: json holds the interpreter, and with it the probes, until it has written a whole document.
    entries = b",".join(as_json(_target(row, now, der=query.der)) for row in page)
    return as_json(told).removesuffix(b"}") + b',"targets":[' + entries + b"]}\n"


def as_json(told: Document) -> bytes:
    """Give a document as text. ASCII alone: names of targets may have anything in them."""
    return json.dumps(told, allow_nan=False, separators=(",", ":")).encode("ascii")


def _target(row: Row, now: float, *, der: bool) -> Document:
    scheduled = row.scheduled
    return {
        "target": scheduled.target.name,
        "module": scheduled.module.name,
        "labels": dict(scheduled.labels),
        "interval": scheduled.interval,
        "level": row.grade,
        "result": document(row.result, now, der=der) if row.result else None,
    }
