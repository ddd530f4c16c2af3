"""Servers that demand a client certificate, and what comes of having one and of having none."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import DAY, CertificateOptions, common_name, ecdsa_key, issue
from ocsp_exporter.demo.response import PrivateKey
from ocsp_exporter.model import ClientCertificate, Failure, Module, Status, TLSVersion
from tests.findings import tls_of
from tests.peers.daemons import RUNNING, until
from tests.peers.looking import for_each_version, look, probe, staple_of, trusting
from tests.peers.servers import Serve, Site, gnutls_serv, haproxy, nginx, s_server

#: nginx lets the handshake pass and refuses the request. The others end it: with TLS 1.2 before its end.
COMPLETE_WITH_TLS12: dict[Serve, bool] = {nginx: True, haproxy: False, s_server: False, gnutls_serv: False}

Served = tuple[Serve, int, int]


def client_of(ca: Authority, key: PrivateKey | None = None) -> ClientCertificate:
    """Make a certificate for a client, with those that lead to the root."""
    extensions = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),)
    options = CertificateOptions(key=key or ecdsa_key(), not_before=ca.now - DAY, not_after=ca.now + DAY)
    made = issue(common_name("client"), extensions, options, (ca.certificate.subject, ca.key))
    encoded = made.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return ClientCertificate((made.certificate, *ca.chain), encoded)


def showing(client: ClientCertificate, module: Module) -> Module:
    """Make of a module one that shows a client certificate."""
    return replace(module, tls=replace(module.tls, client_certificate=client))


@pytest.fixture(scope="module", params=COMPLETE_WITH_TLS12, ids=lambda serve: serve.__name__)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, root: Authority, authority: Authority
) -> Iterator[Served]:
    """Serve a site that demands a client certificate, and one that does not."""
    leaf = authority.leaf(must_staple=True)
    staple = authority.answer(leaf)
    sites = [Site(leaf, staple, client_ca=root.certificate), Site(leaf, staple)]
    with request.param(tmp_path_factory.mktemp("servers"), sites) as (demanding, liberal):
        yield request.param, demanding, liberal


@for_each_version
async def test_the_staple_counts_although_the_server_refuses_us(
    served: Served, root: Authority, version: TLSVersion
) -> None:
    """The demand is seen, and the staple that came before it is judged as from any other server."""
    serve, demanding, _ = served
    findings = await look(demanding, trusting(root, version))
    assert tls_of(findings).session.client_certificate_requested
    # In TLS 1.3 the refusal follows the handshake, and is not awaited.
    assert tls_of(findings).session.complete is (version is TLSVersion.TLS13 or COMPLETE_WITH_TLS12[serve])
    assert staple_of(findings).status is Status.GOOD
    assert tls_of(findings).compliant
    assert not tls_of(findings).session.chain_errors


@for_each_version
async def test_no_demand_is_seen_where_there_is_none(served: Served, root: Authority, version: TLSVersion) -> None:
    """The same server without the demand asks for nothing and completes the handshake."""
    findings = await look(served[2], trusting(root, version))
    assert not tls_of(findings).session.client_certificate_requested
    assert tls_of(findings).session.complete
    assert staple_of(findings).status is Status.GOOD


@for_each_version
async def test_with_a_client_certificate_the_handshake_completes(
    served: Served, root: Authority, authority: Authority, version: TLSVersion
) -> None:
    """A certificate of the CA that the server wants is accepted, and the staple counts as ever."""
    findings = await look(served[1], showing(client_of(authority), trusting(root, version)))
    assert tls_of(findings).session.client_certificate_requested
    assert tls_of(findings).session.complete
    assert staple_of(findings).status is Status.GOOD
    assert not tls_of(findings).session.chain_errors


@pytest.mark.parametrize("known", [True, False])
async def test_a_client_certificate_of_another_ca_is_as_good_as_none(
    served: Served, root: Authority, authority: Authority, known: bool
) -> None:
    """With TLS 1.2 the server says so within the handshake: it is the certificate that completes it."""
    ca = authority if known else Authority.root(authority.now, "Stranger")
    findings = await look(served[1], showing(client_of(ca), trusting(root, TLSVersion.TLS12)))
    assert tls_of(findings).session.complete is (known or COMPLETE_WITH_TLS12[served[0]])
    assert staple_of(findings).status is Status.GOOD


async def test_a_client_certificate_that_nobody_asks_for_is_not_shown(
    served: Served, root: Authority, authority: Authority
) -> None:
    """It changes nothing where there is no demand."""
    findings = await look(served[2], showing(client_of(authority), trusting(root)))
    assert not tls_of(findings).session.client_certificate_requested
    assert tls_of(findings).session.complete


@for_each_version
async def test_all_that_follows_the_certificate_arrives(
    tmp_path: Path, root: Authority, authority: Authority, version: TLSVersion
) -> None:
    """A server that knows only the root is shown the way there; without it, it finds none."""
    leaf, client = authority.leaf(), client_of(authority)
    alone = replace(client, chain=client.chain[:1])
    with s_server(tmp_path, [Site(leaf, authority.answer(leaf), client_ca=root.certificate)]) as [port]:
        findings = await look(port, showing(client, trusting(root, version)))
        assert tls_of(findings).session.complete
        until(lambda: "CN = client" in RUNNING[-1].log, lambda: "no client certificate was looked at")
        assert "verify error" not in RUNNING[-1].log
        findings = await look(port, showing(alone, trusting(root, version)))
        assert tls_of(findings).session.complete is (version is TLSVersion.TLS13)  # whose refusal is not awaited
        until(lambda: "verify error" in RUNNING[-1].log, lambda: "the client was not refused")


async def test_a_client_certificate_that_openssl_refuses_is_a_failure_that_says_so(
    served: Served, root: Authority, authority: Authority
) -> None:
    """A key too short for the versions asked for: no handshake is made; a longer one is used."""
    for key_size, failure in ((1024, Failure.TLS), (2048, None)):
        key = rsa.generate_private_key(public_exponent=65537, key_size=key_size)
        result = await probe(served[1], showing(client_of(authority, key=key), trusting(root)))
        assert result.failure is failure
        said = "OpenSSL refuses the client certificate: ee key too small"
        assert result.detail == (said if failure else "")
