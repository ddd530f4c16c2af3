"""The mixin is the same files, in the form in which mixins are taken, with what is to be set in them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import _jsonnet  # type: ignore[import-untyped] # a module of C
import pytest
import yaml

from tests.peers.daemons import PATIENCE, find
from tests.rules.rule_file import RULES

FOLDER = Path(__file__).parents[2] / "dashboards"
MIXIN = FOLDER / "mixin.libsonnet"


def value(expression: str) -> Any:  # noqa: ANN401 -- JSON is anything
    """Return the value of an expression about `mixin`. Raises RuntimeError where it has none."""
    beginning = f"local mixin = import {json.dumps(str(MIXIN))};"
    return json.loads(_jsonnet.evaluate_snippet("test", f"{beginning} {expression}"))


def test_its_rules_and_alerts_are_those_of_the_file() -> None:
    """Together they are the same groups, in the same order."""
    assert (
        value("mixin.prometheusRules.groups + mixin.prometheusAlerts.groups")
        == yaml.safe_load(RULES.read_text())["groups"]
    )


def test_alerts_are_where_mixins_have_them() -> None:
    """In one list are rules that record, in the other alerts."""
    for name, kind in (("prometheusRules", "record"), ("prometheusAlerts", "alert")):
        rules = [rule for group in value(f"mixin.{name}.groups") for rule in group["rules"]]
        assert rules
        assert all(kind in rule for rule in rules)


def test_prometheus_takes_what_it_makes(tmp_path: Path) -> None:
    """Written out, both pass promtool."""
    path = tmp_path / "mixin.json"
    path.write_text(json.dumps(value("{groups: mixin.prometheusRules.groups + mixin.prometheusAlerts.groups}")))
    command = [find("promtool"), "check", "rules", "--lint-fatal", str(path)]
    done = subprocess.run(command, text=True, capture_output=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_thresholds_and_links_are_set() -> None:
    """What `_config` says stands in the rules, and all else is as it was."""
    config = {
        "thresholds": {"ocsp:threshold_staple_remaining_seconds": "8 * 3600"},
        "runbooks": "https://wiki.example.org/ocsp",
    }
    plain = value("mixin.prometheusRules.groups[0].rules")
    changed = value(f"(mixin + {{_config+:: {json.dumps(config)}}}).prometheusRules.groups[0].rules")
    differing = [(was, now) for was, now in zip(plain, changed, strict=True) if was != now]
    assert [now["record"] for _, now in differing] == ["ocsp:links", "ocsp:threshold_staple_remaining_seconds"]
    assert differing[0][1]["labels"] == {"runbooks": "https://wiki.example.org/ocsp", "dashboards": "/d"}
    assert differing[1][1]["expr"] == "vector(8 * 3600)"


def test_a_threshold_that_is_not_there_is_an_error() -> None:
    """A misspelt name is not silently left aside."""
    with pytest.raises(RuntimeError, match="no such threshold: ocsp:threshold_x"):
        value('(mixin + {_config+:: {thresholds: {"ocsp:threshold_x": "1"}}}).prometheusRules')


@pytest.mark.parametrize("path", sorted((FOLDER / "grafana").glob("*.json")), ids=lambda path: path.name)
def test_its_dashboards_are_those_of_the_folder(path: Path) -> None:
    """Each is there under the name of its file, and is the same."""
    assert value(f"mixin.grafanaDashboards[{json.dumps(path.name)}]") == json.loads(path.read_text())


def test_it_names_the_dashboards_to_which_alerts_lead() -> None:
    """Their names are the uids in the links."""
    assert {"ocsp-target.json", "ocsp-responders.json", "ocsp-exporter.json"} <= set(
        value("std.objectFields(mixin.grafanaDashboards)")
    )
