"""An event loop whose clock jumps to the next timer as soon as nothing else is to be done: hours pass in no time."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import TypeVar

from ocsp_exporter.serving.probes import Clock
from tests.unit.results import NOW

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Waits for nothing: what would have been waited is added to `now`."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass; without a timer it would pass for ever."""
        assert timeout is not None, "everything waits for something that will not happen"
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop, whose `time` begins at 0."""

    def __init__(self) -> None:
        self._passing = _Selector()
        super().__init__(self._passing)

    def time(self) -> float:
        """Give the virtual seconds since the loop was made."""
        return self._passing.now


def run(main: Coroutine[object, object, T]) -> T:
    """Run `main` in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


def clock() -> Clock:
    """Give the clock of the running loop; the wall clock shows NOW at its beginning."""
    loop = asyncio.get_running_loop()
    return Clock(wall=lambda: NOW + loop.time(), monotonic=loop.time)
