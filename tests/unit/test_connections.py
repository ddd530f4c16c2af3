"""How many connections there may be, and how long a client may keep the exporter waiting, with real ones."""

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import h11
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.types import Receive, Scope, Send

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.serving import connections as connections_module
from ocsp_exporter.serving.connections import Connections, WholeAnswers
from ocsp_exporter.serving.listening import bind
from ocsp_exporter.serving.responses import sentence
from ocsp_exporter.serving.web_config import WebConfigFile
from ocsp_exporter.serving.web_server import web_server

#: A deadline that passes, and one that does not.
SHORT, LONG = 0.2, 3600.0
#: One that passes, and that whoever makes haste keeps, however busy the machine is.
ENOUGH = 2.0
#: Far longer than anything here takes.
PATIENCE = 30.0
REQUEST = b"GET %s HTTP/1.1\r\nHost: exporter\r\n\r\n"
#: More than what the system and asyncio take off the exporter's hands.
LARGE = bytes(16 * 1024 * 1024)

ROOT = Authority.root(time.time())


@dataclass
class Client:
    """One who asks."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, some: bytes) -> None:
        """Send some of a request, or all of it."""
        self.writer.write(some)

    async def answer(self) -> str:
        """Give the first line of an answer and skip the rest of it, empty where the connection ends instead."""
        try:
            async with asyncio.timeout(PATIENCE):
                head = await self.reader.readuntil(b"\r\n\r\n")
                length = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
                await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, OSError):
            return ""
        return head.partition(b"\r\n")[0].decode()

    async def get(self, path: bytes = b"/") -> str:
        """Ask for a page, and give the first line of the answer."""
        self.send(REQUEST % path)
        return await self.answer()


@dataclass
class Served:
    """A server with few connections. It answers at once, but at `/slow` when that is released, and much at `/large`."""

    connections: Connections
    port: int = 0
    has_tls: bool = False
    release: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    clients: list[Client] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        self.asked.set()
        if scope["path"] == "/slow":
            await self.release.wait()
        await sentence((LARGE if scope["path"] == "/large" else b"here").decode())(scope, receive, send)

    async def connect(self) -> Client:
        """Connect, with TLS where there is TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if self.has_tls else None
        if context:
            context.load_verify_locations(cadata=ROOT.certificate.public_bytes(Encoding.PEM).decode())
        name = "localhost" if context else None
        return self._noted(
            Client(*await asyncio.open_connection("127.0.0.1", self.port, ssl=context, server_hostname=name))
        )

    async def connect_without_tls(self) -> Client:
        """Connect, and leave it at that."""
        return self._noted(Client(*await asyncio.open_connection("127.0.0.1", self.port)))

    def _noted(self, client: Client) -> Client:
        self.clients.append(client)
        return client

    async def until_open(self, count: int) -> None:
        """Wait until so many connections are open."""
        async with asyncio.timeout(PATIENCE):
            while len(self.connections) != count:  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.001)


@asynccontextmanager
async def served(most: int = 100, within: float = LONG, web_config: Path | None = None) -> AsyncIterator[Served]:
    """Run the server while this is entered."""
    [listening] = bind(["127.0.0.1:0"])
    here = Served(Connections(most, within), listening.getsockname()[1], has_tls=bool(web_config))
    config = WebConfigFile(web_config) if web_config else None
    server = web_server(here, here.connections, config)
    serving = asyncio.create_task(server.serve([listening]))
    try:
        yield here
    finally:
        for client in here.clients:
            client.writer.transport.abort()
        here.release.set()
        server.should_exit = True
        await serving


@pytest.fixture
def with_tls(tmp_path: Path) -> Path:
    """Give a web configuration that has TLS."""
    leaf = ROOT.leaf()
    (tmp_path / "own.pem").write_bytes(leaf.certificate_pem())
    (tmp_path / "own.key").write_bytes(leaf.key_pem())
    path = tmp_path / "web.yml"
    path.write_text("tls_server_config: {cert_file: own.pem, key_file: own.key}")
    return path


