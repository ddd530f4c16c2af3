"""`promtool test rules`: series by time, and what an expression is to give at some moments."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from tests.peers.daemons import find
from tests.rules.rule_file import RULES, read
from tests.rules.series import Series, Value

#: The labels of a series; its name among them as `__name__`.
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Subject:
    """Something of which series are published.

    `labels` are those that all of them have. `phases`: what they show in turn, and for how many minutes.
    """

    labels: Labels
    phases: Sequence[tuple[Series, int]]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an expression gives at a minute: a value for each set of labels."""

    minute: int
    expr: str
    values: Sequence[tuple[Labels, float]]


@dataclass(frozen=True, slots=True)
class Story:
    """Some subjects, and what is expected of the rules; they are evaluated once in `step` minutes."""

    name: str
    subjects: Sequence[Subject]
    expectations: Sequence[Expectation]
    step: int = 1


def run(folder: Path, stories: Sequence[Story], alert: str | None = None, *more: Path) -> str:
    """Run stories against the rules, and those of more files; return what promtool has to say, empty if they are true.

    With an `alert` those of other alerts are left out, which is quicker.
    """
    rules = [_without_other_alerts(folder, alert) if alert else RULES, *more]
    path = folder / "stories.yaml"
    path.write_text(json.dumps(_document(stories, rules)))
    command = [find("promtool"), "test", "rules", str(path)]
    done = subprocess.run(command, text=True, capture_output=True, check=False, timeout=120)
    return f"{done.stdout}{done.stderr}" if done.returncode else ""


def _without_other_alerts(folder: Path, alert: str) -> Path:
    document = yaml.safe_load(RULES.read_text())
    for group in document["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert", alert) == alert]
    document["groups"] = [group for group in document["groups"] if group["rules"]]
    path = folder / f"{alert}.yaml"
    path.write_text(json.dumps(document))
    return path


def _document(stories: Sequence[Story], rules: Sequence[Path]) -> dict[str, Any]:
    groups = list(dict.fromkeys(rule.group for path in rules for rule in read(path)))
    [step] = {story.step for story in stories}
    return {
        "rule_files": [str(path) for path in rules],
        "evaluation_interval": f"{step}m",
        "group_eval_order": groups,
        "tests": [
            {
                "name": story.name,
                "interval": f"{step}m",
                "input_series": [each for subject in story.subjects for each in _input(subject, step)],
                "promql_expr_test": [_expected(expectation) for expectation in story.expectations],
            }
            for story in stories
        ],
    }


def _input(subject: Subject, step: int) -> Iterator[dict[str, str]]:
    """Yield each series of a subject with its values, one for each step; one that ends is marked as stale."""
    for series in dict.fromkeys(name for shown, _ in subject.phases for name in shown):
        values: list[str] = []
        for shown, minutes in subject.phases:
            value = shown.get(series)
            for _ in range(minutes // step):
                values.append(_text(value, len(values), step, values[-1] if values else "_"))
        runs = ((text, len(list(same))) for text, same in groupby(values))
        notation = " ".join(f"_x{times}" if text == "_" else f"{text}x{times - 1}" for text, times in runs)
        yield {"series": _notation(series, subject.labels), "values": notation.replace("stalex0", "stale")}


def _text(value: Value, index: int, step: int, before: str) -> str:
    match value:
        case None:
            return "_" if before in {"_", "stale"} else "stale"
        case tuple():
            return f"{value[index % len(value)]}"
        case int() | float():
            return f"{value}"
    return f"{value(index * step * 60)}"


def _expected(expectation: Expectation) -> dict[str, Any]:
    samples = [
        {
            "labels": _notation(labels.get("__name__", ""), {k: v for k, v in labels.items() if k != "__name__"}),
            "value": value,
        }
        for labels, value in expectation.values
    ]
    return {"expr": expectation.expr, "eval_time": f"{expectation.minute}m", "exp_samples": samples}


def _notation(series: str, labels: Labels) -> str:
    """Return a series with more labels, in Prometheus's notation."""
    name, _, own = series.rstrip("}").partition("{")
    more = [f'{label}="{text}"' for label, text in labels.items()]
    return f"{name}{{{', '.join([*([own] if own else []), *more])}}}"
