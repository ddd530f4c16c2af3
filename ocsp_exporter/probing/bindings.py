"""What OpenSSL can do and pyOpenSSL has no public call for: all of it is here, and a test holds it.

pyOpenSSL is bounded above, because a new version may name these things otherwise.
"""

from OpenSSL import SSL

_library = SSL._lib  # type: ignore[attr-defined]  # noqa: SLF001 -- what this module is for


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
