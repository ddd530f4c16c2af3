"""Every alert fires when it should, and only then, and is over when all is well again; promtool is the judge."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import pytest

from tests.rules.cases import CASES, About, Case, problem, signed_until
from tests.rules.promtool import Expectation, Labels, Story, Subject, run
from tests.rules.rule_file import ALERTS, NAMES, Rule
from tests.rules.series import (
    CRL_FILE,
    DAY,
    EXPORTER,
    HEALTHY,
    NOT_APPLICABLE,
    RESPONDER,
    STAPLE_FILE,
    Series,
    evidence,
    status,
)

#: Who keeps the schedule: the exporter's workers, or Prometheus through /probe.
Schedule: TypeAlias = Literal["workers", "probe"]

SITE = {"site": "a"}
TEAM = {"team": "web"}
OF_EXPORTER = {"job": "ocsp", "instance": "exporter:10960", **SITE}
SUBJECT = "www.example.org:443"


def labels_of(target: str, schedule: Schedule) -> dict[str, str]:
    """Return the labels of everything that is published of a target, those of its operator among them."""
    instance = {
        "workers": {"job": "ocsp", "instance": "exporter:10960"},
        "probe": {"job": "ocsp_probe", "instance": target},
    }
    return {**instance[schedule], "target": target, "module": "tls", **SITE, **TEAM}


def what_remains(about: About, schedule: Schedule) -> dict[str, str]:
    """Return the labels that an alert keeps of those that its subject has."""
    of_target = labels_of(SUBJECT, schedule)
    return {
        About.TARGET: of_target,
        About.HOST: {"job": of_target["job"], **SITE, **TEAM},
        About.EXPORTER: OF_EXPORTER,
        About.TARGETS: {**OF_EXPORTER, **TEAM},
    }[about]


def firing(case: Case, schedule: Schedule) -> list[tuple[Labels, float]]:
    """Return what Prometheus says while the alert of a case fires."""
    return [
        (
            {
                "__name__": "ALERTS",
                "alertname": case.alert,
                "alertstate": "firing",
                "severity": severity,
                **what_remains(case.about, schedule),
                **case.labels,
            },
            1,
        )
        for severity in case.severities
    ]


def rules_of(case: Case) -> list[Rule]:
    """Return the rules that fire in a case, or if none does, all of that name."""
    named = [rule for rule in ALERTS if rule.name == case.alert]
    return [rule for rule in named if rule.severity in case.severities] or named


def world(case: Case, schedule: Schedule, *phases: tuple[Series, int]) -> list[Subject]:
    """Return the subject of a case, whose series are replaced in turn, beside others with which all is well."""
    minutes = sum(lasting for _, lasting in phases)
    turns = [({**case.of, **replaced}, lasting) for replaced, lasting in phases]
    about_exporter = case.of is EXPORTER
    return [
        Subject(OF_EXPORTER, turns if about_exporter else [(EXPORTER, minutes)]),
        target("good.example.org:443", schedule, [(HEALTHY, minutes)]),
        target("private.example.org:443", schedule, [(NOT_APPLICABLE, minutes)]),
        *([] if about_exporter else [target(SUBJECT, schedule, turns)]),
    ]


def target(name: str, schedule: Schedule, turns: Sequence[tuple[Series, int]]) -> Subject:
    """Return a target; only of those on the exporter's own schedule there is an interval."""
    without = {"ocsp_probe_interval_seconds"} if schedule == "probe" else set()
    shown = [({name: value for name, value in series.items() if name not in without}, n) for series, n in turns]
    return Subject(labels_of(name, schedule), shown)


def minutes(seconds: int) -> int:
    """Return seconds as whole minutes."""
    return seconds // 60


def story_of_the_bad(case: Case, schedule: Schedule) -> Story:
    """It does not fire before its time, fires then, goes on while it is kept, and is over afterwards."""
    rules = rules_of(case)
    first, last = minutes(min(rule.wait for rule in rules)), minutes(max(rule.wait for rule in rules))
    kept = minutes(min(rule.keep for rule in rules))
    over = case.lasts or last + 10
    after = kept + case.lingers + 1 + case.step
    expr = f'ALERTS{{alertname="{case.alert}", alertstate="firing"}}'
    fires = firing(case, schedule)
    expectations = [
        *([Expectation(first - 1, expr, [])] if first else []),
        Expectation(over - case.step, expr, fires),
        *([Expectation(over + kept - 2, expr, fires)] if case.step == 1 else []),
        Expectation(over + after, expr, []),
    ]
    return Story("bad", world(case, schedule, (case.bad, over), ({}, after + case.step)), expectations, case.step)


def story_of_the_near_miss(case: Case, schedule: Schedule) -> Story:
    """It does not fire, however long it lasts."""
    lasting = (case.lasts or minutes(max(rule.wait for rule in rules_of(case)))) + 30
    expr = f'ALERTS{{alertname="{case.alert}", alertstate="firing"}}'
    expectations = [Expectation(lasting - case.step, expr, [])]
    return Story("near miss", world(case, schedule, (case.near, lasting)), expectations, case.step)


