"""NATS ports that begin with TLS: `handshake_first`, websocket and MQTT. What a client says comes only after it."""

import time

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.model import Failure, Module, ProbeResult, StartTLS, Status, Target, TLSSettings
from ocsp_exporter.probing.probe import Prober
from tests.findings import tls_of

AUTHORITY = Authority.root(time.time())
LEAF = AUTHORITY.leaf(must_staple=True)
STAPLE = AUTHORITY.answer(LEAF)
ENDPOINT = Endpoint(LEAF, lambda: STAPLE)


async def _probe(starttls: StartTLS) -> ProbeResult:
    """Look at a peer that waits for a ClientHello and says nothing before, as all these ports do."""
    module = Module("m", timeout=1.0, starttls=starttls, tls=TLSSettings((AUTHORITY.certificate,)))
    prober = Prober()
    listener = listen("127.0.0.1")
    async with serve_tls(ENDPOINT, listener):
        [result] = await prober.probe(Target("nats", "127.0.0.1", port_of(listener)), module)
    prober.close()
    return result


@pytest.mark.parametrize("starttls", [StartTLS.NONE, StartTLS.NATS_AUTO])
async def test_the_staple_is_seen_where_tls_comes_first(starttls: StartTLS) -> None:
    """TLS at once sees it, and so does the module that finds out by itself that no INFO comes."""
    result = await _probe(starttls)
    assert result.findings is not None
    assert [evidence.status for evidence in result.findings.evidence] == [Status.GOOD]
    assert tls_of(result.findings).compliant is True


async def test_who_waits_for_info_there_waits_in_vain() -> None:
    """The module for ports that say INFO first ends in a timeout, as the page about NATS says."""
    result = await _probe(StartTLS.NATS)
    assert (result.failure, result.findings) == (Failure.TIMEOUT, None)
