"""What the exporter costs beside its probes: pages, memory, and its start."""

import asyncio
import gc
import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from cryptography import x509
from prometheus_client import CollectorRegistry

from benchmarks.exporters import addresses, configuration, exporter, names, page
from benchmarks.processes import resident
from benchmarks.stage import Stage
from ocsp_exporter.config import load_config
from ocsp_exporter.metrics import Publication
from ocsp_exporter.model import EgressPolicy, Module, ProbeResult, TLSSettings
from ocsp_exporter.probing.opening import open_prober
from ocsp_exporter.serving.exposition import MetricsPage, render
from ocsp_exporter.serving.negotiation import Format
from ocsp_exporter.target import parse_target

TARGETS = 10_000
#: Targets that are held while memory is measured: each is probed once.
HELD_FEW, HELD = 2_000, 10_000
_TICK = 0.001
_TIMES = 3
_PATIENCE = 120.0
#: Seconds after which the last probes have ended, and the page that was sent last is out of memory.
_SETTLING = 3.0


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a page costs: µs of CPU for each of its samples, and how many ms the event loop stalls meanwhile.

    `new`: where every result is new since the last scrape, `kept`: where none is.
    """

    samples: int
    new: float
    kept: float
    p99: float
    longest: float


def rendering(stage: Stage) -> Rendering:
    """Render the page of many targets, some times over with new results and then with the same."""
    return asyncio.run(_rendering(stage))


async def _rendering(stage: Stage) -> Rendering:
    result = await _probed(stage)
    now = time.time()
    spent: dict[str, list[float]] = {"new": [], "kept": []}
    for _ in range(_TIMES):
        publications = _publications(result)
        for of_which in spent.values():
            gc.collect()
            begun = time.process_time()
            text = render(publications, now, Format.TEXT)
            of_which.append(time.process_time() - begun)
    samples = sum(not line.startswith(b"#") for line in text.splitlines())
    stalls = sorted(await _stalls(result))
    return Rendering(
        samples,
        new=min(spent["new"]) / samples * 1e6,
        kept=min(spent["kept"]) / samples * 1e6,
        p99=stalls[int(len(stalls) * 0.99)] * 1000,
        longest=stalls[-1] * 1000,
    )


def _publications(result: ProbeResult) -> list[Publication]:
    """Give the results of many targets, each with a name and times of its own, as new ones have."""
    return [_publication(result, number) for number in range(TARGETS)]


def _publication(result: ProbeResult, number: int) -> Publication:
    target = replace(result.target, name=f"https://host-{number}.example")
    late = number / 1e6
    phases = {phase: took + late for phase, took in result.phases.items()}
    findings = result.findings
    if findings is None:
        raise RuntimeError(f"the probe fails: {result.detail}")
    evidence = tuple(replace(each, fetched_at=(each.fetched_at or 0.0) + late) for each in findings.evidence)
    return Publication(
        replace(
            result,
            target=target,
            obtained_at=result.obtained_at + late,
            duration=result.duration + late,
            phases=phases,
            findings=replace(findings, evidence=evidence),
        )
    )


async def _stalls(result: ProbeResult) -> list[float]:
    """Give by how many seconds the event loop was late, every millisecond while pages are made as Prometheus asks."""
    stalls: list[float] = []
    for _ in range(_TIMES):
        metrics = MetricsPage(partial(list, _publications(result)), CollectorRegistry(), time.time)
        gc.collect()
        ticks: list[float] = []
        ticking = asyncio.create_task(_tick(ticks))
        for _ in ("new", "kept"):
            await metrics.body(Format.TEXT, gzipped=True)
        ticking.cancel()
        stalls += (later - earlier - _TICK for earlier, later in pairwise(ticks))
    return stalls


async def _probed(stage: Stage) -> ProbeResult:
    roots = tuple(x509.load_pem_x509_certificates(stage.root.read_bytes()))
    module = Module("tls", tls=TLSSettings(roots=roots))
    async with open_prober(EgressPolicy()) as prober:
        (result,) = await prober.probe(parse_target(f"https://localhost:{stage.port}"), module)
    return result


async def _tick(ticks: list[float]) -> None:
    while True:
        ticks.append(time.perf_counter())
        await asyncio.sleep(_TICK)


def memory(stage: Stage) -> tuple[float, float]:
    """Give the memory of an exporter without targets in MiB, and what each further target held adds in KiB.

    Further than a few thousand: however many there are, the handshakes that are made at a time leave their memory.
    """
    idle, few, many = (_held(stage, number) for number in (0, HELD_FEW, HELD))
    return idle, (many - few) * 1024 / (HELD - HELD_FEW)


def _held(stage: Stage, number: int) -> float:
    """Give the memory of an exporter with so many targets in MiB: each was probed once, and shown on a page."""
    configured = configuration(stage.root, addresses(stage.port, number), interval="1h", server_name="localhost")
    accepted, deadline = stage.accepted(), time.monotonic() + _PATIENCE
    with exporter(stage.folder, configured) as (process, port):
        while stage.accepted() - accepted < number:
            if time.monotonic() > deadline:
                raise RuntimeError("the exporter does not come round")
            time.sleep(1.0)
        time.sleep(_SETTLING)
        page(port, "gzip")
        time.sleep(_SETTLING)
        return resident(process)


def start(stage: Stage) -> tuple[float, float, float]:
    """Give the seconds that `--version`, a first `probe`, and loading many targets take, the shortest of some."""
    small, large = stage.folder / "small.yaml", stage.folder / "large.yaml"
    small.write_text(configuration(stage.root, ()))
    large.write_text(configuration(stage.root, names(stage.port, TARGETS), "1m"))
    target = f"https://localhost:{stage.port}"
    loading = []
    for _ in range(3):
        begun = time.perf_counter()
        load_config(large)
        loading.append(time.perf_counter() - begun)
    return _shortest("--version"), _shortest("probe", target, "--config.file", str(small)), min(loading)


def _shortest(*arguments: str) -> float:
    # As it is where it is installed: compiled.
    installed = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run(  # noqa: S603 -- ourselves
            [sys.executable, "-m", "ocsp_exporter", *arguments], env=installed, stdout=subprocess.DEVNULL, check=True
        )
        times.append(time.perf_counter() - begun)
    return min(times)
