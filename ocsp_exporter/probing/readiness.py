"""Waiting for sockets, with as few calls of the event loop as can be: of a probe it is a tenth."""

import asyncio
import errno
import os
import socket
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
    """What arrives at a connected, non-blocking socket while a block lasts, at most so many octets at a time."""

    def __init__(self, connected: socket.socket, most: int) -> None:
        self._connected = connected
        self._most = most
        # Not the socket: of one that a selector does not know it writes out all that there is.
        self._descriptor = connected.fileno()
        self._loop = asyncio.get_running_loop()
        self._is_watched = False
        self._arrived: asyncio.Future[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.remove_reader(self._descriptor)

    async def next(self) -> bytes:
        """Let others work until something arrives; empty where the other side has closed. Raises OSError."""
        self._arrived = self._loop.create_future()
        if not self._is_watched:
            self._loop.add_reader(self._descriptor, self._receive)
            self._is_watched = True
        try:
            return await self._arrived
        finally:
            self._arrived = None

    def _receive(self) -> None:
        # Here and not in `next`: before that goes on, the loop would find the socket readable once more.
        if self._arrived is None or self._arrived.done():
            # Nobody waits for it: to be told again and again would keep the loop busy.
            self._loop.remove_reader(self._descriptor)
            self._is_watched = False
            return
        try:
            self._arrived.set_result(self._connected.recv(self._most))
        except BlockingIOError:
            pass
        except OSError as error:
            self._arrived.set_exception(error)


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
