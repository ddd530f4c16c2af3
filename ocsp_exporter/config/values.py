"""The kinds of values that YAML does not know: durations, sizes, networks, URLs, and files of certificates."""

import ipaddress
import os
import re
import stat
import warnings
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from ocsp_exporter.model import IPNetwork
from ocsp_exporter.quoting import printable, quoted
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

#: Larger than any bundle of roots in use (the system's has 0.2 MiB).
MAX_CERTIFICATES_BYTES: Final = 8 * 1024 * 1024


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


def check_proxy_url(text: str) -> str:
    """Give the URL of an HTTP proxy back. Raises ValueError with a sentence that keeps its password."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
        is_good = parts.scheme in {"http", "https"} and host and port != 0 and not parts.path.strip("/")
        parse_host(host or "")
    except ValueError:
        is_good = False
    if not is_good or not text.isascii() or not text.isprintable():
        raise ValueError("expected the URL of a proxy, such as http://proxy.example.org:3128 (it is not shown here)")
    return text


def read_certificates(name: str, folder: Path) -> tuple[x509.Certificate, ...]:
    """Read the certificates, one or more, of the file `name`, which is relative to `folder`.

    PEM with any number of certificates, or one in DER. Raises ValueError with a sentence that names the file.
    """
    try:
        return _certificates(_read_regular_file(folder / name))
    except OSError as error:
        fault = f"cannot be read: {error.strerror or error}"
    except ValueError as error:
        fault = printable(str(error), 80)
    raise ValueError(f"the file {quoted(str(folder / name))} {fault}; expected certificates, in PEM or one in DER")


def _read_regular_file(path: Path) -> bytes:
    # Not to wait for a writer, should it be a FIFO.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("is not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_CERTIFICATES_BYTES + 1)
    finally:
        os.close(descriptor)
    if not content:
        raise ValueError("is empty")
    if len(content) > MAX_CERTIFICATES_BYTES:
        raise ValueError(f"has more than {MAX_CERTIFICATES_BYTES // 1024 // 1024} MiB")
    return content


def _certificates(content: bytes) -> tuple[x509.Certificate, ...]:
    with warnings.catch_warnings():
        # Old roots break rules that the library warns of; that is their issuers' affair.
        warnings.simplefilter("ignore", UserWarning)
        try:
            if b"-----BEGIN" not in content:
                return (x509.load_der_x509_certificate(content),)
            certificates = tuple(x509.load_pem_x509_certificates(content))
        except (ValueError, x509.InvalidVersion):
            raise ValueError("has no certificate that can be read") from None
    # The library passes over one that is cut off.
    if content.count(b"-----BEGIN CERTIFICATE-----") > len(certificates):
        raise ValueError("has a certificate that is damaged or cut off")
    return certificates
