"""Waiting for sockets, with as few calls of the event loop as can be: of a probe it is a tenth."""

import asyncio
import errno
import os
import socket
from types import TracebackType
from typing import Self, TypeAlias

#: Where to connect: host and port, for IPv6 also the flow and the scope.
Where: TypeAlias = tuple[str, int] | tuple[str, int, int, int]


async def finish_connecting(connecting: socket.socket, where: Where) -> None:
    """Connect a non-blocking socket. Raises OSError."""
    failed = connecting.connect_ex(where)
    if failed == errno.EINPROGRESS:
        await _writable(connecting)
        failed = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if failed:
        raise OSError(failed, os.strerror(failed))


async def send(connected: socket.socket, octets: bytes) -> None:
    """Send all of it; nearly always there is room for it at once. Raises OSError."""
    try:
        sent = connected.send(octets)
    except BlockingIOError:
        sent = 0
    if sent < len(octets):
        await asyncio.get_running_loop().sock_sendall(connected, octets[sent:])


class Arrivals:
    """What arrives at a connected, non-blocking socket while a block lasts."""

    def __init__(self, connected: socket.socket) -> None:
        self._connected = connected
        # Not the socket: of one that a selector does not know it writes out all that there is.
        self._descriptor = connected.fileno()
        self._loop = asyncio.get_running_loop()
        self._arrived = self._loop.create_future()

    def __enter__(self) -> Self:
        self._loop.add_reader(self._descriptor, self._wake)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._loop.remove_reader(self._descriptor)

    async def next(self, most: int) -> bytes:
        """Let others work until something has arrived; empty where the other side has closed. Raises OSError."""
        while True:
            self._arrived = self._loop.create_future()
            await self._arrived
            try:
                return self._connected.recv(most)
            except BlockingIOError:
                continue

    def _wake(self) -> None:
        if not self._arrived.done():
            self._arrived.set_result(None)


async def _writable(waiting: socket.socket) -> None:
    loop, descriptor = asyncio.get_running_loop(), waiting.fileno()
    ready = loop.create_future()
    loop.add_writer(descriptor, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_writer(descriptor)


def _wake(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
