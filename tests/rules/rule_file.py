"""The rules as users copy them, read once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "dashboards/prometheus"
RULES = FOLDER / "ocsp_exporter.yaml"

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def seconds(duration: str) -> int:
    """Return a duration as Prometheus writes them, such as `15m`, in seconds."""
    [(number, unit)] = re.findall(r"^(\d+)([smhdw])$", duration)
    return int(number) * _SECONDS[unit]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `name` is what it records, or its alert."""

    group: str
    name: str
    is_alert: bool
    expr: str
    labels: dict[str, str]
    annotations: dict[str, str]
    wait: int
    keep: int

    @property
    def severity(self) -> str:
        """How bad it is; empty for a rule that records."""
        return self.labels.get("severity", "")


def read(path: Path) -> list[Rule]:
    """Return the rules of a file, in its order."""
    return list(_rules(yaml.safe_load(path.read_text())))


def _rules(document: dict[str, Any]) -> Iterator[Rule]:
    for group in document["groups"]:
        for rule in group["rules"]:
            yield Rule(
                group=group["name"],
                name=rule.get("alert") or rule["record"],
                is_alert="alert" in rule,
                expr=rule["expr"],
                labels=rule.get("labels", {}),
                annotations=rule.get("annotations", {}),
                wait=seconds(rule.get("for", "0s")),
                keep=seconds(rule.get("keep_firing_for", "0s")),
            )


ALL = read(RULES)
ALERTS = [rule for rule in ALL if rule.is_alert]
#: The names of the alerts, in the order of the file; some have a rule for each severity.
NAMES = list(dict.fromkeys(rule.name for rule in ALERTS))
