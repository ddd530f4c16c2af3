"""Whether an OCSP response may be relied on, and what it says: RFC 6960, section 3.2, check by check.

`examine` does all that does not depend on the time, so that it may be remembered for the same bytes; `judge`
adds what does; `validate` is both. All three are pure and never raise.
"""

from dataclasses import dataclass, replace

from cryptography import x509

from ocsp_exporter.model import Evidence, Problem, ResponseFacts, Signer, Source, Status
from ocsp_exporter.revocation import certificate, signature
from ocsp_exporter.revocation.checks import TIMELESS_CHECKS, Case, Policy, Statement
from ocsp_exporter.revocation.choosing import choose, conclude, matching
from ocsp_exporter.revocation.responder import find_responders
from ocsp_exporter.revocation.response import MalformedResponse, Unsuccessful, parse
from ocsp_exporter.revocation.status import status_of


@dataclass(frozen=True, slots=True)
class Origin:
    """Where evidence came from, for which depth of the path, and when (seconds since 1970)."""

    source: Source = Source.STAPLE
    depth: int = 0
    fetched_at: float | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """What can be said of a response whatever the time is. `statement` None: there is no answer to judge."""

    problems: tuple[Problem, ...]
    facts: ResponseFacts | None = None
    statement: Statement | None = None


def validate(  # noqa: PLR0913 -- the response, what it is judged by, and what is merely noted of it
    encoded: bytes,
    subject: certificate.Subject,
    issuer: x509.Certificate | None,
    now: float,
    policy: Policy,
    origin: Origin = Origin(),
    *,
    nonce: bytes | None = None,
) -> Evidence:
    """Judge the DER of an OCSP response about `subject`, which `issuer` signed.

    `issuer` None: it could not be found, so that nothing can be verified. `now` is in seconds since 1970. `nonce` is
    the one that was sent; None: none was, or nothing was asked.
    """
    return judge(examine(encoded, subject, issuer, policy.trusted, nonce=nonce), encoded, now, policy, origin)


def examine(
    encoded: bytes,
    subject: certificate.Subject | None,
    issuer: x509.Certificate | None,
    trusted: tuple[x509.Certificate, ...] = (),
    *,
    nonce: bytes | None = None,
) -> Examination:
    """Make the checks that do not depend on the time; the arguments are as those of `validate`.

    `subject` None: the certificate is not at hand, nor then its issuer. All answers count as about it, so that what
    they say can be told, and nothing is verified.
    """
    try:
        response = parse(encoded)
    except MalformedResponse as malformed:
        return Examination((malformed.problem,))
    if isinstance(response, Unsuccessful):
        return Examination((Problem.UNSUCCESSFUL,), ResponseFacts(response.response_status))
    case = Case(
        response=response,
        issuer=issuer,
        statement=Statement(
            produced_at=response.produced_at,
            answers=matching(response, subject, issuer) if subject else response.singles,
            responders=find_responders(response, issuer, trusted),
        ),
        nonce=nonce,
    )
    problems = tuple(problem for check in TIMELESS_CHECKS if (problem := check(case)))
    return Examination(problems, _facts(case), case.statement)


def judge(examination: Examination, encoded: bytes, now: float, policy: Policy, origin: Origin = Origin()) -> Evidence:
    """Add the checks that depend on the time, and conclude."""
    said = examination.statement
    if said is None:
        return Evidence(
            source=origin.source,
            depth=origin.depth,
            status=status_of(examination.problems) or Status.INVALID,
            problems=examination.problems,
            response=examination.facts,
            fetched_at=origin.fetched_at,
            der=encoded,
        )
    if len(said.responders) > 1:
        in_their_dates = sorted(said.responders, key=lambda each: not each.is_in_its_dates(now, policy.clock_skew))
        said = replace(said, responders=tuple(in_their_dates))
    single, timely_problems = choose(said, now, policy)
    authentic = not examination.problems and _had_the_right(said, now, policy)
    return Evidence(
        source=origin.source,
        depth=origin.depth,
        status=conclude(single, timely_problems) if authentic and single else Status.INVALID,
        problems=examination.problems + timely_problems,
        authentic=authentic,
        produced_at=said.produced_at,
        this_update=single.this_update if single else None,
        next_update=single.next_update if single else None,
        revocation=single.revocation if single else None,
        response=examination.facts,
        signer_not_after=said.signer.not_after if said.signer else None,
        fetched_at=origin.fetched_at,
        der=encoded,
    )


def _had_the_right(said: Statement, now: float, policy: Policy) -> bool:
    """A delegate's certificate is valid now, or was when it signed: what it said then was said with authority."""
    times = (now, said.produced_at)
    return any(responder.is_in_its_dates(at, policy.clock_skew) for responder in said.responders for at in times)


def _facts(case: Case) -> ResponseFacts:
    response, signer = case.response, case.statement.signer
    named = response.responder_name
    shown = (case.statement.answers or response.singles)[:1]
    algorithm = shown[0].hash_algorithm if shown else None
    return ResponseFacts(
        response_status="successful",
        responder_id=f"keyHash={(response.responder_key_hash or b'').hex()}"
        if named is None
        else certificate.name_text(named),
        signer=signer.right if signer else None,
        nocheck=signer.nocheck if signer and signer.right is Signer.DELEGATED else None,
        cert_id_hash=algorithm.name if algorithm else "",
        signature_algorithm=signature.algorithm_name(response.algorithm),
    )
