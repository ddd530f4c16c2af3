"""Endpoints and a CA's responder whose behaviour a test changes while they run, in a thread of their own."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from socket import socket
from typing import TypeVar

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.http import build_app, serve_http
from ocsp_exporter.demo.listening import listen
from ocsp_exporter.demo.responder import Responder
from ocsp_exporter.model import Revocation
from tests.peers.daemons import HOST, PATIENCE, free_port

_T = TypeVar("_T")
_Serving = Callable[[socket], AbstractAsyncContextManager[None]]


class Stage:
    """What is on stage keeps its port when it is replaced. Called from the test's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, root: Authority, authority: Authority) -> None:
        self._loop = loop
        self._root = root
        self._authority = authority
        self._issued: dict[int, Revocation | None] = {}
        self._ports: dict[str, int] = {}
        self._running: dict[str, AsyncExitStack] = {}

    def address(self, name: str) -> str:
        """Return where somebody is, or will be."""
        return f"{HOST}:{self._ports.setdefault(name, free_port())}"

    def certificate(self) -> Credential:
        """Issue a certificate that must be stapled, and which the responder calls good."""
        url = f"http://{self.address('responder')}/ocsp"
        leaf = self._authority.leaf(HOST, must_staple=True, ocsp_urls=[url])
        self._issued[leaf.certificate.serial_number] = None
        return leaf

    def endpoint(self, name: str, credential: Credential, staple: bytes | None) -> None:
        """Let an endpoint show a certificate and a staple from now on."""
        self._put(name, lambda listener: serve_tls(Endpoint(credential, lambda: staple), listener))

    def responder(self) -> None:
        """Let the CA's responder answer from now on."""
        app = build_app(Responder(self._authority, self._issued, time.time), self._root.certificate)
        self._put("responder", lambda listener: serve_http(app, listener))

    def stop(self, name: str) -> None:
        """Take somebody off the stage."""
        self._wait_for(self._running.pop(name).aclose())

    def clear(self) -> None:
        """Take everybody off."""
        for name in list(self._running):
            self.stop(name)

    def _put(self, name: str, serving: _Serving) -> None:
        if name in self._running:
            self.stop(name)
        port = int(self.address(name).rpartition(":")[2])

        async def start() -> AsyncExitStack:
            stack = AsyncExitStack()
            await stack.enter_async_context(serving(listen(HOST, port)))
            return stack

        self._running[name] = self._wait_for(start())

    def _wait_for(self, work: Coroutine[None, None, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)


@contextmanager
def stage(root: Authority, authority: Authority) -> Iterator[Stage]:
    """Have a stage while the block lasts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    there = Stage(loop, root, authority)
    try:
        yield there
    finally:
        there.clear()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
