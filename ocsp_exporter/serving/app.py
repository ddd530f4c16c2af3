"""The HTTP edge: which path is answered by what."""

import asyncio
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ocsp_exporter.serving import status_page, targets_document
from ocsp_exporter.serving.exposition import MetricsPage
from ocsp_exporter.serving.health import Readiness, health_routes
from ocsp_exporter.serving.negotiation import negotiate_format
from ocsp_exporter.serving.probe_endpoint import ProbeEndpoint
from ocsp_exporter.serving.probes import Clock
from ocsp_exporter.serving.responses import NO_SNIFFING, exposition, refusal, wants_gzip
from ocsp_exporter.serving.scheduler import Scheduler

# The page has no script, and its style is a file of its own: whatever a target is called, nothing of it runs.
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    **NO_SNIFFING,
}


def create_app(
    metrics: MetricsPage,
    scheduler: Scheduler,
    probe_endpoint: ProbeEndpoint,
    clock: Clock,
    *,
    readiness: Readiness,
    reload: Route,
) -> Starlette:
    """Make the application; `reload` is the route for `/-/reload`."""

    async def metrics_page(request: Request) -> Response:
        form = negotiate_format(",".join(request.headers.getlist("accept")))
        gzipped = wants_gzip(request)
        page = await metrics.body(form, gzipped=gzipped)
        return exposition(request, form, page, compressed=gzipped)

    async def status(_request: Request) -> Response:
        page = await asyncio.to_thread(status_page.render, scheduler.overview(), clock.wall(), probe_endpoint.modules)
        return Response(page, media_type="text/html", headers=_PAGE_HEADERS)

    async def style(_request: Request) -> Response:
        return FileResponse(Path(status_page.PAGES, "style.css"), headers=NO_SNIFFING)

    async def targets(_request: Request) -> Response:
        scheduled = [each for each, _ in scheduler.overview()]
        document = await asyncio.to_thread(targets_document.render, scheduled)
        return Response(document, media_type="application/json", headers=NO_SNIFFING)

    routes = [
        Route("/", status),
        Route("/style.css", style),
        Route("/metrics", metrics_page),
        Route("/probe", probe_endpoint.respond),
        Route("/sd", targets),
        reload,
        *health_routes(readiness),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: refusal})
    app.router.redirect_slashes = False
    return app
