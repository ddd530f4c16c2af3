"""All staple files that a glob matches, as they are now. It waits for the disk."""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from ocsp_exporter.model import Failure, Findings, Module, ProbeFailed, Target
from ocsp_exporter.probing.certificate_files import CertificateFiles
from ocsp_exporter.probing.files import FileUnusable, version_of
from ocsp_exporter.probing.globs import find
from ocsp_exporter.probing.staple_reading import StapleFile, read_staple
from ocsp_exporter.revocation.certificate_index import CertificateIndex
from ocsp_exporter.revocation.checks import policy_of

logger = logging.getLogger(__name__)

#: So many files of one glob are targets.
MOST_FILES = 10_000
#: Seconds after which what cannot be understood, and was written just now, is read again.
PAUSE = 1.0
#: Seconds for which a file whose name has only digits is taken for a temporary one: newer Caddy writes such.
_TEMPORARY = 60.0
#: So many of what was missing are named in the log.
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a file, or of the glob itself: findings, or why there are none."""

    target: Target
    findings: Findings | None
    failed: ProbeFailed | None = None


class StapleScan:
    """Looks at the files of one glob. Not to be used by two threads at a time."""

    def __init__(
        self,
        pattern: str,
        module: Module,
        certificates: CertificateFiles,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pattern = pattern
        self._module = module
        self._certificates = certificates
        self._clock = clock
        self._pause = pause
        self._files: dict[str, StapleFile] = {}

    def look(self) -> tuple[Seen, ...]:
        """Look at all files that there are now, never none; what was missing is told in the log, all at once."""
        certificates = self._certificates.current(self._clock())
        found = find(self._pattern)
        before, self._files = self._files, {}
        seen = {path: self._look_at(path, before.get(path), certificates.index) for path in found.paths[:MOST_FILES]}
        if half_written := [path for path, file in self._files.items() if file.may_be_half_written]:
            self._pause(PAUSE)
            seen |= {path: self._look_at(path, None, certificates.index) for path in half_written}
        self._tell(certificates.faults)
        shown = [each for each in seen.values() if each]
        shown += [_failed(path, f"the folder cannot be read: {why}") for path, why in found.unreadable.items()]
        if found.gave_up or len(found.paths) > MOST_FILES:
            shown.append(_failed(self._pattern, f"it matches too much: {MOST_FILES} files at most are looked at"))
        return tuple(shown) or (_failed(self._pattern, "no file matches it"),)

    def _look_at(self, path: str, before: StapleFile | None, index: CertificateIndex) -> Seen | None:
        """Look at one file; None where there is none any more, or it is taken for a temporary one."""
        now, policy = self._clock(), policy_of(self._module)
        self._files.pop(path, None)
        try:
            version = version_of(path)
            if path.rpartition("/")[2].isdecimal() and now - version.modified / 1e9 < _TEMPORARY:
                return None
            file = self._files[path] = read_staple(path, version, before, index, policy, now)
        except FileUnusable as unusable:
            return _failed(path, str(unusable)) if os.path.lexists(path) else None
        return Seen(_target(path), file.findings(policy, now))

    def _tell(self, faults: tuple[str, ...]) -> None:
        """Say in the log of which files the certificate was missing, and why that may be."""
        missing = [path for path, file in self._files.items() if file.is_without_certificate]
        if missing:
            fields = {
                "target": self._pattern,
                "module": self._module.name,
                "staples": len(missing),
                "such_as": ", ".join(missing[:_MOST_NAMED]) or None,
                "unusable_files": len(faults),
                "because": "; ".join(faults[:_MOST_NAMED]) or None,
            }
            logger.warning("certificates of staple files are missing", extra={"fields": fields})


def _target(path: str) -> Target:
    return Target(path, "", 0, location=path)


def _failed(path: str, fault: str) -> Seen:
    return Seen(_target(path), None, ProbeFailed(Failure.FILE, fault))
