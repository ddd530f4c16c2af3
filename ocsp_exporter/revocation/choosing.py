"""Which of a response's answers counts, and what it comes to."""

from cryptography import x509

from ocsp_exporter.model import Problem, Reason, Status
from ocsp_exporter.revocation import certificate, status
from ocsp_exporter.revocation.checks import TIMELY_CHECKS, Policy, Statement, end_of
from ocsp_exporter.revocation.response import Response, SingleResponse


def choose(said: Statement, now: float, policy: Policy) -> tuple[SingleResponse | None, tuple[Problem, ...]]:
    """Return the single response that counts, and what is wrong with it now.

    Of the current ones the worst: revoked, unknown, good, for the CA says them all now. Without a current one, a
    revoked one whose verdict outlives its next_update, else the latest.
    """
    candidates = [
        (single, tuple(problem for check in TIMELY_CHECKS if (problem := check(said, single, now, policy))))
        for single in said.answers
    ]
    if len(candidates) <= 1:  # as nearly always
        return candidates[0] if candidates else (None, ())
    return min(candidates, key=lambda candidate: _rank(candidate[0], candidate[1], policy))


_Rank = tuple[bool, bool, int, int, float, bool, int, bool, str]


def _rank(single: SingleResponse, problems: tuple[Problem, ...], policy: Policy) -> _Rank:
    """Order answers by what they say, to the last fact, so that the order in which they came does not matter."""
    is_invalid = conclude(single, problems) is Status.INVALID
    time, reason = (single.revocation.time, single.revocation.reason) if single.revocation else (0, None)
    return (
        bool(problems),
        is_invalid,
        _WORST_FIRST.index(single.status),
        -single.this_update,
        end_of(single, policy),
        single.next_update is None,
        time,
        reason is Reason.CERTIFICATE_HOLD,
        reason or "",
    )


_WORST_FIRST = (Status.REVOKED, Status.UNKNOWN, Status.GOOD)


def conclude(single: SingleResponse, problems: tuple[Problem, ...]) -> Status:
    """Return the status of an authentic single response."""
    return status.conclude(single.status, single.revocation, problems)


def matching(
    response: Response, subject: certificate.Subject, issuer: x509.Certificate | None
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
