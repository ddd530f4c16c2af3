"""An HTTP server for tests that does on a connection whatever its script says, and remembers what it was asked."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Where it listens, and of each request that came the head, as text, and the body."""

    port: int
    listening: asyncio.Server | None = None
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        """Give a URL that leads here."""
        return f"{scheme}://{host}:{self.port}{path}"

    def stop(self) -> None:
        """Listen no more."""
        assert self.listening
        self.listening.close()


@contextlib.asynccontextmanager
async def serve(
    *scripts: Script, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1"
) -> AsyncIterator[Server]:
    """Serve on a free port: the first request by the first script and so on, all others by the last.

    A script begins after a request was read; after it the connection is closed.
    """
    server = Server(0)
    running: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        running.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\nContent-Length: *(\d+)", head)
            server.heads.append(head.decode())
            server.bodies.append(await reader.readexactly(int(length[1])) if length else b"")
            await scripts[min(len(server.heads), len(scripts)) - 1](reader, writer)
        writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()
        running.discard(task)

    listening = await asyncio.start_server(converse, address, 0, ssl=tls)
    server.port, server.listening = listening.sockets[0].getsockname()[1], listening
    try:
        yield server
    finally:
        listening.close()
        for task in tuple(running):
            task.cancel()
        if running:
            await asyncio.wait(tuple(running))


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> Script:
    """Answer with a body of stated length; underscores in the names of headers stand for hyphens."""
    return raw(_head(status, {"Content-Length": str(len(body)), **headers}) + body)


def redirect(url: str, status: str = "302 Found") -> Script:
    """Send the client elsewhere."""
    return answer(status=status, Location=url)


def raw(octets: bytes) -> Script:
    """Send these octets, and close."""

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        await writer.drain()

    return script


def hang_after(octets: bytes) -> Script:
    """Send these octets, and then nothing for ever."""

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        await writer.drain()
        await asyncio.Event().wait()

    return script


def endless(size: int, sent: list[int]) -> Script:
    """Send a body of `size` bytes, as far as the client takes it, and note how much of it went out."""

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_head("200 OK", {"Content-Length": str(size)}))
        sent.append(0)
        while sent[0] < size:
            writer.write(bytes(65536))
            sent[0] += 65536
            await writer.drain()

    return script


def _head(status: str, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join((*lines, "", "")).encode()
