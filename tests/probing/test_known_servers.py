"""What is known of a server is not found out again, and whatever is not as it was known is looked at in full."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.model import ChainError, ClientCertificate, Handshake, KeyType, Module, Target, TLSSettings
from ocsp_exporter.probing.connecting import connect
from ocsp_exporter.probing.context import context_for, context_without_roots
from ocsp_exporter.probing.handshake import ChainChanged, Hello, Known, shake_hands
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.remembered import LastTrust
from ocsp_exporter.probing.resolver import look_up
from tests.findings import tls_of
from tests.probing.client_hello import ClientHello

HOST = "127.0.0.1"
NOW = int(time.time())
ROOT, OTHER_ROOT = Authority.root(NOW), Authority.root(NOW)
LEAF, RENEWED, STRANGE = ROOT.leaf(HOST), ROOT.leaf(HOST), OTHER_ROOT.leaf(HOST)
SETTINGS = TLSSettings((ROOT.certificate,))
HELLO = Hello(HOST, SETTINGS)
TRUSTED, UNKNOWN = frozenset[ChainError](), frozenset({ChainError.UNKNOWN_ISSUER})


@dataclass(slots=True)
class Server:
    """A port, whose certificate may be changed, and how many handshakes were made there."""

    port: int
    handshakes: int = 0
    _running: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def show(self, leaf: Credential) -> None:
        """Show this certificate from now on."""
        await self._running.aclose()
        await self._running.enter_async_context(serve_tls(Endpoint(leaf, self._count), listen(HOST, self.port)))

    def _count(self) -> None:
        self.handshakes += 1


@asynccontextmanager
async def serving(leaf: Credential) -> AsyncIterator[Server]:
    """Run a server while the block lasts."""
    with listen(HOST) as listener:
        server = Server(port_of(listener))
    async with server._running:  # noqa: SLF001 -- its own
        await server.show(leaf)
        yield server


async def _errors(prober: Prober, server: Server) -> tuple[frozenset[ChainError], int]:
    """Probe once: give what is wrong with the chain that is shown, and how many handshakes that took."""
    before = server.handshakes
    [result] = await prober.probe(Target("server", HOST, server.port), Module("tls", tls=SETTINGS))
    assert result.findings, result.detail
    session = tls_of(result.findings).session
    return session.chain_errors, server.handshakes - before


async def test_a_chain_that_stays_takes_one_handshake_a_probe() -> None:
    """What is wrong with it, or that nothing is, is shown by every probe."""
    for leaf, errors in ((LEAF, TRUSTED), (STRANGE, UNKNOWN)):
        async with serving(leaf) as server:
            prober = Prober()
            assert [await _errors(prober, server) for _ in range(4)] == [(errors, 1)] * 4
            prober.close()


@pytest.mark.parametrize(("leaf", "errors"), [(RENEWED, TRUSTED), (STRANGE, UNKNOWN)])
async def test_another_chain_is_verified(leaf: Credential, errors: frozenset[ChainError]) -> None:
    """The probe that meets it looks twice, and tells of the new chain; the next ones look once."""
    async with serving(LEAF) as server:
        prober = Prober()
        for _ in range(3):
            assert await _errors(prober, server) == (TRUSTED, 1)
        await server.show(leaf)
        assert [await _errors(prober, server) for _ in range(4)] == [(errors, 2), (errors, 1), (errors, 1), (errors, 1)]
        prober.close()


async def test_chains_that_take_turns_take_one_handshake_a_probe() -> None:
    """While no two looks show the same chain nothing is known, so that no look has to be repeated."""
    async with serving(LEAF) as server:
        prober = Prober()
        found = []
        for leaf in (LEAF, STRANGE) * 3:
            await server.show(leaf)
            found.append(await _errors(prober, server))
        assert found == [(TRUSTED, 1), (UNKNOWN, 1)] * 3
        prober.close()


async def _handshake(port: int, hello: Hello, known: Known | None = None) -> Handshake:
    deadline = asyncio.get_running_loop().time() + 10
    with await connect(look_up(HOST), port, deadline) as connected:
        return await shake_hands(connected, hello, deadline, known)


async def test_a_known_chain_is_not_verified() -> None:
    """What is told of it is what was known, here what is not even true; of another chain nothing is told."""
    async with serving(LEAF) as server:
        seen = await _handshake(server.port, HELLO)
        assert seen.chain_errors == TRUSTED
        assert seen.digest
        known = Known(seen.digest, seen.chain, frozenset({ChainError.EXPIRED}), seen.group)
        again = await _handshake(server.port, HELLO, known)
        assert again == replace(seen, chain_errors=known.chain_errors)
        with pytest.raises(ChainChanged):
            await _handshake(server.port, HELLO, replace(known, digest=bytes(32)))


SHOWN = Handshake(HOST, (LEAF.certificate,), None, None, "TLSv1.3", "", True, False, TRUSTED, b"one", "x25519")


def _noted(*handshakes: Handshake, now: float = NOW, took: float = 0.25, hello: Hello = HELLO) -> LastTrust:
    trust = LastTrust()
    for handshake in handshakes:
        trust.note(handshake, hello, now, now + took)
    return trust


def test_what_was_seen_twice_is_known() -> None:
    """Not what was seen once, nor what has another name or other settings, nor where a certificate was unreadable."""
    twice = _noted(SHOWN, SHOWN)
    assert twice.at(NOW, 10.0, HELLO) == Known(b"one", SHOWN.chain, TRUSTED, "x25519")
    assert twice.at(NOW, 10.0, replace(HELLO, server_name="other.test")) is None
    assert twice.at(NOW, 10.0, replace(HELLO, settings=TLSSettings((OTHER_ROOT.certificate,)))) is None
    assert _noted(SHOWN).at(NOW, 10.0, HELLO) is None
    assert _noted(SHOWN, replace(SHOWN, digest=b"two")).at(NOW, 10.0, HELLO) is None
    assert _noted(SHOWN, SHOWN, replace(SHOWN, digest=None)).at(NOW, 10.0, HELLO) is None


def test_what_may_need_another_handshake_needs_the_time_for_it() -> None:
    """A server that took a quarter of the time that is left, or longer, is looked at in full at once."""
    trust = _noted(SHOWN, SHOWN, took=1.0)
    assert trust.at(NOW, 5.0, HELLO)
    assert trust.at(NOW, 4.0, HELLO) is None


def test_who_shows_a_certificate_never_relies_on_what_is_known() -> None:
    """OpenSSL completes the chain of what we show with the roots, which are left out where a chain is known."""
    own = ClientCertificate((LEAF.certificate,), b"")
    hello = replace(HELLO, settings=replace(SETTINGS, client_certificate=own))
    assert _noted(SHOWN, SHOWN, hello=hello).at(NOW, 10.0, hello) is None


def test_what_is_known_is_one_object() -> None:
    """However often the same certificates are parsed, those that were remembered first are held."""
    again = replace(SHOWN, chain=(x509.load_der_x509_certificate(LEAF.certificate.public_bytes(Encoding.DER)),))
    known = _noted(SHOWN, again).at(NOW, 10.0, HELLO)
    assert known
    assert known.chain is SHOWN.chain


LEAF_BEGINS, LEAF_ENDS = (
    moment.timestamp() for moment in (LEAF.certificate.not_valid_before_utc, LEAF.certificate.not_valid_after_utc)
)
ROOT_ENDS = ROOT.certificate.not_valid_after_utc.timestamp()


@pytest.mark.parametrize(
    ("noted", "asked", "holds"),
    [
        (NOW, LEAF_BEGINS + 5, True),
        (NOW, LEAF_BEGINS - 5, False),
        (NOW, LEAF_ENDS - 5, True),
        (NOW, LEAF_ENDS + 5, False),
        (LEAF_ENDS + 5, LEAF_ENDS + 500, True),
        (LEAF_ENDS + 5, LEAF_ENDS - 5, False),
        (LEAF_ENDS + 5, ROOT_ENDS - 5, True),
        (LEAF_ENDS + 5, ROOT_ENDS + 5, False),
    ],
)
def test_what_is_known_ends_when_a_certificate_does(noted: float, asked: float, holds: bool) -> None:
    """Between two moments at which one of the chain's, or a root, begins or ends, the chain is what it was."""
    assert LEAF_ENDS < ROOT_ENDS
    assert (_noted(SHOWN, SHOWN, now=noted).at(asked, 1.5, HELLO) is not None) is holds


