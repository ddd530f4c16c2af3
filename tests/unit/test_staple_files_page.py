"""What docs/staple-files.md shows can be used; what it says of servers is held by tests/peers/test_staple_files.py."""

import re
from pathlib import Path

from ocsp_exporter.config import parse_config
from ocsp_exporter.metrics import METRICS
from ocsp_exporter.model import ProberKind, Target

FOLDER = Path(__file__).parents[2] / "docs"
PAGE = (FOLDER / "staple-files.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_metric_it_names_exists() -> None:
    """No metric is named that is not there."""
    assert set(re.findall(r"\bocsp_[a-z_]+", PAGE)) <= {metric.name for metric in METRICS}


def test_its_configurations_are_valid() -> None:
    """Both configurations are ones, and mean what the page says."""
    files, copy = (
        parse_config(block, "staple-files.md", Path("/nonexistent")) for block in BLOCKS if "targets:" in block
    )
    [watched], [compared] = files.targets, copy.targets
    assert watched.target == Target("/etc/haproxy/certs/*.ocsp", "", 0, location="/etc/haproxy/certs/*.ocsp")
    assert (watched.module.prober, watched.module.certificates) == (ProberKind.FILE, ("/etc/haproxy/certs/*.pem",))
    assert compared.module.staple.file == "/etc/haproxy/certs/www.example.org.pem.ocsp"


def test_its_links_lead_somewhere() -> None:
    """Each page that it names is there."""
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGE):
        assert (FOLDER / link).exists(), link
