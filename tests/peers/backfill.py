"""A Prometheus with a past: what an exporter showed once, multiplied and drawn out, written into its storage."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from tests.peers.daemons import find

#: What promtool may take for half an hour of three thousand targets on a busy machine, in seconds.
_PATIENCE = 600.0
_SERIES = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
_TARGET = re.compile(r'\btarget="([^"]*)"')


def draw_out(page: str, targets: Sequence[str], times: Sequence[int], out: TextIO) -> None:
    """Write a page as OpenMetrics with more targets and a past: `targets` take turns in showing what those there show.

    Each value is the same at all `times`, but for what remains, which is that of the last one.
    """
    kinds: dict[str, str] = {}
    families = _families(page, kinds)
    shown = sorted({target for series in families.values() for _, target, _, _ in series if target})
    for family, series in families.items():
        out.write(f"# TYPE {family.removesuffix('_total') if kinds[family] == 'counter' else family} {kinds[family]}\n")
        for position, target in enumerate(targets if series[0][1] else ("",)):
            model = shown[position % len(shown)] if target else ""
            for name, of, labels, value in series:
                if of == model:
                    _write(out, name, _TARGET.sub(f'target="{target}"', labels), float(value), times)
    out.write("# EOF\n")


def _families(page: str, kinds: dict[str, str]) -> dict[str, list[tuple[str, str, str, str]]]:
    """Return name, target, labels and value of each series by their family, and note the kinds of these."""
    families: dict[str, list[tuple[str, str, str, str]]] = {}
    family = ""
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            _, _, family, kinds[family] = line.split()
        elif line.startswith("#"):
            continue
        elif found := _SERIES.fullmatch(line):
            name, labels, value = found[1], found[2] or "", found[3]
            target = _TARGET.search(labels)
            all_labels = ",".join(filter(None, ('job="ocsp",instance="exporter:10960"', labels)))
            families.setdefault(family, []).append((name, target[1] if target else "", all_labels, value))
    return families


def _write(out: TextIO, name: str, labels: str, value: float, times: Sequence[int]) -> None:
    last = times[-1]
    if name == "ocsp_next_update_remaining_seconds":
        out.writelines(f"{name}{{{labels}}} {value + last - time:.0f} {time}\n" for time in times)
    else:
        text = f"{name}{{{labels}}} {value!r} "
        out.writelines(f"{text}{time}\n" for time in times)


def store(folder: Path, text: Path) -> None:
    """Write OpenMetrics with times into the storage of a Prometheus that is to be run in a folder."""
    command = [find("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(text), str(folder / "data")]
    done = subprocess.run(command, text=True, capture_output=True, check=False, timeout=_PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr


def minutes(end: int, number: int) -> list[int]:
    """Return so many times, a minute apart, the last one `end`."""
    return [end - 60 * before for before in reversed(range(number))]


def names(number: int) -> Iterator[str]:
    """Return names of targets, as different from each other as real ones."""
    return (f"host-{position:05}.example.net:443" for position in range(number))
