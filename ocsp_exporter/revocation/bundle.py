"""The certificates in what a caIssuers URL leads to (RFC 5280, section 4.2.2.1), and in a server's files."""

import contextlib
import re
import warnings
from binascii import a2b_base64
from collections.abc import Callable, Iterator

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from ocsp_exporter.revocation import certificate

#: More than these are not looked at: an issuer has a few certificates, and a bridge's bundle holds dozens.
MOST_CERTIFICATES = 128


def certificates_in(content: bytes) -> tuple[x509.Certificate, ...]:
    """Read a certificate in DER, or a certs-only CMS message (PKCS #7) in BER or DER; of either also PEM.

    Whatever it is called: servers are careless about content types. At most the first `MOST_CERTIFICATES`; empty
    where the bytes hold none that can be read. Never raises.
    """
    alone = certificate.parse(content)
    if alone:
        return (alone,)
    for read in _READERS:
        with warnings.catch_warnings():
            # Serial numbers that are not positive, and the like; a message without certificates.
            warnings.simplefilter("ignore")
            try:
                encoded = [each.public_bytes(Encoding.DER) for each in read(content)[:MOST_CERTIFICATES]]
            except Exception:  # noqa: BLE001, S112 -- cryptography raises many kinds; all mean that it is another form
                continue
        return tuple(filter(None, map(certificate.parse, encoded)))
    return ()


def encoded_in(content: bytes) -> Iterator[bytes]:
    """Give the DER of each certificate in PEM, however many; where there is no PEM, the content itself.

    Keys and whatever else is in a server's file are passed over. What is given need not be a certificate.
    """
    if b"-----BEGIN " not in content:
        yield content
        return
    for found in _PEM.finditer(content):
        with contextlib.suppress(ValueError):
            yield a2b_base64(found[1])


_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----")

_READERS: tuple[Callable[[bytes], list[x509.Certificate]], ...] = (
    pkcs7.load_der_pkcs7_certificates,
    x509.load_pem_x509_certificates,
    pkcs7.load_pem_pkcs7_certificates,
)
