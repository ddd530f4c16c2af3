"""Staple files watched by themselves: those that a server keeps on disk, before any client sees them."""

import time
from collections.abc import Callable
from typing import TypeVar

from cryptography import x509

from ocsp_exporter.model import Failure, Module, Target
from ocsp_exporter.probing.certificate_files import CertificateFiles
from ocsp_exporter.probing.disk import Disk
from ocsp_exporter.probing.staple_scan import Seen, StapleScan
from ocsp_exporter.probing.timing import by

#: Globs whose files are remembered, and sets of certificates: not to be read again at each probe.
_MOST_REMEMBERED = 1000

K = TypeVar("K")
V = TypeVar("V")


class StapleWatch:
    """Looks at staple files. Used from one event loop; `clock` is the time of day."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._disk = Disk[tuple[Seen, ...]]()
        self._scans: dict[tuple[str, Module], StapleScan] = {}
        self._certificates: dict[tuple[tuple[str, ...], tuple[x509.Certificate, ...]], CertificateFiles] = {}

    async def look(self, target: Target, module: Module, deadline: float) -> tuple[Seen, ...]:
        """Judge the files that a target's glob matches by `deadline`, on the loop's clock; never none.

        Raises ProbeFailed where that took too long; it goes on, and the next probe waits for the rest.
        """
        pattern = target.location or ""
        scan = self._scan(pattern, module)
        return await by(
            deadline, self._disk.run((pattern, module), scan.look), Failure.TIMEOUT, "the reading of the files"
        )

    def _scan(self, pattern: str, module: Module) -> StapleScan:
        scan = self._scans.pop((pattern, module), None)
        if scan is None:
            scan = StapleScan(pattern, module, self._certificates_of(module), self._clock)
        _keep(self._scans, (pattern, module), scan)
        return scan

    def _certificates_of(self, module: Module) -> CertificateFiles:
        key = module.certificates, module.issuers
        files = self._certificates.pop(key, None) or CertificateFiles(*key)
        _keep(self._certificates, key, files)
        return files


def _keep(kept: dict[K, V], key: K, value: V) -> None:
    """Remember what was just used, at the price of what was used least recently."""
    while len(kept) >= _MOST_REMEMBERED:
        del kept[next(iter(kept))]
    kept[key] = value
