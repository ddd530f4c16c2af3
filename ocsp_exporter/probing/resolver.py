"""Host name → addresses, by the system's resolver, in threads of its own.

The event loop's default pool has few threads, and a look-up that hangs keeps one for half a minute: a few bad
names would stall every target. These threads are daemons, so that no hanging look-up delays the exporter's end.
"""

import asyncio
import contextlib
import errno
import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ocsp_exporter.model import Failure, ProbeFailed

MOST_THREADS = 128
#: Seconds for which an answer is used again: long enough for the handshakes of one probe and its neighbours.
REMEMBERED = 5.0
_MOST_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect: an address family and the host part of a socket address of that family."""

    family: socket.AddressFamily
    host: str
    scope_id: int = 0

    @property
    def text(self) -> str:
        """The address as it is written, with the name of the zone, whose number may change."""
        if not self.scope_id:
            return self.host
        try:
            return f"{self.host}%{socket.if_indextoname(self.scope_id)}"
        except OSError:
            return f"{self.host}%{self.scope_id}"

    def with_port(self, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
        """Return the socket address for a port."""
        return (self.host, port, 0, self.scope_id) if self.family is socket.AF_INET6 else (self.host, port)


Addresses: TypeAlias = tuple[Address, ...]
LookUp: TypeAlias = Callable[[str], Addresses]


def look_up(host: str) -> Addresses:
    """Ask the system's resolver, blocking. Raises OSError or UnicodeError."""
    addresses = []
    for family, _type, _protocol, _name, where in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM):
        match where:
            case (str(literal), _port, _flow, int(scope_id)):
                addresses.append(Address(family, literal, scope_id))
            case (str(literal), _port):
                addresses.append(Address(family, literal))
    return tuple(addresses)


#: What this machine is short of is not the target's fault.
_SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}


def failure_of(error: Exception, otherwise: Failure) -> Failure:
    """Return the failure that an error of the system stands for: `internal` where it is out of files or memory."""
    return Failure.INTERNAL if isinstance(error, OSError) and error.errno in _SHORTAGES else otherwise


class Resolver:
    """Looks names up, each at most once at a time, and remembers answers for a few seconds.

    More than `MOST_THREADS` names that hang at a time make the others wait. Used from one event loop.
    """

    def __init__(self, look_up: LookUp = look_up, clock: Callable[[], float] = time.monotonic) -> None:
        self._look_up = look_up
        self._clock = clock
        self._jobs: queue.SimpleQueue[tuple[str, asyncio.Future[Addresses]] | None] = queue.SimpleQueue()
        self._threads = 0
        self._under_way: dict[str, asyncio.Future[Addresses]] = {}
        self._remembered: dict[str, tuple[float, Addresses]] = {}

    def at_hand(self, host: str) -> Addresses:
        """Return what needs no look-up, none where one is needed. Raises ProbeFailed (`resolve`)."""
        if is_address(host):
            return _literal(host)
        until, addresses = self._remembered.get(host, (0.0, ()))
        return addresses if self._clock() < until else ()

    async def resolve(self, host: str) -> Addresses:
        """Return the addresses of a host in the system's order. Raises ProbeFailed (`resolve`)."""
        if addresses := self.at_hand(host):
            return addresses
        # Shielded: the look-up belongs to everyone who waits for it, not to the probe that gave up first.
        return await asyncio.shield(self._under_way.get(host) or self._start(host))

    def close(self) -> None:
        """Let the idle threads end."""
        for _ in range(self._threads):
            self._jobs.put(None)

    def _start(self, host: str) -> "asyncio.Future[Addresses]":
        future: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
        if self._threads < min(MOST_THREADS, len(self._under_way) + 1):
            # Before anything is noted: where no thread can be started this raises, and the next one tries again.
            threading.Thread(target=self._work, name=f"resolver-{self._threads + 1}", daemon=True).start()
            self._threads += 1
        future.add_done_callback(lambda done: self._finish(host, done))
        self._under_way[host] = future
        self._jobs.put((host, future))
        return future

    def _finish(self, host: str, done: "asyncio.Future[Addresses]") -> None:
        del self._under_way[host]
        if not done.cancelled() and not done.exception():
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[host] = (self._clock() + REMEMBERED, done.result())

    def _work(self) -> None:
        while job := self._jobs.get():
            host, future = job
            try:
                outcome: Addresses | ProbeFailed = self._look_up(host)
                if not outcome:
                    outcome = ProbeFailed(Failure.RESOLVE, f"{host} has no address")
            except Exception as error:  # noqa: BLE001 -- whoever waits must be told, and the thread must live on
                outcome = ProbeFailed(failure_of(error, Failure.RESOLVE), f"{host} does not resolve: {error}")
            # The loop may have been closed while the look-up hung; then nobody waits for it.
            with contextlib.suppress(RuntimeError):
                future.get_loop().call_soon_threadsafe(_settle, future, outcome)


def _settle(future: "asyncio.Future[Addresses]", outcome: Addresses | ProbeFailed) -> None:
    if future.done():
        return
    if isinstance(outcome, ProbeFailed):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def is_address(host: str) -> bool:
    """Tell whether a host is an IP address, perhaps with a zone, rather than a name."""
    if ":" not in host and not host[-1:].isdigit():
        return False  # as nearly all names: to have one refused takes 3 µs, and each probe asks several times
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _literal(host: str) -> Addresses:
    if "%" not in host:
        return (Address(socket.AF_INET6 if ":" in host else socket.AF_INET, host),)
    try:
        # Numeric only, so this does not block; it turns the zone's name into its index.
        return look_up(host)
    except OSError as error:
        raise ProbeFailed(Failure.RESOLVE, f"{host} is no usable address: {error}") from error
