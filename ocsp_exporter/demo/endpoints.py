"""TLS servers on the event loop that staple whatever they are told to.

Certificates and keys stay in memory, and no connection has a thread of its own. OpenSSL 4 silently does not
send a staple that is no OCSPResponse, or a successful one in which no CertID has the serial number and issuer
name of the certificate: such staples need another server.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from cryptography import x509
from OpenSSL import SSL

from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.demo.listening import running
from ocsp_exporter.model import TLSVersion

_T = TypeVar("_T")

_VERSIONS = {
    TLSVersion.TLS10: SSL.TLS1_VERSION,
    TLSVersion.TLS11: SSL.TLS1_1_VERSION,
    TLSVersion.TLS12: SSL.TLS1_2_VERSION,
    TLSVersion.TLS13: SSL.TLS1_3_VERSION,
}
_CHUNK = 16384
_MAX_REQUEST = 8192


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a TLS server shows and demands.

    `staple` is asked at each handshake of a client that wants one; None: none is sent. `chain` None: the
    credential's own. `greeting` is what a web browser gets to read. A handshake may last `patience` seconds,
    and so may all that follows it; connections beyond `connections` wait to be accepted.
    """

    credential: Credential
    staple: Callable[[], bytes | None] = lambda: None
    chain: tuple[x509.Certificate, ...] | None = None
    greeting: str = ""
    min_version: TLSVersion = TLSVersion.TLS12
    max_version: TLSVersion = TLSVersion.TLS13
    demand_client_certificate: bool = False
    patience: float = 5.0
    connections: int = 64


@asynccontextmanager
async def serve_tls(endpoint: Endpoint, listener: socket.socket) -> AsyncIterator[None]:
    """Serve on a non-blocking listening socket while the block lasts; then every socket is closed."""
    with listener:
        async with running(_accept(endpoint, _context(endpoint), listener)):
            yield


def _context(endpoint: Endpoint) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(_VERSIONS[endpoint.min_version])
    context.set_max_proto_version(_VERSIONS[endpoint.max_version])
    if endpoint.min_version in (TLSVersion.TLS10, TLSVersion.TLS11):
        context.set_cipher_list(b"DEFAULT:@SECLEVEL=0")  # their handshakes are signed with SHA-1
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)  # a resumed session carries no staple
    context.set_options(SSL.OP_NO_TICKET)
    context.use_certificate(endpoint.credential.certificate)
    context.use_privatekey(endpoint.credential.key)
    for certificate in endpoint.credential.chain if endpoint.chain is None else endpoint.chain:
        context.add_extra_chain_cert(certificate)
    context.set_ocsp_server_callback(lambda _connection, _data: endpoint.staple() or b"")
    if endpoint.demand_client_certificate:
        # Whichever certificate comes is welcome: only its absence matters to a test.
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    return context


async def _accept(endpoint: Endpoint, context: SSL.Context, listener: socket.socket) -> None:
    places = asyncio.Semaphore(endpoint.connections)
    async with asyncio.TaskGroup() as conversations:
        while True:
            await places.acquire()
            await _readable(listener)
            try:
                # Not loop.sock_accept: cancelled at the wrong moment, it loses a socket that nobody closes.
                client, _ = listener.accept()
            except OSError:  # the client is gone already, or the process has no descriptor left
                places.release()
                await asyncio.sleep(0.1)
                continue
            client.setblocking(False)
            conversation = conversations.create_task(_converse(endpoint, context, client))
            conversation.add_done_callback(partial(_end, client, places))


async def _readable(listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(listener, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(listener)


def _end(client: socket.socket, places: asyncio.Semaphore, _: asyncio.Task[None]) -> None:
    client.close()
    places.release()


async def _converse(endpoint: Endpoint, context: SSL.Context, client: socket.socket) -> None:
    session = _Session(client, context)
    try:
        async with asyncio.timeout(endpoint.patience):
            await session.handshake()
        async with asyncio.timeout(endpoint.patience):
            if await session.request():
                await session.answer(endpoint.greeting)
            await session.close()
    except (OSError, SSL.Error, TimeoutError):
        pass  # a client that hangs, talks nonsense or walks away is nothing to report


class _Session:
    """A TLS connection whose octets are carried between its memory buffers and a socket by the event loop."""

    def __init__(self, client: socket.socket, context: SSL.Context) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()

    async def handshake(self) -> None:
        await self._step(self._tls.do_handshake)

    async def request(self) -> bool:
        """Wait for the head of an HTTP request; False where the client closes or says too much instead."""
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _MAX_REQUEST:
            try:
                head += await self._step(lambda: self._tls.recv(_CHUNK))
            except SSL.ZeroReturnError:
                return False
        return b"\r\n\r\n" in head

    async def answer(self, text: str) -> None:
        body = f"{text}\n".encode()
        head = f"HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
        await self._step(lambda: self._tls.sendall(head.encode() + body))

    async def close(self) -> None:
        """Say goodbye and wait for the client to go: closing first could destroy what it has yet to read."""
        await self._step(self._tls.shutdown)
        self._client.shutdown(socket.SHUT_WR)
        while await self._loop.sock_recv(self._client, _CHUNK):
            pass

    async def _step(self, call: Callable[[], _T]) -> _T:
        """Call a method of the TLS connection, as often as it takes; what it has to say is always sent."""
        while True:
            try:
                return call()
            except SSL.WantReadError:
                pass
            finally:
                await self._flush()
            received = await self._loop.sock_recv(self._client, _CHUNK)
            if not received:
                raise ConnectionError("the client closed the connection")
            self._tls.bio_write(received)

    async def _flush(self) -> None:
        while True:
            try:
                waiting = self._tls.bio_read(_CHUNK)
            except SSL.WantReadError:
                return
            await self._loop.sock_sendall(self._client, waiting)
