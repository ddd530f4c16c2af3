"""Our exporter and blackbox_exporter, run for a while, with a configuration each."""

import contextlib
import http.client
import sys
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from ipaddress import IPv4Address
from pathlib import Path

from benchmarks.stage import HOST, Stage, free_port, run

#: Addresses of this machine, all of them: Linux answers on the whole of 127.0.0.0/8.
_FIRST_ADDRESS = IPv4Address("127.1.0.0")


def names(port: int, number: int) -> list[str]:
    """Give one endpoint so many names."""
    return [f"https://localhost:{port}/{each}" for each in range(number)]


def addresses(port: int, number: int) -> list[str]:
    """Give so many endpoints, each with an address of its own."""
    return [f"{_FIRST_ADDRESS + each}:{port}" for each in range(number)]


def configuration(
    root: Path, targets: Iterable[str], interval: str = "1s", server_name: str = "null", concurrency: int = 512
) -> str:
    """Write a configuration of ours. `server_name`: the name for which certificates are, if it is not the target's."""
    named = "".join(f"\n      - {target}" for target in targets)
    listed = f"targets:\n  - interval: {interval}\n    targets:{named}\n" if named else ""
    tls = f"{{ca_file: {root}, server_name: {server_name}}}"
    return f"probe: {{concurrency: {concurrency}}}\nmodules:\n  tls:\n    prober: tls\n    tls_config: {tls}\n{listed}"


@contextlib.contextmanager
def exporter(
    folder: Path, configured: str, core: int | None = None, record: Path | None = None
) -> Iterator[tuple[int, int]]:
    """Run our exporter, on one core if that is given; give its id and port. `record`: see `benchmarks.recorded`."""
    port = free_port()
    path = folder / f"exporter-{port}.yaml"
    path.write_text(configured)
    program = ["ocsp_exporter"] if record is None else ["benchmarks.recorded", str(record)]
    arguments = ["serve", "--config.file", str(path), "--web.listen-address", f"{HOST}:{port}"]
    with run([sys.executable, "-m", *program, *arguments], folder, port, core) as process:
        yield process.pid, port


@contextlib.contextmanager
def blackbox(stage: Stage, core: int | None = None) -> Iterator[tuple[int, int]]:
    """Run blackbox_exporter, on one core if that is given; give its id and port."""
    port, path = free_port(), stage.folder / "blackbox.yml"
    path.write_text(
        "modules:\n  tls:\n    prober: tcp\n    timeout: 9s\n    tcp:\n      tls: true\n"
        "      preferred_ip_protocol: ip4\n"
        f"      tls_config: {{ca_file: {stage.root}, server_name: localhost}}\n"
    )
    command = ["prometheus-blackbox-exporter", f"--config.file={path}", f"--web.listen-address={HOST}:{port}"]
    with run(command, stage.folder, port, core) as process:
        yield process.pid, port


def page(port: int, encoding: str = "identity") -> bytes:
    """Fetch our `/metrics`, as it was sent."""
    connection = http.client.HTTPConnection(HOST, port)
    connection.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    if response.status != HTTPStatus.OK:
        raise RuntimeError(f"/metrics answers {response.status}: {body[:200]!r}")
    return body


def probes_made(port: int) -> float:
    """Read how many probes have been made."""
    return _sum(page(port), b"ocsp_exporter_probes_total{")


def probes_failed(port: int) -> float:
    """Read how many of them could not look at their target."""
    return _sum(page(port), b"ocsp_exporter_probe_failures_total{")


def _sum(text: bytes, beginning: bytes) -> float:
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(beginning))
