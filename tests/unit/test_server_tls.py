"""The server's side of TLS, against a client in the same process."""

import logging
import ssl
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from ocsp_exporter.config.web import ServerTLS
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import DAY, Credential, common_name, issue, rsa_key
from ocsp_exporter.model import TLSVersion
from ocsp_exporter.serving.tls import CurrentContext, make_context, subject_alternative_names

ROOT = Authority.root(int(time.time()))
ISSUING = ROOT.intermediate()
EC, RSA = ISSUING.leaf(), ISSUING.leaf(key=rsa_key())


def tls_of(credential: Credential) -> ServerTLS:
    """Make settings that show a certificate, and demand nothing."""
    key = credential.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return ServerTLS((credential.certificate, *credential.chain), key)


SERVER = tls_of(EC)


def client(
    *names: x509.GeneralName,
    ca: Authority = ROOT,
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
    expired: bool = False,
) -> Credential:
    """Issue a certificate for a client."""
    extensions: list[x509.ExtensionType] = [x509.ExtendedKeyUsage([usage])]
    extensions += [x509.SubjectAlternativeName(names)] if names else []
    end = ca.now - 60 if expired else ca.now + DAY
    made = issue(
        common_name("client"),
        extensions,
        {"not_before": ca.now - DAY, "not_after": end},
        (ca.certificate.subject, ca.key),
    )
    return replace(made, chain=ca.chain)


def client_context(shown: Credential | None, folder: pytest.TempPathFactory | None = None) -> ssl.SSLContext:
    """Make a client's context that trusts the root, and shows a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=ROOT.certificate.public_bytes(Encoding.PEM).decode())
    if shown and folder:
        path = folder.mktemp("client") / "client.pem"
        path.write_bytes(shown.certificate_pem() + shown.key_pem())
        context.load_cert_chain(path)
    return context


def shake(server: ssl.SSLContext, theirs: ssl.SSLContext) -> ssl.SSLObject:
    """Make a handshake, and give the client's side of it. Raises SSLError, from whichever side."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(there, back, server_side=True)
    client = theirs.wrap_bio(back, there, server_hostname="localhost")

    def goes_on(step: Callable[[], None]) -> bool:
        try:
            step()
        except ssl.SSLWantReadError:
            return True
        return False

    while any([goes_on(client.do_handshake), goes_on(ours.do_handshake)]):
        pass
    return client


Showing = Callable[[Credential | None], ssl.SSLContext]


@pytest.fixture
def showing(tmp_path_factory: pytest.TempPathFactory) -> Showing:
    """Give a function that makes a client's context, which shows a certificate."""
    return lambda shown: client_context(shown, tmp_path_factory)


def test_the_certificate_is_shown_with_its_chain() -> None:
    """A client that knows the root only is content, and is offered HTTP/1.1."""
    theirs = client_context(None)
    theirs.set_alpn_protocols(["h2", "http/1.1"])
    connection = shake(make_context(SERVER), theirs)
    assert (connection.version(), connection.selected_alpn_protocol()) == ("TLSv1.3", "http/1.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(make_context(replace(SERVER, chain=SERVER.chain[:1])), client_context(None))


@pytest.mark.parametrize(
    ("lowest", "highest", "version"),
    [
        (TLSVersion.TLS12, TLSVersion.TLS13, "TLSv1.3"),
        (TLSVersion.TLS12, TLSVersion.TLS12, "TLSv1.2"),
        (TLSVersion.TLS13, TLSVersion.TLS13, "TLSv1.3"),
        (TLSVersion.TLS10, TLSVersion.TLS11, "TLSv1.1"),
        (TLSVersion.TLS10, TLSVersion.TLS10, "TLSv1"),
    ],
)
def test_versions(lowest: TLSVersion, highest: TLSVersion, version: str) -> None:
    """The highest version that both allow is spoken, down to the oldest if the operator asks for it."""
    server = make_context(replace(SERVER, min_version=lowest, max_version=highest))
    assert shake(server, _old_client()).version() == version


def test_old_versions_are_refused_unless_asked_for() -> None:
    """By default there is nothing below TLS 1.2."""
    theirs = _old_client()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        theirs.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="UNSUPPORTED_PROTOCOL"):
        shake(make_context(SERVER), theirs)


