"""The page `/`: all targets in one table, worst first.

Here is what the page says of a target; how it looks is in `pages/`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from itertools import pairwise
from math import inf
from pathlib import Path
from unicodedata import category

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ocsp_exporter import __version__
from ocsp_exporter.model import Evidence, Findings, ProbeResult, ScheduledTarget, Status

PAGES = Path(__file__).parent / "pages"

# What a browser shows without effort; of more targets the worst are shown.
_MOST_ROWS = 1000

# Control and format characters: unseen, they would make one name look like another.
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


class Grade(IntEnum):
    """How bad a target is, the worst first, in the order of the exit codes of `ocsp-exporter probe`."""

    CRITICAL = 0
    FAILED = 1
    WARNING = 2
    WAITING = 3
    FINE = 4
    NOT_APPLICABLE = 5

    @property
    def word(self) -> str:
        """The word for it on the page, which is also the name of its style."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long evidence lasts yet: words for it, the part left from 0 to 1 (None: unknown), and whether it is over."""

    text: str
    left: float | None
    over: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A target as the page shows it; `lifetime` is that of the authentic evidence that ends first."""

    name: str
    module: str
    labels: tuple[tuple[str, str], ...]
    grade: Grade
    failure: str
    detail: str
    evidence: tuple[Evidence, ...]
    compliance: str
    lifetime: Lifetime | None
    age: str
    ends_in: float


def render(targets: Sequence[tuple[ScheduledTarget, ProbeResult | None]], now: float, modules: Iterable[str]) -> bytes:
    """Give the page as of `now`. `modules` are those that the form for `/probe` offers."""
    rows = sorted((row(target, result, now) for target, result in targets), key=_badness)
    counts = [(grade, sum(1 for each in rows if each.grade is grade)) for grade in Grade]
    page = _TEMPLATES.get_template("status.html").render(
        version=__version__,
        rows=rows[:_MOST_ROWS],
        total=len(rows),
        counts=[(grade.word, count) for grade, count in counts if count],
        modules=sorted(modules),
    )
    return page.encode()


def row(scheduled: ScheduledTarget, result: ProbeResult | None, now: float) -> Row:
    """Give a target as the page shows it at `now`; `result` None: it has not been probed yet."""
    findings = result.findings if result else None
    ends_in, lifetime = _first_end(findings.evidence if findings else (), now)
    return Row(
        name=scheduled.target.name,
        module=scheduled.module.name,
        labels=scheduled.labels,
        grade=grade(result, ends_in),
        failure=(result.failure or "") if result else "",
        detail=result.detail if result else "",
        evidence=findings.evidence if findings else (),
        compliance=_compliance(findings),
        lifetime=lifetime,
        age=f"{span(max(0.0, now - result.obtained_at))} ago" if result else "",
        ends_in=ends_in,
    )


def grade(result: ProbeResult | None, ends_in: float) -> Grade:
    """Judge a target whose evidence ends in so many seconds."""
    if result is None:
        return Grade.WAITING
    findings = result.findings
    if findings is None:
        return Grade.FAILED
    statuses = {evidence.status for evidence in findings.evidence}
    if findings.compliant is False or any(findings.revoked.values()):
        return Grade.CRITICAL
    if statuses & {Status.REVOKED, Status.UNKNOWN, Status.INVALID}:
        return Grade.CRITICAL
    if ends_in < 0 or Status.SERVER_FAILED in statuses or any(evidence.problems for evidence in findings.evidence):
        return Grade.WARNING
    return Grade.FINE if Status.GOOD in statuses else Grade.NOT_APPLICABLE


def span(seconds: float) -> str:
    """Give a duration in its two largest units: `3 d 4 h`, `4 min 5 s`, `0 s`."""
    for (unit, length), (smaller, part) in pairwise(_UNITS):
        if seconds >= length:
            whole, rest = divmod(int(seconds), length)
            return f"{whole} {unit} {rest // part} {smaller}" if rest >= part else f"{whole} {unit}"
    return f"{int(seconds)} s"


def visible(text: str) -> str:
    r"""Give the text with each character that one does not see written as its escape, such as `\u202e`."""
    return "".join(_escape(each) if category(each) in _UNSEEN else each for each in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def utc(time: float) -> str:
    """Give a point in time as `2026-11-20 10:05 UTC`."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _badness(row: Row) -> tuple[Grade, float, str, str]:
    return row.grade, row.ends_in, row.name, row.module


def _compliance(findings: Findings | None) -> str:
    if findings is None or findings.compliant is None:
        return ""
    return "compliant" if findings.compliant else "violated"


def _first_end(evidence: Iterable[Evidence], now: float) -> tuple[float, Lifetime | None]:
    """Give the seconds until the first piece of authentic evidence ends (infinite: none does) and its lifetime."""
    return min(_ends(evidence, now), key=lambda end: end[0], default=(inf, None))


def _ends(evidence: Iterable[Evidence], now: float) -> Iterator[tuple[float, Lifetime]]:
    for each in evidence:
        if each.authentic and each.next_update is not None:
            seconds = each.next_update - now
            text = f"in {span(seconds)}" if seconds >= 0 else f"{span(-seconds)} ago"
            yield seconds, Lifetime(text, _part_left(each, seconds), seconds < 0)


def _part_left(evidence: Evidence, seconds: float) -> float | None:
    if evidence.this_update is None or evidence.next_update is None or evidence.next_update <= evidence.this_update:
        return None
    return min(1.0, max(0.0, seconds / (evidence.next_update - evidence.this_update)))


_TEMPLATES = Environment(
    loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_TEMPLATES.filters |= {"visible": visible, "utc": utc}
