"""`ocsp-exporter demo`: the lab and an exporter that watches it."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace
from socket import socket

from rich.console import Console, Group, RenderableType
from rich.text import Text

from ocsp_exporter.commands.serve import bind, serve_until_signal
from ocsp_exporter.config import DEFAULT_CONFIG
from ocsp_exporter.demo.lab import Lab, RunningEndpoint
from ocsp_exporter.demo.states import State
from ocsp_exporter.model import Status
from ocsp_exporter.report.layout import Line
from ocsp_exporter.serving import logs
from ocsp_exporter.serving.server import Web, Work

_INTERVAL = 10.0
_HANG = 7


def run(address: str) -> None:
    """Run lab and exporter until SIGINT or SIGTERM. Raises ClickException where the address is not to be had."""
    logs.set_up("warning", "logfmt")
    asyncio.run(_run(address))


async def _run(address: str) -> None:
    sockets = bind([address])
    async with Lab.start() as lab:
        targets = lab.scheduled_targets(_INTERVAL)
        modules = {target.module.name: target.module for target in targets}
        written = _written(lab)
        config = replace(DEFAULT_CONFIG, interval=_INTERVAL, modules=modules, targets=targets, written=written)
        console = Console(highlight=False, markup=False, emoji=False)
        console.print(introduction(lab, _url(sockets[0])))
        await serve_until_signal(Work(config), Web(sockets))


def _written(lab: Lab) -> dict[str, object]:
    """Return what would have to stand in a file for the same; `root.pem` is what the lab gives for download."""
    return {
        "probe": {"interval": f"{_INTERVAL:g}s"},
        "modules": {"tls": {"tls_config": {"ca_file": "root.pem"}}},
        "targets": [{"targets": [each.address], "labels": {"endpoint": each.row.name}} for each in lab.endpoints],
    }


def introduction(lab: Lab, url: str) -> RenderableType:
    """Return what is told at the start: the endpoints with what is to be seen of each, and where to look."""
    width = max(len(endpoint.row.name) for endpoint in lab.endpoints) + 2
    first = lab.endpoints[0].address
    places = {
        "status page": f"{url}/",
        "metrics": f"{url}/metrics",
        "one probe": f"{url}/probe?target={first}",
        "report": f"{sys.argv[0]} probe {first}",
        "lab root": f"{lab.url}/root.pem",
    }
    return Group(
        Text("A CA and TLS endpoints on this machine only. By port, what the metrics say of each, and why:\n", "bold"),
        *(line for endpoint in lab.endpoints for line in _endpoint(endpoint, width)),
        Text(),
        *(Line(Text(name, "dim"), Text(place), 0, 14) for name, place in places.items()),
        Text("\nEvery endpoint is probed once in 10 seconds. Ctrl-C ends it all.", "dim"),
    )


def _endpoint(endpoint: RunningEndpoint, width: int) -> Iterator[Line]:
    name = Text(endpoint.row.name.ljust(width), "cyan")
    yield Line(Text(str(endpoint.port), "bold"), name + _expected(endpoint.row), 0, _HANG)
    yield Line(Text(), Text(endpoint.row.shows, "dim"), 0, _HANG)


def _url(listening: socket) -> str:
    host, port = listening.getsockname()[:2]
    host = "localhost" if host in {"::", "0.0.0.0"} else host  # noqa: S104 - a comparison
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _expected(row: State) -> Text:
    """Return the staple's status with problems and reason, the compliance where one is demanded, and other opinions."""
    expected = row.expected
    if expected.status is None:
        return Text("no staple") + _opinion(row)
    details = ", ".join([*expected.problems, *([expected.reason] if expected.reason else [])])
    said = Text(expected.status, "green" if expected.status is Status.GOOD else "red")
    said.append(f": {details}" if details else "")
    if expected.compliant is not None:
        said.append(", compliant" if expected.compliant else ", violated", "green" if expected.compliant else "red")
    return said if expected.status is row.recorded else said + _opinion(row)


def _opinion(row: State) -> Text:
    """Return what the other sources say, where the staple does not say it."""
    if not row.names_responder and not row.names_crl:
        return Text(", and nobody to ask: not applicable")
    listed = Status.REVOKED if row.recorded is Status.REVOKED else Status.GOOD
    source, status = ("responder", row.recorded) if row.names_responder else ("CRL", listed)
    return Text.assemble(f"; by the {source} ", (status, "green" if status is Status.GOOD else "red"))
