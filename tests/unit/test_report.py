"""A probe's outcome told: the assessment, the report for the terminal, the JSON document."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from ocsp_exporter import advice
from ocsp_exporter.model import (
    Applicability,
    CertificateFacts,
    ChainError,
    CRLFacts,
    Evidence,
    Failure,
    Findings,
    Handshake,
    KeyType,
    Phase,
    ProbeResult,
    Problem,
    Reason,
    ResponseFacts,
    Revocation,
    Signer,
    Source,
    StapleCopy,
    Status,
    Target,
    TLSFindings,
)
from ocsp_exporter.report import words
from ocsp_exporter.report.assessment import Level, assess, worst
from ocsp_exporter.report.document import document
from ocsp_exporter.report.text import report
from tests.unit import results

NOW = 1_790_000_000  # 2026-09-21 14:13:20 UTC
HOUR = 3_600
DAY = 24 * HOUR

LEAF = CertificateFacts(
    depth=0,
    subject="CN=good.example",
    issuer="CN=Lab CA",
    serial_number="1a2b3c",
    fingerprint_sha256="ab" * 32,
    public_key_algorithm="ec-secp256r1",
    not_before=NOW - 10 * DAY,
    not_after=NOW + 79 * DAY,
    must_staple=True,
    ocsp_urls=("http://ocsp.example/",),
    crl_urls=(),
)
SESSION = replace(results.SESSION, staple=b"der", cipher="TLS_AES_256_GCM_SHA384")
PHASES = {Phase.RESOLVE: 0.0001, Phase.CONNECT: 0.0005, Phase.HANDSHAKE: 0.0042}
STAPLE = Evidence(
    source=Source.STAPLE,
    depth=0,
    status=Status.GOOD,
    authentic=True,
    produced_at=NOW - DAY,
    this_update=NOW - DAY,
    next_update=NOW + 3 * DAY,
    response=ResponseFacts("successful", "CN=Lab Responder", Signer.DELEGATED, "sha1", "ecdsa-with-SHA256"),
    signer_not_after=NOW + 20 * DAY,
    fetched_at=NOW,
    der=b"der",
)
REVOKED = replace(STAPLE, status=Status.REVOKED, revocation=Revocation(NOW - 2 * DAY, Reason.KEY_COMPROMISE))
TRY_LATER = Evidence(
    Source.STAPLE, 0, Status.SERVER_FAILED, (Problem.UNSUCCESSFUL,), response=ResponseFacts("try_later"), der=b"der"
)
ABSENT = Evidence(Source.STAPLE, 0, Status.MISSING)


def found(
    *evidence: Evidence,
    leaf: CertificateFacts = LEAF,
    session: Handshake = SESSION,
    handshakes: int = 1,
    stapled: int = 1,
    compliant: bool | None = True,
) -> ProbeResult:
    """Return the result of a probe that could look; the staple applies where one was sent or is required."""
    applicability = (
        Applicability(Source.STAPLE, 0, bool(stapled) or leaf.must_staple),
        Applicability(Source.RESPONDER, 0, bool(leaf.ocsp_urls), "ocsp.example" if leaf.ocsp_urls else ""),
        Applicability(Source.CRL, 0, applicable=False),
    )
    tls = TLSFindings(
        session=session,
        handshakes=handshakes,
        stapled_handshakes=stapled,
        distinct_staples=min(stapled, 1),
        staple_required=leaf.must_staple,
        compliant=compliant,
    )
    findings = Findings(tls, certificates=(leaf,), applicability=applicability, evidence=evidence, revoked={})
    return ProbeResult(Target("good.example", "good.example", 443), "tls", NOW, 0.02, PHASES, findings)


def failed(failure: Failure) -> ProbeResult:
    """Return the result of a probe that could not look."""
    target = Target("good.example", "good.example", 443)
    return ProbeResult(target, "tls", NOW, 0.02, {}, failure=failure, detail="192.0.2.1:443: errno 111")


def printed(result: ProbeResult, width: int = 80) -> str:
    """Return the report as it is written where there is no terminal."""
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    console.print(report(result, NOW))
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


PLAIN = replace(LEAF, must_staple=False)
OCSPLESS = replace(PLAIN, ocsp_urls=())

VERDICTS = {
    "good": (found(STAPLE), Level.OK, "The staple is good, for another 3 d."),
    "good, without an end": (
        found(replace(STAPLE, next_update=None)),
        Level.OK,
        "The staple is good; it states no end.",
    ),
    "at three quarters of its life": (
        found(replace(STAPLE, this_update=NOW - 3 * DAY, next_update=NOW + DAY)),
        Level.OK,
        "The staple is good, for another 1 d.",
    ),
    "past three quarters of its life": (
        found(replace(STAPLE, this_update=NOW - 3 * DAY - HOUR, next_update=NOW + DAY)),
        Level.WARNING,
        "The staple is good, and its refresh is overdue: it ends in 1 d.",
    ),
    "past its end, within the tolerance": (
        found(replace(STAPLE, next_update=NOW - 60)),
        Level.WARNING,
        "The staple ended 1 min ago: only the tolerance for wrong clocks still accepts it.",
    ),
    "no staple, none required": (
        found(leaf=PLAIN, stapled=0, compliant=None),
        Level.NOTHING_KNOWN,
        "No staple was sent, and none is required; nor did another source say anything of the certificate's status.",
    ),
    "not applicable": (
        found(leaf=OCSPLESS, stapled=0, compliant=None),
        Level.NOT_APPLICABLE,
        "The certificate names no OCSP responder and no CRL, and demands no staple; there is nothing to watch here.",
    ),
    "required and missing": (
        found(ABSENT, handshakes=3, stapled=0, compliant=False),
        Level.CRITICAL,
        "The staple policy is violated: a staple is required, and none was sent (handshakes made: 3).",
    ),
    "required and sometimes missing": (
        found(STAPLE, handshakes=3, stapled=2, compliant=False),
        Level.CRITICAL,
        "The staple policy is violated: a staple is required in every handshake, and only 2 of 3 carried one.",
    ),
    "revoked": (
        found(REVOKED),
        Level.CRITICAL,
        "The certificate is revoked since 2026-09-19 14:13:20 UTC (2 d ago, key_compromise), says the staple.",
    ),
    "unknown": (
        found(replace(STAPLE, status=Status.UNKNOWN)),
        Level.CRITICAL,
        "The responder does not know the certificate, says the staple.",
    ),
    "expired": (
        found(
            replace(
                STAPLE,
                status=Status.INVALID,
                problems=(Problem.SIGNATURE_INVALID, Problem.EXPIRED),
                next_update=NOW - HOUR,
            ),
            leaf=PLAIN,
            compliant=None,
        ),
        Level.CRITICAL,
        "The staple cannot be relied on: signature_invalid, expired (1 h ago).",
    ),
    "a refusal, where none is required": (
        found(TRY_LATER, leaf=PLAIN, compliant=None),
        Level.WARNING,
        "The staple is no answer: the responder said try_later.",
    ),
    "a refusal, where one is required": (
        found(TRY_LATER, compliant=False),
        Level.CRITICAL,
        "The staple policy is violated: a staple is required, and the one sent cannot be relied on.",
    ),
    "good with a fault beside it": (
        found(replace(STAPLE, source=Source.RESPONDER, problems=(Problem.WRONG_CONTENT_TYPE,))),
        Level.WARNING,
        "The responder's answer has a fault: wrong_content_type.",
    ),
    "could not look": (
        failed(Failure.REFUSED),
        Level.FAILED,
        "Could not look. The connection was refused: the host is there, and nothing listens on that port.",
    ),
    "a key type that the server has not": (
        replace(failed(Failure.TLS), failure=None, key_type=KeyType.ECDSA, key_type_served=False),
        Level.NOT_APPLICABLE,
        "The server has no certificate with a key of the type ecdsa; there is nothing to watch here.",
    ),
}


class TestAssessment:
    """Everything that was found, weighed into one level."""

    @pytest.mark.parametrize(("result", "level", "headline"), VERDICTS.values(), ids=VERDICTS)
    def test_weighs_what_was_found(self, result: ProbeResult, level: Level, headline: str) -> None:
        """Each state of health has its level, and one sentence that says why."""
        judged = assess(result, NOW)

        assert (level, headline) == (judged.level, judged.headline)

    def test_keeps_all_grounds_the_worst_first(self) -> None:
        """A refusal is a warning and the violation that follows from it critical: both are told, in that order."""
        judged = assess(found(TRY_LATER, compliant=False), NOW)

        assert [ground.level for ground in judged.grounds] == [Level.CRITICAL, Level.WARNING]

    def test_does_not_weigh_the_chain(self) -> None:
        """An untrusted chain is no news about revocation."""
        session = replace(SESSION, chain_errors=frozenset({ChainError.UNKNOWN_ISSUER}))

        assert Level.OK is assess(found(STAPLE, session=session), NOW).level

    def test_calls_critical_worse_than_failed_worse_than_warning(self) -> None:
        """The worst of several targets is told in the order critical, failed, warning, ok."""
        assert Level.CRITICAL is worst([Level.FAILED, Level.CRITICAL])
        assert Level.FAILED is worst([Level.WARNING, Level.FAILED])
        assert Level.WARNING is worst([Level.OK, Level.WARNING])
        assert Level.OK is worst([])


class TestText:
    """The report for the terminal."""

    def test_shows_every_fact_of_a_good_staple(self) -> None:
        """The whole report at 80 columns, word for word."""
        assert printed(found(STAPLE)) == GOOD_REPORT

    def test_shows_when_and_why_a_certificate_was_revoked(self) -> None:
        """Revocation time and reason are lines of their own."""
        lines = printed(found(REVOKED)).splitlines()

        assert "  revoked       2026-09-19 14:13:20 UTC, 2 d ago" in lines
        assert "  reason        key_compromise" in lines

    def test_tells_no_staple_from_a_good_one(self) -> None:
        """Where no staple was sent the word good stands only in the sentence that it is not the same."""
        text = printed(found(leaf=PLAIN, stapled=0, compliant=None), width=200)

        assert "NONE  none was sent, and none is required; that is not the same as good" in text
        assert "GOOD" not in text

    def test_says_plainly_that_nothing_is_to_be_watched(self) -> None:
        """A certificate without OCSP and without Must-Staple is called not applicable."""
        assert "NOT APPLICABLE  no OCSP responder, no Must-Staple" in printed(
            found(leaf=OCSPLESS, stapled=0, compliant=None)
        )

    def test_tells_what_each_source_says_and_whether_they_agree(self) -> None:
        """Responder and CRL have their own sections; a contradiction and the staple's lag stand before them."""
        answer = replace(STAPLE, source=Source.RESPONDER, this_update=NOW, fetched_at=NOW)
        listed = Evidence(
            Source.CRL,
            0,
            Status.REVOKED,
            authentic=True,
            this_update=NOW,
            revocation=Revocation(NOW - 3 * DAY, Reason.SUPERSEDED),
            crl=CRLFacts(7, 12),
        )
        result = found(STAPLE, answer, listed)
        assert result.findings
        together = replace(result.findings, agreement={0: False, 1: True}, staple_lag=HOUR)
        text = printed(replace(result, findings=together), width=200)
        for line in (
            "  sources       contradict each other\n",
            "  depth 1       agree\n",
            "  staple lag    the responder's answer is 1 h newer than the staple\n",
            "  number        7\n",
            "  entries       12\n",
        ):
            assert line in text
        told = (
            "The sources contradict each other: the certificate is good by the staple, good by the responder, revoked"
        )
        assert "CRITICAL  The certificate is revoked since" in text
        assert f"and {told} by the CRL." in text

        alone = printed(found(STAPLE), width=200)
        assert "Together" not in alone

    @pytest.mark.parametrize("source", [Source.RESPONDER, Source.CRL])
    def test_a_source_that_nobody_asked_weighs_nothing_and_is_told(self, source: Source) -> None:
        """What the policy forbids is shown beside a good staple, which stays good, without advice about staples."""
        blocked = Evidence(source, 0, Status.MISSING, (Problem.BLOCKED_BY_EGRESS_POLICY,))
        result = found(STAPLE, blocked)
        assert result.findings
        applicable = (Applicability(source, 0, applicable=True, host="ocsp.example"),)
        result = replace(result, findings=replace(result.findings, applicability=applicable))
        judged = assess(result, NOW)
        assert judged.level is Level.OK
        assert [ground.level for ground in judged.grounds] == [Level.OK, Level.NOTHING_KNOWN]
        assert judged.grounds[1].text.endswith("was not asked for: blocked_by_egress_policy.")
        text = printed(result, width=200)
        assert "MISSING  nobody was asked, which is not the same as good" in text
        assert advice.STATUS_ACTIONS[Status.MISSING] not in text

    @pytest.mark.parametrize(
        ("evidence", "text"),
        [
            (
                replace(STAPLE, source=Source.RESPONDER, problems=(Problem.UNREACHABLE,)),
                "The responder's answer has a fault: unreachable.",
            ),
            (
                Evidence(Source.RESPONDER, 0, Status.SERVER_FAILED, (Problem.TIMEOUT,)),
                "The responder's answer cannot be had: timeout.",
            ),
            (
                Evidence(Source.CRL, 0, Status.SERVER_FAILED, (Problem.HTTP_ERROR,)),
                "The CRL cannot be had: http_error.",
            ),
        ],
        ids=["kept", "down", "crl down"],
    )
    def test_a_source_that_is_down_is_a_warning(self, evidence: Evidence, text: str) -> None:
        """Whether its last answer still holds or there is none; with nothing wrong there is no warning."""
        judged = assess(found(STAPLE, evidence), NOW)
        assert (judged.level, judged.headline) == (Level.WARNING, text)
        assert assess(found(STAPLE, replace(STAPLE, source=evidence.source)), NOW).level is Level.OK

    def test_tells_each_problem_with_what_to_do(self) -> None:
        """Under the evidence stand all of its problems, their meaning and the way out."""
        expired = replace(STAPLE, status=Status.INVALID, problems=(Problem.EXPIRED,), next_update=NOW - HOUR)
        text = printed(found(expired, compliant=False), width=200)

        assert f"expired: {advice.PROBLEMS[Problem.EXPIRED].meaning}" in text
        assert f"what to do    {advice.PROBLEMS[Problem.EXPIRED].action}" in text

    @pytest.mark.parametrize(
        ("result", "action"),
        [
            (found(REVOKED), advice.STATUS_ACTIONS[Status.REVOKED]),
            (found(replace(STAPLE, status=Status.UNKNOWN)), advice.STATUS_ACTIONS[Status.UNKNOWN]),
            (found(ABSENT, stapled=0, compliant=False), advice.STATUS_ACTIONS[Status.MISSING]),
            (found(replace(STAPLE, next_update=NOW + HOUR)), advice.REFRESH_ACTION),
        ],
        ids=["revoked", "unknown", "missing", "overdue"],
    )
    def test_says_what_to_do_where_no_problem_explains(self, result: ProbeResult, action: str) -> None:
        """What is bad of itself has a way out too, and a good staple needs none."""
        assert f"what to do    {action}" in printed(result, width=250)
        assert "what to do" not in printed(found(STAPLE))

    def test_explains_what_the_responder_said(self) -> None:
        """The outer status of a refusal is told in words."""
        assert "try_later: the responder was overloaded" in printed(found(TRY_LATER, compliant=False))

    @pytest.mark.parametrize("failure", Failure)
    def test_says_what_to_check_where_it_could_not_look(self, failure: Failure) -> None:
        """A failure is reported with its detail and what to do."""
        text = printed(failed(failure), width=200)

        assert "192.0.2.1:443: errno 111" in text
        assert f"what to do    {advice.FAILURES[failure].action}" in text

    def test_names_the_errors_of_the_chain(self) -> None:
        """An untrusted chain is shown with every error, and a trusted one as trusted."""
        errors = frozenset({ChainError.EXPIRED, ChainError.HOSTNAME_MISMATCH})
        untrusted = printed(found(STAPLE, session=replace(SESSION, chain_errors=errors)))

        assert "no, expired: a certificate has expired" in untrusted
        assert "hostname_mismatch: the certificate is for another name" in untrusted
        assert "trusted       yes" in printed(found(STAPLE))

    @pytest.mark.parametrize("width", [40, 80, 120])
    @pytest.mark.parametrize(("result", "_level", "_headline"), VERDICTS.values(), ids=VERDICTS)
    def test_leaves_no_blanks_at_the_ends_of_lines(
        self, result: ProbeResult, _level: Level, _headline: str, width: int
    ) -> None:
        """At any width lines end with what they say."""
        assert [line for line in printed(result, width).splitlines() if line != line.rstrip()] == []

    @pytest.mark.parametrize("width", [80, 120])
    @pytest.mark.parametrize(("result", "_level", "_headline"), VERDICTS.values(), ids=VERDICTS)
    def test_keeps_within_the_width(self, result: ProbeResult, _level: Level, _headline: str, width: int) -> None:
        """No line is longer than the terminal is wide."""
        assert [line for line in printed(result, width).splitlines() if len(line) > width] == []

    def test_has_colours_on_a_terminal_only(self) -> None:
        """On a terminal the headline is red where it is critical, and NO_COLOR or a pipe leave the words alone."""
        console = Console(force_terminal=True, color_system="standard", width=80, _environ={})
        with console.capture() as coloured:
            console.print(report(found(REVOKED), NOW))

        assert "\x1b[31mThe certificate is revoked since" in coloured.get()
        assert "\x1b" not in printed(found(REVOKED))

    def test_escapes_what_could_steer_a_terminal(self) -> None:
        """A hostile subject is shown with its control characters in letters, and rich's markup as written."""
        text = printed(found(STAPLE, leaf=replace(LEAF, subject="CN=\x1b[2J\u202e[bold]\x9b")))

        assert r"CN=\x1b[2J\u202e[bold]\x9b" in text


