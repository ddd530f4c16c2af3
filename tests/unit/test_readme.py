"""What the README shows is so."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ocsp_exporter.config import parse_config
from ocsp_exporter.metrics import METRICS
from ocsp_exporter.serving.instruments import OWN_METRICS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def _blocks_with(key: str) -> list[str]:
    blocks = [block for block in BLOCKS if block.startswith(f"{key}:")]
    assert blocks
    return blocks


def _promtool(arguments: list[str], text: str, folder: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (Debian package prometheus) is not installed")
    file = folder / "block.yml"
    file.write_text(text)
    done = subprocess.run([promtool, *arguments, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_it_names_exists() -> None:
    """No metric is named that the exporter does not publish, in the table or in an expression."""
    published = {metric.name for metric in METRICS} | {metric.name for metric in OWN_METRICS}
    jobs_and_ourselves = {"ocsp_exporter", "ocsp_probe"}
    assert set(re.findall(r"\bocsp_[a-z_]+", README)) - jobs_and_ourselves <= published


def test_every_link_leads_somewhere() -> None:
    """Each link within the project leads to a file that is there."""
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", README):
        assert link.startswith("http") or (ROOT / link).exists(), link


def test_its_configuration_is_valid() -> None:
    """The exporter's configuration is one."""
    (block,) = _blocks_with("targets")
    config = parse_config(block, "README.md", ROOT)
    assert [target.target.name for target in config.targets] == [
        "example.org",
        "mail.example.org:465",
        "smtp://mail.example.org",
        "nats://nats.example.net",
    ]


def test_prometheus_takes_its_scrape_configs(tmp_path: Path) -> None:
    """Both scrape configurations pass `promtool check config`."""
    for block in _blocks_with("scrape_configs"):
        _promtool(["check", "config"], block, tmp_path)


def test_prometheus_takes_its_alerts(tmp_path: Path) -> None:
    """The alerts pass `promtool check rules`."""
    (block,) = _blocks_with("groups")
    _promtool(["check", "rules"], block, tmp_path)
