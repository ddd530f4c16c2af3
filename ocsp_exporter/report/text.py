"""A probe's outcome as a report for the terminal.

Everything that came from a target goes through `quoting.printable` and into `Text`, never into markup:
a certificate must not be able to steer the terminal.
"""

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from ocsp_exporter import advice
from ocsp_exporter.model import (
    CertificateFacts,
    Evidence,
    Failure,
    Findings,
    Handshake,
    ProbeResult,
    Problem,
    ResponderFindings,
    Source,
    StapleCopy,
    Status,
    TLSFindings,
)
from ocsp_exporter.quoting import printable
from ocsp_exporter.report import phrases, words
from ocsp_exporter.report.assessment import (
    Level,
    assess,
    elapsed_life,
    is_applicable,
    is_refresh_overdue,
    name_of,
    words_of,
)
from ocsp_exporter.report.layout import Lifetime, Line

_LEVELS = {
    Level.CRITICAL: ("bold white on red", "red"),
    Level.FAILED: ("bold white on magenta", "magenta"),
    Level.WARNING: ("bold black on yellow", "yellow"),
    Level.OK: ("bold black on green", "green"),
    Level.NOTHING_KNOWN: ("bold reverse", ""),
    Level.NOT_APPLICABLE: ("bold reverse", ""),
}
_STATUSES = {
    Status.GOOD: "bold green",
    Status.REVOKED: "bold red",
    Status.UNKNOWN: "bold red",
    Status.SERVER_FAILED: "bold yellow",
    Status.MISSING: "bold",
    Status.INVALID: "bold red",
}
_CONFORMS = {True: ("conforms", "bold green"), False: ("violates", "bold red"), None: ("not judged", "bold")}
_INDENT, _HANG = 2, 16

#: What a line of facts is made from: a name and its value; without value there is no line.
Row = tuple[str, Text | None]


def report(result: ProbeResult, now: float) -> RenderableType:
    """Return the report on one target, judged at a point in time; width and colour are the console's matter."""
    judged = assess(result, now)
    label = words_of(judged.level).upper()
    badge, colour = _LEVELS[judged.level]
    hang = len(label) + 3
    variant = "".join(f"{name.replace('_', ' ')} {printable(value)}, " for name, value in result.variant)
    title = Text.assemble(
        (printable(result.target.title), "bold"),
        (f"  {variant}module {result.module}, probed {words.utc(result.obtained_at)}", "dim"),
    )
    grounds = [
        Line(Text(f" {label} ", badge), Text(judged.headline, colour), 0, hang),
        *(Line(Text("and", "dim"), Text(ground.text), hang - 4, hang) for ground in judged.grounds[1:]),
        *(Line(Text("but", "dim"), Text(text), hang - 4, hang) for text in _distrust(result.findings)),
    ]
    return Group(Line(Text(), title, 0, 0), *grounds, *_sections(result, now), Text())


def _sections(result: ProbeResult, now: float) -> Iterator[RenderableType]:
    if result.findings is not None:
        yield from _findings(result, result.findings, now)
    elif result.failure is not None:
        yield from _failure(result, result.failure)


def _distrust(findings: Findings | None) -> Iterator[str]:
    """Say at the top that the chain is not trusted: it does not weigh, and is not to be overlooked."""
    if findings and findings.tls and findings.tls.session.chain_errors:
        yield f"the chain is not trusted: {', '.join(sorted(findings.tls.session.chain_errors))}."


def _failure(result: ProbeResult, failure: Failure) -> Iterator[RenderableType]:
    yield from _section(
        "What failed",
        [
            ("target", _foreign(result.target.location or f"{result.target.host}:{result.target.port}")),
            ("failure", Text(failure)),
            ("detail", _foreign(result.detail) if result.detail else None),
            ("after", Text(words.milliseconds(result.duration))),
            ("what to do", Text(advice.FAILURES[failure].action, "bold")),
            ("more", Text(advice.place_of(failure), "dim")),
        ],
    )


def _findings(result: ProbeResult, findings: Findings, now: float) -> Iterator[RenderableType]:
    if findings.tls:
        yield from _section("Connection", _connection(findings.tls.session, result))
        yield from _section("Chain", _chain(findings, findings.tls.session, now))
        yield from _section("Must-Staple", _must_staple(findings, findings.tls))
        if findings.tls.copy:
            yield from _section("Staple on disk", _copy(findings.tls.copy))
        if not any(evidence.source is Source.STAPLE for evidence in findings.evidence):
            yield from _section("Staple", [("status", _absence(findings))])
    elif findings.certificates:
        yield from _section("Certificate", _certificates(findings, now))
    if findings.responder:
        yield from _section("Responder", _responder(findings.responder))
    yield from _together(findings)
    for evidence in findings.evidence:
        title = name_of(evidence)
        yield from _section(title[0].upper() + title[1:], [("status", _status(evidence))])
        if evidence.this_update is not None:
            yield Group(Text(), Lifetime(evidence, now, _INDENT), Text())
        yield from _lines(_answer(evidence, now))
        for rows in _ways_out(evidence, now):
            yield Group(Text(), *_lines(rows))
    if findings.responder:
        yield from _section("Rules", _rules(findings.responder))


