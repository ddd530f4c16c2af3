"""Work that may hang, such as reading from a disk that is gone, in threads that do not keep the exporter from ending.

asyncio waits at its end for all that runs in its own threads, however long that takes.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Give what `work` gives, or raise what it raises. Where this is cancelled, the thread goes on by itself."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(tell: Callable[[], None]) -> None:
        if not future.done():
            tell()

    def run() -> None:
        try:
            tell = partial(future.set_result, work())
        except Exception as error:  # noqa: BLE001 - it is for whoever waits
            tell = partial(future.set_exception, error)
        with suppress(RuntimeError):  # the loop has been closed meanwhile, and nobody waits
            loop.call_soon_threadsafe(settle, tell)

    threading.Thread(target=run, daemon=True).start()
    return await future
