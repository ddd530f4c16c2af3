"""The kinds of HTTP response that the endpoints give."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ocsp_exporter.serving.exposition import compress
from ocsp_exporter.serving.negotiation import Format, accepts_gzip

NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}


def sentence(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Give one line of plain text."""
    return PlainTextResponse(f"{text}\n", status, {**NO_SNIFFING, **(headers or {})})


async def refusal(_request: Request, exception: Exception) -> Response:
    """Say in one line why a request was refused."""
    if not isinstance(exception, HTTPException):
        raise exception
    return PlainTextResponse(
        f"{exception.detail}\n", exception.status_code, {**NO_SNIFFING, **(exception.headers or {})}
    )


def wants_gzip(request: Request) -> bool:
    """Tell whether the client takes a gzipped body."""
    return accepts_gzip(",".join(request.headers.getlist("accept-encoding")))


def exposition(request: Request, form: Format, page: bytes, *, compressed: bool = False) -> Response:
    """Give a page of metrics, which may be `compressed` already and otherwise is where the client takes that."""
    headers = {"Content-Type": form.value, "Vary": "Accept, Accept-Encoding"}
    if compressed or wants_gzip(request):
        headers["Content-Encoding"] = "gzip"
        page = page if compressed else compress((page,))
    return Response(page, headers=headers)
