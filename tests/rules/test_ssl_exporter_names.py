"""The old names of ssl_exporter, and the alerts that people have for them."""

import json
import re
from pathlib import Path

from ocsp_exporter.metrics import METRICS
from tests.rules.promtool import Expectation, Story, Subject, run
from tests.rules.rule_file import FOLDER, NAMES, read
from tests.rules.series import HEALTHY, NOT_APPLICABLE, Series, status

NEW_NAMES = FOLDER / "ssl_exporter_names.yaml"
MIGRATION = (Path(__file__).parents[2] / "docs/migration.md").read_text()

#: What is widely copied for ssl_exporter, in its own spelling.
COPIED = {
    "SslCertificateRevoked": "ssl_ocsp_response_status == 1",
    "SslCertificateOscpStatusUnknown": "ssl_ocsp_response_status == 2",
}

REVOKED: Series = {
    **HEALTHY,
    **status("staple", "revoked"),
    'ocsp_revocation_timestamp_seconds{source="staple", depth="0", reason="superseded"}': 900_000,
}
UNKNOWN: Series = {**HEALTHY, **status("staple", "unknown")}
FORGED: Series = {**HEALTHY, **status("staple", "invalid")}
TARGETS = {"good": HEALTHY, "revoked": REVOKED, "unknown": UNKNOWN, "forged": FORGED, "private": NOT_APPLICABLE}


def subjects() -> list[Subject]:
    """Return targets in some states, by their names."""
    return [
        Subject({"job": "ocsp", "instance": name, "target": name, "module": "tls", "team": "web"}, [(series, 30)])
        for name, series in TARGETS.items()
    ]


def shows(name: str, values: dict[str, float]) -> Expectation:
    """Expect these values of a metric for these targets, with the labels of users, and none for others."""
    labels = {"__name__": name, "job": "ocsp", "module": "tls", "team": "web"}
    found = [({**labels, "instance": target, "target": target}, value) for target, value in values.items()]
    return Expectation(20, name, found)


def test_the_old_names_say_what_they_said(tmp_path: Path) -> None:
    """0, 1 and 2 mean what they meant, but nothing is said where there is nothing to say."""
    produced = dict.fromkeys(("good", "revoked", "unknown", "forged"), 1_000_000.0)
    expectations = [
        shows("ssl_ocsp_response_stapled", {"good": 1, "revoked": 1, "unknown": 1, "forged": 1, "private": 0}),
        shows("ssl_ocsp_response_status", {"good": 0, "revoked": 1, "unknown": 2}),
        shows("ssl_ocsp_response_produced_at", produced),
        shows("ssl_ocsp_response_this_update", produced),
        shows("ssl_ocsp_response_next_update", dict.fromkeys(produced, 1_604_800.0)),
        shows("ssl_ocsp_response_revoked_at", {"revoked": 900_000}),
    ]
    assert run(tmp_path, [Story("names", subjects(), expectations)], NAMES[0], NEW_NAMES) == ""
    assert {expectation.expr for expectation in expectations} == {rule.name for rule in read(NEW_NAMES)}


def test_the_alerts_that_people_have_go_on(tmp_path: Path) -> None:
    """They fire for the same targets, and for no others."""
    path = tmp_path / "copied.yaml"
    rules = [{"alert": name, "expr": expr, "labels": {"severity": "warning"}} for name, expr in COPIED.items()]
    path.write_text(json.dumps({"groups": [{"name": "copied", "rules": rules}]}))
    about = {"__name__": "ALERTS", "alertstate": "firing", "severity": "warning", "job": "ocsp", "module": "tls"}
    found = [
        ({**about, "team": "web", "alertname": name, "target": target, "instance": target}, 1.0)
        for name, target in (("SslCertificateRevoked", "revoked"), ("SslCertificateOscpStatusUnknown", "unknown"))
    ]
    expectation = Expectation(20, 'ALERTS{alertname=~"Ssl.*"}', found)
    assert run(tmp_path, [Story("copied", subjects(), [expectation])], NAMES[0], NEW_NAMES, path) == ""


def test_the_page_names_what_there_is() -> None:
    """Every metric of ours and every alert on it exists; every old name has its row, every copied alert is there."""
    assert set(re.findall(r"\bocsp_[a-z_]+", MIGRATION)) - {"ocsp_exporter"} <= {metric.name for metric in METRICS}
    assert set(re.findall(r"runbooks/(\w+)\.md", MIGRATION)) <= set(NAMES)
    assert {rule.name for rule in read(NEW_NAMES)} <= set(re.findall(r"\bssl_[a-z_]+", MIGRATION))
    for name, expr in COPIED.items():
        assert f"| `{name}`" in MIGRATION
        assert f"`{expr}`" in MIGRATION
