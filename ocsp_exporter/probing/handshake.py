"""One TLS handshake on a connected socket, and all that it shows. The only file outside demo/ that knows pyOpenSSL.

The standard library's `ssl` cannot ask for a staple. Every certificate is taken, trusted or not: what is
wrong with the chain is a finding, not a reason to look away. Sessions are never resumed, because a resumed one
carries no staple (RFC 8446, section 4.2.11).
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography import x509
from OpenSSL import SSL, crypto

from ocsp_exporter.model import ChainError, Failure, Handshake, ProbeFailed, Problem, TLSSettings, TLSVersion
from ocsp_exporter.probing.resolver import is_address
from ocsp_exporter.probing.roots import system_roots
from ocsp_exporter.revocation import certificate

_VERSIONS = {TLSVersion.TLS12: SSL.TLS1_2_VERSION, TLSVersion.TLS13: SSL.TLS1_3_VERSION}

#: X509_V_ERR_* of OpenSSL's x509_vfy.h; whatever is not here is `other`.
_CHAIN_ERRORS = {
    2: ChainError.UNKNOWN_ISSUER,  # unable to get issuer certificate
    9: ChainError.NOT_YET_VALID,
    10: ChainError.EXPIRED,
    18: ChainError.SELF_SIGNED,  # self-signed leaf
    19: ChainError.SELF_SIGNED,  # self-signed certificate in the chain
    20: ChainError.UNKNOWN_ISSUER,  # unable to get the issuer locally
    21: ChainError.UNKNOWN_ISSUER,  # unable to verify the leaf's signature
    62: ChainError.HOSTNAME_MISMATCH,
    64: ChainError.HOSTNAME_MISMATCH,  # the same for an IP address
}

#: What OpenSSL says when it gives up because of the staple, before anybody sees it.
_STAPLE_REASONS = {
    "tlsv1 bad certificate status response": Problem.MALFORMED,
    "excessive message size": Problem.TOO_LARGE,
}


class StapleUnreadable(Exception):
    """The handshake ended because of the staple itself: look again without asking for one."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(slots=True)
class _Seen:
    """What the callbacks of one connection saw; its application data in OpenSSL."""

    staple: bytes | None = None
    chain_errors: set[ChainError] = field(default_factory=set)
    client_certificate_requested: bool = False


async def shake_hands(
    connected: socket.socket, settings: TLSSettings, server_name: str, *, ask_for_staple: bool = True
) -> Handshake:
    """Make a TLS handshake on a connected, non-blocking socket, and say goodbye. The caller closes the socket.

    `server_name` is sent (SNI) unless it is an IP address, and the chain is verified for it. Raises ProbeFailed
    where no certificate came, StapleUnreadable where the staple ended the handshake.
    """
    address = _peer(connected)
    seen = _Seen()
    connection = SSL.Connection(_context(settings), connected)
    connection.set_app_data(seen)
    connection.set_connect_state()
    if not _expect_name(connection, server_name):
        seen.chain_errors.add(ChainError.HOSTNAME_MISMATCH)  # no certificate is for what is no host name
    if ask_for_staple:
        connection.request_ocsp()
    broken_off = None
    try:
        await _drive(connection, connected)
    except SSL.Error as error:
        broken_off = error
        problem = _staple_problem(error)
        if ask_for_staple and problem:
            raise StapleUnreadable(problem) from error
    chain = _chain(connection)
    if broken_off and not chain:
        raise ProbeFailed(Failure.TLS, f"the handshake failed: {_describe(broken_off)}") from broken_off
    if not chain:
        raise ProbeFailed(Failure.NO_CERTIFICATE, "the handshake brought no certificate that can be read")
    with contextlib.suppress(SSL.Error):
        connection.shutdown()
    return Handshake(
        address=address,
        chain=chain,
        staple=seen.staple or None,
        staple_problem=None,
        version=connection.get_protocol_version_name(),
        cipher=connection.get_cipher_name() or "",
        complete=broken_off is None,
        client_certificate_requested=seen.client_certificate_requested,
        chain_errors=frozenset(seen.chain_errors),
    )


def _peer(connected: socket.socket) -> str:
    try:
        return str(connected.getpeername()[0])
    except OSError as error:
        raise ProbeFailed(Failure.TLS, f"the server closed the connection at once: {error.strerror}") from error


async def _drive(connection: SSL.Connection, connected: socket.socket) -> None:
    """Carry the handshake through. Raises SSL.Error, and ProbeFailed where the peer does not speak TLS."""
    loop = asyncio.get_running_loop()
    answered = False
    _require_tls(connected)  # a server that speaks first has spoken already
    while True:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            await _ready(loop.add_reader, loop.remove_reader, connected)
            if not answered:
                answered = True
                _require_tls(connected)
        except SSL.WantWriteError:
            await _ready(loop.add_writer, loop.remove_writer, connected)
        else:
            return


