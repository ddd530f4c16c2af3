"""An exporter for tests to start as a process: `python -m tests.unit.serving_process ADDRESS…`.

Its prober never ends. Where it listens is told on stderr, as by the real one.
"""

import asyncio
import sys

from ocsp_exporter.model import Module, ProbeResult, Target
from ocsp_exporter.serving import logs
from ocsp_exporter.serving.server import Settings, bind, serve
from tests.unit.results import MODULE, named, scheduled


async def never(_target: Target, _module: Module, _limit: float | None = None, /) -> ProbeResult:
    """Probe for ever."""
    await asyncio.Event().wait()
    raise AssertionError


if __name__ == "__main__":
    logs.set_up("info", "json")
    settings = Settings({"tls": MODULE}, (scheduled("one"), scheduled("two")), 512, 512)
    asyncio.run(serve(bind(sys.argv[1:]), settings, never, named))
