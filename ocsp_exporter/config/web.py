"""The text of a web configuration file → WebConfig, or every fault in it."""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cryptography import x509

from ocsp_exporter.config import yaml_reader
from ocsp_exporter.config.document import Document, Fault, Steps
from ocsp_exporter.config.reading import ConfigError, check, in_order
from ocsp_exporter.config.tls_names import CIPHER_SUITES, CLIENT_AUTH_TYPES, CURVES, TLS13_CIPHER_SUITES
from ocsp_exporter.config.web_schema import TLSServer, WebFile
from ocsp_exporter.model import TLSVersion

_TLS: Final[Steps] = ("tls_server_config",)
_FILES: Final = ("cert_file", "key_file", "client_ca_file")
_VERIFIED: Final = "RequireAndVerifyClientCert"


@dataclass(frozen=True, slots=True)
class ServerTLS:
    """How the exporter speaks TLS with those who ask it.

    `chain` begins with its own certificate, whose `key` is PKCS #8 in DER. Clients are verified with `client_roots`,
    None: the system's; one of `allowed_sans` has to stand in their certificate, unless there are none. `ciphers`, in
    OpenSSL's names and without those of TLS 1.3, and `curve`: empty and None leave the choice to OpenSSL.
    """

    chain: tuple[x509.Certificate, ...]
    key: bytes = field(repr=False)
    verify_clients: ssl.VerifyMode = ssl.CERT_NONE
    client_roots: tuple[x509.Certificate, ...] | None = None
    allowed_sans: frozenset[str] = frozenset()
    min_version: TLSVersion = TLSVersion.TLS12
    max_version: TLSVersion = TLSVersion.TLS13
    ciphers: tuple[str, ...] = ()
    prefer_server_ciphers: bool = True
    curve: str | None = None


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many requests are answered: one each `interval` (seconds) in the long run, and `burst` at once."""

    interval: float
    burst: int


@dataclass(frozen=True, slots=True)
class WebConfig:
    """A web configuration, complete and valid.

    `tls` None: plain HTTP; `users` are the bcrypt hashes by name, none: everybody may come; `rate_limit` None: none.
    `remarks` are what its writer may want to know: what is not done quite as it says.
    """

    tls: ServerTLS | None
    headers: Mapping[str, str]
    users: Mapping[str, str] = field(repr=False)
    rate_limit: RateLimit | None
    remarks: tuple[Fault, ...]


def read_web_document(text: str, name: str) -> Document:
    """Read the text of a web configuration file; `name` is the file's in the faults. Never raises."""
    return yaml_reader.read(text, name, is_secret=_is_secret)


def files_named_in(document: Document, folder: Path) -> tuple[Path, ...]:
    """Give the files that a web configuration, valid or not, names; they are relative to `folder`."""
    names = (document.at((*_TLS, key)) for key in _FILES)
    return tuple(folder / name for name in names if isinstance(name, str) and "\0" not in name)


def parse_web_config(document: Document, folder: Path) -> WebConfig:
    """Make of a document what it says, with what is in the files that it names, which are relative to `folder`.

    Raises ConfigError.
    """
    file, faults = check(document, WebFile, folder)
    faults += filter(None, _relations(document))
    if faults:
        raise ConfigError(in_order(faults))
    return WebConfig(
        tls=_tls(file.tls_server_config),
        headers=MappingProxyType(
            {name: value for name, value in file.http_server_config.headers.model_dump(by_alias=True).items() if value}
        ),
        users=MappingProxyType(file.basic_auth_users),
        rate_limit=RateLimit(file.rate_limit.interval, file.rate_limit.burst) if file.rate_limit.interval else None,
        remarks=in_order(list(filter(None, _remarks(document, file)))),
    )


def _is_secret(steps: Steps) -> bool:
    return steps[:1] == ("basic_auth_users",) or steps == (*_TLS, "key")


def _relations(document: Document) -> Iterator[Fault | None]:
    """Check what values mean for each other, looking only at such as have the right type."""
    given = {key for key in TLSServer.model_fields if document.has((*_TLS, key))}
    for key in ("cert", "key", "client_ca"):
        if {key, f"{key}_file"} <= given:
            yield document.fault((*_TLS, key), f"{key} and {key}_file say the same in two ways; give one of them")
    section = document.at(_TLS)
    for key in ("cert", "key"):
        if isinstance(section, dict) and section and not {key, f"{key}_file"} & given:
            yield document.fault(_TLS, f"{key}_file is missing (or {key}): TLS takes a certificate and its key")
    yield from _client_relations(document, given)
    yield from _version_relations(document)


