"""Connections of those who ask: how many there may be at a time, and how long they may keep the exporter waiting."""

import asyncio
import logging
import socket
from contextlib import suppress
from typing import Any, Final

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

_log = logging.getLogger(__name__)

#: Within so many seconds of their first moment a TLS handshake is to be done, and then the headers of a request are to
#: have come.
REQUEST_WITHIN: Final = 10.0
#: Seconds for a client to take of its answer what has not gone out at once: the longest that Prometheus waits for
#: anything.
_ANSWER_WITHIN: Final = 300.0
#: Bytes of a short answer.
_SHORT: Final = 64 * 1024
#: Seconds until it is logged again that there are too many.
_LOG_AGAIN: Final = 60.0


class Connections:
    """The connections on some sockets, at most so many at a time.

    Beyond that the one goes whose client has kept the exporter waiting for longest: in the handshake, for a request, or
    by not reading its answer. Where the exporter is at work for all of them, the new one goes.
    """

    def __init__(self, most: int, request_within: float = REQUEST_WITHIN) -> None:
        self.most = most
        self.request_within = request_within
        self._open: dict[int, socket.socket] = {}
        # As a set that has an order: first the one that has waited longest.
        self._waiting: dict[int, None] = {}
        self._log_at = 0.0

    def __len__(self) -> int:
        return len(self._open)

    def on(self, listening: socket.socket) -> socket.socket:
        """Give a socket that listens in the place of this one, and whose connections are these."""
        counting = _Listening(fileno=listening.detach())
        counting.connections = self
        return counting

    def opened(self, connection: socket.socket) -> None:
        """Note a new one, and let one go if there are too many."""
        self._open[connection.fileno()] = connection
        self.wait(connection.fileno())
        while len(self._open) > self.most and self._waiting:  # by several where fewer are allowed than before
            self._let_one_go()

    def closed(self, number: int) -> None:
        """Note that the one of that file descriptor has gone, or goes."""
        self._open.pop(number, None)
        self._waiting.pop(number, None)

    def wait(self, number: int) -> None:
        """Note that the exporter waits for the client from now on."""
        if number in self._open:
            self._waiting[number] = None

    def work(self, number: int) -> None:
        """Note that the client waits for the exporter."""
        self._waiting.pop(number, None)

    def _let_one_go(self) -> None:
        number = next(iter(self._waiting))
        # Whoever reads from it or writes to it finds that this is the end, and closes it.
        with suppress(OSError):  # the client has gone already
            self._open[number].shutdown(socket.SHUT_RDWR)
        self.closed(number)
        now = asyncio.get_running_loop().time()
        if now >= self._log_at:
            self._log_at = now + _LOG_AGAIN
            _log.warning("too many connections: idle ones are closed", extra={"fields": {"most": self.most}})


class _Connection(socket.socket):
    """A connection, which tells when it is closed."""

    connections: Connections

    def close(self) -> None:
        self.connections.closed(self.fileno())
        super().close()


class _Listening(socket.socket):
    """A socket whose connections are counted from the first moment on, before TLS and HTTP."""

    connections: Connections

    def accept(self) -> tuple[socket.socket, Any]:
        accepted, address = super().accept()
        connection = _Connection(self.family, self.type, self.proto, accepted.detach())
        connection.connections = self.connections
        self.connections.opened(connection)
        return connection, address


class WholeAnswers(h11.Connection):
    """Gives the head of a short answer together with its body, which uvicorn writes one after the other.

    Each write is a system call, a packet, and the client awake; with TLS also a record.
    """

    _head = b""

    def send(self, event: h11.Event) -> bytes | None:  # type: ignore[override] # h11 tells more exactly what is None
        """Give what is to be written for a part of an answer."""
        data = super().send(event)
        if isinstance(event, h11.Response) and _is_short(event):
            self._head, data = data or b"", b""
        elif self._head:
            self._head, data = b"", self._head + (data or b"")
        return data


def _is_short(response: h11.Response) -> bool:
    """Tell whether the body is so short that to put it behind the head costs less than to write it by itself."""
    return any(name == b"content-length" and int(length) <= _SHORT for name, length in response.headers)


class HTTPConnection(H11Protocol):
    """uvicorn's, whose client is held to a deadline in all that it owes.

    For the headers of the first request it begins with the connection, for those of a further one with its first byte.
    """

    def __init__(
        self, connections: Connections, config: Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> None:
        super().__init__(config, server_state, app_state)
        self.conn = WholeAnswers(h11.SERVER)
        self._connections = connections
        self._allowed: float | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Wait for a request."""
        super().connection_made(transport)
        self._socket = transport.get_extra_info("socket")
        self._turn()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._allow(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came of a request, or all of it."""
        super().data_received(data)
        self._turn()

    def on_response_complete(self) -> None:
        """Go on with the next request, which may have come already, or wait for it."""
        super().on_response_complete()
        self._turn()

    def timeout_keep_alive_handler(self) -> None:
        """End, as no further request has come."""
        super().timeout_keep_alive_handler()
        self.timeout_keep_alive_task = None
        self._turn()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._turn()

    def resume_writing(self) -> None:
        """Go on writing."""
        super().resume_writing()
        self._turn()

    def _turn(self) -> None:
        """See whose turn it is."""
        is_at_work = bool(self.cycle) and not self.cycle.response_complete
        number = self._socket.fileno()  # of a socket that has been closed: that of none
        if is_at_work and not self.flow.write_paused:
            self._connections.work(number)
        else:
            self._connections.wait(number)
        if self.flow.write_paused:
            self._allow(_ANSWER_WITHIN)
        elif is_at_work or self.timeout_keep_alive_task:
            self._allow(None)
        else:
            # For the headers of a request, or to take the last of an answer where the connection is at its end.
            self._allow(self._connections.request_within)

    def _allow(self, seconds: float | None) -> None:
        """Give the client so much time from now on; where it has had as much already, that goes on."""
        if seconds == self._allowed:
            return
        self._allowed = seconds
        if self._deadline:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)