async def _ready(
    add: Callable[[socket.socket, Callable[[], None]], None],
    remove: Callable[[socket.socket], object],
    connected: socket.socket,
) -> None:
    """Wait until the loop says that the socket is ready for what `add` asks."""
    ready = asyncio.Event()
    add(connected, ready.set)
    try:
        await ready.wait()
    finally:
        remove(connected)


_RECORD_TYPES = {0x14, 0x15, 0x16}
_RECORD_MAJOR_VERSION = 0x03
_RECORD_START = 2


def _require_tls(connected: socket.socket) -> None:
    """Look at the first octets of the answer: OpenSSL has several names for a peer that speaks something else."""
    try:
        start = connected.recv(16, socket.MSG_PEEK)
    except OSError:
        return  # the handshake meets the same error and tells it
    is_tls = len(start) < _RECORD_START or (start[0] in _RECORD_TYPES and start[1] == _RECORD_MAJOR_VERSION)
    if not is_tls:
        raise ProbeFailed(Failure.NOT_TLS, f"the answer to the ClientHello is not TLS; it begins with {start!r}")


def _expect_name(connection: SSL.Connection, server_name: str) -> bool:
    """Send the name, and let OpenSSL verify the chain for it (pyOpenSSL has no public call for the latter).

    False where OpenSSL refuses the name, and would verify the chain without looking for any.
    """
    library = SSL._lib  # type: ignore[attr-defined]  # noqa: SLF001 -- a test holds it, and pyOpenSSL is bounded above
    parameters = library.SSL_get0_param(connection._ssl)  # noqa: SLF001 -- likewise
    if is_address(server_name):
        packed = ipaddress.ip_address(server_name.partition("%")[0]).packed
        return bool(library.X509_VERIFY_PARAM_set1_ip(parameters, packed, len(packed)))
    name = server_name.rstrip(".").encode("ascii")
    connection.set_tlsext_host_name(name)
    return bool(library.X509_VERIFY_PARAM_set1_host(parameters, name, len(name)))


@lru_cache(maxsize=64)
def _context(settings: TLSSettings) -> SSL.Context:
    """Make the context that all connections with these settings share, complete before the first of them."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(_VERSIONS[settings.min_version])
    context.set_max_proto_version(_VERSIONS[settings.max_version])
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET)
    store = context.get_cert_store()
    for root in system_roots() if settings.roots is None else settings.roots:
        store.add_cert(crypto.X509.from_cryptography(root))  # type: ignore[union-attr]  # a context has a store
    context.set_verify(SSL.VERIFY_NONE, _note_chain_error)
    context.set_ocsp_client_callback(_note_staple)
    context.set_info_callback(_note_certificate_request)
    return context


def _note_chain_error(
    connection: SSL.Connection, _certificate: crypto.X509, error: int, _depth: int, accepted: int
) -> bool:
    if not accepted:
        seen: _Seen = connection.get_app_data()
        seen.chain_errors.add(_CHAIN_ERRORS.get(error, ChainError.OTHER))
    return True


def _note_staple(connection: SSL.Connection, staple: bytes, _data: object) -> bool:
    seen: _Seen = connection.get_app_data()
    seen.staple = staple
    return True


def _note_certificate_request(connection: SSL.Connection, _where: int, _value: int) -> None:
    if connection.get_state_string() == b"SSLv3/TLS read server certificate request":
        seen: _Seen = connection.get_app_data()
        seen.client_certificate_requested = True


def _staple_problem(error: SSL.Error) -> Problem | None:
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return next((_STAPLE_REASONS[reason] for *_, reason in reasons if reason in _STAPLE_REASONS), None)


def _chain(connection: SSL.Connection) -> tuple[x509.Certificate, ...]:
    """Return the certificates as sent, each taken by itself, so that an unreadable one does not lose the others.

    Empty where the leaf itself cannot be read.
    """
    encoded = [crypto.dump_certificate(crypto.FILETYPE_ASN1, each) for each in connection.get_peer_cert_chain() or ()]
    parsed = [certificate.parse(each) for each in encoded]
    return tuple(each for each in parsed if each) if parsed and parsed[0] else ()


def _describe(error: SSL.Error) -> str:
    if isinstance(error, SSL.SysCallError):
        return "the server closed the connection" if error.args[0] == -1 else str(error.args[-1])
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return ", ".join(str(reason) for *_, reason in reasons) or repr(error)
