"""Certificates changed in their DER, as no library would make them."""

from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.demo import der as encoding
from ocsp_exporter.revocation import der
from ocsp_exporter.revocation.certificate import parse

#: Positions of fields in a TBSCertificate that begins with its version (RFC 5280, section 4.1).
SERIAL_NUMBER, ISSUER, SUBJECT, EXTENSIONS = 1, 3, 5, 7


def changed(certificate: x509.Certificate, field: int, change: Callable[[bytes], bytes]) -> x509.Certificate:
    """Return a certificate in which one field of TBSCertificate is another; its signature does not fit any more."""
    tbs, *rest = der.parse(certificate.public_bytes(Encoding.DER)).children()
    fields = [child.encoded for child in tbs.children()]
    fields[field] = change(fields[field])
    parsed = parse(encoding.sequence(encoding.sequence(*fields), *(each.encoded for each in rest)))
    assert parsed is not None
    return parsed
