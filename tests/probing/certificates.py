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


@dataclass
class Certificates:
    """The endpoints, and what the CA has issued: of a certificate that is revoked, its revocation.

    `ocsp` and `crl` are how many requests came; they are answered while `gate` is set.
    """

    port: int = field(default_factory=free_port)
    issued: dict[int, Revocation | None] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    ocsp: int = 0
    crl: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    _answers: int = 0
    _enough: asyncio.Event = field(default_factory=asyncio.Event)

    def after(self, answers: int) -> asyncio.Event:
        """Give an event that comes after so many more answers."""
        self._answers, self._enough = answers, asyncio.Event()
        return self._enough

    @contextlib.asynccontextmanager
    async def answered_for(self) -> AsyncIterator[None]:
        """Let responder and CRL server run while the block lasts; outside of it nobody listens."""
        app = build_app(Responder(CA, self.issued, lambda: NOW), CA.certificate)

        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] == "/ca.crl":
                self.crl += 1
            else:
                self.ocsp += 1
            await self.gate.wait()
            await app(scope, receive, send)
            self._answers -= 1
            if self._answers == 0:
                self._enough.set()

        async with serve_http(counting, listen(HOST, self.port)):
            yield


@contextlib.asynccontextmanager
async def certificates(good: int, revoked: int = 0) -> AsyncIterator[Certificates]:
    """Run an endpoint for each certificate while the block lasts, the good ones first."""
    found = Certificates()
    found.gate.set()
    url = f"http://{HOST}:{found.port}"
    async with contextlib.AsyncExitStack() as stack:
        for revocation in (*[None] * good, *[REVOCATION] * revoked):
            leaf = CA.leaf(ocsp_urls=[f"{url}/ocsp"], crl_urls=[f"{url}/ca.crl"])
            found.issued[leaf.certificate.serial_number] = revocation
            found.targets.append(await stack.enter_async_context(serving(Endpoint(leaf))))
        yield found
