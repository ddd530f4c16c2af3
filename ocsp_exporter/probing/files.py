"""Files that are looked at: read whole, or not at all, and never waited for."""

import os
import stat
from pathlib import Path


class FileUnusable(Exception):
    """A file cannot be had; the text is a sentence for people."""


def read_regular_file(path: Path, limit: int) -> bytes:
    """Return the content of a regular file of up to `limit` bytes. Raises FileUnusable. It may wait for the disk."""
    try:
        # Not to wait for a writer, should it be a FIFO.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FileUnusable(f"{path} is not a regular file")
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(limit + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise FileUnusable(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > limit:
        raise FileUnusable(f"{path} has more than {limit} bytes")
    return content
