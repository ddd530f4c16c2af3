"""The parts of pyOpenSSL that are not public and that the exporter calls: an upgrade that changes them shows here."""

import re
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from OpenSSL import SSL, crypto

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import rsa_key
from ocsp_exporter.probing import bindings
from ocsp_exporter.probing.bindings import (
    CertificateRequest,
    accept_signatures,
    expect_address,
    expect_host,
    note_certificate_request,
    offer_groups,
)

LIBRARY = SSL._lib  # type: ignore[attr-defined]  # noqa: SLF001 -- what is tested here

#: OpenSSL's functions that are called past pyOpenSSL's own interface.
PRIVATE = {
    "ERR_clear_error",
    "SSL_CTX_set1_curves_list",
    "SSL_CTX_set1_sigalgs_list",
    "SSL_get0_param",
    "SSL_set_cert_cb",
    "X509_VERIFY_PARAM_set1_host",
    "X509_VERIFY_PARAM_set1_ip",
}

#: X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH.
WRONG_NAME, WRONG_ADDRESS = 62, 64


def test_these_are_all_private_calls_there_are() -> None:
    """A private function that is called is one that is tested here, and all are called in one place."""
    assert set(re.findall(r"_library\.(\w+)", Path(bindings.__file__).read_text())) == PRIVATE
    folder = Path(bindings.__file__).parent
    assert [path.name for path in sorted(folder.rglob("*.py")) if "SSL._" in path.read_text()] == ["bindings.py"]


@pytest.mark.parametrize("name", sorted(PRIVATE))
def test_every_private_function_is_there(name: str) -> None:
    """An upgrade has not taken it away."""
    assert callable(getattr(LIBRARY, name))


@pytest.mark.parametrize(
    ("expected", "errors"),
    [
        (None, set()),
        (b"leaf.example", set()),
        (b"other.example", {WRONG_NAME}),
        (ip_address("127.0.0.1"), set()),
        (ip_address("127.0.0.2"), {WRONG_ADDRESS}),
        (ip_address("::1"), set()),
        (ip_address("::2"), {WRONG_ADDRESS}),
    ],
)
def test_a_name_is_looked_for_where_one_is_set(root: Authority, expected: object, errors: set[int]) -> None:
    """With another name than the certificate's there is one error, and none with its own name or without any."""
    found: set[int] = set()

    def note(_connection: SSL.Connection, _certificate: crypto.X509, error: int, _depth: int, accepted: int) -> bool:
        if not accepted:
            found.add(error)
        return True

    context = SSL.Context(SSL.TLS_METHOD)
    store = context.get_cert_store()
    assert store is not None
    store.add_cert(crypto.X509.from_cryptography(root.certificate))
    context.set_verify(SSL.VERIFY_NONE, note)
    client = _client(context)
    match expected:
        case bytes():
            assert expect_host(client, expected)
        case None:
            pass
        case _:
            assert expect_address(client, expected.packed)  # type: ignore[attr-defined]  # an address of either family
    _shake_hands(client, _server(root))
    assert found == errors


@pytest.mark.parametrize(
    ("name", "accepted"), [(b"leaf.example", True), (b"-leaf.example", False), (b"leaf example", False)]
)
def test_what_is_no_host_name_is_refused(name: bytes, accepted: bool) -> None:
    """OpenSSL says so when it will look for no name at all."""
    assert expect_host(_client(SSL.Context(SSL.TLS_METHOD)), name) is accepted


@pytest.mark.parametrize(
    ("schemes", "key"),
    [("rsa_pss_rsae_sha256", rsa.RSAPublicKey), ("ecdsa_secp256r1_sha256:rsa_pkcs1_sha256", ec.EllipticCurvePublicKey)],
)
def test_signatures_choose_the_certificate(root: Authority, schemes: str, key: type) -> None:
    """Of a server with two certificates comes the one whose key can sign so; rsa_pkcs1 signs no TLS 1.3 handshake."""
    context = SSL.Context(SSL.TLS_METHOD)
    assert accept_signatures(context, schemes)
    client = _client(context)
    _shake_hands(client, _server(root))
    certificate = client.get_peer_certificate()
    assert certificate is not None
    assert client.get_protocol_version_name() == "TLSv1.3"
    assert isinstance(certificate.to_cryptography().public_key(), key)


def test_an_unknown_signature_is_refused() -> None:
    """OpenSSL says so when it does not know a name, rather than leave it out."""
    context = SSL.Context(SSL.TLS_METHOD)
    assert accept_signatures(context, "ecdsa_secp256r1_sha256")
    assert not accept_signatures(context, "ecdsa_secp256r1_sha256:rsa_pkcs1_sha257")


@pytest.mark.parametrize("known", [True, False])
def test_groups_choose_the_key_exchange(root: Authority, known: bool) -> None:
    """Keys are exchanged with the group offered; an unknown one is refused, and disturbs nothing that follows."""
    context = SSL.Context(SSL.TLS_METHOD)
    assert offer_groups(context, "secp384r1" if known else "?nonsense:secp384r1")
    assert known or not offer_groups(context, "nonsense:x25519")
    client = _client(context)
    _shake_hands(client, _server(root))
    assert client.get_group_name() == "secp384r1"


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
@pytest.mark.parametrize("is_made", [True, False])
@pytest.mark.parametrize("has_own", [True, False])
def test_a_certificate_request_is_noted(root: Authority, version: int, is_made: bool, has_own: bool) -> None:
    """Whether the client has a certificate or not: the request is noted where one is made, and nowhere else."""
    own = root.leaf("client.example")
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_max_proto_version(version)
    if has_own:
        context.use_certificate(own.certificate)
        context.use_privatekey(own.key)
    client, server, request = _client(context), _server(root), CertificateRequest()
    if is_made:
        server.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    _held = note_certificate_request(client, request)
    _shake_hands(client, server)
    assert request.was_made is is_made
    assert (server.get_peer_certificate() is not None) is (is_made and has_own)


def _client(context: SSL.Context) -> SSL.Connection:
    client = SSL.Connection(context, None)
    client.set_connect_state()
    return client


def _server(root: Authority) -> SSL.Connection:
    context = SSL.Context(SSL.TLS_METHOD)
    names = ("leaf.example", "127.0.0.1", "::1")
    for leaf in (root.leaf(*names), root.leaf(*names, key=rsa_key())):
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
