"""An exporter whose targets are discovered and whose configuration changes, beside a real Prometheus."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from ocsp_exporter.config import parse_config
from ocsp_exporter.config.target_groups import TargetGroup, read_yaml_groups
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.serving.discovery.sharding import Shard
from tests.peers.daemons import HOST, PATIENCE, find, free_port, until
from tests.peers.exporter import Exporter, running_exporter, started_exporter
from tests.peers.prometheus import running_prometheus
from tests.peers.servers import Site, der, nginx, pem, write

DOCUMENT = Path(__file__).parents[2] / "docs" / "discovery.md"
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", DOCUMENT.read_text(), flags=re.MULTILINE | re.DOTALL)
OURS, LIST, FROM_SD, SHARDED = EXAMPLES

#: The contract, from SIGTERM to the end.
ENDS_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a configuration and a list of targets, and two endpoints, the first of which staples."""

    folder: Path
    good: str
    bare: str

    def configure(self, **more: object) -> Path:
        """Write a configuration that discovers targets in files."""
        module = {"tls_config": {"ca_file": "root.pem"}, "timeout": "5s"}
        discovery = [{"files": ["targets/*.yaml"], "module": "private", "interval": "1h"}]
        content = {"modules": {"private": module}, "file_sd_configs": discovery, **more}
        return write(self.folder / "c.yaml", yaml.safe_dump(content).encode())

    def list_targets(self, *groups: object) -> None:
        """Write the list, in one go."""
        path = write(self.folder / "targets" / "new", yaml.safe_dump(list(groups)).encode())
        path.replace(self.folder / "targets" / "list.yaml")


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[tuple[str, str]]:
    """Serve one endpoint that staples, and one that does not."""
    leaf = authority.leaf(must_staple=True)
    sites = [Site(leaf, authority.answer(leaf)), Site(authority.leaf())]
    with nginx(tmp_path_factory.mktemp("nginx"), sites) as (good, bare):
        yield f"{HOST}:{good}", f"{HOST}:{bare}"


@pytest.fixture
def place(tmp_path: Path, root: Authority, endpoints: tuple[str, str]) -> Place:
    """Return a folder with a configuration, and a list with the first endpoint."""
    (tmp_path / "targets").mkdir()
    write(tmp_path / "root.pem", pem(der(root.certificate)))
    found = Place(tmp_path, *endpoints)
    found.configure()
    found.list_targets({"targets": [found.good], "labels": {"team": "web"}})
    return found


@contextmanager
def exporter_of(place: Place, *options: str) -> Iterator[Exporter]:
    """Run the exporter with the configuration, and expect no error of its own in the log."""
    with running_exporter(place.folder, "serve", "--config.file", "c.yaml", *options) as exporter:
        yield exporter
        assert "Traceback" not in exporter.daemon.log


def series(exporter: Exporter, name: str) -> list[str]:
    """Return the lines of a metric, without what changes from scrape to scrape."""
    return sorted(line for line in exporter.page("/metrics").splitlines() if re.match(rf"{name}[{{ ]", line))


def targets(exporter: Exporter) -> set[str]:
    """Return the targets that have been probed, by their labels."""
    return {line.partition("{")[2].partition("}")[0] for line in series(exporter, "ocsp_probe_success")}


def reload(exporter: Exporter) -> httpx.Response:
    """Ask for a reload."""
    return httpx.post(f"http://{exporter.address}/-/reload", timeout=PATIENCE)


