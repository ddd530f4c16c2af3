"""The examples of docs/operations.md, and of the pages about operating to which it leads: each is run by a test."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import Reason, Status
from tests.peers.daemons import HOST, PATIENCE, find, until
from tests.peers.exporter import Exporter, running_exporter
from tests.peers.servers import Site, der, nginx, pem, write

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"
HERE = "peers/test_operations_page.py"

#: The test of each example, in the order of the page. Every function named runs what stands there, not a copy of it.
EXAMPLES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "operations.md": (("sh", HERE, "test_its_commands_work"),) * 6,
    "command-line.md": (
        ("yaml", "unit/test_command_line_page.py", "test_its_configuration_is_valid"),
        ("", HERE, "test_a_change_is_logged_as_shown"),
        ("nginx", "peers/test_reverse_proxy.py", "test_every_link_leads_somewhere"),
        ("sh", HERE, "test_a_report_as_json_is_read_as_shown"),
        ("", HERE, "test_a_report_as_json_is_read_as_shown"),
    ),
    "discovery.md": (
        ("yaml", "peers/test_discovery.py", "test_the_examples_are_what_they_say"),
        ("yaml", "peers/test_discovery.py", "test_the_examples_are_what_they_say"),
        ("yaml", "peers/test_discovery.py", "test_prometheus_probes_what_it_is_told"),
        ("sh", HERE, "test_its_commands_work"),
        ("sh", HERE, "test_shards_are_told_as_shown"),
        ("yaml", "peers/test_discovery.py", "test_shards_are_those_of_prometheus"),
    ),
    "web-configuration.md": (("yaml", "peers/test_web_config.py", "test_the_examples_of_the_documentation_work"),) * 2,
    "pages.md": (("sh", HERE, "test_a_staple_is_shown_as_the_page_says"), ("sh", HERE, "test_its_commands_work")),
}


@dataclass(frozen=True, slots=True)
class Place:
    """An exporter with a good endpoint and a revoked one, in a folder with its configuration."""

    exporter: Exporter
    folder: Path
    good: str
    revoked: str

    def run(self, commands: str) -> str:
        """Run commands as somebody would who types them, except that the first that fails is the last."""
        commands = commands.replace("localhost:10960", self.exporter.address).replace("example.org", self.good)
        folders = {str(Path(find(each)).parent) for each in ("bash", "curl", "jq", "openssl", "grep")}
        done = subprocess.run(
            [find("bash"), "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env={"PATH": os.pathsep.join([str(Path(sys.executable).parent), *folders]), "HOME": str(self.folder)},
            text=True,
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def blocks(page: str) -> list[tuple[str, str]]:
    """Return the language and the text of each example of a page."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


def of_test(page: str, test: str) -> list[str]:
    """Return the examples of a page that one of the tests here runs."""
    return [text for (_, text), row in zip(blocks(page), EXAMPLES[page], strict=True) if row[1:] == (HERE, test)]


COMMANDS = [(page, each) for page in EXAMPLES for each in of_test(page, "test_its_commands_work")]


@contextmanager
def staged(folder: Path, root: Authority, authority: Authority) -> Iterator[Place]:
    """Run two endpoints, and an exporter that watches them."""
    good, revoked = authority.leaf(), authority.leaf()
    since = time.time() - 3 * 86400
    staple = authority.answer(revoked, status=Status.REVOKED, revocation_time=since, reason=Reason.KEY_COMPROMISE)
    write(folder / "copy.ocsp", staple)
    write(folder / "root.pem", pem(der(root.certificate)))
    with nginx(folder, [Site(good, authority.answer(good)), Site(revoked, staple)]) as ports:
        first, second = (f"{HOST}:{port}" for port in ports)
        modules = {"tls": {"tls_config": {"ca_file": "root.pem"}}}
        config = {"modules": modules, "targets": [{"targets": [first, second], "interval": "1s"}]}
        write(folder / "ocsp.yaml", json.dumps(config).encode())
        with running_exporter(folder, "serve", "--config.file", "ocsp.yaml") as exporter:
            yield Place(exporter, folder, first, second)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, root: Authority, authority: Authority) -> Iterator[Place]:
    """Run what the examples are about."""
    with staged(tmp_path_factory.mktemp("operations"), root, authority) as found:
        yield found


