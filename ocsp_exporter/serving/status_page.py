"""The page `/`: all targets in one table, worst first.

Here is what the page says of a target; how it looks is in `pages/`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ocsp_exporter import __version__
from ocsp_exporter.model import Evidence, Findings, ProbeResult, ScheduledTarget
from ocsp_exporter.quoting import printable
from ocsp_exporter.report import words
from ocsp_exporter.report.assessment import Level, assess, elapsed_life, is_applicable

PAGES = Path(__file__).parent / "pages"

_WAITING, _NOT_APPLICABLE = "waiting", "not applicable"

#: How a target can be, the worst first.
GRADES = (Level.CRITICAL, Level.FAILED, Level.WARNING, _WAITING, Level.OK, _NOT_APPLICABLE)

# What a browser shows without effort; of more targets the worst are shown.
_MOST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long evidence lasts yet: words for it, the part left from 0 to 1 (None: unknown), and whether it is over."""

    text: str
    left: float | None
    over: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A target as the page shows it.

    `grade` is one of `GRADES`, `headline` the sentence that goes with it. `lifetime` is that of the authentic
    evidence that ends first, `ends_in` the seconds until then (infinite where there is none).
    """

    name: str
    module: str
    labels: tuple[tuple[str, str], ...]
    grade: str
    headline: str
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
    counts = Counter(each.grade for each in rows)
    page = _TEMPLATES.get_template("status.html").render(
        version=__version__,
        rows=rows[:_MOST_ROWS],
        total=len(rows),
        counts=[(grade, counts[grade]) for grade in GRADES if counts[grade]],
        modules=sorted(modules),
    )
    return page.encode()


def row(scheduled: ScheduledTarget, result: ProbeResult | None, now: float) -> Row:
    """Give a target as the page shows it at `now`; `result` None: it has not been probed yet."""
    findings = result.findings if result else None
    ends_in, lifetime = _first_end(findings.evidence if findings else (), now)
    grade, headline = _grade(result, now)
    return Row(
        name=scheduled.target.name,
        module=scheduled.module.name,
        labels=scheduled.labels,
        grade=grade,
        headline=headline,
        failure=(result.failure or "") if result else "",
        detail=result.detail if result else "",
        evidence=findings.evidence if findings else (),
        compliance=_compliance(findings),
        lifetime=lifetime,
        age=words.relative(min(result.obtained_at, now), now) if result else "",
        ends_in=ends_in,
    )


def _grade(result: ProbeResult | None, now: float) -> tuple[str, str]:
    """Give the word for how bad a target is, and the sentence that says why."""
    if result is None:
        return _WAITING, "It has not been looked at yet."
    assessment = assess(result, now)
    if assessment.level is Level.OK and result.findings and not is_applicable(result.findings):
        return _NOT_APPLICABLE, assessment.headline
    return assessment.level, assessment.headline


def _badness(row: Row) -> tuple[int, float, str, str]:
    return GRADES.index(row.grade), row.ends_in, row.name, row.module


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
            elapsed = elapsed_life(each, now)
            left = None if elapsed is None else min(1.0, max(0.0, 1 - elapsed))
            yield each.next_update - now, Lifetime(words.relative(each.next_update, now), left, each.next_update < now)


_TEMPLATES = Environment(
    loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_TEMPLATES.filters |= {"printable": printable, "utc": words.utc}
