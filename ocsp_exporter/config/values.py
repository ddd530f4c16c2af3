"""The kinds of values that YAML does not know: durations, sizes, networks, URLs, protocols."""

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ocsp_exporter.model import IPNetwork
from ocsp_exporter.quoting import quoted
from ocsp_exporter.target import parse_host

#: Prometheus's spelling of durations: units from large to small, each at most once.
_UNITS: Final = {
    "y": 31_536_000_000,
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
DURATION_PATTERN: Final = "^" + "".join(f"(?:([0-9]+){unit})?" for unit in _UNITS) + "$"
_MAX_DURATION: Final = 100 * _UNITS["y"]
_MAX_DURATION_TEXT: Final = 64

_SIZES: Final = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
SIZE_PATTERN: Final = "^([0-9]{1,12})(B|KiB|MiB|GiB)$"
_MAX_SIZE: Final = _SIZES["GiB"]

_NAME_PATTERN: Final = re.compile(r"[a-z0-9_.*?-]{1,253}")

_MAX_URL: Final = 2048  # characters

_FIRST_LONG_SERIAL: Final = 2**159  # as an INTEGER it has 21 octets: RFC 5280, section 4.1.2.2

_MAX_ALPN: Final = 255  # bytes: RFC 7301, section 3.1


def parse_duration(text: str) -> float:
    """Read a duration such as `10s`, `1h30m` or `500ms` as seconds. Raises ValueError with a sentence."""
    found = re.fullmatch(DURATION_PATTERN, text) if len(text) <= _MAX_DURATION_TEXT else None
    if not text or not found:
        raise ValueError("expected a duration such as 500ms, 10s, 5m or 1h30m")
    milliseconds = sum(int(count or 0) * unit for count, unit in zip(found.groups(), _UNITS.values(), strict=True))
    if milliseconds > _MAX_DURATION:
        raise ValueError("expected a duration of at most 100y")
    return milliseconds / 1000


def show_duration(seconds: float) -> str:
    """Write a duration in the largest unit, hours at most, of which it is a whole number: `24h`, `90s`."""
    milliseconds = round(seconds * 1000)
    unit = next(name for name in ("h", "m", "s", "ms") if milliseconds % _UNITS[name] == 0) if milliseconds else "s"
    return f"{milliseconds // _UNITS[unit]}{unit}"


def parse_size(text: str) -> int:
    """Read a size such as `512B`, `256KiB` or `64MiB` as bytes, one at least. Raises ValueError with a sentence."""
    found = re.fullmatch(SIZE_PATTERN, text)
    if not found:
        raise ValueError("expected a size such as 512B, 256KiB or 64MiB")
    size = int(found[1]) * _SIZES[found[2]]
    if not 1 <= size <= _MAX_SIZE:
        raise ValueError("expected a size from 1B to 1GiB")
    return size


def show_size(size: int) -> str:
    """Write a size in the largest unit of which it is a whole number: `256KiB`."""
    unit = next(name for name in reversed(_SIZES) if size % _SIZES[name] == 0)
    return f"{size // _SIZES[unit]}{unit}"


def parse_serial_number(text: str) -> int:
    """Read a serial number such as `0x1234` or `4660`. Raises ValueError with a sentence."""
    found = re.fullmatch(r"0[xX]([0-9a-fA-F]{1,40})|([0-9]{1,48})", text)
    number = int(found[1], 16) if found and found[1] else int(found[2]) if found else 0
    if not 1 <= number < _FIRST_LONG_SERIAL:
        raise ValueError('expected a serial number as "0x1234" or in decimal, above 0 and of at most 20 octets')
    return number


def parse_network(text: str) -> IPNetwork:
    """Read a network such as `10.0.0.0/8`, or a single address. Raises ValueError with a sentence."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        around = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"expected a network such as 10.0.0.0/8, or an address (got {quoted(text)})") from None
    raise ValueError(f"a network begins at its first address: {around} (got {quoted(text)})")


def parse_network_or_host(text: str) -> IPNetwork | str:
    """Read a network, an address, or a host name, the latter in lower case and without a dot at the end.

    Raises ValueError with a sentence.
    """
    try:
        return parse_network(text)
    except ValueError:
        if "/" in text:
            raise
    try:
        host = parse_host(text)
    except ValueError:
        host = ""
    if not host or ":" in host:
        raise ValueError(f"expected a network such as 10.0.0.0/8, an address or a host name (got {quoted(text)})")
    return host.lower().rstrip(".")


def parse_network_or_name(text: str) -> IPNetwork | str:
    """Read a network, an address, or a host name in which `*` and `?` stand for any characters and for one.

    The latter in lower case and without a dot at the end. Raises ValueError with a sentence.
    """
    try:
        return parse_network(text)
    except ValueError:
        if "/" in text:
            raise
    name = text.lower().rstrip(".")
    # Without a letter it is meant to be an address, and is none: 10.0.* would be the name 10.0.anybody.example.
    if not _NAME_PATTERN.fullmatch(name) or not (name == "*" or re.search("[a-z]", name)):
        raise ValueError(
            "expected a network such as 10.0.0.0/8, an address, or a host name in ASCII in which * may stand for "
            f"anything, such as *.example.org (got {quoted(text)})"
        )
    return name


def check_proxy_url(text: str) -> str:
    """Give the URL of an HTTP proxy back. Raises ValueError with a sentence that keeps its password."""
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in {"http", "https"} and parts.port != 0
        # What stands behind the host is of no use, but may be the rest of a password that was cut off there.
        is_good = is_good and not (parts.path.strip("/") or parts.query or parts.fragment)
        _require_host(parts)
    except ValueError:
        is_good = False
    if not is_good or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("expected the URL of a proxy, such as http://proxy.example.org:3128 (it is not shown here)")
    return text


def check_source_url(text: str) -> str:
    """Give the URL of a responder or a CRL back. Raises ValueError with a sentence, which keeps a password."""
    got = "it is not shown here, for a password may be in it" if "@" in text else f"got {quoted(text)}"
    if len(text) > _MAX_URL:
        raise ValueError(f"expected a URL of at most {_MAX_URL} characters (got {len(text)})")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"expected a URL in ASCII and without spaces; write others as %C3 or %20 ({got})")
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in {"http", "https"} and parts.port != 0
        _require_host(parts)
    except ValueError:
        is_good = False
    if not is_good and text.lower().startswith(("ldap:", "ldaps:")):
        raise ValueError(f"directories are not asked; write the http:// URL that leads to the same ({got})")
    if not is_good:
        raise ValueError(f"expected a URL that begins with http:// or https:// and a host ({got})")
    if "@" in parts.netloc:
        raise ValueError(f"a user name or password has no place in this URL ({got})")
    return text


def _require_host(parts: SplitResult) -> None:
    """Raise ValueError where a URL has no host that can be asked; in brackets that is an IPv6 address."""
    host = parts.hostname or ""
    if ":" not in host and "[" in parts.netloc.rpartition("@")[2]:
        raise ValueError("a host in brackets that is no IPv6 address")
    parse_host(host)


def check_alpn(text: str) -> str:
    """Give the name of an application protocol back, if TLS can carry it. Raises ValueError with a sentence."""
    if not 1 <= len(text.encode()) <= _MAX_ALPN:
        raise ValueError(f"expected the name of a protocol such as h2 or http/1.1, of 1 to {_MAX_ALPN} bytes")
    return text
