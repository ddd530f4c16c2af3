"""Whether an OCSP response may be relied on, and what it says: RFC 6960, section 3.2, check by check.

`examine` does all that does not depend on the time, so that it may be remembered for the same bytes; `judge`
adds what does; `validate` is both. All three are pure and never raise.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from cryptography import x509

from ocsp_exporter.model import Evidence, Problem, Reason, ResponseFacts, Source, Status
from ocsp_exporter.revocation import certificate, signature
from ocsp_exporter.revocation.responder import Responder, find_responders
from ocsp_exporter.revocation.response import (
    MalformedResponse,
    Response,
    SingleResponse,
    Unsuccessful,
    parse,
)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator decides: by how much clocks may differ, and how long an answer without next_update holds.

    Both in seconds. `trusted` are responders trusted locally (RFC 6960, section 4.2.2.2, first case).
    """

    clock_skew: float = 300.0
    max_age_without_next_update: float = 86400.0
    trusted: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where evidence came from, for which depth of the path, and when (seconds since 1970)."""

    source: Source = Source.STAPLE
    depth: int = 0
    fetched_at: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A response beside what it is judged by: the input of every check.

    `responders` are several only where a certificate was renewed; then the first is valid at the time in question, if
    any is.
    """

    response: Response
    issuer: x509.Certificate | None
    matching: tuple[SingleResponse, ...]
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
class Examination:
    """What can be said of a response whatever the time is. `case` None: there is no answer to judge."""

    problems: tuple[Problem, ...]
    facts: ResponseFacts | None = None
    case: Case | None = None


def validate(
    encoded: bytes,
    subject: x509.Certificate,
    issuer: x509.Certificate | None,
    now: float,
    policy: Policy,
    origin: Origin = Origin(),
) -> Evidence:
    """Judge the DER of an OCSP response about `subject`, which `issuer` signed.

    `issuer` None: it could not be found, so that nothing can be verified. `now` is in seconds since 1970.
    """
    return judge(examine(encoded, subject, issuer, policy.trusted), encoded, now, policy, origin)


def examine(
    encoded: bytes,
    subject: x509.Certificate,
    issuer: x509.Certificate | None,
    trusted: tuple[x509.Certificate, ...] = (),
) -> Examination:
    """Make the checks that do not depend on the time."""
    try:
        response = parse(encoded)
    except MalformedResponse as malformed:
        return Examination((malformed.problem,))
    if isinstance(response, Unsuccessful):
        return Examination((Problem.UNSUCCESSFUL,), ResponseFacts(response.response_status))
    case = Case(
        response=response,
        issuer=issuer,
        matching=_matching(response, subject, issuer),
        responders=find_responders(response, issuer, trusted),
    )
    problems = tuple(problem for check in TIMELESS_CHECKS if (problem := check(case)))
    return Examination(problems, _facts(case), case)


def judge(examination: Examination, encoded: bytes, now: float, policy: Policy, origin: Origin = Origin()) -> Evidence:
    """Add the checks that depend on the time, and conclude."""
    case = examination.case
    if case is None:
        unsuccessful = Problem.UNSUCCESSFUL in examination.problems
        return Evidence(
            source=origin.source,
            depth=origin.depth,
            status=Status.SERVER_FAILED if unsuccessful else Status.INVALID,
            problems=examination.problems,
            response=examination.facts,
            fetched_at=origin.fetched_at,
            der=encoded,
        )
    in_their_dates = sorted(case.responders, key=lambda each: not each.is_in_its_dates(now, policy.clock_skew))
    case = replace(case, responders=tuple(in_their_dates))
    single, timely_problems = _choose(case, now, policy)
    authentic = not examination.problems and _had_the_right(case, now, policy)
    return Evidence(
        source=origin.source,
        depth=origin.depth,
        status=_conclude(single, timely_problems) if authentic and single else Status.INVALID,
        problems=examination.problems + timely_problems,
        authentic=authentic,
        produced_at=case.response.produced_at,
        this_update=single.this_update if single else None,
        next_update=single.next_update if single else None,
        revocation=single.revocation if single else None,
        response=examination.facts,
        signer_not_after=case.signer.not_after if case.signer else None,
        fetched_at=origin.fetched_at,
        der=encoded,
    )


# The checks. Each looks at one thing and can name one problem; one whose precondition failed says nothing.


def issuer_is_known(case: Case) -> Problem | None:
    """Without the issuer's key neither CertID nor signature can be checked."""
    return Problem.ISSUER_UNAVAILABLE if case.issuer is None else None


def is_about_the_certificate(case: Case) -> Problem | None:
    """The certificate identified in the response corresponds to the one in question (RFC 6960, section 3.2, 1)."""
    return None if case.matching else Problem.NO_MATCHING_RESPONSE


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
    critical = case.response.critical.union(*(single.critical for single in case.matching))
    return Problem.CRITICAL_EXTENSION if critical - KNOWN_EXTENSIONS else None


