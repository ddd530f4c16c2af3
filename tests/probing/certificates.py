"""Endpoints with a certificate each, all of one CA, whose responder and CRL count how often they are asked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from starlette.types import Receive, Scope, Send

from ocsp_exporter.demo.certificate import DAY
from ocsp_exporter.demo.endpoints import Endpoint
from ocsp_exporter.demo.http import build_app, serve_http
from ocsp_exporter.demo.listening import listen
from ocsp_exporter.demo.responder import Responder
from ocsp_exporter.model import Reason, Revocation, Target
from tests.peers.daemons import HOST, free_port
from tests.probing.scene import CA, NOW, serving

REVOCATION = Revocation(int(NOW) - DAY, Reason.KEY_COMPROMISE)
_MOST_HELD = 100


@dataclass
class Certificates:
    """The endpoints, and what the CA has issued: of a certificate that is revoked, its revocation.

    `ocsp` and `crl` are how many requests came. They are answered, unless `hold` was called.
    """

    port: int = field(default_factory=free_port)
    issued: dict[int, Revocation | None] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    ocsp: int = 0
    crl: int = 0
    _permits: asyncio.Semaphore | None = None
    _answers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def hold(self) -> None:
        """Answer nobody who asks from now on; those who were held before have gone."""
        if self._permits:
            for _ in range(_MOST_HELD):
                self._permits.release()
        self._permits, self._answers = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def answer(self, number: int) -> None:
        """Answer so many of those who ask, and no more."""
        assert self._permits
        for _ in range(number):
            self._permits.release()
        for _ in range(number):
            await self._answers.acquire()

    @contextlib.asynccontextmanager
    async def answered_for(self) -> AsyncIterator[None]:
        """Let responder and CRL server run while the block lasts; outside of it nobody listens."""
        app = build_app(Responder(CA, self.issued, lambda: NOW), CA.certificate)

        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] == "/ca.crl":
                self.crl += 1
            else:
                self.ocsp += 1
            permits, answers = self._permits, self._answers
            if permits:
                await permits.acquire()
            await app(scope, receive, send)
            answers.release()

        async with serve_http(counting, listen(HOST, self.port)):
            yield


@contextlib.asynccontextmanager
async def certificates(good: int, revoked: int = 0) -> AsyncIterator[Certificates]:
    """Run an endpoint for each certificate while the block lasts, the good ones first."""
    found = Certificates()
    url = f"http://{HOST}:{found.port}"
    async with contextlib.AsyncExitStack() as stack:
        for revocation in (*[None] * good, *[REVOCATION] * revoked):
            leaf = CA.leaf(ocsp_urls=[f"{url}/ocsp"], crl_urls=[f"{url}/ca.crl"])
            found.issued[leaf.certificate.serial_number] = revocation
            found.targets.append(await stack.enter_async_context(serving(Endpoint(leaf))))
        yield found
