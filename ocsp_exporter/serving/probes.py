"""Going out: how the workers and `/probe` call the prober."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ocsp_exporter.model import Failure, Module, ProbeResult, Target
from ocsp_exporter.serving.instruments import Instruments

_log = logging.getLogger(__name__)


class Probe(Protocol):
    """Look at a target once, within `limit` seconds and the module's own timeout."""

    async def __call__(self, target: Target, module: Module, limit: float | None = None, /) -> ProbeResult:
        """Give what was found, or why nothing was."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is: `wall` in seconds since 1970, `monotonic` in seconds of the event loop's clock."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


def guarded(probe: Probe, clock: Clock) -> Probe:
    """Make a probe that raises nothing but CancelledError: a fault of ours becomes the failure `internal`."""

    async def guarded_probe(target: Target, module: Module, limit: float | None = None, /) -> ProbeResult:
        began = clock.monotonic()
        try:
            return await probe(target, module, limit)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the other targets go on
            _log.exception("probe failed by a fault of the exporter", extra={"fields": {"target": target.name}})
            return ProbeResult(
                target=target,
                module=module.name,
                obtained_at=clock.wall(),
                duration=clock.monotonic() - began,
                phases={},
                failure=Failure.INTERNAL,
                detail=f"{type(fault).__name__}: {fault}",
            )

    return guarded_probe


def counted(probe: Probe, instruments: Instruments) -> Probe:
    """Make a probe that the exporter's own metrics know of, while it runs and when it has ended."""

    async def counted_probe(target: Target, module: Module, limit: float | None = None, /) -> ProbeResult:
        with instruments.in_flight.track_inprogress():
            result = await probe(target, module, limit)
        instruments.probed(result)
        return result

    return counted_probe
