"""The exporter without sockets, for the tests of what it answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from ocsp_exporter.config import Config, ConfigError, parse_config
from ocsp_exporter.model import Module, ProbeResult, Results, ScheduledTarget, Target
from ocsp_exporter.serving.app import create_app
from ocsp_exporter.serving.exposition import MetricsPage
from ocsp_exporter.serving.health import Readiness, health_routes
from ocsp_exporter.serving.history import History
from ocsp_exporter.serving.instruments import Instruments
from ocsp_exporter.serving.probe_endpoint import ProbeEndpoint
from ocsp_exporter.serving.probes import Clock, counted
from ocsp_exporter.serving.reloading import ConfigFile, Reloader
from ocsp_exporter.serving.scheduler import Scheduler
from ocsp_exporter.serving.site import Site
from tests.unit.results import GOOD, MODULE, NOW, found

CONFIG = parse_config("probe_endpoint: {concurrency: 7}", "f.yaml", Path("/nonexistent"))
MODULES = {"tls": MODULE, "strict": replace(MODULE, name="strict")}


class Exporter:
    """The exporter without sockets: a clock that is set by hand, and a prober that gives what `results` says.

    Of a target without a result the probe goes on until `release` is set.
    """

    def __init__(self, *targets: ScheduledTarget, concurrency: int = 512, **results: ProbeResult) -> None:
        self.now = 0.0
        self.results = {name.replace("_", "."): result for name, result in results.items()}
        self.variants: dict[str, Results] = {}
        self.limits: list[float | None] = []
        self.running: set[str] = set()
        self.release = asyncio.Event()
        clock = Clock(wall=lambda: NOW + self.now, monotonic=lambda: self.now)
        self.instruments = Instruments(MODULES)
        probe = counted(self.probe, self.instruments)
        history = History()
        self.scheduler = Scheduler(probe, concurrency=100, clock=clock, observe_results=history.note)
        self.scheduler.update(targets)
        self.endpoint = ProbeEndpoint(probe, MODULES, concurrency=concurrency, clock=clock)
        page = MetricsPage(self.scheduler.publications, self.instruments.registry, clock.wall)
        self.has_discovered = True
        readiness = Readiness(self.scheduler, lambda: self.has_discovered, clock)
        config = replace(CONFIG, modules=MODULES, targets=targets)
        reloader = Reloader(ConfigFile(self.load), config, self.use, self.instruments, clock)
        self.loaded: Config | ConfigError = config
        self.used: list[Config] = []
        site = Site(self.scheduler, history, lambda: reloader.config, clock)
        further = (*site.routes(), reloader.route(), *health_routes(readiness))
        self.app: Starlette = create_app(page, self.scheduler, self.endpoint, further)
        transport = httpx.ASGITransport(self.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://exporter")

    def load(self) -> Config:
        """Give the configuration that was laid down, or raise its faults."""
        if isinstance(self.loaded, ConfigError):
            raise self.loaded
        return self.loaded

    async def use(self, config: Config) -> None:
        """Note that a configuration came into force."""
        self.used.append(config)

    async def probe(self, target: Target, module: Module, limit: float | None = None, /) -> Results:
        """Give the result that was laid down for the target."""
        self.limits.append(limit)
        self.running.add(target.name)
        try:
            if target.name == "fault":
                raise ZeroDivisionError
            if target.name not in {**self.results, **self.variants}:
                await self.release.wait()
        finally:
            self.running.discard(target.name)
        results = self.variants.get(target.name) or (self.results.get(target.name, found(GOOD)),)
        return tuple(replace(each, target=target, module=module.name) for each in results)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask for a path; underscores in the names of headers stand for hyphens."""
        return await self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def own(self, name: str, **labels: str) -> float | None:
        """Give a value of `/metrics`, None where the series is absent."""
        return values(await self.get("/metrics")).get((name, frozenset(labels.items())))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the others go on until the condition holds."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - the conditions are about several objects
                await asyncio.sleep(0)

    @asynccontextmanager
    async def probing(self) -> AsyncIterator[None]:
        """Run the workers while this is entered, from the moment on at which they have begun."""
        async with asyncio.TaskGroup() as group:
            workers = group.create_task(self.scheduler.run())
            await asyncio.sleep(0)
            yield
            workers.cancel()


def values(response: httpx.Response) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Read a page of metrics."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }
