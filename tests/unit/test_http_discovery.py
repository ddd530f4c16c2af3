"""URLs that list targets, and servers that do all that they should not."""

import asyncio
import base64
import ssl
import time
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from ocsp_exporter.config.discovery import ClientTLS, HTTPDiscovery, Login
from ocsp_exporter.config.target_groups import TargetGroup
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import CertificateOptions, Credential, common_name, issue
from ocsp_exporter.model import TLSVersion
from ocsp_exporter.serving.discovery.http import HTTPSource
from ocsp_exporter.serving.discovery.looking import Look
from tests.probing.http_server import Script, Server, answer, endless, hang_after, raw, redirect, serve

TLS = ClientTLS(None, None, None, None, insecure_skip_verify=False, min_version=TLSVersion.TLS12)
BODY = b'[{"targets": ["a"], "labels": {"b": "c"}}]'
GROUPS = (TargetGroup(("a",), (("b", "c"),)),)
GOOD = answer(BODY, Content_Type="application/json")


def source(url: str, login: Login | None = None, tls: ClientTLS = TLS, *, follow_redirects: bool = True) -> HTTPSource:
    """Make a source of a URL that is asked once a minute."""
    return HTTPSource(HTTPDiscovery(url, "tls", 60.0, 60.0, login, tls, follow_redirects))


async def look(server: Server, login: Login | None = None) -> Look:
    """Ask a server once."""
    return await source(server.url("/sd"), login).look()


def fault(server: Server, text: str, path: str = "/sd") -> Look:
    """Give what a look at a server brings that cannot be used."""
    return Look(None, (f"{server.url(path)}: {text}",), failures=1)


def header(head: str, name: str) -> str | None:
    """Give the value of a header of a request, None where it has none."""
    values = [line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith(f"{name.lower()}: ")]
    return values[0] if values else None


async def test_a_list_is_asked_for_as_prometheus_does() -> None:
    """With its header about the interval, and nothing that somebody else's server has no use for."""
    async with serve(GOOD) as server:
        assert await look(server) == Look(GROUPS)
        head = server.heads[0]
    assert head.startswith("GET /sd HTTP/1.1\r\n")
    assert header(head, "X-Prometheus-Refresh-Interval-Seconds") == "60"
    assert (header(head, "Accept"), header(head, "User-Agent")) == ("application/json", "ocsp_exporter")
    assert (header(head, "Authorization"), header(head, "Cookie")) == (None, None)


@pytest.mark.parametrize(("seconds", "text"), [(1.0, "1"), (0.5, "0.5"), (90.25, "90.25"), (8640000.0, "8640000")])
async def test_the_interval_is_written_in_seconds(seconds: float, text: str) -> None:
    """As Prometheus writes it: without an exponent, and no more digits than it needs."""
    async with serve(GOOD) as server:
        settings = replace(source(server.url()).settings, refresh_interval=seconds)
        await HTTPSource(settings).look()
        assert header(server.heads[0], "X-Prometheus-Refresh-Interval-Seconds") == text


