"""Certificates at hand, ready to be found by what an OCSP response, or the name of its file, says of them. Pure."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.revocation import certificate
from ocsp_exporter.revocation.path import find_issuer
from ocsp_exporter.revocation.response import SingleResponse

#: A digest of a certificate in the name of a file, in lower-case hex: of SHA-256 or SHA-1.
_DIGEST: Final = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])")

K = TypeVar("K")


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A certificate with all that it is looked for by. Names are in DER, digests in lower-case hex."""

    certificate: x509.Certificate
    serial_number: int
    subject: bytes
    issuer: bytes
    sha1: str
    sha256: str

    @classmethod
    def of(cls, known: x509.Certificate) -> Self:
        """Read what a certificate is looked for by."""
        encoded = known.public_bytes(Encoding.DER)
        return cls(
            certificate=known,
            serial_number=certificate.serial_number(known),
            subject=certificate.subject_field(known).encoded,
            issuer=certificate.issuer_field(known).encoded,
            sha1=hashlib.sha1(encoded, usedforsecurity=False).hexdigest(),
            sha256=hashlib.sha256(encoded).hexdigest(),
        )


@dataclass(frozen=True, slots=True)
class Match:
    """The certificate that a response is about, and who issued it; None for what is not at hand."""

    subject: x509.Certificate | None = None
    issuer: x509.Certificate | None = None


class CertificateIndex:
    """Finds certificates among those that are known, in a time that does not grow with their number.

    Issuers that were found by an index `before` are found again without looking, as long as they are known. For any
    number of threads.
    """

    def __init__(self, known: Iterable[Known], before: "CertificateIndex | None" = None) -> None:
        self._known = tuple(dict.fromkeys(known))
        self._by_serial_number = _grouped(self._known, lambda each: each.serial_number)
        self._by_subject = _grouped(self._known, lambda each: each.subject)
        self._by_digest = {digest: each for each in self._known for digest in (each.sha1, each.sha256)}
        self._by_key: dict[str, dict[bytes, list[Known]]] = {}
        here = set(self._known)
        # A copy, for other threads may be finding more.
        found: dict[Known, Known] = dict(before._issuers) if before else {}  # noqa: SLF001 -- of the same class
        self._issuers: dict[Known, Known] = {
            subject: issuer for subject, issuer in found.items() if {subject, issuer} <= here
        }

    def match(self, name: str, answers: Iterable[SingleResponse]) -> Match:
        """Find the certificate that a file is for: by a digest in its `name`, else by the CertIDs of its answers.

        NATS names its files by the SHA-256 of the certificate's DER, mod_md by the SHA-1. A name that is the digest
        of a certificate at hand goes before the content: what is in such a file may be about another one.
        """
        named = next((each for digest in _DIGEST.findall(name) if (each := self._by_digest.get(digest))), None)
        if named:
            return Match(named.certificate, self._issuer(named, None))
        best = Match()
        for match in (match for answer in answers for match in self._about(answer)):
            if match.issuer:
                return match
            best = best if best.subject else match
        return best

    def _about(self, answer: SingleResponse) -> Iterator[Match]:
        """Give the certificates that a CertID may name. Where the issuer is not at hand its key's hash is left out."""
        algorithm = answer.hash_algorithm
        if algorithm is None:
            return
        for candidate in self._by_serial_number.get(answer.serial_number, ()):
            name = hashlib.new(algorithm.name, candidate.issuer, usedforsecurity=False)
            if name.digest() == answer.issuer_name_hash:
                issuer = self._issuer(candidate, answer)
                if issuer is None or certificate.key_hash(issuer, algorithm) == answer.issuer_key_hash:
                    yield Match(candidate.certificate, issuer)

    def _issuer(self, subject: Known, answer: SingleResponse | None) -> x509.Certificate | None:
        """Find who signed a certificate: among those of the right name, then those with the key that is named."""
        found = (
            self._issuers.get(subject)
            or _signer(subject, self._by_subject.get(subject.issuer, ()))
            or _signer(subject, self._with_the_key(answer))
        )
        if found is None:
            return None
        self._issuers[subject] = found
        return found.certificate

    def _with_the_key(self, answer: SingleResponse | None) -> Sequence[Known]:
        """Find those whose key a CertID names: a CA's name may be written in more than one way."""
        if answer is None or (algorithm := answer.hash_algorithm) is None:
            return ()
        if algorithm.name not in self._by_key:
            self._by_key[algorithm.name] = _grouped(self._known, _key_hash(algorithm))
        return self._by_key[algorithm.name].get(answer.issuer_key_hash, ())


def _signer(subject: Known, candidates: Sequence[Known]) -> Known | None:
    signer = find_issuer(subject.certificate, [each.certificate for each in candidates])
    return next((each for each in candidates if each.certificate is signer), None)


def _key_hash(algorithm: hashes.HashAlgorithm) -> Callable[[Known], bytes]:
    return lambda each: certificate.key_hash(each.certificate, algorithm)


def _grouped(known: Iterable[Known], key: Callable[[Known], K]) -> dict[K, list[Known]]:
    groups: dict[K, list[Known]] = {}
    for each in known:
        groups.setdefault(key(each), []).append(each)
    return groups
