"""Whatever the bytes are, the pure core answers, or raises the one error that it says it raises."""

import contextlib

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocsp_exporter.model import VERIFIED
from ocsp_exporter.revocation import certificate
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.extensions import crl_urls, has_must_staple, may_sign_responses, ocsp_urls
from ocsp_exporter.revocation.facts import describe
from ocsp_exporter.revocation.path import build_path
from ocsp_exporter.revocation.response import MalformedResponse, parse
from ocsp_exporter.revocation.validation import validate
from tests.fuzz.mutating import mutated
from tests.fuzz.targets import TARGETS
from tests.property.strategies import CERTIFICATES, any_bytes, certificates, changed_responses, policies, times

without_deadline = settings(deadline=None, max_examples=300)


@given(any_bytes | changed_responses)
@without_deadline
def test_parsing_a_response_raises_only_its_own_error(data: bytes) -> None:
    """A response is read whole or is MalformedResponse."""
    with contextlib.suppress(MalformedResponse):
        parse(data)


@given(any_bytes | changed_responses, certificates, st.none() | certificates, times, policies)
@example(b"", CERTIFICATES[0], None, float("nan"), Policy(clock_skew=float("inf")))
@without_deadline
def test_validating_never_raises(
    data: bytes, subject: x509.Certificate, issuer: x509.Certificate | None, now: float, policy: Policy
) -> None:
    """Any bytes, certificates, time and policy give a verdict, and one without an issuer is never verified."""
    evidence = validate(data, subject, issuer, now, policy)
    assert evidence.authentic or evidence.status not in VERIFIED
    assert issuer is not None or not evidence.authentic


@given(any_bytes | changed_responses)
@without_deadline
def test_the_reader_of_der_raises_only_its_own_error(data: bytes) -> None:
    """Every element inside any bytes is read or is DERError, and lies where it says within the data."""
    TARGETS["der"].check(data)


@given(
    any_bytes
    | st.builds(
        mutated, st.randoms(use_true_random=False), certificates.map(lambda each: each.public_bytes(Encoding.DER))
    )
)
@without_deadline
def test_reading_a_certificate_never_raises(data: bytes) -> None:
    """What parse() gives can be asked everything that a probe asks of a certificate."""
    parsed = certificate.parse(data)
    if parsed is None:
        return
    facts = describe(parsed, 0)
    assert facts.must_staple is has_must_staple(parsed)
    assert facts.ocsp_urls == ocsp_urls(parsed)
    assert facts.crl_urls == crl_urls(parsed)
    may_sign_responses(parsed)
    assert build_path(parsed, CERTIFICATES, {})[0] is parsed
