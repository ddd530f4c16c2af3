"""Targets with several addresses: which are looked at, and what one of them means for the others."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.model import (
    AddressChoice,
    Failure,
    IPProtocol,
    KeyType,
    Module,
    Phase,
    ProbeResult,
    Results,
    Status,
    Target,
    TLSSettings,
)
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.resolver import Address, Addresses, Resolver
from ocsp_exporter.probing.ways import MOST_ADDRESSES
from tests.findings import tls_of

NOW = time.time()
ROOT = Authority.root(NOW)
LEAF = ROOT.leaf("many.example")
GOOD = ROOT.answer(LEAF)
EXPIRED = ROOT.answer(LEAF, this_update=NOW - 7200, next_update=NOW - 3600)

FIRST = Module("tls", tls=TLSSettings((ROOT.certificate,)), timeout=5.0)
ALL = replace(FIRST, addresses=AddressChoice.ALL)
ANYWHERE = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "::1"


def addresses(*hosts: str) -> Addresses:
    """Give addresses as a resolver does."""
    return tuple(Address(socket.AF_INET6 if ":" in host else socket.AF_INET, host) for host in hosts)


@dataclass
class Name:
    """The name many.example with its `addresses`, and the port that its servers share; no answer is remembered."""

    addresses: Sequence[str]
    port: int = 443
    prober: Prober = field(init=False)

    def __post_init__(self) -> None:
        """Make a prober that looks the name up here."""
        self._moments = iter(range(0, 1000, 10))
        resolver = Resolver(lambda _host: addresses(*self.addresses), lambda: next(self._moments))
        self.prober = Prober(resolver)

    async def look(self, module: Module, host: str = "many.example") -> dict[str | None, ProbeResult]:
        """Probe the target once, and give the results by their address."""
        results = await self.probe(module, host)
        assert len({result.address for result in results}) == len(results)
        return {result.address: result for result in results}

    async def probe(self, module: Module, host: str = "many.example") -> Results:
        """Probe the target once."""
        return await self.prober.probe(Target("many", host, self.port), module)


@asynccontextmanager
async def servers(**staples: bytes | None) -> AsyncIterator[Name]:
    """Serve these staples, the first at 127.0.0.1 and so on, on one port; the name has all these addresses.

    A name that begins with `silent` takes connections and says nothing, one that begins with `refusing` takes none.
    """
    async with AsyncExitStack() as stack:
        first = listen("127.0.0.1")
        name = Name(ANYWHERE[: len(staples)], port_of(first))
        for host, (kind, staple) in zip(ANYWHERE, staples.items(), strict=False):
            listener = first if host == "127.0.0.1" else listen(host, name.port)
            if kind.startswith("refusing"):
                listener.close()
            elif kind.startswith("silent"):
                stack.enter_context(listener)
            else:
                await stack.enter_async_context(serve_tls(Endpoint(LEAF, partial(_given, staple)), listener))
        yield name
        name.prober.close()


def _given(staple: bytes | None) -> bytes | None:
    return staple


def status(result: ProbeResult) -> Status:
    """Give the status of the staple that was found."""
    assert result.findings, result.detail
    [evidence] = result.findings.evidence
    return evidence.status


async def test_each_address_is_looked_at_by_itself() -> None:
    """Every address has a result with what its own server staples; by default there is one, of the first address."""
    async with servers(one=GOOD, two=EXPIRED, three=GOOD, four=EXPIRED, five=GOOD) as name:
        results = await name.look(ALL)
        assert {address: status(result) for address, result in results.items()} == {
            "127.0.0.1": Status.GOOD,
            "127.0.0.2": Status.INVALID,
            "127.0.0.3": Status.GOOD,
            "127.0.0.4": Status.INVALID,
            "::1": Status.GOOD,
        }
        for address, result in results.items():
            assert result.findings
            assert tls_of(result.findings).session.address == address
            assert not tls_of(result.findings).session.chain_errors
            assert {Phase.RESOLVE, Phase.CONNECT, Phase.HANDSHAKE} == set(result.phases)
        name.addresses = ["127.0.0.2", "127.0.0.1"]
        assert {address: status(result) for address, result in (await name.look(FIRST)).items()} == {
            None: Status.INVALID
        }


async def test_an_address_that_fails_does_not_hide_the_others() -> None:
    """One refuses, one never says a word, and the third is looked at as if they were not there."""
    module = replace(ALL, timeout=1.0)
    async with servers(one=GOOD, refusing=None, silent=None) as name:
        results = await name.look(module)
    assert {address: result.failure for address, result in results.items()} == {
        "127.0.0.1": None,
        "127.0.0.2": Failure.REFUSED,
        "127.0.0.3": Failure.TIMEOUT,
    }
    assert status(results["127.0.0.1"]) is Status.GOOD


async def test_every_address_has_the_whole_time() -> None:
    """Of five, four are silent: the last one by number is answered all the same."""
    module = replace(ALL, timeout=1.0)
    async with servers(silent1=None, silent2=None, silent3=None, silent4=None, five=GOOD) as name:
        results = await name.look(module)
    assert [result.failure for result in results.values()] == [Failure.TIMEOUT] * 4 + [None]


async def test_an_address_that_disappears_has_no_result() -> None:
    """What is looked at is what the name has now."""
    async with servers(one=GOOD, two=GOOD, three=GOOD) as name:
        name.addresses = ["127.0.0.2", "127.0.0.1"]
        assert set(await name.look(ALL)) == {"127.0.0.1", "127.0.0.2"}
        name.addresses = ["127.0.0.3", "127.0.0.2"]
        assert set(await name.look(ALL)) == {"127.0.0.2", "127.0.0.3"}


@pytest.mark.parametrize("module", [FIRST, ALL], ids=["first", "all"])
async def test_a_name_that_does_not_resolve_is_one_failed_result(module: Module) -> None:
    """There is no address to tell it by."""
    name = Name([])
    results = await name.look(module)
    name.prober.close()
    assert {address: result.failure for address, result in results.items()} == {None: Failure.RESOLVE}
    assert set(results[None].phases) == {Phase.RESOLVE}


async def test_without_address_key_types_are_still_told_apart() -> None:
    """Their series go on, with the failure; whether they are served is not known."""
    name = Name([])
    results = await name.probe(replace(ALL, key_types=(KeyType.RSA, KeyType.ECDSA)))
    name.prober.close()
    assert [(result.address, result.key_type, result.key_type_served, result.failure) for result in results] == [
        (None, KeyType.RSA, None, Failure.RESOLVE),
        (None, KeyType.ECDSA, None, Failure.RESOLVE),
    ]


async def test_the_number_of_addresses_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Of too many the same ones are looked at whatever their order, and the log says so once."""
    hosts = [f"127.0.1.{number}" for number in range(1, MOST_ADDRESSES + 9)]
    async with servers(refusing=None) as name:
        name.addresses = hosts
        with caplog.at_level(logging.WARNING):
            forward = await name.look(ALL)
            name.addresses = list(reversed(hosts))
            backward = await name.look(ALL)
            assert set(forward) == set(backward) == set(hosts[:MOST_ADDRESSES])
            assert [record.getMessage() for record in caplog.records] == ["too many addresses"]
            name.addresses = hosts[:MOST_ADDRESSES]
            await name.prober.probe(Target("other", "many.example", name.port), ALL)
        assert len(caplog.records) == 1


