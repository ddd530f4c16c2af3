"""What the lab's CA says when asked: OCSP responses to requests, and its CRL. No I/O."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import ocsp

from ocsp_exporter.demo.authority import Authority, unsuccessful
from ocsp_exporter.demo.certificate import HOUR, Credential
from ocsp_exporter.demo.response import HASH_OIDS, key_hash, name_hash, nonce
from ocsp_exporter.model import Revocation, Status

_MAX_NONCE = 128  # RFC 9654, section 2.1


@dataclass(frozen=True, slots=True)
class Responder:
    """A CA's knowledge of its certificates, by serial number.

    `issued` holds None for what is good and a revocation for what is revoked; nothing is known of others.
    `clock` gives seconds since 1970. `signer` None: the authority signs OCSP responses itself.
    """

    authority: Authority
    issued: Mapping[int, Revocation | None]
    clock: Callable[[], float]
    signer: Credential | None = None

    def answer(self, request: bytes) -> bytes:
        """Return the DER of an OCSPResponse to an OCSPRequest; ValueError where that cannot be read."""
        asked = ocsp.load_der_ocsp_request(request)
        nonces = _nonces(asked)
        if not _concerns(asked, self.authority.certificate):
            return unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)
        now = self.clock()
        status, revocation = self._lookup(asked.serial_number)
        return self.authority.answer(
            asked.serial_number,
            status=status,
            this_update=now - HOUR,
            produced_at=now,
            revocation_time=revocation.time if revocation else now,
            reason=revocation.reason if revocation else None,
            hash_algorithm=asked.hash_algorithm,
            signer=self.signer,
            extensions=[nonce(value) for value in nonces],
        )

    def crl(self) -> bytes:
        """Return the DER of the current CRL."""
        revoked = {serial_number: revocation for serial_number, revocation in self.issued.items() if revocation}
        return self.authority.crl(revoked, this_update=self.clock() - HOUR)

    def _lookup(self, serial_number: int) -> tuple[Status, Revocation | None]:
        if serial_number not in self.issued:
            return Status.UNKNOWN, None
        revocation = self.issued[serial_number]
        return (Status.REVOKED if revocation else Status.GOOD), revocation


def _nonces(asked: ocsp.OCSPRequest) -> list[bytes]:
    nonces = [extension.value.nonce for extension in asked.extensions if isinstance(extension.value, x509.OCSPNonce)]
    if any(not 1 <= len(value) <= _MAX_NONCE for value in nonces):
        raise ValueError(f"a nonce has 1 to {_MAX_NONCE} octets")
    return nonces


def _concerns(asked: ocsp.OCSPRequest, issuer: x509.Certificate) -> bool:
    try:
        algorithm = asked.hash_algorithm
    except UnsupportedAlgorithm:
        return False
    return (
        algorithm.name in HASH_OIDS
        and asked.issuer_name_hash == name_hash(issuer, algorithm)
        and asked.issuer_key_hash == key_hash(issuer, algorithm)
    )
