"""What the README shows is so; what Prometheus says to its examples is tested beside it."""

import re
from pathlib import Path

import pytest

from ocsp_exporter.config import ConfigError, parse_config
from ocsp_exporter.config.web import parse_web_config, read_web_document
from ocsp_exporter.metrics import METRICS
from ocsp_exporter.serving.own_metrics import OWN_METRICS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


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
    (block,) = (block for block in BLOCKS if block.startswith("targets:"))
    config = parse_config(block, "README.md", ROOT)
    assert [target.target.name for target in config.targets] == [
        "example.org",
        "mail.example.org:465",
        "smtp://mail.example.org",
        "nats://nats.example.net",
    ]


def test_its_discovery_is_valid() -> None:
    """So is the one that discovers targets."""
    (block,) = (block for block in BLOCKS if block.startswith("file_sd_configs:"))
    config = parse_config(block, "README.md", ROOT)
    assert (len(config.file_discoveries), len(config.http_discoveries)) == (1, 1)


def test_its_web_configuration_is_valid() -> None:
    """But for the files that it names, which are not here, there is nothing to be said against it."""
    (block,) = (block for block in BLOCKS if block.startswith("tls_server_config:"))
    with pytest.raises(ConfigError) as caught:
        parse_web_config(read_web_document(block, "web.yml"), ROOT)
    assert [fault.path for fault in caught.value.faults] == [
        "tls_server_config.cert_file",
        "tls_server_config.key_file",
    ]
