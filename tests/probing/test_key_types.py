"""Several key types: what it means that a server has only one of them, and what is another fault."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential, rsa_key
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.model import (
    AddressChoice,
    Failure,
    KeyType,
    Module,
    Results,
    Status,
    Target,
    TLSSettings,
    TLSVersion,
)
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.resolver import Address, Resolver
from tests.findings import counts_of
from tests.probing.client_hello import ClientHello

HOST = "127.0.0.1"
ROOT = Authority.root(time.time())
RSA = ROOT.leaf(key=rsa_key())
ECDSA = ROOT.leaf()
EDDSA = ROOT.leaf(key=ed25519.Ed25519PrivateKey.generate())

ECDHE_RSA = b"\xc0\x2f"  # TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
ECDHE_ECDSA = b"\xc0\x2b"  # TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256

BOTH = (KeyType.RSA, KeyType.ECDSA)
#: What is found of a key type, in short: whether it is served, the failure, and the key of the certificate.
Told = tuple[KeyType | None, bool | None, Failure | None, str | None]

for_each_version = pytest.mark.parametrize("version", [TLSVersion.TLS12, TLSVersion.TLS13])


def module(*key_types: KeyType, version: TLSVersion = TLSVersion.TLS12) -> Module:
    """Make a module that asks for these key types in one version of TLS."""
    return Module("tls", timeout=2.0, tls=TLSSettings((ROOT.certificate,), version, version), key_types=key_types)


async def probe(port: int, recipe: Module) -> Results:
    """Probe a server of this machine once."""
    prober = Prober()
    results = await prober.probe(Target("host", HOST, port), recipe)
    prober.close()
    return results


def told(results: Results) -> list[Told]:
    """Shorten what was found."""
    return [
        (
            result.key_type,
            result.key_type_served,
            result.failure,
            result.findings.certificates[0].public_key_algorithm if result.findings else None,
        )
        for result in results
    ]


@asynccontextmanager
async def server(leaf: Credential) -> AsyncIterator[int]:
    """Run a TLS server with one certificate and its staple; gives its port."""
    listener, staple = listen(HOST), ROOT.answer(leaf)
    async with serve_tls(Endpoint(leaf, lambda: staple), listener):
        yield port_of(listener)


@for_each_version
@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (RSA, [(KeyType.RSA, True, None, "rsa-2048"), (KeyType.ECDSA, False, None, None)]),
        (ECDSA, [(KeyType.RSA, False, None, None), (KeyType.ECDSA, True, None, "ec-secp256r1")]),
    ],
    ids=["rsa", "ecdsa"],
)
async def test_the_key_type_that_a_server_has_not_is_no_failure(
    leaf: Credential, expected: list[Told], version: TLSVersion
) -> None:
    """The one that it has is looked at as ever; of the other there is nothing, neither finding nor failure."""
    async with server(leaf) as port:
        results = await probe(port, module(*BOTH, version=version))
    assert told(results) == expected
    [served] = [result for result in results if result.findings]
    assert served.findings
    assert [evidence.status for evidence in served.findings.evidence] == [Status.GOOD]
    [absent] = [result for result in results if not result.findings]
    assert absent.detail == ""


@for_each_version
async def test_a_server_with_neither_cannot_be_looked_at(version: TLSVersion) -> None:
    """Where nobody gets anything it is a failure, unless another type shows that the server is well."""
    async with server(EDDSA) as port:
        assert told(await probe(port, module(*BOTH, version=version))) == [
            (KeyType.RSA, None, Failure.TLS, None),
            (KeyType.ECDSA, None, Failure.TLS, None),
        ]
        assert told(await probe(port, module(KeyType.ANY, *BOTH, version=version))) == [
            (KeyType.ANY, True, None, "ed25519"),
            (KeyType.RSA, False, None, None),
            (KeyType.ECDSA, False, None, None),
        ]


@for_each_version
async def test_a_single_key_type_has_to_be_there(version: TLSVersion) -> None:
    """Asked for alone it is told by no label, and its absence is a failure that says what was asked for."""
    async with server(RSA) as port:
        assert told(await probe(port, module(KeyType.RSA, version=version))) == [(None, None, None, "rsa-2048")]
        results = await probe(port, module(KeyType.ECDSA, version=version))
    assert told(results) == [(None, None, Failure.TLS, None)]
    assert results[0].detail == "the handshake with ecdsa alone failed: tls alert handshake failure"


async def test_each_address_is_a_server_of_its_own() -> None:
    """What another address serves does not make a failure an absence."""
    other = "127.0.0.2"
    addresses = tuple(Address(socket.AF_INET, host) for host in (HOST, other))
    prober = Prober(Resolver(lambda _: addresses))
    recipe = replace(module(*BOTH), addresses=AddressChoice.ALL)
    async with server(RSA) as port, serve_tls(Endpoint(EDDSA, lambda: None), listen(other, port)):
        results = await prober.probe(Target("two", "two.example", port), recipe)
    prober.close()
    assert [(result.address, result.key_type_served, result.failure) for result in results] == [
        (HOST, True, None),
        (HOST, False, None),
        (other, None, Failure.TLS),
        (other, None, Failure.TLS),
    ]


def _alert(description: int) -> bytes:
    """Write a fatal alert."""
    return b"\x15\x03\x03\x00\x02\x02" + bytes([description])


def _certificate_first(leaf: Credential, cipher: bytes) -> bytes:
    """Write the beginning of a TLS 1.2 handshake: ServerHello with this cipher suite, and Certificate."""
    renegotiation_info = b"\xff\x01\x00\x01\x00"
    hello = b"\x03\x03" + bytes(32) + b"\x00" + cipher + b"\x00" + _sized(renegotiation_info, 2)
    certificate = _sized(_sized(leaf.certificate.public_bytes(Encoding.DER), 3), 3)
    return b"\x16\x03\x03" + _sized(b"\x02" + _sized(hello, 3) + b"\x0b" + _sized(certificate, 3), 2)


def _sized(octets: bytes, length: int) -> bytes:
    return len(octets).to_bytes(length) + octets


@asynccontextmanager
async def answering_ecdsa(answer: bytes | None) -> AsyncIterator[int]:
    """Run a TLS 1.2 server with an RSA certificate that answers those who want ECDSA so; None: not at all."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            tasks.add(task)
        hello = await ClientHello.read(from_client)
        assert (ECDHE_RSA in hello.ciphers) is not (ECDHE_ECDSA in hello.ciphers)
        if ECDHE_RSA not in hello.ciphers:
            to_client.write(answer or b"")
            if answer is None:
                await from_client.read()  # until the client goes
            to_client.close()
            return
        from_server, to_server = await asyncio.open_connection(HOST, behind)
        to_server.write(hello.record)
        await asyncio.gather(_forward(from_client, to_server), _forward(from_server, to_client))

    async with server(RSA) as behind, await asyncio.start_server(serve, HOST) as front:
        yield front.sockets[0].getsockname()[1]
        await asyncio.wait(tasks)


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("answer", "served", "failure"),
    [
        (_alert(40), False, None),
        (_certificate_first(RSA, ECDHE_ECDSA), False, None),
        (_alert(80), None, Failure.TLS),
        (_alert(112), None, Failure.TLS),
        (b"", None, Failure.TLS),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", None, Failure.NOT_TLS),
        (None, None, Failure.TIMEOUT),
    ],
    ids=["handshake_failure", "RSA", "internal_error", "unrecognized_name", "closed", "clear", "silent"],
)
async def test_only_a_refusal_means_that_a_key_type_is_absent(
    answer: bytes | None, served: bool | None, failure: Failure | None
) -> None:
    """handshake_failure is how servers say it, and a certificate of the other type says it; all else is a failure."""
    async with answering_ecdsa(answer) as port:
        assert told(await probe(port, module(*BOTH))) == [
            (KeyType.RSA, True, None, "rsa-2048"),
            (KeyType.ECDSA, served, failure, None),
        ]


@pytest.mark.parametrize(
    ("words", "served"),
    [
        ("sslv3 alert handshake failure", False),
        ("ssl/tls alert handshake failure", False),
        ("tls alert handshake failure", False),
        ("tls alert internal error", None),
    ],
)
async def test_every_version_of_openssl_is_understood(
    words: str, served: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever name its version gives to the alert, it is the same refusal."""
    monkeypatch.setattr("ocsp_exporter.probing.handshake._reasons", lambda _: [words])
    async with server(RSA) as port:
        _, ecdsa = await probe(port, module(*BOTH))
    assert ecdsa.key_type_served is served


@for_each_version
async def test_each_handshake_asks_for_the_key_type(version: TLSVersion) -> None:
    """However many there are in a look, they see the staple of one certificate."""
    recipe = replace(module(*BOTH, version=version), staple=replace(Module("tls").staple, handshakes=3))
    async with server(RSA) as port:
        rsa, ecdsa = await probe(port, recipe)
    assert rsa.findings
    assert counts_of(rsa.findings) == (3, 3, 1)
    assert ecdsa.key_type_served is False
