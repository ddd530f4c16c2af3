"""What OpenSSL can do and pyOpenSSL has no public call for: all of it is here, and a test holds it.

pyOpenSSL is bounded above, because a new version may name these things otherwise.
"""

from dataclasses import dataclass

from OpenSSL import SSL

_library = SSL._lib  # type: ignore[attr-defined]  # noqa: SLF001 -- what this module is for
_ffi = SSL._ffi  # type: ignore[attr-defined]  # noqa: SLF001 -- likewise


def expect_host(connection: SSL.Connection, name: bytes) -> bool:
    """Have the chain verified for a host name. False where OpenSSL refuses the name, and would look for none."""
    parameters = _library.SSL_get0_param(connection._ssl)  # noqa: SLF001 -- likewise
    return bool(_library.X509_VERIFY_PARAM_set1_host(parameters, name, len(name)))


def expect_address(connection: SSL.Connection, packed: bytes) -> bool:
    """Have the chain verified for an IP address of 4 or 16 octets."""
    parameters = _library.SSL_get0_param(connection._ssl)  # noqa: SLF001 -- likewise
    return bool(_library.X509_VERIFY_PARAM_set1_ip(parameters, packed, len(packed)))


def accept_signatures(context: SSL.Context, schemes: str) -> bool:
    """Offer these signature schemes only, in TLS's names with colons between. False where OpenSSL does not know one."""
    return bool(_library.SSL_CTX_set1_sigalgs_list(context._context, schemes.encode()))  # noqa: SLF001 -- likewise


def offer_groups(context: SSL.Context, groups: str) -> bool:
    """Offer only these groups for the key exchange, in OpenSSL's names with colons between, and a key for the first.

    False, and nothing is changed, where OpenSSL does not know one that has no question mark before it.
    """
    accepted = bool(_library.SSL_CTX_set1_curves_list(context._context, groups.encode()))  # noqa: SLF001 -- likewise
    if not accepted:
        _library.ERR_clear_error()  # or whoever calls OpenSSL next would be told of it
    return accepted


@dataclass(slots=True, eq=False)
class CertificateRequest:
    """Whether a server asked for a client certificate."""

    was_made: bool = False


def note_certificate_request(connection: SSL.Connection, request: CertificateRequest) -> object:
    """Have it noted when the server asks for a client certificate. What is returned must outlive the handshake.

    pyOpenSSL's way would be to look at OpenSSL's state after each of its steps, which takes 40 µs a handshake.
    """
    handle = _ffi.new_handle(request)
    _library.SSL_set_cert_cb(connection._ssl, _on_certificate_request, handle)  # noqa: SLF001 -- likewise
    return handle


@_ffi.callback("int(SSL *, void *)")  # type: ignore[untyped-decorator]  # cffi knows no types
def _on_certificate_request(_connection: object, handle: object) -> int:
    request: CertificateRequest = _ffi.from_handle(handle)
    request.was_made = True
    return 1  # go on, with the certificate of the context if there is one
