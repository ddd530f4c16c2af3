"""The dashboards against JSON Schemas that are made from Grafana's own types (see schemas/make.sh)."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.dashboards.reading import NAMES, panels, read

SCHEMAS = Path(__file__).parent / "schemas"

#: Grafana's types have no room for what an annotation asks Prometheus: "this should just be a normal query target".
ANNOTATION_OF_PROMETHEUS = {"expr", "step", "titleFormat", "textFormat", "tagKeys"}


def faults(schema: str, content: object, *, partly: bool = False) -> list[str]:
    """Return what a schema has against a content; `partly`: what is absent has Grafana's default."""
    definition = json.loads((SCHEMAS / f"{schema}.json").read_text())
    validator = Draft7Validator(_lenient(definition) if partly else definition)
    return [f"{'.'.join(map(str, error.path))}: {error.message[:200]}" for error in validator.iter_errors(content)]


def _lenient(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    if isinstance(schema, dict):
        return {key: _lenient(value) for key, value in schema.items() if key != "required"}
    return [_lenient(each) for each in schema] if isinstance(schema, list) else schema


def dashboard(name: str) -> dict[str, Any]:
    """Return what Grafana keeps of a dashboard; what begins with `__` is for the import alone."""
    content = {key: value for key, value in read(name).items() if not key.startswith("__")}
    for annotation in content["annotations"]["list"]:
        if "builtIn" not in annotation or not annotation["builtIn"]:
            assert annotation.keys() >= ANNOTATION_OF_PROMETHEUS
            for key in ANNOTATION_OF_PROMETHEUS:
                del annotation[key]
    return content


@pytest.mark.parametrize("name", NAMES)
def test_the_dashboard_is_one_by_grafanas_types(name: str) -> None:
    """Every key is one that Grafana 13 knows, with a value of its type."""
    assert faults("dashboard", dashboard(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_options_of_panels_are_those_of_their_kinds(name: str) -> None:
    """So is every option of every panel, and what is set for its fields."""
    for panel in panels(read(name)):
        kind = panel["type"].replace("-", "")
        assert faults(f"{kind}-options", panel.get("options", {}), partly=True) == [], panel["title"]
        if kind != "stat":  # which has no settings of fields of its own
            custom = panel["fieldConfig"]["defaults"].get("custom", {})
            assert faults(f"{kind}-field", custom, partly=True) == [], panel["title"]


def test_a_misspelt_key_is_a_fault() -> None:
    """The schemas are strict enough to see one, in a dashboard as in a panel."""
    misspelt = dashboard("ocsp-fleet")
    assert faults("dashboard", misspelt) == []
    misspelt["schemaversion"] = 39
    assert faults("dashboard", misspelt) != []
    assert faults("table-options", {"showHeader": True}, partly=True) == []
    assert faults("table-options", {"showHeaders": True}, partly=True) != []
    assert faults("stat-options", {"colorMode": "backgrounds"}, partly=True) != []
