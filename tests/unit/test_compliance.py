"""Staple policies, applicability, and what all sources say together: the tables of the design, written by hand."""

from dataclasses import replace

import pytest

from ocsp_exporter.model import (
    Applicability,
    CertificateFacts,
    Evidence,
    Problem,
    Reason,
    Revocation,
    Source,
    StaplePolicy,
    Status,
)
from ocsp_exporter.revocation.compliance import (
    agreement,
    applicability,
    is_compliant,
    is_revoked,
    is_staple_required,
    shown_staple,
    staple_applicability,
    staple_lag,
)

AUTO, MUST, ALWAYS, NEVER = StaplePolicy.AUTO, StaplePolicy.MUST, StaplePolicy.ALWAYS, StaplePolicy.NEVER
GOOD, REVOKED, UNKNOWN = Status.GOOD, Status.REVOKED, Status.UNKNOWN
FAILED, MISSING, INVALID = Status.SERVER_FAILED, Status.MISSING, Status.INVALID


@pytest.mark.parametrize(
    ("policy", "with_feature", "without"),
    [(AUTO, True, False), (MUST, True, False), (ALWAYS, True, True), (NEVER, False, False)],
)
def test_when_a_staple_is_required(policy: StaplePolicy, with_feature: bool, without: bool) -> None:
    """`auto` and `must` follow the TLS feature of the certificate, `always` and `never` do not."""
    assert is_staple_required(policy, must_staple=True) is with_feature
    assert is_staple_required(policy, must_staple=False) is without


#: One handshake, a staple required (under `never` it never is): compliant, while no source says revoked or nothing is
#: known, and while one says revoked. A revoked staple is itself such a source.
REQUIRED = [
    # policy, status of the staple, not revoked, revoked
    (AUTO, GOOD, True, True),
    (AUTO, REVOKED, True, True),
    (AUTO, UNKNOWN, True, True),
    (AUTO, FAILED, False, False),
    (AUTO, MISSING, False, False),
    (AUTO, INVALID, False, False),
    (MUST, GOOD, True, False),
    (MUST, REVOKED, False, False),
    (MUST, UNKNOWN, False, False),
    (MUST, FAILED, False, False),
    (MUST, MISSING, False, False),
    (MUST, INVALID, False, False),
    (ALWAYS, GOOD, True, False),
    (ALWAYS, REVOKED, False, False),
    (ALWAYS, UNKNOWN, False, False),
    (ALWAYS, FAILED, False, False),
    (ALWAYS, MISSING, False, False),
    (ALWAYS, INVALID, False, False),
]


@pytest.mark.parametrize(("policy", "status", "not_revoked", "revoked"), REQUIRED)
def test_compliance_where_a_staple_is_required(
    policy: StaplePolicy, status: Status, not_revoked: bool, revoked: bool
) -> None:
    """`auto` takes any verified answer, `must` and `always` only a good one that no source contradicts."""
    assert is_compliant(policy, [status], required=True, revoked=False) is not_revoked
    assert is_compliant(policy, [status], required=True, revoked=None) is not_revoked
    assert is_compliant(policy, [status], required=True, revoked=True) is revoked


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize(
    ("policy", "revoked", "expected"),
    [
        (AUTO, True, None),
        (AUTO, False, None),
        (AUTO, None, None),
        (MUST, True, False),
        (MUST, False, None),
        (MUST, None, None),
        (NEVER, True, None),
        (NEVER, False, None),
        (NEVER, None, None),
    ],
)
def test_compliance_where_no_staple_is_required(
    policy: StaplePolicy, revoked: bool | None, expected: bool | None, status: Status
) -> None:
    """Nothing is demanded, whatever the staple is, but that under `must` the leaf is not revoked."""
    assert is_compliant(policy, [status], required=False, revoked=revoked) is expected


@pytest.mark.parametrize(
    ("statuses", "auto", "must"),
    [
        ([GOOD, GOOD], True, True),
        ([GOOD, UNKNOWN], True, False),
        ([GOOD, MISSING], False, False),
        ([MISSING, GOOD], False, False),
        ([INVALID, GOOD, GOOD], False, False),
    ],
)
def test_every_handshake_counts(statuses: list[Status], auto: bool, must: bool) -> None:
    """One handshake without an acceptable staple is a violation: some client was refused."""
    assert is_compliant(AUTO, statuses, required=True, revoked=None) is auto
    assert is_compliant(MUST, statuses, required=True, revoked=None) is must
    assert is_compliant(ALWAYS, statuses, required=True, revoked=None) is must


