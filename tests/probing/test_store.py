# ruff: noqa: ASYNC240  # nothing else is waiting on the loop of a test
import asyncio
import contextlib
import logging
import os
import resource
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from ocsp_exporter.model import FetchKind, Problem, StoreResult
from ocsp_exporter.probing import store as storing
from ocsp_exporter.probing.store import Store
from ocsp_exporter.probing.stored_file import Stored
from ocsp_exporter.revocation.response import LARGEST_RESPONSE
from tests.probing import killed_writer

OCSP, CRL = FetchKind.OCSP, FetchKind.CRL
HIT, MISS, CORRUPT, FOREIGN, OLD, WRITTEN, FAILED = StoreResult
NAME, OTHER = "0a" * 32, "0b" * 32
NOW = 1_800_000_000.0
HOUR, DAY = 3600.0, 86400.0
LIMIT = 4096


class Counts:
    """Counts what the store tells, and holds it to telling on its own thread."""

    def __init__(self) -> None:
        self.told: list[tuple[FetchKind, StoreResult]] = []
        self._thread = threading.get_ident()

    def fetched(self, kind: FetchKind, host: str, seconds: float, problem: Problem | None, /) -> None:
        """The store fetches nothing."""
        raise AssertionError((kind, host, seconds, problem))

    def store_requested(self, kind: FetchKind, result: StoreResult, /) -> None:
        """Note it."""
        assert threading.get_ident() == self._thread
        self.told.append((kind, result))

    def take(self) -> list[tuple[FetchKind, StoreResult]]:
        """Give what was told since the last time."""
        told, self.told = self.told, []
        return told


@pytest.fixture
def counted() -> Counts:
    """Count on the thread of the test, which is that of the loop."""
    return Counts()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a folder that is not there yet."""
    return tmp_path / "var" / "store"


@pytest.fixture
def store(folder: Path, counted: Counts) -> Store:
    """Make a store whose clock stands still."""
    return Store(folder, counted, lambda: NOW)


def place(folder: Path, kind: FetchKind = OCSP, name: str = NAME) -> Path:
    """Give the path of a file, as the contract of the folder has it."""
    return folder / f"{kind}-{name}.der"


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give what was said to the operator since the last time."""
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    caplog.clear()
    return said


async def test_what_is_written_is_read_as_it_was(store: Store, counted: Counts) -> None:
    """Content and time come back, each under its own kind and name; elsewhere there is nothing."""
    await store.write(OCSP, NAME, b"response", NOW - 60.5)
    assert await store.read(OCSP, NAME, LIMIT) == Stored(b"response", NOW - 60.5)
    store.used(OCSP)
    assert counted.take() == [(OCSP, WRITTEN), (OCSP, HIT)]
    assert await store.read(OCSP, OTHER, LIMIT) is None
    assert await store.read(CRL, NAME, LIMIT) is None
    assert counted.take() == [(OCSP, MISS), (CRL, MISS)]
    await store.write(CRL, NAME, b"list", NOW)
    await store.write(OCSP, NAME, b"newer response", NOW)
    assert await store.read(CRL, NAME, LIMIT) == Stored(b"list", NOW)
    assert await store.read(OCSP, NAME, LIMIT) == Stored(b"newer response", NOW)


async def test_another_process_finds_it(store: Store, folder: Path) -> None:
    """The files are the store: nothing of it is in memory."""
    await store.write(CRL, NAME, b"list", NOW - 5)
    assert await Store(folder, clock=lambda: NOW).read(CRL, NAME, LIMIT) == Stored(b"list", NOW - 5)


async def test_without_a_folder_nothing_is_kept_and_nothing_counted(counted: Counts, tmp_path: Path) -> None:
    """Everything may be called all the same."""
    store = Store(None, counted)
    await store.write(OCSP, NAME, b"response", NOW)
    await store.touch(OCSP, NAME, NOW)
    await store.note_use(OCSP, NAME)
    assert await store.read(OCSP, NAME, LIMIT) is None
    store.used(OCSP)
    await store.discard(OCSP, NAME, CORRUPT)
    await store.sweep(lambda _kind, _content: None)
    assert counted.take() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mask", [0o000, 0o077])
