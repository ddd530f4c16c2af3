"""A server with a certificate and a staple of its own for each address of this machine.

They are made when they are first asked for, all with the same key, and kept: to make them takes longer than to use
them.
"""

import asyncio
import contextlib
import functools
import multiprocessing
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL, crypto

from benchmarks.stage import HOST, free_port
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import ecdsa_key

_CHUNK = 16384
_BACKLOG = 4096
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """The trusted root in a file, the port of the server on all addresses, and its count of completed handshakes."""

    root: Path
    port: int
    counter: "Synchronized[int]"

    def completed(self) -> int:
        """Give the number of handshakes so far."""
        return self.counter.value


@contextlib.contextmanager
def fleet(folder: Path, core: int) -> Iterator[Fleet]:
    """Serve in a process of its own, kept on one core, while the block lasts."""
    spawning = multiprocessing.get_context("spawn")
    served = Fleet(folder / "fleet.pem", free_port(), spawning.Value("q", 0))
    process = spawning.Process(target=_run, args=(served.root, served.port, served.counter, core), daemon=True)
    process.start()
    try:
        _await_listening(served.port)
        yield served
    finally:
        process.terminate()
        process.join()


def _await_listening(port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"the fleet does not listen on port {port}")


def _run(root: Path, port: int, completed: "Synchronized[int]", core: int) -> None:
    os.sched_setaffinity(0, {core})
    authority = Authority.root(time.time())
    root.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    asyncio.run(_serve(_Certificates(authority.intermediate()), port, completed))


class _Certificates:
    """The certificates and staples, one of each for each address, and the context of all connections."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._key = ecdsa_key()
        self.context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self.context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        self.context.set_options(SSL.OP_NO_TICKET)
        self.context.use_certificate(authority.leaf(key=self._key).certificate)
        self.context.use_privatekey(self._key)
        for each in authority.chain:
            self.context.add_extra_chain_cert(each)
        self.context.set_ocsp_server_callback(lambda connection, _: self.of(connection.get_app_data())[1])

    @functools.cache  # noqa: B019 -- lives as long as the process
    def of(self, address: str) -> tuple[bytes, bytes]:
        """Give the certificate and the staple of an address, in DER."""
        leaf = self._authority.leaf(address, key=self._key)
        return leaf.certificate.public_bytes(Encoding.DER), self._authority.answer(leaf)


async def _serve(certificates: _Certificates, port: int, completed: "Synchronized[int]") -> None:
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("", port), backlog=_BACKLOG)
    server = await loop.create_server(lambda: _Conversation(certificates, completed), sock=listener)
    await server.serve_forever()


class _Conversation(asyncio.Protocol):
    """A handshake, at whose end the client closes the connection."""

    def __init__(self, certificates: _Certificates, completed: "Synchronized[int]") -> None:
        self._certificates = certificates
        self._completed = completed
        self._tls = SSL.Connection(certificates.context, None)
        self._is_complete = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Show the certificate of the address that the client has connected to."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- of a stream
        self._transport = transport
        address = transport.get_extra_info("sockname")[0]
        self._tls.set_app_data(address)
        self._tls.use_certificate(crypto.load_certificate(crypto.FILETYPE_ASN1, self._certificates.of(address)[0]))
        self._tls.set_accept_state()

    def data_received(self, data: bytes) -> None:
        """Go on with the handshake."""
        if self._is_complete:
            return  # its goodbye
        self._tls.bio_write(data)
        try:
            self._tls.do_handshake()
            self._is_complete = True
            self._completed.value += 1
        except SSL.WantReadError:
            pass
        except SSL.Error:
            self._transport.abort()
            return
        with contextlib.suppress(SSL.WantReadError):
            self._transport.write(self._tls.bio_read(_CHUNK))