# --- All sources --------------------------------------------------------------------------------------------

STAPLE, RESPONDER, CRL = Source.STAPLE, Source.RESPONDER, Source.CRL


def _evidence(source: Source, status: Status, depth: int = 0, this_update: int | None = None) -> Evidence:
    return Evidence(source, depth, status, this_update=this_update)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ([], {}),
        ([(STAPLE, GOOD, 0)], {0: False}),
        ([(STAPLE, REVOKED, 0)], {0: True}),
        ([(STAPLE, UNKNOWN, 0)], {}),
        ([(STAPLE, INVALID, 0), (RESPONDER, FAILED, 0), (CRL, MISSING, 0)], {}),
        ([(STAPLE, GOOD, 0), (RESPONDER, REVOKED, 0)], {0: True}),
        ([(STAPLE, REVOKED, 0), (RESPONDER, GOOD, 0)], {0: True}),
        ([(STAPLE, GOOD, 0), (RESPONDER, UNKNOWN, 0)], {0: False}),
        ([(STAPLE, INVALID, 0), (CRL, GOOD, 0)], {0: False}),
        ([(STAPLE, GOOD, 0), (CRL, REVOKED, 1), (CRL, UNKNOWN, 2)], {0: False, 1: True}),
    ],
)
def test_revoked_if_any_source_says_so(evidence: list[tuple[Source, Status, int]], expected: dict[int, bool]) -> None:
    """One verified revoked decides, else one verified good; a depth of which neither is known has no entry."""
    assert is_revoked([_evidence(*each) for each in evidence]) == expected


HOUR, DAY = 3600, 86400


def _told(source: Source, status: Status, at: int = 0, depth: int = 0) -> Evidence:
    """Evidence whose this_update, and, where it says revoked, whose revocation is at a time."""
    revocation = Revocation(at, None) if status is REVOKED else None
    return Evidence(source, depth, status, authentic=True, this_update=at, revocation=revocation)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ([], {}),
        ([_told(STAPLE, GOOD)], {}),
        ([_told(STAPLE, GOOD), _told(RESPONDER, INVALID), _told(CRL, MISSING)], {}),
        ([_told(STAPLE, GOOD), _told(RESPONDER, GOOD), _told(CRL, GOOD)], {0: True}),
        # A good from before the CA had to know everywhere is only old.
        ([_told(STAPLE, GOOD, DAY), _told(RESPONDER, REVOKED)], {0: True}),
        ([_told(STAPLE, GOOD, DAY + 1), _told(RESPONDER, REVOKED)], {0: False}),
        ([_told(RESPONDER, GOOD, DAY), _told(CRL, REVOKED)], {0: True}),
        ([_told(RESPONDER, GOOD, DAY + 1), _told(CRL, REVOKED)], {0: False}),
        ([_told(CRL, GOOD, DAY + 1), _told(RESPONDER, REVOKED)], {0: False}),
        ([_told(STAPLE, INVALID, DAY + 1), _told(RESPONDER, REVOKED), _told(CRL, REVOKED)], {0: True}),
        ([_told(STAPLE, REVOKED), _told(RESPONDER, REVOKED, 9 * DAY)], {0: True}),
        # OCSP against OCSP; a CRL says nothing of who exists.
        ([_told(STAPLE, GOOD), _told(RESPONDER, UNKNOWN)], {0: False}),
        ([_told(STAPLE, UNKNOWN), _told(RESPONDER, GOOD)], {0: False}),
        ([_told(STAPLE, UNKNOWN), _told(RESPONDER, UNKNOWN)], {0: True}),
        ([_told(RESPONDER, UNKNOWN), _told(CRL, GOOD)], {0: True}),
        ([_told(RESPONDER, UNKNOWN), _told(CRL, REVOKED)], {0: True}),
        # Each certificate by itself.
        ([_told(STAPLE, GOOD, 9 * DAY), _told(CRL, REVOKED, depth=1)], {}),
        ([_told(RESPONDER, GOOD, 9 * DAY, 1), _told(CRL, REVOKED, 0, 1), _told(STAPLE, GOOD)], {1: False}),
    ],
)
def test_sources_agree_unless_one_contradicts_another(evidence: list[Evidence], expected: dict[int, bool]) -> None:
    """A good issued more than a day after another's revocation contradicts it, and OCSP's unknown OCSP's good."""
    assert agreement(evidence) == expected
    assert agreement(reversed(evidence)) == expected


