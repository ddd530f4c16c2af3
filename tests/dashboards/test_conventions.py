"""What a good dashboard has: the rules of Grafana's dashboard-linter that matter, and those of this project.

Rules of the linter that are held: template-datasource, template-job, template-instance, template-on-time-change-reload,
panel-datasource, panel-title-description, panel-units, panel-no-targets, target-rate-interval, target-job,
target-instance, target-counter-agg. Two are deliberately other: dashboards may be edited, and All stands for `.*` and
not `.+`, so that series of a Prometheus which drops a label are shown too.
"""

import re
from itertools import combinations
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.dashboards.reading import NAMES, Query, label_queries, panels, queries, read, variables

DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
#: Panels that Grafana 9 to 13 all draw.
KINDS = {"stat", "table", "timeseries", "state-timeline", "heatmap"}
#: The colours of what is not there: neither good nor bad.
NEUTRAL = "#7b8087"
#: Variables of Grafana's own.
BUILT_IN = {"__range", "__rate_interval", "__interval"}
WIDTH = 24

for_each_dashboard = pytest.mark.parametrize("name", NAMES)
for_each_query = pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)


@for_each_dashboard
def test_it_can_be_imported_and_provisioned(name: str) -> None:
    """A classic dashboard without an id and without inputs, which say something to the import dialogue alone."""
    dashboard = read(name)
    assert "id" not in dashboard
    assert "__inputs" not in dashboard
    assert 37 <= dashboard["schemaVersion"] <= 39
    assert dashboard["tags"] == ["ocsp"]
    assert dashboard["version"] >= 1
    assert dashboard["editable"]
    assert dashboard["description"].endswith(".")
    assert [each["version"] for each in dashboard["__requires"] if each["type"] == "grafana"] == ["9.0.0"]


def test_titles_are_unique() -> None:
    """Grafana's search shows nothing else of a dashboard, and messages nothing else of a panel."""
    assert len({read(name)["title"] for name in NAMES}) == len(NAMES)
    for name in NAMES:
        titles = [panel["title"] for panel in panels(read(name))]
        assert len(set(titles)) == len(titles)


@for_each_dashboard
def test_the_data_source_is_chosen_once(name: str) -> None:
    """A variable chooses it, and everything that asks refers to that variable."""
    dashboard = read(name)
    first, *others = variables(dashboard)
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")
    assert all(variable["datasource"] == DATA_SOURCE for variable in others if variable["type"] == "query")
    for panel in panels(dashboard):
        assert panel["datasource"] == DATA_SOURCE
        assert [target["datasource"] for target in panel["targets"]] == [DATA_SOURCE] * len(panel["targets"])


@for_each_dashboard
def test_job_and_instance_can_be_chosen(name: str) -> None:
    """Several of each, or all; all is also what has no such label. They are looked up anew with the time range."""
    found = {variable["name"]: variable for variable in variables(read(name))}
    assert all(variable["skipUrlSync"] == (variable.get("hide") == 2) for variable in found.values())
    for label in ("job", "instance"):
        variable = found[label]
        assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (True, True, ".*")
        assert variable["current"] == {"text": "All", "value": "$__all"}
    assert {variable["refresh"] for variable in found.values() if variable["type"] == "query"} == {2}


@for_each_dashboard
def test_own_labels_can_be_typed(name: str) -> None:
    """An empty text to begin with, as matchers in PromQL."""
    [typed] = [variable for variable in variables(read(name)) if variable["name"] == "matchers"]
    assert (typed["type"], typed["query"], typed["current"]["value"]) == ("textbox", "", "")
    assert "team=" in typed["description"]


@for_each_dashboard
def test_every_variable_that_is_used_is_there(name: str) -> None:
    """In queries, in titles and in what other variables look up, each only after those that it needs."""
    names = [variable["name"] for variable in variables(read(name))]
    known = {*names, *BUILT_IN}
    for query in queries():
        if query.dashboard == name:
            assert _variables_in(query.expr) <= known
    assert set().union(*(_variables_in(panel["title"]) for panel in panels(read(name)))) <= known
    for variable, (series, _) in label_queries(read(name)).items():
        assert _variables_in(series) <= set(names[: names.index(variable)])


