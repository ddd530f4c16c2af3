"""Endpoints that send only their own certificate, looked at as a configuration file says."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from ocsp_exporter.config import load_config
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.model import EgressPolicy, Evidence, Findings, Module, Problem, Signer, Source, Status, Target
from ocsp_exporter.probing.opening import open_prober
from tests.findings import tls_of
from tests.probing.http_server import Server, answer, hang_after, serve
from tests.probing.wire import Notes

ROOT = Authority.root(time.time())
ISSUER = ROOT.intermediate()
STRANGER = Authority.root(time.time(), "Stranger").delegate(ocsp_signing=False)


@dataclass(frozen=True)
class Running:
    """An endpoint, and the folder of the configuration in which its roots are."""

    target: Target
    credential: Credential
    folder: Path

    async def look(self, module: str, egress: str = "") -> Findings:
        """Probe it once with a module of these keys."""
        path = self.folder / "config.yaml"
        keys = indent(f"tls_config: {{ca_file: root.pem}}\n{module}", "    ")
        path.write_text(f"egress: {{{egress}}}\nmodules:\n  web:\n{keys}\n")
        config = load_config(path)
        async with open_prober(config.egress) as prober:
            [result] = await prober.probe(self.target, config.modules["web"])
        assert result.findings, result.detail
        return result.findings


@asynccontextmanager
async def endpoint(
    folder: Path, issuer_url: str, signer: Credential | None = None, chain: tuple[x509.Certificate, ...] = ()
) -> AsyncIterator[Running]:
    """Run an endpoint whose staple is good, signed by its issuer or by `signer`."""
    (folder / "root.pem").write_bytes(ROOT.certificate.public_bytes(Encoding.PEM))
    credential = ISSUER.leaf(issuer_urls=[issuer_url])
    staple = ISSUER.answer(credential, signer=signer)
    listener = listen("127.0.0.1")
    target = Target("web", "127.0.0.1", port_of(listener))
    async with serve_tls(Endpoint(credential, lambda: staple, chain), listener):
        yield Running(target, credential, folder)


def ca_cer(server: Server) -> str:
    """Where the issuer's certificate is."""
    return server.url("/ca.cer", "localhost")


def staple(findings: Findings) -> Evidence:
    """The one piece of evidence."""
    (evidence,) = findings.evidence
    assert evidence.source is Source.STAPLE
    return evidence


DER = ISSUER.certificate.public_bytes(Encoding.DER)
ALLOWED = "allow: [localhost]"


@pytest.mark.parametrize(
    "body",
    [
        DER,
        ISSUER.certificate.public_bytes(Encoding.PEM),
        pkcs7.serialize_certificates([STRANGER.certificate, ISSUER.certificate], Encoding.DER),
    ],
    ids=["DER", "PEM", "PKCS #7"],
)
async def test_the_fetched_issuer_verifies_the_staple(tmp_path: Path, body: bytes) -> None:
    """And leads on to the root; without `fetch_issuer`, or where the URL is not allowed, it stays unavailable."""
    async with serve(answer(body)) as server, endpoint(tmp_path, ca_cer(server)) as running:
        found = await running.look("fetch_issuer: true", ALLOWED)
        assert (staple(found).status, staple(found).problems) == (Status.GOOD, ())
        assert [each.depth for each in found.certificates] == [0, 1, 2]
        assert len(server.heads) == 1
        for module, egress in (("fetch_issuer: false", ALLOWED), ("fetch_issuer: true", "")):
            found = await running.look(module, egress)
            assert (staple(found).status, staple(found).problems) == (Status.INVALID, (Problem.ISSUER_UNAVAILABLE,))
            assert [each.depth for each in found.certificates] == [0]
        assert len(server.heads) == 1


async def test_what_is_fetched_for_a_probe_is_told(tmp_path: Path) -> None:
    """By whom a prober is opened, he hears of it; of a probe that fetches nothing there is nothing to hear."""
    notes = Notes()
    policy = EgressPolicy(allowed_hosts=frozenset({"localhost"}))
    async with serve(answer(DER)) as server, endpoint(tmp_path, ca_cer(server)) as running:
        async with open_prober(policy, notes) as prober:
            await prober.probe(running.target, Module("web", issuers=(ISSUER.certificate,), fetch_issuer=True))
            assert notes.fetches == []
            await prober.probe(running.target, Module("web", fetch_issuer=True))
        [(kind, host, _, problem)] = notes.fetches
        assert (kind, host, problem) == ("issuer", f"localhost:{server.port}", None)


async def test_a_wrong_certificate_behind_the_url_is_not_taken(tmp_path: Path) -> None:
    """One of the issuer's name with another key verifies nothing; the right one does."""
    twin = ISSUER.twin().certificate.public_bytes(Encoding.DER)
    async with serve(answer(twin), answer(DER)) as server, endpoint(tmp_path, ca_cer(server)) as running:
        found = await running.look("fetch_issuer: true", ALLOWED)
        assert (staple(found).problems, len(found.certificates)) == ((Problem.ISSUER_UNAVAILABLE,), 1)
        found = await running.look("fetch_issuer: true", ALLOWED)
        assert (staple(found).problems, len(found.certificates)) == ((), 3)


async def test_nothing_is_fetched_that_is_at_hand(tmp_path: Path) -> None:
    """In the chain that the server sent, or in `issuer_file`."""
    (tmp_path / "issuer.pem").write_bytes(ISSUER.certificate.public_bytes(Encoding.PEM))
    async with serve(answer(DER)) as server:
        async with endpoint(tmp_path, ca_cer(server), chain=(ISSUER.certificate,)) as running:
            assert staple(await running.look("fetch_issuer: true", ALLOWED)).status is Status.GOOD
        async with endpoint(tmp_path, ca_cer(server)) as running:
            found = await running.look("fetch_issuer: true\nissuer_file: issuer.pem", ALLOWED)
            assert staple(found).status is Status.GOOD
    assert server.heads == []


async def test_a_url_that_hangs_does_not_fail_the_probe(tmp_path: Path) -> None:
    """All handshakes are made, and what they showed is told by the probe's deadline."""
    async with serve(hang_after(b"")) as server, endpoint(tmp_path, ca_cer(server)) as running:
        found = await running.look("fetch_issuer: true\ntimeout: 2s\nstaple: {handshakes: 3}", ALLOWED)
        assert (tls_of(found).handshakes, tls_of(found).stapled_handshakes) == (3, 3)
        assert staple(found).problems == (Problem.ISSUER_UNAVAILABLE,)
        assert len(server.heads) == 1


async def test_a_responder_may_be_trusted_locally(tmp_path: Path) -> None:
    """Its certificate need be signed by nobody whom the issuer knows; without the file it may not answer."""
    (tmp_path / "ocsp.pem").write_bytes(STRANGER.certificate.public_bytes(Encoding.PEM))
    chain = (ISSUER.certificate,)
    async with endpoint(tmp_path, "http://localhost/ca.cer", STRANGER, chain) as running:
        found = staple(await running.look("responder: {trusted_certificates: [ocsp.pem]}"))
        assert (found.status, found.problems) == (Status.GOOD, ())
        assert found.response
        assert found.response.signer is Signer.TRUSTED
        found = staple(await running.look("responder: {trusted_certificates: []}"))
        assert (found.status, found.problems) == (Status.INVALID, (Problem.RESPONDER_UNAUTHORIZED,))
