"""Staple files watched by themselves: those that a server keeps on disk, before any client sees them."""

import time
from collections.abc import Callable
from weakref import WeakValueDictionary

from cryptography import x509

from ocsp_exporter.model import Failure, Module, Target
from ocsp_exporter.probing.certificate_files import CertificateFiles
from ocsp_exporter.probing.disk import Disk
from ocsp_exporter.probing.staple_scan import Seen, StapleScan
from ocsp_exporter.probing.timing import by

#: Seconds after which what was read is forgotten where nobody looks any more: a file takes some 12 KiB of memory.
FORGOTTEN_AFTER = 3600.0

#: The globs of certificate files, and the certificates beside those.
_Certificates = tuple[tuple[str, ...], tuple[x509.Certificate, ...]]


class StapleWatch:
    """Looks at staple files. Used from one event loop; `clock` is the time of day."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._disk = Disk[tuple[Seen, ...]]()
        self._scans: dict[tuple[str, Module], tuple[float, StapleScan]] = {}
        # As long as a glob is looked at with them.
        self._certificates: WeakValueDictionary[_Certificates, CertificateFiles] = WeakValueDictionary()

    async def look(self, target: Target, module: Module, deadline: float) -> tuple[Seen, ...]:
        """Judge the files that a target's glob matches by `deadline`, on the loop's clock; never none.

        Raises ProbeFailed where that took too long; it goes on, and the next probe waits for the rest.
        """
        pattern = target.location or ""
        looking = self._disk.run((pattern, module), self._scan(pattern, module).look)
        return await by(deadline, looking, Failure.TIMEOUT, "the reading of the files")

    def _scan(self, pattern: str, module: Module) -> StapleScan:
        """Return what looks at the files of a glob and remembers them; what is not used any more is forgotten."""
        now = self._clock()
        self._scans = {key: kept for key, kept in self._scans.items() if now - kept[0] < FORGOTTEN_AFTER}
        _, scan = self._scans.get((pattern, module), (now, None))
        scan = scan or StapleScan(pattern, module, self._certificates_of(module), self._clock)
        self._scans[pattern, module] = now, scan
        return scan

    def _certificates_of(self, module: Module) -> CertificateFiles:
        key = module.certificates, module.issuers
        files = self._certificates.get(key)
        if files is None:
            files = self._certificates[key] = CertificateFiles(*key)
        return files
