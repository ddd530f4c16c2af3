"""Signatures by the algorithm that is stated, each bad one beside a good twin."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from ocsp_exporter.demo import der as encoding
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.response import (
    ECDSA_SHA256,
    ED448,
    ED25519,
    HASH_OIDS,
    RSA_PSS_SHA256,
    RSA_SHA256,
    Signing,
    ecdsa,
    identifier,
    rsa_pss,
)
from ocsp_exporter.revocation import der
from ocsp_exporter.revocation.signature import (
    SignatureInvalid,
    SignatureUnsupported,
    algorithm_name,
    signed_by,
    verify,
)
from tests.scenarios.material import signing_key

DATA = b"what is signed"


def _verify(key: CertificatePublicKeyTypes, algorithm: bytes, signature: bytes, data: bytes = DATA) -> None:
    verify(key, der.parse(algorithm), signature, data)


@pytest.mark.parametrize(
    ("kind", "signing", "name"),
    [
        ("p256", ECDSA_SHA256, "ecdsa-with-SHA256"),
        ("p521", ecdsa("1.2.840.10045.4.3.1", hashes.SHA224()), "ecdsa-with-SHA224"),
        ("p384", ecdsa("2.16.840.1.101.3.4.3.10", hashes.SHA3_256()), "id-ecdsa-with-sha3-256"),
        ("rsa", RSA_SHA256, "sha256WithRSAEncryption"),
        ("rsa", RSA_PSS_SHA256, "RSASSA-PSS"),
        ("ed25519", ED25519, "ED25519"),
        ("ed448", ED448, "ED448"),
    ],
)
def test_a_signature_is_that_of_one_key_over_one_text(kind: str, signing: Signing, name: str) -> None:
    """The right one verifies; with another key, another text, or a bit changed it does not."""
    key, other = signing_key(kind), signing_key(kind, 1)
    signature = signing.sign(key, DATA)
    _verify(key.public_key(), signing.algorithm, signature)
    assert algorithm_name(der.parse(signing.algorithm)) == name
    bad = (
        (other.public_key(), signature, DATA),
        (key.public_key(), signature, DATA + b"!"),
        (key.public_key(), signature[:-1] + bytes((signature[-1] ^ 1,)), DATA),
        (key.public_key(), signature[:-1], DATA),
        (key.public_key(), b"", DATA),
    )
    for public_key, claimed, data in bad:
        with pytest.raises(SignatureInvalid):
            _verify(public_key, signing.algorithm, claimed, data)


@pytest.mark.parametrize(("kind", "signing"), [("p256", RSA_SHA256), ("rsa", ED25519), ("ed448", ECDSA_SHA256)])
def test_a_key_of_another_kind_than_stated_signed_nothing(kind: str, signing: Signing) -> None:
    """The algorithm is taken from the identifier, and the key has to be fit for it."""
    with pytest.raises(SignatureInvalid):
        _verify(signing_key(kind).public_key(), signing.algorithm, b"signature")


@pytest.mark.parametrize(
    "algorithm",
    [
        identifier("1.2.840.113549.1.1.4", encoding.null()),  # md5WithRSAEncryption
        identifier("1.2.3.4"),
        encoding.sequence(),
        encoding.sequence(encoding.null()),
    ],
)
def test_an_algorithm_that_is_not_known_is_unsupported(algorithm: bytes) -> None:
    """MD5 and what nobody knows cannot be verified; the same signature under its own name can."""
    key = signing_key("rsa")
    signature = RSA_SHA256.sign(key, DATA)
    _verify(key.public_key(), RSA_SHA256.algorithm, signature)
    with pytest.raises(SignatureUnsupported):
        _verify(key.public_key(), algorithm, signature)


_SHA256 = identifier(HASH_OIDS["sha256"].dotted_string, encoding.null())
_MGF1 = "1.2.840.113549.1.1.8"
_MASK = identifier(_MGF1, _SHA256)


def _pss(*fields: bytes) -> bytes:
    return identifier("1.2.840.113549.1.1.10", encoding.sequence(*fields))


def _fields(hashed: bytes = _SHA256, mask: bytes = _MASK, salt: int = 32, trailer: int | None = None) -> list[bytes]:
    return [
        encoding.explicit(0, hashed),
        encoding.explicit(1, mask),
        encoding.explicit(2, encoding.integer(salt)),
        *(() if trailer is None else (encoding.explicit(3, encoding.integer(trailer)),)),
    ]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (_fields(), None),
        (_fields(trailer=1), None),
        (_fields(trailer=2), SignatureUnsupported),
        (_fields(salt=20), SignatureInvalid),
        (_fields(salt=-1), SignatureUnsupported),
        (_fields(salt=2**40), SignatureUnsupported),
        (_fields(hashed=identifier("1.2.3")), SignatureUnsupported),
        (_fields(mask=identifier(_MGF1, identifier("1.2.3"))), SignatureUnsupported),
        (_fields(mask=identifier("1.2.3", _SHA256)), SignatureUnsupported),
        (_fields(mask=identifier(_MGF1)), SignatureUnsupported),
        (_fields(mask=identifier(_MGF1, identifier(HASH_OIDS["sha1"].dotted_string))), SignatureInvalid),
        ([], SignatureInvalid),  # the defaults: SHA-1 and 20 octets of salt
        ([encoding.tlv(0xA0)], SignatureUnsupported),
    ],
)
def test_the_parameters_of_pss_are_what_the_identifier_says(fields: list[bytes], error: type[Exception] | None) -> None:
    """Hash, mask, salt and trailer count as stated (RFC 4055, 3.1); a signature made otherwise is none."""
    key = signing_key("rsa")
    signature = RSA_PSS_SHA256.sign(key, DATA)
    if error is None:
        _verify(key.public_key(), _pss(*fields), signature)
        return
    with pytest.raises(error):
        _verify(key.public_key(), _pss(*fields), signature)


def test_pss_without_parameters_has_the_defaults() -> None:
    """Absent parameters mean SHA-1 with 20 octets of salt (RFC 4055, 3.1)."""
    key = signing_key("rsa")
    signature = rsa_pss(hashes.SHA1()).sign(key, DATA)  # noqa: S303 -- the default that the standard sets
    _verify(key.public_key(), identifier("1.2.840.113549.1.1.10"), signature)
    _verify(key.public_key(), _pss(), signature)


@pytest.mark.parametrize(
    ("exponent", "error"),
    [(65537, SignatureInvalid), (2**32 - 1, SignatureInvalid), (2**32 + 1, SignatureUnsupported)],
)
def test_an_rsa_key_with_an_extraordinary_exponent_is_not_used(exponent: int, error: type[Exception]) -> None:
    """Verifying takes time in proportion to the exponent; those in use have 17 bits."""
    key = signing_key("rsa")
    assert isinstance(key, rsa.RSAPrivateKey)
    odd = rsa.RSAPublicNumbers(exponent, key.public_key().public_numbers().n).public_key()
    with pytest.raises(error):
        _verify(odd, RSA_SHA256.algorithm, bytes(255) + b"\x01")


def test_an_ecdsa_signature_of_zeros_is_none() -> None:
    """Zeros must not verify, as they once did elsewhere (CVE-2022-21449); a real signature does."""
    key = ec.generate_private_key(ec.SECP256R1())
    _verify(key.public_key(), ECDSA_SHA256.algorithm, ECDSA_SHA256.sign(key, DATA))
    with pytest.raises(SignatureInvalid):
        _verify(key.public_key(), ECDSA_SHA256.algorithm, bytes.fromhex("3006 020100 020100"))


def test_a_certificate_is_signed_by_one_key_whatever_the_names() -> None:
    """The twin has the issuer's name and not its key."""
    authority = Authority.root(1_800_000_000.0, "CA")
    leaf, twin = authority.leaf().certificate, authority.twin().certificate
    assert signed_by(leaf, authority.certificate)
    assert signed_by(authority.certificate, authority.certificate)
    assert not signed_by(leaf, twin)
    assert not signed_by(leaf, leaf)
