"""Files are read whole, or not at all."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ocsp_exporter.probing.files import FileUnusable, Version, read_regular_file, read_version, version_of

#: What writers do, one each time that a reader has opened a file.
Writers = list[Callable[[], object]]


@pytest.fixture
def write_meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Writers], None]:
    """Give a function that has writers at work."""

    def begin(writers: Writers) -> None:
        calls: list[int] = []

        def fstat(descriptor: int) -> os.stat_result:
            status = stat(descriptor)
            calls.append(descriptor)
            if len(calls) % 2 and writers:
                writers.pop(0)()
            return status

        monkeypatch.setattr(os, "fstat", fstat)

    stat = os.fstat
    return begin


def test_a_file_that_changes_while_it_is_read_is_read_again(
    tmp_path: Path, write_meanwhile: Callable[[Writers], None]
) -> None:
    """A reader never puts together parts of two versions; after three it gives up."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    write_meanwhile([partial(path.write_bytes, each) for each in (b"newer", b"newest")])
    assert read_regular_file(path, 10) == b"newest"
    write_meanwhile([partial(path.write_bytes, b"x" * size) for size in (1, 2, 3)])
    with pytest.raises(FileUnusable, match="changes all the time while it is read"):
        read_regular_file(path, 10)
    assert read_regular_file(path, 10) == b"xxx"


def test_a_file_that_is_replaced_while_it_is_read_is_the_one_before(
    tmp_path: Path, write_meanwhile: Callable[[Writers], None]
) -> None:
    """What was opened stays whole; the next look sees another version."""
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"old")
    other.write_bytes(b"new")
    write_meanwhile([partial(other.rename, path)])
    content, version = read_version(path, 10)
    assert content == b"old"
    assert version != version_of(path)
    assert read_version(path, 10) == (b"new", version_of(path))


def test_what_is_there_is_a_regular_file_of_a_size(tmp_path: Path) -> None:
    """What is not, or is larger, is told with its path."""
    path = tmp_path / "a"
    path.write_bytes(b"123")
    assert read_regular_file(path, 3) == b"123"
    with pytest.raises(FileUnusable, match=f"{path} has more than 2 bytes"):
        read_regular_file(path, 2)
    with pytest.raises(FileUnusable, match=f"{tmp_path} is not a regular file"):
        read_regular_file(tmp_path, 2)
    with pytest.raises(FileUnusable, match="absent cannot be read: No such file or directory"):
        version_of(tmp_path / "absent")


@pytest.mark.parametrize(("age", "young"), [(-100, True), (0, True), (1.9, True), (2, False), (1e9, False)])
def test_a_file_is_young_for_two_seconds(age: float, young: bool) -> None:
    """One from the future is young too."""
    assert Version(1, 1, 1, int((2e9 - age) * 1e9), 0).is_young(2e9) is young
