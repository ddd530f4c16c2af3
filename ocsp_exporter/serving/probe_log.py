"""The log of one probe, for whoever asked for it."""

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from ocsp_exporter.serving.logs import Formatter

#: All that the exporter logs itself passes here.
_HOUSE = logging.getLogger(__name__.partition(".")[0])

#: So many lines of a probe are kept, the last ones.
_MOST_LINES = 1000

_lines: ContextVar[deque[str] | None] = ContextVar("lines of the probe's log", default=None)


class _Collector(logging.Handler):
    """Gives each record to the log of the probe in whose course it was made.

    That is known by the context, which tasks inherit from those who start them: what a probe has fetched belongs to its
    log, and not to that of another that waits for the same.
    """

    def emit(self, record: logging.LogRecord) -> None:
        lines = _lines.get()
        if lines is not None:
            lines.append(self.format(record))


class _Collecting:
    """The collector at work for as long as anybody collects: until then nothing below the level of the log is made."""

    def __init__(self) -> None:
        self._collector = _Collector()
        self._collector.setFormatter(Formatter("logfmt"))
        self._users = 0
        self._level = logging.NOTSET

    def begin(self) -> None:
        self._users += 1
        if self._users == 1:
            self._level = _HOUSE.level
            _HOUSE.addHandler(self._collector)
            _HOUSE.setLevel(logging.DEBUG)

    def end(self) -> None:
        self._users -= 1
        if self._users == 0:
            _HOUSE.setLevel(self._level)
            _HOUSE.removeHandler(self._collector)


_collecting = _Collecting()


@contextmanager
def collected() -> Iterator[Sequence[str]]:
    """Give the lines that are logged while this is entered, from here or from tasks that begin here: at all levels.

    What goes to stderr stays as it is; see `logs.set_up`.
    """
    lines: deque[str] = deque(maxlen=_MOST_LINES)
    before = _lines.set(lines)
    _collecting.begin()
    try:
        yield lines
    finally:
        _collecting.end()
        _lines.reset(before)
