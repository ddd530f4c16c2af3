"""All targets as rows: how each stands, which of them are asked for, and in which order. Pure.

The page `/` and `/api/v1/targets` show the same rows; how they look is in `pages/` and `api`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from ocsp_exporter.model import ChainError, Evidence, Findings, ProbeResult, Results, ScheduledTarget, Source, Status
from ocsp_exporter.report.assessment import Level, assess, elapsed_life, is_refresh_overdue

_WAITING = "waiting"

#: How a target stands, the worst first: its level, or that it has none yet.
GRADES = (Level.CRITICAL, Level.FAILED, Level.WARNING, _WAITING, Level.OK, Level.NOTHING_KNOWN, Level.NOT_APPLICABLE)

_STATUSES = (Status.REVOKED, Status.INVALID, Status.UNKNOWN, Status.SERVER_FAILED, Status.MISSING, Status.GOOD)


@dataclass(frozen=True, slots=True)
class Row:
    """A target, or one way of looking at it; `result` None: it has not been looked at yet.

    `grade` is one of `GRADES`, and `headline` the sentence that says why it is that, empty where all is well. `ending`
    is the authentic evidence that ends first, None where there is none that states an end.
    """

    scheduled: ScheduledTarget
    result: ProbeResult | None
    grade: str
    headline: str
    ending: Evidence | None

    @property
    def name(self) -> str:
        """What was looked at, of a glob each file that it matched."""
        found = self.result.target if self.result else None
        return found.name if found and found.is_file else self.scheduled.target.title

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """What tells this row from others of the same name: the address and key type, and the operator's labels."""
        return (*(self.result.variant if self.result else ()), *self.scheduled.labels)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence found, none where the probe failed."""
        return self.result.findings.evidence if self.result and self.result.findings else ()

    @property
    def compliance(self) -> str:
        """`compliant` or `violated`, empty where the staple policy demands nothing."""
        tls = self.result.findings.tls if self.result and self.result.findings else None
        return "" if tls is None or tls.compliant is None else "compliant" if tls.compliant else "violated"

    @property
    def chain_errors(self) -> list[ChainError]:
        """Why the chain is not trusted; none where it is, or where there is no chain."""
        tls = self.result.findings.tls if self.result and self.result.findings else None
        return sorted(tls.session.chain_errors) if tls else []

    @property
    def is_contradictory(self) -> bool:
        """Whether two sources contradict each other, of the leaf or of another certificate of the path."""
        findings = self.result.findings if self.result else None
        return findings is not None and not all(findings.agreement.values())

    def absence(self, source: Source) -> str:
        """Say why there is nothing from a source about the leaf; empty where nothing could be looked at."""
        findings = self.result.findings if self.result else None
        return absence(findings, source) if findings else ""

    def lasting(self, now: float) -> str:
        """Say how the evidence that ends first stands: `over`, `overdue` (it should have been replaced) or `left`."""
        if self.ending is None:
            return ""
        return "over" if _end(self.ending) < now else "overdue" if is_refresh_overdue(self.ending, now) else "left"

    def percent_left(self, now: float) -> int | None:
        """Give how much of its life that evidence has left, from 0 to 100; None where it has no span."""
        elapsed = elapsed_life(self.ending, now) if self.ending else None
        return None if elapsed is None else round(100 * min(1.0, max(0.0, 1 - elapsed)))


def absence(findings: Findings, source: Source) -> str:
    """Say why there is nothing from a source about the leaf, where there is nothing."""
    if source is Source.STAPLE and findings.tls:
        return "none sent"
    applies = any(each.applicable for each in findings.applicability if each.source is source and not each.depth)
    return "not asked" if applies else "not applicable"


def rows_of(targets: Iterable[tuple[ScheduledTarget, Results]], now: float) -> list[Row]:
    """Give the rows of all targets, the worst first: one for each, or for each way in which it is looked at."""
    each = ((scheduled, result) for scheduled, results in targets for result in results or (None,))
    return sorted((_row(scheduled, result, now) for scheduled, result in each), key=_badness)


def count(rows: Iterable[Row]) -> list[tuple[str, int]]:
    """Give how many rows stand how, the worst first, without those that are none."""
    counts = Counter(row.grade for row in rows)
    return [(grade, counts[grade]) for grade in GRADES if counts[grade]]


def _row(scheduled: ScheduledTarget, result: ProbeResult | None, now: float) -> Row:
    if result is None:
        return Row(scheduled, None, _WAITING, "", None)
    assessment = assess(result, now)
    ending = (each for each in (result.findings.evidence if result.findings else ()) if each.authentic)
    return Row(
        scheduled=scheduled,
        result=result,
        grade=assessment.level,
        headline="" if assessment.level is Level.OK else assessment.headline,
        ending=min((each for each in ending if each.next_update is not None), key=_end, default=None),
    )


def _end(evidence: Evidence | None) -> float:
    return inf if evidence is None or evidence.next_update is None else evidence.next_update


def _badness(row: Row) -> tuple[int, float, str, str, tuple[tuple[str, str], ...]]:
    return GRADES.index(row.grade), _end(row.ending), row.name, row.scheduled.module.name, row.labels


def _status_rank(source: Source) -> Callable[[Row], int]:
    def rank(row: Row) -> int:
        ranks = [_STATUSES.index(each.status) for each in row.evidence if each.source is source]
        return min(ranks, default=len(_STATUSES))

    return rank


#: By what rows can be put in order; rows that are equal in it stay in theirs, the worst first.
ORDERS: Mapping[str, Callable[[Row], float | str]] = {
    "verdict": lambda row: GRADES.index(row.grade),
    "target": lambda row: row.name,
    **{source.value: _status_rank(source) for source in Source},
    "next_update": lambda row: _end(row.ending),
    "must_staple": lambda row: ("violated", "compliant", "").index(row.compliance),
    "looked_at": lambda row: row.result.obtained_at if row.result else -inf,
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are asked for: those that have all `words` in them, in any case, and one of `grades` (none: any).

    `order` is a key of `ORDERS`, `descending` its reverse.
    """

    words: tuple[str, ...] = ()
    grades: frozenset[str] = frozenset()
    order: str = "verdict"
    descending: bool = False

    @property
    def sort(self) -> str:
        """The order as it stands in a URL: `target`, or `-target` for its reverse."""
        return f"-{self.order}" if self.descending else self.order

    def of(self, rows: Sequence[Row]) -> list[Row]:
        """Give the rows asked for, in the order asked for."""
        chosen = [row for row in rows if (not self.grades or row.grade in self.grades) and self._has_words(row)]
        return sorted(chosen, key=ORDERS[self.order], reverse=self.descending)

    def _has_words(self, row: Row) -> bool:
        if not self.words:
            return True
        text = "\n".join(_texts(row)).casefold()
        return all(word in text for word in self.words)


