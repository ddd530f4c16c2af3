"""What is told of a responder that was looked at by itself."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from ocsp_exporter.model import (
    Applicability,
    Check,
    CheckFindings,
    Evidence,
    Findings,
    MethodFindings,
    ProbeResult,
    Problem,
    RequestMethod,
    ResponderFindings,
    Source,
    Status,
    Target,
)
from ocsp_exporter.report.assessment import Level, assess
from ocsp_exporter.report.document import document
from ocsp_exporter.report.text import report
from ocsp_exporter.revocation.conformance import RULES
from tests.unit import results

NOW = 1_790_000_000
URL = "http://ocsp.example/ca"
DAY = 86_400

GET_UP = MethodFindings(RequestMethod.GET, up=True, http_status=200, duration=0.0312, size=1_504, said="good")
POST_UP = replace(GET_UP, method=RequestMethod.POST, duration=0.0041)
GET_DOWN = MethodFindings(RequestMethod.GET, up=False, http_status=404, duration=0.002, said="HTTP 404")
POST_DOWN = MethodFindings(RequestMethod.POST, up=False, said="nobody is there")
NOT_ASKED = MethodFindings(RequestMethod.POST, up=None, said="not asked in time")

GOOD = Evidence(
    Source.RESPONDER,
    0,
    Status.GOOD,
    authentic=True,
    this_update=NOW - DAY,
    next_update=NOW + 3 * DAY,
    fetched_at=NOW,
    der=b"der",
)
REVOKED = replace(GOOD, status=Status.REVOKED)
BLOCKED = Evidence(Source.RESPONDER, 0, Status.MISSING, (Problem.BLOCKED_BY_EGRESS_POLICY,))
DOWN = Evidence(Source.RESPONDER, 0, Status.SERVER_FAILED, (Problem.UNREACHABLE,))


def found(
    *evidence: Evidence,
    methods: tuple[MethodFindings, ...] = (GET_UP, POST_UP),
    skew: float | None = 0.0,
    name: str = URL,
    **violated: str,
) -> ProbeResult:
    """Return a result; of the rules named it is said what was seen to violate them, the others are conformed to."""
    checks = tuple(
        CheckFindings(rule.check, rule.check not in violated, violated.get(rule.check, "all right"))
        for rule in RULES
        if rule.check is not Check.NONCE_ECHOED
    )
    not_judged = CheckFindings(Check.NONCE_ECHOED, None, "not asked")
    findings = Findings(
        tls=None,
        certificates=(results.LEAF,),
        applicability=(Applicability(Source.RESPONDER, 0, applicable=True, host="ocsp.example"),),
        evidence=evidence,
        revoked={},
        responder=ResponderFindings(URL, methods, (*checks, not_judged), skew),
    )
    return ProbeResult(Target(name, "ocsp.example", 80, location=URL), "my-responder", NOW, 0.2, {}, findings)


def printed(result: ProbeResult, width: int = 80) -> str:
    """Return the report as it is written where there is no terminal."""
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    console.print(report(result, NOW))
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


VERDICTS = {
    "all right": (found(GOOD), Level.OK, "The responder's answer is good, for another 3 d."),
    "no evidence": (found(), Level.OK, "The responder gives answers that can be relied on."),
    "revoked": (found(REVOKED), Level.CRITICAL, "The certificate is revoked, says the responder's answer."),
    "down": (
        found(DOWN, methods=(GET_DOWN, POST_DOWN), get="HTTP 404", post="nobody is there"),
        Level.CRITICAL,
        "The responder gives no answer that can be relied on: by GET HTTP 404; by POST nobody is there.",
    ),
    "down by both": (
        found(DOWN, methods=(replace(GET_DOWN, said="nobody is there"), POST_DOWN), get="HTTP 404"),
        Level.CRITICAL,
        "The responder gives no answer that can be relied on: by GET and POST nobody is there.",
    ),
    "down, and not asked": (
        found(DOWN, methods=(GET_DOWN, NOT_ASKED), get="HTTP 404"),
        Level.CRITICAL,
        "The responder gives no answer that can be relied on: by GET HTTP 404; by POST not asked in time.",
    ),
    "down by one method": (
        found(GOOD, methods=(GET_DOWN, POST_UP), get="HTTP 404"),
        Level.WARNING,
        "The responder does not conform to the rule get: HTTP 404.",
    ),
    "not asked": (
        found(BLOCKED, methods=(replace(NOT_ASKED, method=RequestMethod.GET), NOT_ASKED)),
        Level.NOTHING_KNOWN,
        "Nothing is known of the responder: by GET and POST not asked in time.",
    ),
    "against a rule": (
        found(GOOD, signer_nocheck="it is without"),
        Level.WARNING,
        "The responder does not conform to the rule signer_nocheck: it is without.",
    ),
    "wrong": (
        found(GOOD, known_answers="good where revoked is right", post="nothing"),
        Level.CRITICAL,
        "The responder does not conform to the rule known_answers: good where revoked is right.",
    ),
}


@pytest.mark.parametrize(("result", "level", "headline"), VERDICTS.values(), ids=VERDICTS)
def test_weighs_what_was_found(result: ProbeResult, level: Level, headline: str) -> None:
    """One level, and the sentence that counts most; one that is not up need not be told twice."""
    assessment = assess(result, NOW)
    assert (assessment.level, assessment.headline) == (level, headline)
    told = [ground.text for ground in assessment.grounds]
    if level is Level.CRITICAL and headline.startswith("The responder gives no answer"):
        assert not any("rule get" in text or "rule post" in text for text in told)


def test_shows_every_rule_with_what_was_seen_and_what_it_rests_on() -> None:
    """At the width of an ordinary terminal."""
    text = printed(found(GOOD, methods=(GET_DOWN, POST_UP), skew=-3.0, cache_headers="max-age=9"))
    section = text[text.index("\nResponder\n") : text.index("\nResponder's answer")]
    assert section == (
        "\n"
        "Responder\n"
        "  url           http://ocsp.example/ca\n"
        "  GET           NOT UP  (HTTP 404, in 2.0 ms)\n"
        "  POST          UP  good  (HTTP 200, 1,504 octets in 4.1 ms)\n"
        "  clock         3 s behind ours\n"
    )
    assert (
        "  violates      cache_headers: max-age=9\n"
        "                What Cache-Control and Expires let caches do ends with the\n"
        "                response's nextUpdate. (RFC 9919, section 7.2)\n"
    ) in text
    assert "  not judged    nonce_echoed: not asked\n" in text
    assert "  conforms      known_answers: all right\n" in text
    for rule in RULES:
        assert f" {rule.check}: " in text
    assert "".join(text.split()).count("CA/BBaselineRequirements,4.9.9") == 4


@pytest.mark.parametrize(
    ("skew", "told"),
    [(0.0, "as ours, to the second"), (90.0, "1 min 30 s ahead of ours"), (-1.0, "1 s behind ours"), (None, None)],
)
def test_tells_how_the_clock_differs(skew: float | None, told: str | None) -> None:
    """Where the responder says what time it is."""
    lines = [line for line in printed(found(GOOD, skew=skew)).splitlines() if line.startswith("  clock")]
    assert lines == ([] if told is None else [f"  clock         {told}"])


def test_the_url_stands_for_a_name_that_nobody_gave() -> None:
    """Where the target is empty the report is about the certificate's own responder."""
    assert printed(found(GOOD, name="")).startswith(f"{URL}  module my-responder")


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(("result", "_level", "_headline"), VERDICTS.values(), ids=VERDICTS)
def test_keeps_within_the_width(result: ProbeResult, _level: Level, _headline: str, width: int) -> None:
    """No line is longer than the terminal is wide, and none ends in a blank."""
    for line in printed(result, width).splitlines():
        assert len(line) <= width
        assert line == line.rstrip()


