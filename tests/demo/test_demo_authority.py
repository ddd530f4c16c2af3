"""What the lab's CA makes, read by others: cryptography's parsers and the OpenSSL command line."""

import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from ocsp_exporter.demo.authority import Authority, unsuccessful
from ocsp_exporter.demo.certificate import DAY, HOUR, Credential, rsa_key
from ocsp_exporter.demo.response import (
    RSA_PSS_SHA256,
    PrivateKey,
    cert_status,
    extension,
    nonce,
    responder_by_name,
)
from ocsp_exporter.model import Reason, Revocation, Status

OpenSSL = Callable[..., Awaitable[str]]

NOW = 1_750_000_000.0  # 2025-06-15 15:06:40 UTC

shared_rsa_key = lru_cache(rsa_key)


@pytest.fixture
def authority() -> Authority:
    """Return a CA at a constant time."""
    return Authority.root(NOW)


def test_a_leaf_says_what_it_was_asked_to_say() -> None:
    """Names, TLS feature, URLs, times and serial number of a leaf are those of its arguments."""
    leaf = Authority.root(NOW).leaf(
        "www.example",
        "192.0.2.1",
        must_staple=True,
        ocsp_urls=["http://ocsp.example/"],
        crl_urls=["http://crl.example/ca.crl"],
        issuer_urls=["http://ca.example/ca.cer"],
        serial_number=0x1234,
        not_before=NOW - 10,
        not_after=NOW + 10,
    )
    certificate = leaf.certificate
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    feature = certificate.extensions.get_extension_for_class(x509.TLSFeature).value
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert certificate.serial_number == 0x1234
    assert certificate.not_valid_before_utc.timestamp() == 1_749_999_990
    assert certificate.not_valid_after_utc.timestamp() == 1_750_000_010
    assert names.get_values_for_type(x509.DNSName) == ["www.example"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.1"]
    assert list(feature) == [x509.TLSFeatureType.status_request]
    assert [(each.access_method, each.access_location.value) for each in access] == [
        (AuthorityInformationAccessOID.OCSP, "http://ocsp.example/"),
        (AuthorityInformationAccessOID.CA_ISSUERS, "http://ca.example/ca.cer"),
    ]
    assert [name.value for point in points for name in point.full_name or ()] == ["http://crl.example/ca.crl"]


@pytest.mark.parametrize(
    "absent", [x509.TLSFeature, x509.AuthorityInformationAccess, x509.CRLDistributionPoints], ids=lambda it: it.__name__
)
def test_a_plain_leaf_has_nothing_about_revocation(authority: Authority, absent: type[x509.ExtensionType]) -> None:
    """Without arguments a leaf demands no staple and names no responder and no CRL."""
    with pytest.raises(x509.ExtensionNotFound):
        authority.leaf().certificate.extensions.get_extension_for_class(absent)


def test_a_twin_has_the_name_and_not_the_key(authority: Authority) -> None:
    """A leaf was issued by its CA, and only seems to come from the twin."""
    twin, leaf = authority.twin(), authority.leaf()
    assert twin.certificate.subject == authority.certificate.subject
    leaf.certificate.verify_directly_issued_by(authority.certificate)
    with pytest.raises(InvalidSignature):
        leaf.certificate.verify_directly_issued_by(twin.certificate)


def test_the_chain_of_an_intermediates_leaf_ends_below_the_root(authority: Authority) -> None:
    """What a server sends beside its leaf are the intermediates, lowest first, without the root."""
    upper = authority.intermediate("Upper")
    lower = upper.intermediate("Lower")
    assert lower.leaf().chain == (lower.certificate, upper.certificate)
    assert authority.leaf().chain == ()


def test_a_delegate_may_sign_unless_it_may_not(authority: Authority) -> None:
    """A delegate has the extended key usage OCSPSigning, and one made without has no such extension."""
    usage = authority.delegate().certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    with pytest.raises(x509.ExtensionNotFound):
        authority.delegate(ocsp_signing=False).certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)


def test_an_answer_has_the_times_that_it_was_given(authority: Authority) -> None:
    """produced_at, this_update and next_update are the caller's, not those of a clock."""
    response = ocsp.load_der_ocsp_response(
        authority.answer(authority.leaf(), produced_at=NOW - 5, this_update=NOW - 7, next_update=NOW + 9)
    )
    assert response.produced_at_utc.timestamp() == NOW - 5
    assert response.this_update_utc.timestamp() == NOW - 7
    assert response.next_update_utc is not None
    assert response.next_update_utc.timestamp() == NOW + 9


