"""What the dashboards cost Prometheus: `python -m benchmarks.dashboards [--targets 3000] [--minutes 60]`.

A real Prometheus with the past of a fleet in which each target is in the state of one of the demo's endpoints. Printed
of each query: the processor time that it took, the time until the answer, and how many samples were read. Of several
tries the quickest counts. The machine should have nothing else to do, but only the second figure depends on that.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from tests.dashboards.asking import CHOSEN, Grafana
from tests.dashboards.reading import queries
from tests.peers.backfill import draw_out, minutes, names, store
from tests.peers.daemons import RUNNING
from tests.peers.exporter import running_exporter
from tests.peers.prometheus import running_prometheus

_TRIES = 3


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboards", description=__doc__)
    parser.add_argument("--targets", type=int, default=3000, help="how many (default: %(default)s)")
    parser.add_argument("--minutes", type=int, default=60, help="how long a past (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, end = Path(name), int(time.time())
        with running_exporter(folder, "demo") as demo:
            page = demo.page("/metrics")
        with (folder / "fleet.txt").open("w") as out:
            draw_out(page, list(names(arguments.targets)), minutes(end, arguments.minutes), out)
        store(folder, folder / "fleet.txt")
        (folder / "fleet.txt").unlink()
        with running_prometheus(folder, "{}") as prometheus:
            _measure(Grafana(prometheus.url, end - 60 * (arguments.minutes - 1), end))


def _measure(grafana: Grafana) -> None:
    [prometheus] = [daemon.process.pid for daemon in RUNNING]
    values = {**CHOSEN, "target": next(names(1)), **grafana.worst(CHOSEN)}
    print("processor  answered     samples  series  query")  # noqa: T201 -- what a benchmark is for
    for query in queries():
        tries = []
        for _ in range(_TRIES):
            begun, spent = time.monotonic(), _processor(prometheus)
            answer = grafana.ask(query, values)
            tries.append((_processor(prometheus) - spent, time.monotonic() - begun))
        processor, answered = (min(figures) for figures in zip(*tries, strict=True))
        print(  # noqa: T201 -- what a benchmark is for
            f"{processor:7.2f} s {answered:7.2f} s  {answer.samples:10} {len(answer.series):7}  {query.name}"
        )


def _processor(process: int) -> float:
    """Return the seconds of processor time that a process has taken."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