def selection(words: str, grades: Iterable[str] = (), sort: str = "") -> Selection:
    """Give what a URL asks for. Raises ValueError with a sentence where there is no such grade or order."""
    chosen = frozenset(filter(None, grades))
    if unknown := sorted(chosen.difference(GRADES)):
        raise ValueError(f"Unknown level {unknown[0]!r}: known are {', '.join(GRADES)}.")
    order = sort.removeprefix("-") or "verdict"
    if order not in ORDERS:
        raise ValueError(f"Unknown order {sort!r}: known are {', '.join(ORDERS)}, each with or without - in front.")
    return Selection(tuple(words.casefold().split()), chosen, order, sort.startswith("-"))


def _texts(row: Row) -> Iterator[str]:
    """Yield what a row is found by: what the page shows of it, but for what changes from moment to moment."""
    yield row.grade.replace("_", " ")
    yield row.name
    yield row.scheduled.module.name
    yield from (f"{name}={value}" for name, value in row.labels)
    yield row.headline
    yield row.compliance
    yield "sources contradict each other" if row.is_contradictory else ""
    yield from (f"the chain is not trusted: {error.replace('_', ' ')}" for error in row.chain_errors)
    for evidence in row.evidence:
        yield from (word.replace("_", " ") for word in (evidence.status, *evidence.problems))
    if row.result and row.result.failure:
        yield row.result.failure.replace("_", " ")
        yield row.result.detail
