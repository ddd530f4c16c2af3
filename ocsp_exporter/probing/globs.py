"""The files that a glob matches, found without walking in circles or for ever. All of it waits for the disk."""

import fnmatch
import os
import re
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

#: More entries of folders are not looked through for one glob.
MOST_ENTRIES = 200_000

#: In a glob, any number of folders.
_ANY_FOLDERS = "**"
_SPECIAL = re.compile(r"[*?[]")

#: Names that writers give to what is not, or not yet, a staple or a certificate: NATS, mod_md (twice), editors.
_PASSED_OVER = re.compile(r"tmp-cert-status.*|.*\.tmp|job\.json|.*~")


@dataclass(slots=True)
class Found:
    """What a glob matches: `paths` in order, and for people what could not be looked through, by its path.

    `gave_up`: there was more to look through than may be.
    """

    paths: tuple[str, ...] = ()
    unreadable: dict[str, str] = field(default_factory=dict)
    gave_up: bool = False


def find(pattern: str, most_entries: int = MOST_ENTRIES) -> Found:
    """Find what an absolute glob matches: `*`, `?` and `[…]` in names, and `**` for any number of folders.

    As in a shell, names that begin with a dot are matched only by a glob that says so. Links are followed, and a folder
    is looked through once, by whichever way one gets there first. Folders are not among what is found by wildcard, nor
    are temporary files of known writers.
    """
    return _Search(most_entries).find(pattern)


class _Search:
    def __init__(self, most_entries: int) -> None:
        self._left = most_entries
        self._found = Found()

    def find(self, pattern: str) -> Found:
        *folders, last = [part for part in pattern.split("/") if part]
        at: Iterable[str] = ("",)  # the root, to which a slash and a name are added
        for part in folders:
            at = [*dict.fromkeys(self._folders(at, part))]
        if last == _ANY_FOLDERS:
            at, last = [*dict.fromkeys(self._folders(at, last))], "*"
        self._found.paths = tuple(sorted(set(self._files(at, last))))
        return self._found

    def _folders(self, at: Iterable[str], part: str) -> Iterator[str]:
        """Give the folders to which one more part of the glob leads."""
        if part == _ANY_FOLDERS:
            yield from self._below(at)
        elif _SPECIAL.search(part):
            for folder in at:
                yield from (entry.path for entry in self._matching(folder, part) if _is_folder(entry))
        else:
            yield from (f"{folder}/{part}" for folder in at)

    def _below(self, at: Iterable[str]) -> Iterator[str]:
        """Give these folders and all below them, those behind links last, so that a folder goes by its own name."""
        waiting, behind_links = deque(at), deque[str]()
        seen: set[tuple[int, int]] = set()
        while waiting or behind_links:
            folder = (waiting or behind_links).popleft()
            identity = _identity(folder)
            if identity is None or identity in seen:
                continue
            seen.add(identity)
            yield folder
            for entry in self._matching(folder, "*"):
                if _is_folder(entry):
                    (behind_links if entry.is_symlink() else waiting).append(entry.path)

    def _files(self, at: Iterable[str], name: str) -> Iterator[str]:
        for folder in at:
            if _SPECIAL.search(name):
                for entry in self._matching(folder, name):
                    if not _is_folder(entry) and not _PASSED_OVER.fullmatch(entry.name):
                        yield entry.path
            elif _is_there(f"{folder}/{name}"):
                yield f"{folder}/{name}"

    def _matching(self, folder: str, name: str) -> list["os.DirEntry[str]"]:
        """Give the entries of a folder whose names match, in their order, none where there is no such folder."""
        matches = re.compile(fnmatch.translate(name)).match
        entries = []
        try:
            with os.scandir(folder or "/") as listed:
                for entry in listed:
                    if self._left <= 0:
                        self._found.gave_up = True
                        break
                    self._left -= 1
                    if matches(entry.name) and (name.startswith(".") or not entry.name.startswith(".")):
                        entries.append(entry)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            self._found.unreadable[folder or "/"] = error.strerror or str(error)
        return sorted(entries, key=lambda entry: entry.name)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in circles
        return False


def _identity(folder: str) -> tuple[int, int] | None:
    try:
        status = os.stat(folder or "/")  # noqa: PTH116 -- the numbers are all that is wanted
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def _is_there(path: str) -> bool:
    """Tell whether there is something by that name; also if we may not know."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