class TestLifetime:
    """The bar of this_update … next_update."""

    @staticmethod
    def bar(this_update: int, next_update: int | None) -> str:
        """Return the line of the bar from a report 60 columns wide."""
        text = printed(found(replace(STAPLE, this_update=this_update, next_update=next_update)), width=60)
        return next(line.strip() for line in text.splitlines() if "this_update " in line)

    def test_marks_now_between_the_ends(self) -> None:
        """After half of its life the mark is in the middle."""
        assert self.bar(NOW - DAY, NOW + DAY) == ("this_update ━━━━━━━━━━━━━━━━●───────────────── next_update")

    def test_marks_now_beyond_the_end(self) -> None:
        """What has ended is passed in whole, with the mark behind the end."""
        assert self.bar(NOW - 2 * DAY, NOW - DAY) == ("this_update ━━━━━━━━━━━━━━━━━━━━━━━━━━━━ next_update ╌╌╌╌●")

    def test_marks_now_before_the_beginning(self) -> None:
        """What has not begun is all ahead, with the mark before the beginning."""
        assert self.bar(NOW + DAY, NOW + 2 * DAY) == ("●╌╌╌╌ this_update ──────────────────────────── next_update")

    def test_leaves_the_end_open_where_there_is_none(self) -> None:
        """Without next_update the bar says so and goes on dotted."""
        assert self.bar(NOW - DAY, None) == "this_update ━━━━━━━━━━━━━━━●╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ no next_update"


