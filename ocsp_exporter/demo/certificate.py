"""Keys, and certificates issued with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TypedDict

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from ocsp_exporter.demo.response import PrivateKey

HOUR = 3600
DAY = 24 * HOUR
WEEK = 7 * DAY
YEAR = 365 * DAY


@dataclass(frozen=True, slots=True)
class Credential:
    """What somebody holds: a certificate, its private key, and the certificates between it and the root, in order."""

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    def certificate_pem(self) -> bytes:
        """Return the certificate and then its chain, as servers want them in one file."""
        return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in (self.certificate, *self.chain))

    def key_pem(self) -> bytes:
        """Return the private key in PKCS #8, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


class CertificateOptions(TypedDict, total=False):
    """What can be changed about any certificate; `extensions` are added to its own, not critical."""

    key: PrivateKey
    not_before: float
    not_after: float
    serial_number: int
    extensions: Sequence[x509.ExtensionType]


def ecdsa_key() -> PrivateKey:
    """Make a P-256 key (fast)."""
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key() -> PrivateKey:
    """Make an RSA key of 2048 bits (slow: keep it where it can be shared)."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def issue(
    subject: x509.Name,
    extensions: Sequence[x509.ExtensionType],
    options: CertificateOptions,
    issuer: tuple[x509.Name, PrivateKey] | None = None,
) -> Credential:
    """Sign a certificate; `issuer` None: self-signed. `options` must hold `not_before` and `not_after`."""
    key = options.get("key") or ecdsa_key()
    issuer_name, issuer_key = issuer or (subject, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(options.get("serial_number") or x509.random_serial_number())
        .not_valid_before(moment(options["not_before"]))
        .not_valid_after(moment(options["not_after"]))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    for extension in (*extensions, *options.get("extensions", ())):
        critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
        builder = builder.add_extension(extension, critical=critical)
    has_own_hash = isinstance(issuer_key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return Credential(builder.sign(issuer_key, None if has_own_hash else hashes.SHA256()), key)


def authority_extensions() -> tuple[x509.ExtensionType, ...]:
    """Return what makes a certificate one of a CA."""
    return (x509.BasicConstraints(ca=True, path_length=None), _key_usage(authority=True))


def server_extensions(names: Sequence[str], *, must_staple: bool) -> tuple[x509.ExtensionType, ...]:
    """Return what makes a certificate one of a TLS server under these host names and IP addresses."""
    return (
        x509.BasicConstraints(ca=False, path_length=None),
        _key_usage(authority=False),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.SubjectAlternativeName([_general_name(name) for name in names]),
        *((x509.TLSFeature([x509.TLSFeatureType.status_request]),) if must_staple else ()),
    )


def responder_extensions(*, ocsp_signing: bool, nocheck: bool) -> tuple[x509.ExtensionType, ...]:
    """Return what makes a certificate one of an OCSP responder (RFC 6960, section 4.2.2.2)."""
    return (
        x509.BasicConstraints(ca=False, path_length=None),
        _key_usage(authority=False),
        *((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]),) if ocsp_signing else ()),
        *((x509.OCSPNoCheck(),) if nocheck else ()),
    )


def location_extensions(
    ocsp_urls: Sequence[str], crl_urls: Sequence[str], issuer_urls: Sequence[str]
) -> tuple[x509.ExtensionType, ...]:
    """Return what says where responders, CRLs and the issuer's certificate are; nothing where there are none."""
    descriptions = [
        x509.AccessDescription(method, x509.UniformResourceIdentifier(url))
        for method, urls in (
            (AuthorityInformationAccessOID.OCSP, ocsp_urls),
            (AuthorityInformationAccessOID.CA_ISSUERS, issuer_urls),
        )
        for url in urls
    ]
    points = [x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None) for url in crl_urls]
    return (
        *((x509.AuthorityInformationAccess(descriptions),) if descriptions else ()),
        *((x509.CRLDistributionPoints(points),) if points else ()),
    )


def common_name(text: str) -> x509.Name:
    """Return a name of one part."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def moment(seconds: float) -> datetime:
    """Return a time as cryptography's builders take it: whole seconds, UTC."""
    return datetime.fromtimestamp(int(seconds), UTC)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not authority,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