def _variables_in(text: str) -> set[str]:
    return {match[1] or match[2] for match in re.finditer(r"\$([A-Za-z_]\w*)|\$\{(\w+)", text)}


@for_each_dashboard
def test_every_panel_explains_itself(name: str) -> None:
    """It has a title, sentences about it, a unit, queries, and is of a kind that all Grafanas since 9 draw."""
    for panel in panels(read(name)):
        assert panel["type"] in KINDS
        assert panel["title"]
        assert re.fullmatch(r"[A-Z].*[.]", panel["description"]), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == list("ABCDEFGHIJ"[: len(letters)])
        assert letters


@for_each_dashboard
def test_no_data_is_neutral(name: str) -> None:
    """Grafana paints what is not there like the lowest of all values: that is grey, and says so in words."""
    for panel in panels(read(name)):
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["noValue"] in {"no data", *(("-", "nothing reported") if panel["type"] == "table" else ())}
        assert defaults["thresholds"]["steps"][0] == {"value": None, "color": NEUTRAL}, panel["title"]


@for_each_dashboard
def test_colours_have_words(name: str) -> None:
    """Whatever is mapped to a colour is mapped to a word too."""
    for panel in panels(read(name)):
        fields = panel["fieldConfig"]
        mappings = [
            *fields["defaults"].get("mappings", []),
            *(
                mapping
                for override in fields["overrides"]
                for each in override["properties"]
                if each["id"] == "mappings"
                for mapping in each["value"]
            ),
        ]
        for result in (result for mapping in mappings for result in _results(mapping)):
            assert result["text"], panel["title"]
            assert result["color"], panel["title"]


def _results(mapping: dict[str, Any]) -> list[dict[str, Any]]:
    options = mapping["options"]
    return [options["result"]] if "result" in options else list(options.values())


@for_each_dashboard
def test_time_lines_are_of_words(name: str) -> None:
    """A row of numbers tells nobody anything."""
    for panel in panels(read(name)):
        if panel["type"] == "state-timeline":
            assert panel["fieldConfig"]["defaults"]["mappings"], panel["title"]


@for_each_dashboard
def test_panels_fill_the_width_and_do_not_overlap(name: str) -> None:
    """Rows are as wide as the page, their panels equally high, and nothing stands on anything else."""
    placed = [(panel["title"], panel["gridPos"]) for panel in read(name)["panels"]]
    for (one, a), (other, b) in combinations(placed, 2):
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        assert apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"], (one, other)
    for top in {position["y"] for _, position in placed}:
        row = [position for _, position in placed if position["y"] == top]
        assert sum(position["w"] for position in row) == WIDTH
        assert len({position["h"] for position in row}) == 1
    assert max(position["x"] + position["w"] for _, position in placed) == WIDTH


@for_each_dashboard
def test_panels_are_large_enough_to_read(name: str) -> None:
    """At 1400 pixels a column is about 57 wide, and a row 38 high: words fit into tiles, and headings into tables."""
    least = {"stat": (4, 3), "timeseries": (8, 7), "state-timeline": (12, 7), "heatmap": (8, 8), "table": (10, 6)}
    for panel in panels(read(name)):
        width, height = least[panel["type"]]
        assert panel["gridPos"]["w"] >= width, panel["title"]
        assert panel["gridPos"]["h"] >= height, panel["title"]


@pytest.mark.parametrize("name", ["ocsp-fleet", "ocsp-target", "ocsp-exporter"])
def test_what_matters_most_is_on_the_first_screen(name: str) -> None:
    """At 1400 by 900 some 20 rows are seen without scrolling: the tiles, and what comes next."""
    whole = [panel for panel in panels(read(name)) if panel["gridPos"]["y"] + panel["gridPos"]["h"] <= 20]
    assert len([panel for panel in whole if panel["type"] == "stat"]) >= 6
    assert len([panel for panel in whole if panel["type"] != "stat"]) >= 1


