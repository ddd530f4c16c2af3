"""What a probe and a page of `/metrics` cost as the targets become more, each with a certificate of its own.

What is a straight line through the origin, were the whole cost drawn, is a level one here, where it is that of a probe,
and of a target on a page; a knee is where it begins to rise.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.exporters import addresses, configuration, exporter, page
from benchmarks.fleet import Fleet, fleet
from benchmarks.processes import cores, cpu, kept_on, resident

#: Probes that are offered each second: more than can be made.
_OFFERED = 3000
#: Probes at a time, the same with few targets and with many: it makes a difference.
_AT_A_TIME = 16
#: After so many rounds all is remembered that will be.
_ROUNDS_BEFORE = 2.2
#: Pages are fetched so often that they have about so many targets in all.
_ON_PAGES = 50_000
#: More than that are not meant for one page.
_MOST_ON_A_PAGE = 10_000
_PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Point:
    """With so many targets: ms of CPU for a probe, MiB of memory, and ms of CPU for a page, gzip included.

    `page` is None for more targets than one page is meant for.
    """

    targets: int
    probe: float
    memory: float
    page: float | None


def measure(folder: Path, numbers: Sequence[int], seconds: float) -> list[Point]:
    """Measure with each of these numbers of targets, probes for so many seconds."""
    core, other_core = cores()
    with fleet(folder, other_core) as served, kept_on(other_core):
        return [_measured(folder, served, core, number, seconds) for number in numbers]


def _measured(folder: Path, served: Fleet, core: int, number: int, seconds: float) -> Point:
    named = addresses(served.port, number)
    busy = configuration(served.root, named, f"{number * 1000 // _OFFERED}ms", concurrency=_AT_A_TIME)
    with exporter(folder, busy, core) as (process, _):
        _come_round(served, number * _ROUNDS_BEFORE)
        completed, begun = served.completed(), cpu(process)
        time.sleep(seconds)
        probe = (cpu(process) - begun) / (served.completed() - completed)
        memory = resident(process)
    fetched = _page(folder, served, core, named) if number <= _MOST_ON_A_PAGE else None
    return Point(number, probe * 1000, memory, fetched)


def _page(folder: Path, served: Fleet, core: int, named: Sequence[str]) -> float:
    """Fetch pages of targets that have been probed once, and are not for a while."""
    completed = served.completed()
    with exporter(folder, configuration(served.root, named, "1h"), core) as (process, port):
        _come_round(served, completed + len(named) - served.completed())
        page(port, "gzip")
        times = max(5, _ON_PAGES // len(named))
        begun = cpu(process)
        for _ in range(times):
            page(port, "gzip")
        return (cpu(process) - begun) / times * 1000


def _come_round(served: Fleet, probes: float) -> None:
    """Wait until so many further probes were made."""
    awaited, deadline = served.completed() + probes, time.monotonic() + _PATIENCE
    while served.completed() < awaited:
        if time.monotonic() > deadline:
            raise RuntimeError("the exporter does not come round")
        time.sleep(0.05)
    time.sleep(0.5)


def table(points: Sequence[Point]) -> str:
    """Write what was measured as a table in Markdown."""
    rows = (
        f"| {each.targets:,} | {each.probe:.3f} ms | {each.memory:.0f} MiB | "
        + (f"{each.page:,.1f} ms | {each.page / each.targets * 1000:.1f} µs |" if each.page else "| |")
        for each in points
    )
    heads = "| Targets | CPU of a probe | Memory | CPU of a page | of a target on it |"
    return "\n".join((heads, "|---|---|---|---|---|", *rows))


def draw(points: Sequence[Point], path: Path) -> None:
    """Draw what was measured: the cost of one, beside how many there are."""
    drawing = Drawing(figsize=(9, 3.4), layout="constrained")
    probes, pages = drawing.subplots(1, 2)
    _line(probes, "CPU of a probe, ms", [(each.targets, each.probe) for each in points])
    on_pages = [(each.targets, each.page / each.targets * 1000) for each in points if each.page]
    _line(pages, "CPU of a target on a page, gzip included, µs", on_pages)
    drawing.savefig(path, dpi=120, metadata={"Software": None})


def _line(axes: Axes, title: str, values: Sequence[tuple[int, float]]) -> None:
    numbers, costs = zip(*values, strict=True)
    axes.plot(numbers, costs, marker="o", color="#1f60c4")
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel("targets")
    axes.set_xscale("log")
    axes.set_xticks(numbers)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(0, max(costs) * 1.3)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
