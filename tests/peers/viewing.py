"""A world for the dashboards: the demo, an exporter with all else that there is to watch, and who looks at them."""

import base64
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from tests.dashboards.asking import CHOSEN, Grafana
from tests.peers.daemons import HOST, free_port, until
from tests.peers.exporter import Exporter, running_exporter
from tests.peers.prometheus import running_prometheus
from tests.peers.servers import write

#: By whom the endpoints are asked for: the exporter itself, Prometheus through /probe, and the exporter again with
#: neither job nor instance, as relabelling may leave it.
CHOICES = {
    "workers": {"job": "ocsp|watching"},
    "probe": {"job": "ocsp_probe|ocsp|watching"},
    "relabelled": {"matchers": 'server!=""'},
}
#: What the second exporter watches beside the demo's seventeen endpoints: nobody, a responder, and a server's own file.
MORE = 3

_PROBED = re.compile(r'^ocsp_probe_success\{target="([^"]*)",.*endpoint="([^"]*)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class World:
    """A Prometheus that has scraped everything several times, as Grafana asks it.

    `targets` are those of the demo's endpoints by their names, `values` what stands for variables, by who looks.
    """

    grafana: Grafana
    targets: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]


def values_of(grafana: Grafana, choice: Mapping[str, str]) -> dict[str, str]:
    """Return what stands for the variables once somebody has chosen something."""
    chosen = {**CHOSEN, **choice}
    return {**chosen, **grafana.worst(chosen)}


@contextmanager
def running_world(folder: Path) -> Iterator[World]:
    """Run the demo, an exporter that watches more, and Prometheus until it has a history of both."""
    with running_exporter(folder, "demo") as demo:
        targets = dict(_PROBED.findall(demo.page("/metrics")))
        endpoints = {name: target for target, name in targets.items()}
        with running_exporter(folder, *_watching(folder, demo, endpoints)) as watching:
            configuration = yaml.safe_dump(_scraping(demo.address, watching.address, list(targets)))
            with running_prometheus(folder, configuration) as prometheus:
                seen = "count_over_time(ocsp_probe_success[1m]) > 8"
                everything = 3 * len(endpoints) + 2 * MORE
                until(
                    lambda: len(prometheus.query(seen)) == everything,
                    lambda: f"Prometheus has not scraped everything yet, but only {prometheus.query(seen)}",
                )
                grafana = Grafana(prometheus.url, time.time() - 8, time.time())
                yield World(grafana, endpoints, {name: values_of(grafana, each) for name, each in CHOICES.items()})


def _watching(folder: Path, demo: Exporter, endpoints: Mapping[str, str]) -> tuple[str, ...]:
    """Return the arguments of an exporter that is told of targets by a file.

    At one nobody listens, one is the demo's responder, and one a server whose file holds the staple of another.
    """
    [lab] = re.findall(r"(http://\S+)/root\.pem", demo.daemon.log)
    host, port = endpoints["must-staple-good"].split(":")
    issuer = write(folder / "ca.cer", httpx.get(f"{lab}/ca.cer").content)
    leaf = write(folder / "leaf.pem", ssl.get_server_certificate((host, int(port))).encode())
    other = httpx.get(f"http://{demo.address}/probe", params={"target": endpoints["good"], "format": "json"}).json()
    [staple] = [each["der"] for each in other["results"][0]["evidence"] if each["source"] == "staple"]
    root = write(folder / "root.pem", httpx.get(f"{lab}/root.pem").content)
    copy = write(folder / "staple.der", base64.b64decode(staple))
    groups = (
        ("nobody", {"targets": [f"{HOST}:{free_port()}"], "labels": {}}),
        ("responder", {"targets": [f"{lab}/ocsp"]}),
        ("disk", {"targets": [endpoints["must-staple-good"]]}),
    )
    for name, group in groups:
        write(folder / f"{name}.yaml", yaml.safe_dump([group]).encode())
    trust = {"ca_file": str(root)}
    configuration = {
        "modules": {
            "nobody": {},
            "responder": {"prober": "responder", "issuer_file": str(issuer), "certificate_file": str(leaf)},
            "disk": {"tls_config": trust, "staple": {"file": str(copy)}},
        },
        "file_sd_configs": [{"files": [str(folder / f"{name}.yaml")], "module": name} for name, _ in groups],
    }
    return ("serve", "--config.file", str(write(folder / "ocsp_exporter.yaml", yaml.safe_dump(configuration).encode())))


def _scraping(demo: str, watching: str, endpoints: list[str]) -> dict[str, object]:
    through_exporter = [
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"source_labels": ["__param_target"], "target_label": "instance"},
        {"target_label": "__address__", "replacement": demo},
    ]
    renamed = [
        {"source_labels": ["instance"], "target_label": "server"},
        {"regex": "job|instance", "action": "labeldrop"},
    ]
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {"job_name": "ocsp", "static_configs": [{"targets": [demo]}]},
            {"job_name": "watching", "static_configs": [{"targets": [watching]}]},
            {
                "job_name": "ocsp_probe",
                "metrics_path": "/probe",
                "static_configs": [{"targets": endpoints}],
                "relabel_configs": through_exporter,
            },
            {
                "job_name": "relabelled",
                "static_configs": [{"targets": [demo, watching]}],
                "metric_relabel_configs": renamed,
            },
        ],
    }