def test_an_answer_is_current_by_default(authority: Authority) -> None:
    """By default an answer is an hour old, holds for a week, and says good about the leaf by a SHA-1 CertID."""
    leaf = authority.leaf(serial_number=77)
    response = ocsp.load_der_ocsp_response(authority.answer(leaf))
    assert response.produced_at_utc.timestamp() == NOW - HOUR
    assert response.this_update_utc.timestamp() == NOW - HOUR
    assert response.next_update_utc is not None
    assert response.next_update_utc.timestamp() == NOW - HOUR + 7 * DAY
    assert response.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert response.serial_number == 77
    assert isinstance(response.hash_algorithm, hashes.SHA1)


def test_an_answer_about_the_future_was_not_produced_there(authority: Authority) -> None:
    """An answer that is not yet valid was produced now, so that only one thing is wrong with it."""
    response = ocsp.load_der_ocsp_response(authority.answer(authority.leaf(), this_update=NOW + DAY))
    assert response.produced_at_utc.timestamp() == NOW


def test_an_answer_may_have_no_next_update(authority: Authority) -> None:
    """None leaves next_update out; leaving the argument out does not."""
    leaf = authority.leaf()
    assert ocsp.load_der_ocsp_response(authority.answer(leaf, next_update=None)).next_update_utc is None
    assert ocsp.load_der_ocsp_response(authority.answer(leaf)).next_update_utc is not None


@pytest.mark.parametrize("reason", [*Reason, None])
def test_every_reason_is_encoded_as_others_read_it(authority: Authority, reason: Reason | None) -> None:
    """A revocation has its time and its reason, and none where none is stated, in responses and in CRLs."""
    answer = authority.answer(1, status=Status.REVOKED, revocation_time=NOW - DAY, reason=reason)
    response = ocsp.load_der_ocsp_response(answer)
    assert response.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert response.revocation_time_utc is not None
    assert response.revocation_time_utc.timestamp() == NOW - DAY
    assert response.revocation_reason == (None if reason is None else x509.ReasonFlags[reason])
    crl = x509.load_der_x509_crl(authority.crl({1: Revocation(int(NOW - DAY), reason)}))
    entry = crl.get_revoked_certificate_by_serial_number(1)
    assert entry is not None
    assert entry.revocation_date_utc.timestamp() == NOW - DAY
    assert [each.value.reason for each in entry.extensions if isinstance(each.value, x509.CRLReason)] == (
        [] if reason is None else [x509.ReasonFlags[reason]]
    )


def test_only_revoked_has_a_revocation() -> None:
    """A CertStatus that says two things, or one that no responder can say, is refused."""
    for status, revocation in (
        (Status.GOOD, Revocation(0, None)),
        (Status.REVOKED, None),
        (Status.MISSING, None),
    ):
        with pytest.raises(ValueError, match="no CertStatus is"):
            cert_status(status, revocation)


def test_an_answer_can_be_about_several_certificates(authority: Authority) -> None:
    """Further SingleResponses follow the first, each with a status and a hash algorithm of its own."""
    other = authority.single(2, status=Status.UNKNOWN, hash_algorithm=hashes.SHA256())
    singles = list(ocsp.load_der_ocsp_response(authority.answer(1, also=[other])).responses)
    assert [(each.serial_number, each.certificate_status) for each in singles] == [
        (1, ocsp.OCSPCertStatus.GOOD),
        (2, ocsp.OCSPCertStatus.UNKNOWN),
    ]
    assert isinstance(singles[1].hash_algorithm, hashes.SHA256)


def test_an_answer_can_have_extensions(authority: Authority) -> None:
    """A nonce and an unknown critical extension are where they belong."""
    oid = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")
    critical = extension(oid, b"\x05\x00", critical=True)
    answer = authority.answer(1, extensions=[nonce(b"0123456789abcdef")], single_extensions=[critical])
    response = ocsp.load_der_ocsp_response(answer)
    assert response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"0123456789abcdef"
    assert response.single_extensions.get_extension_for_oid(oid).critical


@pytest.mark.parametrize("serial_number", [0, 1, 127, 128, 255, 256, 2**159 - 1])
def test_serial_numbers_are_encoded_shortest(authority: Authority, serial_number: int) -> None:
    """A serial number next to the border of an octet is read as it was written."""
    assert ocsp.load_der_ocsp_response(authority.answer(serial_number)).serial_number == serial_number


def test_a_crl_has_the_times_and_number_that_it_was_given(authority: Authority) -> None:
    """A CRL is signed by its CA, and not by the twin, and says what it was told."""
    crl = x509.load_der_x509_crl(authority.crl({}, this_update=NOW - 9, next_update=NOW + 9, number=4))
    assert crl.last_update_utc.timestamp() == NOW - 9
    assert crl.next_update_utc is not None
    assert crl.next_update_utc.timestamp() == NOW + 9
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 4
    assert crl.is_signature_valid(authority.key.public_key())
    forged = x509.load_der_x509_crl(authority.crl(signing_key=authority.twin().key))
    assert not forged.is_signature_valid(authority.key.public_key())


