"""OCSP responses encoded field by field (RFC 6960, section 4.2.1), true or false as the lab wants them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import OCSPExtensionOID

from ocsp_exporter.demo import der
from ocsp_exporter.model import Reason, Revocation, Status

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey

#: CRLReason of RFC 5280, section 5.3.1.
REASON_CODES = {
    Reason.UNSPECIFIED: 0,
    Reason.KEY_COMPROMISE: 1,
    Reason.CA_COMPROMISE: 2,
    Reason.AFFILIATION_CHANGED: 3,
    Reason.SUPERSEDED: 4,
    Reason.CESSATION_OF_OPERATION: 5,
    Reason.CERTIFICATE_HOLD: 6,
    Reason.REMOVE_FROM_CRL: 8,
    Reason.PRIVILEGE_WITHDRAWN: 9,
    Reason.AA_COMPROMISE: 10,
}
#: The hash functions that a CertID may use here, by cryptography's names.
HASH_OIDS = {
    "sha1": x509.ObjectIdentifier("1.3.14.3.2.26"),
    "sha224": x509.ObjectIdentifier("2.16.840.1.101.3.4.2.4"),
    "sha256": x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1"),
    "sha384": x509.ObjectIdentifier("2.16.840.1.101.3.4.2.2"),
    "sha512": x509.ObjectIdentifier("2.16.840.1.101.3.4.2.3"),
}


@dataclass(frozen=True, slots=True)
class Signing:
    """A way to sign: the AlgorithmIdentifier to state, in DER, and the function that signs."""

    algorithm: bytes
    sign: Callable[[PrivateKey, bytes], bytes]


def identifier(oid: str, *parameters: bytes) -> bytes:
    """Return an AlgorithmIdentifier; the OID is dotted, the parameters are DER."""
    return der.sequence(der.object_identifier(x509.ObjectIdentifier(oid)), *parameters)


def ecdsa(oid: str, digest: hashes.HashAlgorithm) -> Signing:
    """Sign with ECDSA over a hash, stating an OID that should be the one of both."""

    def sign(key: PrivateKey, data: bytes) -> bytes:
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("ECDSA needs an elliptic-curve key")
        return key.sign(data, ec.ECDSA(digest))

    return Signing(identifier(oid), sign)


def rsa_pkcs1(oid: str, digest: hashes.HashAlgorithm) -> Signing:
    """Sign with RSA PKCS #1 v1.5 over a hash, stating an OID that should be the one of both."""

    def sign(key: PrivateKey, data: bytes) -> bytes:
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("RSA needs an RSA key")
        return key.sign(data, padding.PKCS1v15(), digest)

    return Signing(identifier(oid, der.null()), sign)


def rsa_pss(
    digest: hashes.HashAlgorithm, salt_length: int | None = None, stated_salt_length: int | None = None
) -> Signing:
    """Sign with RSA-PSS (RFC 4055, section 3.1), by default with a salt as long as the hash."""
    used = digest.digest_size if salt_length is None else salt_length
    stated = used if stated_salt_length is None else stated_salt_length
    hashed = identifier(HASH_OIDS[digest.name].dotted_string, der.null())
    fields = () if digest.name == "sha1" else (der.explicit(0, hashed), der.explicit(1, identifier(_MGF1, hashed)))
    salt = () if stated == _DEFAULT_SALT_LENGTH else (der.explicit(2, der.integer(stated)),)
    parameters = der.sequence(*fields, *salt)  # DER leaves out what has its default value

    def sign(key: PrivateKey, data: bytes) -> bytes:
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("RSA-PSS needs an RSA key")
        return key.sign(data, padding.PSS(padding.MGF1(digest), used), digest)

    return Signing(identifier(_RSASSA_PSS, parameters), sign)


def _eddsa(oid: str) -> Signing:
    def sign(key: PrivateKey, data: bytes) -> bytes:
        if not isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
            raise TypeError("EdDSA needs an Edwards-curve key")
        return key.sign(data)

    return Signing(identifier(oid), sign)


_DEFAULT_SALT_LENGTH = 20
_MGF1 = "1.2.840.113549.1.1.8"
_RSASSA_PSS = "1.2.840.113549.1.1.10"

ECDSA_SHA256 = ecdsa("1.2.840.10045.4.3.2", hashes.SHA256())
RSA_SHA256 = rsa_pkcs1("1.2.840.113549.1.1.11", hashes.SHA256())
RSA_PSS_SHA256 = rsa_pss(hashes.SHA256())
ED25519 = _eddsa("1.3.101.112")
ED448 = _eddsa("1.3.101.113")


def usual_signing(key: PrivateKey) -> Signing:
    """Return the usual way to sign with a key."""
    match key:
        case rsa.RSAPrivateKey():
            return RSA_SHA256
        case ed25519.Ed25519PrivateKey():
            return ED25519
        case ed448.Ed448PrivateKey():
            return ED448
        case _:
            return ECDSA_SHA256


