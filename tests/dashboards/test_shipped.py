"""The dashboards come with the package: from a clone, and from what `pip install` gets."""

import subprocess
import sys
import zipfile
from pathlib import Path

from click.testing import CliRunner

from ocsp_exporter.cli import main
from tests.dashboards.reading import FOLDER, NAMES

ROOT = Path(__file__).parents[2]


def test_the_command_writes_them(tmp_path: Path) -> None:
    """`docs dashboards --write DIR` makes the folder, writes each file as it is, and says where."""
    done = CliRunner().invoke(main, ["docs", "dashboards", "--write", str(tmp_path / "new")])
    assert done.exit_code == 0
    for name in NAMES:
        path = tmp_path / "new" / "grafana" / f"{name}.json"
        assert path.read_text() == (FOLDER / f"{name}.json").read_text()
        assert str(path) in done.output.splitlines()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """One sentence says which file could not be written, and why."""
    (tmp_path / "file").touch()
    done = CliRunner().invoke(main, ["docs", "dashboards", "--write", str(tmp_path / "file" / "below")])
    assert done.exit_code == 1
    assert f"{tmp_path}/file/below/grafana/ocsp-exporter.json cannot be written: Not a directory" in done.output


def test_a_wheel_holds_them_where_the_command_looks(tmp_path: Path) -> None:
    """An installed package writes them too: the module alone, taken from the wheel, finds them beside itself."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True)
    [wheel] = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    done = subprocess.run(
        [sys.executable, "-m", "ocsp_exporter", "docs", "dashboards", "--write", tmp_path / "written"],
        cwd=installed,
        check=True,
        text=True,
        capture_output=True,
    )
    assert len(done.stdout.splitlines()) >= len(NAMES)
    assert (tmp_path / "written" / "grafana" / "ocsp-fleet.json").is_file()
    assert (installed / "ocsp_exporter" / "dashboards" / "grafana").is_dir()
