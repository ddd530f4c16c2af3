"""What a certificate says of itself, who issued it, and how OCSP names it."""

import hashlib
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from ocsp_exporter.model import CertificateFacts
from ocsp_exporter.revocation import der
from ocsp_exporter.revocation.signature import signed_by

#: A path longer than this is no path but a trap.
LONGEST_PATH = 10
#: So many signatures are checked in search of a path; names come first, so that those needed are among them.
MOST_TRIED = 24

#: A name, or its DER where it cannot be read: OpenSSL and old CAs accept characters that cryptography does not.
Name = x509.Name | bytes

T = TypeVar("T")


def parse(encoded: bytes) -> x509.Certificate | None:
    """Read a DER certificate; None where it cannot be read whole.

    The same bytes give the same object: a fleet shares its intermediates, and a certificate does not change
    between two probes. Of uncommonly large ones nothing is kept: a server may show a new one each time.
    """
    return remembered(encoded) if len(encoded) <= _LARGEST_REMEMBERED else _read(encoded)


_LARGEST_REMEMBERED = 8 * 1024


def _read(encoded: bytes) -> x509.Certificate | None:
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


remembered = lru_cache(maxsize=4096)(_read)


def find_issuer(subject: x509.Certificate, candidates: Iterable[x509.Certificate]) -> x509.Certificate | None:
    """Return the first candidate whose key signed `subject`, those of the right name being tried first.

    By signature, never by name alone: a name is no proof, and equal names may be written differently. No more
    than `MOST_TRIED` are tried.
    """
    return _search(subject, candidates, MOST_TRIED)[0]


def _search(
    subject: x509.Certificate, candidates: Iterable[x509.Certificate], most: int
) -> tuple[x509.Certificate | None, int]:
    """Return the issuer found, if any, and how many candidates were tried."""
    ordered = sorted(candidates, key=lambda candidate: subject_of(candidate) != issuer_of(subject))[:most]
    for tried, candidate in enumerate(ordered, start=1):
        if signed_by(subject, candidate):
            return candidate, tried
    return None, len(ordered)


def build_path(
    leaf: x509.Certificate,
    candidates: Sequence[x509.Certificate],
    roots: Mapping[Name, Sequence[x509.Certificate]],
) -> tuple[x509.Certificate, ...]:
    """Return the path from `leaf` upwards, each certificate signed by the next, as far as the candidates reach.

    Of the `roots`, keyed by their subject, only those of the right name are tried: there are hundreds. No more
    than `MOST_TRIED` signatures are checked for a path: a server may send hundreds of certificates, too.
    """
    path = [leaf]
    left = MOST_TRIED
    while len(path) < LONGEST_PATH and not is_self_signed(path[-1]):
        at_hand = dict.fromkeys((*candidates, *roots.get(issuer_of(path[-1]), ())))
        issuer, tried = _search(path[-1], (candidate for candidate in at_hand if candidate not in path), left)
        left -= tried
        if issuer is None:
            break
        path.append(issuer)
    return tuple(path)


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate bears its own name as issuer and its own key's signature."""
    return subject_of(certificate) == issuer_of(certificate) and signed_by(certificate, certificate)


def subject_of(certificate: x509.Certificate) -> Name:
    """Return the subject's name."""
    return read_name(lambda: certificate.subject, _tbs_fields(certificate)[_SUBJECT])


def issuer_of(certificate: x509.Certificate) -> Name:
    """Return the issuer's name."""
    return read_name(lambda: certificate.issuer, _tbs_fields(certificate)[_ISSUER])


def read_name(read: Callable[[], x509.Name], element: der.Element) -> Name:
    """Return the name that `read` gives, the octets of `element` where it cannot."""
    try:
        return read()
    except (ValueError, TypeError):
        return element.encoded


def name_text(name: Name) -> str:
    """Write a name as RFC 4514 does, one that cannot be read by its octets (section 2.4)."""
    return f"#{name.hex()}" if isinstance(name, bytes) else name.rfc4514_string()


def serial_number(certificate: x509.Certificate) -> int:
    """Return the serial number, whatever its sign: cryptography warns at each look at one that is not positive."""
    content = der.expect(_tbs_fields(certificate)[_SERIAL_NUMBER], der.INTEGER).content
    return int.from_bytes(content, "big", signed=True)


