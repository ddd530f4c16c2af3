"""The HTTP edge: which path is answered by what."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ocsp_exporter.config import Config
from ocsp_exporter.serving.exposition import MetricsPage
from ocsp_exporter.serving.health import health_routes
from ocsp_exporter.serving.history import History
from ocsp_exporter.serving.negotiation import negotiate_format
from ocsp_exporter.serving.probe_endpoint import ProbeEndpoint
from ocsp_exporter.serving.probes import Clock
from ocsp_exporter.serving.responses import exposition, refusal, wants_gzip
from ocsp_exporter.serving.scheduler import Scheduler
from ocsp_exporter.serving.site import Site


def create_app(
    metrics: MetricsPage,
    scheduler: Scheduler,
    probe_endpoint: ProbeEndpoint,
    clock: Clock,
    history: History,
    config: Callable[[], Config],
) -> Starlette:
    """Make the application, `config` giving the configuration that holds; it counts as started now."""

    async def metrics_page(request: Request) -> Response:
        form = negotiate_format(",".join(request.headers.getlist("accept")))
        gzipped = wants_gzip(request)
        page = await metrics.body(form, gzipped=gzipped)
        return exposition(request, form, page, compressed=gzipped)

    routes = [
        *Site(scheduler, history, config, clock).routes(),
        Route("/metrics", metrics_page),
        Route("/probe", probe_endpoint.respond),
        *health_routes(scheduler, clock),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: refusal})
    app.router.redirect_slashes = False
    return app
