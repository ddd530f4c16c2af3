"""The pages for people, and the same as JSON: which path is answered by what."""

from collections.abc import Callable, Mapping
from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ocsp_exporter.config import Config, show_config
from ocsp_exporter.report.document import document
from ocsp_exporter.serving import api, history_page, raw_evidence, status_page, target_page, templates, verdicts_page
from ocsp_exporter.serving.exposition import compress
from ocsp_exporter.serving.history import History
from ocsp_exporter.serving.overview import Selection, selection
from ocsp_exporter.serving.probes import Clock
from ocsp_exporter.serving.rendering import Renderer
from ocsp_exporter.serving.responses import NO_SNIFFING, wants_gzip
from ocsp_exporter.serving.scheduler import Scheduler, Standing

_WRONG = 400
_NOT_FOUND = 404

_HTML = {**templates.PAGE_HEADERS, "Content-Type": "text/html; charset=utf-8"}
_JSON = {**NO_SNIFFING, "Cache-Control": "no-store", "Content-Type": "application/json"}
_YAML = {**NO_SNIFFING, "Cache-Control": "no-store", "Content-Type": "text/plain; charset=utf-8"}
_A_YEAR = "max-age=31536000, immutable"

#: What tells the pieces of evidence of one target from each other, beside the target's own labels.
_OF_EVIDENCE = ("file", "address", "key_type")


class Site:
    """Answers from what the workers found; all that takes long is done in a thread."""

    def __init__(self, scheduler: Scheduler, history: History, config: Callable[[], Config], clock: Clock) -> None:
        self._scheduler = scheduler
        self._history = history
        self._config = config
        self._clock = clock
        self._renderer = Renderer()

    def routes(self) -> list[Route]:
        """Give what is to be found where; the pages link to each other by relative URLs of this one level."""
        return [
            Route("/", self._status),
            Route("/target", self._target),
            Route("/evidence.der", self._evidence),
            Route("/history", self._events),
            Route("/verdicts", self._verdicts),
            Route("/config", self._configuration),
            Route("/api/v1/targets", self._targets),
            *(Route(f"/{name}", _asset) for name in templates.ASSETS),
        ]

    async def _status(self, request: Request) -> Response:
        parameters = request.query_params
        typed = parameters.get("q", "")
        try:
            asked = selection(typed, parameters.getlist("level"), parameters.get("sort", ""))
        except ValueError:  # an old bookmark, say: all of them is not wrong
            typed, asked = "", Selection()

        def prepare() -> Callable[[], bytes]:
            modules = self._config().modules
            return partial(status_page.render, self._scheduler.overview(), self._clock.wall(), modules, asked, typed)

        return await self._made(request, (self._status, asked, typed), prepare, _HTML)

    async def _target(self, request: Request) -> Response:
        parameters = dict(request.query_params)
        found = self._find(parameters)
        if len(found) != 1:
            page = target_page.render_missing(parameters.get("target", ""), [each.scheduled for each in found])
            return Response(page, _NOT_FOUND, _HTML)
        prepare = partial(partial, target_page.render, found[0], self._clock.wall())
        return await self._made(request, object(), prepare, _HTML)

    async def _evidence(self, request: Request) -> Response:
        parameters = dict(request.query_params)
        source, depth = parameters.pop("source", ""), parameters.pop("depth", "0")
        way = [(name, parameters.pop(name)) for name in _OF_EVIDENCE if name in parameters]
        results = [result for standing in self._find(parameters)[:1] for result in standing.results]
        found = raw_evidence.find(results, way, source, depth)
        if found is None:
            text = "There are no bytes of this evidence: ask for it by the links on the page of its target."
            raise HTTPException(_NOT_FOUND, text)
        result, evidence = found
        headers = {
            **NO_SNIFFING,
            "Cache-Control": "no-store",
            "Content-Type": raw_evidence.MEDIA_TYPE,
            "Content-Disposition": f'attachment; filename="{raw_evidence.file_name(result, evidence)}"',
        }
        return Response(evidence.der, headers=headers)

    async def _events(self, request: Request) -> Response:
        number = request.query_params.get("id")
        if number is None:
            prepare = partial(partial, history_page.render, self._history.events(), self._clock.wall())
            return await self._made(request, object(), prepare, _HTML)
        event = self._history.find(number)
        if event is None or event.result is None:
            raise HTTPException(_NOT_FOUND, "The history has no such result, or not any more.")
        told = document(event.result, event.result.obtained_at)
        return Response(api.as_json(told) + b"\n", headers=_JSON)

    async def _verdicts(self, request: Request) -> Response:
        return await self._made(request, self._verdicts, lambda: verdicts_page.render, _HTML)

    async def _configuration(self, request: Request) -> Response:
        prepare = partial(partial, show_config, self._config())
        return await self._made(request, object(), prepare, _YAML)

    async def _targets(self, request: Request) -> Response:
        try:
            query = api.read_query(request.query_params.multi_items())
        except ValueError as fault:
            raise HTTPException(_WRONG, str(fault)) from fault

        def prepare() -> Callable[[], bytes]:
            return partial(api.render, self._scheduler.overview(), self._clock.wall(), query)

        return await self._made(request, object(), prepare, _JSON)

    def _find(self, parameters: dict[str, str]) -> list[Standing]:
        """Give the targets that the parameters of a request name: by their name, and by module and labels if given."""
        labels = {name: value for name, value in parameters.items() if name not in {"target", "module"}}
        return self._scheduler.find(parameters.get("target", ""), parameters.get("module"), labels.items())

    async def _made(
        self, request: Request, key: object, prepare: Callable[[], Callable[[], bytes]], headers: Mapping[str, str]
    ) -> Response:
        """Answer with what is made in a thread, gzipped where the client takes that."""
        gzipped = wants_gzip(request)

        def prepare_body() -> Callable[[], bytes]:
            make = prepare()
            return (lambda: compress((make(),))) if gzipped else make

        body = await self._renderer.page((key, gzipped), prepare_body)
        encoding = {"Content-Encoding": "gzip"} if gzipped else {}
        return Response(body, headers={**headers, **encoding, "Vary": "Accept-Encoding"})


async def _asset(request: Request) -> Response:
    content, media_type = templates.ASSETS[request.url.path.rpartition("/")[2]]
    is_current = request.url.query == templates.ASSETS_VERSION
    headers = {**NO_SNIFFING, "Cache-Control": _A_YEAR if is_current else "no-cache"}
    return Response(content, media_type=media_type, headers=headers)
