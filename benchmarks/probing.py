"""What a probe costs: of ours, of blackbox_exporter, and of a bare handshake, taken in turns against the same nginx."""

import http.client
import re
import resource
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks.exporters import blackbox, configuration, exporter, names, probes_made
from benchmarks.processes import cpu
from benchmarks.stage import HOST, Stage

#: Targets of the workers, each probed once a second: what a busy exporter does, and less than one core can.
WORKED = 2000
#: Seconds for which the workers, and then `openssl s_time`, are watched in each round.
_WATCHED = 5.0
_PROBES = 800
_AT_A_TIME = 8


@dataclass(frozen=True, slots=True)
class Round:
    """CPU, user and system, in milliseconds for each probe or handshake."""

    worker: float
    endpoint: float
    blackbox: float
    handshake: float


def measure(stage: Stage, rounds: int) -> list[Round]:
    """Measure all four in each round, one after the other."""
    worked = configuration(stage.root, names(stage.port, WORKED))
    with (
        exporter(stage.folder, worked) as (worker, worker_port),
        exporter(stage.folder, configuration(stage.root, ())) as (own, port),
        blackbox(stage) as other,
    ):
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


def _worker(process: int, port: int) -> float:
    """Watch the workers for a while."""
    begun_probes, begun = probes_made(port), cpu(process)
    time.sleep(_WATCHED)
    spent = cpu(process) - begun
    return spent / (probes_made(port) - begun_probes) * 1000


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
    begun = cpu(process)
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        list(pool.map(ask, [_PROBES // _AT_A_TIME] * _AT_A_TIME))
    return (cpu(process) - begun) / _PROBES * 1000


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
