"""`ocsp-exporter docs dashboards`: what is shipped for Grafana and Prometheus, copied to a folder."""

from collections.abc import Iterator
from pathlib import Path

import click

#: What there is to be had: folders of files that are read as they are.
_KINDS = ("grafana", "prometheus")
_HERE = Path(__file__).resolve()
#: In an installed package they lie within it, in a clone of the project at its top.
_PLACES = (_HERE.parents[1] / "dashboards", _HERE.parents[2] / "dashboards")


def shipped() -> Iterator[Path]:
    """Yield the files, each below a folder that says for whom it is."""
    root = next(place for place in _PLACES if place.is_dir())
    for kind in _KINDS:
        yield from sorted(path for path in (root / kind).glob("*") if path.is_file())


def write(folder: Path) -> Iterator[Path]:
    """Copy the files to a folder, which is made where there is none, and yield each. Raises ClickException."""
    for source in shipped():
        path = folder / source.parent.name / source.name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.read_bytes())
        except OSError as error:
            raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
        yield path
