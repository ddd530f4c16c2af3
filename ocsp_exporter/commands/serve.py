"""`ocsp-exporter serve` and `check-config`."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import socket
from typing import Literal

import click

from ocsp_exporter.commands.configuration import ConfigurationFaults, load, read
from ocsp_exporter.config import BUILT_IN_MODULES, ConfigError
from ocsp_exporter.config.values import parse_duration
from ocsp_exporter.probing.observer import Observer
from ocsp_exporter.probing.opening import open_prober
from ocsp_exporter.serving import listening, logs, server
from ocsp_exporter.serving.discovery.sharding import Shard, parse_shard
from ocsp_exporter.serving.external_url import Paths, read_paths
from ocsp_exporter.serving.probes import Probe
from ocsp_exporter.serving.reloading import ConfigFile, digest_of
from ocsp_exporter.serving.web_config import WebConfigFile

#: Seconds for which threads are waited for at the end.
_STUCK_THREADS = 1.0


@dataclass(frozen=True, slots=True)
class Listen:
    """What the command line says of listening: `addresses` for everything, `health_address` for health alone.

    With `systemd_socket` the sockets that systemd has opened take the place of the addresses.
    """

    addresses: Sequence[str]
    web_config_file: Path | None
    health_address: str | None
    external_url: str | None
    route_prefix: str | None
    systemd_socket: bool


@dataclass(frozen=True, slots=True)
class Work:
    """What to look at: the configuration, how often its file is looked at (None: never), and which share of it."""

    config_file: Path | None
    watch_interval: str | None
    shard: str


def run(work: Work, listen: Listen, log_level: str, log_format: Literal["logfmt", "json"]) -> None:
    """Serve until SIGINT or SIGTERM. Raises ClickException where it cannot begin."""
    # Kept until somebody listens: a configuration that changes during the start is loaded after it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    shard = _shard(work.shard)
    # The digest first: what comes into the file after that is a change.
    digest = digest_of(work.config_file)
    file = ConfigFile(partial(read, work.config_file), work.config_file, _watch_interval(work.watch_interval), digest)
    config = load(work.config_file)
    web_config = _load_web(listen.web_config_file) if listen.web_config_file else None
    paths = _paths(listen)
    logs.set_up(log_level, log_format)
    health_addresses = [listen.health_address] if listen.health_address else []
    with ExitStack() as opened:
        sockets = [opened.enter_context(each) for each in _sockets(listen)]
        health_sockets = [opened.enter_context(each) for each in bind(health_addresses, "--web.health-listen-address")]
        web = server.Web(sockets, web_config, health_sockets, paths)
        run_to_the_end(serve_until_signal(server.Work(config, file, shard), web))


def check(config_file: Path) -> None:
    """Say what is in a valid configuration. Raises ClickException with all faults of another."""
    config = load(config_file)
    own = sorted(name for name, module in config.modules.items() if BUILT_IN_MODULES.get(name) != module)
    modules = ", ".join(own) or "the built-in ones only"
    click.echo(f"{config_file}: valid, targets: {len(config.targets)}, modules: {modules}")


def check_web(path: Path) -> None:
    """Say what is in a valid web configuration. Raises ClickException with all faults of another."""
    config = _load_web(path).config
    for remark in config.remarks:
        click.echo(str(remark), err=True)
    click.echo(f"{path}: valid, TLS: {'on' if config.tls else 'off'}, users: {len(config.users)}")


def _load_web(path: Path) -> WebConfigFile:
    try:
        return WebConfigFile(path)
    except ConfigError as error:
        raise ConfigurationFaults(str(error)) from error


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
        return listening.bind(addresses, option)
    except listening.ListenError as error:
        raise click.ClickException(str(error)) from error


def run_to_the_end(main: Coroutine[None, None, None]) -> None:
    """Run the main coroutine, and end the process soon after it.

    A thread that hangs, as in a file system that does not answer, cannot be ended, and Python would wait for it.
    """
    with asyncio.Runner() as runner:
        runner.run(main)
        last_resort = threading.Timer(_STUCK_THREADS, os._exit, (os.EX_OK,))
        last_resort.daemon = True
        last_resort.start()


def _sockets(listen: Listen) -> list[socket]:
    if not listen.systemd_socket:
        return bind(listen.addresses)
    try:
        return listening.passed_sockets()
    except listening.ListenError as error:
        raise click.ClickException(str(error)) from error


def _paths(listen: Listen) -> Paths:
    try:
        return read_paths(listen.external_url, listen.route_prefix)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


async def serve_until_signal(work: server.Work, web: server.Web) -> None:
    """Probe and answer as the configuration says, until SIGINT or SIGTERM."""

    @asynccontextmanager
    async def open_probe(observer: Observer) -> AsyncIterator[Probe]:
        async with open_prober(work.config.egress, observer, work.config.store_path) as prober:
            yield prober.probe

    await server.serve(web, work, open_probe)
