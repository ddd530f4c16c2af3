"""What docs/nats.md shows can be used; what it says of the server is held by tests/peers/test_nats.py."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.config import BUILT_IN_MODULES, parse_config
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.metrics import METRICS
from ocsp_exporter.model import ProberKind, StaplePolicy, StartTLS

PAGE = (Path(__file__).parents[2] / "docs/nats.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_metric_and_module_it_names_exists() -> None:
    """No metric and no module is named that is not there."""
    assert set(re.findall(r"\bocsp_[a-z_]+", PAGE)) <= {metric.name for metric in METRICS}
    _, table = PAGE.split("| module | staples |\n")
    named = {row.split("|")[3].strip(" `") for row in table.split("\n\n")[0].splitlines()}
    assert named == {"---", "nats", "tls", "nats-auto", "nats-leafnode"}
    assert named - {"---"} <= set(BUILT_IN_MODULES)


def test_its_configurations_are_valid(tmp_path: Path) -> None:
    """All configurations are ones, and mean what the page says."""
    ca = tmp_path / "ca.pem"
    ca.write_bytes(Authority.root(0).certificate.public_bytes(Encoding.PEM))
    built_in, private, files = (
        parse_config(block.replace("/etc/nats/ca.pem", str(ca)), "nats.md", tmp_path)
        for block in BLOCKS
        if "targets:" in block
    )
    assert [(each.target.port, each.target.starttls) for each in built_in.targets] == [
        *[(4222, StartTLS.NATS)] * 3,
        (7422, None),
    ]
    assert built_in.targets[3].module == BUILT_IN_MODULES["nats-leafnode"]
    assert [(each.target.port, each.module.starttls) for each in private.targets] == [(4222, StartTLS.NATS)] * 2
    assert private.targets[0].module.staple.policy is StaplePolicy.MUST
    assert [(each.target.location, each.module.prober) for each in files.targets] == [
        ("/var/lib/nats/ocsp/*", ProberKind.FILE)
    ]


def test_prometheus_takes_its_alerts(tmp_path: Path) -> None:
    """The alerts pass `promtool check rules`."""
    promtool = shutil.which("promtool") or ""
    if not promtool:
        missing = pytest.fail if os.environ.get("OCSP_EXPORTER_REQUIRE_PEERS") == "1" else pytest.skip
        missing("promtool (Debian package prometheus) is not installed")
    [rules] = [block for block in BLOCKS if "groups" in yaml.safe_load(block)]
    (tmp_path / "rules.yml").write_text(rules)
    done = subprocess.run(
        [promtool, "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
