"""The lab's responder, CRL and CA certificates over HTTP, asked by the OpenSSL command line and by httpx."""

import base64
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import DAY
from ocsp_exporter.demo.http import build_app, serve_http
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.demo.responder import Responder
from ocsp_exporter.model import Reason, Revocation

OpenSSL = Callable[..., Awaitable[str]]

HOST = "127.0.0.1"
GOOD, REVOKED, UNKNOWN = 11, 12, 13
KNOWLEDGE = {GOOD: "leaf.pem: good", REVOKED: "Reason: superseded", UNKNOWN: "leaf.pem: unknown"}


@pytest.fixture
def root() -> Authority:
    """Return a CA at the present time, which is the one that clients go by."""
    return Authority.root(time.time())


@pytest.fixture
def responder(root: Authority) -> Responder:
    """Return the knowledge of an intermediate CA of `root`, about one good and one revoked certificate."""
    revocation = Revocation(int(root.now - DAY), Reason.SUPERSEDED)
    return Responder(root.intermediate(), {GOOD: None, REVOKED: revocation}, time.time)


@asynccontextmanager
async def serving(responder: Responder, root: Authority) -> AsyncIterator[httpx.AsyncClient]:
    """Serve at a free port, and yield a client of it."""
    listener = listen(HOST)
    app = build_app(responder, root.certificate)
    base_url = f"http://{HOST}:{port_of(listener)}"
    async with serve_http(app, listener), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        yield client


def question(
    authority: Authority,
    serial_number: int = GOOD,
    algorithm: hashes.HashAlgorithm | None = None,
    nonce: bytes | None = None,
) -> bytes:
    """Return the DER of an OCSPRequest about a certificate of `authority`."""
    leaf = authority.leaf(serial_number=serial_number).certificate
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, authority.certificate, algorithm or hashes.SHA256())
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def status_of(response: httpx.Response) -> ocsp.OCSPResponseStatus:
    """Return the outer status of an OCSP response, whatever the HTTP status."""
    assert response.headers["content-type"] == "application/ocsp-response"
    return ocsp.load_der_ocsp_response(response.content).response_status


@pytest.mark.parametrize("serial_number", KNOWLEDGE)
async def test_openssl_gets_its_answer_by_post(
    openssl: OpenSSL, tmp_path: Path, root: Authority, responder: Responder, serial_number: int
) -> None:
    """OpenSSL sends a nonce, gets the same one back, verifies the answer and reads what the CA knows."""
    printed = await ask(openssl, tmp_path, root, responder, serial_number)
    assert "Response verify OK" in printed
    assert "WARNING" not in printed  # as it warns where the nonce does not come back
    assert KNOWLEDGE[serial_number] in printed


async def test_a_delegate_may_answer(openssl: OpenSSL, tmp_path: Path, root: Authority, responder: Responder) -> None:
    """A responder with a signer answers with its signature and certificate, and OpenSSL accepts them."""
    delegated = replace(responder, signer=responder.authority.delegate())
    printed = await ask(openssl, tmp_path, root, delegated)
    assert "Response verify OK" in printed
    impostor = replace(responder, signer=responder.authority.delegate(ocsp_signing=False))
    printed = await ask(openssl, tmp_path, root, impostor)
    assert "Response Verify Failure" in printed


