"""The HTTP edge: which path is answered by what."""

import asyncio
from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ocsp_exporter.serving import targets_document
from ocsp_exporter.serving.exposition import MetricsPage
from ocsp_exporter.serving.negotiation import negotiate_format
from ocsp_exporter.serving.probe_endpoint import ProbeEndpoint
from ocsp_exporter.serving.responses import NO_SNIFFING, exposition, refusal, wants_gzip
from ocsp_exporter.serving.scheduler import Scheduler


def create_app(
    metrics: MetricsPage, scheduler: Scheduler, probe_endpoint: ProbeEndpoint, further: Iterable[Route]
) -> Starlette:
    """Make the application: what Prometheus asks for, and `further` routes."""

    async def metrics_page(request: Request) -> Response:
        form = negotiate_format(",".join(request.headers.getlist("accept")))
        gzipped = wants_gzip(request)
        page = await metrics.body(form, gzipped=gzipped)
        return exposition(request, form, page, compressed=gzipped)

    async def targets(_request: Request) -> Response:
        scheduled = [each for each, _ in scheduler.overview()]
        document = await asyncio.to_thread(targets_document.render, scheduled)
        return Response(document, media_type="application/json", headers=NO_SNIFFING)

    routes = [
        Route("/metrics", metrics_page),
        Route("/probe", probe_endpoint.respond),
        Route("/sd", targets),
        *further,
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: refusal})
    app.router.redirect_slashes = False
    return app
