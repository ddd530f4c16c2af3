"""Host names and addresses in all their spellings, from the text of the target to the wire and the certificate."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.model import AddressChoice, ChainError, Failure, Findings, Module, Results, TLSSettings
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.resolver import Address, Addresses, Resolver
from ocsp_exporter.target import parse_target
from tests.findings import tls_of
from tests.probing.client_hello import ClientHello

ROOT = Authority.root(time.time())
MODULE = Module("tls", tls=TLSSettings((ROOT.certificate,)))
LOOPBACK = socket.if_nametoindex("lo")


def look_up(host: str) -> Addresses:
    """Resolve two names, one of which is written with letters that are not ASCII."""
    return {
        "xn--bcher-kva.example": (Address(socket.AF_INET, "127.0.0.1"),),
        "plain.example": (Address(socket.AF_INET6, "::1"), Address(socket.AF_INET, "127.0.0.1")),
    }[host]


async def probe(text: str, module: Module = MODULE) -> Results:
    """Probe a target as it is written."""
    prober = Prober(Resolver(look_up))
    try:
        return await prober.probe(parse_target(text), module)
    finally:
        prober.close()


async def look(text: str, module: Module = MODULE) -> Findings:
    """Probe a target that can be looked at in one way."""
    [result] = await probe(text, module)
    assert result.findings, result.detail
    return result.findings


@asynccontextmanager
async def server(*names: str, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Run a TLS server whose certificate is for these names; gives its port."""
    listener = listen(host)
    async with serve_tls(Endpoint(ROOT.leaf(*names)), listener):
        yield port_of(listener)


async def said(text: str, module: Module = MODULE) -> ClientHello:
    """Probe a target, in whose text %d stands for the port of a server that hears what is said first and hangs up."""
    heard: list[ClientHello] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await ClientHello.read(reader))
        writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1") as listening:
        [result] = await probe(text % listening.sockets[0].getsockname()[1], module)
    assert result.failure is Failure.TLS
    [hello] = heard
    return hello


@pytest.mark.parametrize(
    ("host", "address", "own", "other"),
    [
        ("[::1]", "::1", "::1", "::2"),
        (f"[::1%{LOOPBACK}]", "::1", "::1", "::2"),
        (f"https://[::1%25{LOOPBACK}]", "::1", "::1", "::2"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2"),
        ("bücher.example", "127.0.0.1", "xn--bcher-kva.example", "bucher.example"),
        ("https://BÜCHER.example", "127.0.0.1", "xn--bcher-kva.example", "bucher.example"),
        ("xn--bcher-kva.example", "127.0.0.1", "xn--bcher-kva.example", "bucher.example"),
        ("plain.example", "127.0.0.1", "plain.example", "other.example"),
    ],
)
async def test_a_target_is_reached_and_its_certificate_looked_at_for_it(
    host: str, address: str, own: str, other: str
) -> None:
    """With a certificate for the target's host nothing is wrong with the chain, with one for another the name is."""
    for name, errors in ((own, set()), (other, {ChainError.HOSTNAME_MISMATCH})):
        async with server(name, host=address) as port:
            findings = await look(f"{host}:{port}")
        assert tls_of(findings).session.address == address
        assert tls_of(findings).session.chain_errors == errors


def _link_local() -> str | None:
    """Find an address of this machine that means something only with its zone."""
    for line in Path("/proc/net/if_inet6").read_text().splitlines():
        octets, *_, interface = line.split()
        if octets.startswith("fe80"):
            packed = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(octets))
            return f"{packed}%{interface}"
    return None


async def test_a_zone_leads_to_its_interface() -> None:
    """A link-local address is reached through the zone that the target names, and is what the certificate is for."""
    target = _link_local()
    if target is None:
        pytest.skip("this machine has no link-local address")
    address, _, zone = target.partition("%")
    listener = socket.create_server((address, 0, 0, socket.if_nametoindex(zone)), family=socket.AF_INET6)
    listener.setblocking(False)
    async with serve_tls(Endpoint(ROOT.leaf(address)), listener):
        [result] = await probe(f"[{target}]:{port_of(listener)}", replace(MODULE, addresses=AddressChoice.ALL))
    assert result.findings, result.detail
    assert result.address == target
    assert not tls_of(result.findings).session.chain_errors


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("bücher.example:%d", b"xn--bcher-kva.example"),
        ("xn--bcher-kva.example:%d", b"xn--bcher-kva.example"),
        ("127.0.0.1:%d", None),
    ],
)
async def test_the_name_that_is_asked_for(target: str, name: bytes | None) -> None:
    """It is the host in ASCII, and none for an address (RFC 6066, section 3)."""
    assert (await said(target)).server_name == name


@pytest.mark.parametrize("target", ["127.0.0.1:%d", "xn--bcher-kva.example:%d"])
async def test_another_name_may_be_asked_for(target: str) -> None:
    """`server_name` replaces that of the target."""
    hello = await said(target, replace(MODULE, server_name="other.example"))
    assert hello.server_name == b"other.example"


@pytest.mark.parametrize("server_name", [None, "other.example"])
async def test_no_name_may_be_asked_for(server_name: str | None) -> None:
    """Without `send_server_name` none is sent, whichever it would be; all else is said as before."""
    module = replace(MODULE, server_name=server_name)
    with_name = await said("xn--bcher-kva.example:%d", module)
    without = await said("xn--bcher-kva.example:%d", replace(module, send_server_name=False))
    assert without.server_name is None
    assert with_name.extensions.keys() - without.extensions.keys() == {0}


async def test_the_certificate_is_looked_at_for_a_name_that_is_not_sent() -> None:
    """What is served to those who ask for nothing may be for another name, and that is told."""
    module = replace(MODULE, send_server_name=False)
    async with server("plain.example") as port:
        assert not tls_of(await look(f"plain.example:{port}", module)).session.chain_errors
        elsewhere = replace(module, server_name="other.example")
        session = tls_of(await look(f"plain.example:{port}", elsewhere)).session
        assert session.chain_errors == {ChainError.HOSTNAME_MISMATCH}


@pytest.mark.parametrize(("alpn", "offered"), [((), None), (("h2", "http/1.1"), [b"h2", b"http/1.1"])])
async def test_the_protocols_that_are_offered(alpn: tuple[str, ...], offered: list[bytes] | None) -> None:
    """They are those of the module in their order; without any the offer itself is left out."""
    module = replace(MODULE, tls=replace(MODULE.tls, alpn=alpn))
    assert (await said("127.0.0.1:%d", module)).protocols == offered
