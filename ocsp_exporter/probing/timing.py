"""How long the parts of a probe take, and until when they may."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from ocsp_exporter.model import Failure, Phase, ProbeFailed

T = TypeVar("T")


@dataclass(slots=True)
class Timing:
    """How long each phase took when it was gone through first, that in which a probe failed included."""

    clock: Callable[[], float]
    phases: dict[Phase, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def of(self, phase: Phase) -> Iterator[None]:
        """Time the body as `phase`, unless that was timed before."""
        begun = self.clock()
        try:
            yield
        finally:
            self.phases.setdefault(phase, self.clock() - begun)


async def by(deadline: float, work: Coroutine[object, object, T], failure: Failure, what: str) -> T:
    """Await `work` until `deadline` on the loop's clock. Raises ProbeFailed with `failure` when it is past."""
    try:
        async with asyncio.timeout_at(deadline):
            return await work
    except TimeoutError as error:
        raise ProbeFailed(failure, f"{what} did not end in time") from error