def test_the_lag_of_a_staple() -> None:
    """The lag is the responder's this_update minus the staple's, of the leaf's authentic evidence."""
    staple, responder = _told(STAPLE, GOOD, HOUR), _told(RESPONDER, GOOD, DAY)
    expired = replace(staple, status=INVALID, problems=(Problem.EXPIRED,))

    assert staple_lag([staple, responder]) == DAY - HOUR
    assert staple_lag([_told(STAPLE, GOOD, DAY), _told(RESPONDER, GOOD, HOUR)]) == HOUR - DAY
    assert staple_lag([expired, responder]) == DAY - HOUR
    assert staple_lag([staple]) is None
    assert staple_lag([staple, _told(CRL, GOOD, DAY)]) is None
    assert staple_lag([staple, replace(responder, authentic=False)]) is None
    assert staple_lag([staple, _told(RESPONDER, GOOD, DAY, depth=1)]) is None


def _leaf(ocsp_urls: tuple[str, ...] = (), crl_urls: tuple[str, ...] = ()) -> CertificateFacts:
    return CertificateFacts(
        depth=0,
        subject="CN=leaf",
        issuer="CN=ca",
        serial_number="1",
        fingerprint_sha256="00",
        public_key_algorithm="ed25519",
        not_before=0,
        not_after=1,
        must_staple=False,
        ocsp_urls=ocsp_urls,
        crl_urls=crl_urls,
    )


@pytest.mark.parametrize(
    ("required", "sent", "expected"),
    [(False, False, False), (True, False, True), (False, True, True), (True, True, True)],
)
def test_a_staple_applies_where_it_is_required_or_sent(required: bool, sent: bool, expected: bool) -> None:
    """One that nobody demands and nobody sent never alarms."""
    staple = staple_applicability(required=required, sent=sent)
    assert staple == Applicability(STAPLE, 0, expected, "")


@pytest.mark.parametrize(
    ("urls", "applicable", "host"),
    [
        ((), False, ""),
        (("http://one.example/x",), True, "one.example"),
        (("https://One.Example:8443/",), True, "one.example"),
        (("http://[2001:db8::1]:80/",), True, "2001:db8::1"),
        (("ldap://one.example", "http://two.example"), True, "two.example"),
        (("http://one.example", "http://two.example"), True, "one.example"),
        (("ldap://one.example/cn=crl",), False, ""),
        (("ftp://one.example/crl",), False, ""),
        (("http://[one.example/",), False, ""),
        (("http:///nowhere",), False, ""),
        (("one.example",), False, ""),
        (("",), False, ""),
    ],
)
def test_a_responder_and_a_crl_apply_where_an_http_url_names_them(
    urls: tuple[str, ...], applicable: bool, host: str
) -> None:
    """Each by its own URLs; other schemes and texts that are no URL do not count."""
    responder, crl = applicability(_leaf(ocsp_urls=urls))
    assert responder == Applicability(RESPONDER, 0, applicable, host)
    assert crl == Applicability(CRL, 0, False, "")
    responder, crl = applicability(_leaf(crl_urls=urls))
    assert responder == Applicability(RESPONDER, 0, False, "")
    assert crl == Applicability(CRL, 0, applicable, host)


def test_the_staple_shown_is_the_one_that_cannot_be_relied_on_else_the_worst_else_the_oldest() -> None:
    """Of several staples the worst is shown, whatever their order; of none, none."""
    fresh, old = _evidence(STAPLE, GOOD, this_update=200), _evidence(STAPLE, GOOD, this_update=100)
    broken = Evidence(STAPLE, 0, INVALID, (Problem.MALFORMED,))
    unknown = _evidence(STAPLE, UNKNOWN, this_update=300)
    revoked = Evidence(STAPLE, 0, REVOKED, this_update=150, revocation=Revocation(120, Reason.SUPERSEDED))
    assert shown_staple([]) is None
    assert shown_staple([fresh]) is fresh
    assert shown_staple([fresh, old]) is shown_staple([old, fresh]) is old
    assert shown_staple([fresh, broken, old]) is shown_staple([broken, old]) is broken
    assert shown_staple([old, revoked, unknown]) is shown_staple([revoked, old]) is revoked
    assert shown_staple([old, unknown, fresh]) is shown_staple([unknown, old]) is unknown
