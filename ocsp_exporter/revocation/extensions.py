"""What a certificate's extensions say, each read by itself.

`certificate.extensions` of cryptography raises for all of them where any one is odd.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
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


def may_sign_crls(certificate: x509.Certificate) -> bool:
    """Tell whether a CA's key may sign CRLs: if it limits the use of its key at all, it allows cRLSign.

    (RFC 5280, sections 4.2.1.3 and 6.3.3 (f).) What cannot be read allows nothing.
    """
    try:
        usage = _only(certificate, _KEY_USAGE)
        return usage is None or bool(_bits(usage) & _CRL_SIGN)
    except ValueError:  # DERError is one
        return False


def is_authority(certificate: x509.Certificate) -> bool | None:
    """Tell whether a certificate is one of a CA (RFC 5280, section 4.2.1.9); None where that cannot be read."""
    try:
        constraints = _only(certificate, _BASIC_CONSTRAINTS)
        fields = der.expect(constraints, der.SEQUENCE).parts(2) if constraints else []
    except ValueError:  # DERError is one
        return None
    return any(field.tag == der.BOOLEAN and field.content != b"\x00" for field in fields)


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
    """Return the URLs of the certificate's CRL distribution points, of any scheme (RFC 5280, section 4.2.1.13).

    Last those whose lists are about some reasons only, or are signed by somebody else: they do not tell enough.
    """
    points = sorted(distribution_points(certificate), key=lambda point: point.has_reasons or bool(point.issuers))
    return tuple(url for point in points for url in point.urls)


@dataclass(frozen=True, slots=True)
class DistributionPoint:
    """Where a certificate says that its CRL is (RFC 5280, section 4.2.1.13).

    `names` are GeneralNames as encoded, or the one name relative to the CRL issuer, with its tag [1]; `urls` those
    that are URLs, of any scheme. `has_reasons`: it is about some reasons for revocation only. `issuers` are the names
    of whoever signs that CRL instead of the certificate's issuer, as encoded.
    """

    urls: tuple[str, ...] = ()
    names: frozenset[bytes] = frozenset()
    has_reasons: bool = False
    issuers: frozenset[bytes] = frozenset()


def distribution_points(certificate: x509.Certificate) -> tuple[DistributionPoint, ...]:
    """Return the certificate's CRL distribution points, none where they cannot be read."""
    return _extension(
        certificate, _CRL_DISTRIBUTION_POINTS, lambda points: tuple(map(_distribution_point, points.children())), ()
    )


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


def _only(certificate: x509.Certificate, oid: str) -> der.Element | None:
    """Return the value of an extension, None where there is none. Raises DERError, also where there are two."""
    values = [extension.value for extension in _extensions(certificate) if extension.oid == oid]
    if len(values) > 1:
        raise der.DERError("a certificate has the same extension twice")
    return der.parse(values[0]) if values else None


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
_CRL_SIGN = 0x02


def _allows_digital_signature(bits: der.Element) -> bool:
    return bool(_bits(bits) & _DIGITAL_SIGNATURE)


def _bits(element: der.Element) -> int:
    """Return the first eight named bits of a BIT STRING, the first one highest. Raises DERError."""
    octets = der.expect(element, der.BIT_STRING).content[1:]
    return octets[0] if octets else 0


_BASIC_CONSTRAINTS = "2.5.29.19"


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
_POINT_NAME, _POINT_REASONS, _POINT_ISSUERS = 0xA0, 0x81, 0xA2
_FULL_NAME, _RELATIVE_NAME = 0xA0, 0xA1


def _distribution_point(point: der.Element) -> DistributionPoint:
    fields = {field.tag: field for field in point.children()}
    name = fields[_POINT_NAME].only_part() if _POINT_NAME in fields else None
    issuers = fields[_POINT_ISSUERS].children() if _POINT_ISSUERS in fields else ()
    return DistributionPoint(
        urls=_urls(name.children()) if name and name.tag == _FULL_NAME else (),
        names=point_names(name) if name else frozenset(),
        has_reasons=_POINT_REASONS in fields,
        issuers=frozenset(issuer.encoded for issuer in issuers),
    )


def point_names(name: der.Element) -> frozenset[bytes]:
    """Return the names in a DistributionPointName as encoded, or the one that is relative. Raises DERError.

    A certificate's distribution points and a CRL's issuing distribution point both have such names.
    """
    if name.tag == _RELATIVE_NAME:
        return frozenset({name.encoded})
    return frozenset(each.encoded for each in der.expect(name, _FULL_NAME).children())
