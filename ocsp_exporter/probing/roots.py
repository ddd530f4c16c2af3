"""The certificates that trust begins with."""

import logging
import ssl
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from cryptography import x509

from ocsp_exporter.revocation.certificate import Name, subject_of

logger = logging.getLogger(__name__)

#: Where distributions keep their bundle, besides where the system's OpenSSL says (which SSL_CERT_FILE overrides).
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@lru_cache(maxsize=1)
def system_roots() -> tuple[x509.Certificate, ...]:
    """Return the system's roots, read once; empty, with a warning in the log, where there are none."""
    for path in (ssl.get_default_verify_paths().cafile, *_BUNDLES):
        if path and Path(path).is_file():
            with warnings.catch_warnings():
                # One of the bundle's roots has a serial number that is not positive.
                warnings.simplefilter("ignore")
                try:
                    return tuple(x509.load_pem_x509_certificates(Path(path).read_bytes()))
                except (OSError, ValueError) as error:
                    logger.warning(
                        "cannot read the system's roots", extra={"fields": {"path": path, "error": str(error)}}
                    )
    logger.warning("found no roots of the system: no chain will be trusted unless a module names its ca_file")
    return ()


@lru_cache(maxsize=64)
def by_subject(roots: tuple[x509.Certificate, ...] | None) -> Mapping[Name, Sequence[x509.Certificate]]:
    """Index roots, None being the system's, by their subject."""
    index: dict[Name, list[x509.Certificate]] = {}
    for root in system_roots() if roots is None else roots:
        index.setdefault(subject_of(root), []).append(root)
    return index


def turning_points(certificates: Iterable[x509.Certificate]) -> Iterator[float]:
    """Yield the moments, in seconds since 1970, at which each certificate begins and ceases to be valid."""
    for each in certificates:
        yield each.not_valid_before_utc.timestamp()
        yield each.not_valid_after_utc.timestamp()


@lru_cache(maxsize=64)
def turning_points_of_roots(roots: tuple[x509.Certificate, ...] | None) -> Sequence[float]:
    """Return these moments of roots, None being the system's, in their order."""
    return sorted(turning_points(system_roots() if roots is None else roots))
