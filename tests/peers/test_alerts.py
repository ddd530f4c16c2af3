"""From endpoints to a delivered notification: demo, exporter, Prometheus and Alertmanager, all of them real."""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import DAY, HOUR, Credential
from ocsp_exporter.demo.states import STATES
from ocsp_exporter.model import Reason, Status
from tests.peers.alertmanager import Alertmanager, running_alertmanager
from tests.peers.daemons import until
from tests.peers.exporter import running_exporter
from tests.peers.prometheus import Prometheus, running_prometheus
from tests.peers.servers import der, pem, write
from tests.peers.stage import Stage, stage
from tests.rules.rule_file import NAMES, RULES

ROOT = Path(__file__).parents[2]

CRITICAL, WARNING = "critical", "warning"
VIOLATED = ("OcspMustStapleViolated", CRITICAL)
INVALID = ("OcspStapleInvalid", CRITICAL)
STUCK = ("OcspStapleRefresherStuck", WARNING)

#: What fires for each endpoint of the demo; for those that are not here nothing does.
DEMO = {
    "must-staple-without-staple": {VIOLATED},
    "revoked": {("OcspCertificateRevoked", CRITICAL)},
    "unknown": {("OcspCertificateUnknown", CRITICAL)},
    "expired-staple": {VIOLATED, ("OcspStapleExpired", CRITICAL), STUCK},
    "refresh-overdue": {("OcspStapleRefreshOverdue", WARNING), STUCK},
    "not-yet-valid": {VIOLATED, INVALID},
    "other-certificate": {VIOLATED, INVALID},
    "forged-signature": {VIOLATED, INVALID},
    "try-later": {VIOLATED, INVALID},
    "unauthorized-delegate": {VIOLATED, INVALID},
    "good-staple-though-revoked": {("OcspCertificateRevoked", CRITICAL), ("OcspSourcesDisagree", CRITICAL)},
}


@dataclass(frozen=True, slots=True)
class World:
    """All that runs: the demo and a stage, what watches them, and what it has to say."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    stage: Stage

    def firing(self, job: str) -> dict[str, set[tuple[str, str]]]:
        """Return what fires for each endpoint of a job, by the label that the exporter's configuration gives it."""
        found = defaultdict(set)
        for labels, _ in self.prometheus.query(f'ALERTS{{alertstate="firing", job="{job}"}}'):
            found[labels.get("endpoint", "")].add((labels["alertname"], labels["severity"]))
        return dict(found)


def in_a_hurry(rules: str) -> str:
    """Return rules that wait and are kept for seconds only."""
    document = yaml.safe_load(rules)
    for group in document["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                rule["for"] = "0s" if rule["for"] == "0m" else "2s"
                rule["keep_firing_for"] = "2s"
    return yaml.safe_dump(document)


def inhibit_rules() -> list[dict[str, Any]]:
    """Return those that docs/alerts.md shows."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/alerts.md").read_text(), re.MULTILINE | re.DOTALL)
    [shown] = [each["inhibit_rules"] for each in map(yaml.safe_load, blocks) if "inhibit_rules" in each]
    return list(shown)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of everything that runs here."""
    return tmp_path_factory.mktemp("alerts")


@pytest.fixture(scope="module")
def world(folder: Path, root: Authority, authority: Authority) -> Iterator[World]:
    """Run everything; three endpoints are on the stage, and all is well with them."""
    with ExitStack() as running:
        there = running.enter_context(stage(root, authority))
        there.responder()
        for name in ENDPOINTS:
            put(there, authority, name)
        demo = running.enter_context(running_exporter(folder, "demo"))
        configuration = write(folder / "ocsp_exporter.yaml", yaml.safe_dump(watching(folder, root, there)).encode())
        exporter = running.enter_context(running_exporter(folder, "serve", "--config.file", str(configuration)))
        alertmanager = running.enter_context(running_alertmanager(folder, inhibit_rules()))
        write(folder / "rules.yaml", in_a_hurry(RULES.read_text()).encode())
        scraping = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "alerting": {
                "alertmanagers": [{"static_configs": [{"targets": [alertmanager.url.removeprefix("http://")]}]}]
            },
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [address], "labels": {"site": "here"}}]}
                for job, address in (("demo", demo.address), ("stage", exporter.address))
            ],
        }
        prometheus = running.enter_context(running_prometheus(folder, yaml.safe_dump(scraping)))
        yield World(prometheus, alertmanager, there)


ENDPOINTS = ("renewed", "revoked", "replaced")


def watching(folder: Path, root: Authority, there: Stage) -> dict[str, Any]:
    """Return a configuration for the endpoints on the stage, each with a label of its operator's."""
    ca_file = write(folder / "root.pem", pem(der(root.certificate)))
    module = {"tls_config": {"ca_file": str(ca_file)}, "crl": {"query": "never"}}
    return {
        "modules": {"private": module},
        "targets": [
            {"targets": [there.address(name)], "module": "private", "interval": "1s", "labels": {"endpoint": name}}
            for name in ENDPOINTS
        ],
    }


def fresh(authority: Authority, leaf: Credential) -> bytes:
    """Return a good staple, an hour old."""
    now = int(time.time())
    return authority.answer(leaf, this_update=now - HOUR, produced_at=now - HOUR)


def ending(authority: Authority, leaf: Credential) -> bytes:
    """Return a good staple of eight days that ends in an hour."""
    now = int(time.time())
    return authority.answer(leaf, this_update=now - 8 * DAY, produced_at=now - 8 * DAY, next_update=now + HOUR)


