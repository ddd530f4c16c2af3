"""Whether the exporter lives, and whether it is ready: of all pages those that may be had without TLS and login."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ocsp_exporter.serving.probes import Clock
from ocsp_exporter.serving.responses import refusal, sentence
from ocsp_exporter.serving.scheduler import Scheduler

# So long the first round of all targets may keep the exporter from being ready.
_FIRST_ROUND = 60.0


def health_routes(scheduler: Scheduler, clock: Clock) -> list[Route]:
    """Make `/-/healthy` and `/-/ready`; the exporter counts as started now."""
    started = clock.monotonic()

    async def healthy(_request: Request) -> Response:
        return sentence("ocsp_exporter is healthy.")

    async def ready(_request: Request) -> Response:
        if scheduler.first_round_done or clock.monotonic() - started >= _FIRST_ROUND:
            return sentence("ocsp_exporter is ready.")
        return sentence("Not ready: the first round of all targets is under way.", 503)

    return [Route("/-/healthy", healthy), Route("/-/ready", ready)]


def create_health_app(scheduler: Scheduler, clock: Clock) -> Starlette:
    """Make an application that has these pages and no other."""
    app = Starlette(routes=health_routes(scheduler, clock), exception_handlers={HTTPException: refusal})
    app.router.redirect_slashes = False
    return app