class TestDocument:
    """The JSON document."""

    def test_has_k6_keys_for_the_staple(self) -> None:
        """The staple at a glance: k6's keys, our status words, milliseconds since 1970."""
        assert document(found(REVOKED), NOW)["ocsp"] == {
            "status": "revoked",
            "revocation_reason": "key_compromise",
            "produced_at": 1_789_913_600_000,
            "this_update": 1_789_913_600_000,
            "next_update": 1_790_259_200_000,
            "revoked_at": 1_789_827_200_000,
        }

    @pytest.mark.parametrize(
        ("result", "status"),
        [
            (found(ABSENT, stapled=0, compliant=False), "missing"),
            (found(leaf=PLAIN, stapled=0, compliant=None), None),
            (failed(Failure.REFUSED), None),
        ],
        ids=["required and missing", "not required", "could not look"],
    )
    def test_has_null_where_there_is_nothing(self, result: ProbeResult, status: str | None) -> None:
        """Without a staple k6's keys are there, with null and never 0; the status tells missing from not required."""
        ocsp = document(result, NOW)["ocsp"]

        assert ocsp == {
            "status": status,
            "revocation_reason": None,
            "produced_at": None,
            "this_update": None,
            "next_update": None,
            "revoked_at": None,
        }

    def test_tells_the_results_of_one_target_apart(self) -> None:
        """Address and key type are there where there are several, and null where the target has one result."""
        one = replace(found(STAPLE), address="192.0.2.1", key_type=KeyType.RSA, key_type_served=True)

        names = ("address", "key_type", "key_type_served")
        assert [document(one, NOW)[name] for name in names] == ["192.0.2.1", "rsa", True]
        assert [document(found(STAPLE), NOW)[name] for name in names] == [None, None, None]
        assert "good.example  address 192.0.2.1, key type rsa, module tls" in printed(one, width=120)
        assert "good.example  module tls" in printed(found(STAPLE), width=120)

    def test_does_not_call_revoked_what_is_not_authentic(self) -> None:
        """A forged revocation is shown in the evidence and not in `ocsp`."""
        forged = replace(REVOKED, status=Status.INVALID, authentic=False, problems=(Problem.SIGNATURE_INVALID,))
        told = json.loads(json.dumps(document(found(forged, compliant=False), NOW)))

        assert told["ocsp"]["revoked_at"] is None
        assert told["evidence"][0]["revocation"] == {"time": NOW - 2 * DAY, "reason": "key_compromise"}
        assert document(found(REVOKED), NOW)["ocsp"] != told["ocsp"]

    def test_carries_the_verdict_and_the_evidence(self) -> None:
        """A script finds level, words and every field of the evidence under the documented keys."""
        told = json.loads(json.dumps(document(found(STAPLE), NOW)))

        assert told["verdict"] == {
            "level": "ok",
            "grounds": [{"level": "ok", "text": "The staple is good, for another 3 d."}],
        }
        assert told["tls"]["version"] == "TLSv1.3"
        assert told["chain"] == {"trusted": True, "errors": []}
        assert told["certificates"][0]["ocsp_urls"] == ["http://ocsp.example/"]
        assert told["staples"]["compliant"] is True
        assert told["evidence"] == [
            {
                "source": "staple",
                "depth": 0,
                "status": "good",
                "problems": [],
                "authentic": True,
                "produced_at": NOW - DAY,
                "this_update": NOW - DAY,
                "next_update": NOW + 3 * DAY,
                "revocation": None,
                "response": {
                    "response_status": "successful",
                    "responder_id": "CN=Lab Responder",
                    "signer": "delegated",
                    "cert_id_hash": "sha1",
                    "signature_algorithm": "ecdsa-with-SHA256",
                    "nocheck": None,
                },
                "crl": None,
                "signer_not_after": NOW + 20 * DAY,
                "fetched_at": NOW,
                "der": "ZGVy",
            }
        ]

    @pytest.mark.parametrize(("result", "level", "headline"), VERDICTS.values(), ids=VERDICTS)
    def test_survives_json_with_the_same_keys_always(self, result: ProbeResult, level: Level, headline: str) -> None:
        """Every outcome is written and read back unchanged, and has the same keys as a good one."""
        told = document(result, NOW)
        read = json.loads(json.dumps(told, allow_nan=False))

        assert told == read
        assert document(found(STAPLE), NOW).keys() == told.keys()
        assert (level, headline) == (read["verdict"]["level"], read["verdict"]["grounds"][0]["text"])


