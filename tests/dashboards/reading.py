"""The committed dashboards, read as Grafana reads them: panels, queries, variables and what these stand for."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "dashboards" / "grafana"
NAMES = ("ocsp-fleet", "ocsp-target", "ocsp-responders", "ocsp-exporter")

_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)|\$\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True, slots=True)
class Query:
    """What a dashboard asks Prometheus. `panel` is the title, or says what else asks; `letter` its refId.

    `points`: for how many times it asks at most, 1 where it is for now alone. `legend` is what a series is called.
    """

    dashboard: str
    panel: str
    letter: str
    expr: str
    points: int = 1
    legend: str = ""

    @property
    def name(self) -> str:
        """What it is called in a test."""
        return f"{self.dashboard}: {self.panel}: {self.letter}"


def read(name: str) -> dict[str, Any]:
    """Return a dashboard as it is committed."""
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return content


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the panels that show something: all but the headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def variables(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the variables in their order."""
    found: list[dict[str, Any]] = dashboard["templating"]["list"]
    return found


def queries() -> list[Query]:
    """Return everything that the dashboards ask: for panels, for annotations, and for the hidden variables."""
    found = []
    for name in NAMES:
        dashboard = read(name)
        for panel in panels(dashboard):
            found += [
                Query(
                    name,
                    panel["title"],
                    target["refId"],
                    target["expr"],
                    1 if target["instant"] else panel["maxDataPoints"],
                    target.get("legendFormat", ""),
                )
                for target in panel["targets"]
            ]
        for annotation in dashboard["annotations"]["list"]:
            if "expr" in annotation:
                found.append(Query(name, f"annotation {annotation['name']}", "A", annotation["expr"], 100))
        for variable in variables(dashboard):
            if inner := re.fullmatch(r"query_result\((.*)\)", _asked(variable)):
                found.append(Query(name, f"variable {variable['name']}", "A", inner[1]))
    return found


def label_queries(dashboard: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return of each variable that lists values of a label the series that are looked at, and the label."""
    found = {}
    for variable in variables(dashboard):
        if asked := re.fullmatch(r"label_values\((.*),\s*(\w+)\)", _asked(variable)):
            found[variable["name"]] = (asked[1], asked[2])
    return found


def _asked(variable: Mapping[str, Any]) -> str:
    query = variable.get("query", "")
    return str(query["query"] if isinstance(query, dict) else query)


def filled(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of variables, as Grafana does. Raises KeyError for one that is not there."""
    return _VARIABLE.sub(lambda match: values[match[1] or match[2]], text)


def alternatives(names: list[str]) -> str:
    """Return several values as Grafana writes them into a regular expression in PromQL."""
    escaped = (re.sub(r"([\\^$.*+?()\[\]{}|])", r"\\\\\1", name) for name in names)
    return f"({'|'.join(escaped)})"