def of_a_revoked(authority: Authority, leaf: Credential) -> bytes:
    """Return a staple that says that the certificate has been revoked just now."""
    return authority.answer(leaf, status=Status.REVOKED, revocation_time=time.time(), reason=Reason.SUPERSEDED)


def put(
    there: Stage, authority: Authority, name: str, staple: Callable[[Authority, Credential], bytes] = fresh
) -> Credential:
    """Let an endpoint show a new certificate with a staple."""
    leaf = there.certificate()
    there.endpoint(name, leaf, staple(authority, leaf))
    return leaf


def test_each_endpoint_of_the_demo_has_its_alerts(world: World) -> None:
    """Those that are written down fire, and no others; of the responder and of the exporter nothing is to be told."""
    assert set(DEMO) <= {state.name for state in STATES}
    until(lambda: world.firing("demo") == DEMO, lambda: f"what fires is {world.firing('demo')}")


def test_each_of_them_is_delivered(world: World) -> None:
    """Whoever is notified gets all of them but those for which there is something worse to tell of the same target."""
    left_out = {("expired-staple", "OcspMustStapleViolated")} | {
        (name, "OcspMustStapleViolated") for name, alerts in DEMO.items() if INVALID in alerts
    }
    expected = {(name, alert) for name, alerts in DEMO.items() for alert, _ in alerts} - left_out

    def delivered() -> set[tuple[str, str]]:
        told = world.alertmanager.told("firing", job="demo")
        return {(each.labels["endpoint"], each.labels["alertname"]) for each in told}

    until(lambda: expected <= delivered(), lambda: f"not delivered: {expected - delivered()}")


def test_a_notification_says_it_in_words(world: World) -> None:
    """Texts and links are complete, and each link is of the alert's own name and target."""
    until(lambda: bool(world.alertmanager.told("firing")), lambda: "nothing was delivered")
    for each in world.alertmanager.delivered:
        name, texts = each.labels["alertname"], each.annotations
        assert set(texts) == {"summary", "description", "runbook_url", "dashboard_url"}
        assert not any(sign in text for text in texts.values() for sign in ("<no value>", "<error", "{{", "NaN"))
        assert texts["runbook_url"] == f"docs/runbooks/{name}.md"
        assert name in NAMES
        assert each.labels["site"] == "here"
        if "target" in each.labels:
            assert texts["dashboard_url"] == f"/d/ocsp-target?var-target={each.labels['target'].replace(':', '%3A')}"
            assert each.labels["target"] in texts["description"]


def test_a_renewed_staple_ends_the_alert(world: World, authority: Authority) -> None:
    """A staple of which more than nine tenths are over is a warning and critical, until there is a new one."""
    leaf = put(world.stage, authority, "renewed", ending)
    expected = {
        ("OcspStapleRefreshOverdue", CRITICAL),
        ("OcspStapleRefreshOverdue", WARNING),
        ("OcspStapleEndsSoon", CRITICAL),
        STUCK,
    }
    await_alerts(world, "renewed", expected)
    await_delivery(world, "firing", alertname="OcspStapleRefreshOverdue", severity=CRITICAL, endpoint="renewed")
    world.stage.endpoint("renewed", leaf, fresh(authority, leaf))
    await_alerts(world, "renewed", set())
    await_delivery(world, "resolved", alertname="OcspStapleRefreshOverdue", severity=CRITICAL, endpoint="renewed")


def test_a_revoked_certificate_is_told_until_it_is_replaced(world: World, authority: Authority) -> None:
    """The staple of a revoked certificate says so; a new certificate ends it."""
    put(world.stage, authority, "revoked", of_a_revoked)
    await_alerts(world, "revoked", {("OcspCertificateRevoked", CRITICAL)})
    await_delivery(world, "firing", alertname="OcspCertificateRevoked", endpoint="revoked")
    put(world.stage, authority, "revoked")
    await_alerts(world, "revoked", set())
    await_delivery(world, "resolved", alertname="OcspCertificateRevoked", endpoint="revoked")


def test_a_responder_that_is_down_is_told_once(world: World, authority: Authority) -> None:
    """What is told is the host, by itself, and none of its targets; it ends with the next answer."""
    host = world.stage.address("responder")
    of_host = {"alertname": "OcspResponderDown", "host": host, "kind": "ocsp", "severity": WARNING, "job": "stage"}
    world.stage.stop("responder")
    for name in ENDPOINTS[:2]:  # a third failure would make the exporter leave the host alone for a while
        put(world.stage, authority, name)  # of a new certificate nothing is known yet, so that the responder is asked
    await_alerts(world, "", {("OcspResponderDown", WARNING)})
    await_delivery(world, "firing", **of_host)
    assert world.firing("stage") == {"": {("OcspResponderDown", WARNING)}}
    world.stage.responder()
    put(world.stage, authority, "renewed")
    await_alerts(world, "", set())
    await_delivery(world, "resolved", **of_host)


def test_all_that_is_left_is_the_demo(world: World) -> None:
    """Nothing else fired meanwhile, and nothing of what fired for the demo ended."""
    assert world.firing("demo") == DEMO
    assert world.firing("stage") == {}
    assert world.alertmanager.told("resolved", job="demo") == []


def await_alerts(world: World, endpoint: str, expected: set[tuple[str, str]]) -> None:
    """Wait until these alerts fire for an endpoint on the stage, and no others."""
    until(
        lambda: world.firing("stage").get(endpoint, set()) == expected,
        lambda: f"what fires is {world.firing('stage')}",
    )


def await_delivery(world: World, status: str, **labels: str) -> None:
    """Wait for a notification."""
    until(
        lambda: bool(world.alertmanager.told(status, **labels)),
        lambda: f"not delivered: {status} {labels} among {world.alertmanager.delivered[-5:]}",
    )
