"""What waits for the disk, in threads of its own.

A disk may hang, as one behind a network does: that must neither keep a thread of the loop's small pool, nor delay the
exporter's end. So these threads are daemons, and whoever asks for what hangs already gets no second thread.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")


class Disk(Generic[T]):
    """Does work in threads, of each key one thing at a time. Used from one event loop."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Future[T]] = {}

    async def run(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return what `work` gives, or what that gives which was begun for this key before and has not ended yet.

        Raises what the work raises. It goes on where nobody waits for it any more.
        """
        return await asyncio.shield(self._under_way.get(key) or self._start(key, work))

    def _start(self, key: Hashable, work: Callable[[], T]) -> "asyncio.Future[T]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            try:
                tell = partial(future.set_result, work())
            except Exception as error:  # noqa: BLE001 -- whoever waits must be told, whatever it is
                tell = partial(future.set_exception, error)
            # The loop may have been closed while the disk hung; then nobody waits for it.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(tell)

        threading.Thread(target=run, name="disk", daemon=True).start()
        self._under_way[key] = future
        future.add_done_callback(lambda done: self._finish(key, done))
        return future

    def _finish(self, key: Hashable, done: "asyncio.Future[T]") -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # looked at once, so that nobody is told that nobody did
