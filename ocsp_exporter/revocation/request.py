"""What a responder is asked: a DER OCSPRequest about one certificate, and the URL that carries it (RFC 6960).

`cryptography` builds requests too, but none about a negative serial number, which certificates have.
"""

import base64
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ocsp_exporter.model import CertIDHash
from ocsp_exporter.revocation import certificate, der

#: The hash functions, and their AlgorithmIdentifiers without parameters other than NULL (RFC 4055, section 2.1).
_HASHES: dict[CertIDHash, tuple[hashes.HashAlgorithm, bytes]] = {
    CertIDHash.SHA1: (hashes.SHA1(), bytes.fromhex("300906052b0e03021a0500")),  # noqa: S303 -- usual in a CertID
    CertIDHash.SHA256: (hashes.SHA256(), bytes.fromhex("300d06096086480165030402010500")),
}
#: The longest URL by which a responder is asked, in octets: what every cache and server on the way takes (RFC 5019,
#: section 5; RFC 9919, section 6).
LONGEST_GET_URL = 255
_NONCE = bytes.fromhex("06092b0601050507300102")  # id-pkix-ocsp-nonce, 1.3.6.1.5.5.7.48.1.2
_REQUEST_EXTENSIONS = 0xA2


def build(subject: certificate.Subject, issuer: x509.Certificate, algorithm: CertIDHash, nonce: bytes | None) -> bytes:
    """Return the DER of an unsigned OCSPRequest about `subject`, whose issuer's key is that of `issuer`.

    RFC 6960, section 4.1.1. `nonce`: 32 octets drawn anew for each request (RFC 9654, section 2.1); None: without.
    """
    function, identifier = _HASHES[algorithm]
    cert_id = _element(
        der.SEQUENCE,
        identifier,
        _element(der.OCTET_STRING, certificate.issuer_name_hash(subject, function)),
        _element(der.OCTET_STRING, certificate.key_hash(issuer, function)),
        _integer(certificate.serial_number(subject)),
    )
    request_list = _element(der.SEQUENCE, _element(der.SEQUENCE, cert_id))
    extensions = b"" if nonce is None else _element(_REQUEST_EXTENSIONS, _element(der.SEQUENCE, _nonce(nonce)))
    return _element(der.SEQUENCE, _element(der.SEQUENCE, request_list, extensions))


def get_url(url: str, request: bytes, *, escaped: bool = True) -> str:
    """Return the URL by which GET asks the responder at `url` (RFC 6960, appendix A.1).

    The request follows behind one slash. What names a place within a document (`#`) is left out: it is never sent.
    Without `escaped` the characters + / = of the base64 stand in it as they are, which the standard does not have.
    """
    base = url.partition("#")[0].removesuffix("/")
    return f"{base}/{quote(base64.b64encode(request), safe='' if escaped else '+/=')}"


def _nonce(nonce: bytes) -> bytes:
    """Return the extension: its value is an OCTET STRING within the one that every extension's value is."""
    return _element(der.SEQUENCE, _NONCE, _element(der.OCTET_STRING, _element(der.OCTET_STRING, nonce)))


def _integer(value: int) -> bytes:
    """Return an INTEGER of any sign in as few octets as hold it (X.690, section 8.3.2)."""
    bits = (~value if value < 0 else value).bit_length()
    return _element(der.INTEGER, value.to_bytes(bits // 8 + 1, signed=True))


_SHORT_FORM_ENDS = 0x80


def _element(tag: int, *contents: bytes) -> bytes:
    """Return one tag-length-value."""
    content = b"".join(contents)
    if len(content) < _SHORT_FORM_ENDS:
        return bytes((tag, len(content))) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes((tag, _SHORT_FORM_ENDS | len(length))) + length + content
