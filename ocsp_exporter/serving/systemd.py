"""What a service tells systemd, which started it: sd_notify(3), sd_watchdog_enabled(3).

Environment variables say that it wants to be told; where they are not set, nothing is.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

_log = logging.getLogger(__name__)


class Manager:
    """The service manager at the socket `address`; empty: there is none that wants to be told."""

    def __init__(self, address: str) -> None:
        # A name that begins with @ is in no folder.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        # One for all, so that there is one when no file can be opened.
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def ready(self, status: str) -> None:
        """Tell that the start, or a reload, has come to its end; `status` is a sentence for `systemctl status`."""
        self._tell("READY=1", f"STATUS={status}")

    def stopping(self) -> None:
        """Tell that the end has begun."""
        self._tell("STOPPING=1", "STATUS=Stopping.")

    def alive(self) -> None:
        """Tell that the event loop turns."""
        self._tell("WATCHDOG=1")

    @contextmanager
    def reloading(self, status: str) -> Iterator[None]:
        """Tell that a reload goes on while this is entered, and `status` when it has ended, well or not."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=Loading the configuration.")
        try:
            yield
        finally:
            self.ready(status)

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:  # who listens may be gone or slow: no reason to end
            fields = {"message": lines[0], "error": error.strerror}
            _log.warning("cannot notify systemd", extra={"fields": fields})


@asynccontextmanager
async def service_manager(environ: Mapping[str, str] = os.environ) -> AsyncIterator[Manager]:
    """Give the service manager, and show it that the event loop turns while this is entered, where it watches that."""
    manager = Manager(environ.get("NOTIFY_SOCKET", ""))
    showing = asyncio.create_task(_show_life(manager, _watchdog_seconds(environ)))
    try:
        yield manager
    finally:
        showing.cancel()
        await asyncio.wait([showing])
        manager.close()


async def _show_life(manager: Manager, longest_silence: float) -> None:
    while longest_silence:
        manager.alive()
        await asyncio.sleep(longest_silence / 2)


def _watchdog_seconds(environ: Mapping[str, str]) -> float:
    """Give how often systemd wants to hear of this process at the least; 0: it does not."""
    microseconds, process = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    is_meant = microseconds.isdecimal() and process in {"", str(os.getpid())}
    return int(microseconds) / 1e6 if is_meant else 0.0
