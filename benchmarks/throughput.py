"""How many probes a second one core makes: ours, and blackbox_exporter, of the same targets, as fast as they can.

What is measured has one core, and all that it needs (the server and who asks for probes or pages) has another. The
server says how many connections it has taken: to read that off a page of many targets would cost probes.
"""

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import cycle

from benchmarks.exporters import addresses, blackbox, configuration, exporter, page, probes_failed, probes_made
from benchmarks.processes import cores, cpu, kept_on
from benchmarks.stage import HOST, Stage

#: Seconds between two scrapes.
_SCRAPE_INTERVAL = 15.0
#: Probes that blackbox_exporter is asked for at a time, each over a connection that stays open.
_AT_A_TIME = 32
_CHUNK = 65536
_PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Probes a second, and for which part of the time the two cores were busy with what is measured and the rest."""

    probes: float
    busy: float
    others_busy: float


@dataclass(frozen=True, slots=True)
class Throughput:
    """Of the workers, while nobody asks for `/metrics` and while somebody does, and of blackbox_exporter."""

    workers: Pace
    scraped: Pace
    blackbox: Pace


def measure(stage: Stage, targets: int, seconds: float) -> Throughput:
    """Measure all three, one after the other, each for so many seconds. Raises RuntimeError where probes fail."""
    core, other_core = cores()
    named = addresses(stage.port, targets)
    configured = configuration(stage.root, named, server_name="localhost")
    with kept_on(other_core, stage.server):
        with exporter(stage.folder, configured, core) as (process, port):
            come_round(stage, targets)
            watch = partial(_watched, stage, process, seconds)
            workers = watch()
            with scraping(port):
                scraped = watch()
            if probes_failed(port) > probes_made(port) / 1000:
                raise RuntimeError(f"of {probes_made(port):.0f} probes {probes_failed(port):.0f} failed")
        with blackbox(stage, core) as (process, port), _asking(port, named) as answered:
            time.sleep(2.0)
            other = _watched(stage, process, seconds, answered)
    return Throughput(workers, scraped, other)


def come_round(stage: Stage, targets: int, times: int = 2) -> None:
    """Wait until all targets were probed so often: by then all is remembered that will be."""
    begun, deadline = stage.accepted(), time.monotonic() + _PATIENCE
    while stage.accepted() - begun < targets * times:
        if time.monotonic() > deadline:
            raise RuntimeError("the exporter does not come round")
        time.sleep(0.2)


def _watched(stage: Stage, process: int, seconds: float, count: Callable[[], int] | None = None) -> Pace:
    """Watch for so many seconds. `count` says how many probes were made; by default the server does."""
    count = count or stage.accepted

    def look() -> tuple[float, float, float, float]:
        return time.monotonic(), count(), cpu(process), cpu(stage.server) + time.process_time()

    before = look()
    time.sleep(seconds)
    passed, probes, busy, others_busy = (after - earlier for after, earlier in zip(look(), before, strict=True))
    return Pace(probes / passed, busy / passed, others_busy / passed)


@contextlib.contextmanager
def scraping(port: int) -> Iterator[None]:
    """Fetch `/metrics` as Prometheus does while the block lasts, at once and then every 15 seconds."""
    ended = threading.Event()

    def scrape() -> None:
        while not ended.is_set():
            begun = time.monotonic()
            page(port, "gzip")
            ended.wait(_SCRAPE_INTERVAL - (time.monotonic() - begun))

    with _beside(scrape, ended):
        yield


@contextlib.contextmanager
def _asking(port: int, named: list[str]) -> Iterator[Callable[[], int]]:
    """Ask an exporter for probes of all targets in turn; give what tells how many were answered with success.

    http.client would take as long to ask as blackbox_exporter to answer, and they share a core with the server.
    """
    answered, ended = 0, threading.Event()
    requests = cycle(f"GET /probe?module=tls&target={each} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode() for each in named)

    def ask() -> None:
        nonlocal answered
        with contextlib.ExitStack() as stack:
            selector = stack.enter_context(selectors.DefaultSelector())
            received: dict[socket.socket, bytes] = {}
            for _ in range(_AT_A_TIME):
                connection = stack.enter_context(socket.create_connection((HOST, port)))
                selector.register(connection, selectors.EVENT_READ)
                received[connection] = b""
                connection.sendall(next(requests))
            while not ended.is_set():
                for key, _ in selector.select(timeout=0.1):
                    connection = key.fileobj  # type: ignore[assignment] # what was registered
                    if not (portion := connection.recv(_CHUNK)):
                        raise ConnectionError("the exporter closed a connection")
                    received[connection] += portion
                    if _is_whole(received[connection]):
                        answered += b"\nprobe_success 1\n" in received[connection]
                        received[connection] = b""
                        connection.sendall(next(requests))

    with _beside(ask, ended):
        yield lambda: answered


@contextlib.contextmanager
def _beside(work: Callable[[], None], ended: threading.Event) -> Iterator[None]:
    """Do it in a thread while the block lasts. Raises what it raised: figures without it would be too good."""
    with ThreadPoolExecutor(1) as thread:
        working = thread.submit(work)
        try:
            yield
        finally:
            ended.set()
        working.result()


def _is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    _, has_length, length = head.lower().partition(b"content-length: ")
    if has_length:
        return len(body) >= int(length.split(b"\r\n", 1)[0])
    return body.endswith(b"0\r\n\r\n")