def _responder(responder: ResponderFindings) -> Iterator[Row]:
    """Say how it takes requests by each method."""
    yield "url", _foreign(responder.url)
    for each in responder.methods:
        word, style = {None: ("NOT ASKED", ""), True: ("UP", "bold green"), False: ("NOT UP", "bold red")}[each.up]
        answer = "" if each.http_status is None else f"HTTP {each.http_status}"
        size = "" if each.size is None else f"{each.size:,} octets"
        took = "" if each.duration is None else f"in {words.milliseconds(each.duration)}"
        facts = ", ".join(filter(None, (answer, " ".join(filter(None, (size, took))))))
        said = "" if each.said == answer else f"  {printable(each.said)}"
        yield each.method.upper(), Text.assemble((word, style), said, f"  ({facts})" if facts else "")
    if responder.clock_skew is not None:
        ahead = "ahead of" if responder.clock_skew > 0 else "behind"
        told = f"{words.span(responder.clock_skew)} {ahead} ours" if responder.clock_skew else "as ours, to the second"
        yield "clock", Text(told)


def _rules(responder: ResponderFindings) -> Iterator[Row]:
    """Say of each rule whether the responder conforms, what was seen, what is demanded, and by whom."""
    for each in responder.checks:
        word, style = _CONFORMS[each.conforms]
        yield word, Text.assemble((each.check, style), f": {printable(each.seen)}")
        yield "", Text(phrases.rule_of(each.check), "dim")


def _together(findings: Findings) -> Iterator[RenderableType]:
    """Say what the sources say beside each other, where there are several."""
    rows: list[Row] = []
    for depth, agree in findings.agreement.items():
        answer = Text("agree", "green") if agree else Text("contradict each other", "bold red")
        rows.append(("sources" if not depth else f"depth {depth}", answer))
    if findings.staple_lag is not None:
        newer, older = ("responder's answer", "staple") if findings.staple_lag > 0 else ("staple", "responder's answer")
        lag = f"the {newer} is {words.span(findings.staple_lag)} newer than the {older}"
        rows.append(("staple lag", Text(lag if findings.staple_lag else "none")))
    if rows:
        yield from _section("Together", rows)


def _section(title: str, rows: Iterable[Row]) -> Iterator[RenderableType]:
    yield Text()
    yield Text(title, "bold cyan")
    yield from _lines(rows)


def _lines(rows: Iterable[Row]) -> Iterator[RenderableType]:
    return (Line(Text(name, "dim"), value, _INDENT, _HANG) for name, value in rows if value is not None)


def _connection(session: Handshake, result: ProbeResult) -> Iterator[Row]:
    took = ", ".join(f"{phase} {words.milliseconds(seconds)}" for phase, seconds in result.phases.items())
    yield "address", _foreign(f"{session.address}, port {result.target.port}")
    yield "TLS", _foreign(f"{session.version}, {session.cipher}")
    yield "handshake", Text("complete" if session.complete else "broken off after the certificate had come")
    yield "took", Text(took) if took else None
    yield "client cert", Text("asked for" if session.client_certificate_requested else "not asked for")


def _chain(findings: Findings, session: Handshake, now: float) -> Iterator[Row]:
    errors = sorted(session.chain_errors)
    if not errors:
        yield "trusted", Text("yes: it verifies to the module's roots, for this name, now", "green")
    for position, error in enumerate(errors):
        name, answer = ("trusted", "no, ") if position == 0 else ("", "")
        yield name, Text.assemble(answer, (error, "yellow"), f": {advice.CHAIN_ERRORS[error]}")
    yield from _certificates(findings, now)


def _certificates(findings: Findings, now: float) -> Iterator[Row]:
    for facts in findings.certificates:
        yield f"depth {facts.depth}", Text(printable(facts.subject) or "(no subject)", "bold")
        yield "", _foreign(f"issued by {facts.issuer}")
        yield "", _validity(facts, now)
        yield "", _foreign(f"{facts.public_key_algorithm}, serial {facts.serial_number}")
        if facts.depth in {entry.depth for entry in findings.applicability}:
            yield "", _foreign("OCSP responder " + (", ".join(facts.ocsp_urls) or "not named"))
            yield "", _foreign("CRL " + (", ".join(facts.crl_urls) or "not named"))


def _validity(facts: CertificateFacts, now: float) -> Text:
    if now < facts.not_before:
        return Text(f"valid only {words.relative(facts.not_before, now)}: from {words.utc(facts.not_before)}", "red")
    if now > facts.not_after:
        return Text(f"expired {words.relative(facts.not_after, now)}: on {words.utc(facts.not_after)}", "red")
    return Text(f"expires {words.relative(facts.not_after, now)}: {words.utc(facts.not_after)}")


