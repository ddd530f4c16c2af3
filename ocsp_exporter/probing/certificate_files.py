"""The certificates in a server's files, read again when they change. All of it waits for the disk."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography import x509

from ocsp_exporter.probing.files import FileUnusable, Version, read_version, version_of
from ocsp_exporter.probing.globs import find
from ocsp_exporter.revocation import certificate
from ocsp_exporter.revocation.bundle import encoded_in
from ocsp_exporter.revocation.certificate_index import CertificateIndex, Known

#: More files than these are not read for one module, nor is a larger one: the system's bundle of roots has 0.2 MiB.
MOST_FILES = 50_000
LARGEST_FILE = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Certificates:
    """The certificates at hand, and for people what is wrong with the files that should hold some."""

    index: CertificateIndex
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _File:
    """What was read of a version of a file. `version` None: it had only just been written, and is to be read again."""

    version: Version | None
    known: tuple[Known, ...]


class CertificateFiles:
    """The certificates in the files that some globs match, beside others that are given. For any thread."""

    def __init__(self, patterns: Sequence[str], others: Sequence[x509.Certificate]) -> None:
        self._patterns = patterns
        self._others = tuple(map(Known.of, others))
        self._lock = threading.Lock()
        self._files: dict[str, _File] = {}
        self._index = CertificateIndex(self._others)

    def current(self, now: float) -> Certificates:
        """Look for changes, and give what is there now; where nothing changed, the same index as before."""
        with self._lock:
            faults: list[str] = []
            before, self._files = self._files, {}
            at_hand = {each.sha256: each for file in before.values() for each in file.known}
            for path in self._paths(faults):
                try:
                    self._files[path] = _read(path, before.get(path), at_hand, now)
                except FileUnusable as unusable:
                    faults.append(str(unusable))
            known = [each for file in self._files.values() for each in file.known]
            if known != [each for file in before.values() for each in file.known]:
                self._index = CertificateIndex([*self._others, *known], self._index)
            return Certificates(self._index, tuple(faults))

    def _paths(self, faults: list[str]) -> Iterator[str]:
        left = MOST_FILES
        for pattern in self._patterns:
            found = find(pattern)
            faults += [f"{path} cannot be looked through: {why}" for path, why in found.unreadable.items()]
            if not found.paths:
                faults.append(f"no file matches {pattern}")
            if found.gave_up or len(found.paths) > left:
                faults.append(f"{pattern} matches too much; some of it was left out")
            yield from found.paths[:left]
            left -= len(found.paths[:left])


def _read(path: str, before: _File | None, at_hand: dict[str, Known], now: float) -> _File:
    """Read a file unless this version of it was read before. Raises FileUnusable."""
    if before and before.version == version_of(path):
        return before
    content, version = read_version(path, LARGEST_FILE)
    known = tuple(filter(None, (_known(each, at_hand) for each in encoded_in(content))))
    if not version.is_young(now):
        return _File(version, known)
    # With less in it than before it may be half written, and is taken as it is the next time.
    return _File(None, before.known if before and len(known) < len(before.known) else known)


def _known(encoded: bytes, at_hand: dict[str, Known]) -> Known | None:
    """Read a certificate, unless another file, or another version of the file, has it too."""
    digest = sha256(encoded).hexdigest()
    if digest not in at_hand and (parsed := certificate.read(encoded)):
        at_hand[digest] = Known.of(parsed)
    return at_hand.get(digest)
