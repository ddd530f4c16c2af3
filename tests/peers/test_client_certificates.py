"""Servers that demand a client certificate, which the exporter has none of."""

from collections.abc import Iterator

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import Status, TLSVersion
from tests.peers.looking import for_each_version, look, staple_of, trusting
from tests.peers.servers import Serve, Site, gnutls_serv, haproxy, nginx, s_server

#: nginx lets the handshake pass and refuses the request. The others end it: with TLS 1.2 before its end.
COMPLETE_WITH_TLS12: dict[Serve, bool] = {nginx: True, haproxy: False, s_server: False, gnutls_serv: False}

Served = tuple[Serve, int, int]


@pytest.fixture(scope="module", params=COMPLETE_WITH_TLS12, ids=lambda serve: serve.__name__)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Served]:
    """Serve a site that demands a client certificate, and one that does not."""
    leaf = authority.leaf(must_staple=True)
    staple = authority.answer(leaf)
    sites = [Site(leaf, staple, client_ca=authority.certificate), Site(leaf, staple)]
    with request.param(tmp_path_factory.mktemp("servers"), sites) as (demanding, liberal):
        yield request.param, demanding, liberal


@for_each_version
async def test_the_staple_counts_although_the_server_refuses_us(
    served: Served, root: Authority, version: TLSVersion
) -> None:
    """The demand is seen, and the staple that came before it is judged as from any other server."""
    serve, demanding, _ = served
    findings = await look(demanding, trusting(root, version))
    assert findings.session.client_certificate_requested
    # In TLS 1.3 the refusal follows the handshake, and is not awaited.
    assert findings.session.complete is (version is TLSVersion.TLS13 or COMPLETE_WITH_TLS12[serve])
    assert staple_of(findings).status is Status.GOOD
    assert findings.compliant
    assert not findings.session.chain_errors


@for_each_version
async def test_no_demand_is_seen_where_there_is_none(served: Served, root: Authority, version: TLSVersion) -> None:
    """The same server without the demand asks for nothing and completes the handshake."""
    findings = await look(served[2], trusting(root, version))
    assert not findings.session.client_certificate_requested
    assert findings.session.complete
    assert staple_of(findings).status is Status.GOOD