def key_hash(certificate: x509.Certificate, algorithm: hashes.HashAlgorithm) -> bytes:
    """Hash the subject's public key as a CertID does: its bits, without tag, length and count of unused bits."""
    info = der.expect(_tbs_fields(certificate)[_SUBJECT_PUBLIC_KEY_INFO], der.SEQUENCE)
    bits = der.expect(list(info.children())[1], der.BIT_STRING)
    return _digest(bits.content[1:], algorithm)


def issuer_name_hash(certificate: x509.Certificate, algorithm: hashes.HashAlgorithm) -> bytes:
    """Hash the issuer's name as a CertID does: its DER as it stands in the certificate (RFC 6960, section 4.1.1)."""
    return _digest(_tbs_fields(certificate)[_ISSUER].encoded, algorithm)


def may_sign_responses(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate is meant for signing OCSP responses.

    It has id-kp-OCSPSigning (RFC 6960, section 4.2.2.2) and, if it limits the use of its key at all, allows
    digitalSignature (RFC 5280, section 4.2.1.3). One with an unknown critical extension, one that cannot be read
    or the same twice is not relied on (section 4.2).
    """
    try:
        extensions = _extensions(certificate)
        found = {extension.oid: extension.value for extension in extensions}
        return (
            len(found) == len(extensions)
            and _UNDERSTOOD.issuperset(extension.oid for extension in extensions if extension.critical)
            and _EXTENDED_KEY_USAGE in found
            and _OCSP_SIGNING in _object_identifiers(der.parse(found[_EXTENDED_KEY_USAGE]))
            and (_KEY_USAGE not in found or _allows_digital_signature(der.parse(found[_KEY_USAGE])))
        )
    except ValueError:  # DERError is one
        return False


def has_must_staple(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate has the TLS feature status_request (RFC 7633)."""
    return _extension(certificate, _TLS_FEATURE, _requests_status, False)


def ocsp_urls(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the URLs of the OCSP responders that the certificate names, of any scheme (RFC 5280, section 4.2.2.1)."""
    return _extension(certificate, _AUTHORITY_INFORMATION_ACCESS, partial(_access_urls, _OCSP), ())


def issuer_urls(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the URLs of the issuer's own certificate (caIssuers), of any scheme (RFC 5280, section 4.2.2.1)."""
    return _extension(certificate, _AUTHORITY_INFORMATION_ACCESS, partial(_access_urls, _CA_ISSUERS), ())


def crl_urls(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the URLs of the certificate's CRL distribution points, of any scheme (RFC 5280, section 4.2.1.13)."""
    return _extension(certificate, _CRL_DISTRIBUTION_POINTS, _distribution_point_urls, ())


@lru_cache(maxsize=4096)
def describe(certificate: x509.Certificate, depth: int) -> CertificateFacts:
    """Collect what a certificate says of itself, ready to be shown."""
    return CertificateFacts(
        depth=depth,
        subject=name_text(subject_of(certificate)),
        issuer=name_text(issuer_of(certificate)),
        serial_number=_hex(serial_number(certificate)),
        fingerprint_sha256=certificate.fingerprint(hashes.SHA256()).hex(),
        public_key_algorithm=_public_key_algorithm(certificate),
        not_before=int(certificate.not_valid_before_utc.timestamp()),
        not_after=int(certificate.not_valid_after_utc.timestamp()),
        must_staple=has_must_staple(certificate),
        ocsp_urls=ocsp_urls(certificate),
        crl_urls=crl_urls(certificate),
    )


# TBSCertificate (RFC 5280, section 4.1): positions behind the optional version, and tags.
_VERSION = 0xA0
_SERIAL_NUMBER = 0
_ISSUER = 2
_SUBJECT = 4
_SUBJECT_PUBLIC_KEY_INFO = 5
_EXTENSIONS = 0xA3


@lru_cache(maxsize=1024)
def _tbs_fields(certificate: x509.Certificate) -> tuple[der.Element, ...]:
    """Return the parts of a certificate; remembered, for a probe asks for them a dozen times (0.3 ms in all)."""
    fields = tuple(der.parse(certificate.tbs_certificate_bytes).children())
    return fields[1:] if fields[0].tag == _VERSION else fields


def _extension(certificate: x509.Certificate, oid: str, read: Callable[[der.Element], T], otherwise: T) -> T:
    """Read one extension; `otherwise` where the certificate has none that can be read.

    Each by itself: `certificate.extensions` raises for all of them where any one is odd.
    """
    try:
        for extension in _extensions(certificate):
            if extension.oid == oid:
                return read(der.parse(extension.value))
    except ValueError:  # DERError is one, like a wrong number of parts
        pass
    return otherwise


def _extensions(certificate: x509.Certificate) -> tuple[der.Extension, ...]:
    """Return all extensions, none where there are none. Raises DERError."""
    for field in _tbs_fields(certificate):
        for extensions in field.children() if field.tag == _EXTENSIONS else ():
            return der.extensions(extensions)
    return ()


_EXTENDED_KEY_USAGE = "2.5.29.37"
_OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"


#: What a certificate of a responder may say critically. Policies, constraints and names are a matter of its path, which
#: ends at the issuer.
_UNDERSTOOD = frozenset(
    {
        "1.3.6.1.5.5.7.48.1.5",  # id-pkix-ocsp-nocheck
        "2.5.29.15",  # key usage
        "2.5.29.17",  # subject alternative name
        "2.5.29.19",  # basic constraints
        "2.5.29.30",  # name constraints
        "2.5.29.31",  # CRL distribution points
        "2.5.29.32",  # certificate policies
        "2.5.29.33",  # policy mappings
        "2.5.29.36",  # policy constraints
        "2.5.29.37",  # extended key usage
        "2.5.29.54",  # inhibit anyPolicy
    }
)


def _object_identifiers(sequence: der.Element) -> tuple[str, ...]:
    return tuple(map(der.object_identifier, sequence.children()))


_KEY_USAGE = "2.5.29.15"
_DIGITAL_SIGNATURE = 0x80


def _allows_digital_signature(bits: der.Element) -> bool:
    octets = der.expect(bits, der.BIT_STRING).content[1:]
    return bool(octets and octets[0] & _DIGITAL_SIGNATURE)


_TLS_FEATURE = "1.3.6.1.5.5.7.1.24"
_STATUS_REQUEST = b"\x05"


def _requests_status(features: der.Element) -> bool:
    return any(feature.content == _STATUS_REQUEST for feature in features.children())


_AUTHORITY_INFORMATION_ACCESS = "1.3.6.1.5.5.7.1.1"
_OCSP = "1.3.6.1.5.5.7.48.1"
_CA_ISSUERS = "1.3.6.1.5.5.7.48.2"
_UNIFORM_RESOURCE_IDENTIFIER = 0x86


def _urls(names: Iterable[der.Element]) -> tuple[str, ...]:
    return tuple(
        name.content.decode("ascii", "backslashreplace") for name in names if name.tag == _UNIFORM_RESOURCE_IDENTIFIER
    )


def _access_urls(method: str, access: der.Element) -> tuple[str, ...]:
    descriptions = [tuple(description.children()) for description in access.children()]
    return _urls(location for identifier, location in descriptions if der.object_identifier(identifier) == method)


_CRL_DISTRIBUTION_POINTS = "2.5.29.31"
_DISTRIBUTION_POINT = 0xA0
_FULL_NAME = 0xA0


def _distribution_point_urls(points: der.Element) -> tuple[str, ...]:
    return _urls(
        name
        for point in points.children()
        for distribution_point in point.children()
        if distribution_point.tag == _DISTRIBUTION_POINT
        for full_name in distribution_point.children()
        if full_name.tag == _FULL_NAME
        for name in full_name.children()
    )


def _hex(number: int) -> str:
    """Write a number as openssl does, in whole octets, but in lower case."""
    digits = f"{abs(number):x}"
    return ("-" if number < 0 else "") + digits.zfill(len(digits) + len(digits) % 2)


def _digest(data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    # A CertID's hash is a name and no proof: SHA-1 is usual there.
    return hashlib.new(algorithm.name, data, usedforsecurity=False).digest()


def _public_key_algorithm(certificate: x509.Certificate) -> str:
    """Name the key's algorithm and size, such as `rsa-2048`, `ec-secp256r1` or `ed25519`."""
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return certificate.public_key_algorithm_oid.dotted_string
    match key:
        case rsa.RSAPublicKey():
            return f"rsa-{key.key_size}"
        case ec.EllipticCurvePublicKey():
            return f"ec-{key.curve.name}"
        case ed25519.Ed25519PublicKey():
            return "ed25519"
        case ed448.Ed448PublicKey():
            return "ed448"
        case _:
            return certificate.public_key_algorithm_oid.dotted_string
