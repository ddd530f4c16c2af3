"""The exporter as a server: sockets, scheduler and HTTP in one event loop, from the start to a clean end."""

import asyncio
import logging
import resource
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass

from ocsp_exporter.config import Config
from ocsp_exporter.serving.app import create_app
from ocsp_exporter.serving.connections import Connections
from ocsp_exporter.serving.discovery.discovery import Discovery
from ocsp_exporter.serving.discovery.sharding import WHOLE, Shard
from ocsp_exporter.serving.exposition import MetricsPage
from ocsp_exporter.serving.external_url import AT_THE_TOP, Paths, mounted
from ocsp_exporter.serving.guard import Guard
from ocsp_exporter.serving.health import Readiness, create_health_app, health_routes
from ocsp_exporter.serving.history import History
from ocsp_exporter.serving.instruments import Instruments
from ocsp_exporter.serving.listening import address_of
from ocsp_exporter.serving.probe_endpoint import ProbeEndpoint
from ocsp_exporter.serving.probes import Clock, Probe, counted
from ocsp_exporter.serving.reloading import ConfigFile, Reloader
from ocsp_exporter.serving.scheduler import Scheduler
from ocsp_exporter.serving.site import Site
from ocsp_exporter.serving.systemd import Manager, service_manager
from ocsp_exporter.serving.web_config import WebConfigFile
from ocsp_exporter.serving.web_server import web_server

_log = logging.getLogger(__name__)

# Many more than Prometheus keeps open, and so few that they do not use up the memory. Where /probe may be asked for
# more at a time, there are twice as many as that.
_MOST_CONNECTIONS = 2000
_MOST_HEALTH_CONNECTIONS = 100


@dataclass(frozen=True, slots=True)
class Web:
    """Where to answer. The web configuration stands before all that is answered on `sockets`, below `paths`.

    On `health_sockets` nothing but health is answered, to everybody.
    """

    sockets: Sequence[socket.socket]
    config: WebConfigFile | None = None
    health_sockets: Sequence[socket.socket] = ()
    paths: Paths = AT_THE_TOP


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
    async with service_manager() as manager, open_probe(instruments) as probe:
        await _serve(web, work, probe, instruments, clock, manager)


async def _serve(web: Web, work: Work, probe: Probe, instruments: Instruments, clock: Clock, manager: Manager) -> None:
    config = work.config
    watched = counted(probe, instruments)
    history = History()
    scheduler = Scheduler(
        watched,
        concurrency=config.concurrency,
        clock=clock,
        observe_delay=instruments.schedule_delay.observe,
        observe_results=history.note,
    )
    endpoint = ProbeEndpoint(
        watched,
        config.modules,
        concurrency=config.probe_endpoint_concurrency,
        clock=clock,
        allowed=config.probe_endpoint_allowed,
    )
    connections = Connections(_most_connections(config))
    discovery = Discovery(scheduler.update, instruments, clock, work.shard)

    async def use(config: Config) -> None:
        await discovery.use(config)
        scheduler.limit(config.concurrency)
        endpoint.use(
            config.modules,
            concurrency=config.probe_endpoint_concurrency,
            allowed=config.probe_endpoint_allowed,
        )
        connections.most = _most_connections(config)
        instruments.know(config.modules)

    file = work.file or ConfigFile(lambda: config)
    reloader = Reloader(file, config, use, instruments, clock, lambda: manager.reloading("Serving."))
    readiness = Readiness(scheduler, lambda: discovery.has_answered, clock)
    metrics = MetricsPage(scheduler.publications, instruments.registry, clock.wall)
    site = Site(scheduler, history, lambda: reloader.config, clock)
    further = (*site.routes(), reloader.route(), *health_routes(readiness))
    app = mounted(create_app(metrics, scheduler, endpoint, further), web.paths)
    guard = Guard(app, web.config) if web.config else None
    servers = [(web_server(guard or app, connections, web.config), web.sockets)]
    if web.health_sockets:
        of_health = Connections(_MOST_HEALTH_CONNECTIONS)
        servers.append((web_server(create_health_app(readiness), of_health), web.health_sockets))

    async with asyncio.TaskGroup() as group:
        with _stop_signals() as stop, _reload_signal(reloader.ask):
            working = [scheduler.run(), use(config), reloader.run(), *([web.config.follow()] if web.config else [])]
            workers = [group.create_task(each) for each in working]
            for server, sockets in servers:
                group.create_task(server.serve(list(sockets)))
            _log_listening(web)
            manager.ready("Serving.")
            await stop.wait()
            _log.info("stopping")
            manager.stopping()
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
        "address": ",".join(map(address_of, web.sockets)),
        "health_address": ",".join(map(address_of, web.health_sockets)) or None,
        "tls": "on" if web.config and web.config.has_tls else None,
        "prefix": web.paths.prefix or None,
    }
    _log.info("listening", extra={"fields": facts})


def _allow_many_files() -> None:
    """Raise the soft limit of open files, usually 1024 for the sake of select(), as far as the hard one allows.

    A probe on behalf of `/probe` takes two files. Out of files, targets would look unreachable.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # a hard limit that the system itself does not keep
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _most_connections(config: Config) -> int:
    """Give how many clients may be connected: half of the files that may be open are left for probes."""
    wanted = max(_MOST_CONNECTIONS, 2 * config.probe_endpoint_concurrency)
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if files == resource.RLIM_INFINITY else min(wanted, files // 2)


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
def _reload_signal(reload: Callable[[], None]) -> Iterator[None]:
    """Have SIGHUP call `reload` while this is entered."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reload)
    # One that came during the start was kept back.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
