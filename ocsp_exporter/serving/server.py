"""The exporter as a server: sockets, scheduler and HTTP in one event loop, from the start to a clean end."""

import asyncio
import logging
import os
import re
import resource
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from ocsp_exporter.config import Config
from ocsp_exporter.serving.app import create_app
from ocsp_exporter.serving.discovery.discovery import Discovery
from ocsp_exporter.serving.discovery.sharding import WHOLE, Shard
from ocsp_exporter.serving.exposition import MetricsPage
from ocsp_exporter.serving.guard import Guard
from ocsp_exporter.serving.health import Readiness, create_health_app
from ocsp_exporter.serving.instruments import Instruments
from ocsp_exporter.serving.probe_endpoint import ProbeEndpoint
from ocsp_exporter.serving.probes import Clock, Probe, counted
from ocsp_exporter.serving.reloading import ConfigFile, Reloader
from ocsp_exporter.serving.scheduler import Scheduler
from ocsp_exporter.serving.tls import CurrentContext
from ocsp_exporter.serving.web_config import WebConfigFile

_log = logging.getLogger(__name__)

_ADDRESS = re.compile(r"(?:\[(?P<ipv6>[^\]]*)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT = 65535

# Longer than the usual scrape interval, so that Prometheus keeps its connection.
_KEEP_ALIVE = 75
# How long a client may take to read its answer after the end was asked for. All together may take 5 s.
_LAST_ANSWERS = 2


class ListenError(Exception):
    """An address cannot be listened on; the text is a sentence for people."""


def bind(addresses: Sequence[str], option: str = "--web.listen-address") -> list[socket.socket]:
    """Give listening sockets for addresses such as `:10960` (all interfaces), `127.0.0.1:0` and `[::1]:10960`.

    Raises ListenError for the first that is malformed or cannot be bound; then none is left open. `option` is where
    another may be chosen.
    """
    with ExitStack() as bound:
        sockets = [bound.enter_context(each) for address in addresses for each in _bind(address, option)]
        bound.pop_all()
    return sockets


def _bind(address: str, option: str) -> Iterator[socket.socket]:
    malformed = ListenError(f"Cannot listen on {address!r}: an address is HOST:PORT, [IPv6]:PORT or :PORT.")
    match = _ADDRESS.fullmatch(address)
    if not match or int(match["port"]) > _HIGHEST_PORT:
        raise malformed
    host, port = match["ipv6"] or match["host"], int(match["port"])
    try:
        if not host:
            both = socket.has_dualstack_ipv6()
            yield socket.create_server(
                ("", port), family=socket.AF_INET6 if both else socket.AF_INET, dualstack_ipv6=both
            )
            return
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, where in dict.fromkeys((family, where) for family, _, _, _, where in found):
            yield socket.create_server(where[:2], family=family)
    except UnicodeError as fault:  # a label of the host name is empty or too long
        raise malformed from fault
    except OSError as fault:
        # create_server adds the address to its text, in its own words; the resolver's codes are negative.
        reason = os.strerror(fault.errno) if fault.errno and fault.errno > 0 else fault.strerror
        raise ListenError(f"Cannot listen on {address!r}: {reason}. Choose another: {option}.") from fault


@dataclass(frozen=True, slots=True)
class Web:
    """Where to answer. The web configuration stands before all that is answered on `sockets`.

    On `health_sockets` nothing but health is answered, to everybody.
    """

    sockets: Sequence[socket.socket]
    config: WebConfigFile | None = None
    health_sockets: Sequence[socket.socket] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """What to look at: a configuration, and where the next one comes from (None: from nowhere).

    Of its targets only those of the shard are looked at.
    """

    config: Config
    file: ConfigFile | None = None
    shard: Shard = WHOLE


async def serve(
    web: Web,
    work: Work,
    open_probe: Callable[[Instruments], AbstractAsyncContextManager[Probe]],
    clock: Clock = Clock(),  # noqa: B008 - frozen, so one for all is right
) -> None:
    """Probe and answer until SIGTERM or SIGINT; then end everything within 5 seconds and close the sockets.

    `open_probe` gives what probes, for as long as it is entered; what it fetches is to be told to the instruments.
    """
    _allow_many_files()
    instruments = Instruments(work.config.modules)
    instruments.loaded(clock.wall())
    async with open_probe(instruments) as probe:
        await _serve(web, work, probe, instruments, clock)


async def _serve(web: Web, work: Work, probe: Probe, instruments: Instruments, clock: Clock) -> None:
    config = work.config
    watched = counted(probe, instruments)
    scheduler = Scheduler(
        watched, concurrency=config.concurrency, clock=clock, observe_delay=instruments.schedule_delay.observe
    )
    endpoint = ProbeEndpoint(
        watched,
        config.modules,
        concurrency=config.probe_endpoint_concurrency,
        clock=clock,
        allowed=config.probe_endpoint_allowed,
    )
    discovery = Discovery(scheduler.update, instruments, clock, work.shard)

    async def use(config: Config) -> None:
        await discovery.use(config)
        scheduler.limit(config.concurrency)
        endpoint.use(
            config.modules,
            concurrency=config.probe_endpoint_concurrency,
            allowed=config.probe_endpoint_allowed,
        )
        instruments.know(config.modules)

    reloader = Reloader(work.file or ConfigFile(lambda: config), config, use, instruments, clock)
    readiness = Readiness(scheduler, lambda: discovery.has_answered, clock)
    metrics = MetricsPage(scheduler.publications, instruments.registry, clock.wall)
    app = create_app(metrics, scheduler, endpoint, clock, readiness=readiness, reload=reloader.route())
    guard = Guard(app, web.config) if web.config else None
    servers = [(_server(guard or app, web.config), web.sockets)]
    if web.health_sockets:
        servers.append((_server(create_health_app(readiness)), web.health_sockets))

    async with asyncio.TaskGroup() as group:
        with _stop_signals() as stop, _reload_signal(lambda: group.create_task(reloader.reload_quietly())):
            workers = [group.create_task(each) for each in (scheduler.run(), use(config), reloader.watch())]
            for server, sockets in servers:
                group.create_task(server.serve(list(sockets)))
            _log_listening(web)
            await stop.wait()
            _log.info("stopping")
            for each in workers:
                each.cancel()
            endpoint.close()
            if guard:
                guard.close()
            for server, _ in servers:
                server.should_exit = True
            await discovery.close()


def _log_listening(web: Web) -> None:
    if web.config:
        web.config.log_remarks()
    facts = {
        "address": ",".join(map(_address_of, web.sockets)),
        "health_address": ",".join(map(_address_of, web.health_sockets)) or None,
        "tls": "on" if web.config and web.config.has_tls else None,
    }
    _log.info("listening", extra={"fields": facts})


def _allow_many_files() -> None:
    """Raise the soft limit of open files, usually 1024 for the sake of select(), as far as the hard one allows.

    A probe on behalf of `/probe` takes two files. Out of files, targets would look unreachable.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # a hard limit that the system itself does not keep
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: it raises signals again at its end, and they would end the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(app: ASGIApp, web_config: WebConfigFile | None = None) -> _Server:
    context = CurrentContext(web_config.context) if web_config and web_config.has_tls else None
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_LAST_ANSWERS,
        ssl_context_factory=(lambda *_: context) if context else None,
    )
    return _Server(config)


@contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """Give an event that SIGTERM and SIGINT set while this is entered."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    for each in signals:
        loop.add_signal_handler(each, stop.set)
    try:
        yield stop
    finally:
        for each in signals:
            loop.remove_signal_handler(each)


@contextmanager
def _reload_signal(reload: Callable[[], object]) -> Iterator[None]:
    """Have SIGHUP call `reload` while this is entered."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def _address_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
