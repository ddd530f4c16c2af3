"""The verdict on every scenario of CRLs and on its good twin."""

import pytest

from ocsp_exporter.model import VERIFIED, Evidence, Problem, Status
from tests.scenarios.crl_material import CRLMaterial, judge
from tests.scenarios.crl_table import CRL_SCENARIOS
from tests.scenarios.table import Scenario

MATERIAL = CRLMaterial(now=1_800_000_000.0)

by_name = pytest.mark.parametrize("scenario", CRL_SCENARIOS, ids=lambda scenario: scenario.name)


def test_each_scenario_has_a_name_of_its_own() -> None:
    """They are told apart by it."""
    names = [scenario.name for scenario in CRL_SCENARIOS]
    assert len(names) == len(set(names))


@by_name
def test_the_bad_crl_has_its_status_and_every_problem(scenario: Scenario) -> None:
    """A bad CRL gets the status and all the problems that are written down for it."""
    evidence = judge(MATERIAL, scenario.bad_options)
    assert (scenario.expected, scenario.problems) == (evidence.status, evidence.problems)
    assert scenario.expected is not Status.REVOKED or _reason(evidence) is scenario.reason


@by_name
def test_its_good_twin_is_verified(scenario: Scenario) -> None:
    """The twin, which differs in one option, is verified and has no problem."""
    evidence = judge(MATERIAL, scenario.twin_options)
    assert (scenario.good, ()) == (evidence.status, evidence.problems)
    assert evidence.authentic
    assert evidence.signer_not_after is not None


@by_name
def test_only_an_authentic_crl_gives_a_verified_status(scenario: Scenario) -> None:
    """Nothing that could not be verified is ever good or revoked; age makes nothing less authentic."""
    evidence = judge(MATERIAL, scenario.bad_options)
    assert evidence.authentic or evidence.status not in VERIFIED
    assert evidence.authentic is {Problem.EXPIRED, Problem.NOT_YET_VALID}.issuperset(scenario.problems)


def _reason(evidence: Evidence) -> object:
    assert evidence.revocation is not None
    return evidence.revocation.reason
