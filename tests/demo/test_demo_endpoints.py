"""TLS servers of the lab, looked at by the OpenSSL command line and by clients that do not behave."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import rsa_key
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.model import Status, TLSVersion

OpenSSL = Callable[..., Awaitable[str]]

HOST = "127.0.0.1"


@pytest.fixture
def authority() -> Authority:
    """Return a CA at the present time, which is the one that clients go by."""
    return Authority.root(time.time())


@asynccontextmanager
async def serving(endpoint: Endpoint) -> AsyncIterator[int]:
    """Serve at a free port, and yield it."""
    listener = listen(HOST)
    async with serve_tls(endpoint, listener):
        yield port_of(listener)


async def read(port: int, request: bytes = b"GET / HTTP/1.0\r\n\r\n") -> bytes:
    """Return all that a server says to a request over TLS, until it closes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(HOST, port, ssl=context)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def say(port: int, words: bytes) -> bytes:
    """Return all that a server says to words that are not TLS, until it closes."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(words)
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("version", "spoken", "other"), [(TLSVersion.TLS12, "-tls1_2", "-tls1_3"), (TLSVersion.TLS13, "-tls1_3", "-tls1_2")]
)
async def test_a_staple_arrives(
    openssl: OpenSSL, authority: Authority, version: TLSVersion, spoken: str, other: str
) -> None:
    """A client that asks gets the staple, on every TLS version, and no other version is spoken."""
    leaf = authority.leaf()
    endpoint = Endpoint(leaf, lambda: authority.answer(leaf), min_version=version, max_version=version)
    async with serving(endpoint) as port:
        printed = await openssl("s_client", "-status", spoken, "-connect", f"{HOST}:{port}")
        refused = await openssl("s_client", "-status", other, "-connect", f"{HOST}:{port}")
    assert "Cert Status: good" in printed
    assert "Cipher is (NONE)" in refused


async def test_no_staple_is_sent_where_there_is_none(openssl: OpenSSL, authority: Authority) -> None:
    """An endpoint without a staple says so by sending none, and completes the handshake."""
    async with serving(Endpoint(authority.leaf())) as port:
        printed = await openssl("s_client", "-status", "-connect", f"{HOST}:{port}")
    assert "OCSP response: no response sent" in printed
    assert "Cipher is TLS_" in printed


async def test_each_handshake_asks_for_its_staple(openssl: OpenSSL, authority: Authority) -> None:
    """The staple is made when it is needed, so that it can change while the endpoint runs."""
    leaf = authority.leaf()
    staples = iter([authority.answer(leaf), authority.answer(leaf, status=Status.UNKNOWN)])
    async with serving(Endpoint(leaf, lambda: next(staples))) as port:
        assert "Cert Status: good" in await openssl("s_client", "-status", "-connect", f"{HOST}:{port}")
        assert "Cert Status: unknown" in await openssl("s_client", "-status", "-connect", f"{HOST}:{port}")


async def test_an_rsa_endpoint_staples_too(openssl: OpenSSL, authority: Authority) -> None:
    """The kind of the leaf's key makes no difference."""
    leaf = authority.leaf(key=rsa_key())
    async with serving(Endpoint(leaf, lambda: authority.answer(leaf))) as port:
        printed = await openssl("s_client", "-status", "-connect", f"{HOST}:{port}")
    assert "Peer signature type: RSA-PSS" in printed
    assert "Cert Status: good" in printed


async def test_the_chain_is_the_one_asked_for(openssl: OpenSSL, authority: Authority) -> None:
    """By default the leaf's intermediates are sent; any other certificates can be, or none."""
    leaf = authority.intermediate().leaf()
    root = authority.certificate
    for chain, count in ((None, 2), ((), 1), ((*leaf.chain, root), 3)):
        async with serving(Endpoint(leaf, chain=chain)) as port:
            printed = await openssl("s_client", "-showcerts", "-connect", f"{HOST}:{port}")
        assert printed.count("-----BEGIN CERTIFICATE-----") == count


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_a_client_certificate_can_be_demanded(
    openssl: OpenSSL, authority: Authority, tmp_path: Path, version: str
) -> None:
    """A client without a certificate is refused by an alert, one with any certificate is not."""
    client = Authority.root(time.time(), "Somebody else").leaf("client.example")
    (tmp_path / "client.pem").write_bytes(client.certificate_pem())
    (tmp_path / "client.key").write_bytes(client.key_pem())
    shown = ("-cert", str(tmp_path / "client.pem"), "-key", str(tmp_path / "client.key"))
    asking = ("s_client", version, "-ign_eof", "-connect")
    async with serving(Endpoint(authority.leaf(), demand_client_certificate=True, patience=0.5)) as port:
        assert "alert" in await openssl(*asking, f"{HOST}:{port}")
        assert "alert" not in await openssl(*asking, f"{HOST}:{port}", *shown)


