"""Which files a glob matches."""

import os
import socket
from pathlib import Path

import pytest

from ocsp_exporter.probing.globs import find


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make files below a folder, hidden and temporary ones among them."""
    for name in (
        "a.ocsp",
        "b.ocsp",
        "b.pem",
        ".hidden.ocsp",
        "one/a.ocsp",
        "one/two/a.ocsp",
        "one/two/c.ocsp",
        ".git/a.ocsp",
        "x[1]/a.ocsp",
        "nats/tmp-cert-status123",
        "nats/5e2a",
        "md/ocsp-1.json",
        "md/ocsp-1.json.tmp",
        "md/job.json",
        "md/ocsp-1.json~",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def found(folder: Path, pattern: str) -> list[str]:
    """Return what a glob below a folder matches."""
    matched = find(f"{folder}/{pattern}")
    assert (matched.unreadable, matched.gave_up) == ({}, False)
    return [os.path.relpath(path, folder) for path in matched.paths]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a.ocsp", ["a.ocsp"]),
        ("*.ocsp", ["a.ocsp", "b.ocsp"]),
        ("?.ocsp", ["a.ocsp", "b.ocsp"]),
        ("[!a].ocsp", ["b.ocsp"]),
        (".*.ocsp", [".hidden.ocsp"]),
        ("*/a.ocsp", ["one/a.ocsp", "x[1]/a.ocsp"]),
        ("*/*/a.ocsp", ["one/two/a.ocsp"]),
        ("**/a.ocsp", ["a.ocsp", "one/a.ocsp", "one/two/a.ocsp", "x[1]/a.ocsp"]),
        ("one/**/*.ocsp", ["one/a.ocsp", "one/two/a.ocsp", "one/two/c.ocsp"]),
        ("one/**", ["one/a.ocsp", "one/two/a.ocsp", "one/two/c.ocsp"]),
        ("**/**/two/*", ["one/two/a.ocsp", "one/two/c.ocsp"]),
        (".git/*", [".git/a.ocsp"]),
        ("x[[]1]/*", ["x[1]/a.ocsp"]),
        ("nats/*", ["nats/5e2a"]),
        ("nats/tmp-cert-status123", ["nats/tmp-cert-status123"]),
        ("md/*", ["md/ocsp-1.json"]),
        ("*", ["a.ocsp", "b.ocsp", "b.pem"]),
        ("one//*", ["one/a.ocsp"]),
        ("absent/*", []),
        ("absent", []),
        ("a.ocsp/*", []),
        ("a.ocsp/**/*", []),
        ("a.ocsp/b", []),
    ],
)
def test_what_matches(tree: Path, pattern: str, expected: list[str]) -> None:
    """As in a shell: hidden names only if the glob says so, `**` for any folders, and folders only by their name.

    Temporary files of known writers are not among what matches, unless one is named.
    """
    assert found(tree, pattern) == expected


def test_links_are_followed_and_never_in_circles(tree: Path) -> None:
    """A folder behind a link goes by its own name if it has one below the glob, and is looked through once."""
    outside = tree / "outside"
    outside.mkdir()
    (outside / "a.ocsp").touch()
    below = tree / "below"
    below.mkdir()
    (below / "real").mkdir()
    (below / "real" / "b.ocsp").touch()
    (below / "1-link").symlink_to("real")
    (below / "2-outside").symlink_to(outside)
    (below / "self").symlink_to(".")
    (below / "real" / "up").symlink_to("..")
    (below / "real" / "a.ocsp").symlink_to(tree / "a.ocsp")
    expected = ["2-outside/a.ocsp", "real/a.ocsp", "real/b.ocsp"]
    assert found(below, "**/*.ocsp") == expected
    assert found(below, "1-link/*") == ["1-link/a.ocsp", "1-link/b.ocsp"]
    assert found(below, "self/self/real/*") == ["self/self/real/a.ocsp", "self/self/real/b.ocsp"]


def test_what_is_no_file_is_found_all_the_same(tmp_path: Path) -> None:
    """A FIFO, a socket, a dangling link and one that leads in circles are there, and to be told of; a folder is not."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("absent")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        # The path of a socket has to be short.
        descriptor = os.open(tmp_path, os.O_PATH)
        listening.bind(f"/proc/self/fd/{descriptor}/socket")
        os.close(descriptor)
    assert found(tmp_path, "*") == ["fifo", "loop", "nowhere", "socket"]
    assert found(tmp_path, "folder") == ["folder"]
    assert found(tmp_path, "loop") == ["loop"]


def test_what_cannot_be_looked_through_is_told(tmp_path: Path) -> None:
    """A folder that leads in circles, or must not be read, says so, beside what is found elsewhere."""
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").touch()
    matched = find(f"{tmp_path}/loop/*")
    assert matched.paths == ()
    assert matched.unreadable == {f"{tmp_path}/loop": "Too many levels of symbolic links"}
    if os.getuid():
        (tmp_path / "folder").chmod(0)
        assert find(f"{tmp_path}/*/a").unreadable == {f"{tmp_path}/folder": "Permission denied"}
        (tmp_path / "folder").chmod(0o700)


def test_it_does_not_look_for_ever(tree: Path) -> None:
    """Beyond so many entries of folders it gives up, and says so; at their number exactly it does not."""
    one = len(list(tree.iterdir()))
    assert find(f"{tree}/*.ocsp", one).gave_up is False
    cut = find(f"{tree}/*.ocsp", one - 1)
    assert cut.gave_up is True
    assert set(cut.paths) <= {f"{tree}/a.ocsp", f"{tree}/b.ocsp"}


def test_the_root_may_be_looked_through() -> None:
    """A glob may begin with a wildcard."""
    assert "/etc/passwd" in find("/e*/passwd").paths
