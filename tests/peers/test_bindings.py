"""The parts of pyOpenSSL that are not public and that the handshake calls: an upgrade that changes them shows here."""

import re
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from OpenSSL import SSL, crypto

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.probing import handshake

LIBRARY = SSL._lib  # type: ignore[attr-defined]  # noqa: SLF001 -- what is tested here

#: OpenSSL's functions that are called past pyOpenSSL's own interface.
PRIVATE = {"SSL_get0_param", "X509_VERIFY_PARAM_set1_host", "X509_VERIFY_PARAM_set1_ip"}

#: X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH.
WRONG_NAME, WRONG_ADDRESS = 62, 64


def test_these_are_all_private_calls_there_are() -> None:
    """A private function that the handshake calls is one that is tested here."""
    assert set(re.findall(r"library\.(\w+)", Path(handshake.__file__).read_text())) == PRIVATE


@pytest.mark.parametrize("name", sorted(PRIVATE))
def test_every_private_function_is_there(name: str) -> None:
    """An upgrade has not taken it away."""
    assert callable(getattr(LIBRARY, name))


@pytest.mark.parametrize(
    ("function", "expected", "errors"),
    [
        (None, b"", set()),
        ("X509_VERIFY_PARAM_set1_host", b"leaf.example", set()),
        ("X509_VERIFY_PARAM_set1_host", b"other.example", {WRONG_NAME}),
        ("X509_VERIFY_PARAM_set1_ip", ip_address("127.0.0.1").packed, set()),
        ("X509_VERIFY_PARAM_set1_ip", ip_address("127.0.0.2").packed, {WRONG_ADDRESS}),
        ("X509_VERIFY_PARAM_set1_ip", ip_address("::1").packed, set()),
        ("X509_VERIFY_PARAM_set1_ip", ip_address("::2").packed, {WRONG_ADDRESS}),
    ],
)
def test_a_name_is_looked_for_where_one_is_set(
    root: Authority, function: str | None, expected: bytes, errors: set[int]
) -> None:
    """With another name than the certificate's there is one error, and none with its own name or without any."""
    assert _handshake_errors(root, function, expected) == errors


@pytest.mark.parametrize(("name", "accepted"), [(b"leaf.example", 1), (b"-leaf.example", 0), (b"leaf example", 0)])
def test_what_is_no_host_name_is_refused(name: bytes, accepted: int) -> None:
    """OpenSSL says so when it will look for no name at all."""
    connection = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)
    parameters = LIBRARY.SSL_get0_param(connection._ssl)  # noqa: SLF001 -- what is tested here
    assert LIBRARY.X509_VERIFY_PARAM_set1_host(parameters, name, len(name)) == accepted


def _handshake_errors(root: Authority, function: str | None, expected: bytes) -> set[int]:
    """Return the codes of all that is wrong with the certificate of a server in memory."""
    errors: set[int] = set()

    def note(_connection: SSL.Connection, _certificate: crypto.X509, error: int, _depth: int, accepted: int) -> bool:
        if not accepted:
            errors.add(error)
        return True

    context = SSL.Context(SSL.TLS_METHOD)
    store = context.get_cert_store()
    assert store is not None
    store.add_cert(crypto.X509.from_cryptography(root.certificate))
    context.set_verify(SSL.VERIFY_NONE, note)
    client = SSL.Connection(context, None)
    client.set_connect_state()
    if function:
        parameters = LIBRARY.SSL_get0_param(client._ssl)  # noqa: SLF001 -- what is tested here
        assert getattr(LIBRARY, function)(parameters, expected, len(expected)) == 1
    _shake_hands(client, _server(root))
    return errors


def _server(root: Authority) -> SSL.Connection:
    leaf = root.leaf("leaf.example", "127.0.0.1", "::1")
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate(leaf.certificate)
    context.use_privatekey(leaf.key)
    server = SSL.Connection(context, None)
    server.set_accept_state()
    return server


def _shake_hands(client: SSL.Connection, server: SSL.Connection) -> None:
    """Carry octets between two ends in memory until both are done."""
    unfinished = [(client, server), (server, client)]
    for _ in range(20):
        for ends in tuple(unfinished):
            own, other = ends
            with suppress(SSL.WantReadError):
                own.do_handshake()
                unfinished.remove(ends)
            with suppress(SSL.WantReadError):
                other.bio_write(own.bio_read(65536))
    assert not unfinished
