"""`ocsp-exporter serve` and `check-config`."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import socket
from typing import Literal

import click

from ocsp_exporter.commands.configuration import load, load_web, read
from ocsp_exporter.config import BUILT_IN_MODULES, Config
from ocsp_exporter.config.values import parse_duration
from ocsp_exporter.probing.opening import open_prober
from ocsp_exporter.serving import logs, server
from ocsp_exporter.serving.discovery.sharding import WHOLE, Shard, parse_shard
from ocsp_exporter.serving.reloading import ConfigFile
from ocsp_exporter.serving.web_config import WebConfigFile


@dataclass(frozen=True, slots=True)
class Web:
    """Where and how to listen: `addresses` for everything, `health_address` for health alone; None: not so."""

    addresses: Sequence[str]
    config_file: Path | None
    health_address: str | None


@dataclass(frozen=True, slots=True)
class Work:
    """What to look at: the configuration, how often its file is looked at (None: never), and which share of it."""

    config_file: Path | None
    watch_interval: str | None = None
    shard: str = "0/1"


def run(work: Work, web: Web, log_level: str, log_format: Literal["logfmt", "json"]) -> None:
    """Serve until SIGINT or SIGTERM. Raises ClickException where it cannot begin."""
    shard = _shard(work.shard)
    config_file = ConfigFile(partial(read, work.config_file), work.config_file, _watch_interval(work.watch_interval))
    config = load(work.config_file)
    web_config = load_web(web.config_file) if web.config_file else None
    logs.set_up(log_level, log_format)
    sockets = bind(web.addresses)
    health_sockets = bind([web.health_address], "--web.health-listen-address") if web.health_address else []
    asyncio.run(serve_until_signal(config, sockets, web_config, health_sockets, config_file=config_file, shard=shard))


def check(config_file: Path) -> None:
    """Say what is in a valid configuration. Raises ClickException with all faults of another."""
    config = load(config_file)
    own = sorted(name for name, module in config.modules.items() if BUILT_IN_MODULES.get(name) != module)
    modules = ", ".join(own) or "the built-in ones only"
    click.echo(f"{config_file}: valid, targets: {len(config.targets)}, modules: {modules}")


def check_web(path: Path) -> None:
    """Say what is in a valid web configuration. Raises ClickException with all faults of another."""
    config = load_web(path).current()
    for remark in config.remarks:
        click.echo(str(remark), err=True)
    click.echo(f"{path}: valid, TLS: {'on' if config.tls else 'off'}, users: {len(config.users)}")


def _shard(text: str) -> Shard:
    try:
        return parse_shard(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--shard") from None


def _watch_interval(text: str | None) -> float | None:
    try:
        interval = None if text is None else parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--config.auto-reload-interval") from None
    if interval == 0:
        raise click.BadParameter("expected a duration longer than 0s", param_hint="--config.auto-reload-interval")
    return interval


def bind(addresses: Sequence[str], option: str = "--web.listen-address") -> list[socket]:
    """Return listening sockets for the addresses of an option. Raises ClickException where one cannot be had."""
    try:
        return server.bind(addresses, option)
    except server.ListenError as error:
        raise click.ClickException(str(error)) from error


async def serve_until_signal(
    config: Config,
    sockets: Sequence[socket],
    web_config: WebConfigFile | None = None,
    health_sockets: Sequence[socket] = (),
    *,
    config_file: ConfigFile | None = None,
    shard: Shard = WHOLE,
) -> None:
    """Probe and answer as the configuration says, until SIGINT or SIGTERM."""
    async with open_prober(config.egress) as prober:
        await server.serve(
            sockets,
            config,
            prober.probe,
            web_config=web_config,
            health_sockets=health_sockets,
            config_file=config_file,
            shard=shard,
        )