def test_what_is_discovered_is_probed(place: Place) -> None:
    """From the start, and when the list changes; what is gone from it is gone from the page."""
    with exporter_of(place) as exporter:
        good = f'target="{place.good}",module="private",team="web"'
        assert targets(exporter) == {good}
        place.list_targets(
            {"targets": [place.good], "labels": {"team": "web"}},
            {"targets": [place.bare, "not a target"], "labels": {"__param_module": "tls", "job": "no"}},
        )
        both = {good, f'target="{place.bare}",module="tls"'}
        until(lambda: targets(exporter) == both, lambda: f"probed are {targets(exporter)}")
        counted = series(exporter, "ocsp_exporter_discovery_omissions_total")
        assert {line for line in counted if not line.endswith(" 0.0")} == {
            'ocsp_exporter_discovery_omissions_total{discovery="file",reason="invalid_target"} 1.0',
            'ocsp_exporter_discovery_omissions_total{discovery="file",reason="reserved_label"} 1.0',
        }
        write(place.folder / "targets" / "list.yaml", b"- targets: [")
        failed = 'ocsp_exporter_discovery_failures_total{discovery="file"} 1.0'
        until(
            lambda: failed in series(exporter, "ocsp_exporter_discovery_failures_total"),
            lambda: f"nothing failed:\n{exporter.daemon.log}",
        )
        assert targets(exporter) == both
        (place.folder / "targets" / "list.yaml").unlink()
        until(lambda: targets(exporter) == set(), lambda: f"probed are {targets(exporter)}")


@pytest.mark.parametrize("way", ["signal", "request", "file"])
def test_a_reload_keeps_what_stays(place: Place, way: str) -> None:
    """Results and schedule of unchanged targets are as they were; faults change nothing and are told."""
    options = ["--config.enable-auto-reload", "--config.auto-reload-interval", "100ms"] if way == "file" else []

    def load() -> None:
        if way == "signal":
            exporter.daemon.process.send_signal(signal.SIGHUP)
        elif way == "request":
            assert reload(exporter).status_code in {200, 500}

    def successful() -> list[str]:
        return series(exporter, "ocsp_exporter_config_last_reload_successful")

    with exporter_of(place, *options) as exporter:
        obtained = series(exporter, "ocsp_probe_timestamp_seconds")
        place.configure(targets=[{"targets": [place.bare], "module": "tls"}])
        load()
        static = f'target="{place.bare}",module="tls"'
        until(lambda: static in targets(exporter), lambda: f"probed are {targets(exporter)}:\n{exporter.daemon.log}")
        assert set(obtained) < set(series(exporter, "ocsp_probe_timestamp_seconds"))

        place.configure(probes={})
        load()
        until(lambda: successful()[-1].endswith(" 0.0"), lambda: f"a bad file was loaded:\n{exporter.daemon.log}")
        assert static in targets(exporter)
        assert "c.yaml:" in exporter.daemon.log

        place.configure()
        load()
        until(
            lambda: static not in targets(exporter), lambda: f"probed are {targets(exporter)}:\n{exporter.daemon.log}"
        )
        assert successful()[-1].endswith(" 1.0")
        assert series(exporter, "ocsp_probe_timestamp_seconds") == obtained


def test_a_reload_that_comes_during_the_start_is_done_after_it(tmp_path: Path) -> None:
    """A signal that comes while the exporter cannot load anything yet neither ends it nor is lost."""
    targets = [f"127.0.0.1:{port}" for port in range(1, 5000)]
    write(tmp_path / "c.yaml", yaml.safe_dump({"targets": [{"targets": targets, "interval": "1h"}]}).encode())
    command = [sys.executable, "-m", "ocsp_exporter", "--config.file", "c.yaml", "--web.listen-address", f"{HOST}:0"]
    log = tmp_path / "log"
    with log.open("wb") as out, subprocess.Popen(command, cwd=tmp_path, stderr=out) as process:
        try:
            until(lambda: blocks_sighup(process.pid), lambda: "it does not begin")
            process.send_signal(signal.SIGHUP)
            assert "msg=listening" not in log.read_text()
            until(lambda: 'msg="configuration loaded"' in log.read_text(), log.read_text)
        finally:
            process.terminate()


