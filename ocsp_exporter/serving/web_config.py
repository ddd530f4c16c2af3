"""The web configuration as it is on disk now: read again when it, or a file that it names, has changed."""

import asyncio
import logging
import math
import ssl
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from ocsp_exporter.config import ConfigError, Document, Fault, read_text
from ocsp_exporter.config.web import WebConfig, files_named_in, parse_web_config, read_web_document
from ocsp_exporter.serving.threads import in_thread
from ocsp_exporter.serving.tls import make_context

_log = logging.getLogger(__name__)

#: Seconds between two looks whether there are changes.
_LOOK_EVERY: Final = 1.0
#: Seconds after which a file with faults is read again although it seems unchanged: what kept us from it may be over.
_TRY_AGAIN: Final = 10.0

#: What tells one content of a file from another: device, file, times and size; or why there is none.
_State = tuple[int, ...]


class WebConfigFile:
    """A web configuration that holds until there is another without faults: `config`.

    `WebConfigFile(path)` raises ConfigError; later faults are logged, once, and the last good configuration stays.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._monotonic = monotonic
        self._watched: tuple[Path, ...] = (path,)
        self._seen: tuple[_State, ...] = ()
        self._try_again = math.inf
        self._faults = ""
        self.config, self._context = self._parse(self._read())
        self.has_tls = self._context is not None

    async def follow(self) -> None:
        """Look for changes again and again, until cancelled; a disk that hangs keeps nobody else waiting."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                await in_thread(self.look)
            except Exception:  # noqa: BLE001 - whatever it is, the exporter goes on as it was
                _log.exception("looking at the web configuration ended in an error of the exporter")

    def look(self) -> None:
        """Read what has changed. Waits for the disk."""
        if self._seen != _states(self._watched) or self._monotonic() >= self._try_again:
            self._refresh()

    def context(self) -> ssl.SSLContext:
        """Give the context that holds now for new connections; only where there is TLS."""
        if self._context is None:
            raise RuntimeError("there is no TLS in this web configuration")
        return self._context

    def log_remarks(self) -> None:
        """Log what is not done quite as the configuration says."""
        for remark in self.config.remarks:
            _log.warning("web configuration not followed to the letter", extra={"fields": {"remark": str(remark)}})

    def _refresh(self) -> None:
        self._try_again = math.inf
        try:
            document = self._read()
            if document.value is None and not document.faults:
                raise self._error("", "is empty, as a file is that is being written")
            config, context = self._parse(document)
            if (config.tls is not None) is not self.has_tls:
                raise self._error("tls_server_config", "TLS begins and ends with the exporter: start it again")
        except ConfigError as error:
            self._try_again = self._monotonic() + _TRY_AGAIN
            self._log_faults(error)
            return
        self.config, self._context, self._faults = config, context, ""
        _log.info("web configuration loaded", extra={"fields": {"file": str(self._path)}})
        self.log_remarks()

    def _log_faults(self, error: ConfigError) -> None:
        if self._faults != str(error):
            self._faults = str(error)
            for fault in error.faults:
                fields = {"fault": str(fault)}
                _log.error("web configuration refused, the last good one stays", extra={"fields": fields})

    def _read(self) -> Document:
        """Read the file as it is now, and note which files it names. Raises ConfigError."""
        # The state is looked at before the content, so that a change in between is seen the next time.
        self._watched, self._seen = (self._path,), _states((self._path,))
        document = read_web_document(read_text(self._path), str(self._path))
        named = files_named_in(document, self._path.parent)
        self._watched, self._seen = (self._path, *named), (*self._seen, *_states(named))
        return document

    def _parse(self, document: Document) -> tuple[WebConfig, ssl.SSLContext | None]:
        config = parse_web_config(document, self._path.parent)
        try:
            return config, make_context(config.tls) if config.tls else None
        except (OSError, ValueError) as error:  # SSLError is an OSError
            reason = error.reason if isinstance(error, ssl.SSLError) else error
            raise self._error("tls_server_config", f"OpenSSL does not take it: {reason}") from None

    def _error(self, path: str, message: str) -> ConfigError:
        return ConfigError((Fault(str(self._path), 0, 0, path, message),))


def _states(files: Iterable[Path]) -> tuple[_State, ...]:
    return tuple(map(_state, files))


def _state(file: Path) -> _State:
    try:
        found = file.stat()
    except OSError as error:
        return (error.errno or 0,)
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
