"""TLS contexts: what is offered to servers, whom to trust, and what the callbacks note while a handshake goes on."""

from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives.serialization import load_der_private_key
from OpenSSL import SSL, crypto

from ocsp_exporter.model import ChainError, ClientCertificate, KeyType, TLSSettings, TLSVersion
from ocsp_exporter.probing.bindings import accept_signatures, offer_groups
from ocsp_exporter.probing.roots import system_roots

_VERSIONS = {
    TLSVersion.TLS10: SSL.TLS1_VERSION,
    TLSVersion.TLS11: SSL.TLS1_1_VERSION,
    TLSVersion.TLS12: SSL.TLS1_2_VERSION,
    TLSVersion.TLS13: SSL.TLS1_3_VERSION,
}
_LEGACY = {TLSVersion.TLS10, TLSVersion.TLS11}

#: Without finite-field Diffie-Hellman, as in Go's TLS: a server chooses the group, and a large one takes a second.
_CIPHERS = "DEFAULT:!DHE"

#: To be shown a certificate of one type, up to TLS 1.2: the cipher suites to leave out.
_OTHER_CIPHERS = {KeyType.RSA: "!aECDSA", KeyType.ECDSA: "!aRSA"}

#: The same for TLS 1.3, which knows signature schemes only. rsa_pkcs1 signs no TLS 1.3 handshake (RFC 8446, section
#: 4.2.3): beside ecdsa it tells the servers that ask for it that the issuer's signature may be of that kind.
_RSA_ISSUERS = "rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512:rsa_pkcs1_sha1"
_SIGNATURES = {
    KeyType.RSA: "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:rsa_pss_pss_sha256:rsa_pss_pss_sha384:"
    f"rsa_pss_pss_sha512:{_RSA_ISSUERS}",
    KeyType.ECDSA: "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:ecdsa_sha1:" + _RSA_ISSUERS,
}

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

#: Of themselves OpenSSL's ClientHellos have a key for a hybrid group, which takes 60 µs to make, and for x25519.
_COMMON_GROUPS = ("x25519", "secp256r1", "secp384r1", "secp521r1")
_OTHER_GROUPS = (
    "x448",
    "X25519MLKEM768",
    "SecP256r1MLKEM768",
    "curveSM2MLKEM768",
    "curveSM2",
    "ffdhe2048",
    "ffdhe3072",
)
#: All that OpenSSL offers of itself. The question marks: as far as it knows them.
_ALL_GROUPS = ":".join(f"?{group}" for group in (*_COMMON_GROUPS, *_OTHER_GROUPS))


@dataclass(slots=True)
class Seen:
    """What the callbacks of one connection saw; its application data in OpenSSL.

    `staple` None: it is not known yet whether one is sent; empty: none is.
    """

    staple: bytes | None = None
    chain_errors: set[ChainError] = field(default_factory=set)


@lru_cache(maxsize=128)
def context_for(settings: TLSSettings, key_type: KeyType) -> SSL.Context:
    """Make the context that all connections of this kind share, complete before the first of them.

    A connection needs a `Seen` as its application data. Raises SSL.Error where OpenSSL refuses the client certificate.
    """
    context = _context(settings, key_type)
    store = context.get_cert_store()
    for root in system_roots() if settings.roots is None else settings.roots:
        store.add_cert(crypto.X509.from_cryptography(root))  # type: ignore[union-attr]  # a context has a store
    context.set_verify(SSL.VERIFY_NONE, _note_chain_error)
    return context


@lru_cache(maxsize=512)
def context_without_roots(settings: TLSSettings, key_type: KeyType, group: str | None) -> SSL.Context:
    """Make the same context for a server whose chain is known, and with which group it exchanges keys.

    Not for who shows a certificate: OpenSSL completes its chain with the roots.

    Without roots and a callback OpenSSL gives the chain up before it verifies a signature. What is offered is the same,
    but a key is sent for that one group only, if it is one of those that nearly all servers know.
    """
    context = _context(settings, key_type)
    if group in _COMMON_GROUPS:
        offer_groups(context, f"{group}:{_ALL_GROUPS}")
    context.set_verify(SSL.VERIFY_NONE)
    return context


def _context(settings: TLSSettings, key_type: KeyType) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    _offer(context, settings, key_type)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET)
    if settings.client_certificate:
        _show(context, settings.client_certificate)
    context.set_ocsp_client_callback(_note_staple)
    return context


def _offer(context: SSL.Context, settings: TLSSettings, key_type: KeyType) -> None:
    """Say which versions, cipher suites, signatures and protocols the ClientHello names."""
    context.set_min_proto_version(_VERSIONS[settings.min_version])
    context.set_max_proto_version(_VERSIONS[settings.max_version])
    ciphers = [_CIPHERS]
    if key_type is not KeyType.ANY:
        ciphers.append(_OTHER_CIPHERS[key_type])
        if not accept_signatures(context, _SIGNATURES[key_type]):
            raise NotImplementedError(f"OpenSSL does not know a signature scheme of {key_type}")
    if settings.min_version in _LEGACY:
        # Their handshakes are signed with SHA-1, and their servers may not know RFC 5746.
        ciphers.append("@SECLEVEL=0")
        context.set_options(SSL.OP_LEGACY_SERVER_CONNECT)
    context.set_cipher_list(":".join(ciphers).encode())
    if settings.alpn:
        context.set_alpn_protos([protocol.encode() for protocol in settings.alpn])


def _show(context: SSL.Context, own: ClientCertificate) -> None:
    leaf, *chain = own.chain
    context.use_certificate(leaf)
    for certificate in chain:
        context.add_extra_chain_cert(certificate)
    context.use_privatekey(load_der_private_key(own.key, password=None))  # type: ignore[arg-type]  # as config checked


def _note_chain_error(
    connection: SSL.Connection, _certificate: crypto.X509, error: int, _depth: int, accepted: int
) -> bool:
    if not accepted:
        seen: Seen = connection.get_app_data()
        seen.chain_errors.add(_CHAIN_ERRORS.get(error, ChainError.OTHER))
    return True


def _note_staple(connection: SSL.Connection, staple: bytes, _data: object) -> bool:
    seen: Seen = connection.get_app_data()
    seen.staple = staple
    return True
