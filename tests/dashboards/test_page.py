"""docs/dashboards.md says what is so."""

import re
from pathlib import Path

import yaml

from ocsp_exporter.metrics import METRICS
from tests.dashboards.reading import NAMES, panels, read, variables

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "dashboards.md").read_text()
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]


def test_every_dashboard_is_in_its_table() -> None:
    """With the uid by which links find it."""
    rows = re.findall(r"^\| \[(.+?)\]\(#(.+?)\) \| `(.+?)` \|", PAGE, re.MULTILINE)
    assert rows == [(title, title.lower().replace(" ", "-"), name) for name in NAMES for title in [read(name)["title"]]]


def test_every_panel_is_explained() -> None:
    """By what its description says."""
    for name in NAMES:
        for panel in panels(read(name)):
            assert f"- **{panel['title']}.** {panel['description']}\n" in PAGE


def test_every_variable_is_explained() -> None:
    """Each that is shown has its row."""
    rows = " ".join(re.findall(r"^\| ([\w, ]+) \|", PAGE, re.MULTILINE))
    for name in NAMES:
        for variable in variables(read(name)):
            assert variable.get("hide") == 2 or variable["label"].removesuffix(" (regex)") in rows


def test_the_examples_fit_each_other() -> None:
    """Grafana is told to look where the command writes."""
    provider, source = EXAMPLES
    [folder] = re.findall(r"docs dashboards --write (\S+)", PAGE)
    assert provider["providers"][0]["options"]["path"] == f"{folder}/grafana"
    assert source["datasources"][0]["type"] == "prometheus"


def test_its_metrics_exist_and_its_links_lead_somewhere() -> None:
    """Nothing is named that there is not."""
    assert set(re.findall(r"`(ocsp_[a-z_]+)`", PAGE)) <= {metric.name for metric in METRICS}
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGE):
        assert (ROOT / "docs" / link).exists(), link