async def test_folder_and_files_are_for_the_exporter_alone(store: Store, folder: Path, mask: int) -> None:
    """What is fetched is no secret, but nobody else has to write there; whatever the umask is."""
    before = os.umask(mask)
    try:
        await store.write(OCSP, NAME, b"response", NOW - 60)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (file,) = folder.iterdir()
    assert file == place(folder)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.stat().st_mtime == NOW - 60


async def test_reading_makes_no_folder(store: Store, folder: Path) -> None:
    """It is made where there is something to put into it."""
    assert await store.read(OCSP, NAME, LIMIT) is None
    await store.sweep(lambda _kind, _content: None)
    await store.touch(OCSP, NAME, NOW)
    assert not folder.parent.exists()


async def test_a_folder_that_goes_away_is_made_again(store: Store, folder: Path, counted: Counts) -> None:
    """Somebody may clean up while the exporter runs."""
    await store.write(OCSP, NAME, b"response", NOW)
    shutil.rmtree(folder)
    await store.write(OCSP, NAME, b"response", NOW)
    assert await store.read(OCSP, NAME, LIMIT) == Stored(b"response", NOW)
    assert counted.take() == [(OCSP, WRITTEN), (OCSP, WRITTEN)]


@pytest.mark.parametrize(("mtime", "expected"), [(NOW + 1, NOW), (NOW + 10 * DAY, NOW), (NOW, NOW), (NOW - 1, NOW - 1)])
async def test_nothing_was_fetched_in_the_future(store: Store, folder: Path, mtime: float, expected: float) -> None:
    """A clock that was set back does not make evidence young for longer than it is."""
    await store.write(OCSP, NAME, b"response", NOW)
    os.utime(place(folder), (mtime, mtime))
    assert await store.read(OCSP, NAME, LIMIT) == Stored(b"response", expected)


def _nothing(path: Path) -> None:
    path.write_bytes(b"")


def _too_much(path: Path) -> None:
    path.write_bytes(b"x" * (LIMIT + 1))


