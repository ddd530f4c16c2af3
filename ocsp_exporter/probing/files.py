"""Files that are looked at: read whole, or not at all, and never waited for."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

#: So often a file that changes while it is read is read again.
_MOST_TRIES = 3


#: Seconds for which a file is young: a writer takes milliseconds, and clocks of file systems have ticks of that order.
YOUNG = 2.0


class FileUnusable(Exception):
    """A file cannot be had; the text is a sentence for people."""


class Version(NamedTuple):
    """What tells one version of a file from another. The times are nanoseconds since 1970.

    `changed` tells of changes that leave `modified` as it was, such as of who may read it.
    """

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    def is_young(self, now: float) -> bool:
        """Tell whether it was written just now, so that its writer may be at it still, or write once more unnoticed.

        A file from the future is young too: whose clock is wrong is not known.
        """
        return now - self.modified / 1e9 < YOUNG


def version_of(path: str | Path) -> Version:
    """Return the version of the regular file that is there. Raises FileUnusable. It may wait for the disk."""
    try:
        status = os.stat(path)  # noqa: PTH116 -- the numbers are all that is wanted
    except OSError as error:
        raise FileUnusable(f"{path} cannot be read: {error.strerror or error}") from error
    return _version(path, status)


def read_regular_file(path: str | Path, limit: int) -> bytes:
    """Return the content of a regular file of up to `limit` bytes. Raises FileUnusable. It may wait for the disk."""
    return read_version(path, limit)[0]


def read_version(path: str | Path, limit: int) -> tuple[bytes, Version]:
    """Return the content of a regular file of up to `limit` bytes, and which version that is. Raises FileUnusable.

    A file that changes meanwhile is read again, for a writer may be at it. It may wait for the disk.
    """
    version_of(path)  # what is no regular file is not even opened: some devices do something when they are
    for _ in range(_MOST_TRIES):
        content, version = _read(path, limit)
        if content is not None:
            return content, version
    raise FileUnusable(f"{path} changes all the time while it is read")


def _read(path: str | Path, limit: int) -> tuple[bytes | None, Version]:
    """Read a file, None where it changed meanwhile."""
    try:
        # Not to wait for a writer, should it be a FIFO.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            before = _version(path, os.fstat(descriptor))
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(limit + 1)
            after = _version(path, os.fstat(descriptor))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise FileUnusable(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > limit:
        raise FileUnusable(f"{path} has more than {limit} bytes")
    # A file is renamed into place, or linked, without a change of what is in it.
    return content if before[:4] == after[:4] else None, after


def _version(path: str | Path, status: os.stat_result) -> Version:
    if not stat.S_ISREG(status.st_mode):
        raise FileUnusable(f"{path} is not a regular file")
    return Version(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
