"""Where the exporter is reached: below a path, and perhaps through a reverse proxy that shows another.

As Prometheus defines it: `--web.external-url` is what browsers see, `--web.route-prefix` the path of the requests that
arrive, by default that of the former. Pages link to each other by relative URLs, so that only redirects depend on it.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from ocsp_exporter.quoting import without_secrets
from ocsp_exporter.serving.responses import refusal

_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?")
_FOUND = 302


@dataclass(frozen=True, slots=True)
class Paths:
    """`prefix` is what all paths of requests begin with, such as `/ocsp`; `home` is the first page's, for browsers."""

    prefix: str = ""
    home: str = "/"


AT_THE_TOP: Final = Paths()


def read_paths(external_url: str | None, route_prefix: str | None) -> Paths:
    """Read what the command line says; None or nothing: not given. Raises ValueError with a sentence."""
    external = _path_of(external_url) if external_url else None
    prefix = _checked("--web.route-prefix", route_prefix) if route_prefix else external or ""
    return Paths(prefix, (prefix if external is None else external) + "/")


def mounted(app: ASGIApp, paths: Paths) -> ASGIApp:
    """Make an application that has another one below the prefix, and shows the way to it."""
    if not paths.prefix:
        return app
    below = f"{paths.prefix}/"

    async def go_home(request: Request) -> RedirectResponse:
        # Where a proxy adds the prefix, whoever comes here did not come through it.
        direct = request.url.path == paths.home
        return RedirectResponse(below if direct else paths.home, _FOUND)

    routes = [Route("/", go_home), Route(paths.prefix, go_home), Mount(paths.prefix, app)]
    outer = Starlette(routes=routes, exception_handlers={HTTPException: refusal})
    outer.router.redirect_slashes = False
    return outer


def _path_of(url: str) -> str:
    """Give the path of a URL, or a path that is given alone, without a slash at its end."""
    expected = "expected a URL such as https://proxy.example.org/ocsp/, or the path of one"
    wrong = ValueError(f"--web.external-url {without_secrets(url)!r}: {expected}")
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        raise wrong from None
    is_path = not parts.scheme and not parts.netloc and url.startswith("/")
    if not (is_whole or is_path) or parts.query or parts.fragment:
        raise wrong
    return _checked("--web.external-url", parts.path)


def _checked(option: str, path: str) -> str:
    path = path if path.startswith("/") or not path else f"/{path}"
    if not _PATH.fullmatch(path):
        raise ValueError(
            f"{option}: the path {without_secrets(path)!r} has more than letters, digits, - . _ ~ and single slashes"
        )
    return path.rstrip("/")
