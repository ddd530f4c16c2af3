"""No dashboard asks for a metric or a label that the exporter does not publish."""

import re
from collections.abc import Iterator

import pytest

from ocsp_exporter.metrics import METRICS, TARGET_LABELS
from ocsp_exporter.serving.own_metrics import OWN_METRICS
from tests.dashboards.reading import NAMES, Query, label_queries, panels, queries, read

#: Labels that Prometheus itself adds.
ADDED = {"job", "instance"}
#: The labels of every series of a target; the last two where a module looks at each by itself.
OF_TARGETS = {*TARGET_LABELS, "address", "key_type"}
#: What Prometheus's client library publishes of a process.
OF_PROCESS = {
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
}


def _published() -> dict[str, set[str]]:
    """Return the labels of each metric, by the names of its series."""
    found = {name: set(ADDED) for name in OF_PROCESS}
    for own in OWN_METRICS:
        labels = {*ADDED, *own.labels}
        if own.kind == "histogram":
            found |= {f"{own.name}_bucket": {*labels, "le"}, f"{own.name}_sum": labels, f"{own.name}_count": labels}
        else:
            found[own.name] = labels
    found |= {metric.name: {*ADDED, *OF_TARGETS, *metric.labels} for metric in METRICS}
    return found


PUBLISHED = _published()

for_each_query = pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)


def _bare(expr: str) -> str:
    """Return a query without what people type."""
    return expr.replace(", ${matchers:raw}", "")


def _selectors(expr: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric with the labels by which it is selected."""
    for name, matchers in re.findall(r"([a-z_]+)\{([^}]*)\}", _bare(expr)):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', matchers)))


def _made(expr: str) -> set[str]:
    """Return the labels that a query makes itself, with label_replace and label_join."""
    return set(re.findall(r', "(\w+)", "', expr))


@for_each_query
def test_metrics_are_published_with_these_labels(query: Query) -> None:
    """Each metric is in the tables of the exporter, and has the labels by which it is selected."""
    selectors = list(_selectors(query.expr))
    assert selectors
    for name, labels in selectors:
        assert name in PUBLISHED
        assert labels <= PUBLISHED[name], name


@for_each_query
def test_nothing_is_asked_for_without_a_selector(query: Query) -> None:
    """Whatever looks like a metric of the exporter has its braces: none escapes the check above."""
    without_strings = re.sub(r'"[^"]*"', '""', _bare(query.expr))
    assert re.findall(r"\b(?:ocsp|process)_\w+\b(?!\w*\{)", without_strings) == []


@for_each_query
def test_labels_to_group_by_are_there(query: Query) -> None:
    """What a query groups or matches by is a label of a metric in it, or made by the query itself."""
    there = set().union(*(PUBLISHED[name] for name, _ in _selectors(query.expr))) | _made(query.expr)
    for labels in re.findall(r"\b(?:by|on|ignoring|without|group_left|group_right)\s*\(([\w, ]*)\)", query.expr):
        assert {label.strip() for label in labels.split(",") if label.strip()} <= there


@pytest.mark.parametrize("name", NAMES)
def test_variables_list_labels_that_there_are(name: str) -> None:
    """A choice is of values of a label that the metric has."""
    found = label_queries(read(name))
    assert {"job", "instance"} <= found.keys()
    for series, label in found.values():
        several = re.findall(r'__name__=~"([^"]*)"', series)
        names = several[0].split("|") if several else re.findall(r"^\w+", series)
        assert names
        assert all(label in PUBLISHED[metric] for metric in names)


def test_columns_show_what_queries_give() -> None:
    """A column of a table is a label that one of its queries groups by, or the value of one of them."""
    for name in NAMES:
        for panel in panels(read(name)):
            steps = {each["id"]: each["options"] for each in panel.get("transformations", [])}
            if "merge" in steps:
                options = steps["organize"]
                exprs = [target["expr"] for target in panel["targets"]]
                labels = {
                    label.strip()
                    for expr in exprs
                    for found in re.findall(r"\bby \(([\w, ]*)\)", expr)
                    for label in found.split(",")
                }
                letters = [target["refId"] for target in panel["targets"]]
                values = {"Value"} if len(letters) == 1 else {f"Value #{letter}" for letter in letters}
                assert set(options["renameByName"]) <= labels | values, panel["title"]
                assert set(options["indexByName"]) == set(options["renameByName"])
                assert not set(options["excludeByName"]) & set(options["renameByName"])
                headings = set(options["renameByName"].values())
                coloured = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
                assert coloured <= headings, panel["title"]
                assert {each["displayName"] for each in panel["options"].get("sortBy", [])} <= headings
