"""An exporter for tests to start as a process: `python -m tests.unit.serving_process ADDRESS…`.

Its prober never ends. Where it listens is told on stderr, as by the real one.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from ocsp_exporter.config import DEFAULT_CONFIG
from ocsp_exporter.model import Module, Results, Target
from ocsp_exporter.serving import logs
from ocsp_exporter.serving.instruments import Instruments
from ocsp_exporter.serving.listening import bind
from ocsp_exporter.serving.probes import Probe
from ocsp_exporter.serving.server import Web, Work, serve
from tests.unit.results import MODULE, scheduled


async def never(_target: Target, _module: Module, _limit: float | None = None, /) -> Results:
    """Probe for ever."""
    await asyncio.Event().wait()
    raise AssertionError


@asynccontextmanager
async def open_never(_instruments: Instruments) -> AsyncIterator[Probe]:
    """Give the prober."""
    yield never


if __name__ == "__main__":
    logs.set_up("info", "json")
    config = replace(DEFAULT_CONFIG, modules={"tls": MODULE}, targets=(scheduled("one"), scheduled("two")))
    asyncio.run(serve(Web(bind(sys.argv[1:])), Work(config), open_never))
