"""Log lines on stderr: logfmt or JSON, one line an event, whatever is in it.

A call gives its facts as `extra={"fields": {"target": …}}`, under a name of ours because logging wants `module` and
others for itself. A fact that is None is left out. What stands before the host in a URL is never shown: it may be a
password.
"""

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal

from ocsp_exporter.quoting import without_userinfo

# Everything else is quoted, as JSON quotes: escaped in it are quotes, backslashes, line breaks and all that a
# terminal could take for a command or for another direction of writing.
_BARE = re.compile(r"[^\s\"=\\\x00-\x1f\x7f-\U0010ffff]+")


class Formatter(logging.Formatter):
    """Formats a record as `time= level= msg= key=value…`, or as one JSON object with the same keys."""

    def __init__(self, form: Literal["logfmt", "json"]) -> None:
        super().__init__()
        self._json = form == "json"

    def format(self, record: logging.LogRecord) -> str:
        """Give the line, without its end."""
        facts = dict(self._facts(record))
        if self._json:
            return json.dumps(facts)
        return " ".join(f"{_key(key)}={_value(value)}" for key, value in facts.items())

    def _facts(self, record: logging.LogRecord) -> Iterator[tuple[str, object]]:
        moment = datetime.fromtimestamp(record.created, UTC)
        yield "time", moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        yield "level", record.levelname.lower()
        yield "msg", without_userinfo(record.getMessage())
        facts: Mapping[str, object] = getattr(record, "fields", {})
        yield from ((key, _told(value)) for key, value in facts.items() if value is not None)
        if record.exc_info:
            yield "error", without_userinfo(self.formatException(record.exc_info))


class OnceAMinute(logging.Filter):
    """Lets messages that begin with a text pass once a minute.

    While no file can be opened, asyncio tells it for every connection that could wait, every second.
    """

    def __init__(self, beginning: str) -> None:
        super().__init__()
        self._beginning = beginning
        self._quiet_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record passes."""
        if not record.getMessage().startswith(self._beginning):
            return True
        if record.created < self._quiet_until:
            return False
        self._quiet_until = record.created + 60
        return True


def set_up(level: str, form: Literal["logfmt", "json"]) -> None:
    """Send all logging of this process to stderr, from this level on (`debug`, `info`, `warn`, `error`)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(level.upper())  # of its own: a logger may be told to make more, for others
    handler.setFormatter(Formatter(form))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # Libraries that tell every request and every task: theirs only when something is wrong.
    for library in ("asyncio", "httpcore", "httpx", "uvicorn"):
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.getLogger("asyncio").addFilter(OnceAMinute("socket.accept() out of system resource"))


def _told(value: object) -> str | int | float:
    """Give a number as it is, and anything else as text."""
    return value if isinstance(value, int | float) else without_userinfo(str(value))


def _key(text: str) -> str:
    return re.sub(r"[\s\"=\\]", "_", text)


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if _BARE.fullmatch(text) else json.dumps(text)
