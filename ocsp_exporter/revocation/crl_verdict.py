"""Whether a CRL may be relied on, and what it says of a certificate: RFC 5280, section 6.3.3, check by check.

Pure, and never raises. To add a check is to add a function and its row in the table.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509

from ocsp_exporter.model import CRLFacts, Evidence, Problem, Source, Status
from ocsp_exporter.revocation import certificate, der, status
from ocsp_exporter.revocation.checks import Policy, end_of
from ocsp_exporter.revocation.crl import CertificateList
from ocsp_exporter.revocation.extensions import distribution_points, is_authority
from ocsp_exporter.revocation.validation import Origin


@dataclass(frozen=True, slots=True)
class Case:
    """A CRL beside what it is judged by: the input of every check. `subject` None: the CRL is judged by itself."""

    crl: CertificateList
    subject: x509.Certificate | None
    issuer: x509.Certificate


def issuer_is_authorized(case: Case) -> Problem | None:
    """The issuer's key may sign CRLs (section 6.3.3 (f))."""
    return None if case.crl.issuer_may_sign else Problem.RESPONDER_UNAUTHORIZED


def signature_is_valid(case: Case) -> Problem | None:
    """The issuer signed the CRL (section 6.3.3 (g)); one that bears another name is not said to be signed by it."""
    return case.crl.signature_problem if case.crl.names_issuer else None


def extensions_are_known(case: Case) -> Problem | None:
    """An unknown critical extension of the CRL or of any entry forbids relying on it (sections 5.2 and 5.3)."""
    return Problem.CRITICAL_EXTENSION if case.crl.critical else None


def is_complete(case: Case) -> Problem | None:
    """The CRL is the issuer's own and complete: neither indirect nor a delta (sections 5.2.4 and 5.2.5).

    Without the CRL that it adds to, a delta CRL shows nothing to be good.
    """
    scope = case.crl.scope
    is_so = case.crl.names_issuer and not scope.is_indirect and not scope.is_delta
    return None if is_so else Problem.OUT_OF_SCOPE


def covers_the_certificate(case: Case) -> Problem | None:
    """The certificate is one of those that the CRL is about, for whatever reason it may have been revoked.

    (Section 6.3.3 (b) and (d).) A CRL by itself may be about some certificates only.
    """
    if case.subject is None or is_complete(case):
        return None
    return None if _covers(case.crl, case.subject, case.issuer) else Problem.OUT_OF_SCOPE


#: In the order in which the problems are reported.
TIMELESS_CHECKS: tuple[Callable[[Case], Problem | None], ...] = (
    issuer_is_authorized,
    signature_is_valid,
    extensions_are_known,
    is_complete,
    covers_the_certificate,
)


def has_begun(crl: CertificateList, now: float, policy: Policy) -> Problem | None:
    """this_update lies in the past (section 5.1.2.4)."""
    return Problem.NOT_YET_VALID if crl.this_update > now + policy.clock_skew else None


def has_not_ended(crl: CertificateList, now: float, policy: Policy) -> Problem | None:
    """next_update lies in the future (section 6.3.3 (a)), if it is set; else this_update is recent enough."""
    return Problem.EXPIRED if end_of(crl, policy) < now - policy.clock_skew else None


TIMELY_CHECKS: tuple[Callable[[CertificateList, float, Policy], Problem | None], ...] = (has_begun, has_not_ended)

_SOURCE = Origin(Source.CRL)