class TestAdvice:
    """The table of meanings and ways out."""

    def test_covers_every_word(self) -> None:
        """Each problem, failure and chain error has its entry."""
        assert set(Problem) == set(advice.PROBLEMS)
        assert set(Failure) == set(advice.FAILURES)
        assert set(ChainError) == set(advice.CHAIN_ERRORS)

    @pytest.mark.parametrize("said", [*advice.PROBLEMS.values(), *advice.FAILURES.values()])
    def test_is_written_in_sentences(self, said: advice.Advice) -> None:
        """Meaning and action are sentences of their own."""
        for text in (said.meaning, said.action):
            assert text[0].isupper()
            assert text.endswith((".", "?", "`."))


class TestWords:
    """Times and spans in words."""

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [
            (0, "0 s"),
            (59.9, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3 * DAY + 4 * HOUR + 59, "3 d 4 h"),
            (3 * DAY + 59, "3 d"),
            (400 * DAY, "1 y 35 d"),
            (-61, "1 min 1 s"),
        ],
    )
    def test_span_tells_the_two_largest_units(self, seconds: float, said: str) -> None:
        """A span is rounded down to its largest unit and the next smaller one."""
        assert said == words.span(seconds)

    @pytest.mark.parametrize(
        ("seconds", "said"), [(NOW, "just now"), (NOW + 61, "in 1 min 1 s"), (NOW - 61, "1 min 1 s ago")]
    )
    def test_relative_tells_future_from_past(self, seconds: float, said: str) -> None:
        """A moment is in some time, some time ago, or now."""
        assert said == words.relative(seconds, NOW)

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [
            (0, "1970-01-01 00:00:00 UTC"),
            (NOW, "2026-09-21 14:13:20 UTC"),
            (-62_135_596_800, "0001-01-01 00:00:00 UTC"),
            (253_402_300_799, "9999-12-31 23:59:59 UTC"),
            (10**18, "1000000000000000000 s since 1970"),
        ],
    )
    def test_utc_tells_any_time_that_a_certificate_may_state(self, seconds: int, said: str) -> None:
        """Times before 1970 and in the year 9999 are dates like others, and what no calendar has is a number."""
        assert said == words.utc(seconds)


