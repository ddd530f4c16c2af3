"""The files of the store: how one is read, written, and found to be of no more use. All of it waits for the disk."""

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from ocsp_exporter.model import FetchKind, StoreResult

#: When what was fetched ends, in seconds since 1970; None: it cannot be read, or has no end.
EndOf: TypeAlias = Callable[[FetchKind, bytes], float | None]
#: More octets than this no fetch can have brought, nor are they read here.
Limits: TypeAlias = Mapping[FetchKind, int]

#: Seconds after which a temporary file is nobody's work any more, and after which a file may be swept at all.
_ABANDONED: Final = 3600.0
_SWEPT_FROM: Final = 86400.0
#: Seconds for which what has ended is kept: a `revoked` outlives its end, and its certificate may be seen again.
_KEPT_AFTER_END: Final = 7 * 86400.0
#: Seconds for which is kept what was neither confirmed nor asked for, whatever end it claims: no target is looked at
#: less than daily, so that this is how long an exporter may stand still and lose nothing.
_KEPT_UNUSED: Final = 14 * 86400.0
#: More files, and octets in them, are not kept: as many as questions in memory, and four of the largest CRLs that a
#: configuration can allow.
MOST_FILES: Final = 200_000
MOST_OCTETS: Final = 4 * 1024**3

#: That a file is swept is no use of it. Only Linux knows this flag; elsewhere the bounds above are all there is.
_UNUSED: Final = getattr(os, "O_NOATIME", 0)

_OURS: Final = re.compile(r"(?P<kind>ocsp|crl)-[0-9a-f]{64}\.der(?P<temporary>\.[0-9a-f]{16}\.tmp)?")


@dataclass(frozen=True, slots=True)
class Stored:
    """What was fetched, and when."""

    content: bytes
    fetched_at: float


class Corrupt(Exception):
    """This is no file that a write has ended."""


class File(NamedTuple):
    """A file by one of our names. `confirmed_at` and `used_at`, the later of that and of when it was asked for."""

    path: Path
    kind: FetchKind
    is_temporary: bool
    size: int
    confirmed_at: float
    used_at: float


def path_of(folder: Path, kind: FetchKind, name: str) -> Path:
    """Say where something is kept."""
    return folder / f"{kind}-{name}.der"


def read(path: Path, limit: int, flags: int = 0) -> Stored:
    """Read a file of up to `limit` octets, without following a link or waiting for a writer.

    `flags` are more of those with which it is opened. Raises Corrupt and OSError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | flags)
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


def note_use(path: Path, now: float) -> None:
    """Note that a file was asked for, and leave when it was confirmed. Raises OSError."""
    state = path.stat(follow_symlinks=False)
    os.utime(path, ns=(int(now * 1e9), state.st_mtime_ns), follow_symlinks=False)


def find(folder: Path) -> list[File]:
    """Find all files by our names. Raises OSError."""
    files = []
    with os.scandir(folder) as entries:
        for entry in entries:
            named = _OURS.fullmatch(entry.name)
            if not named:
                continue
            with contextlib.suppress(FileNotFoundError):
                state = entry.stat(follow_symlinks=False)
                used_at = max(state.st_mtime, state.st_atime)
                kind, is_temporary = FetchKind(named["kind"]), named["temporary"] is not None
                files.append(File(Path(entry.path), kind, is_temporary, state.st_size, state.st_mtime, used_at))
    return files


def find_old(folder: Path, limits: Limits, now: float) -> list[File]:
    """Find what may be swept: what is old, and what nobody can have fetched. Raises OSError."""
    return [
        file
        for file in find(folder)
        if file.confirmed_at < now - (_ABANDONED if file.is_temporary else _SWEPT_FROM)
        or (file.size > limits[file.kind] and not file.is_temporary)
    ]


def find_too_many(folder: Path, limits: Limits, most: int, most_octets: int) -> list[File]:
    """Find what has no room: all but so many files, and octets in them, that were used last. Raises OSError.

    That which was used least recently comes first. What nobody can have fetched takes the room of no other.
    """
    whole = [file for file in find(folder) if not file.is_temporary and file.size <= limits[file.kind]]
    whole.sort(key=lambda file: file.used_at, reverse=True)
    octets = accumulate(file.size for file in whole)
    fitting = sum(at < most and total <= most_octets for at, total in enumerate(octets))
    return whole[fitting:][::-1]


def sweep(file: File, end_of: EndOf, limits: Limits, now: float) -> StoreResult | None:
    """Remove an old file, if it is no longer wanted; say what is to be counted. Raises OSError."""
    result = None if file.is_temporary else _judge(file, end_of, limits[file.kind], now)
    if result or file.is_temporary:
        file.path.unlink()
    return result


def remove(file: File) -> StoreResult:
    """Remove a file for which there is no room; say what is to be counted. Raises OSError."""
    file.path.unlink()
    return StoreResult.OLD


def _judge(file: File, end_of: EndOf, limit: int, now: float) -> StoreResult | None:
    if file.used_at < now - _KEPT_UNUSED:
        return StoreResult.OLD
    try:
        end = end_of(file.kind, read(file.path, limit, _UNUSED).content)
    except Corrupt:
        end = None
    if end is None:
        return StoreResult.CORRUPT
    return StoreResult.OLD if end < now - _KEPT_AFTER_END else None
