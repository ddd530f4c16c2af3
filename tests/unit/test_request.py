"""What a responder is asked, held against octets written down and against what other implementations build and read."""

import base64
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from ocsp_exporter.demo import der as encoding
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.response import key_hash, name_hash
from ocsp_exporter.model import CertIDHash
from ocsp_exporter.revocation.certificate import Numbered
from ocsp_exporter.revocation.request import build, get_url
from tests.scenarios.material import signing_key
from tests.unit.certificates import ISSUER, SERIAL_NUMBER, changed

NOW = 1_800_000_000.0
CA = Authority.root(NOW)
LEAF = CA.leaf().certificate
NONCE = bytes(range(32))

SHA1 = hashes.SHA1()  # noqa: S303 -- usual in a CertID


@pytest.mark.parametrize("kind", ["p256", "rsa", "ed25519"])
@pytest.mark.parametrize("nonce", [None, NONCE], ids=["without nonce", "with nonce"])
@pytest.mark.parametrize(("algorithm", "function"), [(CertIDHash.SHA1, SHA1), (CertIDHash.SHA256, hashes.SHA256())])
def test_a_request_is_the_one_that_another_implementation_builds(
    algorithm: CertIDHash, function: hashes.SHA1 | hashes.SHA256, nonce: bytes | None, kind: str
) -> None:
    """Octet by octet, with either hash, with a nonce and without, whatever the issuer's key is."""
    authority = Authority.root(NOW, key=signing_key(kind))
    leaf = authority.leaf().certificate
    theirs = ocsp.OCSPRequestBuilder().add_certificate(leaf, authority.certificate, function)
    if nonce is not None:
        theirs = theirs.add_extension(x509.OCSPNonce(nonce), critical=False)
    assert build(leaf, authority.certificate, algorithm, nonce) == theirs.build().public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("serial_number", "head"),
    [
        ("00", "3042 3040 303e 303c 303a"),
        ("01", "3042 3040 303e 303c 303a"),
        ("7f", "3042 3040 303e 303c 303a"),
        ("0080", "3043 3041 303f 303d 303b"),
        ("0100", "3043 3041 303f 303d 303b"),
        ("ff", "3042 3040 303e 303c 303a"),  # -1
        ("80", "3042 3040 303e 303c 303a"),  # -128
        ("ff7f", "3043 3041 303f 303d 303b"),  # -129
        ("7f" + "01" * 19, "3055 3053 3051 304f 304d"),  # as long as a CA may make it (RFC 5280, section 4.1.2.2)
        ("80" + "01" * 19, "3055 3053 3051 304f 304d"),
        ("00" + "ff" * 20, "3056 3054 3052 3050 304e"),
        ("7f" + "01" * 69, "30818a 308187 308184 308181 307f"),
        ("7f" + "01" * 70, "30818c 308189 308186 308183 308180"),
        ("7f" + "01" * 299, "30820177 30820173 3082016f 3082016b 30820167"),
    ],
    ids=lambda text: text[:12],
)
def test_any_serial_number_stands_in_the_request_as_in_the_certificate(serial_number: str, head: str) -> None:
    """Zero, negative and overlong ones too, and the lengths around them are right."""
    integer = encoding.tlv(2, bytes.fromhex(serial_number))
    subject = changed(LEAF, SERIAL_NUMBER, lambda _: integer)
    issuer = CA.certificate
    cert_id = (
        bytes.fromhex("3009 06052b0e03021a 0500"),
        bytes.fromhex("0414") + name_hash(issuer, SHA1),
        bytes.fromhex("0414") + key_hash(issuer, SHA1),
        integer,
    )
    assert build(subject, issuer, CertIDHash.SHA1, None) == bytes.fromhex(head) + b"".join(cert_id)


def test_the_name_of_the_issuer_is_hashed_as_the_certificate_has_it() -> None:
    """Names that are equal may be encoded otherwise in the CA's own certificate (RFC 6960, section 4.1.1)."""
    name = CA.certificate.subject.public_bytes()
    printable = name.replace(b"\x0c\x0cTest", b"\x13\x0cTest")  # PrintableString in place of UTF8String
    assert printable != name
    subject = changed(LEAF, ISSUER, lambda _: printable)
    request = build(subject, CA.certificate, CertIDHash.SHA256, None)
    assert hashlib.sha256(printable).digest() in request
    assert hashlib.sha256(name).digest() not in request
    assert hashlib.sha256(name).digest() in build(LEAF, CA.certificate, CertIDHash.SHA256, None)


@pytest.mark.parametrize("algorithm", CertIDHash)
def test_a_serial_number_is_as_good_as_the_certificate(algorithm: CertIDHash) -> None:
    """What is asked about a number of an issuer is what is asked about the certificate that has it, and no other."""
    by_number = build(Numbered(LEAF.serial_number, CA.certificate), CA.certificate, algorithm, NONCE)
    assert by_number == build(LEAF, CA.certificate, algorithm, NONCE)
    assert by_number != build(Numbered(LEAF.serial_number + 1, CA.certificate), CA.certificate, algorithm, NONCE)


#: The example of RFC 5019, section 5.
EXAMPLE = (
    "http://ocsp.example.com/"
    "MEowSDBGMEQwQjAKBggqhkiG9w0CBQQQ7sp6GTKpL2dAdeGaW267owQQqInESWQD0mGeBArSgv%2FBWQIQLJx%2Fg9xF8oySYzol80Mbpg%3D%3D"
)
EXAMPLE_REQUEST = base64.b64decode(
    "MEowSDBGMEQwQjAKBggqhkiG9w0CBQQQ7sp6GTKpL2dAdeGaW267owQQqInESWQD0mGeBArSgv/BWQIQLJx/g9xF8oySYzol80Mbpg=="
)


@pytest.mark.parametrize("url", ["http://ocsp.example.com", "http://ocsp.example.com/", "http://ocsp.example.com/#top"])
def test_a_request_in_a_url_is_as_in_the_standard(url: str) -> None:
    """One slash between them, however the responder's URL ends."""
    assert get_url(url, EXAMPLE_REQUEST) == EXAMPLE


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://ca.example/ocsp", "http://ca.example/ocsp/%2B%2F%2F%2B"),
        ("http://ca.example/ocsp/", "http://ca.example/ocsp/%2B%2F%2F%2B"),
        ("http://ca.example/?ca=1", "http://ca.example/?ca=1/%2B%2F%2F%2B"),
        ("https://ca.example:8080/%41", "https://ca.example:8080/%41/%2B%2F%2F%2B"),
    ],
)
def test_all_that_has_a_meaning_in_urls_is_escaped(url: str, expected: str) -> None:
    """`+` and `/` of the base64 are escaped, and the responder's own URL is left as it is."""
    assert get_url(url, bytes.fromhex("fbfffe")) == expected
    assert get_url(url, bytes.fromhex("fbfffe"), escaped=False) == expected.replace("%2B", "+").replace("%2F", "/")