class TestDeadlines:
    """How long a client may take."""

    @pytest.mark.parametrize("sent", [b"", b"G", (REQUEST % b"/")[:-2]])
    async def test_headers_that_do_not_come(self, sent: bytes) -> None:
        """Who sends no request, or not all of its headers, is let go; who sends them all is answered."""
        async with served(within=SHORT) as here:
            client = await here.connect()
            client.send(sent)
            assert await client.answer() == ""
            here.connections.request_within = LONG
            assert await (await here.connect()).get() == "HTTP/1.1 200 OK"

    async def test_headers_that_trickle(self) -> None:
        """That there comes something now and then does not give more time."""
        async with served(within=SHORT) as here:
            client = await here.connect()
            ended = asyncio.create_task(client.answer())
            client.send(b"GET / HTTP/1.1\r\n")
            while not ended.done():
                client.send(b"a: b\r\n")
                await asyncio.sleep(SHORT / 10)
            assert await ended == ""

    async def test_headers_of_a_further_request(self) -> None:
        """They have a deadline of their own, from their first byte on; before it nothing is owed."""
        async with served() as here:
            idle, slow = await here.connect(), await here.connect()
            assert [await idle.get(), await slow.get()] == 2 * ["HTTP/1.1 200 OK"]
            here.connections.request_within = SHORT
            slow.send(b"GET / HTTP")
            assert await slow.answer() == ""
            here.connections.request_within = LONG
            assert await idle.get() == "HTTP/1.1 200 OK"

    async def test_an_answer_may_take_longer(self) -> None:
        """The deadline is the client's: who waits for the exporter is not let go."""
        async with served() as here:
            client = await here.connect()
            client.send(REQUEST % b"/slow")
            await here.asked.wait()
            here.connections.request_within = SHORT
            assert await (await here.connect()).answer() == ""  # the deadline has passed for one who came later
            here.release.set()
            assert await client.answer() == "HTTP/1.1 200 OK"

    async def test_a_handshake_that_is_not_made(self, with_tls: Path) -> None:
        """Who connects and does not speak TLS is let go; who does has its time for the headers."""
        async with served(within=ENOUGH, web_config=with_tls) as here:
            good, mute = await here.connect(), await here.connect()
            assert await good.get() == "HTTP/1.1 200 OK"
            silent, half = await here.connect_without_tls(), await here.connect_without_tls()
            half.send(b"\x16\x03\x01\x02\x00\x01")
            assert [await each.answer() for each in (mute, silent, half)] == ["", "", ""]

    @pytest.mark.parametrize("header", [b"", b"Connection: close\r\n"])
    async def test_an_answer_that_is_not_read(self, header: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who asks for much and reads nothing of it is let go; who reads it gets it all."""
        monkeypatch.setattr(connections_module, "_ANSWER_WITHIN", SHORT)
        async with served() as here:
            client = await here.connect()
            client.writer.transport.pause_reading()  # type: ignore[attr-defined] # it reads too
            client.send((REQUEST % b"/large")[:-2] + header + b"\r\n")
            await here.until_open(1)
            await here.until_open(0)
        async with served() as here:
            assert await (await here.connect()).get(b"/large") == "HTTP/1.1 200 OK"


class TestMost:
    """How many there may be."""

    @pytest.mark.parametrize("tls", [False, True])
    async def test_the_one_goes_that_keeps_us_waiting_for_longest(
        self, with_tls: Path, caplog: pytest.LogCaptureFixture, tls: bool
    ) -> None:
        """Of idle ones, first the one whose last answer is longest ago; this is logged, once for all that go."""
        caplog.set_level(logging.WARNING, "ocsp_exporter")
        async with served(3, web_config=with_tls if tls else None) as here:
            first, second, third = [await here.connect() for _ in range(3)]
            assert [await each.get() for each in (second, third, first)] == 3 * ["HTTP/1.1 200 OK"]
            fourth = await here.connect()
            assert await second.answer() == ""
            assert [await each.get() for each in (first, fourth)] == 2 * ["HTTP/1.1 200 OK"]
            await here.connect()
            assert await third.answer() == ""
            await here.until_open(3)
        assert [record.message for record in caplog.records] == ["too many connections: idle ones are closed"]

    async def test_those_who_do_not_ask_do_not_keep_others_out(self, with_tls: Path) -> None:
        """However many connect and do nothing, in clear or in a handshake, who asks is answered."""
        async with served(20, web_config=with_tls) as here:
            silent = [await here.connect_without_tls() for _ in range(30)]
            for client in silent:
                client.send(b"\x16\x03\x01\x02\x00\x01")
            assert await (await here.connect()).get() == "HTTP/1.1 200 OK"
            assert len(here.connections) <= 20
            assert [await each.answer() for each in silent[:10]] == 10 * [""]

    async def test_whoever_waits_for_an_answer_stays(self) -> None:
        """Where the exporter is at work for all of them, the new one is closed."""
        async with served(2) as here:
            working = [await here.connect() for _ in range(2)]
            for client in working:
                here.asked.clear()
                client.send(REQUEST % b"/slow")
                await here.asked.wait()
            assert await (await here.connect()).answer() == ""
            here.release.set()
            assert [await each.answer() for each in working] == 2 * ["HTTP/1.1 200 OK"]
            assert await (await here.connect()).get() == "HTTP/1.1 200 OK"

    async def test_whoever_does_not_read_the_answer_goes(self) -> None:
        """It is not the exporter for which such a one waits."""
        async with served(1) as here:
            client = await here.connect()
            client.writer.transport.pause_reading()  # type: ignore[attr-defined] # it reads too
            client.send(2 * (REQUEST % b"/large"))
            await here.asked.wait()
            async with asyncio.timeout(PATIENCE):
                answered = ""
                while not answered:  # until the exporter has begun to write
                    with suppress(OSError):
                        answered = await (await here.connect()).get()

    async def test_what_has_gone_counts_no_more(self) -> None:
        """Whoever closes makes room."""
        async with served(2) as here:
            stays = await here.connect()
            for _ in range(5):
                client = await here.connect()
                assert await client.get() == "HTTP/1.1 200 OK"
                client.writer.close()
                await here.until_open(1)
            assert await stays.get() == "HTTP/1.1 200 OK"


async def test_a_socket_that_is_gone_already() -> None:
    """One that cannot be shut down, as its client has reset it, is let go as any other."""
    connections = Connections(1)
    with socket.socket() as unconnected, socket.socket() as another:
        connections.opened(unconnected)
        connections.opened(another)
        assert len(connections) == 1


@pytest.mark.parametrize(("size", "together"), [(0, True), (64 * 1024, True), (64 * 1024 + 1, False)])
def test_a_short_answer_is_written_at_once(size: int, together: bool) -> None:
    """The head of a short answer is written with its body; a long body is not copied for that."""
    connection = WholeAnswers(h11.SERVER)
    connection.receive_data(REQUEST % b"/")
    assert isinstance(connection.next_event(), h11.Request)
    head = connection.send(h11.Response(status_code=200, headers=[("content-length", str(size))]))
    body = connection.send(h11.Data(data=bytes(size)))

    assert [bool(head), len(body or b"") > size] == [not together, together]
    assert ((head or b"") + (body or b"")).startswith(b"HTTP/1.1 200 ")
    assert connection.send(h11.EndOfMessage()) == b""


def test_an_answer_without_a_length_begins_at_once() -> None:
    """Nobody knows how long its body lets them wait."""
    connection = WholeAnswers(h11.SERVER)
    connection.receive_data(REQUEST % b"/")
    connection.next_event()

    assert connection.send(h11.Response(status_code=200, headers=[]))
