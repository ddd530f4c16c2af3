"""The file of rules itself: complete, in one style, and about nothing but what the exporter publishes."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ocsp_exporter.cli import main
from ocsp_exporter.metrics import METRICS, TARGET_LABELS
from ocsp_exporter.model import Check, FetchKind, Problem, Source, Status
from ocsp_exporter.serving.own_metrics import OWN_METRICS
from tests.peers.daemons import PATIENCE, find
from tests.rules.promql import label_lists, selectors
from tests.rules.rule_file import ALERTS, ALL, RULES, Rule

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "docs/runbooks"

#: Labels of every series of a target: the exporter's, and Prometheus's.
OF_TARGETS = (*TARGET_LABELS, "address", "key_type")
OF_SCRAPES = ("job", "instance")

PUBLISHED = {
    **{metric.name: (*metric.labels, *OF_TARGETS) for metric in METRICS},
    **{metric.name: metric.labels for metric in OWN_METRICS},
    **{f"{metric.name}_bucket": (*metric.labels, "le") for metric in OWN_METRICS if metric.kind == "histogram"},
}
KNOWN = {**PUBLISHED, "up": ()}
RECORDED = {rule.name for rule in ALL if not rule.is_alert}
LABELS = {label for labels in KNOWN.values() for label in (*labels, *OF_SCRAPES)}

#: Labels whose values are closed sets.
VALUES: dict[str, set[str]] = {
    "source": set(Source),
    "status": set(Status),
    "problem": set(Problem),
    "kind": set(FetchKind),
    "check": set(Check),
}

for_each_rule = pytest.mark.parametrize("rule", ALL, ids=lambda rule: f"{rule.name}-{rule.severity}")
for_each_alert = pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: f"{rule.name}-{rule.severity}")


def test_promtool_takes_it() -> None:
    """It is valid, and no two rules are the same."""
    command = [find("promtool"), "check", "rules", "--lint-fatal", str(RULES)]
    done = subprocess.run(command, text=True, capture_output=True, check=False, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_it_comes_with_the_package(tmp_path: Path) -> None:
    """Whoever has no clone of the project gets it by a command, as it is."""
    done = CliRunner().invoke(main, ["docs", "dashboards", "--write", str(tmp_path)])
    assert done.exit_code == 0
    assert (tmp_path / "prometheus" / RULES.name).read_bytes() == RULES.read_bytes()
    assert '"dashboards/prometheus" = "ocsp_exporter/dashboards/prometheus"' in (ROOT / "pyproject.toml").read_text()


@for_each_rule
def test_it_is_about_what_is_published(rule: Rule) -> None:
    """Each metric, label and value that it selects is one that the exporter publishes, or that a rule records."""
    for selector in selectors(rule.expr):
        assert selector.metric in KNOWN or selector.metric in RECORDED, selector.metric
        own = (*KNOWN.get(selector.metric, ("source", "depth", "host")), *OF_SCRAPES)
        for label, values in selector.matchers:
            assert label in own, f"{selector.metric} has no label {label}"
            assert set(values.split("|")) - {""} <= VALUES.get(label, set(values.split("|"))), values


@for_each_rule
def test_it_keeps_the_labels_of_users(rule: Rule) -> None:
    """It says which labels to drop or ignore; where it says which count, all of one side are kept."""
    for word, labels in label_lists(rule.expr):
        assert word not in {"by", "group_right"}
        assert set(labels) <= LABELS
        if word == "on":
            assert set(labels) <= {"job", "instance"}
    assert "on (" not in rule.expr.replace("and on (", "").replace("unless on (", "")


def test_thresholds_stand_in_one_place() -> None:
    """Those of the first group are all used, and all that are used are there; the alerts compare with nothing else."""
    thresholds = {rule.name for rule in ALL if rule.group == "ocsp-thresholds"} - {"ocsp:links"}
    used = {each.metric for rule in ALERTS for each in selectors(rule.expr)}
    assert {name for name in used if name.startswith("ocsp:threshold_")} == thresholds
    for rule in ALERTS:
        compared = re.findall(r"[<>]=?\s*(?:bool\s*)?([\d.]+)", rule.expr)
        assert set(compared) <= {"0"}, rule.name


@for_each_alert
def test_it_is_in_the_style_of_all(rule: Rule) -> None:
    """Its name, severity and texts are as those of the others."""
    assert re.fullmatch(r"Ocsp([A-Z][a-z]+)+", rule.name)
    assert set(rule.labels) == {"severity"}
    assert rule.severity in {"critical", "warning", "info"}
    assert list(rule.annotations) == ["summary", "description", "runbook_url", "dashboard_url"]
    summary, description = rule.annotations["summary"], rule.annotations["description"]
    assert re.fullmatch(r"[A-Z][^{}.]+\.", summary), "one sentence, the same for all"
    assert description.endswith(".")
    assert re.search(r"\b[Cc]lients?\b", description), "it says what clients will experience, and by when"


def test_each_says_how_long_it_waits_and_is_kept() -> None:
    """Both times stand with each alert, also where it does not wait."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    for alert in alerts:
        assert list(alert) == ["alert", "expr", "for", "keep_firing_for", "labels", "annotations"], alert["alert"]


@for_each_alert
def test_it_is_kept_for_as_long_as_a_target_may_fail_unseen(rule: Rule) -> None:
    """What is about a target is kept until it is told that it cannot be looked at, and a little longer."""
    not_looked_at = next(each.wait for each in ALERTS if each.name == "OcspTargetNotLookedAt")
    assert rule.keep == (5 * 60 if rule.group == "ocsp-exporter" else not_looked_at + 5 * 60)


def test_rules_of_one_alert_say_the_same() -> None:
    """Those with different severities differ in nothing that is read."""
    for rule in ALERTS:
        assert rule.annotations == next(each for each in ALERTS if each.name == rule.name).annotations


@for_each_alert
def test_its_links_have_their_beginning_in_one_place(rule: Rule) -> None:
    """The runbook is of its name and in the folder that `ocsp:links` names; so is the dashboard."""
    beginning = '{{{{ with query "ocsp:links" }}}}{{{{ . | first | label "{}" }}}}/{{{{ end }}}}'
    assert rule.annotations["runbook_url"] == f"{beginning.format('runbooks')}{rule.name}.md"
    dashboards = beginning.format("dashboards")
    of_target = "ocsp-target?var-target={{ $labels.target | urlquery }}"
    assert rule.annotations["dashboard_url"] in {
        dashboards + board for board in (of_target, "ocsp-responders", "ocsp-exporter")
    }


def test_the_place_of_the_runbooks_is_that_of_the_project() -> None:
    """No host is invented: until somebody says where they are, the links are paths in the project and in Grafana."""
    [links] = [rule for rule in ALL if rule.name == "ocsp:links"]
    assert links.labels == {"runbooks": "docs/runbooks", "dashboards": "/d"}
    assert ROOT / links.labels["runbooks"] == RUNBOOKS