def schedules(case: Case) -> Sequence[Schedule]:
    """Return the schedules on which a case makes a difference; what is about the exporter itself is of the workers."""
    return ("workers", "probe") if case.about in {About.TARGET, About.HOST} else ("workers",)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}, {case.name}")
def test_it_fires_only_when_it_should(tmp_path: Path, case: Case) -> None:
    """It fires, with the labels it should have, and is over; near misses, good and not applicable ones are silent."""
    stories = [
        story(case, schedule) for schedule in schedules(case) for story in (story_of_the_bad, story_of_the_near_miss)
    ]
    assert run(tmp_path, stories, case.alert) == ""


def test_every_rule_has_a_case() -> None:
    """Each alert is made to fire with each of its severities, and there is no case for an alert that is not there."""
    tried = {(case.alert, severity) for case in CASES for severity in case.severities}
    elsewhere = {("OcspExporterDown", "critical"), ("OcspProbeNotScraped", "warning")}  # test_exporter_down.py
    assert tried | elsewhere == {(rule.name, rule.severity) for rule in ALERTS}
    assert {case.alert for case in CASES} <= set(NAMES)


@pytest.mark.parametrize("schedule", ["workers", "probe"])
def test_what_is_well_and_what_does_not_apply_fire_nothing(tmp_path: Path, schedule: Schedule) -> None:
    """No alert at all fires in three hours, of an endpoint, a responder, a CRL or a file."""
    subjects = [
        Subject(OF_EXPORTER, [(EXPORTER, 180)]),
        *(
            target(f"{number}.example.org", schedule, [(series, 180)])
            for number, series in enumerate((HEALTHY, NOT_APPLICABLE, RESPONDER, CRL_FILE, STAPLE_FILE))
        ),
    ]
    assert run(tmp_path, [Story("well", subjects, [Expectation(179, "ALERTS", [])])]) == ""


def test_what_targets_share_is_told_once(tmp_path: Path) -> None:
    """Of two targets, one at two addresses and one with two keys, there is one alert about what they have in common."""
    bad = {
        **HEALTHY,
        **status("responder", "invalid"),
        problem("responder", "signature_invalid"): 1,
        **evidence("crl", elapsed=0.96),
        **signed_until(10 * DAY),
        "ocsp_probe_timestamp_seconds": 0,
    }
    variants = [{"address": "192.0.2.1"}, {"address": "192.0.2.2"}, {"key_type": "rsa"}, {"key_type": "ecdsa"}]
    subjects = [
        Subject(OF_EXPORTER, [(EXPORTER, 120)]),
        *(Subject({**labels_of(f"{len(each)}.example.org", "workers"), **each}, [(bad, 120)]) for each in variants),
    ]
    of_all = {"job": "ocsp", **SITE, **TEAM}
    expected = [
        ("OcspResponderAnswerInvalid", "critical", {"source": "responder", "host": "ocsp.example.org"}),
        ("OcspCrlExpiring", "warning", {"source": "crl", "host": "crl.example.org"}),
        ("OcspResponderSignerExpiring", "warning", {"responder_id": "CN=Responder", "signer": "delegated"}),
        ("OcspExporterResultsStale", "warning", {"instance": "exporter:10960"}),
    ]
    alerts: list[tuple[Labels, float]] = [
        ({"__name__": "ALERTS", "alertstate": "firing", "alertname": name, "severity": severity, **of_all, **more}, 1)
        for name, severity, more in expected
    ]
    invalid = {**of_all, "source": "responder", "host": "ocsp.example.org"}
    expectations = [
        Expectation(110, 'ALERTS{alertstate="firing"}', alerts),
        Expectation(110, "0 + ocsp:host_invalid_answers:count", [(invalid, 4)]),
    ]
    assert run(tmp_path, [Story("once", subjects, expectations)]) == ""


def test_failed_probes_do_not_end_what_was_found_before(tmp_path: Path) -> None:
    """While a target cannot be looked at for ten minutes, an alert about it goes on."""
    revoked = {**HEALTHY, 'ocsp_revoked{depth="0"}': 1}
    failed = {"ocsp_probe_success": 0, 'ocsp_probe_failure{failure="timeout"}': 1}
    subjects = [
        Subject(OF_EXPORTER, [(EXPORTER, 60)]),
        target(SUBJECT, "workers", [(revoked, 20), (failed, 10), (revoked, 30)]),
    ]
    labels = {
        "__name__": "ALERTS",
        "alertname": "OcspCertificateRevoked",
        "alertstate": "firing",
        "severity": "critical",
        "depth": "0",
        **labels_of(SUBJECT, "workers"),
    }
    expectations = [
        Expectation(minute, 'ALERTS{alertname="OcspCertificateRevoked"}', [(labels, 1)]) for minute in (19, 25, 29, 45)
    ]
    assert run(tmp_path, [Story("bridged", subjects, expectations)]) == ""
