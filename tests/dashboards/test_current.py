"""The committed dashboards are those that the generator makes."""

from dashboards.generate.__main__ import PAGE, files
from tests.dashboards.reading import FOLDER, NAMES, read


def test_the_committed_dashboards_are_current() -> None:
    """What is committed is what `make dashboards` writes: nothing is edited by hand, nothing is left over."""
    assert {path: path.read_text() for path in (*FOLDER.iterdir(), PAGE)} == files()


def test_each_has_a_file_called_like_its_uid() -> None:
    """Links and `dashboard_url` rest on the uid, which never changes."""
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(NAMES)
    assert {name: read(name)["uid"] for name in NAMES} == {name: name for name in NAMES}
