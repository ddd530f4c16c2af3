"""Files that list targets, while they are written, replaced, broken and removed."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ocsp_exporter.config.discovery import FileDiscovery
from ocsp_exporter.config.target_groups import TargetGroup
from ocsp_exporter.serving.discovery.files import FileSource
from ocsp_exporter.serving.discovery.looking import Look


class Watched:
    """A folder of files that a source watches, and a clock that is set by hand."""

    def __init__(self, folder: Path, *patterns: str) -> None:
        self.folder = folder
        self.now = 0.0
        files = tuple(str(folder / pattern) for pattern in patterns or ("*.yaml", "*.json"))
        settings = FileDiscovery(files, "tls", 60.0, refresh_interval=300.0)
        self.source = FileSource(settings, 2.0, monotonic=lambda: self.now)

    def write(self, name: str, text: str) -> Path:
        """Write a file anew."""
        path = self.folder / name
        path.write_text(text)
        return path

    async def look(self) -> Look:
        """Look once, two seconds after the last time."""
        self.now += 2
        return await self.source.look()

    async def names(self) -> list[str] | None:
        """Look, and give the targets, None where nothing has changed."""
        look = await self.look()
        return None if look.groups is None else [target for group in look.groups for target in group.targets]


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """Give a folder with two files, a.yaml and b.json."""
    found = Watched(tmp_path)
    found.write("a.yaml", "- targets: [a]\n")
    found.write("b.json", '[{"targets": ["b"], "labels": {"c": "d"}}]')
    found.write("c.txt", "- targets: [c]")
    return found


async def test_all_files_are_one_list(watched: Watched) -> None:
    """In the order of their names; a second look finds nothing new."""
    first = await watched.look()
    assert first == Look((TargetGroup(("a",)), TargetGroup(("b",), (("c", "d"),))))
    assert await watched.look() == Look(None)


async def test_a_change_is_read_when_it_has_settled(watched: Watched) -> None:
    """What is still being written is left alone: half a list is a list too."""
    await watched.look()
    watched.write("a.yaml", "- targets: [a, half]\n")
    assert await watched.names() is None
    watched.write("a.yaml", "- targets: [a, half, whole]\n")
    assert await watched.names() is None
    assert await watched.names() == ["a", "half", "whole", "b"]


async def test_a_file_may_be_replaced(watched: Watched) -> None:
    """By another of the same size and time too, as `mv` and ConfigMaps do it."""
    await watched.look()
    new = watched.write("new", "- targets: [z]\n")
    os.utime(new, ns=(0, (watched.folder / "a.yaml").stat().st_mtime_ns))
    new.replace(watched.folder / "a.yaml")
    assert await watched.names() is None
    assert await watched.names() == ["z", "b"]


async def test_a_new_file_is_found(watched: Watched) -> None:
    """As soon as it has settled."""
    await watched.look()
    watched.write("d.yaml", "- targets: [d]\n")
    assert [await watched.names(), await watched.names()] == [None, ["a", "b", "d"]]


async def test_a_file_that_is_gone_is_believed_gone_at_the_second_look(watched: Watched) -> None:
    """Who removes it before the next one comes is given the time for it."""
    await watched.look()
    path = watched.folder / "a.yaml"
    path.rename(watched.folder / "away")
    assert await watched.names() is None
    (watched.folder / "away").rename(path)
    assert [await watched.names(), await watched.names()] == [None, None]
    path.unlink()
    assert [await watched.names(), await watched.names()] == [None, ["b"]]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"- targets: [a", "{}:2:1: not YAML: while parsing a flow sequence, did not find expected ',' or ']'"),
        (b"- targets: a", "{}:1:3: [0].targets: expected a list"),
        (b"", "{}: is empty"),
        (b"- targets: [\xff]", "{}: is not UTF-8"),
    ],
)
async def test_a_broken_file_keeps_what_it_last_said(watched: Watched, content: bytes, fault: str) -> None:
    """It is counted once for each reading, and told for as long as it is broken; the other files go on."""
    await watched.look()
    path = watched.folder / "a.yaml"
    path.write_bytes(content)
    watched.write("b.json", '[{"targets": ["b", "e"]}]')
    await watched.look()
    look = await watched.look()
    told = (fault.format(path),)
    assert look == Look((TargetGroup(("a",)), TargetGroup(("b", "e"))), told, failures=1)
    assert await watched.look() == Look(None, told, failures=0)
    watched.write("a.yaml", "- targets: [f]")
    await watched.look()
    assert await watched.look() == Look((TargetGroup(("f",)), TargetGroup(("b", "e"))))


def _make_unreadable(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _make_too_large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(32 * 1024 * 1024 + 1)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (_make_unreadable, "is not a regular file"),
        (_make_folder, "is not a regular file"),
        (_make_too_large, "has more than 32 MiB"),
    ],
)
async def test_what_is_no_list_of_anything(watched: Watched, spoil: Callable[[Path], None], fault: str) -> None:
    """A pipe is not waited for, and nothing is read without end."""
    await watched.look()
    path = watched.folder / "a.yaml"
    spoil(path)
    await watched.look()
    assert await watched.look() == Look(None, (f"{path}: {fault}",), failures=1)


async def test_a_file_that_is_broken_from_the_start(tmp_path: Path) -> None:
    """Then nothing is known of it, but for what another source has read of it before."""
    watched = Watched(tmp_path)
    path = watched.write("a.yaml", "-")
    assert (await watched.look()).groups == ()
    known = FileSource(watched.source.settings, 2.0, {str(path): (TargetGroup(("before",)),)})
    look = await known.look()
    assert (look.groups, look.failures) == ((TargetGroup(("before",)),), 1)


async def test_all_is_read_again_after_the_refresh_interval(watched: Watched) -> None:
    """Even if nothing seems to have changed: some file systems tell times and sizes late."""
    path = watched.folder / "a.yaml"
    path.write_text("-")
    assert (await watched.look()).failures == 1
    assert (await watched.look()).failures == 0
    watched.now += 300
    assert (await watched.look()).failures == 1


async def test_a_file_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    """A pattern may match nothing; a name without wildcards that leads nowhere is a mistake, and told."""
    watched = Watched(tmp_path, "*.json", "a.yaml")
    fault = f"{tmp_path}/a.yaml: there is no such file"
    assert await watched.look() == Look((), (fault,), failures=1)
    assert await watched.look() == Look(None, (fault,), failures=0)
    watched.write("a.yaml", "[]")
    await watched.look()
    assert await watched.look() == Look(None)


async def test_a_file_of_two_patterns_counts_once(tmp_path: Path) -> None:
    """However often it is matched."""
    watched = Watched(tmp_path, "*.yaml", "a.yaml", "a*.yaml")
    watched.write("a.yaml", "- targets: [a]")
    assert await watched.names() == ["a"]


class Hanging:
    """A disk that does not answer before it is released, and how often it was asked."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.asked = 0

    def glob(self, pattern: str) -> list[str]:
        """Look which files there are."""
        self.asked += 1
        self.release.wait()
        return sorted(map(str, Path(pattern).parent.glob(Path(pattern).name)))


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Hanging:
    """Have files looked for on a disk that hangs."""
    made = Hanging()
    monkeypatch.setattr("ocsp_exporter.serving.discovery.files.glob.glob", made.glob)
    return made


async def test_a_disk_that_hangs(watched: Watched, hanging: Hanging) -> None:
    """It is waited for no longer than for a URL, each time; it is not asked again, and its answer is not lost."""
    watched.source.settings = replace(watched.source.settings, refresh_interval=0.05)
    name = watched.source.settings.name
    for _ in range(3):
        assert await watched.look() == Look(None, (f"{name}: the disk has not answered within 0.05 s",), failures=1)
    assert hanging.asked == 1
    hanging.release.set()
    watched.source.settings = replace(watched.source.settings, refresh_interval=300.0)
    assert await watched.names() == ["a", "b"]
    assert await watched.names() is None
