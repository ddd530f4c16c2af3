"""The HTTP edge: which path is answered by what."""

from collections.abc import Callable, Iterable
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ocsp_exporter.serving import targets_document
from ocsp_exporter.serving.exposition import MetricsPage
from ocsp_exporter.serving.negotiation import negotiate_format
from ocsp_exporter.serving.probe_endpoint import ProbeEndpoint
from ocsp_exporter.serving.rendering import Renderer
from ocsp_exporter.serving.responses import NO_SNIFFING, exposition, refusal, wants_gzip
from ocsp_exporter.serving.scheduler import Scheduler


def create_app(
    metrics: MetricsPage, scheduler: Scheduler, probe_endpoint: ProbeEndpoint, further: Iterable[Route]
) -> Starlette:
    """Make the application: what Prometheus asks for, and `further` routes."""
    renderer = Renderer()

    async def metrics_page(request: Request) -> Response:
        form = negotiate_format(",".join(request.headers.getlist("accept")))
        gzipped = wants_gzip(request)
        page = await metrics.body(form, gzipped=gzipped)
        return exposition(request, form, page, compressed=gzipped)

    def prepare_targets() -> Callable[[], bytes]:
        return partial(targets_document.render, [each for each, _ in scheduler.overview()])

    async def targets(_request: Request) -> Response:
        document = await renderer.page("/sd", prepare_targets)
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
