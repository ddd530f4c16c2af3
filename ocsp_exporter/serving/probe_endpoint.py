"""`/probe?target=&module=`: one probe on Prometheus's own schedule."""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ocsp_exporter.config import show_module
from ocsp_exporter.metrics import Publication
from ocsp_exporter.model import AllowedTargets, Module, Results, TargetForbidden
from ocsp_exporter.report.document import document
from ocsp_exporter.serving.changes import state_of
from ocsp_exporter.serving.exposition import render
from ocsp_exporter.serving.negotiation import Format, negotiate_format
from ocsp_exporter.serving.probe_log import collected
from ocsp_exporter.serving.probe_request import Form, ProbeRequest, read_request
from ocsp_exporter.serving.probes import Clock, Probe
from ocsp_exporter.serving.responses import NO_SNIFFING, exposition

_log = logging.getLogger(__name__)

_BUSY = 503
_FORBIDDEN = 403

# What is left of Prometheus's patience for the way back.
_RESERVE = 0.5

#: What a request is allowed where the configuration says nothing of it.
ANYTHING: Final = AllowedTargets()


class ProbeEndpoint:
    """Answers requests for probes, at most `concurrency` at a time, until it is closed.

    `probe` keeps the time limit that it is given, and raises nothing but CancelledError and TargetForbidden.
    """

    def __init__(
        self,
        probe: Probe,
        modules: Mapping[str, Module],
        *,
        concurrency: int,
        clock: Clock,
        allowed: AllowedTargets = ANYTHING,
    ) -> None:
        self._probe = probe
        self.modules = modules
        self._concurrency = concurrency
        self._clock = clock
        self._allowed = allowed
        self._probing: set[asyncio.Task[object]] = set()
        self._ended: set[asyncio.Task[object]] = set()
        self._closed = False

    def use(self, modules: Mapping[str, Module], *, concurrency: int, allowed: AllowedTargets) -> None:
        """Probe with these modules, so many at a time, what is allowed, from now on; what is running goes on."""
        self.modules = modules
        self._concurrency = concurrency
        self._allowed = allowed

    def close(self) -> None:
        """End the probes that are running, so that those who wait for them are answered now."""
        self._closed = True
        for probing in self._probing:
            self._end(probing)

    async def respond(self, request: Request) -> Response:
        """Answer a request: 200 whatever the probe found, and 400, 403 or 503 with a sentence where there was none.

        A client that leaves takes its probe with it.
        """
        asked = read_request(request.query_params, self.modules, self._allowed)
        if len(self._probing) >= self._concurrency:
            raise HTTPException(
                _BUSY,
                f"{self._concurrency} probes are running for /probe already; try again in a second, or raise "
                "probe_endpoint.concurrency.",
                {"Retry-After": "1"},
            )
        if asked.form is Form.DEBUG:
            with collected() as lines:
                results = await self._results(request, asked)
            return PlainTextResponse(self._debug_page(lines, results, asked.module), headers=NO_SNIFFING)
        results = await self._results(request, asked)
        if asked.form is Form.JSON:
            return Response(self._documents(results), media_type="application/json", headers=NO_SNIFFING)
        form = negotiate_format(",".join(request.headers.getlist("accept")))
        return exposition(request, form, self._metrics(results, form))

    async def _results(self, request: Request, asked: ProbeRequest) -> Results:
        """Give what the probe brought. Raises HTTPException where there was none."""
        limit = time_limit(request.headers.get("x-prometheus-scrape-timeout-seconds", ""))
        _log_begin(asked, limit)
        try:
            results = None if self._closed else await self._probed(request, asked, limit)
        except TargetForbidden as forbidden:
            raise HTTPException(_FORBIDDEN, str(forbidden)) from forbidden
        if results is None:
            raise HTTPException(_BUSY, "The exporter is shutting down.", {"Retry-After": "1"})
        _log_end(results)
        return results

    async def _probed(self, request: Request, asked: ProbeRequest, limit: float | None) -> Results | None:
        """Give what the probe brought, None where the client left or the endpoint was closed."""
        # The probe runs in the request's own task: one for itself, and waiting for either, took 25 µs more.
        probing = asyncio.current_task()
        assert probing  # noqa: S101 - this is a coroutine
        leaving = asyncio.create_task(self._end_when_left(probing, request))
        self._probing.add(probing)
        try:
            return await self._probe(asked.target, asked.module, limit)
        except asyncio.CancelledError:
            if probing not in self._ended or probing.uncancel():
                raise
            return None
        finally:
            self._probing.discard(probing)
            self._ended.discard(probing)
            leaving.cancel()

    async def _end_when_left(self, probing: asyncio.Task[object], request: Request) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self._end(probing)

    def _end(self, probing: asyncio.Task[object]) -> None:
        """Cancel a probe, once: the client may leave while the exporter ends."""
        if probing not in self._ended:
            self._ended.add(probing)
            probing.cancel()

    def _metrics(self, results: Results, form: Format) -> bytes:
        return render(map(Publication, results), self._clock.wall(), form)

    def _documents(self, results: Results) -> str:
        now = self._clock.wall()
        return json.dumps({"results": [document(result, now) for result in results]})

    def _debug_page(self, lines: Sequence[str], results: Results, module: Module) -> str:
        """Give what blackbox_exporter gives, in its order and under its headings."""
        parts = {
            "Logs for the probe:": "".join(f"{line}\n" for line in lines),
            "Metrics that would have been returned:": self._metrics(results, Format.TEXT).decode(),
            "Module configuration:": show_module(module),
        }
        return "\n\n\n".join(f"{heading}\n{text}" for heading, text in parts.items())


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


def _log_begin(asked: ProbeRequest, limit: float | None) -> None:
    about = {"target": asked.target.name, "module": asked.module.name}
    timeout = asked.module.timeout if limit is None else min(limit, asked.module.timeout)
    if asked.ignored:
        fields = {**about, "parameters": ",".join(asked.ignored)}
        _log.debug("unknown parameters of /probe are ignored", extra={"fields": fields})
    _log.debug("probe begins", extra={"fields": {**about, "timeout": timeout}})


def _log_end(results: Results) -> None:
    for result in results if _log.isEnabledFor(logging.DEBUG) else ():
        about = {"target": result.target.name, "module": result.module, **dict(result.variant)}
        found = {"state": state_of(result), "detail": result.detail or None, "duration": round(result.duration, 4)}
        _log.debug("target probed", extra={"fields": {**about, **found}})
