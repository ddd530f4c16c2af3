"""Each rule for responders: a hearing that breaks it, and its twin that does not."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp

from ocsp_exporter.demo.authority import Authority, unsuccessful
from ocsp_exporter.demo.certificate import DAY, HOUR
from ocsp_exporter.demo.response import nonce
from ocsp_exporter.model import (
    Check,
    CheckFindings,
    Evidence,
    ExpectedAnswer,
    KnownAnswer,
    Problem,
    Profile,
    RequestMethod,
    Source,
    Status,
)
from ocsp_exporter.revocation.certificate import Numbered
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.conformance import RULES, judge
from ocsp_exporter.revocation.exchange import Exchange, Hearing
from ocsp_exporter.revocation.status import status_of, with_problems
from ocsp_exporter.revocation.validation import Origin, validate
from tests.scenarios.material import signing_key

NOW = 1_800_000_000.0
# Signatures by such keys have one size.
CA = Authority.root(NOW, not_after=NOW + 3 * DAY, key=signing_key("ed25519"), serial_number=1)
DELEGATE = CA.delegate(key=signing_key("ed25519", 1), serial_number=2)
SERIAL, OTHER = 0x1234, 0x7777
NONCE = bytes(32)
GET, POST = RequestMethod.GET, RequestMethod.POST

URL = "http://ca.example/"
PLAIN_URL, ENCODED_URL, LONG_URL = f"{URL}MEow", f"{URL}MEow%2F%3D", f"{URL}{'M' * 255}"


def came(
    body: bytes | None = None,
    method: RequestMethod = GET,
    *,
    about: int = SERIAL,
    url: str = PLAIN_URL,
    sent: bytes | None = None,
    problem: Problem | None = None,
    **headers: str,
) -> Exchange:
    """Make an exchange that brought a body, by default a good answer signed by a delegate that holds for a day."""
    body = body or good()
    evidence = validate(
        body, Numbered(about, CA.certificate), CA.certificate, NOW, Policy(), Origin(Source.RESPONDER), nonce=sent
    )
    evidence = with_problems(evidence, (problem,) if problem else ())
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Exchange(method, url, evidence, NOW, 200, named, 0.01)


def good(**options: Any) -> bytes:  # noqa: ANN401 -- the options of an answer, each of a type of its own
    """Make an answer about the certificate."""
    return CA.answer(SERIAL, **{"signer": DELEGATE, "next_update": NOW + DAY, **options})


def failed(
    status_code: int | None = None, method: RequestMethod = GET, url: str = PLAIN_URL, detail: str = ""
) -> Exchange:
    """Make an exchange that brought nothing."""
    problem = Problem.HTTP_ERROR if status_code else Problem.UNREACHABLE
    evidence = Evidence(Source.RESPONDER, 0, status_of((problem,)) or Status.INVALID, (problem,))
    return Exchange(method, url, evidence, NOW, status_code, took=0.01, detail=detail)


def refused() -> Exchange:
    """Make an exchange that the exporter's own policy forbids."""
    evidence = Evidence(Source.RESPONDER, 0, Status.MISSING, (Problem.BLOCKED_BY_EGRESS_POLICY,))
    return Exchange(GET, PLAIN_URL, evidence, NOW, took=0.01, detail="it is in egress.deny")


