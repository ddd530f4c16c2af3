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
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from ocsp_exporter.model import Failure, ProbeFailed

MOST_THREADS = 256
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


class Asker(Enum):
    """For whom a name is looked up; who stands first is served first."""

    OPERATOR = auto()  # whose target it is
    SOURCE = auto()  # what leads to evidence: a URL, most often of a certificate
    CLIENT = auto()  # who named it at /probe


#: So many threads may be busy for each at a time. Names that hang, of whoever else chose them, leave half of all
#: threads to the operator's targets.
_MOST_BUSY = {
    Asker.OPERATOR: MOST_THREADS,
    Asker.SOURCE: MOST_THREADS // 4,
    Asker.CLIENT: MOST_THREADS // 4,
}

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


@dataclass(slots=True, eq=False)
class _Job:
    """A look-up; so many wait for it."""

    host: str
    asker: Asker
    found: asyncio.Future[Addresses]
    waiting: int = 0
    is_begun: bool = False


class Resolver:
    """Looks names up, each at most once at a time, and remembers answers for a few seconds.

    More than `MOST_THREADS` names that hang at a time make the others wait, and fewer make those wait that belong to
    sources or clients. What nobody waits for any more is not begun. Used from one event loop.
    """

    def __init__(self, look_up: LookUp = look_up, clock: Callable[[], float] = time.monotonic) -> None:
        self._look_up = look_up
        self._clock = clock
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()  # for each of which there is a thread
        self._threads = 0
        self._busy: Counter[Asker] = Counter()
        self._queued: dict[Asker, OrderedDict[str, _Job]] = {asker: OrderedDict() for asker in Asker}
        self._under_way: dict[str, _Job] = {}  # those that are queued as well
        self._remembered: dict[str, tuple[float, Addresses]] = {}

    def at_hand(self, host: str) -> Addresses:
        """Return what needs no look-up, none where one is needed. Raises ProbeFailed (`resolve`)."""
        if is_address(host):
            return _literal(host)
        until, addresses = self._remembered.get(host, (0.0, ()))
        return addresses if self._clock() < until else ()

    async def resolve(self, host: str, asker: Asker = Asker.OPERATOR) -> Addresses:
        """Return the addresses of a host in the system's order. Raises ProbeFailed (`resolve`)."""
        if addresses := self.at_hand(host):
            return addresses
        job = self._under_way.get(host)
        if job is None:
            job = self._start(host, asker)
        elif asker.value < job.asker.value and not job.is_begun:
            with contextlib.suppress(RuntimeError):  # it can wait for one of the threads that there are
                self._require_thread(asker)
            del self._queued[job.asker][host]
            self._enqueue(job, asker)
        job.waiting += 1
        try:
            # Shielded: the look-up belongs to everyone who waits for it, not to the probe that gave up first.
            return await asyncio.shield(job.found)
        finally:
            job.waiting -= 1
            if not job.waiting and not job.is_begun:
                del self._queued[job.asker][host], self._under_way[host]

    def close(self) -> None:
        """Let the idle threads end."""
        for _ in range(self._threads):
            self._jobs.put(None)

    def _start(self, host: str, asker: Asker) -> _Job:
        self._require_thread(asker)
        job = self._under_way[host] = _Job(host, asker, asyncio.get_running_loop().create_future())
        self._enqueue(job, asker)
        return job

    def _require_thread(self, asker: Asker) -> None:
        """Have a thread for one more look-up, if it may begin.

        Before anything is noted: where no thread can be started this raises, and the next one tries again.
        """
        if self._may_begin(asker) and self._threads == self._busy.total():
            threading.Thread(target=self._work, name=f"resolver-{self._threads + 1}", daemon=True).start()
            self._threads += 1

    def _enqueue(self, job: _Job, asker: Asker) -> None:
        job.asker = asker
        self._queued[asker][job.host] = job
        self._begin_what_may_be()

    def _may_begin(self, asker: Asker) -> bool:
        return self._busy[asker] < _MOST_BUSY[asker] and self._busy.total() < MOST_THREADS

    def _begin_what_may_be(self) -> None:
        """Give idle threads what is queued."""
        for asker, queued in self._queued.items():
            while queued and self._may_begin(asker) and self._busy.total() < self._threads:
                _, job = queued.popitem(last=False)
                job.is_begun = True
                self._busy[asker] += 1
                self._jobs.put(job)

    def _work(self) -> None:
        while job := self._jobs.get():
            host = job.host
            try:
                outcome: Addresses | ProbeFailed = self._look_up(host)
                if not outcome:
                    outcome = ProbeFailed(Failure.RESOLVE, f"{host} has no address")
            except Exception as error:  # noqa: BLE001 -- whoever waits must be told, and the thread must live on
                outcome = ProbeFailed(failure_of(error, Failure.RESOLVE), f"{host} does not resolve: {error}")
            # The loop may have been closed while the look-up hung; then nobody waits for it.
            with contextlib.suppress(RuntimeError):
                job.found.get_loop().call_soon_threadsafe(self._end, job, outcome)

    def _end(self, job: _Job, outcome: Addresses | ProbeFailed) -> None:
        """Tell all who wait, and go on with what is queued."""
        self._busy[job.asker] -= 1
        del self._under_way[job.host]
        if isinstance(outcome, ProbeFailed):
            job.found.set_exception(outcome)
            job.found.exception()  # looked at once, so that nobody is told that nobody did
        else:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[job.host] = (self._clock() + REMEMBERED, outcome)
            job.found.set_result(outcome)
        self._begin_what_may_be()


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