async def test_an_address_that_comes_twice_is_one() -> None:
    """As in a hosts file."""
    async with servers(one=GOOD) as name:
        name.addresses = ["127.0.0.1", "127.0.0.1"]
        assert set(await name.look(ALL)) == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        (IPProtocol.ANY, {"127.0.0.1", "::1"}),
        (IPProtocol.IP4, {"127.0.0.1"}),
        (IPProtocol.IP6, {"::1"}),
    ],
)
async def test_the_protocol_chooses_among_the_addresses(protocol: IPProtocol, expected: set[str]) -> None:
    """Of a name with both kinds, those of the other kind are as if they were not there."""
    async with servers(one=GOOD, two=None, three=None, four=None, five=GOOD) as name:
        name.addresses = ["::1", "127.0.0.1"]
        assert set(await name.look(replace(ALL, ip_protocol=protocol))) == expected
        result = (await name.look(replace(FIRST, ip_protocol=protocol)))[None]
        assert result.findings
        assert tls_of(result.findings).session.address == ("127.0.0.1" if protocol is IPProtocol.IP4 else "::1")


@pytest.mark.parametrize(
    ("protocol", "host", "wanted"), [(IPProtocol.IP6, "127.0.0.1", "IPv6"), (IPProtocol.IP4, "::1", "IPv4")]
)
async def test_no_address_of_the_protocol_is_a_failure(protocol: IPProtocol, host: str, wanted: str) -> None:
    """For a name as for an address that stands in the target itself; with the other protocol it is looked at."""
    name = Name([host])
    for written in ("many.example", host):
        result = (await name.look(replace(ALL, ip_protocol=protocol), written))[None]
        assert result.failure is Failure.RESOLVE
        assert result.detail == f"{written} has no {wanted} address; the module's ip_protocol is {protocol}"
    name.prober.close()


async def test_first_goes_on_to_the_next_address_where_one_refuses() -> None:
    """As any client would; the result is one, and does not tell which of the addresses it is of."""
    async with servers(one=GOOD, refusing=None) as name:
        name.addresses = ["127.0.0.2", "127.0.0.1"]
        results = await name.look(FIRST)
        assert status(results[None]) is Status.GOOD


async def test_a_target_that_is_an_address_has_its_label_too() -> None:
    """Under `all` every series has it, so that rules need not tell names from addresses."""
    async with servers(one=GOOD) as name:
        assert set(await name.look(ALL, "127.0.0.1")) == {"127.0.0.1"}


async def test_a_probe_that_is_given_up_leaves_nothing_running() -> None:
    """Cancelled, it ends the looks at all addresses."""
    async with servers(silent1=None, silent2=None) as name:
        before = asyncio.all_tasks()
        probing = asyncio.create_task(name.probe(ALL))
        async with asyncio.timeout(10):
            while len(asyncio.all_tasks() - before) < 3:  # noqa: ASYNC110 -- the probe, and a look at each address
                await asyncio.sleep(0)
        probing.cancel()
        await asyncio.wait({probing})
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
