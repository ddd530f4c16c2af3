"""A handshake that breaks off or stalls: what came counts, and what did not come is not called missing."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.model import Failure, Module, ProbeResult, StapleSettings, Status, Target, TLSSettings, TLSVersion
from ocsp_exporter.probing.probe import Prober
from tests.findings import counts_of, tls_of

AUTHORITY = Authority.root(time.time())
LEAF = AUTHORITY.leaf(must_staple=True)
STAPLE = AUTHORITY.answer(LEAF)

#: What happens to a connection after so many octets of the server.
End = Callable[[asyncio.StreamWriter], Awaitable[object]]


async def _cut(to_client: asyncio.StreamWriter) -> None:
    to_client.close()


async def _stall(_to_client: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


@asynccontextmanager
async def _relay(server: int, octets: int, end: End) -> AsyncIterator[int]:
    """Pass so many octets of a server on to each client, then end as told; give the port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            tasks.add(task)
        from_server, to_server = await asyncio.open_connection("127.0.0.1", server)
        forwarding = asyncio.create_task(_forward(from_client, to_server))
        try:
            left = octets
            while left and (data := await from_server.read(left)):
                to_client.write(data)
                await to_client.drain()
                left -= len(data)
            await end(to_client)
        finally:
            forwarding.cancel()
            to_server.close()
            to_client.close()

    relay = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with relay:
        yield relay.sockets[0].getsockname()[1]
        for task in tasks:
            task.cancel()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)
        await writer.drain()


async def _probe_through(version: TLSVersion, octets: int, end: End) -> ProbeResult:
    endpoint = Endpoint(LEAF, lambda: STAPLE, max_version=version)
    tls = TLSSettings((AUTHORITY.certificate,), TLSVersion.TLS12, version)
    prober = Prober()
    listener = listen("127.0.0.1")
    async with serve_tls(endpoint, listener), _relay(port_of(listener), octets, end) as port:
        [result] = await prober.probe(Target("relay", "127.0.0.1", port), Module("tls", timeout=1.0, tls=tls))
    prober.close()
    return result


@pytest.mark.parametrize("version", [TLSVersion.TLS12, TLSVersion.TLS13])
@pytest.mark.parametrize("octets", [*range(100, 1900, 90)])
async def test_a_handshake_that_is_cut_never_reads_as_a_missing_staple(version: TLSVersion, octets: int) -> None:
    """Wherever it is cut: either the staple had come and counts, or the target could not be looked at."""
    result = await _probe_through(version, octets, _cut)
    if result.findings is None:
        assert result.failure is Failure.TLS
    else:
        assert [evidence.status for evidence in result.findings.evidence] == [Status.GOOD]
        assert tls_of(result.findings).compliant is True


async def test_a_handshake_that_stalls_keeps_what_came() -> None:
    """On TLS 1.2 all has come when the server waits for the client: a deadline that passes then does not undo it.

    Before that it is a timeout, for with the certificate alone nothing is known of the staple.
    """
    lengths = [200, 500, *range(800, 1900, 60)]
    results = await asyncio.gather(*(_probe_through(TLSVersion.TLS12, octets, _stall) for octets in lengths))
    assert results[0].failure is Failure.TIMEOUT
    found = [result.findings for result in results if result.findings]
    stalled = [findings for findings in found if not tls_of(findings).session.complete]
    assert stalled
    for findings in stalled:
        assert [evidence.status for evidence in findings.evidence] == [Status.GOOD]
        assert tls_of(findings).compliant is True


async def test_the_worst_of_several_staples_is_shown_with_its_certificate() -> None:
    """Behind one address a fresh `revoked` is not hidden by an older `good`, and what is shown belongs together."""
    now = time.time()
    revoked = AUTHORITY.answer(LEAF, status=Status.REVOKED, this_update=now - 60)
    staples = [STAPLE, revoked]
    endpoint = Endpoint(LEAF, lambda: staples[0] if len(staples) == 1 else staples.pop(0))
    module = Module("tls", tls=TLSSettings((AUTHORITY.certificate,)), staple=StapleSettings(handshakes=2))
    prober = Prober()
    listener = listen("127.0.0.1")
    async with serve_tls(endpoint, listener):
        target = Target("twice", "127.0.0.1", port_of(listener))
        [result] = await prober.probe(target, module)
        findings = result.findings
    prober.close()
    assert findings is not None
    assert counts_of(findings) == (2, 2, 2)
    assert [evidence.status for evidence in findings.evidence] == [Status.REVOKED]
    assert findings.revoked == {0: True}
    assert tls_of(findings).session.staple == revoked