def test_an_error_is_an_error() -> None:
    """An unsuccessful response has the status it was given, tryLater by default."""
    assert ocsp.load_der_ocsp_response(unsuccessful()).response_status is ocsp.OCSPResponseStatus.TRY_LATER
    unauthorized = ocsp.load_der_ocsp_response(unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED))
    assert unauthorized.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED


# What OpenSSL says of an answer, which is made from the CA, its leaf and a further key.
Build = Callable[[Authority, Credential], bytes]
VERIFIED, REFUSED = "Response verify OK", "Response Verify Failure"
ORACLE: dict[str, tuple[Build, str, str]] = {
    "good": (lambda ca, leaf: ca.answer(leaf), VERIFIED, "leaf.pem: good"),
    "revoked": (lambda ca, leaf: ca.answer(leaf, status=Status.REVOKED), VERIFIED, "leaf.pem: revoked"),
    "with a reason": (
        lambda ca, leaf: ca.answer(leaf, status=Status.REVOKED, reason=Reason.SUPERSEDED),
        VERIFIED,
        "Reason: superseded",
    ),
    "unknown": (lambda ca, leaf: ca.answer(leaf, status=Status.UNKNOWN), VERIFIED, "leaf.pem: unknown"),
    "responder by name": (lambda ca, leaf: ca.answer(leaf, responder_id=responder_by_name), VERIFIED, "leaf.pem: good"),
    "expired": (
        lambda ca, leaf: ca.answer(leaf, this_update=ca.now - 9 * DAY),
        VERIFIED,
        "status expired",
    ),
    "not yet valid": (
        lambda ca, leaf: ca.answer(leaf, this_update=ca.now + DAY),
        VERIFIED,
        "status not yet valid",
    ),
    "another certificate": (lambda ca, _: ca.answer(ca.leaf()), VERIFIED, "No Status found"),
    "delegated": (lambda ca, leaf: ca.answer(leaf, signer=ca.delegate()), VERIFIED, "leaf.pem: good"),
    "by RSA": (lambda ca, leaf: ca.answer(leaf, signer=ca.delegate(key=shared_rsa_key())), VERIFIED, "leaf.pem: good"),
    "by RSA-PSS": (
        lambda ca, leaf: ca.answer(leaf, signer=ca.delegate(key=shared_rsa_key()), signing=RSA_PSS_SHA256),
        VERIFIED,
        "leaf.pem: good",
    ),
    "unauthorized delegate": (
        lambda ca, leaf: ca.answer(leaf, signer=ca.delegate(ocsp_signing=False)),
        REFUSED,
        "missing ocspsigning usage",
    ),
    "delegate left out": (
        lambda ca, leaf: ca.answer(leaf, signer=ca.delegate(), certificates=()),
        REFUSED,
        "signer certificate not found",
    ),
    "forged": (lambda ca, leaf: ca.answer(leaf, signing_key=ca.twin().key), REFUSED, "signature failure"),
    "twin": (
        lambda ca, leaf: ca.twin().answer(leaf, responder_id=responder_by_name),
        REFUSED,
        "signature failure",
    ),
}


@pytest.mark.parametrize("case", ORACLE)
async def test_openssl_reads_answers_as_they_are_meant(openssl: OpenSSL, tmp_path: Path, case: str) -> None:
    """Whether an answer verifies, and what it says, is the same to an implementation that is not ours."""
    build, verdict, words = ORACLE[case]
    authority = Authority.root(time.time())
    leaf = authority.leaf()
    (tmp_path / "ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    (tmp_path / "leaf.pem").write_bytes(leaf.certificate_pem())
    (tmp_path / "answer.der").write_bytes(build(authority, leaf))
    files = ("-respin", tmp_path / "answer.der", "-issuer", tmp_path / "ca.pem", "-CAfile", tmp_path / "ca.pem")
    printed = await openssl("ocsp", *map(str, files), "-cert", str(tmp_path / "leaf.pem"))
    assert verdict in printed
    assert words in printed


@pytest.mark.parametrize("key", [None, "rsa"])
async def test_a_key_is_written_as_servers_read_it(openssl: OpenSSL, tmp_path: Path, key: str | None) -> None:
    """The PEM of a private key and of its certificate hold the same public key."""
    authority = Authority.root(NOW)
    made: PrivateKey | None = shared_rsa_key() if key else None
    leaf = authority.leaf(key=made) if made else authority.leaf()
    (tmp_path / "key.pem").write_bytes(leaf.key_pem())
    (tmp_path / "leaf.pem").write_bytes(leaf.certificate_pem())
    from_key = await openssl("pkey", "-in", str(tmp_path / "key.pem"), "-pubout")
    assert from_key.startswith("-----BEGIN PUBLIC KEY-----")
    assert from_key == await openssl("x509", "-in", str(tmp_path / "leaf.pem"), "-noout", "-pubkey")
