"""Servers that only old clients can talk to, and what a module has to allow for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import rsa_key
from ocsp_exporter.model import ChainError, Failure, KeyType, Module, Status, TLSSettings, TLSVersion
from tests.findings import tls_of
from tests.peers.daemons import HOST, find, run
from tests.peers.looking import look, probe, probe_all, staple_of
from tests.peers.servers import Site, files_of

OLD = {TLSVersion.TLS10: ("-tls1", "TLSv1"), TLSVersion.TLS11: ("-tls1_1", "TLSv1.1")}


@contextmanager
def s_server(folder: Path, site: Site, *options: str) -> Iterator[int]:
    """One `openssl s_server` that takes everything its options allow."""
    files = files_of(folder, site)
    command = [find("openssl"), "s_server", "-www", "-accept", f"{HOST}:{files.port}", *options]
    command += ["-cipher", "DEFAULT@SECLEVEL=0", "-cert", str(files.certificates), "-key", str(files.key)]
    command += ["-cert_chain", str(files.chain), "-status_file", str(files.staple)]
    with run(command, folder, [files.port]):
        yield files.port


@contextmanager
def gnutls_serv(folder: Path, site: Site, priority: str) -> Iterator[int]:
    """One `gnutls-serv` with a priority string."""
    files = files_of(folder, site)
    command = [find("gnutls-serv"), "--http", "--port", str(files.port), "--priority", priority]
    command += ["--x509certfile", str(files.certificates), "--x509keyfile", str(files.key), "--disable-client-cert"]
    command += ["--ocsp-response", str(files.staple), "--ignore-ocsp-response-errors"]
    with run(command, folder, [files.port]):
        yield files.port


def speaking(root: Authority, lowest: TLSVersion, highest: TLSVersion = TLSVersion.TLS13) -> Module:
    """Make a module that trusts a root and speaks some versions."""
    return Module("tls", tls=TLSSettings((root.certificate,), lowest, highest))


@pytest.mark.parametrize("version", OLD)
async def test_an_old_server_is_looked_at_where_the_module_allows_it(
    tmp_path: Path, root: Authority, authority: Authority, version: TLSVersion
) -> None:
    """Its staple counts like any other; a module with the default versions cannot look at it."""
    leaf = authority.leaf(must_staple=True, key=rsa_key())
    option, name = OLD[version]
    with s_server(tmp_path, Site(leaf, authority.answer(leaf)), option) as port:
        for module in (speaking(root, version), speaking(root, TLSVersion.TLS10), speaking(root, version, version)):
            findings = await look(port, module)
            assert tls_of(findings).session.version == name
            assert tls_of(findings).session.complete
            assert not tls_of(findings).session.chain_errors
            assert staple_of(findings).status is Status.GOOD
            assert tls_of(findings).compliant
        result = await probe(port, speaking(root, TLSVersion.TLS12))
        assert result.failure is Failure.TLS
        above = await probe(port, speaking(root, TLSVersion.TLS11 if version is TLSVersion.TLS10 else TLSVersion.TLS12))
        assert above.failure is Failure.TLS


async def test_a_module_for_old_servers_speaks_the_newest_version_with_others(
    tmp_path: Path, root: Authority, authority: Authority
) -> None:
    """What is allowed is not what is preferred."""
    leaf = authority.leaf()
    with s_server(tmp_path, Site(leaf, authority.answer(leaf))) as port:
        findings = await look(port, speaking(root, TLSVersion.TLS10))
    assert tls_of(findings).session.version == "TLSv1.3"
    assert staple_of(findings).status is Status.GOOD


@pytest.mark.parametrize("version", OLD)
async def test_old_servers_have_key_types_too(
    tmp_path: Path, root: Authority, authority: Authority, version: TLSVersion
) -> None:
    """There the cipher suite chooses the certificate."""
    leaf, (option, _) = authority.leaf(), OLD[version]
    module = replace(speaking(root, TLSVersion.TLS10), key_types=(KeyType.RSA, KeyType.ECDSA))
    with s_server(tmp_path, Site(leaf, authority.answer(leaf)), option) as port:
        results = await probe_all(port, module)
    assert [(result.key_type, result.key_type_served, result.failure) for result in results] == [
        (KeyType.RSA, False, None),
        (KeyType.ECDSA, True, None),
    ]


async def test_a_server_without_secure_renegotiation(tmp_path: Path, root: Authority, authority: Authority) -> None:
    """A server that does not know RFC 5746 is left alone by default; one that does is not."""
    leaf = authority.leaf()
    site, priority = Site(leaf, authority.answer(leaf)), "NORMAL:-VERS-ALL:+VERS-TLS1.2"
    with gnutls_serv(tmp_path, site, f"{priority}:%DISABLE_SAFE_RENEGOTIATION") as port:
        refused = await probe(port, speaking(root, TLSVersion.TLS12))
        findings = await look(port, speaking(root, TLSVersion.TLS11))
    assert refused.failure is Failure.TLS
    assert refused.detail == "the handshake failed: unsafe legacy renegotiation disabled"
    assert tls_of(findings).session.version == "TLSv1.2"
    assert staple_of(findings).status is Status.GOOD
    with gnutls_serv(tmp_path, site, priority) as port:
        assert (await probe(port, speaking(root, TLSVersion.TLS12))).failure is None


async def test_a_short_key(tmp_path: Path, root: Authority, authority: Authority) -> None:
    """It makes a chain untrusted, but for a module that allows old versions; the staple counts either way."""
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 -- what is tested here
    leaf = authority.leaf(key=short)
    with s_server(tmp_path, Site(leaf, authority.answer(leaf))) as port:
        for lowest, errors in ((TLSVersion.TLS12, {ChainError.OTHER}), (TLSVersion.TLS11, set())):
            findings = await look(port, speaking(root, lowest))
            assert tls_of(findings).session.chain_errors == errors
            assert staple_of(findings).status is Status.GOOD