@pytest.mark.parametrize("page", EXAMPLES)
def test_every_example_is_run_by_a_test(page: str) -> None:
    """There is a test for each, which there is, and the table has no more than the page."""
    assert [language for language, _ in blocks(page)] == [language for language, _, _ in EXAMPLES[page]]
    for _, file, test in EXAMPLES[page]:
        assert re.search(rf"^(async )?def {test}\(", (TESTS / file).read_text(), re.MULTILINE), (file, test)


@pytest.mark.parametrize(("page", "commands"), COMMANDS, ids=[f"{page}: {text.split()[0]}" for page, text in COMMANDS])
def test_its_commands_work(place: Place, page: str, commands: str) -> None:
    """Each of them ends with 0, and says something."""
    assert place.run(commands), page


def test_a_fault_is_told_of_and_changes_nothing(place: Place) -> None:
    """The twin of those above: with a faulty configuration the commands that look for faults fail."""
    config = place.folder / "ocsp.yaml"
    good = config.read_bytes()
    commands = [each for page, each in COMMANDS if page == "operations.md"]
    faulty = [each for each in commands if "--config.check" in each or "/-/reload" in each]
    faulty += [each for each in commands if "reload_successful" in each]
    assert len(faulty) == 3
    write(config, b"targets: {}\n")
    for each in faulty:
        with pytest.raises(AssertionError):
            place.run(each)
    write(config, good)
    for each in faulty:
        place.run(each)


def test_shards_are_told_as_shown(place: Place) -> None:
    """Three exporters with the command of the page share the targets."""
    [example] = of_test("discovery.md", "test_shards_are_told_as_shown")
    executable, *arguments = shlex.split(example)
    assert (executable, arguments[-1]) == ("ocsp-exporter", "0/3")
    held = set[str]()
    for index in range(3):
        with running_exporter(place.folder, *arguments[:-1], f"{index}/3") as exporter:
            [group] = json.loads(exporter.page("/sd")) or [{"targets": []}]
            assert not held & set(group["targets"])
            held |= set(group["targets"])
    assert held == {place.good, place.revoked}


def test_a_report_as_json_is_read_as_shown(place: Place) -> None:
    """The command prints what stands below it, with other dates."""
    command, printed = of_test("command-line.md", "test_a_report_as_json_is_read_as_shown")
    assert "ocsp-exporter probe " in command
    # The exit code is that of a revoked certificate, and pipefail would have it.
    command = "set +o pipefail\n" + command.replace("probe ", "probe --config.file ocsp.yaml ")
    assert undated(place.run(command.replace("127.0.0.1:10965", place.revoked))) == undated(printed)


def test_a_staple_is_shown_as_the_page_says(place: Place) -> None:
    """What is downloaded is a response that the command understands."""
    [command] = of_test("pages.md", "test_a_staple_is_shown_as_the_page_says")
    file = re.findall(r"-respin (\S+)", command)[0].replace("example.org", place.good)
    place.run(f"curl -fsS -o {file} 'http://localhost:10960/evidence.der?target=example.org&source=staple'")
    assert "Cert Status: good" in place.run(command)


def test_a_change_is_logged_as_shown(tmp_path: Path, root: Authority, authority: Authority) -> None:
    """With the same keys in the same order, of a target that changes."""
    [example] = of_test("command-line.md", "test_a_change_is_logged_as_shown")
    with staged(tmp_path, root, authority) as found:
        config = found.folder / "ocsp.yaml"
        copy = b'"staple": {"file": "copy.ocsp"}, "tls_config"'
        write(config, config.read_bytes().replace(b'"tls_config"', copy))
        os.kill(found.exporter.daemon.process.pid, signal.SIGHUP)
        until(lambda: " before=" in found.exporter.daemon.log, lambda: "no change was logged")
        [line, *_] = [each for each in found.exporter.daemon.log.splitlines() if " before=" in each]
    assert keys(line) == keys(example)


def keys(line: str) -> list[str]:
    """Return the keys of a line in logfmt."""
    return re.findall(r"(\w+)=", re.sub(r'"[^"]*"', "", line))


def undated(text: str) -> str:
    """Return a text in which all dates and times are the same."""
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "DATE", text)
