"""What a probe costs: of ours, of blackbox_exporter, and of a bare handshake, taken in turns against the same nginx."""

import contextlib
import http.client
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.stage import HOST, Stage, free_port, run

#: Targets of the workers, each probed once a second: what a busy exporter does, and less than one core can.
WORKED = 2000
#: Seconds for which the workers, and then `openssl s_time`, are watched in each round.
_WATCHED = 5.0
_PROBES = 800
_AT_A_TIME = 8
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Round:
    """CPU, user and system, in milliseconds for each probe or handshake."""

    worker: float
    endpoint: float
    blackbox: float
    handshake: float


def measure(stage: Stage, rounds: int) -> list[Round]:
    """Measure all four in each round, one after the other."""
    with exporter(stage, WORKED) as (worker, worker_port), exporter(stage, 0) as (own, port), _blackbox(stage) as other:
        time.sleep(2.0)
        return [
            Round(
                worker=_worker(worker, worker_port),
                endpoint=_asked(own, port, f"https://localhost:{stage.port}"),
                blackbox=_asked(*other, f"localhost:{stage.port}"),
                handshake=_s_time(stage),
            )
            for _ in range(rounds)
        ]


@contextlib.contextmanager
def exporter(stage: Stage, targets: int, interval: str = "1s") -> Iterator[tuple[int, int]]:
    """Run our exporter with so many targets, which are one endpoint under different names; give its id and port."""
    port = free_port()
    path = stage.folder / f"exporter-{port}.yaml"
    path.write_text(configuration(stage, targets, interval))
    arguments = ["-m", "ocsp_exporter", "serve", "--config.file", str(path), "--web.listen-address", f"{HOST}:{port}"]
    with run([sys.executable, *arguments], stage.folder, port) as process:
        yield process.pid, port


def configuration(stage: Stage, targets: int, interval: str) -> str:
    """Write a configuration of ours."""
    named = "".join(f"\n      - https://localhost:{stage.port}/{number}" for number in range(targets))
    listed = f"targets:\n  - interval: {interval}\n    targets:{named}\n" if targets else ""
    return f"modules:\n  tls:\n    prober: tls\n    tls_config: {{ca_file: {stage.root}}}\n{listed}"


@contextlib.contextmanager
def _blackbox(stage: Stage) -> Iterator[tuple[int, int]]:
    port, path = free_port(), stage.folder / "blackbox.yml"
    path.write_text(
        "modules:\n  tls:\n    prober: tcp\n    timeout: 9s\n"
        f"    tcp: {{tls: true, preferred_ip_protocol: ip4, tls_config: {{ca_file: {stage.root}}}}}\n"
    )
    command = ["prometheus-blackbox-exporter", f"--config.file={path}", f"--web.listen-address={HOST}:{port}"]
    with run(command, stage.folder, port) as process:
        yield process.pid, port


def _worker(process: int, port: int) -> float:
    """Watch the workers for a while."""
    begun_probes, begun = _probes(port), _cpu(process)
    time.sleep(_WATCHED)
    spent = _cpu(process) - begun
    return spent / (_probes(port) - begun_probes) * 1000


def _asked(process: int, port: int, target: str) -> float:
    """Ask an exporter for probes, several at a time, as Prometheus does: over connections that stay open."""

    def ask(number: int) -> bytes:
        connection = http.client.HTTPConnection(HOST, port)
        body = b""
        for _ in range(number):
            connection.request("GET", f"/probe?module=tls&target={target}")
            body = connection.getresponse().read()
        connection.close()
        return body

    if not re.search(rb"probe_success(\{.*\})? 1", ask(20)):
        raise RuntimeError(f"the probe of {target} through port {port} fails")
    begun = _cpu(process)
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        list(pool.map(ask, [_PROBES // _AT_A_TIME] * _AT_A_TIME))
    return (_cpu(process) - begun) / _PROBES * 1000


def _s_time(stage: Stage) -> float:
    command = ["s_time", "-connect", f"localhost:{stage.port}", "-new", "-CAfile", str(stage.root)]
    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(  # noqa: S603 -- a program that this benchmark names
        ["openssl", *command, "-time", str(int(_WATCHED))],  # noqa: S607 -- wherever it is
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime
    found = re.search(r"(\d+) connections in \d+ real seconds", said)
    if found is None:
        raise RuntimeError(f"openssl s_time said: {said}")
    return spent / int(found[1]) * 1000


def _cpu(process: int) -> float:
    """Return the seconds of CPU that a process has taken, user and system."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _probes(port: int) -> float:
    return probes_made(page(port))


def page(port: int) -> str:
    """Fetch our `/metrics`."""
    connection = http.client.HTTPConnection(HOST, port)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def probes_made(text: str) -> float:
    """Read how many probes have been made."""
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("ocsp_exporter_probes_total{"))
