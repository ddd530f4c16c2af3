"""What is read of a response beside what the scenarios hold."""

import pytest
from cryptography.x509 import CRLReason
from cryptography.x509.oid import OCSPExtensionOID

from ocsp_exporter.demo import der
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import HOUR
from ocsp_exporter.demo.response import extension, nonce, responder_by_key, response_data, signed_response
from ocsp_exporter.model import Problem
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.response import MalformedResponse, Response, parse
from ocsp_exporter.revocation.validation import validate

NOW = 1_800_000_000
CA = Authority.root(NOW)
LEAF = CA.leaf("leaf.example")


def test_a_time_in_the_year_0_is_none() -> None:
    """There is no such year; the same response with a year that there is can be read."""
    time = der.generalized_time(NOW - HOUR)
    data = response_data(responder_by_key(CA.certificate), NOW, [CA.single(LEAF)])
    assert isinstance(parse(signed_response(data, CA.key)), Response)
    with pytest.raises(MalformedResponse) as malformed:
        parse(signed_response(data.replace(time, time[:2] + b"0000" + time[6:]), CA.key))
    assert malformed.value.problem is Problem.MALFORMED


@pytest.mark.parametrize("nocheck", [True, False])
def test_it_is_noted_whether_a_delegate_is_to_be_checked_itself(nocheck: bool) -> None:
    """id-pkix-ocsp-nocheck of the delegate is told; of the issuer itself there is nothing to tell."""
    delegated = CA.answer(LEAF, signer=CA.delegate(nocheck=nocheck))
    own = CA.answer(LEAF)
    facts = [validate(each, LEAF.certificate, CA.certificate, NOW, Policy()).response for each in (delegated, own)]
    assert [each and each.nocheck for each in facts] == [nocheck, None]


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ([], None),
        ([nonce(bytes(32))], bytes(32)),
        ([nonce(b"")], b""),
        ([nonce(bytes(200))], bytes(200)),
        ([extension(OCSPExtensionOID.NONCE, b"\x04\x05four")], b"\x04\x05four"),  # says that it is longer
        ([extension(OCSPExtensionOID.NONCE, b"raw octets")], b"raw octets"),  # as RFC 2560 has it
        ([extension(OCSPExtensionOID.NONCE, b"")], b""),
        ([extension(CRLReason.oid, b"\x0a\x01\x01"), nonce(b"second")], b"second"),
    ],
)
def test_the_nonce_is_read_as_it_stands(extensions: list[bytes], expected: bytes | None) -> None:
    """Whatever its octets are, the answer beside it can be read (RFC 9654, section 2.1)."""
    response = parse(CA.answer(LEAF, extensions=extensions))
    assert isinstance(response, Response)
    assert response.nonce == expected