def blocks_sighup(pid: int) -> bool:
    """Tell whether signals of this kind are kept back for a process."""
    [blocked] = re.findall(r"^SigBlk:\s*(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(int(blocked, 16) >> (signal.SIGHUP - 1) & 1)


def test_a_reload_is_answered(place: Place) -> None:
    """With what takes a restart, with the faults, and by GET not at all."""
    with exporter_of(place) as exporter:
        assert reload(exporter).text == "The configuration was loaded.\n"
        place.configure(egress={"follow": "any"}, probe={"concurrency": 3})
        told = "egress has changed: it takes effect when the exporter is started again, and not before."
        assert reload(exporter).text == f"The configuration was loaded.\n{told}\n"
        place.configure(modules={}, probe={"concurrency": 0})
        answer = reload(exporter)
        assert answer.status_code == 500
        first, *faults = answer.text.splitlines()
        assert first == "The configuration has faults, and the running one stays:"
        assert faults[0].startswith('c.yaml:5:3: file_sd_configs[0].module: unknown module "private"; known are tls, ')
        assert faults[1:] == ["c.yaml:8:3: probe.concurrency: expected 1 or more (got 0)"]
        assert httpx.get(f"http://{exporter.address}/-/reload").status_code == 405


def test_a_module_that_changes_is_used_at_once(place: Place) -> None:
    """By the workers, though the next probe is far away, and by /probe."""
    with exporter_of(place) as exporter:
        trusted = f'ocsp_chain_trusted{{target="{place.good}",module="private",team="web"}}'
        assert series(exporter, "ocsp_chain_trusted") == [f"{trusted} 1"]
        place.configure(modules={"private": {"timeout": "5s"}, "new": {}})
        reload(exporter)
        until(
            lambda: series(exporter, "ocsp_chain_trusted") == [f"{trusted} 0"],
            lambda: f"{series(exporter, 'ocsp_chain_trusted')}:\n{exporter.daemon.log}",
        )
        page = exporter.page(f"/probe?target={place.good}&module=new")
        assert f'ocsp_chain_trusted{{target="{place.good}",module="new"}} 0' in page


def test_sigterm_ends_it_whatever_hangs(place: Place) -> None:
    """A source that does not answer keeps it neither from being asked for its pages nor from ending."""
    address = f"{HOST}:{free_port()}"
    options = ["serve", "--config.file", "c.yaml", "--web.listen-address", address]
    with socket.create_server((HOST, 0)) as silent:
        place.configure(http_sd_configs=[{"url": f"http://{HOST}:{silent.getsockname()[1]}/sd"}])
        port = int(address.split(":")[1])
        with started_exporter(place.folder, options, [port], f"http://{address}/-/healthy") as daemon:
            answer = httpx.get(f"http://{address}/-/ready")
            assert answer.status_code == 503
            assert answer.text == "Not ready: files or URLs that list targets have not been read yet.\n"
            daemon.process.send_signal(signal.SIGTERM)
            assert daemon.process.wait(ENDS_WITHIN) == 0


def as_documented(example: str, *replacements: tuple[str, str]) -> str:
    """Return an example with what there is here in place of what it says."""
    for theirs, ours in replacements:
        assert theirs in example
        example = example.replace(theirs, ours)
    return f"global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n{example}"


def test_prometheus_probes_what_it_is_told(place: Place) -> None:
    """With the configuration of the documentation, by http_sd on /sd; the series are the workers', but for `instance`.

    A target that is added is probed, and one that is removed no more.
    """
    place.list_targets(
        {"targets": [place.good], "labels": {"team": "web"}},
        {"targets": [place.bare], "labels": {"__param_module": "tls"}},
    )
    with exporter_of(place) as exporter:
        refresh = f"- url: http://{exporter.address}/sd\n        refresh_interval: 1s"
        configuration = as_documented(
            FROM_SD,
            ("- url: http://localhost:10960/sd", refresh),
            ("replacement: localhost:10960", f"replacement: {exporter.address}"),
        )
        with running_prometheus(place.folder, configuration) as prometheus:
            expected = {(place.good, "private", "web"), (place.bare, "tls", "")}

            def probed() -> set[tuple[str, ...]]:
                found = [labels for labels, value in prometheus.query("ocsp_probe_success") if value == 1]
                assert all(labels["instance"] == labels["target"] for labels in found)
                return {tuple(labels.get(name, "") for name in ("target", "module", "team")) for labels in found}

            until(lambda: probed() == expected, lambda: f"Prometheus got {probed()}: {prometheus.last_errors()}")
            place.list_targets({"targets": [place.bare], "labels": {"__param_module": "tls", "team": "new"}})
            moved = {(place.bare, "tls", "new")}
            until(lambda: probed() == moved, lambda: f"Prometheus got {probed()}: {prometheus.last_errors()}")


def test_prometheus_takes_the_document(place: Place) -> None:
    """Promtool finds in /sd what is in the list, and the labels that relabelling makes of it."""
    place.list_targets({"targets": [place.good, place.bare], "labels": {"team": 'a "b" ä', "area": "x"}})
    with exporter_of(place) as exporter:
        configuration = as_documented(FROM_SD, ("localhost:10960", exporter.address))
        found = discovered(place.folder, configuration)
    assert {each["__param_target"] for each in found} == {place.good, place.bare}
    for each in found:
        assert (each["instance"], each["__address__"]) == (each["__param_target"], exporter.address)
        assert (each["__param_module"], each["team"], each["area"]) == ("private", 'a "b" ä', "x")


def discovered(folder: Path, configuration: str) -> list[dict[str, str]]:
    """Return the labels of the targets that promtool finds for the job ocsp_probe."""
    path = write(folder / "prometheus.yml", configuration.encode())
    command = [find("promtool"), "check", "service-discovery", "--timeout=2s", str(path), "ocsp_probe"]
    checked = subprocess.run(command, text=True, capture_output=True, check=True, timeout=PATIENCE)
    return [each["labels"] for each in json.loads(checked.stdout)]


def test_shards_are_those_of_prometheus(tmp_path: Path) -> None:
    """The documented relabelling sends each target to the exporter in whose shard it is."""
    names = [
        "example.org",
        "mail.example.org:465",
        "smtp://mx.example.org:25/path?a=b",
        "[2001:db8::1]:443",
        "bücher.example",
    ]
    names += [f"host-{number}.example.org:443" for number in range(60)]
    configuration = as_documented(SHARDED, ('[example.org, "mail.example.org:465"]', json.dumps(names)))
    found = {each["__param_target"]: each["__address__"] for each in discovered(tmp_path, configuration)}
    shards = {name: [index for index in range(3) if Shard(index, 3).has(name)] for name in names}
    assert {name: [f"ocsp-exporter-{index}:10960" for index in held] for name, held in shards.items()} == {
        name: [address] for name, address in found.items()
    }
    assert {index for held in shards.values() for index in held} == {0, 1, 2}


def test_exporters_share_the_targets(place: Place) -> None:
    """Each target of the list is probed by one of them."""
    names = [f"{HOST}:{port}" for port in range(1, 21)]
    place.list_targets({"targets": names})
    held = []
    for index in range(2):
        with exporter_of(place, "--shard", f"{index}/2") as exporter:
            held.append({group for each in json.loads(exporter.page("/sd")) for group in each["targets"]})
            assert len(targets(exporter)) == len(held[-1])
    assert held == [{name for name in names if Shard(index, 2).has(name)} for index in range(2)]


def test_the_examples_are_what_they_say(tmp_path: Path, root: Authority) -> None:
    """The configuration and the list of the documentation are valid."""
    write(tmp_path / "ca.pem", pem(der(root.certificate)))
    write(tmp_path / "inventory-password", b"secret\n")
    config = parse_config(OURS, "discovery.md", tmp_path)
    assert [each.refresh_interval for each in config.file_discoveries] == [300.0]
    assert [each.refresh_interval for each in config.http_discoveries] == [300.0]
    assert read_yaml_groups(LIST, "discovery.md") == (
        TargetGroup(("example.org", "www.example.org:8443"), (("team", "web"),)),
        TargetGroup(("smtp://mx.example.org",), (("__scrape_interval__", "5m"), ("team", "mail"))),
        TargetGroup(("intranet.example.org",), (("__meta_datacenter", "fra"), ("__param_module", "private"))),
    )
