"""One TLS handshake on a connected socket, and all that it shows.

The standard library's `ssl` cannot ask for a staple. Every certificate is taken, trusted or not: what is
wrong with the chain is a finding, not a reason to look away. Sessions are never resumed, because a resumed one
carries no staple (RFC 8446, section 4.2.11).
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from sys import intern

from cryptography import x509
from cryptography.x509.oid import PublicKeyAlgorithmOID
from OpenSSL import SSL, crypto

from ocsp_exporter.model import ChainError, Failure, Handshake, KeyType, ProbeFailed, Problem, TLSSettings
from ocsp_exporter.probing.bindings import CertificateRequest, expect_address, expect_host, note_certificate_request
from ocsp_exporter.probing.context import Seen, context_for, context_without_roots
from ocsp_exporter.probing.readiness import Arrivals, send
from ocsp_exporter.probing.resolver import is_address
from ocsp_exporter.revocation import certificate

#: What OpenSSL says when it gives up because of the staple, before anybody sees it.
_STAPLE_REASONS = {
    "tlsv1 bad certificate status response": Problem.MALFORMED,
    "excessive message size": Problem.TOO_LARGE,
}

#: What servers say of all kinds, when none of their certificates suits the ClientHello. Before it OpenSSL writes
#: `sslv3`, `ssl/tls` or `tls`, as its version goes.
_NO_SUITABLE_CERTIFICATE = " alert handshake failure"

_KEY_TYPES = {
    PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5: KeyType.RSA,
    PublicKeyAlgorithmOID.RSASSA_PSS: KeyType.RSA,
    PublicKeyAlgorithmOID.EC_PUBLIC_KEY: KeyType.ECDSA,
}


@dataclass(frozen=True, slots=True)
class Known:
    """What earlier handshakes showed of a server, which this one need not find out again.

    The SHA-256 of its certificates as sent, those that could be parsed, what was wrong with the chain, and the group
    with which keys were exchanged.
    """

    digest: bytes
    chain: tuple[x509.Certificate, ...]
    chain_errors: frozenset[ChainError]
    group: str | None


@dataclass(frozen=True, slots=True)
class Hello:
    """What the ClientHello says. `server_name` is also what the chain is verified for, sent or not."""

    server_name: str
    settings: TLSSettings
    key_type: KeyType = KeyType.ANY
    send_server_name: bool = True
    ask_for_staple: bool = True


class StapleUnreadable(Exception):
    """The handshake ended because of the staple itself: look again without asking for one."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


class ChainChanged(Exception):
    """The certificates are not those that were known: look again, and verify them."""


class KeyTypeRefused(ProbeFailed):
    """The server has no certificate of the key type that was asked for, or fails whatever it is asked for."""


async def shake_hands(connected: socket.socket, hello: Hello, deadline: float, known: Known | None = None) -> Handshake:
    """Make a TLS handshake on a connected, non-blocking socket, and say goodbye. The caller closes the socket.

    `deadline` is on the event loop's clock; what came before it counts, if that is enough. Raises ProbeFailed where
    it is not, StapleUnreadable where the staple ended the handshake, and ChainChanged where the chain is not `known`.
    """
    address = _peer(connected)
    seen, request = Seen(), CertificateRequest()
    connection = _connection(hello, seen, known)
    _held = note_certificate_request(connection, request)
    broken_off = None
    try:
        async with asyncio.timeout_at(deadline):
            await _drive(connection, connected)
    except SSL.Error as error:
        broken_off = _told(error, hello, connection)
    except TimeoutError:
        broken_off = ProbeFailed(Failure.TIMEOUT, "the TLS handshake did not end in time")
    sent = _sent(connection)
    digest = sha256(b"".join(sent)).digest()
    is_known = known is not None and known.digest == digest
    chain = known.chain if known and is_known else _parsed(sent)
    if chain and hello.key_type not in (KeyType.ANY, _KEY_TYPES.get(chain[0].public_key_algorithm_oid)):
        raise KeyTypeRefused(Failure.TLS, f"the server sent a certificate whose key is not {hello.key_type}")
    # The callback is called for an absent staple too, with no octets: not yet called, nothing is known of it.
    knows_of_staple = seen.staple is not None or not hello.ask_for_staple
    if broken_off and not (sent and knows_of_staple):
        raise broken_off
    if not chain:
        raise ProbeFailed(Failure.NO_CERTIFICATE, "the handshake brought no certificate that can be read")
    if known and not is_known:
        raise ChainChanged
    return Handshake(
        address=address,
        chain=chain,
        staple=seen.staple or None,
        staple_problem=None,
        version=intern(connection.get_protocol_version_name()),
        cipher=intern(connection.get_cipher_name() or ""),
        complete=broken_off is None,
        client_certificate_requested=request.was_made,
        chain_errors=known.chain_errors if known else frozenset(seen.chain_errors),
        digest=digest if len(chain) == len(sent) else None,
        group=intern(connection.get_group_name() or "") or None if broken_off is None else None,
    )


