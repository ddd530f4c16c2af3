"""DER → certificate, its names and its serial number, and how a CertID names it."""

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import ParamSpec, TypeAlias, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ocsp_exporter.revocation import der

#: A name, or its DER where it cannot be read: OpenSSL and old CAs accept characters that cryptography does not.
Name = x509.Name | bytes


@dataclass(frozen=True, slots=True)
class Numbered:
    """A certificate of which only the serial number is at hand, and who issued it, or would have."""

    number: int
    issuer: x509.Certificate


#: Whom an OCSP request or response is about: a CertID needs no more of it than its number and its issuer.
Subject: TypeAlias = x509.Certificate | Numbered


def parse(encoded: bytes) -> x509.Certificate | None:
    """Read a DER certificate; None where it cannot be read whole.

    The same bytes give the same object: a fleet shares its intermediates. Of uncommonly large ones nothing is kept: a
    server may show a new one each time.
    """
    return remembered(encoded) if len(encoded) <= LARGEST_REMEMBERED else read(encoded)


#: Octets of a certificate of which anything is remembered here and by `remembering`.
LARGEST_REMEMBERED = 8 * 1024


def read(encoded: bytes) -> x509.Certificate | None:
    """Read a DER certificate as `parse` does, and remember nothing of it."""
    try:
        with warnings.catch_warnings():
            # Serial numbers that are not positive, and the like: tolerated here, judged by nobody.
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(encoded)
            # What is read lazily is read now, so that no fault surfaces later (names are needed everywhere).
            _ = subject_of(certificate), issuer_of(certificate), serial_number(certificate)
            _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except Exception:  # noqa: BLE001 -- cryptography raises many kinds, late; all mean that the bytes cannot be read
        return None
    return certificate


remembered = lru_cache(maxsize=1024)(read)

P = ParamSpec("P")
T = TypeVar("T")


def remembering(most: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Remember what a function says of certificates, its positional arguments, unless one of them is uncommonly large.

    For what is asked several times in one look, or of certificates that many targets share: what a look leads to is
    remembered with its target.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        cached = lru_cache(maxsize=most)(function)

        @wraps(function)
        def call(*arguments: P.args, **named: P.kwargs) -> T:
            certificates = (each for each in arguments if isinstance(each, x509.Certificate))
            is_large = any(len(each.tbs_certificate_bytes) > LARGEST_REMEMBERED for each in certificates)
            return (function if is_large else cached)(*arguments, **named)  # type: ignore[arg-type]  # as they came

        call.cache_clear = cached.cache_clear  # type: ignore[attr-defined]  # as that of lru_cache has it
        return call

    return decorate


def subject_of(certificate: x509.Certificate) -> Name:
    """Return the subject's name."""
    return read_name(lambda: certificate.subject, tbs_fields(certificate)[_SUBJECT])


def issuer_of(certificate: x509.Certificate) -> Name:
    """Return the issuer's name."""
    return read_name(lambda: certificate.issuer, tbs_fields(certificate)[_ISSUER])


def read_name(read: Callable[[], x509.Name], element: der.Element) -> Name:
    """Return the name that `read` gives, the octets of `element` where it cannot."""
    try:
        return read()
    except (ValueError, TypeError):
        return element.encoded


def name_text(name: Name) -> str:
    """Write a name as RFC 4514 does, one that cannot be read by its octets (section 2.4)."""
    return f"#{name.hex()}" if isinstance(name, bytes) else name.rfc4514_string()


def serial_number(subject: Subject) -> int:
    """Return the serial number, whatever its sign: cryptography warns at each look at one that is not positive."""
    if isinstance(subject, Numbered):
        return subject.number
    content = der.expect(tbs_fields(subject)[_SERIAL_NUMBER], der.INTEGER).content
    return int.from_bytes(content, "big", signed=True)


def is_same_name(one: der.Element, other: der.Element) -> bool:
    """Compare two names as they are encoded, by RFC 5280, section 7.1: string types, case and spacing do not matter.

    A CA that renews its certificate may write its name otherwise. What is no name is the same as itself only.
    """
    try:
        return one.encoded == other.encoded or _canonical(one) == _canonical(other)
    except ValueError:  # DERError is one, like a wrong number of parts
        return False


def _canonical(name: der.Element) -> list[frozenset[tuple[bytes, str | bytes]]]:
    return [frozenset(map(_canonical_attribute, part.children())) for part in name.children()]


def _canonical_attribute(attribute: der.Element) -> tuple[bytes, str | bytes]:
    kind, value = attribute.parts(2)
    encoding = _ENCODINGS.get(value.tag)
    try:
        text = value.encoded if encoding is None else " ".join(value.content.decode(encoding).split()).casefold()
    except UnicodeDecodeError:
        text = value.encoded
    return kind.encoded, text


#: The string types of names (X.680, section 8.4): tag -> encoding.
_ENCODINGS = {
    0x0C: "utf-8",  # UTF8String
    0x13: "ascii",  # PrintableString
    0x14: "latin-1",  # TeletexString, as everybody reads it
    0x16: "ascii",  # IA5String
    0x1A: "ascii",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}


def issuer_field(certificate: x509.Certificate) -> der.Element:
    """Return the issuer's name as it stands in the certificate."""
    return tbs_fields(certificate)[_ISSUER]


def subject_field(certificate: x509.Certificate) -> der.Element:
    """Return the subject's name as it stands in the certificate."""
    return tbs_fields(certificate)[_SUBJECT]


def public_key_info(certificate: x509.Certificate) -> bytes:
    """Return the subject's public key with its algorithm, in DER."""
    return tbs_fields(certificate)[_SUBJECT_PUBLIC_KEY_INFO].encoded


def key_hash(certificate: x509.Certificate, algorithm: hashes.HashAlgorithm) -> bytes:
    """Hash the subject's public key as a CertID does: its bits, without tag, length and count of unused bits."""
    info = der.expect(tbs_fields(certificate)[_SUBJECT_PUBLIC_KEY_INFO], der.SEQUENCE)
    bits = der.expect(list(info.children())[1], der.BIT_STRING)
    return _digest(bits.content[1:], algorithm)


def issuer_name_hash(subject: Subject, algorithm: hashes.HashAlgorithm) -> bytes:
    """Hash the issuer's name as a CertID does: its DER as it stands in the certificate (RFC 6960, section 4.1.1).

    Of a certificate that is not at hand: as it stands in the issuer's own.
    """
    name = subject_field(subject.issuer) if isinstance(subject, Numbered) else issuer_field(subject)
    return _digest(name.encoded, algorithm)


# TBSCertificate (RFC 5280, section 4.1): positions behind the optional version, and tags.
_VERSION = 0xA0
_SERIAL_NUMBER = 0
_ISSUER = 2
_SUBJECT = 4
_SUBJECT_PUBLIC_KEY_INFO = 5


@remembering(256)
def tbs_fields(certificate: x509.Certificate) -> tuple[der.Element, ...]:
    """Return the parts of a certificate; remembered, for a probe asks for them a dozen times (0.3 ms in all)."""
    fields = tuple(der.parse(certificate.tbs_certificate_bytes).children())
    return fields[1:] if fields[0].tag == _VERSION else fields


def _digest(data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    # A CertID's hash is a name and no proof: SHA-1 is usual there.
    return hashlib.new(algorithm.name, data, usedforsecurity=False).digest()
