"""One probe's outcome as one level with its grounds. Pure.

The evidence was judged before (`revocation`); here it is only weighed: how bad is all of this together?
The text report, the JSON document and the exit code of `probe` all stand on this one answer.
An untrusted chain is told beside it and does not weigh: all this is about revocation.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ocsp_exporter.advice import FAILURES
from ocsp_exporter.model import (
    VERIFIED,
    Check,
    Evidence,
    Failure,
    Findings,
    ProbeResult,
    Problem,
    ResponderFindings,
    Source,
    Status,
    TLSFindings,
)
from ocsp_exporter.quoting import printable
from ocsp_exporter.report import words

# The share of its life after which a piece of evidence should have been replaced.
_OVERDUE = 0.75


class Level(StrEnum):
    """How bad it is, the worst first. Only a verified good is ok; the two after it are no worse, and no better."""

    CRITICAL = "critical"
    FAILED = "failed"
    WARNING = "warning"
    OK = "ok"
    NOTHING_KNOWN = "nothing_known"
    NOT_APPLICABLE = "not_applicable"


_SEVERITY = tuple(Level)


@dataclass(frozen=True, slots=True)
class Ground:
    """One reason for an assessment: a sentence, and how bad that alone is."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """The worst level found, and all grounds, the worst first and never none."""

    level: Level
    grounds: tuple[Ground, ...]

    @property
    def headline(self) -> str:
        """The ground that weighs most."""
        return self.grounds[0].text


def worst(levels: list[Level]) -> Level:
    """Return the worst of some levels; of none, `ok`."""
    return min(levels, key=_SEVERITY.index, default=Level.OK)


def words_of(level: Level) -> str:
    """Return a level as people read it."""
    return level.replace("_", " ")


def assess(result: ProbeResult, now: float) -> Assessment:
    """Weigh everything that a probe found, at a point in time."""
    if result.key_type_served is False:
        text = (
            f"The server has no certificate with a key of the type {result.key_type}; there is nothing to watch here."
        )
        grounds = [Ground(Level.NOT_APPLICABLE, text)]
    elif result.findings is None:
        grounds = [Ground(Level.FAILED, f"Could not look. {FAILURES[result.failure or Failure.INTERNAL].meaning}")]
    else:
        grounds = [ground for judge in _JUDGES for ground in judge(result.findings, now)]
        if all(ground.level is Level.NOTHING_KNOWN for ground in grounds):
            grounds.insert(0, _reassurance(result.findings, now))
    grounds.sort(key=lambda ground: _SEVERITY.index(ground.level))
    return Assessment(grounds[0].level, tuple(grounds))


def elapsed_life(evidence: Evidence, now: float) -> float | None:
    """Return the share of this_update … next_update that has passed; None where the evidence has no such span.

    Below 0 before this_update, above 1 after next_update.
    """
    begin, end = evidence.this_update, evidence.next_update
    if begin is None or end is None or end <= begin:
        return None
    return (now - begin) / (end - begin)


def is_refresh_overdue(evidence: Evidence, now: float) -> bool:
    """Tell whether a good staple should have been replaced: more than three quarters of its life have passed.

    A CA may publish its answers and lists as late as it likes; a server has to fetch them in time.
    """
    is_refreshed = evidence.source in {Source.STAPLE, Source.FILE}
    return is_refreshed and evidence.status is Status.GOOD and (elapsed_life(evidence, now) or 0) > _OVERDUE


def is_applicable(findings: Findings) -> bool:
    """Tell whether there is anything to watch at the leaf: a staple sent or required, an OCSP responder, or a CRL."""
    return any(entry.applicable for entry in findings.applicability if entry.depth == 0)


def violation(tls: TLSFindings, evidence: Iterable[Evidence]) -> str:
    """Say in which way a probe that was found not compliant breaks the staple policy."""
    staple = next((entry for entry in evidence if entry.source is Source.STAPLE), None)
    seen, made = tls.stapled_handshakes, tls.handshakes
    if seen == 0:
        return f"a staple is required, and none was sent (handshakes made: {made})"
    if seen < made:
        return f"a staple is required in every handshake, and only {seen} of {made} carried one"
    if staple is not None and staple.status in (Status.INVALID, Status.SERVER_FAILED):
        return "a staple is required, and the one sent cannot be relied on"
    if staple is not None and staple.status is not Status.GOOD:
        return f"the module's policy accepts only good, and the staple says {staple.status}"
    return "not every handshake carried an acceptable staple"


_NAMES = {
    Source.STAPLE: "staple",
    Source.RESPONDER: "responder's answer",
    Source.CRL: "CRL",
    Source.FILE: "staple file",
}
_SHORT_NAMES = {**_NAMES, Source.RESPONDER: "responder"}


def name_of(evidence: Evidence) -> str:
    """Return what a piece of evidence is called in a sentence."""
    return _NAMES[evidence.source] + (f" for the certificate at depth {evidence.depth}" if evidence.depth else "")


def _judge_responder(findings: Findings, _now: float) -> Iterator[Ground]:
    """Weigh how a responder by itself answers, and to which rules it does not conform."""
    if findings.responder is None:
        return
    methods = findings.responder.methods
    is_up = any(each.up for each in methods)
    if not is_up and any(each.up is False for each in methods):
        told = _said(findings.responder)
        yield Ground(Level.CRITICAL, f"The responder gives no answer that can be relied on: {told}.")
    for each in findings.responder.checks:
        is_told = each.check in {Check.GET, Check.POST} and not is_up
        if each.conforms is False and not is_told:
            # A responder that answers otherwise than is known is believed all the same.
            level = Level.CRITICAL if each.check is Check.KNOWN_ANSWERS else Level.WARNING
            seen = printable(each.seen)
            yield Ground(level, f"The responder does not conform to the rule {each.check}: {seen}.")


def _said(responder: ResponderFindings) -> str:
    """Say what came of the requests by each method, once where that is the same."""
    methods = responder.methods
    said = {each.said: [other.method.upper() for other in methods if other.said == each.said] for each in methods}
    return "; ".join(f"by {' and '.join(by)} {printable(what)}" for what, by in said.items())


def _judge_evidence(findings: Findings, now: float) -> Iterator[Ground]:
    """Weigh what each source says, or why it says nothing."""
    applicable = {(entry.source, entry.depth) for entry in findings.applicability if entry.applicable}
    for evidence in findings.evidence:
        name, problems = name_of(evidence), ", ".join(evidence.problems)
        match evidence.status:
            case Status.REVOKED:
                yield Ground(Level.CRITICAL, f"The certificate is revoked{_since(evidence, now)}, says the {name}.")
            case Status.UNKNOWN:
                yield Ground(Level.CRITICAL, f"The responder does not know the certificate, says the {name}.")
            case Status.INVALID if evidence.problems == (Problem.ISSUER_UNAVAILABLE,) and evidence.fetched_at is None:
                # Without the issuer nobody can be asked; a staple that came without it is another matter.
                yield Ground(Level.NOTHING_KNOWN, f"The {name} was not asked for: {problems}.")
            case Status.INVALID:
                yield Ground(Level.CRITICAL, f"The {name} cannot be relied on: {_faults(evidence, now)}.")
            case Status.SERVER_FAILED if evidence.der is not None:
                yield Ground(Level.WARNING, f"The {name} is no answer: {_refusal(evidence) or problems}.")
            case Status.SERVER_FAILED:
                yield Ground(Level.WARNING, f"The {name} cannot be had: {problems}.")
            case Status.MISSING if evidence.problems and (evidence.source, evidence.depth) in applicable:
                # By the operator's own policy, or for want of anybody to ask: no fault of the target's.
                yield Ground(Level.NOTHING_KNOWN, f"The {name} was not asked for: {problems}.")
        if evidence.status in VERIFIED and evidence.problems:
            yield Ground(Level.WARNING, f"The {name} has a fault: {_faults(evidence, now)}.")


def _judge_compliance(findings: Findings, _now: float) -> Iterator[Ground]:
    """Weigh the staple policy."""
    if findings.tls and findings.tls.compliant is False:
        broken = violation(findings.tls, findings.evidence)
        yield Ground(Level.CRITICAL, f"The staple policy is violated: {broken}.")


def _judge_refresh(findings: Findings, now: float) -> Iterator[Ground]:
    """Weigh the age of good evidence."""
    for evidence in findings.evidence:
        if is_refresh_overdue(evidence, now) and evidence.next_update is not None:
            name, end = name_of(evidence), words.relative(evidence.next_update, now)
            text = (
                f"The {name} is good, and its refresh is overdue: it ends {end}."
                if now < evidence.next_update
                else f"The {name} ended {end}: only the tolerance for wrong clocks still accepts it."
            )
            yield Ground(Level.WARNING, text)


def _judge_agreement(findings: Findings, _now: float) -> Iterator[Ground]:
    """Weigh what the sources say together."""
    for depth, agree in findings.agreement.items():
        if not agree:
            told = [
                f"{each.status} by the {_SHORT_NAMES[each.source]}"
                for each in findings.evidence
                if each.depth == depth and each.status in VERIFIED
            ]
            where = f" at depth {depth}" if depth else ""
            yield Ground(
                Level.CRITICAL, f"The sources contradict each other: the certificate{where} is {', '.join(told)}."
            )


def _judge_copy(findings: Findings, _now: float) -> Iterator[Ground]:
    """Weigh whether the server serves what it has on disk."""
    if findings.tls and findings.tls.copy and findings.tls.copy.matches is False:
        yield Ground(Level.WARNING, "The server does not serve the staple that is in its file.")


_JUDGES: tuple[Callable[[Findings, float], Iterator[Ground]], ...] = (
    _judge_responder,
    _judge_evidence,
    _judge_compliance,
    _judge_agreement,
    _judge_refresh,
    _judge_copy,
)


def _reassurance(findings: Findings, now: float) -> Ground:
    """Say why all is well, or why there is nothing to say."""
    good = next((entry for entry in findings.evidence if entry.status is Status.GOOD and not entry.depth), None)
    if good is not None and good.next_update is not None:
        return Ground(Level.OK, f"The {name_of(good)} is good, for another {words.span(good.next_update - now)}.")
    if good is not None:
        return Ground(Level.OK, f"The {name_of(good)} is good; it states no end.")
    return _reassurance_of_responder(findings.responder) if findings.responder else _nothing_said(findings)


def _reassurance_of_responder(responder: ResponderFindings) -> Ground:
    if any(each.up for each in responder.methods):
        return Ground(Level.OK, "The responder gives answers that can be relied on.")
    return Ground(Level.NOTHING_KNOWN, f"Nothing is known of the responder: {_said(responder)}.")


def _nothing_said(findings: Findings) -> Ground:
    """Say why no source said anything of the certificate, though none had to."""
    if any(Problem.UNSUPPORTED_SCHEME in entry.problems for entry in findings.evidence if not entry.depth):
        text = "The certificate names its sources by no http URL, and demands no staple; so nobody can be asked."
        return Ground(Level.NOTHING_KNOWN, text)
    if not is_applicable(findings):
        text = (
            "The certificate names no OCSP responder and no CRL, and demands no staple; there is nothing to watch here."
        )
        return Ground(Level.NOT_APPLICABLE, text)
    text = "No staple was sent, and none is required; nor did another source say anything of the certificate's status."
    return Ground(Level.NOTHING_KNOWN, text)


def _since(evidence: Evidence, now: float) -> str:
    if evidence.revocation is None:
        return ""
    since = f" since {words.utc(evidence.revocation.time)} ({words.relative(evidence.revocation.time, now)}"
    return f"{since}, {evidence.revocation.reason})" if evidence.revocation.reason else f"{since})"


def _faults(evidence: Evidence, now: float) -> str:
    """Return the problems of a piece of evidence, those about time with the time."""
    moments = {Problem.EXPIRED: evidence.next_update, Problem.NOT_YET_VALID: evidence.this_update}
    return ", ".join(
        problem if (moment := moments.get(problem)) is None else f"{problem} ({words.relative(moment, now)})"
        for problem in evidence.problems
    )


def _refusal(evidence: Evidence) -> str:
    if Problem.UNSUCCESSFUL in evidence.problems and evidence.response is not None:
        return f"the responder said {evidence.response.response_status}"
    return ""
