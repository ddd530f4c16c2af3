"""The checks of an OCSP response: RFC 6960, section 3.2, one by one.

Each looks at one thing and can name one problem; one whose precondition failed says nothing. To add a check is to
add a function and its row in the table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cryptography import x509

from ocsp_exporter.model import Module, Problem
from ocsp_exporter.revocation.responder import Responder
from ocsp_exporter.revocation.response import Response, SingleResponse


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator decides: by how much clocks may differ, and how long an answer without next_update holds.

    Both in seconds. `trusted` are responders trusted locally (RFC 6960, section 4.2.2.2, first case).
    """

    clock_skew: float = 300.0
    max_age_without_next_update: float = 86400.0
    trusted: tuple[x509.Certificate, ...] = ()


def policy_of(module: Module) -> Policy:
    """Return how a module judges evidence."""
    return Policy(module.clock_skew, module.max_age_without_next_update, module.responder.trusted)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a response says about the certificate in question, and who says so: all that the time bears on.

    Small, and without the octets of the response: it is remembered. `responders` are several only where a certificate
    was renewed; then the first is valid at the time in question, if any is.
    """

    produced_at: int
    answers: tuple[SingleResponse, ...]
    responders: tuple[Responder, ...]

    @property
    def responder(self) -> Responder | None:
        """The one whom the response names, if anybody at hand is that."""
        return next(iter(self.responders), None)

    @property
    def signer(self) -> Responder | None:
        """The one named, if the signature shows that it signed: a name alone says nothing."""
        return self.responder if self.responder and self.responder.signature_problem is None else None


@dataclass(frozen=True, slots=True)
class Case:
    """A response beside what it is judged by: the input of every check that does not depend on the time.

    `nonce` is the one sent, None where none was or nothing was asked.
    """

    response: Response
    issuer: x509.Certificate | None
    statement: Statement
    nonce: bytes | None = None

    @property
    def responder(self) -> Responder | None:
        """The one whom the response names, if anybody at hand is that."""
        return self.statement.responder


def issuer_is_known(case: Case) -> Problem | None:
    """Without the issuer's key neither CertID nor signature can be checked."""
    return Problem.ISSUER_UNAVAILABLE if case.issuer is None else None


def is_about_the_certificate(case: Case) -> Problem | None:
    """The certificate identified in the response corresponds to the one in question (RFC 6960, section 3.2, 1)."""
    return None if case.statement.answers else Problem.NO_MATCHING_RESPONSE


def responder_is_identified(case: Case) -> Problem | None:
    """Somebody at hand bears the name or key hash of the ResponderID (RFC 6960, sections 3.2, 3 and 4.2.2.3)."""
    return Problem.RESPONDER_UNIDENTIFIED if case.issuer and case.responder is None else None


def responder_is_authorized(case: Case) -> Problem | None:
    """The signer is the issuer, its delegate, or trusted locally (RFC 6960, sections 3.2, 4 and 4.2.2.2)."""
    return Problem.RESPONDER_UNAUTHORIZED if case.responder and case.responder.right is None else None


def signature_is_valid(case: Case) -> Problem | None:
    """The signature on the response is valid (RFC 6960, section 3.2, 2)."""
    return case.responder.signature_problem if case.responder else None


def extensions_are_known(case: Case) -> Problem | None:
    """A critical extension that is not recognised forbids relying on the response (RFC 6960, section 4.4)."""
    critical = case.response.critical.union(*(single.critical for single in case.statement.answers))
    return Problem.CRITICAL_EXTENSION if critical - KNOWN_EXTENSIONS else None


def nonce_is_the_one_sent(case: Case) -> Problem | None:
    """An answer that has another nonce is one to another request (RFC 6960, section 4.4.1; RFC 9654, section 2.1).

    Many responders sign answers beforehand, and leave the nonce out.
    """
    if case.nonce is None or case.response.nonce is None:
        return None
    return Problem.NONCE_MISMATCH if case.response.nonce != case.nonce else None


#: In the order in which the problems are reported.
TIMELESS_CHECKS: tuple[Callable[[Case], Problem | None], ...] = (
    issuer_is_known,
    is_about_the_certificate,
    responder_is_identified,
    responder_is_authorized,
    signature_is_valid,
    extensions_are_known,
    nonce_is_the_one_sent,
)

#: Extensions that change nothing about what an answer says (RFC 6960, section 4.4; RFC 6962, section 3.3).
KNOWN_EXTENSIONS = frozenset(
    {
        "1.3.6.1.5.5.7.48.1.2",  # nonce
        "1.3.6.1.5.5.7.48.1.3",  # CRL references
        "1.3.6.1.5.5.7.48.1.6",  # archive cutoff
        "1.3.6.1.5.5.7.48.1.9",  # extended revoked definition
        "2.5.29.21",  # reason code, as in a CRL entry
        "2.5.29.24",  # invalidity date, likewise
        "1.3.6.1.4.1.11129.2.4.5",  # signed certificate timestamps
    }
)


def responder_is_valid(said: Statement, _single: SingleResponse, now: float, policy: Policy) -> Problem | None:
    """The authority of a delegate lasts as long as its certificate (RFC 6960, section 4.2.2.2)."""
    if said.responder is None or said.responder.is_in_its_dates(now, policy.clock_skew):
        return None
    return Problem.RESPONDER_CERTIFICATE_EXPIRED


def has_begun(_said: Statement, single: SingleResponse, now: float, policy: Policy) -> Problem | None:
    """this_update lies in the past (RFC 6960, section 3.2, 5)."""
    return Problem.NOT_YET_VALID if single.this_update > now + policy.clock_skew else None


def was_produced(said: Statement, _single: SingleResponse, now: float, policy: Policy) -> Problem | None:
    """produced_at lies in the past (RFC 6960, section 2.4)."""
    return Problem.PRODUCED_IN_FUTURE if said.produced_at > now + policy.clock_skew else None


def has_not_ended(_said: Statement, single: SingleResponse, now: float, policy: Policy) -> Problem | None:
    """next_update lies in the future, if it is set (RFC 6960, section 3.2, 6); else this_update is recent enough."""
    return Problem.EXPIRED if end_of(single, policy) < now - policy.clock_skew else None


class Dated(Protocol):
    """An answer or a CRL: when it began, and when the next one comes (None: that is not said)."""

    @property
    def this_update(self) -> int:
        """In seconds since 1970."""

    @property
    def next_update(self) -> int | None:
        """In seconds since 1970."""


def end_of(evidence: Dated, policy: Policy) -> float:
    """Return when evidence ends, in seconds since 1970: at next_update, or when it is too old to hold without one."""
    if evidence.next_update is None:
        return evidence.this_update + policy.max_age_without_next_update
    return evidence.next_update


TimelyCheck = Callable[[Statement, SingleResponse, float, Policy], Problem | None]

TIMELY_CHECKS: tuple[TimelyCheck, ...] = (responder_is_valid, has_begun, was_produced, has_not_ended)
