"""A real Prometheus scrapes the exporter in both ways, and its API is asked for what it got."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import Reason, Status
from tests.peers.daemons import HOST, PATIENCE, find, free_port, until
from tests.peers.exporter import Exporter, running_exporter
from tests.peers.prometheus import Prometheus, running_prometheus
from tests.peers.servers import Site, der, nginx, pem, write
from tests.rules.rule_file import RULES

DAY = 24 * 3600

README = Path(__file__).parents[2] / "README.md"

#: Prometheus's jobs in the README: the exporter's own schedule, and Prometheus's.
JOBS = ("ocsp_exporter", "ocsp_probe")
for_each_job = pytest.mark.parametrize("job", JOBS)


def readme(key: str) -> list[str]:
    """Return the examples in YAML of the README that have a key at their top."""
    examples = re.findall(r"^```yaml\n(.*?)^```$", README.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [example for example in examples if key in yaml.safe_load(example)]


#: What two probes of the same do not have in common.
OF_THE_MOMENT = {
    "ocsp_probe_duration_seconds",
    "ocsp_probe_phase_duration_seconds",
    "ocsp_probe_timestamp_seconds",
    "ocsp_source_fetched_timestamp_seconds",
    "ocsp_next_update_remaining_seconds",
}

#: Values by what their target shows, and by the labels that were asked for.
Values = dict[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class World:
    """A Prometheus that has scraped everything, with the CA's now, and the targets by what they show."""

    prometheus: Prometheus
    now: int
    targets: Mapping[str, str]

    def query(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and values that a query gives."""
        return self.prometheus.query(query)

    def values(self, query: str, *labels: str) -> Values:
        """Return the values of a query about targets."""
        shown = {target: name for name, target in self.targets.items()}
        return {
            (shown[metric["target"]], *(metric.get(label, "") for label in labels)): value
            for metric, value in self.query(query)
        }


def _sites(ca: Authority) -> dict[str, Site]:
    """Return endpoints in some states of health, each with a certificate that demands a staple, but one."""
    leaves = {name: ca.leaf(must_staple=True) for name in ("good", "none", "revoked", "expired")}
    not_demanding = ca.leaf()
    revoked = ca.answer(
        leaves["revoked"],
        status=Status.REVOKED,
        revocation_time=ca.now - 3 * DAY,
        reason=Reason.SUPERSEDED,
        next_update=ca.now + 6 * DAY,
    )
    expired = ca.answer(leaves["expired"], this_update=ca.now - 2 * DAY, next_update=ca.now - DAY)
    return {
        "good": Site(leaves["good"], ca.answer(leaves["good"], next_update=ca.now + 5 * DAY)),
        "none": Site(leaves["none"]),
        "revoked": Site(leaves["revoked"], revoked),
        "expired": Site(leaves["expired"], expired),
        "not-demanding": Site(not_demanding),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of everything that runs here."""
    return tmp_path_factory.mktemp("prometheus")


@pytest.fixture(scope="module")
def targets(folder: Path, authority: Authority) -> Iterator[dict[str, str]]:
    """Serve the endpoints with nginx, and name one where nobody listens."""
    sites = _sites(authority)
    with nginx(folder, list(sites.values())) as ports:
        names = [*sites, "refused"]
        yield {name: f"{HOST}:{port}" for name, port in zip(names, [*ports, free_port()], strict=True)}


@pytest.fixture(scope="module")
def exporter(folder: Path, root: Authority, targets: Mapping[str, str]) -> Iterator[Exporter]:
    """Run the exporter with these targets and a label of their operator's."""
    configuration = {
        "modules": {
            "private": {"tls_config": {"ca_file": str(write(folder / "root.pem", pem(der(root.certificate))))}}
        },
        "targets": [
            {"targets": list(targets.values()), "module": "private", "interval": "1s", "labels": {"team": "web"}}
        ],
    }
    path = write(folder / "ocsp_exporter.yaml", yaml.safe_dump(configuration).encode())
    with running_exporter(folder, "serve", "--config.file", str(path)) as exporter:
        yield exporter


@pytest.fixture(scope="module")
def world(folder: Path, authority: Authority, exporter: Exporter, targets: Mapping[str, str]) -> Iterator[World]:
    """Run Prometheus until it has scraped everything."""
    with running_prometheus(folder, _as_documented(exporter.address, list(targets.values()))) as prometheus:
        world = World(prometheus, int(authority.now), targets)
        complete = len(JOBS) * len(targets)
        until(
            lambda: len(world.query("ocsp_probe_success")) == complete,
            lambda: f"Prometheus got no more than {world.query('ocsp_probe_success')}",
        )
        yield world


def _as_documented(exporter: str, targets: Sequence[str]) -> str:
    """Return the README's configuration for both ways, with its examples replaced by what there is here."""
    [example] = [each for each in readme("scrape_configs") if "/probe" in each]
    for theirs, ours in (
        ("localhost:10960", exporter),
        ("[tls]", "[private]"),
        ('[example.org, "mail.example.org:465"]', json.dumps(targets)),
    ):
        assert theirs in example
        example = example.replace(theirs, ours)
    return f"global: {{scrape_interval: 2s, scrape_timeout: 2s}}\n{example}"


def test_every_scrape_succeeds(world: World) -> None:
    """The exporter is up in both ways, whatever it has to tell of its targets."""
    up = world.query("up")
    assert len(up) == 1 + len(world.targets)
    assert {value for _, value in up} == {1}


@for_each_job
def test_one_target_could_not_be_looked_at(world: World, job: str) -> None:
    """Where nobody listens there is a failure and no finding."""
    success = {("good",): 1, ("none",): 1, ("revoked",): 1, ("expired",): 1, ("not-demanding",): 1, ("refused",): 0}
    assert world.values(f'ocsp_probe_success{{job="{job}"}}') == success
    assert world.values(f'ocsp_probe_failure{{job="{job}"}}', "failure") == {("refused", "refused"): 1}


@for_each_job
def test_the_staples_have_their_status(world: World, job: str) -> None:
    """Each has one status, and where no staple is demanded or sent there is none."""
    assert world.values(f'ocsp_status{{job="{job}", source="staple"}} == 1', "status") == {
        ("good", "good"): 1,
        ("none", "missing"): 1,
        ("revoked", "revoked"): 1,
        ("expired", "invalid"): 1,
    }
    assert world.values(f'ocsp_problem{{job="{job}"}}', "problem") == {("expired", "expired"): 1}


@for_each_job
def test_compliance_is_told_where_something_is_demanded(world: World, job: str) -> None:
    """A good and a revoked staple comply with must-staple, a missing and an expired one do not."""
    assert world.values(f'ocsp_must_staple_compliant{{job="{job}"}}') == {
        ("good",): 1,
        ("none",): 0,
        ("revoked",): 1,
        ("expired",): 0,
    }


@for_each_job
def test_times_are_those_of_the_staples(world: World, job: str) -> None:
    """Ends and revocations are what the CA wrote into them, to the second."""
    assert world.values(f'ocsp_next_update_timestamp_seconds{{job="{job}"}}') == {
        ("good",): world.now + 5 * DAY,
        ("revoked",): world.now + 6 * DAY,
        ("expired",): world.now - DAY,
    }
    assert world.values(f'ocsp_revocation_timestamp_seconds{{job="{job}"}}', "reason") == {
        ("revoked", "superseded"): world.now - 3 * DAY
    }


@for_each_job
def test_what_remains_is_negative_once_it_is_past(world: World, job: str) -> None:
    """The remaining seconds have the sign that an alert needs."""
    assert world.values(f'ocsp_next_update_remaining_seconds{{job="{job}"}} > bool 0') == {
        ("good",): 1,
        ("revoked",): 1,
        ("expired",): 0,
    }


@for_each_job
def test_the_chain_is_trusted_by_the_modules_roots(world: World, job: str) -> None:
    """All certificates are of the CA that the module trusts."""
    assert set(world.values(f'ocsp_chain_trusted{{job="{job}"}}').values()) == {1}


def test_labels_are_those_of_whoever_keeps_the_schedule(world: World, exporter: Exporter) -> None:
    """On /metrics the configuration's labels are, on /probe none of them, and there the instance is the target."""
    own = world.values('ocsp_probe_success{job="ocsp_exporter"}', "instance", "team", "module")
    assert set(own) == {(name, exporter.address, "web", "private") for name in world.targets}
    asked = world.values('ocsp_probe_success{job="ocsp_probe"}', "instance", "team", "module")
    assert set(asked) == {(name, target, "", "private") for name, target in world.targets.items()}


def test_both_ways_give_the_same_series(world: World) -> None:
    """Label by label, but for whose schedule it is: of Prometheus's own labels, the operator's, and the interval."""
    series: dict[str, dict[frozenset[tuple[str, str]], float]] = {job: {} for job in JOBS}
    for metric, value in world.query('{__name__=~"ocsp_.*", __name__!~"ocsp_exporter_.*|ocsp_probe_interval_seconds"}'):
        labels = {name: text for name, text in metric.items() if name not in {"job", "instance", "team"}}
        job = series[metric["job"]]
        assert frozenset(labels.items()) not in job
        job[frozenset(labels.items())] = value
    own, asked = (series[job] for job in JOBS)

    assert own.keys() == asked.keys()
    assert len(own) > 100
    compared = {labels: value for labels, value in own.items() if dict(labels)["__name__"] not in OF_THE_MOMENT}
    assert len(compared) > 100
    assert compared == {labels: asked[labels] for labels in compared}


def test_promtool_has_nothing_to_say_about_the_metrics_page(exporter: Exporter) -> None:
    """The page is well formed, and named as Prometheus recommends."""
    _expect_silence(exporter.page("/metrics"))


@pytest.mark.parametrize("name", ["good", "none", "revoked", "expired", "not-demanding", "refused"])
def test_promtool_has_nothing_to_say_about_a_probes_page(
    exporter: Exporter, targets: Mapping[str, str], name: str
) -> None:
    """So is what a probe answers, whatever it found."""
    _expect_silence(exporter.page(f"/probe?module=private&target={targets[name]}"))


def test_promtool_finds_faults_where_there_are_some() -> None:
    """It is not silent about everything."""
    with pytest.raises(AssertionError):
        _expect_silence("# TYPE nothing_total gauge\nnothing_total 1\n")


@pytest.mark.parametrize("example", [*readme("scrape_configs"), *readme("rule_files")])
def test_promtool_takes_the_examples_of_the_readme(tmp_path: Path, example: str) -> None:
    """What users copy from there is valid, with the file of rules beside it."""
    write(tmp_path / RULES.name, RULES.read_bytes())
    path = write(tmp_path / "example.yml", example.encode())
    command = [find("promtool"), "check", "config", str(path)]
    checked = subprocess.run(command, text=True, capture_output=True, check=False, timeout=PATIENCE)
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout


def _expect_silence(page: str) -> None:
    command = [find("promtool"), "check", "metrics"]
    checked = subprocess.run(command, input=page, text=True, capture_output=True, check=False, timeout=PATIENCE)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
