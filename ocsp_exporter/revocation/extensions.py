"""What a certificate's extensions say, each read by itself.

`certificate.extensions` of cryptography raises for all of them where any one is odd.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from cryptography import x509

from ocsp_exporter.revocation import der
from ocsp_exporter.revocation.certificate import tbs_fields

T = TypeVar("T")


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


def has_nocheck(certificate: x509.Certificate) -> bool:
    """Tell whether a responder's certificate need not be checked itself (RFC 6960, section 4.2.2.2.1)."""
    return _extension(certificate, _OCSP_NOCHECK, lambda _: True, False)


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


_EXTENSIONS = 0xA3  # their tag in TBSCertificate (RFC 5280, section 4.1)


def _extension(certificate: x509.Certificate, oid: str, read: Callable[[der.Element], T], otherwise: T) -> T:
    """Read one extension; `otherwise` where the certificate has none that can be read."""
    try:
        for extension in _extensions(certificate):
            if extension.oid == oid:
                return read(der.parse(extension.value))
    except ValueError:  # DERError is one, like a wrong number of parts
        pass
    return otherwise


def _extensions(certificate: x509.Certificate) -> tuple[der.Extension, ...]:
    """Return all extensions, none where there are none. Raises DERError."""
    for field in tbs_fields(certificate):
        for extensions in field.children() if field.tag == _EXTENSIONS else ():
            return der.extensions(extensions)
    return ()


_EXTENDED_KEY_USAGE = "2.5.29.37"
_OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
_OCSP_NOCHECK = "1.3.6.1.5.5.7.48.1.5"


#: What a certificate of a responder may say critically. Policies, constraints and names are a matter of its path, which
#: ends at the issuer.
_UNDERSTOOD = frozenset(
    {
        _OCSP_NOCHECK,
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
