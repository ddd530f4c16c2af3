"""nginx that fetches staples itself: it begins when first asked, so that the first handshakes carry none."""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import Findings, Module, Signer, Status
from tests.findings import tls_of
from tests.peers.daemons import free_port
from tests.peers.looking import look, staple_of, trusting
from tests.peers.responders import openssl_ocsp
from tests.peers.servers import Site, nginx

#: Enough handshakes to meet both workers, and to wait for a responder on a machine that is busy.
MANY = 100


class Ports(NamedTuple):
    """Sites of one nginx, of which nobody has asked anything yet; the last one is not lazy."""

    retried: int
    not_retried: int
    not_demanding: int
    eager: int


@pytest.fixture
def ports(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Ports]:
    """Start nginx afresh, with the CA's responder behind it."""
    folder = tmp_path_factory.mktemp("lazy")
    responder = free_port()
    urls = [f"http://127.0.0.1:{responder}/"]
    demanding = [authority.leaf(must_staple=True, ocsp_urls=urls) for _ in range(3)]
    not_demanding = authority.leaf(ocsp_urls=urls)
    leaves = [demanding[0], demanding[1], not_demanding]
    sites = [
        *(Site(leaf, fetch_staple=True) for leaf in leaves),
        Site(demanding[2], authority.answer(demanding[2])),
    ]
    with openssl_ocsp(folder, responder, authority, leaves), nginx(folder, sites) as served:
        yield Ports(*served)


async def test_retries_gather_the_staple_and_do_not_rescue_compliance(ports: Ports, root: Authority) -> None:
    """The first handshake lacked its staple, which is a violation although a later one carried it."""
    findings = await look(ports.retried, trusting(root, retry_missing=MANY))
    assert tls_of(findings).handshakes > 1
    assert tls_of(findings).stapled_handshakes == 1
    staple = staple_of(findings)
    assert (staple.status, staple.problems) == (Status.GOOD, ())
    assert tls_of(findings).staple_required
    assert tls_of(findings).compliant is False


async def test_a_later_probe_is_compliant(ports: Ports, root: Authority) -> None:
    """Once its workers have their staple, they send it in the first handshake."""
    findings = await _look_until_stapled(ports.retried, trusting(root))
    assert (tls_of(findings).handshakes, tls_of(findings).stapled_handshakes) == (1, 1)
    staple = staple_of(findings)
    assert (staple.status, staple.problems) == (Status.GOOD, ())
    assert staple.response is not None
    assert staple.response.signer is Signer.ISSUER
    assert staple.this_update is not None
    assert staple.next_update is not None
    assert staple.next_update - staple.this_update == 7 * 24 * 3600  # as the responder was told
    assert tls_of(findings).compliant


async def test_without_retries_the_staple_is_missing(ports: Ports, root: Authority) -> None:
    """It is the retries that gather the staple."""
    findings = await look(ports.not_retried, trusting(root, retry_missing=0))
    assert (tls_of(findings).handshakes, tls_of(findings).stapled_handshakes) == (1, 0)
    assert staple_of(findings).status is Status.MISSING
    assert tls_of(findings).compliant is False


async def test_a_staple_that_nobody_demands_is_not_waited_for(ports: Ports, root: Authority) -> None:
    """Without must-staple one handshake is made and nothing is missing; a later staple is judged when it comes."""
    first = await look(ports.not_demanding, trusting(root))
    assert (tls_of(first).handshakes, first.evidence, tls_of(first).compliant) == (1, (), None)
    later = await _look_until_stapled(ports.not_demanding, trusting(root))
    assert staple_of(later).status is Status.GOOD
    assert tls_of(later).compliant is None


async def test_nginx_with_its_staple_in_a_file_is_not_lazy(ports: Ports, root: Authority) -> None:
    """With the same demand the very first handshake carries the staple."""
    findings = await look(ports.eager, trusting(root))
    assert (tls_of(findings).handshakes, tls_of(findings).stapled_handshakes) == (1, 1)
    assert tls_of(findings).compliant


async def _look_until_stapled(port: int, module: Module) -> Findings:
    for _ in range(MANY):
        findings = await look(port, module)
        if tls_of(findings).handshakes == tls_of(findings).stapled_handshakes:
            return findings
        await asyncio.sleep(0.05)
    pytest.fail("no probe found its staple in the first handshake")
