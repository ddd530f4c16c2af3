"""Whether a key made a signature, by the algorithm that the signed structure names.

One table serves certificates, OCSP responses and CRLs. `cryptography` verifies; the AlgorithmIdentifier is
read here, because for responses it does not offer the parameters of RSA-PSS (RFC 4055, section 3.1).
"""

from dataclasses import dataclass
from enum import Enum, auto

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from ocsp_exporter.model import Problem
from ocsp_exporter.revocation import der
from ocsp_exporter.revocation.certificate import remembering

#: A larger public exponent makes an RSA signature so slow to verify that it serves to keep verifiers busy. Others
#: refuse it, too: Go's crypto/rsa and Windows know 32 bits at most.
_LARGEST_EXPONENT = 2**32 - 1


class SignatureUnsupported(Exception):
    """The algorithm, its parameters or the key cannot be used for verifying here."""


class SignatureInvalid(Exception):
    """The key did not make this signature."""


class _Family(Enum):
    RSA_PKCS1 = auto()
    RSA_PSS = auto()
    ECDSA = auto()
    ED25519 = auto()
    ED448 = auto()


@dataclass(frozen=True, slots=True)
class _Algorithm:
    name: str
    family: _Family
    hash: hashes.HashAlgorithm | None = None


#: The hash algorithms of PSS parameters: object identifier -> hash.
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1.3.14.3.2.26": hashes.SHA1(),  # noqa: S303 -- the usual hash of a CertID, which is a name and no proof
    "2.16.840.1.101.3.4.2.4": hashes.SHA224(),
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}

#: RFC 4055, 5754, 5758, 8410 and 8692. SHA-1 is accepted, and visible by its name.
_ALGORITHMS: dict[str, _Algorithm] = {
    "1.2.840.113549.1.1.5": _Algorithm("sha1WithRSAEncryption", _Family.RSA_PKCS1, hashes.SHA1()),  # noqa: S303 -- see above
    "1.2.840.113549.1.1.14": _Algorithm("sha224WithRSAEncryption", _Family.RSA_PKCS1, hashes.SHA224()),
    "1.2.840.113549.1.1.11": _Algorithm("sha256WithRSAEncryption", _Family.RSA_PKCS1, hashes.SHA256()),
    "1.2.840.113549.1.1.12": _Algorithm("sha384WithRSAEncryption", _Family.RSA_PKCS1, hashes.SHA384()),
    "1.2.840.113549.1.1.13": _Algorithm("sha512WithRSAEncryption", _Family.RSA_PKCS1, hashes.SHA512()),
    "1.2.840.113549.1.1.10": _Algorithm("RSASSA-PSS", _Family.RSA_PSS),
    "1.2.840.10045.4.1": _Algorithm("ecdsa-with-SHA1", _Family.ECDSA, hashes.SHA1()),  # noqa: S303 -- see above
    "1.2.840.10045.4.3.1": _Algorithm("ecdsa-with-SHA224", _Family.ECDSA, hashes.SHA224()),
    "1.2.840.10045.4.3.2": _Algorithm("ecdsa-with-SHA256", _Family.ECDSA, hashes.SHA256()),
    "1.2.840.10045.4.3.3": _Algorithm("ecdsa-with-SHA384", _Family.ECDSA, hashes.SHA384()),
    "1.2.840.10045.4.3.4": _Algorithm("ecdsa-with-SHA512", _Family.ECDSA, hashes.SHA512()),
    "2.16.840.1.101.3.4.3.10": _Algorithm("id-ecdsa-with-sha3-256", _Family.ECDSA, hashes.SHA3_256()),
    "2.16.840.1.101.3.4.3.11": _Algorithm("id-ecdsa-with-sha3-384", _Family.ECDSA, hashes.SHA3_384()),
    "2.16.840.1.101.3.4.3.12": _Algorithm("id-ecdsa-with-sha3-512", _Family.ECDSA, hashes.SHA3_512()),
    "2.16.840.1.101.3.4.3.14": _Algorithm("id-rsassa-pkcs1-v1_5-with-sha3-256", _Family.RSA_PKCS1, hashes.SHA3_256()),
    "2.16.840.1.101.3.4.3.15": _Algorithm("id-rsassa-pkcs1-v1_5-with-sha3-384", _Family.RSA_PKCS1, hashes.SHA3_384()),
    "2.16.840.1.101.3.4.3.16": _Algorithm("id-rsassa-pkcs1-v1_5-with-sha3-512", _Family.RSA_PKCS1, hashes.SHA3_512()),
    "1.3.101.112": _Algorithm("ED25519", _Family.ED25519),
    "1.3.101.113": _Algorithm("ED448", _Family.ED448),
}


def algorithm_name(identifier: der.Element) -> str:
    """Return the usual name of an AlgorithmIdentifier, or its dotted OID where none is known here. Raises DERError."""
    oid = _oid(identifier)
    known = _ALGORITHMS.get(oid)
    return known.name if known else oid