GOOD_REPORT = """\
good.example  module tls, probed 2026-09-21 14:13:20 UTC
 OK  The staple is good, for another 3 d.

Connection
  address       192.0.2.1, port 443
  TLS           TLSv1.3, TLS_AES_256_GCM_SHA384
  handshake     complete
  took          resolve 0.1 ms, connect 0.5 ms, handshake 4.2 ms
  client cert   not asked for

Chain
  trusted       yes: it verifies to the module's roots, for this name, now
  depth 0       CN=good.example
                issued by CN=Lab CA
                expires in 79 d: 2026-12-09 14:13:20 UTC
                ec-secp256r1, serial 1a2b3c
                OCSP responder http://ocsp.example/
                CRL not named

Must-Staple
  certificate   demands a staple (TLS feature status_request)
  policy        demands a staple: compliant
  handshakes    1 of 1 carried a staple

Staple
  status        GOOD  verified; not revoked

  this_update ━━━━━━━━━━━━━●──────────────────────────────────────── next_update
  2026-09-20 14:13:20 UTC                                2026-09-24 14:13:20 UTC
  1 d ago                                                                 in 3 d

  life          25% has passed
  produced_at   2026-09-20 14:13:20 UTC, 1 d ago
  responder id  CN=Lab Responder
  signed by     a responder that the issuer delegated
  signer ends   2026-10-11 14:13:20 UTC, in 20 d
  signature     ecdsa-with-SHA256
  CertID hash   sha1

"""