async def test_the_same_list_is_nothing_new() -> None:
    """Another one is; and after a failure the same one is still known."""
    bad, other = answer(status="500 Oops"), answer(b"[]", Content_Type="application/json")
    async with serve(GOOD, GOOD, bad, GOOD, other) as server:
        asked = source(server.url())
        looks = [await asked.look() for _ in range(5)]
    assert [(each.groups, each.failures) for each in looks] == [(GROUPS, 0), (None, 0), (None, 1), (None, 0), ((), 0)]


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
async def test_content_types_that_prometheus_takes(kind: str) -> None:
    """In any case of letters, and with the one character set that JSON has."""
    async with serve(answer(BODY, Content_Type=kind)) as server:
        assert await look(server) == Look(GROUPS)


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (answer(BODY, Content_Type="text/html"), "answered with content type 'text/html'; expected application/json"),
        (answer(BODY), "answered with content type ''; expected application/json"),
        (
            answer(BODY, Content_Type="application/json; charset=latin1"),
            "answered with content type 'application/json; charset=latin1'; expected application/json",
        ),
        (answer(BODY, "404 Not Found", Content_Type="application/json"), "answered 404 Not Found"),
        (answer(BODY, "204 No Content", Content_Type="application/json"), "answered 204 No Content"),
        (answer(BODY, "201 Created", Content_Type="application/json"), "answered 201 Created"),
        (
            answer(BODY, Content_Type="application/json", Content_Encoding="gzip"),
            "answered in the encoding 'gzip', though only identity was accepted",
        ),
        (answer(b"\xff", Content_Type="application/json"), "answered with what is not UTF-8"),
        (
            answer(b"{}", Content_Type="application/json"),
            "expected a list, each item of which is a mapping with targets",
        ),
        (answer(b"[{", Content_Type="application/json"), "1:3: not JSON: Expecting property name"),
        (raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "cannot be asked: illegal status line"),
        (
            raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n[]"),
            "cannot be asked: peer",
        ),
        (raw(b""), "cannot be asked: Server disconnected"),
    ],
)
async def test_an_answer_that_is_no_list(script: Script, text: str) -> None:
    """It is told with the name of the source; what the source said before is left as it was."""
    async with serve(script) as server:
        found = await look(server)
        (told,) = found.faults
        assert (found.groups, found.failures) == (None, 1)
        assert told.removeprefix(server.url("/sd") + ":").strip().startswith(text)


async def test_a_list_without_end_is_not_read_to_its_end() -> None:
    """Nor is one of 50 MB."""
    sent: list[int] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX: ")  # the rest is the next script's
        await endless(50_000_000, sent)(reader, writer)

    async with serve(script) as server:
        assert await look(server) == fault(server, "answered with more than 32 MiB")
    assert sent[0] < 50_000_000


@pytest.mark.parametrize(
    "octets", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n["]
)
async def test_a_server_that_hangs(octets: bytes) -> None:
    """It has as long as the interval is, and at most half a minute."""
    async with serve(hang_after(octets)) as server:
        settings = replace(source(server.url("/sd")).settings, refresh_interval=0.2)
        assert await HTTPSource(settings).look() == fault(server, "did not answer within 0.2 s")


async def test_nobody_there() -> None:
    """A name that leads nowhere and a port where nobody listens are told in the system's words."""
    async with serve(GOOD) as server:
        pass
    assert await look(server) == fault(server, "cannot be asked: Connection refused")
    nowhere = await source("http://nowhere.invalid/sd").look()
    assert nowhere.faults[0].startswith("http://nowhere.invalid/sd: cannot be asked: ")


async def test_redirects() -> None:
    """They are followed, some of them, or not at all where that is not wanted."""
    async with serve(redirect("/b"), GOOD) as server:
        assert await look(server) == Look(GROUPS)
        assert server.heads[1].startswith("GET /b ")
    async with serve(redirect("/again")) as server:
        assert await look(server) == fault(server, "redirects more than 5 times")
        assert len(server.heads) == 6
    async with serve(redirect("/b"), GOOD) as server:
        found = await source(server.url("/sd"), follow_redirects=False).look()
        assert found == fault(server, "answered 302 Found")
    async with serve(redirect("file:///etc/passwd")) as server:
        assert (await look(server)).failures == 1


@pytest.mark.parametrize(
    ("login", "sent"),
    [
        (Login("Basic", "me", "pass: ä", None), "Basic " + base64.b64encode("me:pass: ä".encode()).decode()),
        (Login("Bearer", None, "abc", None), "Bearer abc"),
        (Login("Token", None, "x y", None), "Token x y"),
    ],
)
async def test_logins(login: Login, sent: str) -> None:
    """They are sent each time, along a redirect on the same host, and not to another."""
    async with serve(GOOD) as elsewhere, serve(redirect("/b"), redirect(elsewhere.url())) as server:
        assert await look(server, login) == Look(GROUPS)
        assert [header(head, "Authorization") for head in server.heads] == [sent, sent]
        assert header(elsewhere.heads[0], "Authorization") is None


async def test_a_secret_is_read_each_time(tmp_path: Path) -> None:
    """A token that is replaced is used from then on; without one nothing is asked for, and nothing of it is told."""
    path = tmp_path / "token"
    async with serve(GOOD) as server:
        asked = source(server.url("/sd"), Login("Bearer", None, "", path))
        path.write_text("one\n")
        await asked.look()
        path.write_text("two")
        await asked.look()
        path.write_text("three\nfour")
        told = f'the file "{path}" has a line break or an invisible character; expected a password or token on one line'
        assert await asked.look() == fault(server, f"cannot be asked: {told}")
        path.unlink()
        assert (await asked.look()).failures == 1
        assert [header(head, "Authorization") for head in server.heads] == ["Bearer one", "Bearer two"]


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is configured is asked, directly."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with serve(GOOD) as server:
        assert await look(server) == Look(GROUPS)


def client_of(ca: Authority) -> Credential:
    """Issue a certificate for a client."""
    extensions = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),)
    options = CertificateOptions(not_before=ca.now - 3600, not_after=ca.now + 3600)
    return issue(common_name("client"), extensions, options, (ca.certificate.subject, ca.key))


