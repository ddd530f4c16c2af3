"""The exporter as its users run it: a process, told by its command line."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.peers.daemons import HOST, Daemon, free_port, run, until


@dataclass(frozen=True, slots=True)
class Exporter:
    """An exporter that is ready: all its targets have been probed."""

    daemon: Daemon
    address: str

    def page(self, path: str) -> str:
        """Return the body of a page that there is."""
        return httpx.get(f"http://{self.address}{path}").raise_for_status().text


@contextmanager
def running_exporter(folder: Path, *arguments: str) -> Iterator[Exporter]:
    """Run the exporter with the arguments of a command while the block lasts."""
    port = free_port()
    address = f"{HOST}:{port}"
    command = [*arguments, "--web.listen-address", address]
    with started_exporter(folder, command, [port], f"http://{address}/-/ready") as daemon:
        yield Exporter(daemon, address)


@contextmanager
def started_exporter(folder: Path, arguments: Sequence[str], ports: Sequence[int], ready: str) -> Iterator[Daemon]:
    """Run the exporter while the block lasts, which begins when all ports listen and the URL `ready` says so."""
    # -W error: what would be a warning in a test is one here.
    command = [sys.executable, "-W", "error", "-m", "ocsp_exporter", *arguments]
    with run(command, folder, ports) as daemon, httpx.Client() as client:
        until(lambda: client.get(ready).is_success, lambda: f"the exporter does not get ready:\n{daemon.log}")
        yield daemon