REFUSED = unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)
LATER = unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
MALFORMED = unsuccessful(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
SHA256 = {"hash_algorithm": hashes.SHA256()}

GOOD = Hearing(came(), came(method=POST))


def known(expected: ExpectedAnswer, exchange: Exchange | None) -> tuple[KnownAnswer, Exchange | None]:
    """Make a known answer about the other serial number, and what came."""
    return KnownAnswer(OTHER, expected), exchange


def other(status: Status, method: RequestMethod = POST) -> Exchange:
    """Make an answer about the other serial number."""
    return came(CA.answer(OTHER, status=status), method, about=OTHER)


def delegate(**options: Any) -> Exchange:  # noqa: ANN401 -- the options of a certificate, likewise
    """Make an answer that such a delegate signed."""
    return came(good(signer=CA.delegate(**options)))


def lasting(begun: float, lasts: float) -> Hearing:
    """Make an answer that began some seconds ago, and lasts from there for so many."""
    return Hearing(came(good(this_update=NOW - begun, next_update=NOW - begun + lasts)), None)


#: A check, what is heard, whether that conforms, and what is seen.
CASES: Mapping[str, tuple[Check, Hearing, bool | None, str]] = {
    # By either method
    "GET": (Check.GET, GOOD, True, "good"),
    "GET: revoked": (Check.GET, Hearing(came(good(status=Status.REVOKED)), None), True, "revoked"),
    "GET: not asked": (Check.GET, Hearing(None, None), None, "not asked in time"),
    "GET: not allowed": (Check.GET, Hearing(refused(), None), None, "it is in egress.deny"),
    "GET: 405": (Check.GET, Hearing(failed(405), came(method=POST)), False, "HTTP 405"),
    "GET: down": (Check.GET, Hearing(failed(detail="no route"), None), False, "no route"),
    "GET: down, without a word": (Check.GET, Hearing(failed(), None), False, "unreachable"),
    "GET: refused": (Check.GET, Hearing(came(REFUSED), None), False, "unauthorized"),
    "GET: expired": (
        Check.GET,
        Hearing(came(good(this_update=NOW - DAY, next_update=NOW - HOUR)), None),
        False,
        "invalid (expired)",
    ),
    "GET: too long": (
        Check.GET,
        Hearing(failed(414, url=LONG_URL), None),
        None,
        "the URL has more than 255 octets, so clients ask by POST",
    ),
    "GET: long": (Check.GET, Hearing(came(url=LONG_URL), None), True, "good"),
    "GET: only plainly": (
        Check.GET,
        Hearing(failed(404, url=ENCODED_URL), None, plain_get=came()),
        True,
        "good, if nothing in the URL is percent-encoded",
    ),
    "GET: nor plainly": (
        Check.GET,
        Hearing(failed(404, url=ENCODED_URL), None, plain_get=failed(403)),
        False,
        "HTTP 404",
    ),
    "POST": (Check.POST, GOOD, True, "good"),
    "POST: 405": (Check.POST, Hearing(came(), failed(405, POST)), False, "HTTP 405"),
    "POST: not asked": (Check.POST, Hearing(came(), None), None, "not asked in time"),
    "POST: confused": (
        Check.POST,
        Hearing(came(), came(method=POST), unassigned=came(method=POST, about=OTHER)),
        False,
        "good, but another question was answered with what answers this one",
    ),
    "POST: not confused": (
        Check.POST,
        Hearing(came(), came(method=POST), unassigned=other(Status.UNKNOWN)),
        True,
        "good",
    ),
    "GET: while POST is confused": (
        Check.GET,
        Hearing(came(), came(method=POST), unassigned=came(method=POST, about=OTHER)),
        True,
        "good",
    ),
    # Percent-encoding
    "encoded": (
        Check.PERCENT_ENCODED_GET,
        Hearing(came(), None, encoded_get=came(url=ENCODED_URL)),
        True,
        "understood",
    ),
    "encoded: not understood": (
        Check.PERCENT_ENCODED_GET,
        Hearing(None, None, encoded_get=failed(404, url=ENCODED_URL), plain_get=came()),
        False,
        "HTTP 404; good where the same stands there plainly",
    ),
    "encoded: GET does not work at all": (
        Check.PERCENT_ENCODED_GET,
        Hearing(None, None, encoded_get=failed(405, url=ENCODED_URL), plain_get=failed(405)),
        None,
        "HTTP 405",
    ),
    "encoded: not asked": (Check.PERCENT_ENCODED_GET, GOOD, None, "not asked"),
    # Headers
    "type": (Check.CONTENT_TYPE, GOOD, True, "application/ocsp-response"),
    "type: text": (
        Check.CONTENT_TYPE,
        Hearing(came(), came(method=POST, problem=Problem.WRONG_CONTENT_TYPE, content_type="text/plain")),
        False,
        "text/plain, by POST",
    ),
    "type: none": (
        Check.CONTENT_TYPE,
        Hearing(came(problem=Problem.WRONG_CONTENT_TYPE), None),
        False,
        "none, by GET",
    ),
    "type: of a refusal": (
        Check.CONTENT_TYPE,
        Hearing(came(REFUSED, problem=Problem.WRONG_CONTENT_TYPE, content_type="text/html"), None),
        False,
        "text/html, by GET",
    ),
    "type: of what is no response": (
        Check.CONTENT_TYPE,
        Hearing(came(b"<html>", problem=Problem.WRONG_CONTENT_TYPE, content_type="text/html"), None),
        None,
        "no response came",
    ),
    "cached: for no stated time": (Check.CACHE_HEADERS, GOOD, True, "caches are told nothing"),
    "cached: until the end": (
        Check.CACHE_HEADERS,
        Hearing(came(cache_control="max-age=86400", expires="Sat, 16 Jan 2027 08:00:00 GMT"), None),
        True,
        "max-age=86400, Expires Sat, 16 Jan 2027 08:00:00 GMT",
    ),
    "cached: for too long": (
        Check.CACHE_HEADERS,
        Hearing(came(cache_control="public, max-age=259200"), None),
        False,
        "max-age=259200 lets caches keep it for 2.0 d longer than it holds",
    ),
    "cached: beyond the end": (
        Check.CACHE_HEADERS,
        Hearing(came(cache_control="max-age=60", expires="Sat, 16 Jan 2027 09:00:00 GMT"), None),
        False,
        "Expires Sat, 16 Jan 2027 09:00:00 GMT lets caches keep it for 60.0 min longer than it holds",
    ),
    "cached: without an end": (
        Check.CACHE_HEADERS,
        Hearing(came(good(next_update=None), cache_control="max-age=60"), None),
        None,
        "the response has no nextUpdate",
    ),
    "cached: by POST": (
        Check.CACHE_HEADERS,
        Hearing(failed(405), came(method=POST, cache_control="max-age=259200")),
        None,
        "no response came by GET, which alone is kept in caches",
    ),
    # Size
    "size": (Check.RESPONSE_SIZE, Hearing(came(good(extensions=[nonce(bytes(9_000))])), None), True, "9,663 octets"),
    "size: large": (
        Check.RESPONSE_SIZE,
        Hearing(came(), came(good(extensions=[nonce(bytes(10_000))]), POST)),
        False,
        "10,663 octets",
    ),
    "size: of nothing": (Check.RESPONSE_SIZE, Hearing(failed(), None), None, "no response was verified"),
    # What is known
    "known: none": (Check.KNOWN_ANSWERS, GOOD, None, "none are configured"),
    "known": (
        Check.KNOWN_ANSWERS,
        dataclasses.replace(
            GOOD,
            known=(
                known(ExpectedAnswer.REVOKED, other(Status.REVOKED)),
                known(ExpectedAnswer.UNKNOWN, other(Status.UNKNOWN)),
                known(ExpectedAnswer.UNAUTHORIZED, came(REFUSED, POST, about=OTHER)),
            ),
        ),
        True,
        "all 3 answers are as expected",
    ),
    "known: good for revoked": (
        Check.KNOWN_ANSWERS,
        dataclasses.replace(
            GOOD, known=(known(ExpectedAnswer.REVOKED, other(Status.GOOD)), known(ExpectedAnswer.GOOD, None))
        ),
        False,
        "good for 0x7777 by POST, where revoked is right",
    ),
    "known: unauthorized for unknown": (
        Check.KNOWN_ANSWERS,
        dataclasses.replace(GOOD, known=(known(ExpectedAnswer.UNKNOWN, came(REFUSED, about=OTHER)),)),
        False,
        "unauthorized for 0x7777 by GET, where unknown is right",
    ),
    "known: unknown for unauthorized": (
        Check.KNOWN_ANSWERS,
        dataclasses.replace(GOOD, known=(known(ExpectedAnswer.UNAUTHORIZED, other(Status.UNKNOWN)),)),
        False,
        "unknown for 0x7777 by POST, where unauthorized is right",
    ),
    "known: many": (
        Check.KNOWN_ANSWERS,
        dataclasses.replace(GOOD, known=(known(ExpectedAnswer.REVOKED, other(Status.GOOD)),) * 5),
        False,
        "; ".join(["good for 0x7777 by POST, where revoked is right"] * 3) + "; and 2 more",
    ),
    "known: about another": (
        Check.KNOWN_ANSWERS,
        dataclasses.replace(GOOD, known=(known(ExpectedAnswer.GOOD, came(about=OTHER)),)),
        False,
        "invalid (no_matching_response) for 0x7777 by GET, where good is right",
    ),
    "known: not all answered": (
        Check.KNOWN_ANSWERS,
        dataclasses.replace(
            GOOD,
            known=(
                known(ExpectedAnswer.GOOD, other(Status.GOOD)),
                known(ExpectedAnswer.GOOD, failed(503)),
                known(ExpectedAnswer.GOOD, came(LATER, about=OTHER)),
                known(ExpectedAnswer.GOOD, None),
            ),
        ),
        None,
        "no answer to 3 of 4 questions",
    ),
    # What nobody assigned
    "unassigned": (
        Check.UNASSIGNED_SERIAL_NOT_GOOD,
        dataclasses.replace(GOOD, unassigned=other(Status.UNKNOWN)),
        True,
        "unknown",
    ),
    "unassigned: revoked": (
        Check.UNASSIGNED_SERIAL_NOT_GOOD,
        dataclasses.replace(GOOD, unassigned=other(Status.REVOKED)),
        True,
        "revoked",
    ),
    "unassigned: unauthorized": (
        Check.UNASSIGNED_SERIAL_NOT_GOOD,
        dataclasses.replace(GOOD, unassigned=came(REFUSED, about=OTHER)),
        True,
        "unauthorized",
    ),
    "unassigned: 404": (
        Check.UNASSIGNED_SERIAL_NOT_GOOD,
        dataclasses.replace(GOOD, unassigned=failed(404)),
        True,
        "HTTP 404",
    ),
    "unassigned: good": (
        Check.UNASSIGNED_SERIAL_NOT_GOOD,
        dataclasses.replace(GOOD, unassigned=other(Status.GOOD)),
        False,
        "good, for a random serial number of 127 bits",
    ),
    "unassigned: about another": (
        Check.UNASSIGNED_SERIAL_NOT_GOOD,
        dataclasses.replace(GOOD, unassigned=came(about=OTHER)),
        None,
        "invalid (no_matching_response)",
    ),
    "unassigned: later": (
        Check.UNASSIGNED_SERIAL_NOT_GOOD,
        dataclasses.replace(GOOD, unassigned=came(LATER, about=OTHER)),
        None,
        "try_later",
    ),
    "unassigned: 502": (
        Check.UNASSIGNED_SERIAL_NOT_GOOD,
        dataclasses.replace(GOOD, unassigned=failed(502)),
        None,
        "HTTP 502",
    ),
    "unassigned: not asked": (Check.UNASSIGNED_SERIAL_NOT_GOOD, GOOD, None, "not asked"),
    # SHA-256
    "sha256": (
        Check.SHA256_CERT_ID,
        dataclasses.replace(GOOD, sha256=came(good(**SHA256))),
        True,
        "good, with a CertID made with sha256",
    ),
    "sha256: both": (
        Check.SHA256_CERT_ID,
        dataclasses.replace(GOOD, sha256=came(good(also=[CA.single(SERIAL, **SHA256, next_update=NOW + DAY)]))),  # type: ignore[arg-type]  # options of a single response
        True,
        "good, with a CertID made with sha1 and sha256",
    ),
    "sha256: answered by SHA-1": (
        Check.SHA256_CERT_ID,
        dataclasses.replace(GOOD, sha256=came()),
        False,
        "good, with a CertID made with sha1",
    ),
    "sha256: refused": (
        Check.SHA256_CERT_ID,
        dataclasses.replace(GOOD, sha256=came(REFUSED)),
        False,
        "unauthorized",
    ),
    "sha256: 400": (Check.SHA256_CERT_ID, dataclasses.replace(GOOD, sha256=failed(400)), False, "HTTP 400"),
    "sha256: 429": (Check.SHA256_CERT_ID, dataclasses.replace(GOOD, sha256=failed(429)), None, "HTTP 429"),
    "sha256: not asked": (Check.SHA256_CERT_ID, GOOD, None, "not asked"),
    # Nonces
    "nonce": (
        Check.NONCE_ECHOED,
        dataclasses.replace(GOOD, nonce=came(good(extensions=[nonce(NONCE)]), sent=NONCE)),
        True,
        "the nonce that was sent",
    ),
    "nonce: none": (Check.NONCE_ECHOED, dataclasses.replace(GOOD, nonce=came(sent=NONCE)), False, "no nonce"),
    "nonce: another": (
        Check.NONCE_ECHOED,
        dataclasses.replace(GOOD, nonce=came(good(extensions=[nonce(b"1" * 32)]), sent=NONCE)),
        False,
        "another nonce than was sent",
    ),
    "nonce: refused": (
        Check.NONCE_ECHOED,
        dataclasses.replace(GOOD, nonce=came(MALFORMED, sent=NONCE)),
        False,
        "malformed_request",
    ),
    "nonce: down": (Check.NONCE_ECHOED, dataclasses.replace(GOOD, nonce=failed(detail="gone")), None, "gone"),
    "nonce: not asked": (Check.NONCE_ECHOED, GOOD, None, "not asked"),
    # The signer
    "nocheck": (Check.SIGNER_NOCHECK, GOOD, True, "the delegate's certificate has it"),
    "nocheck: without": (
        Check.SIGNER_NOCHECK,
        Hearing(came(), delegate(nocheck=False)),
        False,
        "the delegate's certificate is without it",
    ),
    "nocheck: of the CA": (
        Check.SIGNER_NOCHECK,
        Hearing(came(good(signer=None)), None),
        None,
        "no delegate of the CA signed",
    ),
    "signer": (
        Check.SIGNER_OUTLIVES_RESPONSE,
        Hearing(delegate(not_after=NOW + DAY), None),
        True,
        "the signer's certificate ends 0.0 min after it",
    ),
    "signer: ends before": (
        Check.SIGNER_OUTLIVES_RESPONSE,
        Hearing(came(), delegate(not_after=NOW + DAY - HOUR)),
        False,
        "the signer's certificate ends 60.0 min before it",
    ),
    "signer: the CA": (
        Check.SIGNER_OUTLIVES_RESPONSE,
        Hearing(came(good(signer=None, next_update=NOW + 7 * DAY)), None),
        False,
        "the signer's certificate ends 4.0 d before it",
    ),
    "signer: of what never ends": (
        Check.SIGNER_OUTLIVES_RESPONSE,
        Hearing(came(good(next_update=None)), None),
        None,
        "no response with a nextUpdate was verified",
    ),
    # Time, as public CAs have agreed
    "interval: shortest": (Check.VALIDITY_INTERVAL, lasting(HOUR, 8 * HOUR), True, "8.0 h"),
    "interval: too short": (Check.VALIDITY_INTERVAL, lasting(HOUR, 8 * HOUR - 1), False, "8.0 h"),
    "interval: longest": (Check.VALIDITY_INTERVAL, lasting(HOUR, 10 * DAY), True, "10.0 d"),
    "interval: too long": (Check.VALIDITY_INTERVAL, lasting(HOUR, 11 * DAY), False, "11.0 d"),
    "interval: one of two": (
        Check.VALIDITY_INTERVAL,
        Hearing(came(), came(good(next_update=NOW + 20 * DAY), POST)),
        False,
        "20.0 d",
    ),
    "interval: without an end": (
        Check.VALIDITY_INTERVAL,
        Hearing(came(good(next_update=None)), None),
        False,
        "no nextUpdate",
    ),
    "interval: of a CA's certificate": (
        Check.VALIDITY_INTERVAL,
        dataclasses.replace(lasting(HOUR, 90 * DAY), is_authority=True),
        None,
        "the certificate is one of a CA",
    ),
    "interval: of nothing": (Check.VALIDITY_INTERVAL, Hearing(failed(), None), None, "no response was verified"),
    "update: short, before half": (
        Check.UPDATED_IN_TIME,
        lasting(4 * HOUR, 8 * HOUR),
        True,
        "newer is due 0.0 min from now",
    ),
    "update: short, after half": (
        Check.UPDATED_IN_TIME,
        lasting(5 * HOUR, 8 * HOUR),
        False,
        "overdue for 60.0 min",
    ),
    "update: 8 hours before the end": (
        Check.UPDATED_IN_TIME,
        lasting(16 * HOUR, DAY),
        True,
        "newer is due 0.0 min from now",
    ),
    "update: less than 8 hours before the end": (
        Check.UPDATED_IN_TIME,
        lasting(19 * HOUR, DAY),
        False,
        "overdue for 3.0 h",
    ),
    "update: 4 days after the beginning": (
        Check.UPDATED_IN_TIME,
        lasting(3 * DAY, 10 * DAY),
        True,
        "newer is due 24.0 h from now",
    ),
    "update: more than 4 days after the beginning": (
        Check.UPDATED_IN_TIME,
        lasting(5 * DAY, 10 * DAY),
        False,
        "overdue for 24.0 h",
    ),
    "update: of a CA's certificate": (
        Check.UPDATED_IN_TIME,
        dataclasses.replace(lasting(5 * DAY, 10 * DAY), is_authority=True),
        None,
        "the certificate is one of a CA",
    ),
    "update: of what never ends": (
        Check.UPDATED_IN_TIME,
        Hearing(came(good(next_update=None)), None),
        None,
        "no response with a nextUpdate was verified",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_check_says_what_it_saw(name: str) -> None:
    """Whether it conforms, None where no answer tells, and in few words why."""
    check, hearing, conforms, seen = CASES[name]
    found = {each.check: each for each in judge(hearing, Profile.PUBLIC)}
    assert found[check] == CheckFindings(check, conforms, seen)


@pytest.mark.parametrize("check", Check)
def test_each_check_is_seen_to_fail_and_to_pass(check: Check) -> None:
    """The table above has both of every member, and what cannot be judged."""
    assert {True, False, None} == {conforms for each, _, conforms, _ in CASES.values() if each is check}


def test_every_check_has_one_rule_in_the_order_in_which_they_are_published() -> None:
    """The table has a row for each member of the enumeration."""
    assert [rule.check for rule in RULES] == list(Check)


def test_the_rules_of_public_cas_bind_nobody_else() -> None:
    """How long an answer holds, and what it says of what it never issued, is for a private CA to decide."""
    private, public = ({each.check for each in judge(GOOD, profile)} for profile in Profile)
    assert public - private == {Check.UNASSIGNED_SERIAL_NOT_GOOD, Check.VALIDITY_INTERVAL, Check.UPDATED_IN_TIME}


def test_nothing_heard_is_nothing_judged() -> None:
    """Where nothing was asked in time no check says anything."""
    assert {each.conforms for each in judge(Hearing(None, None), Profile.PUBLIC)} == {None}


@pytest.mark.parametrize(
    "body", [b"", b"<html>", REFUSED, LATER, good()[:-1], CA.twin().answer(SERIAL), CA.answer(OTHER)]
)
def test_no_answer_is_too_odd_to_be_judged(body: bytes) -> None:
    """Whatever comes, to whatever was asked, no check raises, and none that needs an answer conforms."""
    by: Callable[[RequestMethod], Exchange] = lambda method: came(body or b"\x00", method, sent=NONCE)  # noqa: E731
    answers = (known(ExpectedAnswer.GOOD, by(GET)),)
    hearing = Hearing(by(GET), by(POST), by(GET), by(GET), by(POST), by(POST), by(POST), answers)
    found = {each.check: each.conforms for each in judge(hearing, Profile.PUBLIC)}
    assert (found[Check.GET], found[Check.POST], found[Check.RESPONSE_SIZE]) == (False, False, None)
