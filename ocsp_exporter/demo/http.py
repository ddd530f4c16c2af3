"""The lab's OCSP responder (RFC 6960, appendix A), CRL and CA certificates over HTTP."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ocsp_exporter.demo.authority import unsuccessful
from ocsp_exporter.demo.responder import Responder

_MAX_REQUEST = 16384


def build_app(responder: Responder, root: x509.Certificate) -> Starlette:
    """Return the application: `/ocsp` by POST and GET, `/ca.crl` and `/ca.cer` in DER, and `/root.pem`."""

    async def ocsp_by_post(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_REQUEST:
                return Response(f"An OCSP request may have {_MAX_REQUEST} bytes here.\n", 413, media_type="text/plain")
        return _ocsp(responder, bytes(body))

    async def ocsp_by_get(request: Request) -> Response:
        try:
            body = base64.b64decode(request.path_params["request"], validate=True)
        except ValueError:
            body = b""  # as little an OCSP request as what came
        return _ocsp(responder, body)

    async def crl(_: Request) -> Response:
        return Response(responder.crl(), media_type="application/pkix-crl")

    async def issuer(_: Request) -> Response:
        return Response(responder.authority.certificate.public_bytes(Encoding.DER), media_type="application/pkix-cert")

    async def trusted(_: Request) -> Response:
        return Response(root.public_bytes(Encoding.PEM), media_type="application/x-pem-file")

    return Starlette(
        routes=[
            Route("/ocsp", ocsp_by_post, methods=["POST"]),
            Route("/ocsp/{request:path}", ocsp_by_get),
            Route("/ca.crl", crl),
            Route("/ca.cer", issuer),
            Route("/root.pem", trusted),
        ]
    )


@asynccontextmanager
async def serve_http(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve on a listening socket while the block lasts; then every socket is closed."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", limit_concurrency=64, timeout_graceful_shutdown=1
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        # Not cancelled: uvicorn would leave its sockets open.
        server.should_exit = True
        await asyncio.wait([serving])
        serving.result()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signals to their owner."""
        yield


def _ocsp(responder: Responder, request: bytes) -> Response:
    try:
        status_code, body = 200, responder.answer(request)
    except (ValueError, NotImplementedError):  # the latter: about several certificates at once
        status_code, body = 400, unsuccessful(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
    return Response(body, status_code, media_type="application/ocsp-response")
