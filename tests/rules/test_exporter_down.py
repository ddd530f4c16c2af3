"""An exporter that is down is told once, whatever its job is called and however many targets are behind it."""

from pathlib import Path

import pytest

from tests.rules.promtool import Expectation, Labels, Story, Subject, run
from tests.rules.series import EXPORTER, HEALTHY, NOT_APPLICABLE, Series
from tests.rules.test_alerts import OF_EXPORTER, SITE, labels_of

DOWN: Series = {"up": 0}
OTHER_EXPORTER = {"job": "ocsp", "instance": "other:10960", **SITE}
TARGETS = ("a.example.org:443", "b.example.org:443")


def alerts(minute: int, *expected: Labels) -> Expectation:
    """Expect that these alerts fire, and no other."""
    values = [({"__name__": "ALERTS", "alertstate": "firing", **labels}, 1.0) for labels in expected]
    return Expectation(minute, 'ALERTS{alertstate="firing"}', values)


def down(**labels: str) -> Labels:
    """Return the labels of the alert."""
    return {"alertname": "OcspExporterDown", "severity": "critical", **labels}


def scraped(target: str, *phases: tuple[Series, int]) -> Subject:
    """Return a target whom Prometheus asks for on /probe."""
    return Subject(labels_of(target, "probe"), phases)


def scrapes(target: str, *phases: tuple[Series, int]) -> Subject:
    """Return whether these scrapes succeed; `up` has no labels but those that Prometheus gives."""
    labels = {k: v for k, v in labels_of(target, "probe").items() if k not in {"target", "module"}}
    return Subject(labels, phases)


def test_one_of_two_is_down(tmp_path: Path) -> None:
    """Its own labels say which; of the targets behind it nothing is known, and nothing fires."""
    subjects = [
        Subject(OF_EXPORTER, [(EXPORTER, 30), (DOWN, 30), (EXPORTER, 20)]),
        Subject(OTHER_EXPORTER, [(EXPORTER, 80)]),
        Subject(labels_of(TARGETS[0], "workers"), [(HEALTHY, 30), ({}, 30), (HEALTHY, 20)]),
    ]
    expected = [alerts(34), alerts(36, down(**OF_EXPORTER)), alerts(59, down(**OF_EXPORTER)), alerts(66)]
    assert run(tmp_path, [Story("one of two", subjects, expected)]) == ""


def test_there_never_was_one(tmp_path: Path) -> None:
    """A Prometheus that has these rules and no exporter says so."""
    subjects = [Subject({"job": "node", "instance": "node:9100"}, [({"up": 1}, 30)])]
    assert run(tmp_path, [Story("none", subjects, [alerts(4), alerts(10, down())])]) == ""


def test_all_scrapes_of_probe_fail_with_it(tmp_path: Path) -> None:
    """Where Prometheus keeps the schedule, the exporter's own job tells of it, and no target does."""
    subjects = [
        Subject(OF_EXPORTER, [(EXPORTER, 30), (DOWN, 30)]),
        *(scraped(each, (HEALTHY, 30), ({}, 30)) for each in TARGETS),
        *(scrapes(each, ({"up": 1}, 30), (DOWN, 30)) for each in TARGETS),
    ]
    assert run(tmp_path, [Story("all", subjects, [alerts(55, down(**OF_EXPORTER))])]) == ""


@pytest.mark.parametrize("shown", [HEALTHY, NOT_APPLICABLE])
def test_one_scrape_of_probe_fails(tmp_path: Path, shown: Series) -> None:
    """A target that is refused, or takes too long, is told by the instance that Prometheus gave it."""
    refused = {k: v for k, v in labels_of(TARGETS[0], "probe").items() if k not in {"target", "module"}}
    subjects = [
        Subject(OF_EXPORTER, [(EXPORTER, 80)]),
        scraped(TARGETS[0], (shown, 10), ({}, 30), (shown, 40)),
        scrapes(TARGETS[0], ({"up": 1}, 10), (DOWN, 30), ({"up": 1}, 40)),
        scraped(TARGETS[1], (HEALTHY, 80)),
        scrapes(TARGETS[1], ({"up": 1}, 80)),
    ]
    told = {"alertname": "OcspProbeNotScraped", "severity": "warning", **refused}
    assert run(tmp_path, [Story("one", subjects, [alerts(18), alerts(22, told), alerts(50, told), alerts(58)])]) == ""


def test_a_job_of_somebody_else_is_not_told_of(tmp_path: Path) -> None:
    """That something else is down is for others to say."""
    subjects = [
        Subject(OF_EXPORTER, [(EXPORTER, 60)]),
        Subject({"job": "node", "instance": "node:9100"}, [(DOWN, 60)]),
        Subject(labels_of(TARGETS[0], "workers"), [(HEALTHY, 60)]),
    ]
    assert run(tmp_path, [Story("others", subjects, [alerts(55)])]) == ""
