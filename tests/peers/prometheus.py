"""A real Prometheus, and what it says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.peers.daemons import HOST, find, free_port, run
from tests.peers.servers import write


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus that runs."""

    url: str

    def query(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and values that a query gives."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}).raise_for_status().json()
        return [(each["metric"], float(each["value"][1])) for each in answer["data"]["result"]]

    def last_errors(self) -> dict[str, str]:
        """Return by job why the last scrape failed, empty where it did not, of those that were made."""
        answer = httpx.get(f"{self.url}/api/v1/targets").raise_for_status().json()
        return {
            each["labels"]["job"]: each["lastError"]
            for each in answer["data"]["activeTargets"]
            if each["health"] != "unknown"
        }


@contextmanager
def running_prometheus(folder: Path, configuration: str) -> Iterator[Prometheus]:
    """Run Prometheus with a configuration while the block lasts."""
    path = write(folder / "prometheus.yml", configuration.encode())
    port = free_port()
    command = [
        find("prometheus"),
        f"--config.file={path}",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={HOST}:{port}",
    ]
    with run(command, folder, [port]):
        yield Prometheus(f"http://{HOST}:{port}")