def _must_staple(findings: Findings, tls: TLSFindings) -> Iterator[Row]:
    demanded = any(facts.must_staple for facts in findings.certificates if facts.depth == 0)
    yield "certificate", Text("demands a staple (TLS feature status_request)" if demanded else "demands no staple")
    demand = "demands a staple: " if tls.staple_required else "demands that the certificate is not revoked: "
    answer = {
        None: Text("demands nothing here"),
        True: Text.assemble(demand, ("compliant", "bold green")),
        False: Text.assemble(demand, ("violated", "bold red")),
    }[tls.compliant]
    yield "policy", answer
    seen = f"{tls.stapled_handshakes} of {tls.handshakes} carried a staple"
    several = f", {tls.distinct_staples} different ones" if tls.distinct_staples > 1 else ""
    yield "handshakes", Text(seen + several)


def _copy(copy: StapleCopy) -> Iterator[Row]:
    match copy.matches:
        case None:
            yield "compared", Text.assemble(("not possible", "yellow"), f": {printable(copy.detail)}")
        case True:
            yield "compared", Text("the same as the server sends", "green")
        case False:
            yield "compared", Text("not what the server sends", "bold yellow")
            yield "what to do", Text(advice.COPY_ACTION, "bold")


def _absence(findings: Findings) -> Text:
    """Say what it means that there is no staple, where none is required."""
    if is_applicable(findings):
        return Text.assemble(("NONE", "bold"), "  none was sent, and none is required; that is not the same as good")
    return Text.assemble(
        ("NOT APPLICABLE", "bold"), "  no OCSP responder, no Must-Staple: there is nothing to watch here"
    )


def _status(evidence: Evidence) -> Text:
    word, style = evidence.status.upper(), _STATUSES[evidence.status]
    return Text.assemble((word, style), f"  {phrases.status_of(evidence)}")


def _answer(evidence: Evidence, now: float) -> Iterator[Row]:
    life = elapsed_life(evidence, now)
    if life is not None and 0 <= life <= 1:
        yield "life", Text(f"{life:.0%} has passed")
    if evidence.revocation is not None:
        yield "revoked", _moment(evidence.revocation.time, now)
        yield "reason", Text(evidence.revocation.reason or "none given")
    yield "produced_at", _moment(evidence.produced_at, now)
    if evidence.source in {Source.RESPONDER, Source.CRL} and evidence.fetched_at is not None:
        yield "fetched", _moment(int(evidence.fetched_at), now)
    if evidence.crl is not None:
        yield "number", None if evidence.crl.number is None else Text(f"{evidence.crl.number}")
        yield "entries", Text(f"{evidence.crl.entries}")
        yield "signer ends", _moment(evidence.signer_not_after, now)
    response = evidence.response
    if response is None:
        return
    yield "response", Text(response.response_status) if Problem.UNSUCCESSFUL in evidence.problems else None
    yield "responder id", _foreign(response.responder_id) if response.responder_id else None
    yield (
        "signed by",
        Text(phrases.SIGNERS[response.signer] + phrases.NOCHECK[response.nocheck]) if response.signer else None,
    )
    yield "signer ends", _moment(evidence.signer_not_after, now)
    yield "signature", _foreign(response.signature_algorithm) if response.signature_algorithm else None
    yield "CertID hash", _foreign(response.cert_id_hash) if response.cert_id_hash else None


def _ways_out(evidence: Evidence, now: float) -> Iterator[Iterable[Row]]:
    """Yield what to do: about the status, about a late refresh, about each problem."""
    is_about_staple = evidence.source is Source.STAPLE or evidence.status is not Status.MISSING
    if evidence.status in advice.STATUS_ACTIONS and is_about_staple:
        yield [("what to do", Text(advice.STATUS_ACTIONS[evidence.status], "bold"))]
    if is_refresh_overdue(evidence, now):
        yield [("what to do", Text(advice.REFRESH_ACTION, "bold"))]
    for problem in evidence.problems:
        yield _problem(problem, evidence)


def _problem(problem: Problem, evidence: Evidence) -> Iterator[Row]:
    said = advice.PROBLEMS[problem]
    yield "problem", Text.assemble((problem, "bold red"), f": {said.meaning}")
    if problem is Problem.UNSUCCESSFUL and evidence.response is not None:
        status = evidence.response.response_status
        yield "", Text(f"{status}: {advice.RESPONSE_STATUSES.get(status, 'not a status of the standard')}.")
    yield "what to do", Text(said.action, "bold")
    yield "more", Text(advice.place_of(problem), "dim")


def _moment(seconds: int | None, now: float) -> Text | None:
    return None if seconds is None else Text(f"{words.utc(seconds)}, {words.relative(seconds, now)}")


def _foreign(text: str) -> Text:
    return Text(printable(text))