def _far_too_much(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _link(path: Path) -> None:
    (path.parent / "elsewhere").write_bytes(b"secret")
    os.utime(path.parent / "elsewhere", (NOW, NOW))
    path.symlink_to("elsewhere")


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    # Its name would be too long for the address of a socket.
    with socket.socket(socket.AF_UNIX) as listening, contextlib.chdir(path.parent):
        listening.bind("s")
    (path.parent / "s").rename(path)


@pytest.mark.parametrize("make", [_nothing, _too_much, _far_too_much, _link, _link_to_itself, _fifo, _socket])
async def test_what_no_write_has_left_is_corrupt(
    store: Store, folder: Path, counted: Counts, make: Callable[[Path], None]
) -> None:
    """It is counted and removed, not followed and not waited for; the next write is as good as any."""
    folder.mkdir(parents=True)
    make(place(folder))
    assert await store.read(OCSP, NAME, LIMIT) is None
    assert counted.take() == [(OCSP, CORRUPT)]
    assert not os.path.lexists(place(folder))
    assert not (folder / "elsewhere").exists() or (folder / "elsewhere").read_bytes() == b"secret"
    await store.write(OCSP, NAME, b"x" * LIMIT, NOW)
    assert await store.read(OCSP, NAME, LIMIT) == Stored(b"x" * LIMIT, NOW)


async def test_a_write_does_not_follow_links_either(store: Store, folder: Path) -> None:
    """The link is replaced, and what it leads to stays as it is."""
    folder.mkdir(parents=True)
    _link(place(folder))
    await store.write(OCSP, NAME, b"response", NOW)
    assert (folder / "elsewhere").read_bytes() == b"secret"
    assert not place(folder).is_symlink()
    assert await store.read(OCSP, NAME, LIMIT) == Stored(b"response", NOW)


async def test_a_folder_in_the_place_of_a_file_stays_and_is_told_once(
    store: Store, folder: Path, counted: Counts, caplog: pytest.LogCaptureFixture
) -> None:
    """It is none of ours to remove."""
    place(folder).mkdir(parents=True)
    for _ in range(2):
        assert await store.read(OCSP, NAME, LIMIT) is None
    assert counted.take() == [(OCSP, CORRUPT), (OCSP, CORRUPT)]
    assert len(warnings(caplog)) == 1
    await store.write(OCSP, NAME, b"response", NOW)
    assert counted.take() == [(OCSP, FAILED)]
    assert [file.name for file in folder.iterdir()] == [place(folder).name]


@pytest.mark.parametrize("result", [CORRUPT, FOREIGN, OLD])
async def test_what_is_discarded_is_gone_and_counted(store: Store, counted: Counts, result: StoreResult) -> None:
    """Of the others nothing is touched; what is gone already may be discarded again."""
    await store.write(OCSP, NAME, b"response", NOW)
    await store.write(OCSP, OTHER, b"other response", NOW)
    counted.take()
    await store.discard(OCSP, NAME, result)
    assert await store.read(OCSP, NAME, LIMIT) is None
    assert await store.read(OCSP, OTHER, LIMIT) == Stored(b"other response", NOW)
    await store.discard(OCSP, NAME, result)
    assert counted.take() == [(OCSP, result), (OCSP, MISS), (OCSP, result)]


async def test_what_was_confirmed_is_as_if_fetched_then(store: Store, folder: Path, counted: Counts) -> None:
    """Only its time changes; where there is nothing, nothing comes to be."""
    await store.write(CRL, NAME, b"list", NOW - DAY)
    await store.touch(CRL, NAME, NOW - 1)
    await store.touch(CRL, OTHER, NOW - 1)
    assert await store.read(CRL, NAME, LIMIT) == Stored(b"list", NOW - 1)
    assert counted.take() == [(CRL, WRITTEN)]
    assert list(folder.iterdir()) == [place(folder, CRL)]


async def test_two_exporters_may_share_a_folder(folder: Path, counted: Counts) -> None:
    """Whoever writes last has written the whole file, and nothing is left beside it."""
    stores = [Store(folder, counted, lambda: NOW) for _ in range(2)]
    contents = [bytes([number]) * 300_000 for number in range(1, 21)]
    writes = (stores[at % 2].write(OCSP, NAME, content, NOW) for at, content in enumerate(contents))
    await asyncio.gather(*writes)
    for store in stores:
        found = await store.read(OCSP, NAME, 300_000)
        assert found
        assert found.content in contents
    assert counted.take() == [(OCSP, WRITTEN)] * 20
    assert list(folder.iterdir()) == [place(folder)]


async def test_a_file_in_the_place_of_the_folder_is_told_once(
    store: Store, folder: Path, counted: Counts, caplog: pytest.LogCaptureFixture
) -> None:
    """Everything goes on without it; once it is gone the next write makes the folder, and that is told too."""
    folder.parent.mkdir()
    folder.write_text("what is this?")
    for _ in range(2):
        assert await store.read(OCSP, NAME, LIMIT) is None
        await store.write(OCSP, NAME, b"response", NOW)
        await store.touch(OCSP, NAME, NOW)
        await store.discard(OCSP, NAME, OLD)
        await store.sweep(lambda _kind, _content: None)
    assert counted.take() == [(OCSP, MISS), (OCSP, FAILED), (OCSP, FAILED), (OCSP, OLD)] * 2
    (warning,) = (record for record in caplog.records if record.levelno == logging.WARNING)
    assert "let the exporter write to this folder" in warning.getMessage()
    assert vars(warning)["fields"] == {"path": str(folder), "error": "Not a directory"}
    caplog.clear()
    folder.unlink()
    caplog.set_level(logging.INFO)
    await store.write(OCSP, NAME, b"response", NOW)
    assert [record.getMessage() for record in caplog.records] == ["the store can be written again"]
    assert await store.read(OCSP, NAME, LIMIT) == Stored(b"response", NOW)
    assert counted.take() == [(OCSP, WRITTEN)]
    await store.write(OCSP, NAME, b"response", NOW)
    assert len(caplog.records) == 1
    shutil.rmtree(folder)
    folder.touch()
    await store.write(OCSP, NAME, b"response", NOW)
    assert len(warnings(caplog)) == 1


@contextlib.contextmanager
def unprivileged(folder: Path) -> Iterator[None]:
    """Take from us what we may do in a folder."""
    user = os.geteuid()
    folder.chmod(0)
    if not user:
        try:
            os.seteuid(65534)
        except PermissionError:
            pytest.skip("root may not become somebody else here")
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o700)