def _connection(hello: Hello, seen: Seen, known: Known | None) -> SSL.Connection:
    try:
        context = (
            context_without_roots(hello.settings, hello.key_type, known.group)
            if known
            else context_for(hello.settings, hello.key_type)
        )
    except SSL.Error as error:
        raise ProbeFailed(Failure.TLS, f"OpenSSL refuses the client certificate: {_describe(error)}") from error
    connection = SSL.Connection(context, None)
    connection.set_app_data(seen)
    connection.set_connect_state()
    if not _expect_name(connection, hello):
        seen.chain_errors.add(ChainError.HOSTNAME_MISMATCH)  # no certificate is for what is no host name
    if hello.ask_for_staple:
        connection.request_ocsp()
    return connection


def _expect_name(connection: SSL.Connection, hello: Hello) -> bool:
    """Send the name, unless it is an IP address, and let OpenSSL verify the chain for it. False where it refuses."""
    if is_address(hello.server_name):
        return expect_address(connection, ipaddress.ip_address(hello.server_name.partition("%")[0]).packed)
    name = hello.server_name.rstrip(".").encode("ascii")
    if hello.send_server_name:
        connection.set_tlsext_host_name(name)
    return expect_host(connection, name)


def _told(error: SSL.Error, hello: Hello, connection: SSL.Connection) -> ProbeFailed:
    """Say what broke the handshake off. Raises StapleUnreadable where it was the staple."""
    reasons = _reasons(error)
    problem = next((_STAPLE_REASONS[reason] for reason in reasons if reason in _STAPLE_REASONS), None)
    if hello.ask_for_staple and problem:
        raise StapleUnreadable(problem) from error
    said = _describe(error)
    unsuitable = any(reason.endswith(_NO_SUITABLE_CERTIFICATE) for reason in reasons)
    refused = unsuitable and not connection.get_peer_cert_chain()
    if refused and hello.key_type is not KeyType.ANY:
        return KeyTypeRefused(Failure.TLS, f"the handshake with {hello.key_type} alone failed: {said}")
    return ProbeFailed(Failure.TLS, f"the handshake failed: {said}")


def _peer(connected: socket.socket) -> str:
    try:
        return str(connected.getpeername()[0])
    except OSError as error:
        raise ProbeFailed(Failure.TLS, f"the server closed the connection at once: {error.strerror}") from error


#: What is given to OpenSSL at a time: it works through all that it has before it lets anybody else work.
_PORTION = 16 * 1024
#: More than this no handshake needs: OpenSSL takes up to 100 KiB of certificates, and two staples as large.
_LARGEST_HANDSHAKE = 512 * 1024