def _client_relations(document: Document, given: set[str]) -> Iterator[Fault | None]:
    client_auth_type = str(document.at((*_TLS, "client_auth_type")) or "NoClientCert")
    if client_auth_type == "NoClientCert":
        for key in sorted({"client_ca", "client_ca_file"} & given):
            yield document.fault((*_TLS, key), f"{key} is of no use without client_auth_type: {_VERIFIED}")
    if "client_allowed_sans" in given and client_auth_type in CLIENT_AUTH_TYPES and client_auth_type != _VERIFIED:
        yield document.fault(
            (*_TLS, "client_allowed_sans"),
            f"with client_auth_type {client_auth_type} clients without a certificate are let in; use {_VERIFIED}",
        )


def _version_relations(document: Document) -> Iterator[Fault | None]:
    versions = [version.value for version in TLSVersion]
    lowest = document.at((*_TLS, "min_version")) or TLSVersion.TLS12.value
    highest = document.at((*_TLS, "max_version")) or TLSVersion.TLS13.value
    if lowest not in versions or highest not in versions:
        return
    if versions.index(lowest) > versions.index(highest):
        yield document.fault(_TLS, f"min_version {lowest} is above max_version {highest}")
    if _tls13_only(document) and highest != TLSVersion.TLS13:
        yield document.fault((*_TLS, "cipher_suites"), f"none of them is for {highest}, which is the max_version")


def _tls13_only(document: Document) -> bool:
    suites = document.at((*_TLS, "cipher_suites"))
    return isinstance(suites, list) and bool(suites) and all(suite in TLS13_CIPHER_SUITES for suite in suites)


def _remarks(document: Document, file: WebFile) -> Iterator[Fault | None]:
    """Tell what a valid document asks for, and is not done quite as it says."""
    tls = file.tls_server_config
    if file.http_server_config.http2:
        yield document.fault(
            ("http_server_config", "http2"), "HTTP/2 is not spoken here; clients get HTTP/1.1, as without this key"
        )
    if tls.client_auth_type == "RequestClientCert":
        yield document.fault(
            (*_TLS, "client_auth_type"), "a certificate that nobody verifies is not asked for: this is NoClientCert"
        )
    elif CLIENT_AUTH_TYPES[tls.client_auth_type] and not (tls.client_ca or tls.client_ca_file):
        yield document.fault(
            (*_TLS, "client_auth_type"),
            "without client_ca_file every client is let in for whose certificate a root of this system vouches",
        )
    if 0 < len(set(tls.cipher_suites) & set(TLS13_CIPHER_SUITES)) < len(TLS13_CIPHER_SUITES):
        yield document.fault(
            (*_TLS, "cipher_suites"), "TLS 1.3 has all of its cipher suites, whichever of them stand here, as in Go"
        )
    if len(tls.curve_preferences) > 1:
        yield document.fault(
            (*_TLS, "curve_preferences"), f"only the first is offered, {tls.curve_preferences[0]}: TLS here takes one"
        )


def _tls(keys: TLSServer) -> ServerTLS | None:
    chain, key = keys.cert_file or keys.cert, keys.key_file or keys.key
    if not chain or not key:
        return None
    ciphers = tuple(CIPHER_SUITES[name] for name in keys.cipher_suites if name in CIPHER_SUITES)
    return ServerTLS(
        chain,
        key,
        verify_clients=CLIENT_AUTH_TYPES[keys.client_auth_type],
        client_roots=keys.client_ca_file or keys.client_ca,
        allowed_sans=frozenset(keys.client_allowed_sans or ()),
        # A list without a cipher suite for the older versions leaves these without any.
        min_version=TLSVersion.TLS13 if keys.cipher_suites and not ciphers else keys.min_version,
        max_version=keys.max_version,
        ciphers=ciphers,
        prefer_server_ciphers=keys.prefer_server_cipher_suites,
        curve=CURVES[keys.curve_preferences[0]] if keys.curve_preferences else None,
    )