def verify(key: CertificatePublicKeyTypes, identifier: der.Element, signature: bytes, data: bytes) -> None:
    """Raise SignatureInvalid unless `key` made `signature` over `data`, SignatureUnsupported if that cannot be told."""
    try:
        algorithm = _ALGORITHMS.get(_oid(identifier))
        if algorithm is None:
            raise SignatureUnsupported("unknown signature algorithm")
        if isinstance(key, rsa.RSAPublicKey) and key.public_numbers().e > _LARGEST_EXPONENT:
            raise SignatureUnsupported("an RSA key with an extraordinary exponent")
        match algorithm.family, key:
            case _Family.RSA_PKCS1, rsa.RSAPublicKey():
                key.verify(signature, data, padding.PKCS1v15(), _given(algorithm.hash))
            case _Family.RSA_PSS, rsa.RSAPublicKey():
                pss, digest = _pss_parameters(identifier)
                key.verify(signature, data, pss, digest)
            case _Family.ECDSA, ec.EllipticCurvePublicKey():
                key.verify(signature, data, ec.ECDSA(_given(algorithm.hash)))
            case _Family.ED25519, ed25519.Ed25519PublicKey():
                key.verify(signature, data)
            case _Family.ED448, ed448.Ed448PublicKey():
                key.verify(signature, data)
            case _:
                raise SignatureInvalid("the key is of another kind than the signature algorithm")
    except InvalidSignature:
        raise SignatureInvalid("the signature does not verify") from None
    except (UnsupportedAlgorithm, ValueError, StopIteration) as error:
        # ValueError: parameters that are not DER, or a key that OpenSSL refuses, such as an RSA modulus too large.
        raise SignatureUnsupported(str(error)) from error


def problem(signer: Certificate, identifier: der.Element, signature: bytes, data: bytes) -> Problem | None:
    """Say what is wrong with a signature that the key of `signer` is said to have made, None where nothing is."""
    try:
        verify(signer.public_key(), identifier, signature, data)
    except SignatureInvalid:
        return Problem.SIGNATURE_INVALID
    except (SignatureUnsupported, UnsupportedAlgorithm, ValueError):
        return Problem.SIGNATURE_ALGORITHM_UNSUPPORTED
    return None


@remembering(1024)
def signed_by(certificate: Certificate, signer: Certificate) -> bool:
    """Tell whether the key of `signer` made the signature on `certificate`, whatever names they bear.

    By the algorithm that is named in what is signed, too (RFC 5280, section 4.1.1.2). Remembered, since neither
    changes: three such signatures cost as much as a handshake.
    """
    try:
        data, identifier, signature = der.signed_parts(certificate.public_bytes(Encoding.DER))
        # Behind the version and the serial number, the first SEQUENCE.
        within = next(field for field in der.parse(data).children() if field.tag == der.SEQUENCE)
        if within.encoded != identifier.encoded:
            return False
        verify(signer.public_key(), identifier, signature, data)
    except (SignatureInvalid, SignatureUnsupported, UnsupportedAlgorithm, ValueError, StopIteration):
        return False
    return True


def _oid(identifier: der.Element) -> str:
    first = next(identifier.children(), None)
    if first is None:
        raise der.DERError("an AlgorithmIdentifier is empty")
    return der.object_identifier(first)


def _given(hash_algorithm: hashes.HashAlgorithm | None) -> hashes.HashAlgorithm:
    assert hash_algorithm is not None  # noqa: S101 -- the table above has one for each algorithm of these families
    return hash_algorithm


_MGF1 = "1.2.840.113549.1.1.8"
_DEFAULT_SALT_LENGTH = 20
# Longer than the signature of any key.
_LONGEST_SALT = 0xFFFF
_PSS_HASH, _PSS_MASK, _PSS_SALT, _PSS_TRAILER = 0xA0, 0xA1, 0xA2, 0xA3


def _pss_parameters(identifier: der.Element) -> tuple[padding.PSS, hashes.HashAlgorithm]:
    """Read RSASSA-PSS-params (RFC 4055, section 3.1), in which every field has a default."""
    _algorithm, *parameters = identifier.children()
    given = {field.tag: next(field.children()) for sequence in parameters for field in sequence.children()}
    digest: hashes.HashAlgorithm = hashes.SHA1()  # noqa: S303 -- the default that the standard sets
    mask_digest = digest
    salt_length = _DEFAULT_SALT_LENGTH
    if _PSS_HASH in given:
        digest = _hash(given[_PSS_HASH])
    if _PSS_MASK in given:
        function, mask_hash = given[_PSS_MASK].children()
        if der.object_identifier(function) != _MGF1:
            raise SignatureUnsupported("a mask generation function other than MGF1")
        mask_digest = _hash(mask_hash)
    if _PSS_SALT in given:
        salt_length = _integer(given[_PSS_SALT])
    if not 0 <= salt_length <= _LONGEST_SALT or (_PSS_TRAILER in given and _integer(given[_PSS_TRAILER]) != 1):
        raise SignatureUnsupported("an impossible salt length or an unknown trailer")
    return padding.PSS(padding.MGF1(mask_digest), salt_length), digest


def _integer(element: der.Element) -> int:
    return int.from_bytes(der.expect(element, der.INTEGER).content, "big", signed=True)


def _hash(identifier: der.Element) -> hashes.HashAlgorithm:
    found = _HASHES.get(_oid(identifier))
    if found is None:
        raise SignatureUnsupported("a hash algorithm that is not known here")
    return found
