"""OCSP responses encoded field by field (RFC 6960, section 4.2.1), true or false as the lab wants them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import OCSPExtensionOID, SignatureAlgorithmOID

from ocsp_exporter.demo import der
from ocsp_exporter.model import Reason, Revocation, Status

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

#: CRLReason of RFC 5280, section 5.3.1.
_REASON_CODES = {
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
    "sha256": x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1"),
    "sha384": x509.ObjectIdentifier("2.16.840.1.101.3.4.2.2"),
    "sha512": x509.ObjectIdentifier("2.16.840.1.101.3.4.2.3"),
}


@dataclass(frozen=True, slots=True)
class Signing:
    """A way to sign: the AlgorithmIdentifier to state, in DER, and the function that signs."""

    algorithm: bytes
    sign: Callable[[PrivateKey, bytes], bytes]


def _sign_ecdsa(key: PrivateKey, data: bytes) -> bytes:
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("ECDSA needs an elliptic-curve key")
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def _sign_rsa(key: PrivateKey, data: bytes) -> bytes:
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("RSA needs an RSA key")
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def _sign_rsa_pss(key: PrivateKey, data: bytes) -> bytes:
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("RSA-PSS needs an RSA key")
    return key.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size), hashes.SHA256())


def _identifier(oid: x509.ObjectIdentifier, *parameters: bytes) -> bytes:
    return der.sequence(der.object_identifier(oid), *parameters)


_SHA256 = _identifier(HASH_OIDS["sha256"], der.null())
_MGF1_SHA256 = _identifier(x509.ObjectIdentifier("1.2.840.113549.1.1.8"), _SHA256)

ECDSA_SHA256 = Signing(_identifier(SignatureAlgorithmOID.ECDSA_WITH_SHA256), _sign_ecdsa)
RSA_SHA256 = Signing(_identifier(SignatureAlgorithmOID.RSA_WITH_SHA256, der.null()), _sign_rsa)
RSA_PSS_SHA256 = Signing(
    # RSASSA-PSS-params of RFC 4055, section 3.1.
    _identifier(
        SignatureAlgorithmOID.RSASSA_PSS,
        der.sequence(der.explicit(0, _SHA256), der.explicit(1, _MGF1_SHA256), der.explicit(2, der.integer(32))),
    ),
    _sign_rsa_pss,
)


def cert_id(serial_number: int, issuer: x509.Certificate, algorithm: hashes.HashAlgorithm) -> bytes:
    """Return a CertID: the serial number, and the issuer's name and key hashed with SHA-1 or SHA-2."""
    return der.sequence(
        _identifier(HASH_OIDS[algorithm.name], der.null()),
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
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        encoding, form = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    else:
        encoding, form = serialization.Encoding.DER, serialization.PublicFormat.PKCS1
    return _digest(algorithm, public_key.public_bytes(encoding, form))


def cert_status(status: Status, revocation: Revocation | None = None) -> bytes:
    """Return a CertStatus: good, unknown, or revoked, which needs a `revocation` (ValueError otherwise)."""
    match status, revocation:
        case Status.GOOD, None:
            return der.tlv(0x80)
        case Status.UNKNOWN, None:
            return der.tlv(0x82)
        case Status.REVOKED, Revocation(time, reason):
            stated = () if reason is None else (der.explicit(0, der.enumerated(_REASON_CODES[reason])),)
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
    if signing is None:
        signing = RSA_SHA256 if isinstance(key, rsa.RSAPrivateKey) else ECDSA_SHA256
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
