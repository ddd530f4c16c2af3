"""TLS for those who ask the exporter: contexts for the server's side, and the check of clients' names."""

import logging
import os
import ssl
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from ocsp_exporter.config.web import ServerTLS
from ocsp_exporter.model import TLSVersion

_log = logging.getLogger(__name__)

#: What Python calls the versions.
VERSIONS: Final = {
    TLSVersion.TLS10: ssl.TLSVersion.TLSv1,
    TLSVersion.TLS11: ssl.TLSVersion.TLSv1_1,
    TLSVersion.TLS12: ssl.TLSVersion.TLSv1_2,
    TLSVersion.TLS13: ssl.TLSVersion.TLSv1_3,
}


class _Connection(ssl.SSLObject):
    """The server's side of a connection, whose handshake fails where the client's name is not allowed."""

    def do_handshake(self) -> None:
        """Go on with the handshake. Raises SSLCertVerificationError where the client is not let in."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            # asyncio closes the connection before the client is told why.
            _log.debug("TLS handshake failed", extra={"fields": {"reason": error.reason}})
            raise
        allowed = self.context.allowed_sans if isinstance(self.context, _Context) else frozenset()
        if allowed and allowed.isdisjoint(names := subject_alternative_names(self.getpeercert(binary_form=True))):
            fields = {"names": ",".join(names)}
            _log.info("client refused: none of its names is in client_allowed_sans", extra={"fields": fields})
            raise ssl.SSLCertVerificationError("the client's certificate has no allowed name")

    def unwrap(self) -> None:
        """Say that this is the end, and do not wait for the client to say so too: it may be silent for long."""
        with suppress(ssl.SSLWantReadError):
            super().unwrap()


class _Context(ssl.SSLContext):
    """A context that knows which names of clients are allowed; empty: all."""

    sslobject_class = _Connection
    allowed_sans: frozenset[str] = frozenset()


class CurrentContext(ssl.SSLContext):
    """A context that begins each connection with the context that holds at that moment, and so with all it says."""

    def __new__(cls, current: Callable[[], ssl.SSLContext]) -> Self:  # noqa: ARG004 - goes on to __init__
        """Make the context, which itself has nothing that counts."""
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, current: Callable[[], ssl.SSLContext]) -> None:
        self._current = current

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin a connection; asyncio calls this for each."""
        return self._current().wrap_bio(incoming, outgoing, server_side, server_hostname, session)


def make_context(tls: ServerTLS) -> ssl.SSLContext:
    """Make the context for new connections. Raises SSLError where OpenSSL does not take the certificate or key."""
    context = _Context(ssl.PROTOCOL_TLS_SERVER)
    context.allowed_sans = tls.allowed_sans
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 and 1.1 are there for those who ask for them
        context.minimum_version = VERSIONS[tls.min_version]
        context.maximum_version = VERSIONS[tls.max_version]
    old = tls.min_version in (TLSVersion.TLS10, TLSVersion.TLS11)
    if tls.ciphers or old:
        # Below TLS 1.2 signatures are with SHA-1, which needs the lowest level.
        context.set_ciphers(":".join([*(tls.ciphers or ["DEFAULT"]), *(["@SECLEVEL=0"] if old else [])]))
    if not tls.prefer_server_ciphers:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if tls.curve:
        context.set_ecdh_curve(tls.curve)
    context.set_alpn_protocols(["http/1.1"])
    load_certificate(context, tls.chain, tls.key)
    if tls.verify_clients is not ssl.CERT_NONE:
        _demand_certificate(context, tls)
    return context


def subject_alternative_names(certificate: bytes | None) -> list[str]:
    """Give the host names, e-mail and IP addresses and URIs for which a certificate in DER is, as they are written."""
    try:
        parsed = x509.load_der_x509_certificate(certificate or b"")
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.InvalidVersion):
        return []
    texts = (x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier)
    return [name.value for name in names if isinstance(name, texts)] + [
        str(name.value)
        for name in names
        if isinstance(name, x509.IPAddress) and isinstance(name.value, (IPv4Address, IPv6Address))
    ]


def load_certificate(context: ssl.SSLContext, chain: Sequence[x509.Certificate], key: bytes) -> None:
    """Have a context show this certificate, which begins the chain; `key` is PKCS #8 in DER. Raises SSLError."""
    pem_chain = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain)
    loaded = load_der_private_key(key, password=None)
    pem = loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with _in_memory(pem_chain) as certificate_file, _in_memory(pem) as key_file:
        context.load_cert_chain(certificate_file, key_file)


@contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """Give a file's name for what is in memory only: OpenSSL is to have the bytes that were checked, and no others."""
    with os.fdopen(os.memfd_create("tls"), "wb") as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"


def _demand_certificate(context: ssl.SSLContext, tls: ServerTLS) -> None:
    context.verify_mode = tls.verify_clients
    if tls.client_roots is None:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return
    # As in Go, each of them is trusted by itself, be it a root or not.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=b"".join(each.public_bytes(Encoding.DER) for each in tls.client_roots))
