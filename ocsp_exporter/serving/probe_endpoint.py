"""`/probe?target=&module=`: one probe on Prometheus's own schedule."""

import asyncio
from collections.abc import Mapping
from math import isfinite

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ocsp_exporter.config import DEFAULT_MODULE
from ocsp_exporter.metrics import Publication
from ocsp_exporter.model import Module, ProberKind, Results, Target
from ocsp_exporter.serving.exposition import render
from ocsp_exporter.serving.negotiation import negotiate_format
from ocsp_exporter.serving.probes import Clock, Probe
from ocsp_exporter.serving.responses import exposition
from ocsp_exporter.target import TargetError, read_target

_PARAMETERS = ("target", "module")
_BUSY = 503
_WRONG = 400

# What is left of Prometheus's patience for the way back.
_RESERVE = 0.5


class ProbeEndpoint:
    """Answers requests for probes, at most `concurrency` at a time, until it is closed.

    `probe` keeps the time limit
    that it is given, and raises nothing but CancelledError.
    """

    def __init__(
        self,
        probe: Probe,
        modules: Mapping[str, Module],
        *,
        concurrency: int,
        clock: Clock,
    ) -> None:
        self._probe = probe
        self.modules = modules
        self._concurrency = concurrency
        self._clock = clock
        self._probing: set[asyncio.Task[Results]] = set()
        self._closed = False

    def close(self) -> None:
        """End the probes that are running, so that those who wait for them are answered now."""
        self._closed = True
        for probing in self._probing:
            probing.cancel()

    async def respond(self, request: Request) -> Response:
        """Answer a request: 200 with metrics whatever the probe found, 400 or 503 with a sentence.

        A client that leaves takes its probe with it.
        """
        target, module = self._asked_for(request)
        if len(self._probing) >= self._concurrency:
            raise HTTPException(
                _BUSY,
                f"{self._concurrency} probes are running for /probe already; try again in a second, or raise "
                "probe_endpoint.concurrency.",
                {"Retry-After": "1"},
            )
        results = None if self._closed else await self._results(request, target, module)
        if results is None:
            raise HTTPException(_BUSY, "The exporter is shutting down.", {"Retry-After": "1"})
        form = negotiate_format(",".join(request.headers.getlist("accept")))
        return exposition(request, form, render(map(Publication, results), self._clock.wall(), form))

    def _asked_for(self, request: Request) -> tuple[Target, Module]:
        parameters = request.query_params
        for name in parameters:
            if name not in _PARAMETERS:
                raise HTTPException(_WRONG, f"Unknown parameter {name!r}: /probe knows target and module.")
            if len(parameters.getlist(name)) > 1:
                raise HTTPException(_WRONG, f"Parameter {name} was given more than once; give it once.")
        name = parameters.get("module") or DEFAULT_MODULE
        if name not in self.modules:
            raise HTTPException(_WRONG, f"Unknown module {name!r}: known are {', '.join(sorted(self.modules))}.")
        module = self.modules[name]
        text = parameters.get("target", "")
        if not text and module.prober is not ProberKind.RESPONDER:
            raise HTTPException(_WRONG, "Parameter target is missing: ask for /probe?target=HOST:PORT.")
        try:
            target = read_target(text, module)
        except TargetError as fault:
            raise HTTPException(_WRONG, str(fault)) from fault
        if target.is_file:
            raise HTTPException(_WRONG, "Files are looked at only where the configuration names them as targets.")
        return target, module

    async def _results(self, request: Request, target: Target, module: Module) -> Results | None:
        """Give what the probe brought, None where the client left or the endpoint was closed."""
        limit = time_limit(request.headers.get("x-prometheus-scrape-timeout-seconds", ""))
        probing = asyncio.create_task(self._probe(target, module, limit))
        leaving = asyncio.create_task(_until_disconnected(request))
        self._probing.add(probing)
        try:
            await asyncio.wait({probing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._probing.discard(probing)
            probing.cancel()
            leaving.cancel()
            await asyncio.wait({probing, leaving})
        return None if probing.cancelled() else probing.result()


def time_limit(header: str) -> float | None:
    """Give the seconds a probe may take for a value of X-Prometheus-Scrape-Timeout-Seconds.

    That is half a second less than Prometheus waits, and half of it where it waits less than a second. A header
    that is no positive number limits nothing: the module's timeout holds anyway.
    """
    try:
        patience = float(header)
    except ValueError:
        return None
    return max(patience - _RESERVE, patience / 2) if isfinite(patience) and patience > 0 else None


async def _until_disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