def cert_id(serial_number: int, issuer: x509.Certificate, algorithm: hashes.HashAlgorithm) -> bytes:
    """Return a CertID: the serial number, and the issuer's name and key hashed with SHA-1 or SHA-2."""
    return der.sequence(
        identifier(HASH_OIDS[algorithm.name].dotted_string, der.null()),
        der.octet_string(name_hash(issuer, algorithm)),
        der.octet_string(key_hash(issuer, algorithm)),
        der.integer(serial_number),
    )


def name_hash(certificate: x509.Certificate, algorithm: hashes.HashAlgorithm) -> bytes:
    """Return the hash of the certificate's subject."""
    return _digest(algorithm, certificate.subject.public_bytes())


def key_hash(certificate: x509.Certificate, algorithm: hashes.HashAlgorithm) -> bytes:
    """Return the hash of the certificate's public key: the bits, without their SubjectPublicKeyInfo."""
    public_key = certificate.public_key()
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.PKCS1
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        encoding, form = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    if isinstance(public_key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        encoding, form = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    return _digest(algorithm, public_key.public_bytes(encoding, form))


def cert_status(status: Status, revocation: Revocation | None = None) -> bytes:
    """Return a CertStatus: good, unknown, or revoked, which needs a `revocation` (ValueError otherwise)."""
    match status, revocation:
        case Status.GOOD, None:
            return der.tlv(0x80)
        case Status.UNKNOWN, None:
            return der.tlv(0x82)
        case Status.REVOKED, Revocation(time, reason):
            stated = () if reason is None else (der.explicit(0, der.enumerated(REASON_CODES[reason])),)
            return der.explicit(1, der.generalized_time(time), *stated)
    raise ValueError(f"no CertStatus is {status} with {revocation}")


def single_response(
    about: bytes,
    status: bytes,
    this_update: float,
    next_update: float | None,
    extensions: Sequence[bytes] = (),
) -> bytes:
    """Return a SingleResponse; `about` is a CertID, `status` a CertStatus, `extensions` are Extensions, all DER."""
    return der.sequence(
        about,
        status,
        der.generalized_time(this_update),
        *(() if next_update is None else (der.explicit(0, der.generalized_time(next_update)),)),
        *_extensions(1, extensions),
    )


def response_data(
    responder_id: bytes, produced_at: float, singles: Sequence[bytes], extensions: Sequence[bytes] = ()
) -> bytes:
    """Return a ResponseData, which is what gets signed, of a ResponderID, SingleResponses and Extensions in DER."""
    return der.sequence(
        responder_id, der.generalized_time(produced_at), der.sequence(*singles), *_extensions(1, extensions)
    )


def signed_response(
    data: bytes, key: PrivateKey, signing: Signing | None = None, certificates: Sequence[x509.Certificate] = ()
) -> bytes:
    """Return a successful OCSPResponse around a ResponseData, signed by default with the key's usual algorithm."""
    signing = signing or usual_signing(key)
    included = [certificate.public_bytes(serialization.Encoding.DER) for certificate in certificates]
    basic = der.sequence(
        data,
        signing.algorithm,
        der.bit_string(signing.sign(key, data)),
        *((der.explicit(0, der.sequence(*included)),) if included else ()),
    )
    response_type = der.object_identifier(x509.ObjectIdentifier("1.3.6.1.5.5.7.48.1.1"))  # id-pkix-ocsp-basic
    return der.sequence(der.enumerated(0), der.explicit(0, der.sequence(response_type, der.octet_string(basic))))


def extension(oid: x509.ObjectIdentifier, value: bytes, *, critical: bool = False) -> bytes:
    """Return an Extension; `value` is its DER."""
    return der.sequence(
        der.object_identifier(oid), *((der.tlv(0x01, b"\xff"),) if critical else ()), der.octet_string(value)
    )


def nonce(value: bytes) -> bytes:
    """Return the nonce extension (RFC 9654)."""
    return extension(OCSPExtensionOID.NONCE, der.octet_string(value))


def responder_by_name(certificate: x509.Certificate) -> bytes:
    """Return the ResponderID byName."""
    return der.explicit(1, certificate.subject.public_bytes())


def responder_by_key(certificate: x509.Certificate) -> bytes:
    """Return the ResponderID byKey, which is always a SHA-1 hash."""
    return der.explicit(2, der.octet_string(key_hash(certificate, hashes.SHA1())))  # noqa: S303  RFC 6960, 4.2.1


def _extensions(number: int, extensions: Sequence[bytes]) -> tuple[bytes, ...]:
    return (der.explicit(number, der.sequence(*extensions)),) if extensions else ()


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()