def test_escapes_what_could_steer_a_terminal() -> None:
    """What a responder says is shown with its control characters in letters."""
    text = printed(found(GOOD, methods=(replace(GET_UP, said="\x1b[2J"), POST_UP), content_type="\x1b[3J, by GET"))
    assert "\x1b" not in text
    assert r"\x1b[2J" in text
    assert r"\x1b[3J, by GET" in text


def test_the_document_has_all_of_it() -> None:
    """A script finds each method and each check; of what is no responder by itself there is null."""
    told = json.loads(json.dumps(document(found(GOOD, methods=(GET_DOWN, POST_UP), get="HTTP 404"), NOW)))
    checks = {each["check"]: each for each in told["responder"].pop("checks")}
    assert told["responder"] == {
        "url": URL,
        "clock_skew": 0.0,
        "methods": [
            {
                "method": "get",
                "up": False,
                "http_status": 404,
                "duration": 0.002,
                "size": None,
                "said": "HTTP 404",
            },
            {
                "method": "post",
                "up": True,
                "http_status": 200,
                "duration": 0.0041,
                "size": 1504,
                "said": "good",
            },
        ],
    }
    assert checks["get"] == {"check": "get", "conforms": False, "seen": "HTTP 404"}
    assert checks["nonce_echoed"] == {"check": "nonce_echoed", "conforms": None, "seen": "not asked"}
    for result in (results.RESULT, results.failed()):
        other = document(result, NOW)
        assert other["responder"] is None
        assert other.keys() == told.keys()
