"""Who signed an OCSP response, and by what right (RFC 6960, sections 2.6 and 4.2.2.2)."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from ocsp_exporter.model import Problem, Signer
from ocsp_exporter.revocation import certificate, signature
from ocsp_exporter.revocation.response import Response


@dataclass(frozen=True, slots=True)
class Responder:
    """A certificate that the ResponderID names: by what right it signs (None: by none), and whether it did."""

    certificate: x509.Certificate
    right: Signer | None
    signature_problem: Problem | None

    @property
    def not_after(self) -> int:
        """The end of its certificate's validity, in seconds since 1970."""
        return int(self.certificate.not_valid_after_utc.timestamp())

    def is_in_its_dates(self, at: float, clock_skew: float) -> bool:
        """Tell whether a delegate's or a locally trusted responder's certificate is valid at a time.

        The issuer's own dates are a matter of the chain; those of one who may not sign are none.
        """
        if self.right in {None, Signer.ISSUER}:
            return True
        not_before = self.certificate.not_valid_before_utc.timestamp()
        return not_before - clock_skew <= at <= self.not_after + clock_skew


def find_responder(
    response: Response, issuer: x509.Certificate | None, trusted: tuple[x509.Certificate, ...]
) -> Responder | None:
    """Return the one that the ResponderID names; of several, one that may sign and did, else one that did."""
    if issuer is None:
        return None
    named = [each for each in (issuer, *trusted, *response.certificates) if _is_named(each, response)]
    responders = [Responder(each, _right(each, issuer, trusted), _signature_problem(each, response)) for each in named]
    return min(responders, key=lambda each: (each.signature_problem is not None, each.right is None), default=None)


def _is_named(candidate: x509.Certificate, response: Response) -> bool:
    """Compare with the ResponderID, by name or by key; the hash of a key there is always SHA-1 (section 4.2.1)."""
    if response.responder_key_hash is not None:
        return certificate.key_hash(candidate, hashes.SHA1()) == response.responder_key_hash  # noqa: S303 -- as standardised
    return candidate.subject == response.responder_name


def _right(
    candidate: x509.Certificate, issuer: x509.Certificate, trusted: tuple[x509.Certificate, ...]
) -> Signer | None:
    if candidate == issuer:
        return Signer.ISSUER
    if candidate in trusted:
        return Signer.TRUSTED
    if certificate.may_sign_responses(candidate) and signature.signed_by(candidate, issuer):
        return Signer.DELEGATED
    return None


def _signature_problem(candidate: x509.Certificate, response: Response) -> Problem | None:
    try:
        signature.verify(candidate.public_key(), response.algorithm, response.signature, response.signed)
    except signature.SignatureInvalid:
        return Problem.SIGNATURE_INVALID
    except (signature.SignatureUnsupported, UnsupportedAlgorithm, ValueError):
        return Problem.SIGNATURE_ALGORITHM_UNSUPPORTED
    return None
