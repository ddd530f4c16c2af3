import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from hypothesis import given, settings
from hypothesis import strategies as st

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.revocation.bundle import certificates_in
from ocsp_exporter.revocation.extensions import issuer_urls, ocsp_urls

ROOT = Authority.root(time.time())
OTHER = ROOT.intermediate()
BOTH = [ROOT.certificate, OTHER.certificate]
DER = ROOT.certificate.public_bytes(Encoding.DER)
PEM = ROOT.certificate.public_bytes(Encoding.PEM)
PKCS7 = pkcs7.serialize_certificates(BOTH, Encoding.DER)
#: The same in BER: the outermost length is indefinite, and two zeros end it.
BER = b"\x30\x80" + PKCS7[4:] + b"\x00\x00"


@pytest.mark.parametrize(
    ("content", "certificates"),
    [
        (DER, BOTH[:1]),
        (PEM, BOTH[:1]),
        (b"# the root\r\n" + PEM.replace(b"\n", b"\r\n"), BOTH[:1]),
        (PEM + OTHER.certificate.public_bytes(Encoding.PEM), BOTH),
        (PKCS7, BOTH),
        (BER, BOTH),
        (pkcs7.serialize_certificates(BOTH, Encoding.PEM), BOTH),
        (PEM * 129, BOTH[:1] * 128),
        (pkcs7.serialize_certificates(BOTH * 65, Encoding.DER), BOTH * 64),
        (b"", []),
        (DER[:-1], []),
        (DER + b"\x00", []),
        (PKCS7[:-1], []),
        (b"<html></html>", []),
        (PEM.replace(b"CERTIFICATE", b"PRIVATE KEY"), []),
    ],
)
def test_certificates_are_read_in_every_form(content: bytes, certificates: list[x509.Certificate]) -> None:
    """At most 128, and none where the form is broken."""
    found = certificates_in(content)
    assert (set(found), len(found)) == (set(certificates), len(certificates))


@settings(deadline=None)
@given(st.binary() | st.tuples(st.integers(0, len(PKCS7)), st.binary(min_size=1, max_size=4)))
def test_any_bytes_are_read_without_an_error(damage: bytes | tuple[int, bytes]) -> None:
    """Also a message that is damaged somewhere."""
    match damage:
        case bytes():
            content = damage
        case place, octets:
            content = PKCS7[:place] + octets + PKCS7[place + len(octets) :]
    assert len(certificates_in(content)) <= 128


def test_the_urls_of_issuer_and_responder_are_told_apart() -> None:
    """Both stand in the same extension, of any scheme."""
    leaf = ROOT.leaf(ocsp_urls=["http://a/ocsp"], issuer_urls=["ldap://a/ca", "http://a/ca.cer"]).certificate
    assert ocsp_urls(leaf) == ("http://a/ocsp",)
    assert issuer_urls(leaf) == ("ldap://a/ca", "http://a/ca.cer")
    assert issuer_urls(ROOT.leaf().certificate) == ()
