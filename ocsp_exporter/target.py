"""The text that names a target → Target, or one sentence that says what is wrong with it."""

import contextlib
import ipaddress
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import idna

from ocsp_exporter.model import Module, ProberKind, StartTLS, Target
from ocsp_exporter.quoting import quoted, without_secrets
from ocsp_exporter.revocation.extensions import ocsp_urls


class Scheme(NamedTuple):
    """What a scheme says: how TLS starts, and on which port if no other is given."""

    starttls: StartTLS
    port: int


#: Each scheme that may stand in front of a target.
SCHEMES: Final[Mapping[str, Scheme]] = MappingProxyType(
    {
        "https": Scheme(StartTLS.NONE, 443),
        "tls": Scheme(StartTLS.NONE, 443),
        "smtp": Scheme(StartTLS.SMTP, 25),
        "lmtp": Scheme(StartTLS.LMTP, 24),
        "imap": Scheme(StartTLS.IMAP, 143),
        "pop3": Scheme(StartTLS.POP3, 110),
        "ftp": Scheme(StartTLS.FTP, 21),
        "ldap": Scheme(StartTLS.LDAP, 389),
        "xmpp-client": Scheme(StartTLS.XMPP_CLIENT, 5222),
        "xmpp-server": Scheme(StartTLS.XMPP_SERVER, 5269),
        "postgres": Scheme(StartTLS.POSTGRES, 5432),
        "mysql": Scheme(StartTLS.MYSQL, 3306),
        "sieve": Scheme(StartTLS.SIEVE, 4190),
        "nntp": Scheme(StartTLS.NNTP, 119),
        "irc": Scheme(StartTLS.IRC, 6667),
        "nats": Scheme(StartTLS.NATS, 4222),
    },
)
#: The port of a target without scheme, by its module's protocol.
_PORTS: Final[Mapping[StartTLS, int]] = MappingProxyType(
    {scheme.starttls: scheme.port for scheme in SCHEMES.values()} | {StartTLS.NATS_AUTO: SCHEMES["nats"].port}
)

#: The schemes of what is fetched by itself, and their ports.
_WEB_PORTS: Final[Mapping[str, int]] = MappingProxyType({"http": 80, "https": 443})

_MAX_TEXT: Final = 2048
_MAX_HOST: Final = 253  # characters: RFC 1035, section 2.3.4, less the length bytes
_LABEL: Final = re.compile(r"[A-Za-z0-9_-]{1,63}")  # the underscore is not for hosts, and yet there are such hosts
_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_MAX_PORT: Final = 65535
_ZONE: Final = re.compile(r"[A-Za-z0-9._~-]{1,15}")  # the name of a network interface, or its number


class TargetError(ValueError):
    """A text that names no target. Its message is a sentence for the person who wrote the text."""


def parse_target(text: str, starttls: StartTLS = StartTLS.NONE) -> Target:
    """Read `HOST`, `HOST:PORT`, `[IPv6]:PORT` or an IPv6 address alone, each with or without `SCHEME://` in front.

    `starttls` is the module's: its port is the default where there is no scheme. Path, query and fragment are
    ignored. The target's name is `text` exactly as given; its host is in ASCII (a host name in other letters as
    RFC 5891 encodes it). Raises TargetError, whatever `starttls` is.
    """
    try:
        scheme, rest = _split_scheme(text)
        host, port = _host_and_port(rest)
    except ValueError as error:
        forms = "HOST, HOST:PORT and [IPv6]:PORT, with or without https://, tls:// or a protocol such as smtp://"
        raise TargetError(f"target {quoted(without_secrets(text))}: {error}; accepted are {forms} in front") from None
    if port is None:
        port = scheme.port if scheme else _PORTS[starttls]
    return Target(name=text, host=host, port=port, starttls=scheme.starttls if scheme else None)


def parse_crl_target(text: str) -> Target:
    """Read the URL of a CRL, or the absolute path of its file, perhaps as a `file:` URL. Raises TargetError."""
    try:
        host, port, location = _locate(text)
    except ValueError as error:
        forms = "http://HOST/PATH, https://HOST/PATH and the absolute path of a file"
        raise TargetError(f"target {quoted(without_secrets(text))}: {error}; accepted are {forms}") from None
    return Target(name=text, host=host, port=port, location=location)


def parse_file_target(text: str) -> Target:
    """Read the absolute path of a staple file, or a glob of such paths. Raises TargetError."""
    try:
        _check_path(text)
    except ValueError as error:
        forms = (
            "absolute paths of staple files, in which *, ? and [...] stand for parts of a name and ** for any folders"
        )
        raise TargetError(f"target {quoted(text)}: {error}; accepted are {forms}") from None
    return Target(name=text, host="", port=0, location=text)


def parse_responder_target(text: str, named: Iterable[str] = ()) -> Target:
    """Read the URL of a responder; of an empty text the first http(s) URL of those `named`. Raises TargetError."""
    forms = "http://HOST/PATH, https://HOST/PATH"
    if not text:
        for url in named:
            with contextlib.suppress(ValueError):
                host, port = _split_url(url)
                return Target(name="", host=host, port=port, location=url)
        raise TargetError(
            "the target is empty, and the module names no certificate in which an http(s) URL of its responder stands; "
            f"write the URL: {forms}"
        )
    try:
        host, port = _split_url(text)
    except ValueError as error:
        told = f"target {quoted(without_secrets(text))}: {error}"
        raise TargetError(f"{told}; accepted are {forms}, and nothing for the certificate's own") from None
    return Target(name=text, host=host, port=port, location=text)


