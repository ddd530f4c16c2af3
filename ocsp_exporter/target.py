"""The text that names a target → Target, or one sentence that says what is wrong with it."""

import ipaddress
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import idna

from ocsp_exporter.model import Target
from ocsp_exporter.quoting import quoted

#: Each scheme that may stand in front of a target, and its default port.
SCHEMES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "https": 443,
        "tls": 443,
    },
)
_DEFAULT_SCHEME: Final = "tls"

_MAX_TEXT: Final = 2048
_MAX_HOST: Final = 253  # characters: RFC 1035, section 2.3.4, less the length bytes
_LABEL: Final = re.compile(r"[A-Za-z0-9_-]{1,63}")  # the underscore is not for hosts, and yet there are such hosts
_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_MAX_PORT: Final = 65535
_ZONE: Final = re.compile(r"[A-Za-z0-9._~-]{1,15}")  # the name of a network interface, or its number


class TargetError(ValueError):
    """A text that names no target. Its message is a sentence for the person who wrote the text."""


def parse_target(text: str) -> Target:
    """Read `HOST`, `HOST:PORT`, `[IPv6]:PORT` or an IPv6 address alone, each with or without `SCHEME://` in front.

    Path, query and fragment are ignored. The target's name is `text` exactly as given; its host is in ASCII
    (a host name in other letters as RFC 5891 encodes it). Raises TargetError.
    """
    try:
        host, port = _host_and_port(text)
    except ValueError as error:
        forms = "HOST, HOST:PORT and [IPv6]:PORT, with or without " + " or ".join(f"{name}://" for name in SCHEMES)
        raise TargetError(f"target {quoted(_without_secrets(text))}: {error}; accepted are {forms} in front") from None
    return Target(name=text, host=host, port=port)


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


def _host_and_port(text: str) -> tuple[str, int]:
    if not text:
        raise ValueError("it is empty")
    if len(text) > _MAX_TEXT:
        raise ValueError(f"it is longer than {_MAX_TEXT} characters")
    if not text.isprintable() or " " in text:
        raise ValueError("it has white space or an invisible character")
    port, rest = _split_scheme(text)
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        raise ValueError("a user name or password has no place in a target")
    host, port_text = _split_port(authority)
    if port_text is not None:
        port = _port(port_text)
    return parse_host(host), port


def _split_scheme(text: str) -> tuple[int, str]:
    """Give the scheme's default port and what follows the scheme."""
    scheme, separator, rest = text.partition("://")
    if not separator or re.search(r"[/?#]", scheme):
        return SCHEMES[_DEFAULT_SCHEME], text
    if scheme.lower() not in SCHEMES:
        raise ValueError(f"the scheme {quoted(scheme)} is not known; known are {', '.join(SCHEMES)}")
    return SCHEMES[scheme.lower()], rest


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


def _without_secrets(text: str) -> str:
    """Take out what may be a password, wherever the writer's mistake put it."""
    before, at, after = text.rpartition("@")
    if not at:
        return text
    scheme = re.match(r"[A-Za-z0-9+.-]+://", before)
    return (scheme[0] if scheme else "") + "***@" + after