def _old_client() -> ssl.SSLContext:
    theirs = client_context(None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        theirs.minimum_version = ssl.TLSVersion.TLSv1
    theirs.set_ciphers("DEFAULT:@SECLEVEL=0")
    return theirs


@pytest.mark.parametrize(
    ("credential", "cipher"),
    [
        (EC, "ECDHE-ECDSA-AES128-SHA"),
        (EC, "ECDHE-ECDSA-AES256-SHA"),
        (RSA, "ECDHE-RSA-AES128-SHA"),
        (RSA, "ECDHE-RSA-AES256-SHA"),
        (EC, "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (EC, "ECDHE-ECDSA-AES256-GCM-SHA384"),
        (RSA, "ECDHE-RSA-AES128-GCM-SHA256"),
        (RSA, "ECDHE-RSA-AES256-GCM-SHA384"),
        (RSA, "ECDHE-RSA-CHACHA20-POLY1305"),
        (EC, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ],
)
def test_cipher_suites(credential: Credential, cipher: str) -> None:
    """Each one that a file may name can be the only one of TLS 1.2."""
    server = make_context(replace(tls_of(credential), max_version=TLSVersion.TLS12, ciphers=(cipher,)))
    theirs = client_context(None)
    theirs.set_ciphers("ALL")
    found = shake(server, theirs).cipher()
    assert found
    assert found[0] == cipher


@pytest.mark.parametrize(("server_prefers", "chosen"), [(True, 0), (False, 1)])
def test_whose_preference_counts(server_prefers: bool, chosen: int) -> None:
    """The server's order of cipher suites counts, or the client's."""
    ours = ("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256")
    tls = replace(SERVER, max_version=TLSVersion.TLS12, ciphers=ours, prefer_server_ciphers=server_prefers)
    theirs = client_context(None)
    theirs.set_ciphers(":".join(reversed(ours)))
    found = shake(make_context(tls), theirs).cipher()
    assert found
    assert found[0] == ours[chosen]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_curve(version: ssl.TLSVersion) -> None:
    """With a curve a client that has no other is served, and one that lacks it is not."""
    server = make_context(replace(tls_of(RSA), curve="secp384r1"))

    def having(curve: str) -> ssl.SSLContext:
        theirs = client_context(None)
        theirs.maximum_version = version
        theirs.set_ecdh_curve(curve)
        return theirs

    assert shake(server, having("secp384r1")).version()
    with pytest.raises(ssl.SSLError):
        shake(server, having("X25519"))


DEMANDING = replace(SERVER, verify_clients=ssl.CERT_REQUIRED, client_roots=(ROOT.certificate,))


@pytest.mark.parametrize(
    "shown",
    [None, client(ca=ROOT.twin()), client(expired=True), client(usage=ExtendedKeyUsageOID.SERVER_AUTH)],
    ids=["none", "of another CA", "expired", "of a server"],
)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_is_demanded(showing: Showing, shown: Credential | None, version: ssl.TLSVersion) -> None:
    """A client without a good certificate is refused, one with is not, and where it is optional one without is not."""
    theirs, good = showing(shown), showing(client())
    theirs.maximum_version = good.maximum_version = version
    shake(make_context(DEMANDING), good)
    with pytest.raises(ssl.SSLError):
        shake(make_context(DEMANDING), theirs)
    optional = make_context(replace(DEMANDING, verify_clients=ssl.CERT_OPTIONAL))
    if shown is None:
        shake(optional, theirs)
    else:
        with pytest.raises(ssl.SSLError):
            shake(optional, theirs)
    shake(make_context(SERVER), theirs)


def test_why_a_handshake_failed_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """At debug the log has OpenSSL's reason, once, and nothing of the handshakes that succeed."""
    caplog.set_level(logging.DEBUG, "ocsp_exporter")
    shake(make_context(SERVER), client_context(None))
    assert caplog.records == []
    with pytest.raises(ssl.SSLError):
        shake(make_context(DEMANDING), client_context(None))
    [record] = caplog.records
    assert record.message == "TLS handshake failed"
    assert vars(record)["fields"] == {"reason": "PEER_DID_NOT_RETURN_A_CERTIFICATE"}


def test_the_end_does_not_wait_for_the_client() -> None:
    """The server says that this is the end, and is done, although the client says nothing."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = make_context(SERVER).wrap_bio(there, back, server_side=True)
    theirs = client_context(None).wrap_bio(back, there, server_hostname="localhost")
    for step in (theirs.do_handshake, server.do_handshake, theirs.do_handshake, server.do_handshake):
        with suppress(ssl.SSLWantReadError):
            step()
    with pytest.raises(ssl.SSLWantReadError):
        theirs.read(1)
    server.unwrap()
    assert theirs.read(1) == b""


def test_each_certificate_of_client_ca_is_trusted_by_itself(showing: Showing) -> None:
    """As in Go, an issuing CA does without its root, and then another CA of the same root is not trusted."""
    server = make_context(replace(DEMANDING, client_roots=(ISSUING.certificate,)))
    shake(server, showing(client(ca=ISSUING)))
    with pytest.raises(ssl.SSLError):
        shake(server, showing(client(ca=ROOT.intermediate("Another CA"))))


def test_without_client_ca_the_systems_roots_count(showing: Showing, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate of our CA, which the system does not know, is refused."""
    with pytest.raises(ssl.SSLError):
        shake(make_context(replace(DEMANDING, client_roots=None)), showing(client()))
    monkeypatch.setattr(
        ssl.SSLContext,
        "load_default_certs",
        lambda self, _purpose: self.load_verify_locations(cadata=ROOT.certificate.public_bytes(Encoding.DER)),
    )
    shake(make_context(replace(DEMANDING, client_roots=None)), showing(client()))


NAMES: list[x509.GeneralName] = [
    x509.DNSName("prometheus.example.org"),
    x509.RFC822Name("ops@example.org"),
    x509.IPAddress(ip_address("2001:db8::1")),
    x509.UniformResourceIdentifier("spiffe://example.org/prometheus"),
]


@pytest.mark.parametrize(
    "name", ["prometheus.example.org", "ops@example.org", "2001:db8::1", "spiffe://example.org/prometheus"]
)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_allowed_names(showing: Showing, name: str, version: ssl.TLSVersion) -> None:
    """A client is let in if one of its names is allowed, of whatever kind it is; the common name is none."""
    server = make_context(replace(DEMANDING, allowed_sans=frozenset({name, "another.example.org"})))
    good, bad, without = showing(client(*NAMES)), showing(client(x509.DNSName("evil.example.org"))), showing(client())
    for theirs in (good, bad, without):
        theirs.maximum_version = version
    shake(server, good)
    for theirs in (bad, without):
        with pytest.raises(ssl.SSLCertVerificationError, match="no allowed name"):
            shake(server, theirs)


@pytest.mark.parametrize("allowed", ["*.example.org", "example.org", "PROMETHEUS.example.org", "client"])
def test_names_are_compared_to_the_letter(showing: Showing, allowed: str) -> None:
    """There are no wildcards, and no part of a name counts for the whole."""
    server = make_context(replace(DEMANDING, allowed_sans=frozenset({allowed})))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, showing(client(*NAMES)))


@pytest.mark.parametrize("certificate", [None, b"", b"garbage", client().certificate.public_bytes(Encoding.DER)])
def test_what_has_no_names(certificate: bytes | None) -> None:
    """No certificate, one that cannot be read, and one without the extension have no names."""
    assert subject_alternative_names(certificate) == []


def test_a_connection_begins_with_the_context_of_its_moment() -> None:
    """What changes counts for the next connection, all of it: certificate, versions and demands."""
    contexts = [make_context(SERVER), make_context(replace(tls_of(RSA), max_version=TLSVersion.TLS12))]
    server = CurrentContext(lambda: contexts[0])
    assert shake(server, client_context(None)).version() == "TLSv1.3"
    del contexts[0]
    connection = shake(server, client_context(None))
    assert connection.version() == "TLSv1.2"
    assert connection.getpeercert(binary_form=True) == RSA.certificate.public_bytes(Encoding.DER)
    contexts[0] = make_context(DEMANDING)
    with pytest.raises(ssl.SSLError):
        shake(server, client_context(None))