def read_target(text: str, module: Module) -> Target:
    """Read a target as a module's prober takes it. Raises TargetError."""
    match module.prober:
        case ProberKind.CRL:
            return parse_crl_target(text)
        case ProberKind.RESPONDER:
            return parse_responder_target(text, ocsp_urls(module.certificate) if module.certificate else ())
        case ProberKind.FILE:
            return parse_file_target(text)
        case ProberKind.TLS:
            return parse_target(text, module.starttls)


def parse_host(text: str) -> str:
    """Give the host name or IP address in ASCII, as it can be resolved. Raises ValueError with a sentence."""
    if ":" in text:
        return _ipv6(text)
    host = text if text.isascii() else _ascii_host(text)
    if not host:
        raise ValueError("the host is missing")
    if len(host) > _MAX_HOST:
        raise ValueError(f"the host is longer than {_MAX_HOST} characters")
    labels = host.removesuffix(".").split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("that is not a host name or an IP address")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(host)
    return host


def _split_scheme(text: str) -> tuple[Scheme | None, str]:
    """Give the scheme, None where there is none, and what follows it."""
    _check_text(text)
    scheme, separator, rest = text.partition("://")
    if not separator or re.search(r"[/?#]", scheme):
        return None, text
    if scheme.lower() not in SCHEMES:
        raise ValueError(f"the scheme {quoted(scheme)} is not known; known are {', '.join(SCHEMES)}")
    return SCHEMES[scheme.lower()], rest


def _locate(text: str) -> tuple[str, int, str]:
    """Give host, port and URL, or nothing, 0 and a path."""
    _check_text(text)
    path = text.removeprefix("file://")
    if path.startswith("/"):
        return "", 0, path
    if not _is_on_the_web(text):
        raise ValueError("that is neither an http(s) URL nor an absolute path")
    return *_split_url(text), text


def _split_url(text: str) -> tuple[str, int]:
    """Give the host and the port of an http(s) URL."""
    _check_text(text)
    if not _is_on_the_web(text):
        raise ValueError("that is no http(s) URL")
    scheme, _, rest = text.partition("://")
    host, port = _host_and_port(rest)
    return host, port or _WEB_PORTS[scheme.lower()]


def _is_on_the_web(text: str) -> bool:
    scheme, separator, _ = text.partition("://")
    return bool(separator) and scheme.lower() in _WEB_PORTS


def _check_text(text: str) -> None:
    if not text:
        raise ValueError("it is empty")
    if len(text) > _MAX_TEXT:
        raise ValueError(f"it is longer than {_MAX_TEXT} characters")
    if not text.isprintable() or " " in text:
        raise ValueError("it has white space or an invisible character")


def _check_path(text: str) -> None:
    """Check a path. It may have spaces in it, which a target of any other kind may not."""
    _check_text(text.replace(" ", "_"))
    if not text.startswith("/"):
        raise ValueError("that is not an absolute path")
    if text.endswith("/"):
        raise ValueError("that is a folder")


def _host_and_port(text: str) -> tuple[str, int | None]:
    """Give host and port, None where no port is given."""
    authority = re.split(r"[/?#]", text, maxsplit=1)[0]
    if "@" in authority:
        raise ValueError("a user name or password has no place in a target")
    host, port = _split_port(authority)
    number = None if port is None else _port(port)
    return parse_host(host), number


def _split_port(authority: str) -> tuple[str, str | None]:
    """Give the host, without brackets, and the text of the port, None where there is no colon for one."""
    if authority.startswith("["):
        host, bracket, port = authority[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError("the brackets around an IPv6 address hold all of it, and only :PORT may follow them")
        # RFC 6874 has the % before a zone written as %25 in a URL; both forms are in use.
        return _ipv6(re.sub(r"%25(?=.)", "%", host, count=1)), port[1:] if port else None
    if authority.count(":") > 1:
        return authority, None
    host, colon, port = authority.partition(":")
    return host, port if colon else None


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or int(text) > _MAX_PORT:
        raise ValueError(f"the port must be a number from 1 to {_MAX_PORT}, without leading zeros")
    return int(text)


def _ipv6(text: str) -> str:
    address, percent, zone = text.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        raise ValueError("what follows the % is not the zone of an IPv6 address")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        raise ValueError("that is not an IPv6 address") from None
    return text


def _ipv4(text: str) -> str:
    # Resolvers read 127.1 and 0x7f000001 as addresses too; what is meant is then anybody's guess.
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        raise ValueError("that is not an IPv4 address in four decimal parts") from None
    return text


def _ascii_host(text: str) -> str:
    if len(text) > _MAX_HOST:
        raise ValueError(f"the host is longer than {_MAX_HOST} characters")
    try:
        return idna.encode(text, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"that is not an international host name ({error})") from None
