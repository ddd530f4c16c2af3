"""Certificates and keys, in files that a configuration names or in itself."""

import os
import stat
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)

from ocsp_exporter.quoting import printable, quoted
from ocsp_exporter.revocation.certificate import name_text, subject_of
from ocsp_exporter.revocation.signature import signed_by

#: Larger than any bundle of roots in use (the system's has 0.2 MiB).
MAX_BYTES: Final = 8 * 1024 * 1024
_CERTIFICATES: Final = "certificates, in PEM or one in DER"
_PRIVATE_KEY: Final = "a private key, in PEM and not encrypted"

T = TypeVar("T")

#: The keys with which TLS can sign.
_SIGNING_KEYS: Final = (
    rsa.RSAPrivateKey,
    ec.EllipticCurvePrivateKey,
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
)


def read_certificates(name: str, folder: Path) -> tuple[x509.Certificate, ...]:
    """Read the certificates, one or more, of the file `name`, which is relative to `folder`.

    PEM with any number of certificates, or one in DER. Raises ValueError with a sentence that names the file.
    """
    return _read_as(_certificates, folder / name, _CERTIFICATES)


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """A file that has one certificate."""

    path: Path
    certificate: x509.Certificate


def read_certificate(name: str, folder: Path) -> CertificateFile:
    """Read the one certificate of the file `name`, which is relative to `folder`, in PEM or DER.

    Raises ValueError with a sentence that names the file.
    """
    path = folder / name
    return CertificateFile(path, _read_as(_certificate, path, "one certificate, in PEM or DER"))


def read_private_key(name: str, folder: Path) -> bytes:
    """Read the private key, in PEM and not encrypted, of the file `name`, which is relative to `folder`.

    Gives PKCS #8 in DER. Raises ValueError with a sentence that names the file, and nothing of what is in it.
    """
    return _read_as(_private_key, folder / name, _PRIVATE_KEY)


def certificates_in(text: str) -> tuple[x509.Certificate, ...]:
    """Read the certificates, one or more, of a text in PEM. Raises ValueError with a sentence."""
    return _in_text(_certificates, text, "certificates, in PEM")


def private_key_in(text: str) -> bytes:
    """Read a private key, in PEM and not encrypted, as PKCS #8 in DER.

    Raises ValueError with a sentence, and nothing of what is in the text.
    """
    return _in_text(_private_key, text, _PRIVATE_KEY)


def _in_text(read: Callable[[bytes], T], text: str, expected: str) -> T:
    try:
        return read(text.encode())
    except ValueError as error:
        raise ValueError(f"the text {printable(str(error), 80)}; expected {expected}") from None


def _read_as(read: Callable[[bytes], T], path: Path, expected: str) -> T:
    """Read a file with `read`. Raises ValueError with a sentence that names the file and what was expected."""
    try:
        return read(read_regular_file(path))
    except OSError as error:
        fault = f"cannot be read: {error.strerror or error}"
    except ValueError as error:
        fault = printable(str(error), 80)
    raise ValueError(f"the file {quoted(str(path))} {fault}; expected {expected}")


def check_issued(file: CertificateFile, issuer: x509.Certificate) -> None:
    """Raise ValueError with a sentence that names the file unless its certificate was signed by the issuer's key."""
    if not signed_by(file.certificate, issuer):
        subject, ca = (quoted(name_text(subject_of(each))) for each in (file.certificate, issuer))
        told = f"has the certificate of {subject}, which the CA {ca}, as its certificate was given, did not issue"
        raise ValueError(f"the file {quoted(str(file.path))} {told}; expected a certificate of that CA")


def read_regular_file(path: Path, most: int = MAX_BYTES) -> bytes:
    """Read a file of at most so many bytes.

    Raises OSError, and ValueError with half a sentence where it is empty, too large or no regular file.
    """
    # Not to wait for a writer, should it be a FIFO.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("is not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(most + 1)
    finally:
        os.close(descriptor)
    if not content:
        raise ValueError("is empty")
    if len(content) > most:
        raise ValueError(f"has more than {most // 1024 // 1024} MiB")
    return content


def check_key(key: bytes, certificate: x509.Certificate, source: str = "cert_file") -> None:
    """Raise ValueError with a sentence unless `key` (PKCS #8 in DER) is that of the certificate, first in `source`."""
    try:
        is_its_own = load_der_private_key(key, password=None).public_key() == certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        is_its_own = False
    if not is_its_own:
        raise ValueError(f"this key is not that of the first certificate in {source}")


def _certificates(content: bytes) -> tuple[x509.Certificate, ...]:
    with warnings.catch_warnings():
        # Old roots break rules that the library warns of; that is their issuers' affair.
        warnings.simplefilter("ignore", UserWarning)
        try:
            if b"-----BEGIN" not in content:
                return (x509.load_der_x509_certificate(content),)
            certificates = tuple(x509.load_pem_x509_certificates(content))
        except (ValueError, x509.InvalidVersion):
            raise ValueError("has no certificate that can be read") from None
    # The library passes over one that is cut off.
    if content.count(b"-----BEGIN CERTIFICATE-----") > len(certificates):
        raise ValueError("has a certificate that is damaged or cut off")
    return certificates


def _certificate(content: bytes) -> x509.Certificate:
    certificates = _certificates(content)
    if len(certificates) > 1:
        raise ValueError(f"has {len(certificates)} certificates")
    return certificates[0]


def _private_key(content: bytes) -> bytes:
    try:
        key = load_pem_private_key(content, password=None)
    except TypeError:
        raise ValueError("is encrypted") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("has no private key that can be read") from None
    if not isinstance(key, _SIGNING_KEYS):
        raise ValueError("has a key that cannot sign")  # noqa: TRY004 -- the value of a file, and not a type of ours
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
