"""Asking a Prometheus what the dashboards ask, as Grafana does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.dashboards.reading import Query, alternatives, filled, queries, read, variables

_CLIENT = httpx.Client(timeout=60)

#: What Grafana puts in the place of the variables until somebody chooses something.
CHOSEN = {"job": ".*", "instance": ".*", "search": "", "matchers": "", "module": ".*", "source": "staple"}


@dataclass(frozen=True, slots=True)
class Answer:
    """The series that a query gave, each with its labels and its values by time, and how many samples it read."""

    series: list[tuple[dict[str, str], list[tuple[float, float]]]]
    samples: int


@dataclass(frozen=True, slots=True)
class Grafana:
    """Somebody who looks at a dashboard: at which Prometheus, from when to when."""

    url: str
    start: float
    end: float

    def ask(self, query: Query, values: Mapping[str, str]) -> Answer:
        """Ask a query of a dashboard with these values of the variables."""
        expr = filled(query.expr, {**self._times(), **values})
        return self.evaluate(expr, query.points)

    def evaluate(self, expr: str, points: int = 1) -> Answer:
        """Ask for the end of the time, or for so many times."""
        if points == 1:
            data = self._get("query", {"query": expr, "time": self.end})
            series = [(each["metric"], [each["value"]]) for each in data["result"]]
        else:
            step = (self.end - self.start) / points
            data = self._get("query_range", {"query": expr, "start": self.start, "end": self.end, "step": step})
            series = [(each["metric"], each["values"]) for each in data["result"]]
        found = [(labels, [(time, float(value)) for time, value in values]) for labels, values in series]
        return Answer(found, data["stats"]["samples"]["totalQueryableSamples"])

    def worst(self, chosen: Mapping[str, str]) -> dict[str, str]:
        """Return the values of the hidden variables, which hold the names of the worst targets."""
        found = {}
        for query in queries():
            if query.panel.startswith("variable "):
                names = [labels["target"] for labels, _ in self.ask(query, chosen).series]
                found[query.panel.removeprefix("variable ")] = alternatives(names)
        return found

    def choices(self, dashboard: str) -> dict[str, int]:
        """Return how many values there are to choose from, of each variable that lists the values of a label."""
        found = {}
        for variable in variables(read(dashboard)):
            asked = variable["query"]["query"] if variable["type"] == "query" else ""
            if asked.startswith("label_values("):
                series, label = asked.removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
                matched = {"match[]": filled(series, {**CHOSEN, "target": "nothing"})}
                answer = _CLIENT.get(f"{self.url}/api/v1/label/{label}/values", params=matched)
                found[variable["name"]] = len(answer.raise_for_status().json()["data"])
        return found

    def _times(self) -> dict[str, str]:
        span = self.end - self.start
        return {"__range": f"{span:.0f}s", "__rate_interval": f"{span / 2:.0f}s", "__interval": "60s"}

    def _get(self, path: str, parameters: Mapping[str, str | float]) -> dict[str, Any]:
        # As a form: names of two hundred targets are too long for a URL, and Grafana sends them so, too.
        form = {key: str(value) for key, value in parameters.items()}
        answer = _CLIENT.post(f"{self.url}/api/v1/{path}", data={**form, "stats": "all"})
        assert answer.is_success, (parameters["query"], answer.text)
        data: dict[str, Any] = answer.json()["data"]
        return data
