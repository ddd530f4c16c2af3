"""What each problem does to the status of its source."""

from dataclasses import replace

import pytest

from ocsp_exporter.model import Evidence, Problem, Reason, Revocation, Source, Status
from ocsp_exporter.revocation.status import beside_what_is_kept, conclude, status_of, with_problems

FAILED, MISSING, INVALID, AS_IT_IS = Status.SERVER_FAILED, Status.MISSING, Status.INVALID, None

#: By hand, from the contract: every problem there is.
EXPECTED: dict[str, Status | None] = {
    "unreachable": FAILED,
    "timeout": FAILED,
    "http_error": FAILED,
    "unsuccessful": FAILED,
    "blocked_by_egress_policy": MISSING,
    "unsupported_scheme": MISSING,
    "wrong_content_type": AS_IT_IS,
    "number_went_backwards": AS_IT_IS,
    "too_large": INVALID,
    "malformed": INVALID,
    "issuer_unavailable": INVALID,
    "no_matching_response": INVALID,
    "responder_unidentified": INVALID,
    "responder_unauthorized": INVALID,
    "responder_certificate_expired": INVALID,
    "signature_algorithm_unsupported": INVALID,
    "signature_invalid": INVALID,
    "critical_extension": INVALID,
    "out_of_scope": INVALID,
    "nonce_mismatch": INVALID,
    "not_yet_valid": INVALID,
    "produced_in_future": INVALID,
    "expired": INVALID,
}


@pytest.mark.parametrize("problem", list(Problem))
def test_each_problem_brings_its_status(problem: Problem) -> None:
    """The table problem -> status is the contract's, for every problem."""
    assert EXPECTED[problem] is status_of([problem])


def test_no_problem_changes_nothing() -> None:
    """Without a problem the status is what the answer says."""
    assert status_of([]) is None


def test_of_several_the_one_that_tells_most_counts() -> None:
    """An answer that cannot be relied on tells more than none, and one that failed to come more than none asked for."""
    assert status_of([Problem.BLOCKED_BY_EGRESS_POLICY, Problem.TIMEOUT]) is FAILED
    assert status_of([Problem.TIMEOUT, Problem.MALFORMED]) is INVALID
    assert status_of([Problem.WRONG_CONTENT_TYPE, Problem.UNSUCCESSFUL]) is FAILED


def _said(status: Status, *problems: Problem) -> Evidence:
    return Evidence(Source.RESPONDER, 0, status, problems)


GOOD, KEPT_BAD = _said(Status.GOOD), _said(Status.INVALID, Problem.EXPIRED)
DOWN = _said(Status.SERVER_FAILED, Problem.UNREACHABLE)
BLOCKED = _said(Status.MISSING, Problem.BLOCKED_BY_EGRESS_POLICY)
HELD = replace(_said(Status.REVOKED), revocation=Revocation(0, Reason.CERTIFICATE_HOLD))
FORGED = _said(Status.INVALID, Problem.SIGNATURE_INVALID)


@pytest.mark.parametrize(
    ("latest", "kept", "shown"),
    [
        (DOWN, GOOD, _said(Status.GOOD, Problem.UNREACHABLE)),
        (DOWN, _said(Status.REVOKED, Problem.EXPIRED), _said(Status.REVOKED, Problem.UNREACHABLE, Problem.EXPIRED)),
        (BLOCKED, GOOD, _said(Status.GOOD, Problem.BLOCKED_BY_EGRESS_POLICY)),
        (_said(Status.SERVER_FAILED, Problem.UNSUCCESSFUL), GOOD, _said(Status.GOOD, Problem.UNSUCCESSFUL)),
        (DOWN, None, DOWN),
        (DOWN, KEPT_BAD, DOWN),
        (FORGED, GOOD, FORGED),
        # What is revoked stays revoked, but for a hold.
        (FORGED, _said(Status.REVOKED), _said(Status.REVOKED, Problem.SIGNATURE_INVALID)),
        (FORGED, HELD, FORGED),
        (DOWN, HELD, replace(HELD, problems=(Problem.UNREACHABLE,))),
        (GOOD, _said(Status.REVOKED), GOOD),
        (_said(Status.REVOKED), GOOD, _said(Status.REVOKED)),
    ],
)
def test_a_source_that_gives_no_answer_takes_none_back(
    latest: Evidence, kept: Evidence | None, shown: Evidence
) -> None:
    """A verified answer from before is shown with what is wrong now; whatever else comes is the source's word."""
    assert beside_what_is_kept(latest, kept) == shown


def test_problems_come_in_their_order_and_once() -> None:
    """Those of the fetch stand before those of the evidence."""
    assert with_problems(KEPT_BAD, (Problem.EXPIRED, Problem.WRONG_CONTENT_TYPE)).problems == (
        Problem.WRONG_CONTENT_TYPE,
        Problem.EXPIRED,
    )
    assert with_problems(GOOD, ()) == GOOD


@pytest.mark.parametrize(
    ("reason", "problem", "expected"),
    [
        (None, Problem.EXPIRED, Status.REVOKED),
        (Reason.KEY_COMPROMISE, Problem.EXPIRED, Status.REVOKED),
        (Reason.KEY_COMPROMISE, Problem.RESPONDER_CERTIFICATE_EXPIRED, Status.REVOKED),
        (Reason.KEY_COMPROMISE, Problem.NOT_YET_VALID, INVALID),
        (Reason.CERTIFICATE_HOLD, Problem.EXPIRED, INVALID),
        (Reason.CERTIFICATE_HOLD, Problem.NUMBER_WENT_BACKWARDS, Status.REVOKED),
    ],
)
def test_a_revocation_outlives_the_news_of_it_but_for_a_hold(
    reason: Reason | None, problem: Problem, expected: Status
) -> None:
    """Of an authentic answer; a good one lapses with it, and without a problem each is what it says."""
    revocation = Revocation(0, reason)
    assert conclude(Status.REVOKED, revocation, [problem]) is expected
    assert conclude(Status.REVOKED, revocation, []) is Status.REVOKED
    assert conclude(Status.GOOD, None, [Problem.EXPIRED]) is INVALID
    assert conclude(Status.GOOD, None, []) is Status.GOOD
