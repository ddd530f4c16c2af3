"""How fast the exporter is: `python -m benchmarks [--quick] [--write docs/performance.md]`, or `make bench`.

What is compared is measured in turns, on one machine and in one run, so that the ratios mean something.
"""

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import growth, probing, schedule, serving, soak, throughput
from benchmarks.figure import Figure, table
from benchmarks.probing import Round
from benchmarks.schedule import Lateness
from benchmarks.stage import Stage, stage

_NEEDED = ("nginx", "openssl", "prometheus-blackbox-exporter", "taskset")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured. `watched` are seconds, and `interval` is that of the schedule."""

    rounds: int = 5
    watched: float = 60.0
    targets: int = 10_000
    interval: int = 60
    scheduled: int = 50_000
    minutes: float = 3.0
    grown: tuple[int, ...] = (100, 300, 1000, 3000, 10_000, 50_000)
    grown_watched: float = 10.0


_QUICK = Effort(
    rounds=1,
    watched=8.0,
    targets=2000,
    interval=15,
    scheduled=5000,
    minutes=0.5,
    grown=(100, 1000, 3000),
    grown_watched=3.0,
)


def main() -> None:
    """Measure, print the tables, and write the page and its plot if that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a first impression in 5 minutes instead of 20")
    parser.add_argument("--write", type=Path, help="the page to write")
    arguments = parser.parse_args()
    absent = [each for each in _NEEDED if not shutil.which(each, path=f"{os.environ.get('PATH', '')}:/usr/sbin")]
    if absent:
        sys.exit(f"Not installed: {', '.join(absent)}. `make bench` installs them on Debian, as root.")
    effort = _QUICK if arguments.quick else Effort()
    tables = []
    with stage() as set_up:
        for title, figures in _measured(set_up, effort):
            tables.append(f"## {title}\n\n{table(figures)}\n")
            _tell(tables[-1])
        points = growth.measure(set_up.folder, effort.grown, effort.grown_watched)
    grown = growth.table(points)
    _tell(grown)
    if arguments.write:
        plot = arguments.write.parent / "images" / "growth.png"
        growth.draw(points, plot)
        page = _PAGE.format(machine=_machine(), effort=effort, tables="\n".join(tables), growth=grown)
        arguments.write.write_text(page)


def _measured(set_up: Stage, effort: Effort) -> Iterator[tuple[str, list[Figure]]]:
    yield "A probe", _probes(set_up, effort.rounds)
    yield "Pages, memory, start", _others(set_up)
    measured = throughput.measure(set_up, effort.targets, effort.watched)
    yield "Throughput", _throughput(measured, effort.targets)
    yield "Schedule", _schedule(set_up, effort, measured.workers.probes)
    yield "Memory over time", _soak(set_up, effort)


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
        Figure(f"memory for each target, from {serving.HELD_FEW:,} to {serving.HELD:,}", held, "KiB", 16),
        Figure("start: `--version`", version, "s", 0.15),
        Figure("start: first result of `probe`", first, "s", 0.6),
        Figure(f"start: {targets} loaded", loaded, "s", 1.0),
    ]


def _throughput(measured: throughput.Throughput, targets: int) -> list[Figure]:
    workers, scraped, blackbox = measured.workers, measured.scraped, measured.blackbox
    return [
        Figure(f"probes a second of {targets:,} targets by the workers", workers.probes, ""),
        Figure("the same by blackbox_exporter, asked over HTTP", blackbox.probes, ""),
        Figure("blackbox_exporter to the workers", blackbox.probes / workers.probes, "times", 1.0),
        Figure("the core of the workers was busy for", workers.busy * 100, "%"),
        Figure("the core of blackbox_exporter was busy for", blackbox.busy * 100, "%"),
        Figure("the core of the server, meanwhile, for", workers.others_busy * 100, "%", 90),
        Figure("the core of the server and of who asks blackbox_exporter for", blackbox.others_busy * 100, "%", 90),
        Figure("probes lost to a scrape of all targets every 15 s", _loss(workers.probes, scraped.probes), "%", 5),
    ]


def _loss(before: float, after: float) -> float:
    return (1 - after / before) * 100


