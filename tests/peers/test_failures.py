"""Targets that cannot be looked at: each has its reason, ends in time, and leaves no traceback in the log."""

import asyncio
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.model import Failure, Module, ProbeResult, Target
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.resolver import Addresses, Resolver, look_up
from tests.peers.daemons import HOST, free_port
from tests.peers.looking import probe, trusting

Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

#: Seconds after which a probe of a target that never answers is given up.
SHORT = 0.3


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Expect that nothing in the log has a traceback."""
    yield
    for phase in ("setup", "call"):
        assert [record.message for record in caplog.get_records(phase) if record.exc_info] == []


@pytest.fixture
def module(root: Authority) -> Module:
    """Return a module whose timeout is never reached by anything that ends by itself."""
    return replace(trusting(root), timeout=30.0)


@asynccontextmanager
async def serving(converse: Converse) -> AsyncIterator[int]:
    """Give the port of a server that talks with its clients as it likes, and then closes the connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await converse(reader, writer)
        except ConnectionError:
            pass  # the client went away, as it may
        finally:
            writer.close()

    server = await asyncio.start_server(talk, HOST)
    async with server:
        yield server.sockets[0].getsockname()[1]


def saying(*answers: bytes) -> Converse:
    """Return a server that gives an answer to each message it gets."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.read(16384)
            writer.write(answer)
            await writer.drain()

    return converse


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say hello first, as mail servers do, and wait for the client to answer or to go."""
    writer.write(b"220 mail.example ESMTP\r\n")
    await reader.read()


async def _close_at_once(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    pass


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


ALERT = bytes.fromhex("15 0303 0002 0228")  # fatal, handshake_failure
PART_OF_A_RECORD = bytes.fromhex("16 0303 0100 02000031")
JUNK_IN_A_RECORD = bytes.fromhex("16 0303 0008") + b"no hello"

#: What a peer may do instead of a handshake.
PEERS: dict[str, tuple[Converse, Failure]] = {
    "answers in HTTP": (saying(b"HTTP/1.0 400 Bad Request\r\n\r\n"), Failure.NOT_TLS),
    "greets first": (_greet, Failure.NOT_TLS),
    "answers in octets": (saying(bytes(range(256))), Failure.NOT_TLS),
    "closes at once": (_close_at_once, Failure.TLS),
    "closes when asked": (saying(b""), Failure.TLS),
    "resets the connection": (_reset, Failure.TLS),
    "closes within a record": (saying(PART_OF_A_RECORD), Failure.TLS),
    "sends an alert": (saying(ALERT), Failure.TLS),
    "sends junk in a record": (saying(JUNK_IN_A_RECORD), Failure.TLS),
}


@pytest.mark.parametrize(("converse", "failure"), PEERS.values(), ids=PEERS)
async def test_a_peer_that_makes_no_handshake_is_told_by_what_it_did(
    module: Module, converse: Converse, failure: Failure
) -> None:
    """What is no TLS is told from a handshake that broke off; neither is a finding."""
    async with serving(converse) as port:
        _expect(await probe(port, module), failure)


async def test_a_server_that_makes_one_can_be_looked_at(module: Module, root: Authority) -> None:
    """The good twin of all of these."""
    async with healthy(root) as port:
        result = await probe(port, module)
    assert result.failure is None
    assert result.findings is not None


async def test_a_port_where_nobody_listens_refuses(module: Module) -> None:
    """A refusal is told from silence."""
    _expect(await probe(free_port(), module), Failure.REFUSED)


async def test_a_server_that_never_answers_ends_by_the_modules_timeout(module: Module) -> None:
    """It accepts the connection (the kernel does) and is never heard of again."""
    with listen(HOST) as silent:
        _expect(await probe(port_of(silent), replace(module, timeout=SHORT)), Failure.TIMEOUT)


async def test_a_server_that_drips_ends_by_the_modules_timeout(module: Module) -> None:
    """However often something comes, the timeout is that of the whole probe."""

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for octet in PART_OF_A_RECORD + bytes(1000):
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(SHORT / 10)

    async with serving(drip) as port:
        _expect(await probe(port, replace(module, timeout=SHORT)), Failure.TIMEOUT)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "two..dots.example", "nul\0.example"])
async def test_a_name_that_is_none_does_not_resolve(module: Module, host: str) -> None:
    """The system's resolver refuses to look such a name up."""
    _expect(await probe(443, module, host), Failure.RESOLVE)


async def test_a_name_that_nobody_has_does_not_resolve(module: Module) -> None:
    """The system's resolver says so."""

    def refuse(host: str) -> Addresses:
        raise socket.gaierror(socket.EAI_NONAME, f"Name or service not known: {host}")

    _expect(await probe(443, module, "nobody.example", Resolver(refuse)), Failure.RESOLVE)


async def test_a_name_without_addresses_does_not_resolve(module: Module) -> None:
    """There is nowhere to connect to."""
    _expect(await probe(443, module, "empty.example", Resolver(lambda _: ())), Failure.RESOLVE)


async def test_a_name_that_hangs_ends_by_the_modules_timeout(module: Module) -> None:
    """A look-up that does not end in time is one that failed."""
    with hanging() as resolver:
        _expect(await probe(443, replace(module, timeout=SHORT), "slow.example", resolver), Failure.RESOLVE)


async def test_sixty_names_that_hang_do_not_delay_a_healthy_one(module: Module, root: Authority) -> None:
    """The healthy target is looked at while all sixty others still wait for their names."""
    with hanging() as resolver:
        prober = Prober(resolver)
        targets = [Target(f"slow-{number}", f"slow-{number}.example", 443) for number in range(60)]
        slow = [asyncio.create_task(prober.probe(target, module)) for target in targets]
        await asyncio.sleep(0)  # now they have all begun
        async with healthy(root) as port:
            [result] = await prober.probe(Target("healthy", "localhost", port), module)
        assert result.failure is None
        assert not any(task.done() for task in slow)
    for [each] in await asyncio.gather(*slow):
        _expect(each, Failure.RESOLVE)
    prober.close()


@asynccontextmanager
async def healthy(root: Authority) -> AsyncIterator[int]:
    """Give the port of a TLS server with nothing wrong."""
    listener = listen(HOST)
    async with serve_tls(Endpoint(root.leaf()), listener):
        yield port_of(listener)


@contextmanager
def hanging() -> Iterator[Resolver]:
    """Give a resolver that knows localhost, and looks for all other names until the block ends."""
    ended = threading.Event()

    def wait(host: str) -> Addresses:
        if host == "localhost":
            return look_up(host)
        ended.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    try:
        yield Resolver(wait)
    finally:
        ended.set()


def _expect(result: ProbeResult, failure: Failure) -> None:
    assert (result.failure, result.findings) == (failure, None)
    assert result.detail
