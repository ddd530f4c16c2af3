"""The dashboards come with the package: from a clone, and from what `pip install` gets."""

import subprocess
import sys
import zipfile
from pathlib import Path

from click.testing import CliRunner

from ocsp_exporter.cli import main
from tests.dashboards.reading import NAMES

ROOT = Path(__file__).parents[2]
#: What is shipped, in the order in which it is written.
FILES = [
    *(f"grafana/{name}.json" for name in sorted(NAMES)),
    "prometheus/ocsp_exporter.yaml",
    "prometheus/ssl_exporter_names.yaml",
    "mixin.libsonnet",
]


def test_the_command_writes_them(tmp_path: Path) -> None:
    """`docs dashboards --write DIR` makes the folder, writes each file as it is, and says where."""
    done = CliRunner().invoke(main, ["docs", "dashboards", "--write", str(tmp_path / "new")])
    assert done.exit_code == 0
    assert done.output.splitlines() == [str(tmp_path / "new" / file) for file in FILES]
    for file in FILES:
        assert (tmp_path / "new" / file).read_bytes() == (ROOT / "dashboards" / file).read_bytes()


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
    assert len(done.stdout.splitlines()) == len(FILES)
    assert all((tmp_path / "written" / file).is_file() for file in FILES)
    assert (installed / "ocsp_exporter" / "dashboards" / "grafana").is_dir()