async def _drive(connection: SSL.Connection, connected: socket.socket) -> None:
    """Carry the handshake through. Raises SSL.Error, and ProbeFailed where the peer does not speak TLS.

    OpenSSL never touches the socket itself: a server that sends messages which have to be skipped, faster than
    they are skipped, would keep it from ever coming back.
    """
    received, start, unsaid = 0, b"", b""
    with Arrivals(connected, _PORTION) as arrivals:
        while True:
            ended = _go_on(connection, connected)
            unsaid += _to_say(connection)
            if unsaid and unsaid != _CHANGE_CIPHER_SPEC:
                await _say(connected, unsaid)
                unsaid = b""
            if ended:
                return
            portion = await _hear(arrivals)
            if received < _RECORD_START:
                start += portion
                _require_tls(start)
            received += len(portion)
            if received > _LARGEST_HANDSHAKE:
                raise ProbeFailed(Failure.TLS, f"the server sent {received} octets, and the handshake has not ended")
            if portion:
                connection.bio_write(portion)
            else:
                connection.bio_shutdown()


#: Nobody waits for this one alone (RFC 8446, section D.4). It goes with what follows it: to send takes 25 µs.
_CHANGE_CIPHER_SPEC = b"\x14\x03\x03\x00\x01\x01"


def _go_on(connection: SSL.Connection, connected: socket.socket) -> bool:
    """Let OpenSSL go on with what it has, and tell whether the handshake has ended; then it says goodbye."""
    try:
        connection.do_handshake()
    except SSL.WantReadError:
        return False
    except SSL.Error:
        _say_last(connection, connected)
        raise
    with contextlib.suppress(SSL.Error):
        connection.shutdown()  # now, so that it goes with the last message
    return True


async def _say(connected: socket.socket, octets: bytes) -> None:
    try:
        await send(connected, octets)
    except OSError as error:
        raise SSL.SysCallError(error.errno, error.strerror) from error


async def _hear(arrivals: Arrivals) -> bytes:
    try:
        return await arrivals.next()
    except OSError as error:
        raise SSL.SysCallError(error.errno, error.strerror) from error


def _to_say(connection: SSL.Connection) -> bytes:
    said = b""
    with contextlib.suppress(SSL.WantReadError):
        while len(said) % _PORTION == 0:  # less is all that there was
            said += connection.bio_read(_PORTION)
    return said


def _say_last(connection: SSL.Connection, connected: socket.socket) -> None:
    """Send an alert, should the peer be there to take it."""
    with contextlib.suppress(OSError):
        connected.send(_to_say(connection))


_RECORD_TYPES = {0x14, 0x15, 0x16}
_RECORD_MAJOR_VERSION = 0x03
_RECORD_START = 2


def _require_tls(start: bytes) -> None:
    """Look at the first octets of the answer: OpenSSL has several names for a peer that speaks something else."""
    is_tls = len(start) < _RECORD_START or (start[0] in _RECORD_TYPES and start[1] == _RECORD_MAJOR_VERSION)
    if not is_tls:
        raise ProbeFailed(Failure.NOT_TLS, f"the answer to the ClientHello is not TLS; it begins with {start[:16]!r}")


def _sent(connection: SSL.Connection) -> list[bytes]:
    """Return the certificates as sent."""
    return [crypto.dump_certificate(crypto.FILETYPE_ASN1, each) for each in connection.get_peer_cert_chain() or ()]


def _parsed(sent: Sequence[bytes]) -> tuple[x509.Certificate, ...]:
    """Read certificates, each by itself, so that an unreadable one does not lose the others.

    Empty where the leaf itself cannot be read.
    """
    parsed = [certificate.parse(each) for each in sent]
    return tuple(each for each in parsed if each) if parsed and parsed[0] else ()


def _describe(error: SSL.Error) -> str:
    if isinstance(error, SSL.SysCallError):
        return "the server closed the connection" if error.args[0] == -1 else str(error.args[-1])
    if isinstance(error, SSL.ZeroReturnError):
        return "the server said goodbye"
    # OpenSSL has no word for an alert that no standard names.
    return ", ".join(filter(None, _reasons(error))) or "for a reason that has no name"


def _reasons(error: SSL.Error) -> list[str]:
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return [str(reason) for *_, reason in reasons]
