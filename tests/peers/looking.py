"""Probes as the tests make them."""

from typing import TypedDict, Unpack

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import (
    Evidence,
    Findings,
    Module,
    ProbeResult,
    Results,
    StaplePolicy,
    StapleSettings,
    Target,
    TLSSettings,
    TLSVersion,
)
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.resolver import Resolver
from tests.peers.daemons import HOST

#: Of a test: with TLS 1.2, and with TLS 1.3.
for_each_version = pytest.mark.parametrize("version", [TLSVersion.TLS12, TLSVersion.TLS13])


class StapleOptions(TypedDict, total=False):
    """What can be changed about how staples are demanded: see StapleSettings."""

    policy: StaplePolicy
    handshakes: int
    retry_missing: int


def trusting(root: Authority, version: TLSVersion | None = None, **staple: Unpack[StapleOptions]) -> Module:
    """Return a module that trusts a root, and speaks one version of TLS only unless that is None."""
    roots = (root.certificate,)
    tls = TLSSettings(roots) if version is None else TLSSettings(roots, version, version)
    return Module("tls", tls=tls, staple=StapleSettings(**staple))


async def probe(port: int, module: Module, host: str = HOST, resolver: Resolver | None = None) -> ProbeResult:
    """Look at a server of this machine once, in the only way that there is."""
    [result] = await probe_all(port, module, host, resolver)
    return result


async def probe_all(port: int, module: Module, host: str = HOST, resolver: Resolver | None = None) -> Results:
    """Look at a server of this machine once, in each way that the module asks for."""
    prober = Prober(resolver)
    try:
        return await prober.probe(Target(f"{host}:{port}", host, port), module)
    finally:
        prober.close()


async def look(port: int, module: Module, host: str = HOST) -> Findings:
    """Look at a server of this machine that can be looked at."""
    result = await probe(port, module, host)
    assert result.findings is not None, result.detail
    return result.findings


def staple_of(findings: Findings) -> Evidence:
    """Return the staple's verdict, which there has to be."""
    [evidence] = findings.evidence
    return evidence
