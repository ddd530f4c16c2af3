"""What a problem does to the status of its source: the table behind every verdict."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from ocsp_exporter.model import VERIFIED, Evidence, Problem, Reason, Revocation, Status

#: Problems that leave no answer, and the status that they bring; those with None leave the status as it is. Any
#: other means that an answer came and cannot be relied on.
_BRINGS: Final[Mapping[Problem, Status | None]] = MappingProxyType(
    {
        Problem.UNSUCCESSFUL: Status.SERVER_FAILED,
        Problem.HTTP_ERROR: Status.SERVER_FAILED,
        Problem.UNREACHABLE: Status.SERVER_FAILED,
        Problem.TIMEOUT: Status.SERVER_FAILED,
        Problem.UNSUPPORTED_SCHEME: Status.MISSING,
        Problem.BLOCKED_BY_EGRESS_POLICY: Status.MISSING,
        Problem.WRONG_CONTENT_TYPE: None,
        Problem.NUMBER_WENT_BACKWARDS: None,
    }
)


def status_of(problems: Iterable[Problem]) -> Status | None:
    """Return the status that problems bring, None where they leave it as it is.

    Of several the one that tells most: an answer that cannot be relied on, none that came, none that was asked for.
    """
    brought = {_BRINGS.get(problem, Status.INVALID) for problem in problems}
    order = (Status.INVALID, Status.SERVER_FAILED, Status.MISSING)
    return next((status for status in order if status in brought), None)


#: What does not take back a revocation: it is for ever, however old the news of it is.
_HARMLESS_FOR_REVOKED: Final = frozenset({Problem.EXPIRED, Problem.RESPONDER_CERTIFICATE_EXPIRED})


def conclude(said: Status, revocation: Revocation | None, problems: Iterable[Problem]) -> Status:
    """Return the status of evidence that is authentic, from what it says and what is wrong with it now."""
    relevant = set(problems) - _HARMLESS_FOR_REVOKED if _is_lasting(said, revocation) else problems
    return status_of(relevant) or said


def _is_lasting(said: Status, revocation: Revocation | None) -> bool:
    """Tell whether what is said is a revocation for ever; a hold lapses with the evidence of it (section 5.3.1)."""
    return said is Status.REVOKED and not (revocation is not None and revocation.reason is Reason.CERTIFICATE_HOLD)


def beside_what_is_kept(latest: Evidence, kept: Evidence | None) -> Evidence:
    """Return what to show of the last thing that came from a source, and of a verified answer from before, if any.

    A source that gives no answer takes back none: the kept one is shown as long as it can be relied on, and what is
    wrong with the source beside it. An answer that cannot be relied on is the source's word, and is shown; only a
    revocation for ever is not unsaid by it.
    """
    if kept is None or kept.status not in VERIFIED or latest.status in VERIFIED:
        return latest
    gives_none = latest.status in {Status.SERVER_FAILED, Status.MISSING}
    stays = gives_none or _is_lasting(kept.status, kept.revocation)
    return with_problems(kept, latest.problems) if stays else latest


def with_problems(evidence: Evidence, problems: Collection[Problem]) -> Evidence:
    """Return evidence with further problems, which leave its status as it is, in the order of the enumeration."""
    if not problems and not evidence.problems:
        return evidence
    return replace(evidence, problems=tuple(sorted({*evidence.problems, *problems}, key=tuple(Problem).index)))