async def ask(openssl: OpenSSL, folder: Path, root: Authority, responder: Responder, serial_number: int = GOOD) -> str:
    """Return what OpenSSL prints on the responder's answer about a certificate."""
    authority = responder.authority
    (folder / "root.pem").write_bytes(root.certificate.public_bytes(Encoding.PEM))
    (folder / "ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    (folder / "leaf.pem").write_bytes(authority.leaf(serial_number=serial_number).certificate_pem())
    trust = ("-issuer", str(folder / "ca.pem"), "-CAfile", str(folder / "root.pem"))
    async with serving(responder, root) as client:
        return await openssl("ocsp", "-url", f"{client.base_url}/ocsp", *trust, "-cert", str(folder / "leaf.pem"))


@pytest.mark.parametrize("safe", ["", "/+="], ids=["encoded", "as it is"])
@pytest.mark.parametrize("algorithm", [hashes.SHA1, hashes.SHA256, hashes.SHA512])
async def test_get_answers_as_post_does(
    root: Authority, responder: Responder, algorithm: type[hashes.HashAlgorithm], safe: str
) -> None:
    """By GET, with and without percent-encoding, the answer uses the request's hash algorithm and serial number."""
    request = question(responder.authority, REVOKED, algorithm())
    async with serving(responder, root) as client:
        response = await client.get("/ocsp/" + quote(base64.b64encode(request).decode(), safe=safe))
    assert response.status_code == 200
    assert status_of(response) is ocsp.OCSPResponseStatus.SUCCESSFUL
    answer = ocsp.load_der_ocsp_response(response.content)
    assert answer.serial_number == REVOKED
    assert answer.hash_algorithm.name == algorithm().name
    assert answer.certificate_status is ocsp.OCSPCertStatus.REVOKED


@pytest.mark.parametrize("nonce", [b"n" * 1, b"n" * 128, None])
async def test_a_nonce_comes_back(root: Authority, responder: Responder, nonce: bytes | None) -> None:
    """A nonce is answered with itself, and none with none."""
    async with serving(responder, root) as client:
        response = await client.post("/ocsp", content=question(responder.authority, nonce=nonce))
    values = [each.value for each in ocsp.load_der_ocsp_response(response.content).extensions]
    assert values == ([] if nonce is None else [x509.OCSPNonce(nonce)])


@pytest.mark.parametrize("nonce", [b"", b"n" * 129])
async def test_a_nonce_of_a_wrong_length_is_malformed(root: Authority, responder: Responder, nonce: bytes) -> None:
    """A nonce that is empty, or longer than RFC 9654 allows, is answered with malformedRequest."""
    async with serving(responder, root) as client:
        response = await client.post("/ocsp", content=question(responder.authority, nonce=nonce))
    assert status_of(response) is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


@pytest.mark.parametrize("path", ["/ocsp/", "/ocsp/AAAA", "/ocsp/%%%", "/ocsp/MEMwQTA/not-base64", "/ocsp/%C3%A4"])
async def test_garbage_by_get_is_malformed(root: Authority, responder: Responder, path: str) -> None:
    """What is no OCSPRequest in base64 is answered with HTTP 400 and malformedRequest."""
    async with serving(responder, root) as client:
        response = await client.get(path)
    assert response.status_code == 400
    assert status_of(response) is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


@pytest.mark.parametrize("body", [b"", b"garbage", b"\x30\x03\x0a\x01\x00", b"\x00" * 16384])
async def test_garbage_by_post_is_malformed(root: Authority, responder: Responder, body: bytes) -> None:
    """What is no OCSPRequest is answered with HTTP 400 and malformedRequest."""
    async with serving(responder, root) as client:
        response = await client.post("/ocsp", content=body)
    assert response.status_code == 400
    assert status_of(response) is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


async def test_a_body_too_large_is_refused(root: Authority, responder: Responder) -> None:
    """A request of one byte too many is refused, also where its length was not announced."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b"\x00" * 1024

    async with serving(responder, root) as client:
        assert (await client.post("/ocsp", content=b"\x00" * 16385)).status_code == 413
        assert (await client.post("/ocsp", content=pieces())).status_code == 413


async def test_another_cas_certificate_is_not_ours(root: Authority, responder: Responder) -> None:
    """Of a certificate of another CA, or of one of the same name with another key, the responder may not speak."""
    async with serving(responder, root) as client:
        for issuer in (root, responder.authority.twin()):
            response = await client.post("/ocsp", content=question(issuer))
            assert response.status_code == 200
            assert status_of(response) is ocsp.OCSPResponseStatus.UNAUTHORIZED
        response = await client.post("/ocsp", content=question(responder.authority))
        assert status_of(response) is ocsp.OCSPResponseStatus.SUCCESSFUL


async def test_a_hash_that_nobody_knows_is_not_ours(root: Authority, responder: Responder) -> None:
    """A CertID by an unknown hash algorithm cannot be compared, and is answered with unauthorized."""
    request = question(responder.authority).replace(
        b"\x60\x86\x48\x01\x65\x03\x04\x02\x01", b"\x60\x86\x48\x01\x65\x03\x04\x02\x7f"
    )
    async with serving(responder, root) as client:
        response = await client.post("/ocsp", content=request)
    assert status_of(response) is ocsp.OCSPResponseStatus.UNAUTHORIZED


async def test_crl_and_certificates_are_published(root: Authority, responder: Responder) -> None:
    """The CRL lists what is revoked and nothing else; the issuer's and the root's certificates are as they are."""
    async with serving(responder, root) as client:
        crl = await client.get("/ca.crl")
        issuer = await client.get("/ca.cer")
        trusted = await client.get("/root.pem")
    assert crl.headers["content-type"] == "application/pkix-crl"
    entries = {entry.serial_number: entry for entry in x509.load_der_x509_crl(crl.content)}
    assert list(entries) == [REVOKED]
    assert entries[REVOKED].revocation_date_utc.timestamp() == int(root.now - DAY)
    assert issuer.headers["content-type"] == "application/pkix-cert"
    assert x509.load_der_x509_certificate(issuer.content) == responder.authority.certificate
    assert trusted.headers["content-type"] == "application/x-pem-file"
    assert x509.load_pem_x509_certificate(trusted.content) == root.certificate


async def test_the_processes_signals_are_left_alone(root: Authority, responder: Responder) -> None:
    """Who starts the server keeps the signal handlers that it had."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with serving(responder, root) as client:
        assert (await client.get("/root.pem")).status_code == 200
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
