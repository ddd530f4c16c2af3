"""The page of one target: its chain, what each source says beside the others, what is wrong, and what changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from ocsp_exporter import advice
from ocsp_exporter.model import Evidence, Findings, ProbeResult, Problem, ScheduledTarget, Source, Status
from ocsp_exporter.report import phrases
from ocsp_exporter.report.assessment import Assessment, assess, is_refresh_overdue, name_of, violation
from ocsp_exporter.serving import raw_evidence, templates
from ocsp_exporter.serving.evidence_facts import FACTS
from ocsp_exporter.serving.overview import absence
from ocsp_exporter.serving.plan import REMEMBERED
from ocsp_exporter.serving.scheduler import Standing
from ocsp_exporter.serving.timeline import MARGIN, Timeline, timeline


@dataclass(frozen=True, slots=True)
class Exhibit:
    """All evidence about one certificate. `facts` are rows: a title, and a text for each piece of evidence.

    `agree` None: fewer than two sources are verified. `raw` has the link to the bytes of each, the name of their file
    and the command that shows them; None where they are not at hand.
    """

    depth: int
    evidence: tuple[Evidence, ...]
    line: Timeline | None
    facts: tuple[tuple[str, tuple[str, ...]], ...]
    raw: tuple[tuple[str, str, str] | None, ...]
    agree: bool | None


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is wrong with what (`about`), and what to do. `link`: where the word is explained, empty if nowhere."""

    about: str
    word: str
    link: str
    meaning: str
    action: str


@dataclass(frozen=True, slots=True)
class View:
    """One way of looking at the target, judged.

    `absent` are the sources of which there is no evidence about the leaf, and why. `violation` says how the staple
    policy is broken, if it is.
    """

    result: ProbeResult
    assessment: Assessment
    exhibits: tuple[Exhibit, ...]
    absent: tuple[tuple[Source, str], ...]
    remedies: tuple[Remedy, ...]
    violation: str


def render(standing: Standing, now: float) -> bytes:
    """Give the page as of `now`."""
    views = [_view(standing.scheduled, result, now) for result in standing.results]
    return templates.render(
        "target.html",
        now=now,
        scheduled=standing.scheduled,
        views=views,
        changes=tuple(reversed(standing.changes)),
        chain_errors=advice.CHAIN_ERRORS,
        meaning_of=phrases.status_of,
        rule_of=phrases.rule_of,
        margin=MARGIN,
        most=REMEMBERED,
    )


def render_missing(name: str, candidates: Sequence[ScheduledTarget]) -> bytes:
    """Give the page for a target that there is not, or of which there are several."""
    return templates.render("missing.html", name=name, candidates=candidates)


def _view(scheduled: ScheduledTarget, result: ProbeResult, now: float) -> View:
    findings = result.findings
    broken = findings is not None and findings.tls is not None and findings.tls.compliant is False
    return View(
        result=result,
        assessment=assess(result, now),
        exhibits=tuple(_exhibits(scheduled, result, findings, now)) if findings else (),
        absent=tuple(_absent(findings)) if findings else (),
        remedies=tuple(_remedies(result, now)),
        violation=violation(findings.tls, findings.evidence) if broken and findings and findings.tls else "",
    )


def _exhibits(scheduled: ScheduledTarget, result: ProbeResult, findings: Findings, now: float) -> Iterator[Exhibit]:
    hosts = {(each.source, each.depth): each.host for each in findings.applicability}
    for depth in sorted({each.depth for each in findings.evidence}):
        evidence = tuple(each for each in findings.evidence if each.depth == depth)
        facts = [(title, tuple(fact(each, now) for each in evidence)) for title, fact in FACTS]
        facts.append(("host", tuple(hosts.get((each.source, each.depth), "") for each in evidence)))
        yield Exhibit(
            depth=depth,
            evidence=evidence,
            line=timeline(evidence, now),
            facts=tuple((title, texts) for title, texts in facts if any(texts)),
            raw=tuple(_raw(scheduled, result, each) for each in evidence),
            agree=findings.agreement.get(depth),
        )


def _absent(findings: Findings) -> Iterator[tuple[Source, str]]:
    there = {each.source for each in findings.evidence if not each.depth}
    for source in (Source.STAPLE, Source.RESPONDER, Source.CRL):
        if source not in there and (findings.tls or source is Source.CRL):
            yield source, absence(findings, source)


def _raw(scheduled: ScheduledTarget, result: ProbeResult, evidence: Evidence) -> tuple[str, str, str] | None:
    if not evidence.der:
        return None
    parameters = (*result.way, ("source", evidence.source), ("depth", str(evidence.depth)))
    name = raw_evidence.file_name(result, evidence)
    link = f"evidence.der?{templates.target_query(scheduled)}&{urlencode(parameters)}"
    return link, name, raw_evidence.command(name)


def _remedies(result: ProbeResult, now: float) -> Iterator[Remedy]:
    """Yield what is wrong with a result, in its order, and what to do; what several sources have in common once."""
    if result.failure:
        said = advice.FAILURES[result.failure]
        yield Remedy("", result.failure, templates.place_of(result.failure), said.meaning, said.action)
    about: dict[Remedy, list[str]] = {}
    for evidence in result.findings.evidence if result.findings else ():
        for remedy in _remedies_of(evidence, now):
            about.setdefault(remedy, []).append(name_of(evidence))
    for remedy, names in about.items():
        yield replace(remedy, about=", ".join(names))


def _remedies_of(evidence: Evidence, now: float) -> Iterator[Remedy]:
    """Yield what is wrong with a piece of evidence, without saying which it is."""
    is_about_staple = evidence.source is Source.STAPLE or evidence.status is not Status.MISSING
    if evidence.status in advice.STATUS_ACTIONS and is_about_staple:
        meaning = f"{phrases.status_of(evidence).capitalize()}."
        yield Remedy("", evidence.status, "", meaning, advice.STATUS_ACTIONS[evidence.status])
    if is_refresh_overdue(evidence, now):
        yield Remedy("", "refresh overdue", "", "It should have been replaced by now.", advice.REFRESH_ACTION)
    for problem in evidence.problems:
        said = advice.PROBLEMS[problem]
        meaning = f"{said.meaning}{_declined(evidence) if problem is Problem.UNSUCCESSFUL else ''}"
        yield Remedy("", problem, templates.place_of(problem), meaning, said.action)


def _declined(evidence: Evidence) -> str:
    status = evidence.response.response_status if evidence.response else ""
    return f" It said {status}: {advice.RESPONSE_STATUSES.get(status, 'not a status of the standard')}."