#: In the order in which the problems are reported.
TIMELESS_CHECKS: tuple[Callable[[Case], Problem | None], ...] = (
    issuer_is_known,
    is_about_the_certificate,
    responder_is_identified,
    responder_is_authorized,
    signature_is_valid,
    extensions_are_known,
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


def _responder_is_valid(case: Case, _single: SingleResponse, now: float, policy: Policy) -> Problem | None:
    """The authority of a delegate lasts as long as its certificate (RFC 6960, section 4.2.2.2)."""
    if case.responder is None or case.responder.is_in_its_dates(now, policy.clock_skew):
        return None
    return Problem.RESPONDER_CERTIFICATE_EXPIRED


def _has_begun(_case: Case, single: SingleResponse, now: float, policy: Policy) -> Problem | None:
    """this_update lies in the past (RFC 6960, section 3.2, 5)."""
    return Problem.NOT_YET_VALID if single.this_update > now + policy.clock_skew else None


def _was_produced(case: Case, _single: SingleResponse, now: float, policy: Policy) -> Problem | None:
    """produced_at lies in the past (RFC 6960, section 2.4)."""
    return Problem.PRODUCED_IN_FUTURE if case.response.produced_at > now + policy.clock_skew else None


def _has_not_ended(_case: Case, single: SingleResponse, now: float, policy: Policy) -> Problem | None:
    """next_update lies in the future, if it is set (RFC 6960, section 3.2, 6); else this_update is recent enough."""
    return Problem.EXPIRED if _end(single, policy) < now - policy.clock_skew else None


def _end(single: SingleResponse, policy: Policy) -> float:
    if single.next_update is None:
        return single.this_update + policy.max_age_without_next_update
    return single.next_update


TimelyCheck = Callable[[Case, SingleResponse, float, Policy], Problem | None]

TIMELY_CHECKS: tuple[TimelyCheck, ...] = (_responder_is_valid, _has_begun, _was_produced, _has_not_ended)


def _choose(case: Case, now: float, policy: Policy) -> tuple[SingleResponse | None, tuple[Problem, ...]]:
    """Return the single response that counts, and what is wrong with it now.

    Of the current ones the worst: revoked, unknown, good. Without a current one, a revoked one whose verdict
    outlives its next_update, else the latest.
    """
    candidates = [
        (single, tuple(problem for check in TIMELY_CHECKS if (problem := check(case, single, now, policy))))
        for single in case.matching
    ]
    if not candidates:
        return None, ()
    return min(candidates, key=lambda candidate: _rank(candidate[0], candidate[1], policy))


_Rank = tuple[bool, bool, int, int, float, bool, int, bool, str]


def _rank(single: SingleResponse, problems: tuple[Problem, ...], policy: Policy) -> _Rank:
    """Order answers by what they say, to the last fact, so that the order in which they came does not matter."""
    is_invalid = _conclude(single, problems) is Status.INVALID
    time, reason = (single.revocation.time, single.revocation.reason) if single.revocation else (0, None)
    return (
        bool(problems),
        is_invalid,
        _WORST_FIRST.index(single.status),
        -single.this_update,
        _end(single, policy),
        single.next_update is None,
        time,
        reason is Reason.CERTIFICATE_HOLD,
        reason or "",
    )


_WORST_FIRST = (Status.REVOKED, Status.UNKNOWN, Status.GOOD)

#: What does not take back a revocation: it is for ever, however old the news of it is.
_HARMLESS_FOR_REVOKED = {Problem.EXPIRED, Problem.RESPONDER_CERTIFICATE_EXPIRED}


def _conclude(single: SingleResponse, problems: tuple[Problem, ...]) -> Status:
    """Return the status of an authentic single response."""
    lasting = single.status is Status.REVOKED and not (
        single.revocation and single.revocation.reason is Reason.CERTIFICATE_HOLD
    )
    relevant = set(problems) - _HARMLESS_FOR_REVOKED if lasting else problems
    return Status.INVALID if relevant else single.status


def _matching(
    response: Response, subject: x509.Certificate, issuer: x509.Certificate | None
) -> tuple[SingleResponse, ...]:
    """Return the answers about `subject`, by serial number and both issuer hashes, recomputed with their own function.

    Without the issuer, its key's hash is left out: that something else is wrong is known anyway.
    """
    serial_number = certificate.serial_number(subject)
    answers = [
        (single, single.hash_algorithm)
        for single in response.singles
        if single.serial_number == serial_number and single.hash_algorithm is not None
    ]
    # Once for each hash function, not for each answer: names can be long, and answers many.
    algorithms = {algorithm.name: algorithm for _, algorithm in answers}
    names = {name: certificate.issuer_name_hash(subject, algorithm) for name, algorithm in algorithms.items()}
    keys = {name: certificate.key_hash(issuer, algorithm) for name, algorithm in algorithms.items()} if issuer else {}
    return tuple(
        single
        for single, algorithm in answers
        if single.issuer_name_hash == names[algorithm.name]
        and single.issuer_key_hash == keys.get(algorithm.name, single.issuer_key_hash)
    )


def _had_the_right(case: Case, now: float, policy: Policy) -> bool:
    """A delegate's certificate is valid now, or was when it signed: what it said then was said with authority."""
    times = (now, case.response.produced_at)
    return any(responder.is_in_its_dates(at, policy.clock_skew) for responder in case.responders for at in times)


def _facts(case: Case) -> ResponseFacts:
    response = case.response
    named = response.responder_name
    shown = (case.matching or response.singles)[:1]
    algorithm = shown[0].hash_algorithm if shown else None
    return ResponseFacts(
        response_status="successful",
        responder_id=f"keyHash={(response.responder_key_hash or b'').hex()}"
        if named is None
        else certificate.name_text(named),
        signer=case.signer.right if case.signer else None,
        cert_id_hash=algorithm.name if algorithm else "",
        signature_algorithm=signature.algorithm_name(response.algorithm),
    )
