"""Our exporter, which writes down when each probe began: `python -m benchmarks.recorded RECORD serve …`.

Its metrics say how late probes are, but not whose, and to be asked for the page of many targets would make it late.
When it ends there is a line for each probe: the time by the monotonic clock, the target, and how many seconds late
the probe was, nothing where it was the first of its target.
"""

import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ocsp_exporter.cli import main
from ocsp_exporter.model import Module, Results, Target
from ocsp_exporter.serving.probes import Probe
from ocsp_exporter.serving.scheduler import Scheduler


@dataclass(frozen=True, slots=True)
class Begun:
    """A probe that began at a time of the monotonic clock, so many seconds late; None: the first of its target."""

    at: float
    target: str
    late: float | None


def read(record: Path) -> list[Begun]:
    """Read what was written down, in the order of time."""
    lines = (line.split("\t") for line in record.read_text().splitlines())
    return [Begun(float(at), target, float(late) if late else None) for at, target, late in lines]


def _recording(
    begun: list[Begun],
    probe: Probe,
    *,
    observe_delay: Callable[[float], None],
    **options: Any,  # noqa: ANN401 -- passed on
) -> Scheduler:
    """Make a scheduler that notes all probes: it tells of a delay, and then calls the probe that has it."""
    late: list[float] = []

    def observe(seconds: float) -> None:
        late.append(seconds)
        observe_delay(seconds)

    def noted(target: Target, module: Module, limit: float | None = None, /) -> Coroutine[Any, Any, Results]:
        begun.append(Begun(time.monotonic(), target.name, late.pop() if late else None))
        return probe(target, module, limit)

    return Scheduler(noted, observe_delay=observe, **options)


def _write(begun: list[Begun], record: Path) -> None:
    with record.open("w") as out:
        out.writelines(f"{each.at}\t{each.target}\t{'' if each.late is None else each.late}\n" for each in begun)


if __name__ == "__main__":
    _begun: list[Begun] = []
    _, _record, *_arguments = sys.argv
    with patch("ocsp_exporter.serving.server.Scheduler", partial(_recording, _begun)):
        try:
            main(_arguments)
        finally:
            _write(_begun, Path(_record))
