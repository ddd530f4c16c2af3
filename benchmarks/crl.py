"""A large CRL: `python -m benchmarks.crl [--entries 1000000]`.

How long it takes to read, what is held of it, how fast a serial number is found, what memory worker and parent need at
most, and for how long the event loop stands still meanwhile.
"""

import argparse
import asyncio
import os
import re
import resource
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.probing.crl_reading import read_crl
from ocsp_exporter.revocation.crl import CertificateList, read

NOW = 1_800_000_000
_TICK = 0.001
_WEIGHED_AFTER = 0.01
_LOOKED_UP = 20_000


def entries(number: int, random: Random) -> tuple[list[int], bytes]:
    """Make entries of 49 octets, each with a reason, fast, for there are many; return some serial numbers, too."""
    serials, encoded = [], []
    for position in range(number):
        serial = random.randrange(2**120, 2**127)
        at = b"%02d%02d%02d%02d%02d%02dZ" % (
            *(random.randrange(20, 27), random.randrange(1, 13), random.randrange(1, 29)),
            *(random.randrange(24), random.randrange(60), random.randrange(60)),
        )
        reason = bytes((random.choice((0, 1, 3, 4, 5, 9)),))
        if position < _LOOKED_UP:
            serials.append(serial)
        encoded.append(b"\x30\x2f\x02\x10%b\x17\x0d%b%b%b" % (serial.to_bytes(16), at, _BEFORE_REASON, reason))
    return serials, b"".join(encoded)


_BEFORE_REASON = bytes.fromhex("300c 300a 0603551d15 0403 0a01")


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crl", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000, help="how many (default: %(default)s)")
    number = parser.parse_args().entries
    authority = Authority.root(NOW)
    serials, listed = entries(number, Random(1))  # noqa: S311 -- not for secrets, and to be repeated
    encoded = authority.crl(entries=[listed])
    issuer = authority.certificate
    del listed
    _tell(f"{len(encoded) / 1e6:.1f} MB, {number} entries")
    Path("/proc/self/clear_refs").write_text("5")  # so that the greatest memory is that of what follows
    before = _memory("self", "VmRSS")
    crl, seconds, watch = asyncio.run(_read_watched(encoded, authority))
    _tell(f"read_crl: {seconds:.2f} s, in which the event loop stood still for {watch.longest_stall:.1f} ms at most")
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    _tell(f"the worker: {spent.ru_utime + spent.ru_stime:.2f} s of CPU, {watch.worker_peak:.0f} MiB at most")
    peak, after = _memory("self", "VmHWM"), _memory("self", "VmRSS")
    _tell(f"the parent, with the CRL: {before:.0f} MiB before, {peak:.0f} MiB at most, {after:.0f} MiB afterwards")
    _tell(f"held: {len(crl.entries.records) / len(crl.entries):.1f} octets for each entry")
    begun = time.process_time()
    assert read(encoded, issuer) == crl  # noqa: S101 -- a benchmark of something else would be of no use
    _tell(f"crl.read in this process: {time.process_time() - begun:.2f} s of CPU")
    _look_up(crl, serials, "listed")
    _look_up(crl, [serial + 1 for serial in serials], "not listed")


@dataclass
class _Watch:
    """When the event loop came round, in seconds, and the greatest memory of the worker, in MiB."""

    ticks: list[float] = field(default_factory=list)
    worker_peak: float = 0.0

    @property
    def longest_stall(self) -> float:
        """In milliseconds."""
        return max(later - earlier - _TICK for earlier, later in pairwise(self.ticks)) * 1000

    async def tick(self) -> None:
        """Wake as often as possible."""
        while True:
            self.ticks.append(time.perf_counter())
            await asyncio.sleep(_TICK)

    async def weigh(self) -> None:
        """Look at the worker now and then; getrusage would tell the memory of the process that started it."""
        while True:
            self.worker_peak = max(self.worker_peak, *(_memory(child, "VmHWM") for child in _children()), 0.0)
            await asyncio.sleep(_WEIGHED_AFTER)


async def _read_watched(encoded: bytes, authority: Authority) -> tuple[CertificateList, float, _Watch]:
    """Read while others look at the clock and at the worker; return also how long that took, in seconds."""
    watch = _Watch()
    watching = [asyncio.create_task(watch.tick()), asyncio.create_task(watch.weigh())]
    await asyncio.sleep(0.1)
    begun = time.perf_counter()
    crl = await read_crl(encoded, authority.certificate)
    seconds = time.perf_counter() - begun
    await asyncio.sleep(0.1)
    for each in watching:
        each.cancel()
    return crl, seconds, watch


def _look_up(crl: CertificateList, serials: list[int], what: str) -> None:
    begun = time.process_time()
    found = sum(crl.entries.find(serial) is not None for serial in serials)
    spent = time.process_time() - begun
    _tell(f"look-up of what is {what}: {spent / len(serials) * 1e6:.1f} µs ({found} of {len(serials)} found)")


def _children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def _memory(process: str, what: str) -> float:
    """Return a figure of a process's memory in MiB, 0 where it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def _tell(line: str) -> None:
    print(line)  # noqa: T201 -- a command


if __name__ == "__main__":
    main()
