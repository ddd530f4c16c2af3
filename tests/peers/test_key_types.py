"""Servers with an RSA and an ECDSA certificate, and with one of them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import rsa_key
from ocsp_exporter.model import (
    Findings,
    KeyType,
    Module,
    ProbeResult,
    Problem,
    StapleSettings,
    Status,
    TLSSettings,
    TLSVersion,
)
from tests.findings import tls_of
from tests.peers.looking import for_each_version, probe_all, staple_of
from tests.peers.servers import Serve, Site, gnutls_serv, haproxy, nginx, s_server

#: What is found of the second certificate's staple. HAProxy is given one for each certificate, the others that of the
#: first, and send it with the second too, or do not.
OF_THE_SECOND: dict[Serve, tuple[Status, tuple[Problem, ...]]] = {
    haproxy: (Status.GOOD, ()),
    nginx: (Status.INVALID, (Problem.NO_MATCHING_RESPONSE,)),
    s_server: (Status.INVALID, (Problem.NO_MATCHING_RESPONSE,)),
    gnutls_serv: (Status.MISSING, ()),
}

PUBLIC_KEYS = {KeyType.RSA: "rsa-2048", KeyType.ECDSA: "ec-secp256r1"}

#: The server, and the ports of its sites: with both certificates, and with one alone.
Served = tuple[Serve, int, dict[KeyType, int]]


@pytest.fixture(scope="module", params=OF_THE_SECOND, ids=lambda serve: serve.__name__)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Served]:
    """Serve three sites whose certificates demand a staple."""
    rsa, ecdsa = authority.leaf(must_staple=True, key=rsa_key()), authority.leaf(must_staple=True)
    with_rsa, with_ecdsa = Site(rsa, authority.answer(rsa)), Site(ecdsa, authority.answer(ecdsa))
    sites = [replace(with_rsa, second=with_ecdsa), with_rsa, with_ecdsa]
    with request.param(tmp_path_factory.mktemp("servers"), sites) as (both, only_rsa, only_ecdsa):
        yield request.param, both, {KeyType.RSA: only_rsa, KeyType.ECDSA: only_ecdsa}


async def look(port: int, root: Authority, version: TLSVersion, *key_types: KeyType) -> dict[KeyType, ProbeResult]:
    """Look at a server with versions up to one.

    By its name, without which HAProxy does not choose among its certificates; it looks at the cipher suites of TLS 1.2
    too, and so has no ECDSA certificate for clients that speak nothing but TLS 1.3 (as of 2.6).
    """
    tls = TLSSettings((root.certificate,), max_version=version)
    module = Module("tls", tls=tls, key_types=key_types, staple=StapleSettings(retry_missing=0))
    results = await probe_all(port, module, "localhost")
    return {result.key_type: result for result in results if result.key_type}


@for_each_version
async def test_each_certificate_is_looked_at_with_its_own_staple(
    served: Served, root: Authority, version: TLSVersion
) -> None:
    """Asked for one type of key, the server shows that certificate, and what is wrong with its staple is found."""
    serve, port, _ = served
    results = await look(port, root, version, KeyType.RSA, KeyType.ECDSA)
    assert list(results) == [KeyType.RSA, KeyType.ECDSA]
    for key_type, result in results.items():
        findings = found(result)
        assert result.key_type_served is True
        assert findings.certificates[0].public_key_algorithm == PUBLIC_KEYS[key_type]
        assert tls_of(findings).session.version == ("TLSv1.2" if version is TLSVersion.TLS12 else "TLSv1.3")
        assert tls_of(findings).session.complete
        assert not tls_of(findings).session.chain_errors
    assert verdict(results[KeyType.RSA]) == (Status.GOOD, ())
    assert verdict(results[KeyType.ECDSA]) == OF_THE_SECOND[serve]
    assert [tls_of(found(result)).compliant for result in results.values()] == [True, serve is haproxy]


@for_each_version
@pytest.mark.parametrize("only", [KeyType.RSA, KeyType.ECDSA])
async def test_a_server_with_one_certificate_does_not_fail_for_the_other(
    served: Served, root: Authority, version: TLSVersion, only: KeyType
) -> None:
    """The type that it has is good, the other one is not served; whichever it likes is the one that it has."""
    results = await look(served[2][only], root, version, KeyType.RSA, KeyType.ECDSA, KeyType.ANY)
    for key_type in (only, KeyType.ANY):
        assert results[key_type].key_type_served is True
        assert found(results[key_type]).certificates[0].public_key_algorithm == PUBLIC_KEYS[only]
        assert verdict(results[key_type]) == (Status.GOOD, ())
    [absent] = results.keys() - {only, KeyType.ANY}
    result = results[absent]
    assert (result.key_type_served, result.failure, result.findings) == (False, None, None)


def found(result: ProbeResult) -> Findings:
    """Return what was found, which there has to be."""
    assert result.findings is not None, result.detail
    return result.findings


def verdict(result: ProbeResult) -> tuple[Status, tuple[Problem, ...]]:
    """Return the verdict on the only staple."""
    staple = staple_of(found(result))
    return staple.status, staple.problems