@for_each_dashboard
def test_ids_are_unique(name: str) -> None:
    """Grafana finds a panel by its number."""
    ids = [panel["id"] for panel in read(name)["panels"]]
    assert ids == sorted(set(ids))


@for_each_query
def test_every_selector_looks_at_job_and_instance(query: Query) -> None:
    """What somebody chose holds for all of a query."""
    selectors = re.findall(r"\b[a-z_]+\{((?:\$\{[^}]*\}|[^}])*)\}", query.expr)
    assert selectors
    for selector in selectors:
        assert 'job=~"$job"' in selector
        assert 'instance=~"$instance"' in selector


@for_each_query
def test_counters_are_rates_and_summed(query: Query) -> None:
    """A counter by itself says nothing, and one for each series too much."""
    for counter in re.finditer(r"\b\w+_(?:total|bucket)\{", query.expr):
        before = query.expr[: counter.start()]
        assert re.search(r"\b(?:rate|increase)\($", before), query.expr
        assert "sum" in before or counter[0].startswith("process_"), query.expr


@for_each_query
def test_ranges_follow_the_dashboards(query: Query) -> None:
    """A fixed range would miss samples of a slow scrape, or hide what a short time shows."""
    assert set(re.findall(r"\[([^\]]*)\]", query.expr)) <= {"$__rate_interval", "$__range"}


def _links(dashboard: dict[str, Any]) -> list[str]:
    urls = []
    for panel in panels(dashboard):
        fields = panel["fieldConfig"]
        urls += [link["url"] for link in fields["defaults"].get("links", [])]
        urls += [
            link["url"]
            for override in fields["overrides"]
            for each in override["properties"]
            if each["id"] == "links"
            for link in each["value"]
        ]
    return urls


@for_each_dashboard
def test_links_lead_to_what_there_is(name: str) -> None:
    """To the uid of one of these dashboards, with variables that it has, and from the fleet to each target."""
    dashboard = read(name)
    here = {variable["name"] for variable in variables(dashboard)}
    links = _links(dashboard)
    for link in links:
        parts = urlsplit(link)
        uid = parts.path.split("/")[2]
        there = {variable["name"] for variable in variables(read(uid))}
        assert parts.path == f"/d/{uid}/{uid}"
        assert {key.removeprefix("var-") for key, _ in parse_qsl(parts.query) if key.startswith("var-")} <= there
        assert set(re.findall(r"\$\{(\w+):queryparam\}", link)) <= here & there
        assert link.endswith("&${__url_time_range}")
    assert bool(links) == (name in {"ocsp-fleet", "ocsp-responders"})


@for_each_dashboard
def test_the_others_are_a_click_away(name: str) -> None:
    """A menu leads to all dashboards with this tag, and takes time and variables along."""
    [link] = read(name)["links"]
    assert (link["type"], link["tags"]) == ("dashboards", ["ocsp"])
    assert link["includeVars"]
    assert link["keepTime"]


@for_each_dashboard
def test_columns_fit_into_their_tables(name: str) -> None:
    """At 1400 pixels no table has to be moved sideways: columns without a width get what is left, 120 at least."""
    for panel in panels(read(name)):
        steps = {each["id"]: each["options"] for each in panel.get("transformations", [])}
        if "merge" not in steps:
            continue
        sometimes = {"Address", "Key type"}
        headings = set(steps["organize"]["renameByName"].values()) - sometimes
        fields = panel["fieldConfig"]["overrides"]
        widths = {
            override["matcher"]["options"]: each["value"]
            for override in fields
            for each in override["properties"]
            if each["id"] == "custom.width"
        }
        assert sum(widths.get(heading, 120) for heading in headings) <= panel["gridPos"]["w"] * 57 - 16, panel["title"]