def judge(
    crl: CertificateList,
    subject: x509.Certificate | None,
    issuer: x509.Certificate,
    now: float,
    policy: Policy,
    origin: Origin = _SOURCE,
) -> Evidence:
    """Judge what a CRL, which was read for `issuer`, says of `subject`, which `issuer` signed.

    `subject` None: the CRL by itself, whose `good` means that it is verified and current; it may be one of several
    into which the issuer divides its list, but neither indirect nor a delta. `now` is in seconds since 1970.
    """
    timeless = _timeless_problems(Case(crl, subject, issuer))
    timely = tuple(problem for check in TIMELY_CHECKS if (problem := check(crl, now, policy)))
    revocation = None if subject is None else crl.entries.find(certificate.serial_number(subject))
    if subject and revocation is None and not timeless and _may_have_left_out(crl, subject):
        timely = (Problem.OUT_OF_SCOPE, *timely)
    said = Status.REVOKED if revocation else Status.GOOD
    is_signed = crl.names_issuer and crl.signature_problem is None
    return Evidence(
        source=origin.source,
        depth=origin.depth,
        status=Status.INVALID if timeless else status.conclude(said, revocation, timely),
        problems=timeless + timely,
        authentic=not timeless,
        this_update=crl.this_update,
        next_update=crl.next_update,
        revocation=revocation,
        crl=CRLFacts(crl.number, len(crl.entries)),
        signer_not_after=int(issuer.not_valid_after_utc.timestamp()) if is_signed else None,
        fetched_at=origin.fetched_at,
    )


def _may_have_left_out(crl: CertificateList, subject: x509.Certificate) -> bool:
    """Tell whether a CRL was issued after the end of a certificate: its silence about that says nothing.

    A CA may leave those out that have expired (RFC 5280, section 3.3).
    """
    return crl.this_update > subject.not_valid_after_utc.timestamp()


def is_authentic(crl: CertificateList, issuer: x509.Certificate) -> bool:
    """Tell whether a CRL is a complete one of the issuer's own, whatever the time is."""
    return not _timeless_problems(Case(crl, None, issuer))


def _timeless_problems(case: Case) -> tuple[Problem, ...]:
    return tuple(problem for check in TIMELESS_CHECKS if (problem := check(case)))


def is_for(crl: CertificateList, *, is_authority: bool | None) -> bool:
    """Tell whether a CRL is about certificates of a kind, those of CAs or others (None: of any), for all reasons."""
    scope = crl.scope
    if is_authority is None:
        return True
    other_kind = scope.only_user_certificates if is_authority else scope.only_authority_certificates
    return not (other_kind or scope.only_attribute_certificates or scope.only_some_reasons)


def _covers(crl: CertificateList, subject: x509.Certificate, issuer: x509.Certificate) -> bool:
    scope = crl.scope
    if scope.only_attribute_certificates or scope.only_some_reasons:
        return False
    is_an_authority = is_authority(subject)
    if scope.only_user_certificates and is_an_authority is not False:
        return False
    if scope.only_authority_certificates and is_an_authority is not True:
        return False
    # The issuer was found by its signature. A CA may have had the same key under another name, and another list.
    if not certificate.is_same_name(certificate.issuer_field(subject), certificate.subject_field(issuer)):
        return False
    return not scope.names or _is_named_by(subject, scope.names)


def _is_named_by(subject: x509.Certificate, names: frozenset[bytes]) -> bool:
    """Tell whether a CRL's distribution point is one of the certificate's (section 6.3.3 (b) (2) (i)).

    Not one for some reasons only, nor one whose CRL somebody else signs. An issuer that names itself as who signs is
    nobody else, and where it gives no other name there, this one counts. Of a certificate without distribution points
    the CRL is the one that is named after the issuer (the end of section 6.3.3). Names are compared as encoded: what is
    written otherwise may be another.
    """
    issuer = certificate.issuer_field(subject).encoded
    points = distribution_points(subject)
    if not points:
        return _holds_directory_name(names, issuer)
    return any(
        names & (point.names or point.issuers)
        for point in points
        if not point.has_reasons and (not point.issuers or _holds_directory_name(point.issuers, issuer))
    )


_DIRECTORY_NAME = 0xA4


def _holds_directory_name(names: frozenset[bytes], name: bytes) -> bool:
    elements = map(der.parse, names)
    return any(element.tag == _DIRECTORY_NAME and element.content == name for element in elements)
