"""CRLs encoded field by field (RFC 5280, section 5), true or false as the lab wants them."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID, NameOID

from ocsp_exporter.demo import der
from ocsp_exporter.demo.response import REASON_CODES, PrivateKey, Signing, extension, usual_signing
from ocsp_exporter.model import Reason, Revocation

#: The first second that is written as a GeneralizedTime: 2050-01-01 (RFC 5280, section 5.1.2.4).
_2050 = 2524608000


def time(seconds: float) -> bytes:
    """Return a time as RFC 5280 wants it: a UTCTime through the year 2049."""
    return der.utc_time(seconds) if seconds < _2050 else der.generalized_time(seconds)


def entry(serial_number: int, revocation: Revocation, extensions: Sequence[bytes] = ()) -> bytes:
    """Return an entry; a reason is its first extension, `extensions` are further ones in DER."""
    stated = () if revocation.reason is None else (reason_code(revocation.reason),)
    found = (*stated, *extensions)
    return der.sequence(der.integer(serial_number), time(revocation.time), *((der.sequence(*found),) if found else ()))


def reason_code(reason: Reason) -> bytes:
    """Return the extension that gives the reason of a revocation."""
    return extension(CRLEntryExtensionOID.CRL_REASON, der.enumerated(REASON_CODES[reason]))


def invalidity_date(seconds: float) -> bytes:
    """Return the extension that says since when a key was not to be trusted."""
    return extension(CRLEntryExtensionOID.INVALIDITY_DATE, der.generalized_time(seconds))


def certificate_issuer(*names: bytes) -> bytes:
    """Return the extension by which an entry of an indirect CRL names the issuer, as GeneralNames in DER."""
    return extension(CRLEntryExtensionOID.CERTIFICATE_ISSUER, der.sequence(*names), critical=True)


def url_name(url: str) -> bytes:
    """Return a GeneralName that is a URL."""
    return der.tlv(0x86, url.encode())


def directory_name(name: x509.Name) -> bytes:
    """Return a GeneralName that is the name of somebody."""
    return der.explicit(4, name.public_bytes())


def full_name(*names: bytes) -> bytes:
    """Return a DistributionPointName of GeneralNames in DER."""
    return der.explicit(0, *names)


def relative_name(text: str) -> bytes:
    """Return a DistributionPointName that goes on where the CRL issuer's name ends, with a common name."""
    attribute = der.sequence(der.object_identifier(NameOID.COMMON_NAME), der.tlv(0x0C, text.encode()))
    return der.explicit(1, attribute)


def issuing_distribution_point(  # noqa: PLR0913  its fields, each with a default
    name: bytes | None = None,
    *,
    only_user: bool = False,
    only_authority: bool = False,
    only_some_reasons: bytes | None = None,
    indirect: bool = False,
    only_attribute: bool = False,
    critical: bool = True,
) -> bytes:
    """Return the extension that limits a CRL; `name` is a DistributionPointName, the reasons are bits, both in DER."""
    flags = ((1, only_user), (2, only_authority), (4, indirect), (5, only_attribute))
    fields = {number: der.tlv(0x80 | number, b"\xff") for number, asserted in flags if asserted}
    if name is not None:
        fields[0] = der.explicit(0, name)
    if only_some_reasons is not None:
        fields[3] = der.tlv(0x83, only_some_reasons)
    value = der.sequence(*(fields[number] for number in sorted(fields)))
    return extension(ExtensionOID.ISSUING_DISTRIBUTION_POINT, value, critical=critical)


def delta_indicator(base: int) -> bytes:
    """Return the extension that makes a CRL a delta to the one of this number."""
    return extension(ExtensionOID.DELTA_CRL_INDICATOR, der.integer(base), critical=True)


def number(value: int) -> bytes:
    """Return the extension cRLNumber."""
    return extension(ExtensionOID.CRL_NUMBER, der.integer(value))


def authority_key_identifier(key: PrivateKey) -> bytes:
    """Return the extension that names the key of the CRL's issuer."""
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return extension(ExtensionOID.AUTHORITY_KEY_IDENTIFIER, identifier.public_bytes())


@dataclass(frozen=True, slots=True)
class TBSCertList:
    """What is signed: all in DER but the times, which are seconds since 1970; `version` None: v1.

    An empty list of entries or extensions is left out.
    """

    issuer: bytes
    this_update: float
    next_update: float | None
    entries: Sequence[bytes] = ()
    extensions: Sequence[bytes] = ()
    version: int | None = 1

    def encoded(self, algorithm: bytes) -> bytes:
        """Return it in DER, with the AlgorithmIdentifier of the signature to be."""
        return der.sequence(
            *(() if self.version is None else (der.integer(self.version),)),
            algorithm,
            self.issuer,
            time(self.this_update),
            *(() if self.next_update is None else (time(self.next_update),)),
            *((der.sequence(*self.entries),) if self.entries else ()),
            *((der.explicit(0, der.sequence(*self.extensions)),) if self.extensions else ()),
        )


def signed_list(tbs: bytes, key: PrivateKey, signing: Signing | None = None) -> bytes:
    """Return a CertificateList around a TBSCertList, signed by default with the key's usual algorithm."""
    signing = signing or usual_signing(key)
    return der.sequence(tbs, signing.algorithm, der.bit_string(signing.sign(key, tbs)))
