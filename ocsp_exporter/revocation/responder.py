"""Who signed an OCSP response, and by what right (RFC 6960, sections 2.6 and 4.2.2.2)."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ocsp_exporter.model import Problem, Signer
from ocsp_exporter.revocation import certificate, signature
from ocsp_exporter.revocation.extensions import may_sign_responses
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


def find_responders(
    response: Response, issuer: x509.Certificate | None, trusted: tuple[x509.Certificate, ...]
) -> tuple[Responder, ...]:
    """Return those whom the ResponderID names, who may sign, and who did; else the one who is nearest to that.

    Several are the same one with its certificate renewed, the youngest first: which is valid is a matter of time.
    """
    if issuer is None:
        return ()
    candidates = dict.fromkeys((issuer, *trusted, *response.certificates))
    named = [each for each in candidates if _is_named(each, response)]
    responders = sorted(
        (Responder(each, _right(each, issuer, trusted), _signature_problem(each, response)) for each in named),
        key=_rank,
    )
    entitled = tuple(each for each in responders if each.right and each.signature_problem is None)
    return entitled or tuple(responders[:1])


_RIGHTS = (Signer.ISSUER, Signer.TRUSTED, Signer.DELEGATED, None)


def _rank(responder: Responder) -> tuple[bool, int, str, int, bytes]:
    """Order responders by what they are, so that the order in which they came does not matter."""
    return (
        responder.signature_problem is not None,
        _RIGHTS.index(responder.right),
        responder.signature_problem or "",
        -responder.not_after,
        responder.certificate.fingerprint(hashes.SHA256()),
    )


def _is_named(candidate: x509.Certificate, response: Response) -> bool:
    """Compare with the ResponderID, by name or by key; the hash of a key there is always SHA-1 (section 4.2.1)."""
    if response.responder_key_hash is not None:
        return certificate.key_hash(candidate, hashes.SHA1()) == response.responder_key_hash  # noqa: S303 -- as standardised
    return certificate.subject_of(candidate) == response.responder_name


def _right(
    candidate: x509.Certificate, issuer: x509.Certificate, trusted: tuple[x509.Certificate, ...]
) -> Signer | None:
    if candidate == issuer:
        return Signer.ISSUER
    if candidate in trusted:
        return Signer.TRUSTED
    if may_sign_responses(candidate) and signature.signed_by(candidate, issuer):
        return Signer.DELEGATED
    return None


def _signature_problem(candidate: x509.Certificate, response: Response) -> Problem | None:
    return signature.problem(candidate, response.algorithm, response.signature, response.signed)
