"""What is said in clear before TLS starts: read within bounds, and nothing beyond what TLS may follow."""

import asyncio
import contextlib
import ipaddress
import socket

from ocsp_exporter.model import Failure, ProbeFailed
from ocsp_exporter.quoting import quoted

#: Octets of one line, its end included. RFC 5321 and RFC 2812 want 512, RFC 3501 names none.
MAX_LINE = 4096
#: Octets of all that the server says before TLS.
MAX_TOTAL = 65536
#: Lines of all that the server says before TLS.
MAX_LINES = 1000

_CHUNK = 4096


class Conversation:
    """The clear part of one connection, on a connected, non-blocking socket that somebody else closes.

    `server_name` is the host that is spoken to. All that reads or sends raises ProbeFailed (`starttls`) where the
    connection ends, and where the server says more than the bounds allow. Timeouts are the caller's.
    """

    def __init__(self, connected: socket.socket, server_name: str) -> None:
        self.server_name = server_name
        self._socket = connected
        self._unread = bytearray()
        self._received = 0
        self._lines = 0

    @property
    def has_begun(self) -> bool:
        """Whether the server has said anything."""
        return self._received > 0

    async def line(self, limit: int = MAX_LINE) -> str:
        """Read a line of at most `limit` octets, and give it without its end, which is CRLF or LF."""
        self._lines += 1
        if self._lines > MAX_LINES:
            raise failed(f"the server says more than {MAX_LINES} lines before TLS")
        octets = await self.through(b"\n", limit)
        return octets.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "backslashreplace")

    async def through(self, end: bytes, limit: int) -> bytes:
        """Read up to and with the octet `end`, which is to come among the first `limit`."""
        searched = 0
        while (position := self._unread.find(end, searched)) < 0:
            searched = len(self._unread)
            if searched >= limit:
                break
            await self._receive()
        if not 0 <= position < limit:
            raise failed(f"{limit} octets came without an end: {_shown(self._unread)}")
        return self._take(position + 1)

    async def exactly(self, count: int) -> bytes:
        """Read `count` octets."""
        while len(self._unread) < count:
            await self._receive()
        return self._take(count)

    async def is_spoken_to(self, seconds: float) -> bool:
        """Say whether the server says something, or hangs up, within some seconds."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._socket, readable.set)
        try:
            async with asyncio.timeout(seconds):
                return await readable.wait()
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(self._socket)

    async def send(self, octets: bytes) -> None:
        """Send all of it."""
        try:
            await asyncio.get_running_loop().sock_sendall(self._socket, octets)
        except OSError as error:
            raise failed(f"the server closed the connection before TLS: {error.strerror}") from error

    def refused(self, answer: str, goodbye: bytes = b"") -> ProbeFailed:
        """Make the failure for a server that refuses TLS, and leave with `goodbye`, without waiting for an answer."""
        with contextlib.suppress(OSError):
            self._socket.send(goodbye)
        return failed(f"the server does not start TLS: {quoted(answer)}")

    def end(self) -> None:
        """Hand over to TLS. Raises ProbeFailed if the server has said more: whoever put it there is not to be heard."""
        with contextlib.suppress(OSError):  # nothing there; or the handshake meets the same error, and tells it
            self._unread += self._socket.recv(_CHUNK, socket.MSG_PEEK)
        if self._unread:
            raise failed(f"the server goes on in clear where TLS has to start: {_shown(self._unread)}")

    def client_name(self) -> str:
        """Give our own address as mail servers want to be told it (RFC 5321, section 4.1.3)."""
        address = ipaddress.ip_address(self._socket.getsockname()[0].partition("%")[0])
        return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"  # noqa: PLR2004 -- its name

    async def _receive(self) -> None:
        wanted = min(_CHUNK, MAX_TOTAL - self._received)
        if not wanted:
            raise failed(f"the server says more than {MAX_TOTAL} octets before TLS")
        try:
            octets = await asyncio.get_running_loop().sock_recv(self._socket, wanted)
        except OSError as error:
            raise failed(f"the server closed the connection before TLS: {error.strerror}") from error
        if not octets:
            said = f" after {_shown(self._unread)}" if self._unread else ""
            raise failed(f"the server closed the connection before TLS{said}")
        self._received += len(octets)
        self._unread += octets

    def _take(self, count: int) -> bytes:
        taken = bytes(self._unread[:count])
        del self._unread[:count]
        return taken


def failed(detail: str) -> ProbeFailed:
    """Make the failure of a conversation that does not lead to TLS; `detail` is a sentence."""
    return ProbeFailed(Failure.STARTTLS, detail)


def _shown(octets: bytes | bytearray) -> str:
    return quoted(bytes(octets[:200]).decode("utf-8", "backslashreplace"))
