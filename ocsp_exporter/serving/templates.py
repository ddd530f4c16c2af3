"""What the pages for people share: templates and what they may call, style and script, and the headers they go with."""

import re
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ocsp_exporter import __version__
from ocsp_exporter.advice import advise
from ocsp_exporter.model import Failure, Problem, ScheduledTarget, Source
from ocsp_exporter.quoting import printable
from ocsp_exporter.report import words
from ocsp_exporter.serving.plan import key_of
from ocsp_exporter.serving.responses import NO_SNIFFING

_PAGES = Path(__file__).parent / "pages"

#: The files that pages link to, by name: their content and its type.
ASSETS: Final = MappingProxyType(
    {
        "style.css": ((_PAGES / "style.css").read_bytes(), "text/css"),
        "script.js": ((_PAGES / "script.js").read_bytes(), "text/javascript"),
    }
)
#: In the links to these files, so that a browser keeps each until there is another.
ASSETS_VERSION: Final = sha256(b"".join(content for content, _ in ASSETS.values())).hexdigest()[:12]

#: Script and style are files of ours alone: whatever a target is called, nothing of it runs. A page is of the moment
#: that it was asked for, and its address, which may name inner hosts, is told to nobody.
PAGE_HEADERS: Final = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
        **NO_SNIFFING,
    }
)


def render(template: str, **values: object) -> bytes:
    """Give a page; what a template says of a time is as of the value `now`."""
    return _TEMPLATES.get_template(template).render(values).encode("utf-8", "replace")


def target_query(scheduled: ScheduledTarget) -> str:
    """Give the part of a URL that names a target: its name, module and labels."""
    return _query(*key_of(scheduled))


@lru_cache(maxsize=65536)
def _query(name: str, module: str, labels: tuple[tuple[str, str], ...]) -> str:
    return urlencode((("target", name), ("module", module), *labels), errors="replace")


def place_of(word: Problem | Failure) -> str:
    """Give where a word is explained, as a link from any page."""
    return f"verdicts#{'problem' if isinstance(word, Problem) else 'failure'}-{word}"


def _spaced(word: str) -> str:
    return word.replace("_", " ")


def _code(text: str) -> Markup:
    """Give a text in which what stands between backticks is shown as code."""
    parts = (escape(part) for part in re.split(r"`([^`]*)`", text))
    return Markup("").join(Markup("<code>{}</code>").format(part) if n % 2 else part for n, part in enumerate(parts))


def _moment(seconds: float | None, now: float) -> str:
    return "" if seconds is None else f"{words.utc(seconds)} ({words.relative(seconds, now)})"


_TITLES: Final = MappingProxyType(
    {Source.STAPLE: "Staple", Source.RESPONDER: "Responder", Source.CRL: "CRL", Source.FILE: "File"}
)

_TEMPLATES = Environment(
    loader=FileSystemLoader(_PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_TEMPLATES.globals |= {"version": __version__, "assets": ASSETS_VERSION}
_TEMPLATES.filters |= {
    "advice": advise,
    "ago": lambda seconds, now: f"{words.span(max(0.0, now - seconds))} ago",
    "code": _code,
    "milliseconds": words.milliseconds,
    "moment": _moment,
    "place": place_of,
    "printable": printable,
    "relative": words.relative,
    "span": words.span,
    "short": partial(printable, limit=300),
    "spaced": _spaced,
    "target_query": target_query,
    "title": lambda source: _TITLES[source],
    "utc": words.utc,
}
