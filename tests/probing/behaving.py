"""A CA's responder over HTTP that does what a test wants, request by request: rightly where nothing else is said."""

import asyncio
import base64
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count
from typing import TypeAlias
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import DAY, HOUR, Credential
from ocsp_exporter.demo.response import nonce
from ocsp_exporter.model import CertIDHash, Status
from ocsp_exporter.revocation.certificate import Numbered
from ocsp_exporter.revocation.request import build, get_url

NOW = 1_800_000_000.0


def is_encoded(authority: Authority, number: int) -> bool:
    """Tell whether a request by SHA-1 about a serial number has anything to percent-encode."""
    certificate = authority.certificate
    return "%" in get_url("", build(Numbered(number, certificate), certificate, CertIDHash.SHA1, None))


#: Numbers of 20 octets; in a request about the first there is nothing to encode if there is nothing in the CA's hashes.
PLAIN_NUMBER, ENCODED_NUMBER = 2**158, 2**159 - 1
CA = next(authority for _ in count() if not is_encoded(authority := Authority.root(NOW), PLAIN_NUMBER))
DELEGATE = CA.delegate()
LEAF, REVOKED = CA.leaf(serial_number=ENCODED_NUMBER), CA.leaf()
PLAIN_LEAF = CA.leaf(serial_number=PLAIN_NUMBER)
#: What the responder knows; it knows nothing of others.
KNOWN = {
    LEAF.certificate.serial_number: Status.GOOD,
    PLAIN_LEAF.certificate.serial_number: Status.GOOD,
    REVOKED.certificate.serial_number: Status.REVOKED,
}

OCSP = "application/ocsp-response"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: by which method, what stood in the URL, and what it asks."""

    method: str
    path: str
    host: str
    request: ocsp.OCSPRequest

    @property
    def serial_number(self) -> int:
        """About whom."""
        return self.request.serial_number

    @property
    def nonce(self) -> bytes | None:
        """The nonce that came along."""
        nonces = [each.value.nonce for each in self.request.extensions if isinstance(each.value, x509.OCSPNonce)]
        return nonces[0] if nonces else None


@dataclass(frozen=True, slots=True)
class Said:
    """An answer."""

    body: bytes
    status: int = 200
    content_type: str = OCSP
    headers: Mapping[str, str] = field(default_factory=dict)


Behaviour: TypeAlias = Callable[[Asked], Said]


def answered(
    asked: Asked,
    *,
    status: Status | None = None,
    signer: Credential = DELEGATE,
    certificates: Sequence[x509.Certificate] | None = None,
    algorithm: hashes.HashAlgorithm | None = None,
    this_update: float = NOW - HOUR,
    next_update: float | None = NOW + 3 * DAY,
    echoed: bytes | None = None,
) -> bytes:
    """Give the answer to a request, with its hash and its nonce where no others are given."""
    sent = asked.nonce if echoed is None else echoed
    return CA.answer(
        asked.serial_number,
        status=status or KNOWN.get(asked.serial_number, Status.UNKNOWN),
        signer=signer,
        certificates=certificates,
        hash_algorithm=algorithm or asked.request.hash_algorithm,
        this_update=this_update,
        next_update=next_update,
        extensions=[nonce(sent)] if sent else [],
    )


def rightly(asked: Asked) -> Said:
    """Answer as every rule has it."""
    return Said(answered(asked), headers={"Cache-Control": "max-age=3600", "Date": formatdate(NOW, usegmt=True)})


@dataclass
class Running:
    """Where a responder listens, and what it was asked."""

    port: int
    asked: list[Asked] = field(default_factory=list)

    def url(self, host: str = "127.0.0.1", path: str = "/") -> str:
        """Give its URL."""
        return f"http://{host}:{self.port}{path}"

    @property
    def methods(self) -> list[str]:
        """By which methods, in alphabetical order: what is asked at the same time comes in any."""
        return sorted(each.method for each in self.asked)


@contextlib.asynccontextmanager
async def responding(behaviour: Behaviour = rightly, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Running]:
    """Run a responder while the block lasts."""
    running = Running(0)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            fields = dict(re.findall(r"(?m)^([^:\s]+): (.*)\r$", head))
            method, path, _ = head.split(" ", 2)
            body = await reader.readexactly(int(fields.get("Content-Length", 0)))
            if method == "GET":
                body = base64.b64decode(unquote(path.removeprefix("/")))
            asked = Asked(method, path, fields["Host"], ocsp.load_der_ocsp_request(body))
            running.asked.append(asked)
            said = behaviour(asked)
            named = {"Content-Type": said.content_type, "Content-Length": str(len(said.body)), **said.headers}
            lines = [f"HTTP/1.1 {said.status} So be it", *(f"{name}: {value}" for name, value in named.items())]
            writer.write("\r\n".join((*lines, "Connection: close", "", "")).encode() + said.body)
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(converse, host, port)
    running.port = server.sockets[0].getsockname()[1]
    async with server:
        yield running
