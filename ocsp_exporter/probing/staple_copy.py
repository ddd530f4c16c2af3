"""A server's own copy of its staple on disk, compared with what it serves: one that was not reloaded serves another."""

import logging
from collections.abc import Iterable

from ocsp_exporter.model import Failure, Handshake, ProbeFailed, StapleCopy
from ocsp_exporter.probing.disk import Disk
from ocsp_exporter.probing.files import FileUnusable, read_regular_file
from ocsp_exporter.probing.staple_reading import LARGEST_FILE
from ocsp_exporter.probing.timing import by
from ocsp_exporter.revocation.staple_file import response_in

logger = logging.getLogger(__name__)

#: Files of which it was said that they cannot be read: so many are remembered, not to say it each minute.
_MOST_TOLD = 1000


class StapleCopies:
    """Compares staples with their copies on disk. Used from one event loop."""

    def __init__(self) -> None:
        self._disk = Disk[bytes]()
        self._told: set[str] = set()

    async def compare(self, path: str, handshakes: Iterable[Handshake], deadline: float) -> StapleCopy:
        """Compare the staple of each handshake with the response in the file, byte for byte. Never raises.

        Where a server sends none although it has one on disk, it does not serve what the file holds. Of a staple that
        could not be taken off the wire that is not known.
        """
        try:
            reading = self._disk.run(path, lambda: response_in(read_regular_file(path, LARGEST_FILE)))
            copy = await by(deadline, reading, Failure.TIMEOUT, f"the reading of {path}")
        except (FileUnusable, ProbeFailed) as error:
            detail = error.detail if isinstance(error, ProbeFailed) else str(error)
            self._tell(path, detail)
            return StapleCopy(None, detail)
        self._told.discard(path)
        return _compared(copy, list(handshakes))

    def _tell(self, path: str, detail: str) -> None:
        """Say in the log that a file cannot be read, once until it can be."""
        if path not in self._told:
            if len(self._told) >= _MOST_TOLD:
                self._told.clear()
            self._told.add(path)
            logger.warning("a staple cannot be compared with its file", extra={"fields": {"because": detail}})


def _compared(copy: bytes, handshakes: list[Handshake]) -> StapleCopy:
    if not copy:
        return StapleCopy(None, "the file is empty")
    if any(each.staple != copy for each in handshakes if not each.staple_problem):
        return StapleCopy(matches=False)
    if any(each.staple_problem for each in handshakes):
        return StapleCopy(None, "the staple could not be taken off the wire")
    return StapleCopy(matches=True)
