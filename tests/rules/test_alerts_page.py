"""docs/alerts.md says what the rules are."""

import json
import re
import subprocess
from pathlib import Path

import _jsonnet  # type: ignore[import-untyped] # a module of C
import yaml

from tests.peers.daemons import PATIENCE, find
from tests.rules.rule_file import ALERTS, ALL, NAMES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/alerts.md").read_text()


def blocks(language: str) -> list[str]:
    """Return the examples in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_list_is_that_of_the_file() -> None:
    """Each alert is there, in the order of the file, with its severities and how long each waits."""
    rows = re.findall(r"^\| \[(\w+)\]\(runbooks/(\w+)\.md\) \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert [name for name, _, _ in rows] == [runbook for _, runbook, _ in rows] == NAMES
    assert f"has {len(NAMES)} alerts" in PAGE
    assert "has thirty alerts" in (ROOT / "README.md").read_text()
    assert len(NAMES) == 30
    for name, _, told in rows:
        expected = [(rule.severity, rule.wait) for rule in ALERTS if rule.name == name]
        assert [(severity, _seconds(wait)) for severity, wait in re.findall(r"(\w+) \(([^)]+)\)", told)] == expected


def test_the_thresholds_are_those_of_the_file() -> None:
    """Each is there with its value."""
    rows = re.findall(r"^\| `(ocsp:threshold_\S+)` \| ([^|]+) \|", PAGE, re.MULTILINE)
    rules = [rule for rule in ALL if rule.group == "ocsp-thresholds" and rule.name != "ocsp:links"]
    assert [(name, f"vector({value})") for name, value in rows] == [(rule.name, rule.expr) for rule in rules]


def test_alertmanager_takes_its_example(tmp_path: Path) -> None:
    """With a route and a receiver it is a configuration."""
    [inhibiting] = [yaml.safe_load(block) for block in blocks("yaml") if "inhibit_rules" in block]
    path = tmp_path / "alertmanager.yml"
    path.write_text(yaml.safe_dump({"route": {"receiver": "me"}, "receivers": [{"name": "me"}], **inhibiting}))
    command = [find("amtool"), "check-config", str(path)]
    done = subprocess.run(command, text=True, capture_output=True, check=False, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")


def test_its_mixin_has_rules() -> None:
    """The example, with the path of this project, sets what it says."""
    [example] = blocks("jsonnet")
    example = example.replace("ocsp_exporter/dashboards", str(ROOT / "dashboards"))
    rules = json.loads(_jsonnet.evaluate_snippet("test", f"({example}).prometheusRules"))["groups"][0]["rules"]
    assert rules[0]["labels"]["runbooks"] == "https://wiki.example.org/ocsp"
    assert {"record": "ocsp:threshold_staple_remaining_seconds", "expr": "vector(8 * 3600)"} in rules


def _seconds(wait: str) -> int:
    number, _, unit = wait.partition(" ")
    return 0 if wait == "at once" else int(number) * {"min": 60, "h": 3600}[unit]
