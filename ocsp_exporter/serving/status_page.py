"""The page `/`: all targets in one table, worst first, each of several addresses or key types in a row of its own.

Here is what the page says of a target; how it looks is in `pages/`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ocsp_exporter import __version__
from ocsp_exporter.advice import advise
from ocsp_exporter.config import DEFAULT_MODULE
from ocsp_exporter.model import Evidence, Findings, ProbeResult, Results, ScheduledTarget
from ocsp_exporter.quoting import printable
from ocsp_exporter.report import words
from ocsp_exporter.report.assessment import Level, assess, elapsed_life, is_refresh_overdue

PAGES = Path(__file__).parent / "pages"

# What a browser shows without effort; of more targets the worst are shown.
_MOST_ROWS = 1000

_TEMPLATES = Environment(
    loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_TEMPLATES.filters |= {"printable": printable, "advice": advise}


_WAITING = "waiting"
#: How a target stands, the worst first: its level, or that it has none yet.
GRADES = (Level.CRITICAL, Level.FAILED, Level.WARNING, _WAITING, Level.OK, Level.NOTHING_KNOWN, Level.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long evidence lasts yet: words for it, the part left from 0 to 1 (None: unknown), and how that is.

    `state` is `left`, `overdue` (it should have been replaced) or `over`.
    """

    text: str
    left: float | None
    state: str


@dataclass(frozen=True, slots=True)
class Row:
    """A target, or one way of looking at it, as the page shows it, `grade` being one of `GRADES`.

    `headline` is the sentence that says why the grade is what it is; empty where all is well. `lifetime` is that
    of the authentic evidence that ends first, in `ends_in` seconds.
    """

    scheduled: ScheduledTarget
    result: ProbeResult | None
    grade: str
    headline: str
    compliance: str
    lifetime: Lifetime | None
    ends_in: float
    age: str

    @property
    def name(self) -> str:
        """What was looked at, of a glob each file that it matched."""
        return self.result.target.name if self.result else self.scheduled.target.name

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """What tells this row from others of the same name: the address and key type, and the operator's labels."""
        return (*(self.result.variant if self.result else ()), *self.scheduled.labels)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence found, none where the probe failed."""
        return self.result.findings.evidence if self.result and self.result.findings else ()


def render(targets: Sequence[tuple[ScheduledTarget, Results]], now: float, modules: Iterable[str]) -> bytes:
    """Give the page as of `now`. `modules` are those that the form for `/probe` offers."""
    each = ((scheduled, result) for scheduled, results in targets for result in results or (None,))
    rows = sorted((_row(scheduled, result, now) for scheduled, result in each), key=_badness)
    counts = Counter(row.grade for row in rows)
    page = _TEMPLATES.get_template("status.html").render(
        version=__version__,
        rows=rows[:_MOST_ROWS],
        total=len(targets),
        total_rows=len(rows),
        counts=[(grade, counts[grade]) for grade in GRADES if counts[grade]],
        modules=sorted(modules),
        default_module=DEFAULT_MODULE,
    )
    return page.encode()


def _row(scheduled: ScheduledTarget, result: ProbeResult | None, now: float) -> Row:
    if result is None:
        return Row(scheduled, None, _WAITING, "", "", None, inf, "not yet")
    assessment = assess(result, now)
    ending = _first_to_end(result.findings.evidence if result.findings else ())
    return Row(
        scheduled=scheduled,
        result=result,
        grade=assessment.level,
        headline="" if assessment.level is Level.OK else assessment.headline,
        compliance=_compliance(result.findings),
        lifetime=_lifetime(ending, now) if ending else None,
        ends_in=ending.next_update - now if ending and ending.next_update is not None else inf,
        age=f"{words.span(max(0.0, now - result.obtained_at))} ago",
    )


def _badness(row: Row) -> tuple[int, float, str, str, tuple[tuple[str, str], ...]]:
    return GRADES.index(row.grade), row.ends_in, row.name, row.scheduled.module.name, row.labels


def _compliance(findings: Findings | None) -> str:
    compliant = findings.tls.compliant if findings and findings.tls else None
    return "" if compliant is None else "compliant" if compliant else "violated"


def _first_to_end(evidence: Iterable[Evidence]) -> Evidence | None:
    ending = [each for each in evidence if each.authentic and each.next_update is not None]
    return min(ending, key=lambda each: each.next_update or 0, default=None)


def _lifetime(evidence: Evidence, now: float) -> Lifetime:
    end = evidence.next_update or 0
    elapsed = elapsed_life(evidence, now)
    left = None if elapsed is None else min(1.0, max(0.0, 1 - elapsed))
    state = "over" if end < now else "overdue" if is_refresh_overdue(evidence, now) else "left"
    return Lifetime(words.relative(end, now), left, state)
