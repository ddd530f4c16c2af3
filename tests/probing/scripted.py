"""A server in this process that follows a script in clear, and then ends it in one of several ways."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.listening import listen, port_of

HOST = "127.0.0.1"


@dataclass(slots=True)
class Peer:
    """One connection of a client to the script; `tls_port` is where a real TLS server listens."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    tls_port: int


End = Callable[[Peer], Awaitable[bytes]]


@dataclass(slots=True)
class Script:
    """What the server says and how much it reads of what the client says, turn by turn, and what it does in the end.

    `heard` is what the client said at each turn, and after all of them, of those connections that came to it.
    """

    turns: Sequence[tuple[bytes, bytes]]
    end: End
    heard: list[bytes] = field(default_factory=list)
    rest: bytes = b""

    async def follow(self, peer: Peer) -> None:
        """Play the part of the server on one connection."""
        for says, hears in self.turns:
            peer.writer.write(says)
            self.heard.append(await peer.reader.readexactly(len(hears)))
        self.rest = await self.end(peer)


async def carry_on_to_tls(peer: Peer) -> bytes:
    """Connect the client with the TLS server."""
    reader, writer = await asyncio.open_connection(HOST, peer.tls_port)
    with suppress(OSError):
        await asyncio.gather(_carry(peer.reader, writer), _carry(reader, peer.writer))
    await _close(writer)
    return b""


async def listen_to_the_end(peer: Peer) -> bytes:
    """Say nothing more, and read until the client goes."""
    return await peer.reader.read()


async def hang_up(_peer: Peer) -> bytes:
    """Close the connection."""
    return b""


async def answer_in_clear(peer: Peer) -> bytes:
    """Wait for the client to start TLS, and say something else."""
    hello = await peer.reader.read(1)
    peer.writer.write(b"500 What do you mean?\r\n")
    return hello + await peer.reader.read()


def say_for_ever(beginning: bytes, again: bytes) -> End:
    """Make a server that never stops: some words, and then others again and again until the client goes."""

    async def end(peer: Peer) -> bytes:
        peer.writer.write(beginning)
        while True:
            peer.writer.write(again)
            await peer.writer.drain()

    return end


@asynccontextmanager
async def serve(script: Script, endpoint: Endpoint) -> AsyncIterator[int]:
    """Follow the script on every connection to the port that is given, while the block lasts."""
    tls = listen(HOST)
    tls_port = port_of(tls)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await script.follow(Peer(reader, writer, tls_port))
        await _close(writer)
        done.release()

    done = asyncio.Semaphore(0)
    server = await asyncio.start_server(converse, HOST, 0)
    async with serve_tls(endpoint, tls), server:
        yield server.sockets[0].getsockname()[1]
        await done.acquire()  # what the client left with has been read


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while octets := await reader.read(65536):
        writer.write(octets)
    with suppress(OSError):
        writer.write_eof()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
