"""The dashboards with three thousand targets: what a real Prometheus reads for each query, and what it sends.

`python -m benchmarks.dashboards` prints how long that takes. Here it is held what it rests on: the samples that are
read, which are the same on every machine.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.dashboards.asking import CHOSEN, Grafana
from tests.dashboards.reading import Query, queries
from tests.peers.backfill import draw_out, minutes, names, store
from tests.peers.exporter import running_exporter
from tests.peers.prometheus import running_prometheus

TARGETS = 3000
MINUTES = 30
#: Samples that a query may read: at one time, and at a hundred. To find a series costs more than to read it.
MOST_NOW, MOST_OVER_TIME = 70_000, 1_600_000
#: Series that may be sent to a browser for one query.
MOST_SERIES = 250

for_each_query = pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)


@dataclass(frozen=True, slots=True)
class Fleet:
    """A Prometheus that knows a large fleet, as Grafana asks it, and what stands for variables."""

    grafana: Grafana
    values: Mapping[str, str]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Multiply what the demo shows, and run Prometheus on it."""
    folder = tmp_path_factory.mktemp("fleet")
    end = int(time.time())
    with running_exporter(folder, "demo") as demo:
        page = demo.page("/metrics")
    text = folder / "fleet.txt"
    with text.open("w") as out:
        draw_out(page, list(names(TARGETS)), minutes(end, MINUTES), out)
    store(folder, text)
    text.unlink()
    with running_prometheus(folder, "{}") as prometheus:
        grafana = Grafana(prometheus.url, end - 60 * (MINUTES - 1), end)
        yield Fleet(grafana, {**CHOSEN, "target": next(names(1)), **grafana.worst(CHOSEN)})


def test_the_fleet_is_as_large_as_is_said(fleet: Fleet) -> None:
    """Three thousand targets, each in the state of one of the demo's endpoints, two in seventeen of them revoked."""
    [tile] = [query for query in queries() if query.name == "ocsp-fleet: Revoked: A"]
    assert fleet.grafana.evaluate("count(ocsp_probe_success)").series[0][1][0][1] == TARGETS
    [(_, [(_, revoked)])] = fleet.grafana.ask(tile, fleet.values).series
    assert revoked == 2 * TARGETS // 17 + 1


@for_each_query
def test_a_query_reads_little_and_sends_less(fleet: Fleet, query: Query) -> None:
    """Whatever is asked about a large fleet stays within what is read in a second, and what a browser can show."""
    answer = fleet.grafana.ask(query, fleet.values)
    assert answer.samples <= (MOST_NOW if query.points == 1 else MOST_OVER_TIME)
    assert len(answer.series) <= MOST_SERIES
