"""The verdict on every scenario and on its good twin."""

import pytest

from ocsp_exporter.model import VERIFIED, Evidence, Problem, Status
from tests.scenarios.material import Material, judge
from tests.scenarios.table import SCENARIOS, Scenario

MATERIAL = Material(now=1_800_000_000.0)

by_name = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


def test_there_are_enough_scenarios_and_each_has_a_name_of_its_own() -> None:
    """The table has 80 rows at least, each told apart by its name."""
    names = [scenario.name for scenario in SCENARIOS]
    assert len(names) >= 80
    assert len(names) == len(set(names))


@by_name
def test_the_bad_response_has_its_status_and_every_problem(scenario: Scenario) -> None:
    """A bad response gets the status and all the problems that are written down for it."""
    evidence = judge(MATERIAL, scenario.bad_options)
    assert (scenario.expected, scenario.problems) == (evidence.status, evidence.problems)
    assert scenario.reason == _reason(evidence) or scenario.expected is not Status.REVOKED


@by_name
def test_its_good_twin_is_verified(scenario: Scenario) -> None:
    """The twin, which differs in one option, has a verified answer and no problem."""
    evidence = judge(MATERIAL, scenario.twin_options)
    assert scenario.good is evidence.status
    if scenario.good in VERIFIED:
        assert not evidence.problems
        assert evidence.authentic
        assert evidence.response is not None
        assert scenario.signer is evidence.response.signer


#: Problems beside which nothing was verified, whatever else is so.
UNVERIFIED = set(Problem) - {
    *(Problem.EXPIRED, Problem.NOT_YET_VALID, Problem.PRODUCED_IN_FUTURE, Problem.RESPONDER_CERTIFICATE_EXPIRED),
    *(Problem.WRONG_CONTENT_TYPE, Problem.NUMBER_WENT_BACKWARDS),
}


@by_name
def test_only_a_verified_answer_gives_a_verified_status(scenario: Scenario) -> None:
    """Nothing that could not be verified is ever good, revoked or unknown, nor are its times published as true."""
    evidence = judge(MATERIAL, scenario.bad_options)
    if UNVERIFIED.intersection(scenario.problems):
        assert evidence.status not in VERIFIED
        assert not evidence.authentic
    else:
        assert evidence.authentic or Problem.RESPONDER_CERTIFICATE_EXPIRED in scenario.problems


def _reason(evidence: Evidence) -> object:
    return evidence.revocation.reason if evidence.revocation else None
