"""The kinds of values in a configuration that YAML itself does not know: durations, and files of certificates."""

import os
import re
import stat
import warnings
from pathlib import Path
from typing import Final

from cryptography import x509

from ocsp_exporter.quoting import printable, quoted

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
