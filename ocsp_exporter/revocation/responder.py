"""Who signed an OCSP response, and by what right (RFC 6960, sections 2.6 and 4.2.2.2)."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ocsp_exporter.model import Problem, Signer
from ocsp_exporter.revocation import certificate, signature
from ocsp_exporter.revocation.extensions import has_nocheck, may_sign_responses
from ocsp_exporter.revocation.response import Response


@dataclass(frozen=True, slots=True)
class Responder:
    """Whom the ResponderID names: by what right it signs (None: by none), and whether it did.

    The validity of its certificate is in seconds since 1970; `nocheck`: that has id-pkix-ocsp-nocheck. The certificate
    itself is left out: this is remembered, and a fleet's delegates would be held as often as its certificates.
    """

    right: Signer | None
    signature_problem: Problem | None
    not_before: int
    not_after: int
    nocheck: bool

    def is_in_its_dates(self, at: float, clock_skew: float) -> bool:
        """Tell whether a delegate's or a locally trusted responder's certificate is valid at a time.

        The issuer's own dates are a matter of the chain; those of one who may not sign are none.
        """
        if self.right in {None, Signer.ISSUER}:
            return True
        return self.not_before - clock_skew <= at <= self.not_after + clock_skew


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
    ranked = sorted(((_responder(each, response, issuer, trusted), each) for each in named), key=_rank)
    responders = [responder for responder, _ in ranked]
    entitled = tuple(each for each in responders if each.right and each.signature_problem is None)
    return entitled or tuple(responders[:1])


_RIGHTS = (Signer.ISSUER, Signer.TRUSTED, Signer.DELEGATED, None)


def _rank(candidate: tuple[Responder, x509.Certificate]) -> tuple[bool, int, str, int, bytes]:
    """Order responders by what they are, so that the order in which they came does not matter."""
    responder, own = candidate
    return (
        responder.signature_problem is not None,
        _RIGHTS.index(responder.right),
        responder.signature_problem or "",
        -responder.not_after,
        own.fingerprint(hashes.SHA256()),
    )


def _responder(
    candidate: x509.Certificate,
    response: Response,
    issuer: x509.Certificate,
    trusted: tuple[x509.Certificate, ...],
) -> Responder:
    return Responder(
        right=_right(candidate, issuer, trusted),
        signature_problem=signature.problem(candidate, response.algorithm, response.signature, response.signed),
        not_before=int(candidate.not_valid_before_utc.timestamp()),
        not_after=int(candidate.not_valid_after_utc.timestamp()),
        nocheck=has_nocheck(candidate),
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
