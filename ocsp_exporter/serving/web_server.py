"""uvicorn as the exporter has it: its own connections, and an end that does not take long."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from ocsp_exporter.serving.connections import Connections, HTTPConnection
from ocsp_exporter.serving.tls import CurrentContext
from ocsp_exporter.serving.web_config import WebConfigFile

_log = logging.getLogger(__name__)

#: Longer than the usual scrape interval, so that Prometheus keeps its connection.
_KEEP_ALIVE: Final = 75
#: So many may be accepted in one round of the event loop, before those that were let go for them are closed.
_BACKLOG: Final = 128
#: How long a client may take to read its answer after the end was asked for, and how long the end of those that were
#: let go then. All together may take 5 s.
_LAST_ANSWERS: Final = 2
_LAST_MOMENTS: Final = 1


def web_server(app: ASGIApp, connections: Connections, web_config: WebConfigFile | None = None) -> "WebServer":
    """Make a server that answers by the application, over TLS where the web configuration has it."""
    context = CurrentContext(web_config.context) if web_config and web_config.has_tls else None
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_LAST_ANSWERS + _LAST_MOMENTS,
        ssl_context_factory=(lambda *_: context) if context else None,
    )
    return WebServer(config, connections)


class WebServer(uvicorn.Server):
    """uvicorn without its signal handlers: it raises signals again at its end, and they would end the process.

    And which at its end lets go of clients that do not read their answers, where uvicorn would call that an error.
    """

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        super().__init__(config)
        self._connections = connections

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, as uvicorn does, which knows no deadline for handshakes and does not count connections."""
        loop, context = asyncio.get_running_loop(), self.config.ssl
        self.servers = [
            await loop.create_server(
                lambda: HTTPConnection(self._connections, self.config, self.server_state, self.lifespan.state),
                sock=self._connections.on(each),
                ssl=context,
                ssl_handshake_timeout=self._connections.request_within if context else None,
                backlog=self.config.backlog,
            )
            for each in sockets or ()
        ]
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, and let go of those who keep that waiting."""
        letting_go = asyncio.get_running_loop().call_later(_LAST_ANSWERS, self._let_go)
        try:
            await super().shutdown(sockets)
        finally:
            letting_go.cancel()

    def _let_go(self) -> None:
        slow = [each.transport for each in self.server_state.connections]
        if slow:
            _log.info("clients that have not read their answers are let go", extra={"fields": {"clients": len(slow)}})
        for transport in slow:
            transport.abort()
