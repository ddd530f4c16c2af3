"""A probe of each endpoint of the lab finds what the lab's table promises."""

from collections.abc import AsyncIterator

import pytest

from ocsp_exporter.demo.lab import Lab, RunningEndpoint
from ocsp_exporter.demo.states import STATES
from ocsp_exporter.model import Findings, Status
from ocsp_exporter.probing.probe import Prober
from tests.findings import counts_of, tls_of


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    """The lab on free ports."""
    async with Lab.start(first_port=0) as running:
        yield running


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    """A prober, closed in the end."""
    prober = Prober()
    yield prober
    prober.close()


async def _findings(lab: Lab, prober: Prober, name: str) -> tuple[RunningEndpoint, Findings]:
    position = next(index for index, state in enumerate(STATES) if state.name == name)
    scheduled = lab.scheduled_targets(60.0)[position]
    [result] = await prober.probe(scheduled.target, scheduled.module)
    assert result.findings is not None, result.detail
    return lab.endpoints[position], result.findings


@pytest.mark.parametrize("name", [state.name for state in STATES])
async def test_each_endpoint_is_seen_as_promised(lab: Lab, prober: Prober, name: str) -> None:
    """Status, problems, compliance, revocation time and reason are those of the lab's table."""
    endpoint, findings = await _findings(lab, prober, name)
    expected = endpoint.row.expected
    staple = next(iter(findings.evidence), None)
    assert (None if staple is None else staple.status) == expected.status
    assert (() if staple is None else staple.problems) == expected.problems
    assert tls_of(findings).compliant is expected.compliant
    if expected.status is Status.REVOKED:
        assert staple is not None
        assert staple.revocation == endpoint.revocation


@pytest.mark.parametrize("name", [state.name for state in STATES])
async def test_the_chain_and_the_session_are_seen_whatever_the_staple_is(lab: Lab, prober: Prober, name: str) -> None:
    """The certificate, its trust and the TLS session are found beside any staple."""
    endpoint, findings = await _findings(lab, prober, name)
    assert tls_of(findings).session.chain_errors == frozenset()
    assert (tls_of(findings).session.complete, tls_of(findings).session.version) == (True, "TLSv1.3")
    assert int(findings.certificates[0].serial_number, 16) == endpoint.credential.certificate.serial_number
    assert [each.subject for each in findings.certificates[1:]] == [
        "CN=ocsp_exporter demo CA",
        "CN=ocsp_exporter demo root CA",
    ]


async def test_a_required_staple_that_is_missing_is_asked_for_again(lab: Lab, prober: Prober) -> None:
    """Two more handshakes look for a required staple, and none for one that is not required."""
    _, required = await _findings(lab, prober, "must-staple-without-staple")
    assert counts_of(required) == (3, 0, 0)
    _, not_required = await _findings(lab, prober, "without-ocsp")
    assert (tls_of(not_required).handshakes, tls_of(not_required).stapled_handshakes) == (1, 0)
