"""Whether memory grows: `python -m benchmarks.soak [--minutes 60] [--targets 10000]`.

The workers probe as fast as they can, and `/metrics` is fetched every 15 seconds. Printed is the memory of each minute,
and by how much it grows in a minute once all is remembered that will be: the slope of the line with the least squares.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import linear_regression

from benchmarks.exporters import addresses, configuration, exporter
from benchmarks.processes import cores, kept_on, resident
from benchmarks.stage import Stage, stage
from benchmarks.throughput import come_round, scraping

#: Seconds of which the least memory counts: what a page needs while it is made is not growth.
_TOGETHER = 15
_MINUTE = 60 // _TOGETHER
#: This part of the time is for warming up.
_WARMING_UP = 0.25


@dataclass(frozen=True, slots=True)
class Soak:
    """By how many KiB memory grew in each minute, from how many MiB, to how many, and the probes a second."""

    slope: float
    first: float
    last: float
    pace: float


def measure(stage: Stage, targets: int, minutes: float) -> Soak:
    """Probe for so many minutes, and print the memory of each."""
    core, other_core = cores()
    configured = configuration(stage.root, addresses(stage.port, targets), server_name="localhost")
    with kept_on(other_core, stage.server), exporter(stage.folder, configured, core) as (process, port):
        come_round(stage, targets)
        with scraping(port):
            accepted, begun = stage.accepted(), time.monotonic()
            held = list(_held(process, minutes))
            pace = (stage.accepted() - accepted) / (time.monotonic() - begun)
    warm = held[int(len(held) * _WARMING_UP) :]
    slope = linear_regression(range(len(warm)), warm).slope * _MINUTE * 1024
    return Soak(slope, warm[0], warm[-1], pace)


def _held(process: int, minutes: float) -> Iterator[float]:
    """Give the least memory of every few seconds in MiB."""
    for number in range(max(4, round(minutes * _MINUTE))):
        least = resident(process)
        for _ in range(_TOGETHER):
            time.sleep(1)
            least = min(least, resident(process))
        if number % _MINUTE == 0:
            _tell(f"minute {number // _MINUTE}: {least:.1f} MiB")
        yield least


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: %(default)s)")
    parser.add_argument("--targets", type=int, default=10_000, help="how many (default: %(default)s)")
    arguments = parser.parse_args()
    with stage() as set_up:
        soak = measure(set_up, arguments.targets, arguments.minutes)
    _tell(f"{soak.slope:+.0f} KiB a minute, from {soak.first:.1f} MiB to {soak.last:.1f} MiB, warmed up")
    _tell(f"{soak.pace:.0f} probes a second")


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 -- what it is for


if __name__ == "__main__":
    main()