async def test_a_folder_of_somebody_else_is_told_once(
    store: Store, folder: Path, counted: Counts, caplog: pytest.LogCaptureFixture
) -> None:
    """Reading finds nothing and writing fails, each told once with what to do; nothing is raised."""
    await store.write(OCSP, NAME, b"response", NOW)
    counted.take()
    with unprivileged(folder):
        for _ in range(2):
            assert await store.read(OCSP, NAME, LIMIT) is None
            await store.discard(OCSP, NAME, OLD)
            await store.write(OCSP, NAME, b"newer response", NOW)
            await store.touch(OCSP, NAME, NOW)
            await store.sweep(lambda _kind, _content: None)
    assert counted.take() == [(OCSP, MISS), (OCSP, OLD), (OCSP, FAILED), (OCSP, FAILED)] * 2
    reading, writing = warnings(caplog)
    assert reading.startswith("cannot read or remove a file of the store")
    assert writing.startswith("cannot write to the store")
    assert await store.read(OCSP, NAME, LIMIT) == Stored(b"response", NOW)


def run_as_root(*command: str) -> None:
    """Run a command that takes a privilege. Skips the test where we do not have it."""
    path = shutil.which(command[0])
    done = path and subprocess.run([path, *command[1:]], capture_output=True, text=True, check=False)
    if not done or done.returncode:
        pytest.skip(f"{command[0]} is not for us here: {done.stderr.strip() if done else 'not installed'}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 64 KiB."""
    path = tmp_path / "disk"
    path.mkdir()
    run_as_root("mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "ocsp_exporter-test", str(path))
    yield path
    subprocess.run([str(shutil.which("umount")), str(path)], check=True)


async def test_a_full_disk_loses_nothing_that_was_there(
    disk: Path, counted: Counts, caplog: pytest.LogCaptureFixture
) -> None:
    """What does not fit is counted, told once, and leaves no piece of itself; what fits is written again."""
    store = Store(disk, counted, lambda: NOW)
    await store.write(OCSP, NAME, b"x" * 20_000, NOW - 60)
    for _ in range(2):
        await store.write(OCSP, NAME, b"y" * 100_000, NOW)
        await store.write(CRL, NAME, b"z" * 100_000, NOW)
    assert counted.take() == [(OCSP, WRITTEN), *[(OCSP, FAILED), (CRL, FAILED)] * 2]
    (warning,) = (record for record in caplog.records if record.levelno == logging.WARNING)
    assert vars(warning)["fields"]["error"] == "No space left on device"
    assert await store.read(OCSP, NAME, 100_000) == Stored(b"x" * 20_000, NOW - 60)
    assert list(disk.iterdir()) == [place(disk)]
    await store.write(CRL, NAME, b"z" * 20_000, NOW)
    assert await store.read(CRL, NAME, 100_000) == Stored(b"z" * 20_000, NOW)
    assert counted.take() == [(CRL, WRITTEN)]


async def test_a_disk_that_cannot_be_written_can_still_be_read(
    disk: Path, counted: Counts, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor does it matter that corrupt files stay there."""
    store = Store(disk, counted, lambda: NOW)
    await store.write(OCSP, NAME, b"response", NOW)
    (disk / place(disk, OCSP, OTHER)).touch()
    counted.take()
    run_as_root("mount", "-o", "remount,ro", str(disk))
    for _ in range(2):
        assert await store.read(OCSP, NAME, LIMIT) == Stored(b"response", NOW)
        assert await store.read(OCSP, OTHER, LIMIT) is None
        await store.write(OCSP, NAME, b"newer response", NOW)
        await store.touch(OCSP, NAME, NOW)
    assert counted.take() == [(OCSP, CORRUPT), (OCSP, FAILED), (OCSP, FAILED)] * 2
    assert len(warnings(caplog)) == 2
    run_as_root("mount", "-o", "remount,rw", str(disk))
    await store.write(OCSP, NAME, b"newer response", NOW)
    assert await store.read(OCSP, NAME, LIMIT) == Stored(b"newer response", NOW)


async def test_a_write_that_breaks_off_leaves_what_was_there(store: Store, folder: Path, counted: Counts) -> None:
    """As on a full disk, for those who may not mount one: a limit on the size of files."""
    await store.write(OCSP, NAME, b"x" * 20_000, NOW)
    _, most = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, most))
    try:
        await store.write(OCSP, NAME, b"y" * 100_000, NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert counted.take() == [(OCSP, WRITTEN), (OCSP, FAILED)]
    assert await store.read(OCSP, NAME, 100_000) == Stored(b"x" * 20_000, NOW)
    assert list(folder.iterdir()) == [place(folder)]
    await store.write(OCSP, NAME, b"y" * 100_000, NOW)
    assert await store.read(OCSP, NAME, 100_000) == Stored(b"y" * 100_000, NOW)


#: How long ago a file was last confirmed, when it ends, and what becomes of it.
SWEPT: list[tuple[float, float | None, StoreResult | None]] = [
    (DAY + 1, NOW - 7 * DAY - 1, OLD),
    (DAY + 1, NOW - 7 * DAY + 1, None),
    (DAY - 1, NOW - 7 * DAY - 1, None),
    (14 * DAY - 1, NOW + DAY, None),
    (14 * DAY + 1, NOW + DAY, OLD),
    (14 * DAY + 1, None, OLD),
    (DAY + 1, None, CORRUPT),
    (DAY - 1, None, None),
    (-DAY, NOW - 7 * DAY - 1, None),
    (-DAY, None, None),
]


@pytest.mark.parametrize("row", SWEPT)
@pytest.mark.parametrize("kind", [OCSP, CRL])
async def test_what_nobody_will_want_is_swept(
    store: Store,
    folder: Path,
    counted: Counts,
    kind: FetchKind,
    row: tuple[float, float | None, StoreResult | None],
) -> None:
    """Not confirmed for a day, and ended a week ago or without an end; not confirmed for two weeks, whatever it says.

    What may still be of use stays.
    """
    age, end, result = row
    await store.write(kind, NAME, b"content", NOW - age)
    counted.take()
    await store.sweep(lambda *asked: {(kind, b"content"): end}[asked])
    assert counted.take() == ([(kind, result)] if result else [])
    assert place(folder, kind).exists() is (result is None)


FOREIGN_NAMES = [
    "README",
    f"ocsp-{NAME}.pem",
    f"ocsp-{NAME}.der.bak",
    f"ocsp-{NAME[2:]}.der",
    f"ocsp-{NAME.upper()}.der",
    f"ocsp-{NAME}.der\n",
    f"issuer-{NAME}.der",
    f"staple-{NAME}.der",
    f"{NAME}.der",
    f"ocsp-{NAME}.der.tmp",
    f"ocsp-{NAME}.der.0123456789abcdef",
    f"ocsp-{NAME}.der.0123456789abcdeg.tmp",
    ".ocsp.tmp",
    "\udcff",
]


async def test_foreign_names_are_never_touched(store: Store, folder: Path, counted: Counts) -> None:
    """However old they are, and however like ours; the twin that is ours is removed."""
    folder.mkdir(parents=True)
    for name in [*FOREIGN_NAMES, place(folder).name]:
        (folder / name).write_bytes(b"content")
        os.utime(folder / name, (NOW - 2 * DAY, NOW - 2 * DAY))
    await store.sweep(lambda _kind, _content: None)
    assert sorted(file.name for file in folder.iterdir()) == sorted(FOREIGN_NAMES)
    assert counted.take() == [(OCSP, CORRUPT)]


async def test_what_a_write_left_behind_is_swept_after_an_hour(store: Store, folder: Path, counted: Counts) -> None:
    """Until then somebody may be about to end it; it is nothing to count."""
    folder.mkdir(parents=True)
    abandoned, under_way = (folder / f"{kind}-{NAME}.der.0123456789abcdef.tmp" for kind in (OCSP, CRL))
    for path, age in ((abandoned, HOUR + 1), (under_way, HOUR - 1)):
        path.write_bytes(b"cont")
        os.utime(path, (NOW - age, NOW - age))

    def end_of(kind: FetchKind, content: bytes) -> float | None:
        raise AssertionError((kind, content))

    await store.sweep(end_of)
    assert list(folder.iterdir()) == [under_way]
    assert counted.take() == []


async def test_what_is_asked_for_stays_though_nobody_confirms_it(store: Store, folder: Path, counted: Counts) -> None:
    """As long as its source is down; its twin, which nobody asks for, goes. When it was fetched stays as it was."""
    for name in (NAME, OTHER):
        await store.write(CRL, name, b"list", NOW - 90 * DAY)
    await store.note_use(CRL, NAME)
    await store.note_use(OCSP, NAME)  # which is not there
    await store.sweep(lambda _kind, _content: NOW + DAY)
    assert await store.read(CRL, NAME, LIMIT) == Stored(b"list", NOW - 90 * DAY)
    assert list(folder.iterdir()) == [place(folder, CRL)]
    assert counted.take() == [(CRL, WRITTEN), (CRL, WRITTEN), (CRL, OLD)]


async def test_to_be_swept_is_no_use(folder: Path) -> None:
    """However often it is looked into: its fourteenth day is its last."""

    def end_of(_kind: FetchKind, _content: bytes) -> float:
        return NOW + 999 * DAY

    days = iter(range(15))
    store = Store(folder, clock=lambda: NOW + next(days) * DAY + 1)
    await store.write(OCSP, NAME, b"response", NOW)
    for _ in range(14):
        await store.sweep(end_of)
        assert place(folder).exists()
    await store.sweep(end_of)
    assert not place(folder).exists()


@pytest.mark.parametrize(("kind", "largest"), [(OCSP, LARGEST_RESPONSE), (CRL, 8192)])
async def test_what_is_larger_than_what_is_fetched_is_swept_unread(
    folder: Path, counted: Counts, kind: FetchKind, largest: int
) -> None:
    """However young it is; one octet less, and it stays."""
    folder.mkdir(parents=True)
    for name, size in ((NAME, largest), (OTHER, largest + 1)):
        with place(folder, kind, name).open("wb") as file:
            file.truncate(size)
        os.utime(place(folder, kind, name), (NOW, NOW))
    looked_into = []

    def end_of(_kind: FetchKind, content: bytes) -> float:
        looked_into.append(len(content))
        return NOW + DAY

    await Store(folder, counted, lambda: NOW, largest_crl=8192).sweep(end_of)
    assert list(folder.iterdir()) == [place(folder, kind)]
    assert counted.take() == [(kind, CORRUPT)]
    os.utime(place(folder, kind), (NOW - 2 * DAY, NOW - 2 * DAY))
    await Store(folder, counted, lambda: NOW, largest_crl=8192).sweep(end_of)
    assert looked_into == [largest]


@pytest.mark.parametrize(("most", "most_octets"), [(4, 10**9), (10**9, 400)])
async def test_of_too_much_what_was_used_last_stays(
    folder: Path, counted: Counts, monkeypatch: pytest.MonkeyPatch, most: int, most_octets: int
) -> None:
    """Too many files, or too many octets in them: at the sweep, and when enough has been written since."""
    monkeypatch.setattr(storing, "MOST_FILES", most)
    monkeypatch.setattr(storing, "MOST_OCTETS", most_octets)
    monkeypatch.setattr(storing, "_PARTS", 1)
    names = [f"{each:064x}" for each in range(6)]
    for minute, name in enumerate(names):
        await Store(folder, clock=lambda: NOW).write(OCSP, name, b"x" * 100, NOW + minute * 60)
    await Store(folder, clock=lambda: NOW + HOUR).note_use(OCSP, names[1])
    foreign = folder / "README"
    foreign.write_bytes(b"x" * 100)
    store = Store(folder, counted, lambda: NOW + HOUR)
    await store.sweep(lambda _kind, _content: NOW + DAY)
    assert sorted(folder.iterdir()) == [foreign, *(place(folder, name=names[each]) for each in (1, 3, 4, 5))]
    assert counted.take() == [(OCSP, OLD)] * 2
    for minute, name in enumerate(names):
        await store.write(CRL, name, b"y" * 100, NOW + 2 * HOUR + minute * 60)
    assert counted.take() == [*[(CRL, WRITTEN)] * 5, *[(OCSP, OLD)] * 4, (CRL, OLD), (CRL, WRITTEN)]
    assert sorted(folder.iterdir()) == [foreign, *(place(folder, CRL, each) for each in names[1:])]


async def test_what_is_too_large_takes_the_room_of_nothing_else(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One planted file must not make the exporter remove all others."""
    monkeypatch.setattr(storing, "_PARTS", 200_000)  # so it looks at each second write
    folder.mkdir(parents=True)
    _far_too_much(place(folder, OCSP, OTHER))
    for kind in (OCSP, CRL):
        await store.write(kind, NAME, b"content", NOW - 60)
        await store.write(kind, NAME, b"content", NOW - 60)
    assert sorted(folder.iterdir()) == [place(folder, CRL), place(folder), place(folder, OCSP, OTHER)]


@pytest.mark.parametrize("make", [_nothing, _link, _fifo, _socket])
async def test_what_is_corrupt_is_swept_without_a_look_into_it(
    store: Store, folder: Path, counted: Counts, make: Callable[[Path], None]
) -> None:
    """Of a link the link goes, and not what it leads to."""
    folder.mkdir(parents=True)
    make(place(folder))
    os.utime(place(folder), (NOW - 2 * DAY, NOW - 2 * DAY), follow_symlinks=False)
    await store.sweep(lambda _kind, _content: NOW)
    assert not os.path.lexists(place(folder))
    assert not (folder / "elsewhere").exists() or (folder / "elsewhere").read_bytes() == b"secret"
    assert counted.take() == [(OCSP, CORRUPT)]


async def test_what_cannot_be_swept_does_not_keep_the_rest(
    store: Store, folder: Path, counted: Counts, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told once, whether a folder is in the way or another exporter was faster."""
    for name in (NAME, OTHER):
        place(folder, CRL, name).mkdir(parents=True)
        os.utime(place(folder, CRL, name), (0, 0))
    for name in (NAME, OTHER):
        await store.write(OCSP, name, b"content", NOW - 2 * DAY)
    counted.take()

    def end_of(kind: FetchKind, content: bytes) -> float | None:
        """Remove one of the two, whichever is asked about first."""
        assert (kind, content) == (OCSP, b"content")
        if place(folder).exists() and place(folder, OCSP, OTHER).exists():
            place(folder).unlink()
        return None

    await store.sweep(end_of)
    assert sorted(folder.iterdir()) == [place(folder, CRL, NAME), place(folder, CRL, OTHER)]
    assert counted.take() == [(OCSP, CORRUPT)]
    assert len(warnings(caplog)) == 1


@contextlib.asynccontextmanager
async def killing(folder: Path) -> AsyncIterator[Callable[[float], Awaitable[None]]]:
    """Give a function that kills a writer so many seconds after it has begun; see that none has said anything."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", killed_writer.__name__, str(folder)),
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    orders, answers = process.stdin, process.stdout

    async def kill_after(seconds: float) -> None:
        orders.write(f"{seconds}\n".encode())
        assert await answers.readline() == b"killed\n"

    try:
        yield kill_after
    finally:
        said = await process.communicate(b"")  # which ends it
    assert (process.returncode, *said) == (0, b"", b"")


async def test_killed_while_it_writes_the_store_holds_whole_contents_or_nothing(
    folder: Path, counted: Counts, counts: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A hundred times, at any point of a write; what a write leaves behind is swept an hour later."""
    found = dict.fromkeys(killed_writer.CONTENTS, 0)
    left = 0
    async with killing(folder) as kill_after:
        for turn in range(100):
            await kill_after(turn * 0.0003)
            for name in killed_writer.NAMES:
                stored = await Store(folder, counted).read(CRL, name, 16 * 1024**2)
                assert stored
                found[stored.content] += 1
            left += len(list(folder.iterdir())) - 2
            await Store(folder, counted, lambda: time.time() + 2 * HOUR).sweep(lambda _kind, _content: None)
            assert sorted(folder.iterdir()) == [place(folder, CRL, name) for name in killed_writer.NAMES]
    assert counted.take() == []
    assert warnings(caplog) == []
    short, long = found.values()
    counts.append(f"store: 100 writers killed: {short} short and {long} long contents read, {left} pieces swept")
