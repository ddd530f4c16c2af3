"""The example of a unit, judged by systemd's own tools, and the exporter on sockets that another of them passes."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.peers.daemons import HOST, PATIENCE, find, free_port, run
from tests.peers.servers import write

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "ocsp-exporter.service"
EXECUTABLE = "/opt/ocsp_exporter/bin/ocsp-exporter"
OURS = [sys.executable, "-W", "error", "-m", "ocsp_exporter"]


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Ask systemd-analyze, which needs no systemd that runs."""
    command = [find("systemd-analyze"), "--no-pager", *arguments]
    return subprocess.run(command, text=True, capture_output=True, check=False, timeout=PATIENCE)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Return the unit with an executable that there is here."""
    text = UNIT.read_text()
    assert EXECUTABLE in text
    return write(tmp_path / UNIT.name, text.replace(EXECUTABLE, sys.executable).encode())


def test_systemd_has_nothing_to_say_about_the_unit(unit: Path) -> None:
    """All keys are known to it; the bad twin has one that is not."""
    good = analyze("verify", str(unit))
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    write(unit, unit.read_bytes().replace(b"[Service]\n", b"[Service]\nWatchdog=60s\n"))
    assert "'Watchdog' in section" in analyze("verify", str(unit)).stderr


def test_the_unit_lets_the_service_do_little(unit: Path) -> None:
    """Its exposure is 1.5 of 10 at most; without its restrictions it is not."""
    judged = analyze("security", "--offline=true", "--threshold=15", str(unit))
    assert judged.returncode == 0, judged.stdout
    loose = re.sub(r"(?m)^(DynamicUser|Private|Protect|Restrict|SystemCall).*\n", "", unit.read_text())
    write(unit, loose.encode())
    assert analyze("security", "--offline=true", "--threshold=15", str(unit)).returncode != 0


def test_the_unit_starts_the_exporter_as_it_wants_to_be_started() -> None:
    """Its command is one that the exporter takes, and what is set in ARGS is added."""
    [command] = re.findall(r"(?m)^ExecStart=(.*)$", UNIT.read_text())
    executable, *arguments = shlex.split(command)
    assert executable == EXECUTABLE
    ours = {"--config.file=/etc/ocsp_exporter/ocsp_exporter.yaml": "--config.file=config.example.yaml"}
    arguments = ["--config.check" if each == "$ARGS" else ours.get(each, each) for each in arguments]
    assert {"--config.check", *ours.values()} <= set(arguments)
    done = subprocess.run([*OURS, *arguments], cwd=ROOT, text=True, capture_output=True, check=False, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_is_started_by_its_first_client(tmp_path: Path) -> None:
    """With systemd-socket-activate, which listens before the exporter is there, nobody is turned away."""
    ports = [free_port(), free_port()]
    listen = [f"--listen={HOST}:{port}" for port in ports]
    command = [find("systemd-socket-activate"), *listen, *OURS, "--web.systemd-socket"]
    with run(command, tmp_path, ports[:1], ready="Listening on"):
        answers = [httpx.get(f"http://{HOST}:{port}/-/ready", timeout=PATIENCE) for port in ports]
    assert [answer.status_code for answer in answers] == [200, 200]