class World:
    """A CA, a server with a certificate of it for localhost, and a client certificate, as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = Authority.root(time.time())
        self.ca_file = self.write("ca.pem", self.ca.certificate.public_bytes(Encoding.PEM))
        self.show(client_of(self.ca))
        own = self.ca.leaf("localhost")
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.ca_file)
        self.context.load_cert_chain(self.write("own.pem", own.certificate_pem() + own.key_pem()))

    def write(self, name: str, content: bytes) -> Path:
        """Write a file."""
        (self.folder / name).write_bytes(content)
        return self.folder / name

    def show(self, client: Credential) -> None:
        """Replace the client's certificate and key."""
        self.write("client.pem", client.certificate_pem())
        self.write("client.key", client.key_pem())

    def tls(self, *, client: bool = False, server_name: str | None = None) -> ClientTLS:
        """Trust the CA, and show the client certificate."""
        cert, key = (self.folder / "client.pem", self.folder / "client.key") if client else (None, None)
        return replace(TLS, ca_file=self.ca_file, cert_file=cert, key_file=key, server_name=server_name)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Make what TLS takes."""
    return World(tmp_path)


async def test_https_is_verified(world: World) -> None:
    """By the roots that are configured, else by the system's, for the URL's name or the one that is configured."""
    async with serve(GOOD, tls=world.context) as server:
        named, addressed = server.url("/sd", "localhost", "https"), server.url("/sd", scheme="https")
        assert await source(named, tls=world.tls()).look() == Look(GROUPS)
        unknown = await source(named).look()
        assert "self-signed certificate" in unknown.faults[0]
        other = await source(addressed, tls=world.tls()).look()
        assert other.faults[0].startswith(f"{addressed}: cannot be asked: IP address mismatch")
        assert await source(addressed, tls=world.tls(server_name="localhost")).look() == Look(GROUPS)
        careless = replace(TLS, insecure_skip_verify=True)
        assert await source(addressed, tls=careless).look() == Look(GROUPS)


async def test_a_client_certificate_is_read_each_time(world: World) -> None:
    """So it may be replaced before it ends; one that the server does not trust, or none, leads nowhere."""
    world.context.verify_mode = ssl.CERT_REQUIRED
    async with serve(GOOD, tls=world.context) as server:
        asked = source(server.url("/sd", "localhost", "https"), tls=world.tls(client=True))
        assert await asked.look() == Look(GROUPS)
        world.show(client_of(world.ca.twin()))
        assert (await asked.look()).failures == 1
        world.show(client_of(world.ca))
        assert await asked.look() == Look(None)
        world.write("client.key", b"")
        told = (await asked.look()).faults[0]
        assert told.endswith('client.key" is empty; expected a private key, in PEM and not encrypted')
        nobody = source(server.url("/sd", "localhost", "https"), tls=world.tls())
        assert (await nobody.look()).failures == 1


async def test_old_versions_are_refused(world: World) -> None:
    """What is older than the configuration allows is not spoken."""
    world.context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with serve(GOOD, tls=world.context) as server:
        url = server.url("/sd", "localhost", "https")
        assert await source(url, tls=world.tls()).look() == Look(GROUPS)
        modern = replace(world.tls(), min_version=TLSVersion.TLS13)
        assert (await source(url, tls=modern).look()).failures == 1
