"""The files of the store: how one is read, written, and found to be of no more use. All of it waits for the disk."""

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from ocsp_exporter.model import FetchKind, StoreResult

#: When what was fetched ends, in seconds since 1970; None: it cannot be read, or has no end.
EndOf: TypeAlias = Callable[[FetchKind, bytes], float | None]

#: Seconds after which a temporary file is nobody's work any more, and after which a file may be swept at all.
_ABANDONED: Final = 3600.0
_SWEPT_FROM: Final = 86400.0
#: Seconds for which what has ended is kept: a `revoked` outlives its end, and its certificate may be seen again.
_KEPT_AFTER_END: Final = 7 * 86400.0
#: Nothing that may be fetched is larger: the most that a configuration can allow.
_LARGEST: Final = 1024**3

_OURS: Final = re.compile(r"(?P<kind>ocsp|crl)-[0-9a-f]{64}\.der(?P<temporary>\.[0-9a-f]{16}\.tmp)?")


@dataclass(frozen=True, slots=True)
class Stored:
    """What was fetched, and when."""

    content: bytes
    fetched_at: float


class Corrupt(Exception):
    """This is no file that a write has ended."""


class OldFile(NamedTuple):
    """A file by one of our names that has not changed for a while."""

    path: Path
    kind: FetchKind
    is_temporary: bool


def path_of(folder: Path, kind: FetchKind, name: str) -> Path:
    """Say where something is kept."""
    return folder / f"{kind}-{name}.der"


def read(path: Path, limit: int) -> Stored:
    """Read a file, without following a link or waiting for a writer. Raises Corrupt and OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # a link; a socket
            raise Corrupt from error
        raise
    try:
        state = os.fstat(descriptor)
        # A power failure may leave a file without its content.
        if not stat.S_ISREG(state.st_mode) or not 0 < state.st_size <= limit:
            raise Corrupt
        with open(descriptor, "rb", closefd=False) as file:
            return Stored(file.read(state.st_size), state.st_mtime)
    finally:
        os.close(descriptor)


def write(path: Path, content: bytes, fetched_at: float) -> None:
    """Write a file, and the folder if need be. Raises OSError, and then what was there before is there still."""
    try:
        _replace(path, content, fetched_at)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path, content, fetched_at)


def _replace(path: Path, content: bytes, fetched_at: float) -> None:
    # Without fsync, which would wait for the disk at each fetch: what a power failure cuts off is found corrupt by
    # whoever reads it, and fetched again.
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.utime(descriptor, (fetched_at, fetched_at))
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def find_old(folder: Path, now: float) -> list[OldFile]:
    """Find what may be swept. Raises OSError."""
    files = []
    with os.scandir(folder) as entries:
        for entry in entries:
            named = _OURS.fullmatch(entry.name)
            if not named:
                continue
            file = OldFile(Path(entry.path), FetchKind(named["kind"]), named["temporary"] is not None)
            with contextlib.suppress(FileNotFoundError):
                age = now - entry.stat(follow_symlinks=False).st_mtime
                if age > (_ABANDONED if file.is_temporary else _SWEPT_FROM):
                    files.append(file)
    return files


def sweep(file: OldFile, end_of: EndOf, now: float) -> StoreResult | None:
    """Remove an old file, if it is no longer wanted; say what is to be counted. Raises OSError."""
    result = None if file.is_temporary else _judge(file, end_of, now)
    if result or file.is_temporary:
        file.path.unlink()
    return result


def _judge(file: OldFile, end_of: EndOf, now: float) -> StoreResult | None:
    try:
        end = end_of(file.kind, read(file.path, _LARGEST).content)
    except Corrupt:
        end = None
    if end is None:
        return StoreResult.CORRUPT
    return StoreResult.OLD if end < now - _KEPT_AFTER_END else None
