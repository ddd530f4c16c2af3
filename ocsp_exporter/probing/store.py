"""The disk behind what was fetched: raw DER, one file each, so that a restart asks nobody again.

What is read here is believed by no one: whoever asks verifies it as if it had just come over the network, and says
what became of it. To lose a file costs one more fetch after the next restart, and no more than that; so nothing here
is locked, several exporters may share a folder, and trouble with the disk is counted, logged once and lived with.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from ocsp_exporter.model import EgressPolicy, FetchKind, StoreResult
from ocsp_exporter.probing import stored_file
from ocsp_exporter.probing.observer import NOBODY, Observer
from ocsp_exporter.probing.stored_file import MOST_FILES, MOST_OCTETS, Corrupt, EndOf, File, Stored
from ocsp_exporter.revocation.response import LARGEST_RESPONSE

logger = logging.getLogger(__name__)

_THREADS = 4
_USUAL = EgressPolicy()
#: After each such part of what may be kept has been written it is looked whether there is too much: at most by one part
#: for each exporter that uses the folder.
_PARTS = 16

T = TypeVar("T")


class Store:
    """Keeps what was fetched in a folder, which is made at the first write. Used from one event loop.

    `folder` None: nothing is kept, and nothing counted. A name is the lower-case hex of a SHA-256 over whatever tells
    one question from another. The observer is called on the event loop. `largest_crl`: the octets of the largest CRL
    that is fetched.
    """

    def __init__(
        self,
        folder: Path | None,
        observer: Observer = NOBODY,
        clock: Callable[[], float] = time.time,
        largest_crl: int = _USUAL.max_crl_bytes,
    ) -> None:
        self._folder = folder
        self._observer = observer
        self._clock = clock
        self._limits = {FetchKind.OCSP: LARGEST_RESPONSE, FetchKind.CRL: largest_crl}
        self._is_failing = False
        self._has_told_of_reading = False
        self._written = self._octets_written = 0  # since there was too much the last time, if there was
        # Its own: a disk that hangs must not keep the threads from those who have nothing to do with it.
        self._threads = ThreadPoolExecutor(_THREADS, "store")

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def read(self, kind: FetchKind, name: str, limit: int) -> Stored | None:
        """Return what was last written, None where there is nothing of up to `limit` bytes. Never raises.

        What cannot be a whole content is counted as corrupt and removed. A time of fetching that lies in the future
        is given as now.
        """
        if self._folder is None:
            return None
        path = stored_file.path_of(self._folder, kind, name)
        try:
            found = await self._in_thread(partial(stored_file.read, path, limit))
        except Corrupt:
            await self.discard(kind, name, StoreResult.CORRUPT)
            return None
        except (FileNotFoundError, NotADirectoryError):  # of a folder that is none the first write will tell
            self._observer.store_requested(kind, StoreResult.MISS)
            return None
        except OSError as error:
            self._tell_of_reading(path, error)
            self._observer.store_requested(kind, StoreResult.MISS)
            return None
        return Stored(found.content, min(found.fetched_at, self._clock()))

    def used(self, kind: FetchKind) -> None:
        """Count that what was read is good."""
        if self._folder is not None:
            self._observer.store_requested(kind, StoreResult.HIT)

    async def discard(self, kind: FetchKind, name: str, result: StoreResult) -> None:
        """Remove what was read, and count why: it is corrupt, foreign or old. Never raises."""
        if self._folder is None:
            return
        path = stored_file.path_of(self._folder, kind, name)
        self._observer.store_requested(kind, result)
        try:
            await self._in_thread(path.unlink)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self._tell_of_reading(path, error)

    async def write(self, kind: FetchKind, name: str, content: bytes, fetched_at: float) -> None:
        """Put `content` in the place of what was there before: whole, or not at all. Never raises."""
        if self._folder is None:
            return
        try:
            path = stored_file.path_of(self._folder, kind, name)
            await self._in_thread(partial(stored_file.write, path, content, fetched_at))
        except OSError as error:
            self._count_failure(kind, error)
            return
        if self._is_failing:
            self._is_failing = False
            logger.info("the store can be written again", extra={"fields": {"path": str(self._folder)}})
        self._observer.store_requested(kind, StoreResult.WRITTEN)
        self._written += 1
        self._octets_written += len(content)
        if self._written > MOST_FILES // _PARTS or self._octets_written > MOST_OCTETS // _PARTS:
            await self._make_room(self._folder)

    async def touch(self, kind: FetchKind, name: str, fetched_at: float) -> None:
        """Note that what was written, if it is still there, has been confirmed. Counts failure only. Never raises."""
        if self._folder is None:
            return
        path = stored_file.path_of(self._folder, kind, name)
        try:
            await self._in_thread(partial(os.utime, path, (fetched_at, fetched_at), follow_symlinks=False))
        except FileNotFoundError:
            return
        except OSError as error:
            self._count_failure(kind, error)

    async def note_use(self, kind: FetchKind, name: str) -> None:
        """Note that what was written, if it is still there, is asked for, though nobody confirms it. Never raises."""
        if self._folder is None:
            return
        path = stored_file.path_of(self._folder, kind, name)
        try:
            await self._in_thread(partial(stored_file.note_use, path, self._clock()))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self._count_failure(kind, error)

    async def sweep(self, end_of: EndOf) -> None:
        """Remove files of the store that nobody will want again; only names such as the store gives are looked at.

        That is what was not confirmed for a day and ended more than a week ago by `end_of`, which is called in a
        thread, must not raise, and returns None for what it cannot read or what has no end; what was neither confirmed
        nor asked for in two weeks; what was left behind by a write that never ended; what is too large, and what is too
        much. One file is held in memory at a time. Never raises.
        """
        if self._folder is None:
            return
        now = self._clock()
        for file in await self._found(partial(stored_file.find_old, self._folder, self._limits, now)):
            await self._remove(file, partial(stored_file.sweep, file, end_of, self._limits, now))
        await self._make_room(self._folder)

    async def _make_room(self, folder: Path) -> None:
        self._written = self._octets_written = 0
        find = partial(stored_file.find_too_many, folder, self._limits, MOST_FILES, MOST_OCTETS)
        for file in await self._found(find):
            await self._remove(file, partial(stored_file.remove, file))

    async def _found(self, find: Callable[[], list[File]]) -> list[File]:
        try:
            return await self._in_thread(find)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            self._tell_of_reading(self._folder or Path(), error)
            return []

    async def _remove(self, file: File, work: Callable[[], StoreResult | None]) -> None:
        """Do what may remove a file, and count it where it says why."""
        try:
            result = await self._in_thread(work)
        except FileNotFoundError:  # another exporter was faster
            return
        except OSError as error:
            self._tell_of_reading(file.path, error)
            return
        if result:
            self._observer.store_requested(file.kind, result)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _count_failure(self, kind: FetchKind, error: OSError) -> None:
        self._observer.store_requested(kind, StoreResult.FAILED)
        if not self._is_failing:
            self._is_failing = True
            logger.warning(
                "cannot write to the store: until it can be written, what is fetched is kept in memory only; let the "
                "exporter write to this folder and see that there is room, or name another one as store.path",
                extra={"fields": {"path": str(self._folder), "error": error.strerror or str(error)}},
            )

    def _tell_of_reading(self, path: Path, error: OSError) -> None:
        if not self._has_told_of_reading:
            self._has_told_of_reading = True
            logger.warning(
                "cannot read or remove a file of the store, and will not tell of others: what it cannot read is "
                "fetched again; let the exporter own the folder and its files, or name another one as store.path",
                extra={"fields": {"path": str(path), "error": error.strerror or str(error)}},
            )
