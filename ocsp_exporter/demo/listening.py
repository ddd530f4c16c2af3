"""Listening sockets, and servers that run beside the caller until it leaves a block."""

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

_LAST_PORT = 65535


def listen(host: str, port: int = 0) -> socket.socket:
    """Return a non-blocking socket that listens on an address of this machine; port 0: any free one.

    Raises OSError where it cannot, as when the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    listener.setblocking(False)
    return listener


def listen_at_or_anywhere(host: str, port: int) -> socket.socket:
    """Return a listening socket at this port if it exists and is free, otherwise at one that is."""
    try:
        return listen(host, port if port <= _LAST_PORT else 0)
    except OSError:
        return listen(host)


def port_of(listener: socket.socket) -> int:
    """Return the port that a socket listens on."""
    port: int = listener.getsockname()[1]
    return port


@asynccontextmanager
async def running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` in a task while the block lasts, then cancel it and wait for its end.

    A fault of the work is raised at the end of the block.
    """
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