def _schedule(set_up: Stage, effort: Effort, pace: float) -> list[Figure]:
    under = schedule.under_capacity(set_up, pace, effort.scheduled, effort.interval, effort.watched)
    over = schedule.over_capacity(set_up, pace, max(effort.watched, schedule.TOLD_WITHIN))
    beside = schedule.beside_hanging(set_up, effort.interval, effort.watched)

    def late(what: str, lateness: Lateness, most: float | None) -> tuple[Figure, Figure]:
        how = f"{lateness.targets:,} {what}"
        return Figure(f"{how}: late, p99", lateness.p99, "s", most), Figure(f"{how}: the latest", lateness.most, "s")

    fewer = f"targets at {under.interval:.0f} s, {schedule.UNDER} of what is possible"
    more = f"targets at {over.interval:.1f} s, {schedule.OVER} of what is possible"
    good = f"targets at {beside.interval:.0f} s, beside as many that hang for 10 s"
    return [
        *late(fewer, under, 1.0),
        *late(more, over, None),
        Figure(f"{over.targets:,} {more}: most probes of one to least of one", over.unevenness, "times", 2.0),
        Figure(f"{over.targets:,} {more}: lines of the log too many or too few, of one", abs(over.told - 1), "", 0),
        *late(good, beside, 1.0),
        Figure(f"{beside.targets:,} {good}: all were probed once after", beside.first, "s"),
    ]


def _soak(set_up: Stage, effort: Effort) -> list[Figure]:
    measured = soak.measure(set_up, effort.targets, effort.minutes)
    return [
        Figure(f"{effort.targets:,} targets, after warming up", measured.first, "MiB"),
        Figure(f"the same at the end of {effort.minutes} minutes", measured.last, "MiB"),
        Figure("growth", measured.slope, "KiB a minute"),
    ]


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 -- a command


_PAGE = """# Performance

Written by `make bench`, which measures everything anew on the machine at hand ({machine}). What is compared is
measured in turns in {effort.rounds} rounds; each ratio is the median of those of the rounds. CPU is user and system
time.

- All probes are complete: the name is resolved, a new connection is made and a full TLS handshake (never a resumed
  one), the chain is verified to a root, the staple and the responder's kept answer are judged, and the result is
  published. The server is an nginx with a P-256 certificate below an intermediate, and a staple.
- A signature is verified once for the same octets, but for that of the handshake itself: what a chain, a path, a staple
  and a responder's answer come to whatever the time is, is remembered until one of them changes. Everything that
  depends on the time is judged in each probe; a chain is verified again as soon as one of its certificates or of the
  roots begins or ceases to be valid.
- All names here are one, which is looked up every five seconds. Where each target has its own, a look-up in each probe
  adds 0.1 to 0.15 ms: the system's resolver needs a thread.
- blackbox_exporter probes with its `tcp` prober and TLS, verifies the chain, and looks at no staple. It can only be
  asked over HTTP, so that this is in its figure and not in that of the workers.
- What is written of a result is written once, at the first scrape after its probe, and kept with it: with probes every
  60 s and scrapes every 15 s a quarter of the results are new at each scrape. It is part of the memory of a target.
- `uvloop` in place of asyncio's own loop made no difference beyond chance (0.97 to 1.02 times), and is not supported.
- Where nothing else is said, all targets are one endpoint under different names, and so share its certificates.
- Throughput, schedule and memory over time: what is measured has one core, and the server another, with all that asks.
  Targets are addresses of 127.0.0.0/8. Probes are counted by the server. The workers are offered more than they can do,
  {effort.watched:.0f} s long, first without scrapes and then with them; so is blackbox_exporter.
- Schedule: late is what a probe begins after its time, once all targets have come to their slots. A target that is too
  late for a slot takes the next one. `python -m benchmarks.soak --minutes 60` looks at memory for longer.

{tables}
## Growth

Each target has an address, a certificate and a staple of its own; no responder is asked. There are always 16 probes
under way. Pages are compressed, and show results that they have shown before.

{growth}

![The CPU of a probe and of a target on a page, for each number of targets](images/growth.png)

What is level here grows in a straight line. The metrics of the exporter itself are a fixed part of a page, which counts
for more where there are few targets.
"""

if __name__ == "__main__":
    main()