async def test_a_browser_is_told_what_it_looks_at(authority: Authority) -> None:
    """An HTTP request is answered with one line about the endpoint; two requests are two connections."""
    async with serving(Endpoint(authority.leaf(), greeting="good: all is well.")) as port:
        for _ in range(2):
            head, _, body = (await read(port)).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.0 200 OK\r\n")
            assert body == b"good: all is well.\n"


async def test_an_endless_request_is_not_answered(authority: Authority) -> None:
    """A client that sends more than the head of an HTTP request can hold gets no answer, only the end."""
    async with serving(Endpoint(authority.leaf(), patience=2)) as port:
        with suppress(ConnectionError, ssl.SSLError):  # the end may come while it is still sending
            assert await read(port, b"x" * 100_000) == b""


@pytest.mark.parametrize(
    "words",
    [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\x00" * 70000, b"\x16\x03\x01\x00\x05\x01"],
    ids=["silent", "plain", "garbage", "unfinished"],
)
async def test_clients_that_do_not_speak_tls_are_sent_away(authority: Authority, words: bytes) -> None:
    """A client that hangs or talks nonsense loses its connection, and the next client is served."""
    async with serving(Endpoint(authority.leaf(), patience=0.2)) as port:
        async with asyncio.timeout(10):
            assert b"HTTP" not in await say(port, words)
        assert b"200 OK" in await read(port)


async def test_a_client_that_walks_away_is_forgotten(authority: Authority) -> None:
    """A connection that is closed at once, or reset, harms nobody."""
    async with serving(Endpoint(authority.leaf())) as port:
        for _ in range(5):
            _, writer = await asyncio.open_connection(HOST, port)
            writer.transport.abort()
        assert b"200 OK" in await read(port)


@pytest.mark.parametrize("connections", [2, 64])
async def test_fifty_clients_at_once_are_served(authority: Authority, connections: int) -> None:
    """Fifty clients at once all get their answer, also where only two are served at a time."""
    leaf = authority.leaf()
    endpoint = Endpoint(leaf, lambda: authority.answer(leaf), greeting="here", connections=connections, patience=20)
    async with serving(endpoint) as port:
        answers = await asyncio.gather(*(read(port) for _ in range(50)))
    assert [answer.endswith(b"here\n") for answer in answers] == [True] * 50


async def test_hanging_clients_fill_all_places_only_for_a_while(authority: Authority) -> None:
    """Where hanging clients hold every place, a good one is served as soon as their time is up."""
    async with serving(Endpoint(authority.leaf(), connections=2, patience=0.3)) as port:
        hanging = [await asyncio.open_connection(HOST, port) for _ in range(4)]
        try:
            assert b"200 OK" in await read(port)
        finally:
            for _, writer in hanging:
                writer.close()


async def test_the_end_is_clean(authority: Authority) -> None:
    """When the block ends with clients connected, no task is left, they are cut off, and the port is free."""
    before = asyncio.all_tasks()
    async with serving(Endpoint(authority.leaf())) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        await asyncio.sleep(0.05)
    assert asyncio.all_tasks() == before
    try:
        assert await reader.read() == b""
    finally:
        writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, port)
    listen(HOST, port).close()


async def test_a_fault_of_the_lab_itself_is_not_hidden(openssl: OpenSSL, authority: Authority) -> None:
    """A staple function that fails is a mistake of ours: it is raised where the endpoint was started."""

    def broken() -> bytes:
        raise LookupError("no staple")

    with pytest.raises(ExceptionGroup) as raised:
        async with serving(Endpoint(authority.leaf(), broken)) as port:
            await openssl("s_client", "-status", "-connect", f"{HOST}:{port}")
    assert raised.group_contains(LookupError, match="no staple")
