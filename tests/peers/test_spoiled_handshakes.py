"""Handshakes of which a bit was changed on the way: whatever comes is a finding or a failure, and no fault of ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from random import Random

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.model import Failure, ProbeResult, Problem, Target, TLSVersion
from ocsp_exporter.probing.probe import Prober
from tests.peers.daemons import HOST
from tests.peers.looking import trusting

#: So many handshakes are made, each spoiled at another place, and so many at a time.
ATTEMPTS, AT_ONCE = 400, 40


async def test_a_spoiled_handshake_is_no_fault_of_the_exporter(
    root: Authority, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """With TLS 1.2, where certificates and staple are in the open, no bit of them makes the exporter itself fail."""
    leaf = authority.leaf(must_staple=True)
    staple = authority.answer(leaf)
    listener = listen(HOST)
    # A changed length lets both sides wait for the other until the time is up.
    module = replace(trusting(root, TLSVersion.TLS12, retry_missing=0), timeout=1.0)
    prober = Prober()
    free = asyncio.Semaphore(AT_ONCE)

    async def probe(target: Target) -> ProbeResult:
        async with free:
            [result] = await prober.probe(target, module)
            return result

    async with (
        serve_tls(Endpoint(leaf, lambda: staple, connections=AT_ONCE), listener),
        spoiling(port_of(listener), Random(7)) as port,  # noqa: S311 -- the same places in each run
    ):
        targets = [Target(str(number), HOST, port) for number in range(ATTEMPTS)]
        results = await asyncio.gather(*map(probe, targets))
    prober.close()

    assert Failure.INTERNAL not in {result.failure for result in results}
    assert [record.message for record in caplog.records if record.exc_info] == []
    # The spoiled places were many: some lost the handshake, others only the staple.
    findings = [result.findings for result in results if result.findings]
    assert {Failure.TLS} <= {result.failure for result in results}
    problems = {problem for each in findings for evidence in each.evidence for problem in evidence.problems}
    assert {Problem.MALFORMED, Problem.SIGNATURE_INVALID, Problem.NO_MATCHING_RESPONSE} <= problems


@asynccontextmanager
async def spoiling(port: int, random: Random) -> AsyncIterator[int]:
    """Give the port of a relay to a server that changes a bit of the first that the server says to each client."""
    relays: list[asyncio.Task[None]] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        relays.append(task)
        server_reader, server_writer = await asyncio.open_connection(HOST, port)
        with suppress(ConnectionError):  # either side may go whenever it likes
            server_writer.write(await reader.read(16384))
            flight = bytearray(await server_reader.read(16384))
            flight[random.randrange(len(flight))] ^= 1 << random.randrange(8)
            writer.write(flight)
            if answer := await reader.read(16384):
                server_writer.write(answer)
                writer.write(await server_reader.read(16384))
        for each in (writer, server_writer):
            each.close()
            with suppress(ConnectionError):
                await each.wait_closed()

    async with await asyncio.start_server(relay, HOST) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.wait(relays)
