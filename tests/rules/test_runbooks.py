"""Each alert has its runbook, and all are made alike; that their commands work is tested in tests/peers."""

import re
from pathlib import Path

import pytest

from ocsp_exporter.model import Check
from tests.rules.rule_file import ALERTS, NAMES

RUNBOOKS = Path(__file__).parents[2] / "docs/runbooks"
PAGES = sorted(RUNBOOKS.glob("*.md"))

HEADINGS = ["Meaning", "Impact", "See it by hand", "Causes", "Fix", "Silence"]
SERVERS = ["nginx", "Apache", "HAProxy", "Caddy", "Envoy", "NATS", "IIS"]
#: Endpoint alerts with other causes than servers have.
WITHOUT_SERVERS = {"OcspProbeNotScraped"}

for_each_alert = pytest.mark.parametrize("name", NAMES)


def test_each_alert_has_its_runbook() -> None:
    """And each runbook its alert; the page beside them says what they have in common."""
    assert {path.stem for path in PAGES} - {"README"} == set(NAMES)


@for_each_alert
def test_a_runbook_has_its_parts(name: str) -> None:
    """It says the same things as all others, in the same order, under the alert's name and with its severities."""
    page = (RUNBOOKS / f"{name}.md").read_text()
    assert page.startswith(f"# {name}\n\nSeverity: ")
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == HEADINGS
    told = page.partition("\n## ")[0]
    assert {rule.severity for rule in ALERTS if rule.name == name} == set(re.findall(r"\b(critical|warning)\b", told))
    parts = re.split(r"^## .*$", page, flags=re.MULTILINE)
    assert all(part.strip() for part in parts)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT_SERVERS])
def test_what_servers_do_is_told_of_each(name: str) -> None:
    """A runbook about endpoints tells of each of the servers, in one order; about authorities none need be told of."""
    rows = re.findall(r"^\| (\S+) \|", (RUNBOOKS / f"{name}.md").read_text(), re.MULTILINE)
    named = [row for row in rows if row in SERVERS]
    about_endpoints = {rule.name for rule in ALERTS if rule.group == "ocsp-endpoints"}
    assert named == SERVERS or (name not in about_endpoints and named == [])


@for_each_alert
def test_it_is_silenced_by_its_own_name_and_a_label_that_it_has(name: str) -> None:
    """The last command is a silence for this alert alone."""
    page = (RUNBOOKS / f"{name}.md").read_text()
    [(alert, label)] = re.findall(r'alertname=(\S+) (\w+)="\$\w+"', page)
    assert alert == name
    assert label in {"target", "host", "instance", "responder_id"}


def test_every_rule_for_responders_is_told_of() -> None:
    """Who is concerned by a rule that is broken is told of each that the exporter looks at."""
    page = (RUNBOOKS / "OcspResponderNotConforming.md").read_text()
    _, table = page.split("| check | who fails |\n")
    told = [check for row in table.split("\n\n")[0].splitlines() for check in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(told) == sorted(Check)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_its_links_lead_somewhere(page: Path) -> None:
    """Each link leads to a page that is there, and to a heading that it has."""
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = page.parent / path
        assert target.is_file(), link
        headings = {_anchor(text) for text in re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)}
        assert not anchor or anchor in headings, link


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
