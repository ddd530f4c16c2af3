"""Targets that were named by somebody who may not name any: only addresses that are allowed are connected to."""

import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import ip_network
from pathlib import Path

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.model import (
    AddressChoice,
    Failure,
    IPNetwork,
    Module,
    ProberKind,
    StapleSettings,
    Target,
    TargetForbidden,
    TLSSettings,
)
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.opening import open_prober
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.resolver import Address, Addresses, Resolver
from ocsp_exporter.probing.ways import voucher_of
from tests.probing.http_server import Script
from tests.probing.scene import HERE, as_crl, as_response, scene
from tests.probing.scene import MODULE as SCENE

ROOT = Authority.root(time.time())
LEAF = ROOT.leaf("name.example")

MODULE = Module("tls", tls=TLSSettings((ROOT.certificate,)), timeout=5.0)
ALLOWED = (ip_network("127.0.0.2/31"), ip_network("::1/128"))


def address(host: str) -> Address:
    """Give an address as a resolver does."""
    return Address(socket.AF_INET6 if ":" in host else socket.AF_INET, host)


@dataclass
class Here:
    """A server at 127.0.0.1 and one at 127.0.0.2, on one port; who was connected to; and what the name leads to."""

    port: int = 0
    visited: list[str] = field(default_factory=list)
    answers: Iterator[tuple[str, ...]] = field(default_factory=lambda: iter(()))

    def look_up(self, _host: str) -> Addresses:
        """Give the next answer."""
        return tuple(map(address, next(self.answers)))

    def visit(self, host: str) -> None:
        """Note that somebody came; there is no staple."""
        self.visited.append(host)

    async def probe(self, module: Module, *answers: tuple[str, ...], host: str = "name.example") -> list[str | None]:
        """Probe the name while it leads to these addresses, each time to others; give the addresses looked at."""
        self.answers = iter(answers)
        prober = Prober(Resolver(self.look_up))
        try:
            results = await prober.probe(Target("name", host, self.port, within=ALLOWED), module)
        finally:
            prober.close()
        return [
            result.findings.tls.session.address if result.findings and result.findings.tls else None
            for result in results
        ]


@asynccontextmanager
async def servers() -> AsyncIterator[Here]:
    """Run both servers."""
    first = listen("127.0.0.1")
    here = Here(port_of(first))
    second = listen("127.0.0.2", here.port)
    async with (
        serve_tls(Endpoint(LEAF, partial(here.visit, "127.0.0.1")), first),
        serve_tls(Endpoint(LEAF, partial(here.visit, "127.0.0.2")), second),
    ):
        yield here


async def test_only_allowed_addresses_are_connected_to() -> None:
    """Of a name's addresses those are looked at that are allowed, wherever they stand among the others."""
    async with servers() as here:
        assert await here.probe(MODULE, ("127.0.0.1", "127.0.0.2")) == ["127.0.0.2"]
        everywhere = replace(MODULE, addresses=AddressChoice.ALL)
        assert await here.probe(everywhere, ("127.0.0.1", "127.0.0.2")) == ["127.0.0.2"]
        assert set(here.visited) == {"127.0.0.2"}


async def test_what_leads_nowhere_allowed_is_forbidden() -> None:
    """Then nobody is connected to, and the sentence does not tell where the name leads."""
    async with servers() as here:
        with pytest.raises(TargetForbidden) as told:
            await here.probe(MODULE, ("127.0.0.1", "::ffff:127.0.0.1"))
        assert here.visited == []
    assert str(told.value) == "name.example is not in probe_endpoint.allow_targets, nor is any of its addresses."


async def test_a_name_that_leads_elsewhere_the_next_time_leads_nobody_there() -> None:
    """All handshakes of a probe go to the addresses that were judged, though the name leads elsewhere since."""
    several = replace(MODULE, staple=StapleSettings(handshakes=3))
    async with servers() as here:
        assert await here.probe(several, ("127.0.0.2",), ("127.0.0.1",), ("127.0.0.1",)) == ["127.0.0.2"]
        assert here.visited == ["127.0.0.2"] * 3


@pytest.mark.parametrize("host", ["127.0.0.1", "::ffff:127.0.0.1", "::2"])
async def test_an_address_that_is_not_allowed_is_forbidden(host: str) -> None:
    """Addresses are judged as names are, in every form; the good twin is looked at."""
    async with servers() as here:
        with pytest.raises(TargetForbidden) as told:
            await here.probe(MODULE, host=host)
        assert await here.probe(MODULE, host="127.0.0.2") == ["127.0.0.2"]
    assert str(told.value) == f"{host} is not in probe_endpoint.allow_targets."
    assert set(here.visited) == {"127.0.0.2"}


async def test_a_name_without_address_is_a_failure() -> None:
    """Nothing is known of where it leads, and nothing was done: that is no different from what may be asked for."""
    resolver = Resolver(lambda _host: ())
    [result] = await Prober(resolver).probe(Target("name", "name.example", 443, within=ALLOWED), MODULE)
    resolver.close()
    assert result.failure is Failure.RESOLVE


@pytest.mark.parametrize(
    ("host", "within", "is_forbidden"),
    [
        ("127.0.0.2", ALLOWED, False),
        ("127.0.0.1", ALLOWED, True),
        ("localhost", (ip_network("0.0.0.0/0"), ip_network("::/0")), True),
        ("localhost", None, False),
    ],
)
@pytest.mark.parametrize("addresses", AddressChoice)
@pytest.mark.parametrize("prober", [ProberKind.CRL, ProberKind.RESPONDER])
async def test_of_what_is_fetched_the_host_itself_has_to_be_allowed(
    prober: ProberKind,
    addresses: AddressChoice,
    host: str,
    within: tuple[IPNetwork, ...] | None,
    *,
    is_forbidden: bool,
) -> None:
    """Names in URLs are looked up by those who fetch: there addresses say nothing, unless they stand in the URL."""
    target = Target("here", host, 80, location=f"http://{host}/here", within=within)
    looking = Prober().probe(target, replace(MODULE, prober=prober, addresses=addresses))
    if is_forbidden:
        with pytest.raises(
            TargetForbidden, match=f"{host} is not in probe_endpoint.allow_targets, and what is fetched"
        ):
            await looking
    else:
        assert await looking
    assert voucher_of(target) is (Voucher.OPERATOR if within is None else Voucher.CLIENT)


def _good(authority: Authority, leaf: Credential) -> Script:
    return as_response(authority.answer(leaf))


def _empty(authority: Authority, _leaf: Credential) -> Script:
    return as_crl(authority.crl({}))


async def test_what_only_those_ask_for_who_may_not_name_any_target_is_not_stored(tmp_path: Path) -> None:
    """They are told all the same; what is asked for by others is stored, whoever asked first."""
    async with (
        scene(responder=[_good], crl=[_empty]) as found,
        open_prober(HERE, store_path=tmp_path / "store") as prober,
    ):
        theirs = replace(found, target=replace(found.target, within=(ip_network("127.0.0.0/8"),)))
        page = await theirs.look(prober, SCENE)
        assert (page.says("responder"), page.says("crl")) == ("good", "good")
        assert not (tmp_path / "store").exists()
        page = await found.look(prober, SCENE)
        assert (page.says("responder"), page.says("crl")) == ("good", "good")
        assert {file.name[:4] for file in (tmp_path / "store").iterdir()} == {"ocsp", "crl-"}
        assert found.sources.requests == (2, 2)
