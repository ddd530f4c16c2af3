"""How fast the exporter is: `python -m benchmarks [--rounds 5] [--write docs/performance.md]`, or `make bench`.

What is compared is measured in turns, on one machine and in one run, so that the ratios mean something.
"""

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import probing, serving
from benchmarks.probing import Round
from benchmarks.stage import Stage, stage

_NEEDED = ("nginx", "openssl", "prometheus-blackbox-exporter")


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table; `most` is what is wanted at most, None where nothing is."""

    what: str
    value: float
    unit: str
    most: float | None = None

    @property
    def row(self) -> str:
        """The row in Markdown."""
        if self.most is None:
            return f"| {self.what} | {_number(self.value)} {self.unit} | | |"
        verdict = "yes" if self.value <= self.most else "**no**"
        return f"| {self.what} | {_number(self.value)} {self.unit} | {self.most:.3g} | {verdict} |"


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"  # noqa: PLR2004 -- three digits


def main() -> None:
    """Measure, print the table, and write the page if that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of the comparison (default: %(default)s)")
    parser.add_argument("--write", type=Path, help="the page to write")
    arguments = parser.parse_args()
    absent = [each for each in _NEEDED if not shutil.which(each, path=f"{os.environ.get('PATH', '')}:/usr/sbin")]
    if absent:
        sys.exit(f"Not installed: {', '.join(absent)}. `make bench` installs them on Debian, as root.")
    with stage() as set_up:
        figures = [*_probes(set_up, arguments.rounds), *_others(set_up)]
    table = "\n".join(
        ("| Figure | Measured | At most | Reached |", "|---|---|---|---|", *(each.row for each in figures))
    )
    print(table)  # noqa: T201 -- a command
    if arguments.write:
        arguments.write.write_text(_PAGE.format(machine=_machine(), rounds=arguments.rounds, table=table))


def _probes(set_up: Stage, rounds: int) -> list[Figure]:
    measured = probing.measure(set_up, rounds)

    def middle(figure: Callable[[Round], float]) -> float:
        return median(map(figure, measured))

    return [
        Figure("CPU of a probe by the workers", middle(lambda each: each.worker), "ms"),
        Figure("CPU of a probe by `/probe`, HTTP included", middle(lambda each: each.endpoint), "ms"),
        Figure("CPU of a probe by blackbox_exporter, HTTP included", middle(lambda each: each.blackbox), "ms"),
        Figure("CPU of a handshake by `openssl s_time -new`", middle(lambda each: each.handshake), "ms"),
        Figure("workers to blackbox_exporter", middle(lambda each: each.worker / each.blackbox), "times", 0.95),
        Figure("workers to `openssl s_time`", middle(lambda each: each.worker / each.handshake), "times", 0.8),
        Figure("`/probe` to blackbox_exporter", middle(lambda each: each.endpoint / each.blackbox), "times", 1.3),
    ]


def _others(set_up: Stage) -> list[Figure]:
    page = serving.rendering(set_up)
    idle, held = serving.memory(set_up)
    version, first, loaded = serving.start(set_up)
    targets = f"{serving.TARGETS:,} targets"
    return [
        Figure(f"samples on a page of {targets}", page.samples, ""),
        Figure("CPU to render one of them, no result being new since the last scrape", page.kept, "µs", 0.4),
        Figure("CPU to render one of them, every result being new", page.new, "µs"),
        Figure("stall of the event loop in both cases, compressing included, p99", page.p99, "ms", 25),
        Figure("the longest such stall", page.longest, "ms"),
        Figure("memory without targets", idle, "MiB", 80),
        Figure(f"memory for each of {serving.HELD:,} targets", held, "KiB", 16),
        Figure("start: `--version`", version, "s", 0.15),
        Figure("start: first result of `probe`", first, "s", 0.6),
        Figure(f"start: {targets} loaded", loaded, "s", 1.0),
    ]


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


_PAGE = """# Performance

Written by `make bench`, which measures everything anew on the machine at hand ({machine}). What is compared is
measured in turns in {rounds} rounds; each ratio is the median of those of the rounds. CPU is user and system time.

{table}

- All probes are complete: the name is resolved, a new connection is made and a full TLS handshake (never a resumed
  one), the chain is verified to a root, the staple and the responder's kept answer are judged, and the result is
  published. The server is an nginx with a P-256 certificate below an intermediate, and a staple.
- A signature is verified once for the same octets: what a path, a staple and a responder's answer come to whatever the
  time is, is remembered until one of them changes. Everything that depends on the time is judged in each probe.
- blackbox_exporter probes with its `tcp` prober and TLS, verifies the chain, and looks at no staple. It can only be
  asked over HTTP, so that this is in its figure and not in that of the workers.
- What is written of a result is written once, at the first scrape after its probe, and kept with it: with probes every
  60 s and scrapes every 15 s a quarter of the results are new at each scrape. It is part of the memory of a target.
- All targets are one endpoint under different names, and so share its certificates.
"""

if __name__ == "__main__":
    main()
