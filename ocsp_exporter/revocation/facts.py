"""What a certificate says of itself, ready to be shown."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from ocsp_exporter.model import CertificateFacts
from ocsp_exporter.revocation.certificate import issuer_of, name_text, remembering, serial_number, subject_of
from ocsp_exporter.revocation.extensions import crl_urls, has_must_staple, ocsp_urls


@remembering(1024)
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


def _hex(number: int) -> str:
    """Write a number as openssl does, in whole octets, but in lower case."""
    digits = f"{abs(number):x}"
    return ("-" if number < 0 else "") + digits.zfill(len(digits) + len(digits) % 2)


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
