"""`ocsp-exporter serve` and `check-config`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket
from typing import Literal

import click

from ocsp_exporter.commands.configuration import load
from ocsp_exporter.config import BUILT_IN_MODULES, Config
from ocsp_exporter.probing.observer import Observer
from ocsp_exporter.probing.opening import open_prober
from ocsp_exporter.serving import logs, server
from ocsp_exporter.serving.probes import Probe


def run(
    config_file: Path | None, addresses: Sequence[str], log_level: str, log_format: Literal["logfmt", "json"]
) -> None:
    """Serve until SIGINT or SIGTERM. Raises ClickException where it cannot begin."""
    config = load(config_file)
    logs.set_up(log_level, log_format)
    asyncio.run(serve_until_signal(config, bind(addresses)))


def check(config_file: Path) -> None:
    """Say what is in a valid configuration. Raises ClickException with all faults of another."""
    config = load(config_file)
    own = sorted(name for name, module in config.modules.items() if BUILT_IN_MODULES.get(name) != module)
    modules = ", ".join(own) or "the built-in ones only"
    click.echo(f"{config_file}: valid, targets: {len(config.targets)}, modules: {modules}")


def bind(addresses: Sequence[str]) -> list[socket]:
    """Return listening sockets for `--web.listen-address`. Raises ClickException where one cannot be had."""
    try:
        return server.bind(addresses)
    except server.ListenError as error:
        raise click.ClickException(str(error)) from error


async def serve_until_signal(config: Config, sockets: Sequence[socket]) -> None:
    """Probe and answer as the configuration says, until SIGINT or SIGTERM."""

    @asynccontextmanager
    async def open_probe(observer: Observer) -> AsyncIterator[Probe]:
        async with open_prober(config.egress, observer, config.store_path) as prober:
            yield prober.probe

    await server.serve(sockets, config, open_probe)
