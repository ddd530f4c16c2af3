"""`ocsp-exporter docs dashboards`: what is shipped for Grafana and Prometheus, copied to a folder."""

from collections.abc import Iterator
from pathlib import Path

import click

#: What there is to be had, as patterns: files that are read as they are, and the mixin that imports them.
_KINDS = ("grafana/*.json", "prometheus/*.yaml", "mixin.libsonnet")
_HERE = Path(__file__).resolve()
#: In an installed package they lie within it, in a clone of the project at its top.
_PLACES = (_HERE.parents[1] / "dashboards", _HERE.parents[2] / "dashboards")


def write(folder: Path) -> Iterator[Path]:
    """Copy the files to a folder, which is made where there is none, and yield each. Raises ClickException."""
    root = next(place for place in _PLACES if place.is_dir())
    for source in (path for kind in _KINDS for path in sorted(root.glob(kind))):
        path = folder / source.relative_to(root)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.read_bytes())
        except OSError as error:
            raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
        yield path
