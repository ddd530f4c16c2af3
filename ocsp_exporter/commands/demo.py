"""`ocsp-exporter demo`: the lab and an exporter that watches it."""

import asyncio
from dataclasses import replace
from socket import socket

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ocsp_exporter.commands.serve import bind, serve_until_signal
from ocsp_exporter.config import DEFAULT_CONFIG
from ocsp_exporter.demo.lab import Lab, RunningEndpoint
from ocsp_exporter.demo.states import Expected
from ocsp_exporter.model import Status
from ocsp_exporter.serving import logs

_INTERVAL = 10.0


def run(address: str) -> None:
    """Run lab and exporter until SIGINT or SIGTERM. Raises ClickException where the address is not to be had."""
    logs.set_up("warning", "logfmt")
    asyncio.run(_run(address))


async def _run(address: str) -> None:
    sockets = bind([address])
    async with Lab.start() as lab:
        targets = lab.scheduled_targets(_INTERVAL)
        modules = {target.module.name: target.module for target in targets}
        config = replace(DEFAULT_CONFIG, interval=_INTERVAL, modules=modules, targets=targets)
        console = Console(highlight=False, markup=False, emoji=False)
        console.print(introduction(lab, _url(sockets[0])))
        await serve_until_signal(config, sockets)


def introduction(lab: Lab, url: str) -> RenderableType:
    """Return what is told at the start: the endpoints with what is to be seen of each, and where to look."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("port", style="bold", justify="right")
    table.add_column("endpoint", style="cyan", no_wrap=True)
    table.add_column("what it shows")
    table.add_column("what the metrics say")
    for endpoint in lab.endpoints:
        table.add_row(str(endpoint.port), endpoint.row.name, endpoint.row.shows, _expected(endpoint.row.expected))
    first: RunningEndpoint = lab.endpoints[0]
    places = Table.grid(padding=(0, 2))
    for name, place in (
        ("status page", f"{url}/"),
        ("metrics", f"{url}/metrics"),
        ("one probe", f"{url}/probe?target={first.address}"),
        ("the same here", f"ocsp-exporter probe {first.address}"),
        ("the lab's CA", lab.url),
    ):
        places.add_row(Text(name, "dim"), Text(place, overflow="fold"))
    return Group(
        Text("A CA and an endpoint for each state of health, on this machine only:", "bold"),
        table,
        places,
        Text("\nEvery endpoint is probed once in 10 seconds. Ctrl-C ends it all.", "dim"),
    )


def _url(listening: socket) -> str:
    host, port = listening.getsockname()[:2]
    host = "localhost" if host in {"::", "0.0.0.0"} else host  # noqa: S104 - a comparison
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _expected(expected: Expected) -> Text:
    """Return the status with problems and reason, and on a second line the compliance where a staple is demanded."""
    if expected.status is None:
        return Text("not applicable", "dim")
    details = ", ".join([*expected.problems, *([expected.reason] if expected.reason else [])])
    said = Text(expected.status, "green" if expected.status is Status.GOOD else "red")
    said.append(f": {details}" if details else "")
    if expected.compliant is not None:
        said.append(
            "\ncompliant" if expected.compliant else "\nnot compliant", "green" if expected.compliant else "red"
        )
    return said
