"""A probe of each endpoint of the lab finds what the lab's table promises."""

from collections.abc import AsyncIterator

import pytest

from ocsp_exporter.demo.lab import Lab, RunningEndpoint
from ocsp_exporter.demo.states import STATES
from ocsp_exporter.metrics import Publication
from ocsp_exporter.model import Findings, ProbeResult, Status
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.serving.exposition import render
from ocsp_exporter.serving.negotiation import Format
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


async def _result(lab: Lab, prober: Prober, name: str) -> ProbeResult:
    scheduled = next(each for each in lab.scheduled_targets(60.0) if ("endpoint", name) in each.labels)
    [result] = await prober.probe(scheduled.target, scheduled.module)
    return result


async def _findings(lab: Lab, prober: Prober, name: str) -> tuple[RunningEndpoint, Findings]:
    result = await _result(lab, prober, name)
    assert result.findings is not None, result.detail
    return next(each for each in lab.endpoints if each.row.name == name), result.findings


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


@pytest.mark.parametrize("name", [state.name for state in STATES])
async def test_what_is_kept_of_each_endpoint_is_what_would_be_written_anew(lab: Lab, prober: Prober, name: str) -> None:
    """The second page of a result is the first one of it as of the same time."""
    result = await _result(lab, prober, name)
    kept = Publication(result)
    for later in (0.0, 60.0, 86_400.0):
        now = result.obtained_at + later
        assert render([kept], now, Format.TEXT) == render([Publication(result)], now, Format.TEXT)


async def test_a_required_staple_that_is_missing_is_asked_for_again(lab: Lab, prober: Prober) -> None:
    """Two more handshakes look for a required staple, and none for one that is not required."""
    _, required = await _findings(lab, prober, "must-staple-without-staple")
    assert counts_of(required) == (3, 0, 0)
    _, not_required = await _findings(lab, prober, "without-ocsp")
    assert (tls_of(not_required).handshakes, tls_of(not_required).stapled_handshakes) == (1, 0)
