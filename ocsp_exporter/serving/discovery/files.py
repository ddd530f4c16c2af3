"""Files that list targets, watched by looking at their times and sizes every few seconds.

Notifications of the system would come sooner, and not at all from network folders and from what containers mount.
"""

import asyncio
import glob
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Final

from ocsp_exporter.config.discovery import FileDiscovery
from ocsp_exporter.config.files import read_regular_file
from ocsp_exporter.config.reading import ConfigError
from ocsp_exporter.config.target_groups import Groups, read_json_groups, read_yaml_groups
from ocsp_exporter.quoting import printable
from ocsp_exporter.serving.discovery.looking import Look
from ocsp_exporter.serving.threads import in_thread

_MOST_BYTES: Final = 32 * 1024 * 1024
#: Seconds after which a disk that has not answered counts as one that hangs.
_LONGEST_WAIT: Final = 30.0
_LONGEST_FAULT: Final = 300

#: What tells one content of a file from another: device, file, times and size.
_State = tuple[int, ...]


@dataclass(slots=True)
class _File:
    """A file: as it was when it was last looked at and when it was last read, and what it then said."""

    groups: Groups = ()
    seen: _State | None = None
    read: _State | None = None
    fault: str = ""
    is_missed: bool = False


@dataclass(slots=True)
class FileSource:
    """The files of one section. `known` is what other sections had read of files: used where one is broken now.

    A file that has changed is read once it has been left alone for one pause, and one that is gone is believed gone
    after one: who writes a file in place, or removes it before the next one comes, is given the time for it.
    """

    settings: FileDiscovery
    pause: float
    known: Mapping[str, Groups] = field(default_factory=dict)
    monotonic: Callable[[], float] = time.monotonic
    _files: dict[str, _File] = field(default_factory=dict)
    _groups: Groups | None = None
    _absent: set[str] = field(default_factory=set)
    _read_all_at: float | None = None
    _looking: asyncio.Task[Look] | None = None

    async def look(self) -> Look:
        """Look at all files; the disk is waited for in a thread, and where it hangs, by the next look too."""
        wait = min(self.settings.refresh_interval, _LONGEST_WAIT)
        looking = self._looking = self._looking or asyncio.create_task(in_thread(self._look))
        await asyncio.wait({looking}, timeout=wait)
        if not looking.done():
            fault = f"{self.settings.name}: the disk has not answered within {wait:g} s"
            return Look(None, (printable(fault, _LONGEST_FAULT),), failures=1)
        self._looking = None
        return looking.result()

    def last_good(self) -> dict[str, Groups]:
        """Give what each file said when it last could be read."""
        files = self._files.copy()  # at one stroke, for a thread may be at it
        return {path: file.groups for path, file in files.items()}

    def _look(self) -> Look:
        is_first = self._read_all_at is None
        again = self._read_all_at is None or self.monotonic() >= self._read_all_at
        if again:
            self._read_all_at = self.monotonic() + self.settings.refresh_interval
        states = self._states()
        read = [self._look_at(path, state, again=again, is_first=is_first) for path, state in states.items()]
        self._forget(self._files.keys() - states.keys())
        absent = {path for path in self.settings.files if not glob.has_magic(path) and path not in states}
        failures = read.count(False) + len(absent - self._absent)
        self._absent = absent
        faults = (
            *(f"{path}: there is no such file" for path in sorted(absent)),
            *(file.fault for _, file in self._in_order() if file.fault),
        )
        before = self._groups
        self._groups = tuple(chain.from_iterable(file.groups for _, file in self._in_order()))
        return Look(None if self._groups == before else self._groups, faults, failures)

    def _states(self) -> dict[str, _State]:
        """Give the files that are there, in the order of their names."""
        paths = sorted(set(chain.from_iterable(map(glob.glob, self.settings.files))))
        return {path: state for path in paths if (state := _state(path)) is not None}

    def _look_at(self, path: str, state: _State, *, again: bool, is_first: bool) -> bool:
        """Read a file if it is time for it; False where that failed."""
        file = self._files.setdefault(path, _File(self.known.get(path, ())))
        is_settled, file.seen, file.is_missed = is_first or state == file.seen, state, False
        return _read(path, file, state) if is_settled and (again or state != file.read) else True

    def _forget(self, missing: set[str]) -> None:
        """Forget files that were missing at the look before, too."""
        for path in missing:
            if self._files[path].is_missed:
                del self._files[path]
            else:
                self._files[path].is_missed = True

    def _in_order(self) -> list[tuple[str, _File]]:
        return sorted(self._files.items(), key=itemgetter(0))


def _read(path: str, file: _File, state: _State) -> bool:
    """Read a file that is in this state, and tell whether that went well. If not, what it said before stays."""
    try:
        groups = _groups(path)
    except ConfigError as error:
        fault = str(error.faults[0])
    except OSError as error:
        fault = f"{path}: cannot be read: {error.strerror}"
    except UnicodeError:
        fault = f"{path}: is not UTF-8"
    except ValueError as error:
        fault = f"{path}: {error}"
    else:
        if _state(path) == state:
            file.groups, file.read, file.fault = groups, state, ""
        return True
    file.read, file.fault = state, printable(fault, _LONGEST_FAULT)
    return False


def _groups(path: str) -> Groups:
    """Read a file. Raises ConfigError, OSError, and ValueError with half a sentence."""
    content = read_regular_file(Path(path), _MOST_BYTES)
    read = read_json_groups if path.lower().endswith(".json") else read_yaml_groups
    return read(content.decode(), path)


def _state(path: str) -> _State | None:
    """Give the state of a file, None where there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