def compared(copy: StapleCopy) -> ProbeResult:
    """Return the result of a probe that compared the staple with the server's file."""
    result = found(STAPLE)
    assert result.findings is not None
    assert result.findings.tls is not None
    return replace(result, findings=replace(result.findings, tls=replace(result.findings.tls, copy=copy)))


class TestStapleFiles:
    """Staples on disk."""

    @pytest.mark.parametrize(
        ("copy", "level", "told"),
        [
            (StapleCopy(matches=True), Level.OK, "compared      the same as the server sends"),
            (StapleCopy(matches=False), Level.WARNING, "compared      not what the server sends"),
            (StapleCopy(None, "a\x1b is gone"), Level.OK, "compared      not possible: a\\x1b is gone"),
        ],
    )
    def test_what_the_comparison_came_to(self, copy: StapleCopy, level: Level, told: str) -> None:
        """It has a section of its own, is in the document, and is a warning where the server serves another staple."""
        result = compared(copy)
        text = printed(result)
        assert f"Staple on disk\n  {told}\n" in text
        assert assess(result, NOW).level is level
        warning = " WARNING  The server does not serve the staple that is in its file."
        is_stale = level is Level.WARNING
        assert (warning in text) is is_stale
        assert (advice.COPY_ACTION in " ".join(text.split())) is is_stale
        staples = document(result, NOW)["staples"]
        assert isinstance(staples, dict)
        assert staples["file"] == {"matches": copy.matches, "detail": copy.detail}

    def test_without_a_file_nothing_is_said(self) -> None:
        """The good twin has no section, and null in the document."""
        assert "Staple on disk" not in printed(found(STAPLE))
        staples = document(found(STAPLE), NOW)["staples"]
        assert isinstance(staples, dict)
        assert staples["file"] is None

    def test_a_file_watched_by_itself(self) -> None:
        """It has no handshake; its certificate and its staple are told."""
        target = Target("/staples/a.ocsp", "", 0, location="/staples/a.ocsp")
        findings = Findings(
            tls=None,
            certificates=(LEAF,),
            applicability=(Applicability(Source.FILE, 0, applicable=True),),
            evidence=(replace(STAPLE, source=Source.FILE),),
            revoked={0: False},
        )
        result = ProbeResult(target, "files", NOW, 0.02, {}, findings)
        text = printed(result)
        assert text.startswith("/staples/a.ocsp  module files")
        assert " OK  The staple file is good, for another 3 d." in text
        assert "\nCertificate\n  depth 0       CN=good.example\n" in text
        assert "\nStaple file\n  status        GOOD  verified; not revoked\n" in text
        assert "Connection" not in text
        assert document(result, NOW)["tls"] is None

    def test_a_glob_that_matches_nothing(self) -> None:
        """It is told as it stands, with what to do."""
        target = Target("/staples/*", "", 0, location="/staples/*")
        result = ProbeResult(target, "files", NOW, 0.02, {}, failure=Failure.FILE, detail="no file matches it")
        text = printed(result)
        assert "  target        /staples/*\n  failure       file\n  detail        no file matches it\n" in text
