"""The commands of the runbooks work: run as they stand, against the demo, Prometheus and Alertmanager."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import yaml

from tests.peers.alertmanager import running_alertmanager
from tests.peers.daemons import PATIENCE, find, until
from tests.peers.exporter import running_exporter
from tests.peers.prometheus import running_prometheus
from tests.rules.rule_file import NAMES, RULES

RUNBOOKS = Path(__file__).parents[2] / "docs/runbooks"

#: These are about a responder that is watched by itself, whose URL is the target.
ABOUT_RESPONDERS = {"OcspResponderSlow", "OcspResponderNotConforming", "OcspResponderClockSkewed"}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Run everything, and return what the runbooks want to have said before the commands."""
    folder = tmp_path_factory.mktemp("runbooks")
    with ExitStack() as running:
        demo = running.enter_context(running_exporter(folder, "demo"))
        alertmanager = running.enter_context(running_alertmanager(folder, []))
        scraping = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": "demo", "static_configs": [{"targets": [demo.address]}]}],
        }
        prometheus = running.enter_context(running_prometheus(folder, yaml.safe_dump(scraping)))
        query = 'ocsp_probe_success{endpoint="must-staple-good"}'
        until(lambda: bool(prometheus.query(query)), lambda: "Prometheus has not scraped the demo")
        [(labels, _)] = prometheus.query(query)
        config = folder / "config.yaml"
        config.write_text("targets: []\n")
        yield {
            "EXPORTER": f"http://{demo.address}",
            "PROMETHEUS": prometheus.url,
            "ALERTMANAGER": alertmanager.url,
            "CONFIG": str(config),
            "TARGET": labels["target"],
            "MODULE": labels["module"],
            "AUTHORITY": "127.0.0.1",
            "RESPONDER_ID": "CN=ocsp_exporter demo CA",
            "INSTANCE": demo.address,
            "ROOT": re.findall(r"lab root +(\S+)", demo.daemon.log_file.read_text())[0],
        }


def blocks(page: str) -> list[str]:
    """Return the blocks of commands of a page."""
    return re.findall(r"^```sh\n(.*?)^```$", (RUNBOOKS / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)


def run(commands: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Run commands as somebody would who types them, except that the first that fails is the last."""
    path = os.pathsep.join([str(Path(sys.executable).parent), *map(str, {Path(find(each)).parent for each in TOOLS})])
    done = subprocess.run(
        [find("bash"), "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={**environment, "PATH": path, "HOME": str(folder)},
        text=True,
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout


TOOLS = ("openssl", "curl", "promtool", "amtool", "bash", "awk")


def test_what_stands_before_the_commands(tmp_path: Path, environment: Mapping[str, str]) -> None:
    """The README gets chain, answer and CRL, and verifies what it got."""
    said, fetched, verified = blocks("README")
    assert set(re.findall(r"(\w+)=", said)) - {"CN", "CERTIFICATE", "ISSUER"} == set(environment) - {"ROOT"}
    out = run(fetched, tmp_path, environment)
    assert "Cert Status: good" in out
    assert "nextUpdate=" in out
    (tmp_path / "root.pem").write_bytes(httpx.get(environment["ROOT"]).content)
    assert "chain-1.pem: good" in run(verified, tmp_path, environment)


@pytest.mark.parametrize("name", NAMES)
def test_its_commands_work(tmp_path: Path, environment: Mapping[str, str], name: str) -> None:
    """None of them fails, and the last one silences the alert."""
    if name in ABOUT_RESPONDERS:
        environment = about_a_responder(tmp_path, environment)
    by_hand, silencing = blocks(name)
    run(by_hand, tmp_path, environment)
    number = run(silencing, tmp_path, environment).strip()
    silence = httpx.get(f"{environment['ALERTMANAGER']}/api/v2/silence/{number}").raise_for_status().json()
    matched = {each["name"]: each["value"] for each in silence["matchers"]}
    assert matched.pop("alertname") == name
    assert len(matched) == 1
    assert set(matched.values()) <= set(environment.values())


def about_a_responder(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which the target is the URL of the demo's responder, with the files that it takes."""
    run(blocks("README")[1], folder, environment)
    url = run("openssl x509 -noout -ocsp_uri -in chain-1.pem", folder, environment).strip()
    return {**environment, "TARGET": url, "CERTIFICATE": "chain-1.pem", "ISSUER": "chain-2.pem"}
