"""Staples that make OpenSSL give up the handshake, from a server that sends whatever it is told to."""

from collections.abc import Iterator

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.model import Findings, Problem, Status, TLSVersion
from tests.findings import tls_of
from tests.peers.looking import for_each_version, look, staple_of, trusting
from tests.peers.servers import Site, gnutls_serv

#: OpenSSL takes no staple of more than 16 KiB with TLS 1.2; this many CA certificates in a good one make 20,000 octets.
COPIES = 60

Ports = dict[str, int]


@pytest.fixture(scope="module")
def leaf(authority: Authority) -> Credential:
    """Return a certificate that demands a staple."""
    return authority.leaf(must_staple=True)


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory, authority: Authority, leaf: Credential) -> Iterator[Ports]:
    """Serve a good staple, two that are none, and a good one that is large."""
    good = authority.answer(leaf)
    large = authority.answer(leaf, certificates=[authority.certificate] * COPIES)
    assert len(large) > 20_000
    staples = {"good": good, "junk": b"junk", "cut-short": good[:-1], "large": large}
    sites = [Site(leaf, staple) for staple in staples.values()]
    with gnutls_serv(tmp_path_factory.mktemp("servers"), sites) as ports:
        yield dict(zip(staples, ports, strict=True))


@for_each_version
@pytest.mark.parametrize("name", ["junk", "cut-short"])
async def test_what_is_no_staple_is_malformed(
    ports: Ports, root: Authority, leaf: Credential, version: TLSVersion, name: str
) -> None:
    """It is a problem of the staple, not of the target: certificate, chain and session are seen all the same."""
    findings = await look(ports[name], trusting(root, version))
    _expect_unreadable(findings, Problem.MALFORMED)
    _expect_certificate(findings, leaf)


async def test_a_large_staple_is_too_large_for_tls_1_2(ports: Ports, root: Authority, leaf: Credential) -> None:
    """The limit of TLS 1.2 clients is a problem of the staple too."""
    findings = await look(ports["large"], trusting(root, TLSVersion.TLS12))
    _expect_unreadable(findings, Problem.TOO_LARGE)
    _expect_certificate(findings, leaf)


async def test_the_same_staple_is_good_with_tls_1_3(ports: Ports, root: Authority, leaf: Credential) -> None:
    """There the certificate's message carries it, and that may be larger."""
    findings = await look(ports["large"], trusting(root, TLSVersion.TLS13))
    assert staple_of(findings).status is Status.GOOD
    _expect_certificate(findings, leaf)


@for_each_version
async def test_a_good_staple_of_the_same_server_is_good(
    ports: Ports, root: Authority, leaf: Credential, version: TLSVersion
) -> None:
    """The same server with a staple that can be read has nothing wrong with it."""
    findings = await look(ports["good"], trusting(root, version))
    assert (staple_of(findings).status, staple_of(findings).problems) == (Status.GOOD, ())
    assert tls_of(findings).compliant
    assert tls_of(findings).session.complete
    _expect_certificate(findings, leaf)


def _expect_unreadable(findings: Findings, problem: Problem) -> None:
    staple = staple_of(findings)
    assert (staple.status, staple.problems) == (Status.INVALID, (problem,))
    assert tls_of(findings).compliant is False
    assert not tls_of(findings).session.complete


def _expect_certificate(findings: Findings, leaf: Credential) -> None:
    assert tls_of(findings).session.chain == (leaf.certificate, *leaf.chain)
    subjects = [facts.subject for facts in findings.certificates]
    assert subjects == ["CN=localhost", "CN=Test Issuing CA", "CN=Test Root CA"]
    assert not tls_of(findings).session.chain_errors
