"""Whether the exporter lives, and whether it is ready: of all pages those that may be had without TLS and login."""

from collections.abc import Callable

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


class Readiness:
    """Whether the exporter has begun to say what there is to say. It counts as started now.

    `has_discovered`: whether each source of targets has answered or failed once.
    """

    def __init__(self, scheduler: Scheduler, has_discovered: Callable[[], bool], clock: Clock) -> None:
        self._scheduler = scheduler
        self._has_discovered = has_discovered
        self._clock = clock
        self._started = clock.monotonic()

    def awaited(self) -> str:
        """Say what is waited for; nothing where it is ready."""
        if not self._has_discovered():
            return "files or URLs that list targets have not been read yet"
        if self._scheduler.first_round_done or self._clock.monotonic() - self._started >= _FIRST_ROUND:
            return ""
        return "the first round of all targets is under way"


def health_routes(readiness: Readiness) -> list[Route]:
    """Make `/-/healthy` and `/-/ready`."""

    async def healthy(_request: Request) -> Response:
        return sentence("ocsp_exporter is healthy.")

    async def ready(_request: Request) -> Response:
        awaited = readiness.awaited()
        return sentence(f"Not ready: {awaited}.", 503) if awaited else sentence("ocsp_exporter is ready.")

    return [Route("/-/healthy", healthy), Route("/-/ready", ready)]


def create_health_app(readiness: Readiness) -> Starlette:
    """Make an application that has these pages and no other."""
    app = Starlette(routes=health_routes(readiness), exception_handlers={HTTPException: refusal})
    app.router.redirect_slashes = False
    return app
