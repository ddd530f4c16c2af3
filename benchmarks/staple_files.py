"""Many staple files: `python -m benchmarks.staple_files [--files 10000]`.

How long the first look at them takes, one where nothing changed, and one where a staple and a certificate did; what
memory they need; and for how long the event loop stands still meanwhile.
"""

import argparse
import asyncio
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.metrics import Publication
from ocsp_exporter.model import Module, ProberKind, Results, Status, Target
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.serving.exposition import render
from ocsp_exporter.serving.negotiation import Format

_TICK = 0.001


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.staple_files", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="how many (default: %(default)s)")
    number = parser.parse_args().files
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(Path(folder), number))


async def _measure(folder: Path, number: int) -> None:
    authority = Authority.root(int(time.time())).intermediate()
    issuer = authority.certificate.public_bytes(Encoding.PEM)
    for position in range(number):
        _write(folder, position, authority, issuer)
    prober = Prober()
    module = Module("staples", ProberKind.FILE, timeout=600, certificates=(f"{folder}/*.pem",))
    before = _resident()
    await _look("the first look", prober, module, folder, number)
    _tell(f"memory for {number} files: {(_resident() - before) / 1e6:.0f} MB")
    await asyncio.sleep(3)  # files that were written just now are read again
    await _look("settled", prober, module, folder, number)
    results = await _look("nothing changed", prober, module, folder, number)
    _write(folder, 0, authority, issuer)
    await _look("one certificate and its staple are new", prober, module, folder, number)
    begun = time.perf_counter()
    page = render(map(Publication, results), time.time(), Format.TEXT)
    _tell(f"/metrics: {len(page) / 1e6:.1f} MB in {time.perf_counter() - begun:.2f} s")
    prober.close()


def _write(folder: Path, position: int, authority: Authority, issuer: bytes) -> None:
    leaf = authority.leaf(f"host-{position}.example")
    bundle = leaf.certificate.public_bytes(Encoding.PEM) + issuer + leaf.key_pem()
    (folder / f"{position}.pem").write_bytes(bundle)
    (folder / f"{position}.pem.ocsp").write_bytes(authority.answer(leaf))


async def _look(what: str, prober: Prober, module: Module, folder: Path, number: int) -> Results:
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            ticks.append(time.perf_counter())
            await asyncio.sleep(_TICK)

    ticking = asyncio.create_task(tick())
    begun, spent_before = time.perf_counter(), time.process_time()
    results = await prober.probe(Target("", "", 0, location=f"{folder}/*.ocsp"), module)
    took, spent = time.perf_counter() - begun, time.process_time() - spent_before
    ticking.cancel()
    longest = max(after - before for before, after in pairwise(ticks))
    good = sum(result.findings.evidence[0].status is Status.GOOD for result in results if result.findings)
    times = f"{took:.2f} s, {spent:.2f} s of them on the processor"
    _tell(f"{what}: {times}, {good} of {number} good, the loop stood still for {longest * 1000:.0f} ms at most")
    return results


def _resident() -> int:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 -- what it is for


if __name__ == "__main__":
    main()
