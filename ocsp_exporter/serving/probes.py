"""Going out: how the workers and `/probe` call the prober."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ocsp_exporter.model import Module, Results, Target
from ocsp_exporter.serving.instruments import Instruments


class Probe(Protocol):
    """Look at a target once, within `limit` seconds and the module's own timeout."""

    async def __call__(self, target: Target, module: Module, limit: float | None = None, /) -> Results:
        """Give for each way of looking what was found, or why nothing was.

        Raises TargetForbidden where the target may not be looked at, and nothing else but CancelledError.
        """


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is: `wall` in seconds since 1970, `monotonic` in seconds of the event loop's clock."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


def counted(probe: Probe, instruments: Instruments) -> Probe:
    """Make a probe that the exporter's own metrics know of, while it runs and when it has ended."""

    async def counted_probe(target: Target, module: Module, limit: float | None = None, /) -> Results:
        with instruments.in_flight.track_inprogress():
            results = await probe(target, module, limit)
        instruments.probed(results)
        return results

    return counted_probe