def test_a_handshake_across_such_a_moment_is_not_remembered() -> None:
    """Nobody knows at which side of it the chain was verified, nor whether the clock was set back meanwhile."""
    for took in (10.0, -10.0):
        assert _noted(SHOWN, SHOWN, now=LEAF_ENDS - took / 2, took=took).at(LEAF_ENDS + 100, 1000.0, HELLO) is None


async def _said(context: SSL.Context) -> ClientHello:
    connection = SSL.Connection(context, None)
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    said = asyncio.StreamReader()
    said.feed_data(connection.bio_read(1 << 16))
    return await ClientHello.read(said)


@pytest.mark.parametrize(("group", "number"), [("x25519", 29), ("secp256r1", 23), ("secp384r1", 24), ("secp521r1", 25)])
@pytest.mark.parametrize("key_type", KeyType)
async def test_a_known_group_gets_the_only_key(group: str, number: int, key_type: KeyType) -> None:
    """The same groups are offered as where none is known, and with one key less."""
    known = await _said(context_without_roots(SETTINGS, key_type, group))
    unknown = await _said(context_for(SETTINGS, key_type))
    assert known.key_shares == [number]
    assert number in unknown.groups
    assert set(known.groups) == set(unknown.groups)
    assert known.ciphers == unknown.ciphers
    assert known.extensions.keys() == unknown.extensions.keys()


@pytest.mark.parametrize("group", [None, "X25519MLKEM768", "ffdhe2048", "nonsense"])
async def test_any_other_group_changes_nothing(group: str | None) -> None:
    """Where a hybrid group is used, or one that is hardly used, the ClientHello is OpenSSL's own."""
    known = await _said(context_without_roots(SETTINGS, KeyType.ANY, group))
    unknown = await _said(context_for(SETTINGS, KeyType.ANY))
    assert (known.groups, known.key_shares) == (unknown.groups, unknown.key_shares)
