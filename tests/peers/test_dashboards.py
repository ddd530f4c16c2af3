"""Everything that the dashboards ask is asked of a real Prometheus which has scraped the demo."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.dashboards.asking import CHOSEN, Grafana
from tests.dashboards.reading import NAMES, Query, queries
from tests.peers.backfill import minutes, store
from tests.peers.prometheus import running_prometheus
from tests.peers.viewing import CHOICES, MORE, World, running_world, values_of

#: What gives nothing while all is well, or until something happens, and why. Everything else has to give something.
EMPTY = {
    "Responder and CRL hosts: D": "the part of the fetches that failed, where nothing was fetched in the shown time",
    "annotation Status changed: A": "no status changed",
}
#: Endpoints of which together there is everything to tell.
TALKATIVE = ("must-staple-good", "revoked", "forged-signature")
for_each_choice = pytest.mark.parametrize("choice", CHOICES)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Run everything, and look at it when there is a history."""
    with running_world(tmp_path_factory.mktemp("dashboards")) as world:
        yield world


@for_each_choice
@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
def test_every_query_gives_something(world: World, query: Query, choice: str) -> None:
    """For the fleet, and for one of the targets at least, whoever keeps the schedule and whatever labels are left."""
    targets = [world.targets[name] for name in TALKATIVE] if "$target" in query.expr else [""]
    answers = (world.grafana.ask(query, {**world.values[choice], "target": target}) for target in targets)
    expected = query.name.removeprefix(f"{query.dashboard}: ") not in EMPTY
    assert any(answer.series for answer in answers) == expected


@pytest.mark.parametrize("name", NAMES)
def test_series_are_called_by_labels_that_they_have(world: World, name: str) -> None:
    """What a legend shows is there, but for what only some targets have."""
    values = {**world.values["workers"], "target": world.targets["must-staple-good"]}
    for query in queries():
        if query.dashboard == name and query.legend:
            shown = set(re.findall(r"\{\{(\w+)\}\}", query.legend)) - {"address", "key_type", "depth"}
            for labels, _ in world.grafana.ask(query, values).series:
                assert shown <= labels.keys(), query.name


@pytest.mark.parametrize("name", NAMES)
def test_there_is_something_to_choose_from(world: World, name: str) -> None:
    """Each variable that lists values of a label finds some."""
    choices = world.grafana.choices(name)
    assert choices.pop("module", 0) == 0  # that of a target that was not chosen
    assert all(choices.values())
    assert choices.get("target", 19) == 17 + MORE - 1  # of which one is looked at by two modules


@for_each_choice
def test_every_target_is_in_one_state(world: World, choice: str) -> None:
    """The tiles of the fleet tell of each of the seventeen endpoints once, and of each of the three that are watched.

    At one of these nobody listens, one sends another staple than the one on disk, and the responder is good.
    """
    tiles = {}
    for query in queries():
        if query.dashboard == "ocsp-fleet" and query.panel in TILES:
            [(_, [(_, number)])] = world.grafana.ask(query, world.values[choice]).series
            tiles[query.panel] = number
    times = 2 if choice == "probe" else 1  # there Prometheus looks, and the exporter too
    more = {"Not looked at": 1, "At risk": 1, "Good": 1}
    assert tiles == {name: times * number + more.get(name, 0) for name, number in TILES.items()}


#: Of the demo's seventeen endpoints; those revoked are `revoked` and `good-staple-though-revoked`.
TILES = {"Revoked": 2, "Must-Staple violated": 7, "Not looked at": 0, "At risk": 2, "Good": 5, "Nothing known": 1}


#: The states by the endpoints of the demo, as the rows of the table have them.
STATES = {
    "revoked": 5,
    "good-staple-though-revoked": 5,
    "must-staple-without-staple": 4,
    "expired-staple": 4,
    "not-yet-valid": 4,
    "other-certificate": 4,
    "forged-signature": 4,
    "try-later": 4,
    "unauthorized-delegate": 4,
    "unknown": 2,
    "refresh-overdue": 2,
    "good": 1,
    "not-stapled": 1,
    "must-staple-good": 1,
    "delegated-responder": 1,
    "crl-only": 1,
    "without-ocsp": 0,
}


def test_the_table_has_the_worst_first(world: World) -> None:
    """Each endpoint is in its state; of the good ones those that end first are the worst."""
    [query] = [each for each in queries() if each.name == "ocsp-fleet: The 200 worst targets: A"]
    answer = world.grafana.ask(query, {**world.values["workers"], "job": "ocsp"})
    shown = {target: name for name, target in world.targets.items()}
    states = {shown[labels["target"]]: value for labels, [(_, value)] in answer.series}
    assert {name: round(state) for name, state in states.items()} == STATES
    assert all(0.99 < state < 1 for name, state in states.items() if STATES[name] == 1)


def test_what_is_typed_narrows_the_fleet(world: World) -> None:
    """A part of a name, and labels of one's own, hold for every query, the hidden ones included."""
    one = world.targets["revoked"]
    for typed in ({"search": one.split(":")[1]}, {"matchers": 'endpoint="revoked"'}):
        values = values_of(world.grafana, {"job": "ocsp", **typed})
        for query in queries():
            if query.dashboard == "ocsp-fleet":
                named = {
                    labels["target"] for labels, _ in world.grafana.ask(query, values).series if "target" in labels
                }
                assert named <= {one}, query.name
    for matchers, number in (('endpoint="revoked"', 1), ('endpoint="nobody"', None), ('endpoint!="revoked"', 1)):
        [tile] = [query for query in queries() if query.name == "ocsp-fleet: Revoked: A"]
        found = world.grafana.ask(tile, {**CHOSEN, "job": "ocsp", "matchers": matchers}).series
        assert [value for _, [(_, value)] in found] == ([] if number is None else [number])


def test_without_any_data_nothing_fails(tmp_path: Path) -> None:
    """A Prometheus that knows no exporter answers each query with nothing: no errors, and no zeros that look good."""
    with running_prometheus(tmp_path, "{}") as prometheus:
        grafana = Grafana(prometheus.url, time.time() - 60, time.time())
        values = {**values_of(grafana, {}), "target": ""}
        assert [query.name for query in queries() if grafana.ask(query, values).series] == []


def test_a_change_of_status_is_marked(tmp_path: Path) -> None:
    """Once, at the time at which it was first seen; a status that stays, or is seen for the first time, is not."""
    end = int(time.time())
    past = minutes(end, 10)
    labels = 'job="ocsp",instance="exporter:10960",target="flaps",module="tls",source="staple",depth="0"'
    text = tmp_path / "past.txt"
    with text.open("w") as out:
        out.write("# TYPE ocsp_status gauge\n")
        for status in ("good", "missing"):
            for position, at in enumerate(past):
                out.write(
                    f'ocsp_status{{{labels},status="{status}"}} {int((status == "good") == (position < 6))} {at}\n'
                )
        out.write("# EOF\n")
    store(tmp_path, text)
    [changes] = [query for query in queries() if query.panel.startswith("annotation")]
    with running_prometheus(tmp_path, "{}") as prometheus:
        grafana = Grafana(prometheus.url, past[0], end)
        [(marked, times)] = grafana.ask(replace(changes, points=9), {**CHOSEN, "target": "flaps"}).series
    assert (marked["status"], times) == ("missing", [(past[6], 1)])
