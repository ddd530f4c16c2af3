"""Loading the configuration anew while the exporter runs: on a signal, on request, or when the file has changed."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ocsp_exporter.config import DEFAULT_CONFIG, Config, ConfigError, Fault
from ocsp_exporter.serving.cross_origin import is_cross_origin
from ocsp_exporter.serving.instruments import Instruments
from ocsp_exporter.serving.probes import Clock
from ocsp_exporter.serving.responses import NO_SNIFFING, sentence
from ocsp_exporter.serving.threads import in_thread

_log = logging.getLogger(__name__)

#: Keys of the configuration that a reload changes nothing about.
_SETTLED_AT_START: Final = ("store", "egress")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """Where the configuration comes from. `load` raises ConfigError; it and the file may have to be waited for.

    `path` None: there is no file. It is looked at each `watch_interval` seconds, None: never; `digest` is that of what
    was loaded last.
    """

    load: Callable[[], Config]
    path: Path | None = None
    watch_interval: float | None = None
    digest: bytes | None = None


class Reloader:
    """Replaces the configuration, once at a time. `use` brings one into force; `opened` is the one at the start.

    `config` is the one that holds; `announced` is entered while it is replaced.
    """

    def __init__(
        self,
        file: ConfigFile,
        opened: Config,
        use: Callable[[Config], Awaitable[None]],
        instruments: Instruments,
        clock: Clock,
        announced: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._file = file
        self._opened = self.config = opened
        self._use = use
        self._instruments = instruments
        self._clock = clock
        self._announced = announced
        self._one_at_a_time = asyncio.Lock()
        self._is_asked = asyncio.Event()
        self._digest = file.digest

    def ask(self) -> None:
        """Have the configuration loaded soon by `run`."""
        self._is_asked.set()

    async def run(self) -> None:
        """Load the configuration when asked to, and when what is in the watched file has changed, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._file.watch_interval):
                    await self._is_asked.wait()
            is_asked = self._is_asked.is_set()
            self._is_asked.clear()
            if is_asked or await self._has_changed():
                await self._reload_quietly()

    async def _has_changed(self) -> bool:
        try:
            return await in_thread(partial(digest_of, self._file.path)) != self._digest
        except RuntimeError:  # the system gives no thread now; it is looked at again soon
            return False

    async def reload(self) -> tuple[str, ...]:
        """Load the configuration and use it. Gives sentences about what of it takes a restart.

        Raises ConfigError where it has faults, which are logged: then all stays as it was.
        """
        async with self._one_at_a_time:
            with self._announced():
                return await self._reload()

    async def _reload(self) -> tuple[str, ...]:
        # The digest first: what comes into the file after that is a change.
        self._digest = await in_thread(partial(digest_of, self._file.path))
        try:
            config = await in_thread(self._file.load)
            self._check_not_emptied(config)
            await self._use(config)
            self.config = self._in_force(config)
        except Exception as error:
            self._instruments.not_loaded()
            for fault in error.faults if isinstance(error, ConfigError) else (error,):
                _log.error("configuration refused, the running one stays", extra={"fields": {"fault": str(fault)}})
            raise
        self._instruments.loaded(self._clock.wall())
        path = str(self._file.path) if self._file.path else None
        _log.info("configuration loaded", extra={"fields": {"file": path, "targets": len(config.targets)}})
        remarks = tuple(_needs_restart(self._opened, config))
        for remark in remarks:
            _log.warning("configuration not followed yet", extra={"fields": {"remark": remark}})
        return remarks

    def _check_not_emptied(self, config: Config) -> None:
        """Raise ConfigError for one that says nothing in the place of one that does: so is a file that is written."""
        if config == DEFAULT_CONFIG != self.config:
            told = "says nothing, as a file does that is being written; to run without any, start the exporter again"
            raise ConfigError((Fault(str(self._file.path or ""), 0, 0, "", told),))

    def _in_force(self, config: Config) -> Config:
        """Give a configuration as it holds, and is shown: with what was settled at the start."""
        followed = {key: value for key, value in config.written.items() if key not in _SETTLED_AT_START}
        settled = {key: value for key, value in self._opened.written.items() if key in _SETTLED_AT_START}
        return replace(config, written={**followed, **settled})

    async def _reload_quietly(self) -> None:
        """Load the configuration and use it; what is wrong is only logged."""
        try:
            await self.reload()
        except ConfigError:
            pass
        except Exception:  # noqa: BLE001 - whatever it is, the exporter goes on as it was
            _log.exception("reloading ended in an error of the exporter")

    def route(self) -> Route:
        """Make `/-/reload`."""

        async def respond(request: Request) -> Response:
            if is_cross_origin(request.headers):
                return sentence("A page of another site asks for this, which only pages of this one may.", 403)
            try:
                remarks = await self.reload()
            except ConfigError as error:
                told = f"The configuration has faults, and the running one stays:\n{error}\n"
                return Response(told, 500, NO_SNIFFING, "text/plain")
            return sentence("\n".join(["The configuration was loaded.", *remarks]))

        return Route("/-/reload", respond, methods=["POST", "PUT"])


def _needs_restart(opened: Config, config: Config) -> Iterator[str]:
    """Say what differs that was settled when the exporter started."""
    before, after = (opened.store_path, opened.egress), (config.store_path, config.egress)
    for key, was, is_now in zip(_SETTLED_AT_START, before, after, strict=True):
        if was != is_now:
            yield f"{key} has changed: it takes effect when the exporter is started again, and not before."


def digest_of(path: Path | None) -> bytes | None:
    """Give a hash of what is in a file, None where it cannot be read now."""
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return None
