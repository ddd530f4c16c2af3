"""Large pages made beside the event loop."""

import asyncio
from collections.abc import Callable, Hashable


class Renderer:
    """Makes pages in a thread: one at a time, each once for all who ask for it meanwhile."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._renderings: dict[Hashable, asyncio.Task[bytes]] = {}

    async def page(self, key: Hashable, prepare: Callable[[], Callable[[], bytes]]) -> bytes:
        """Give the page of that key as of now, or as of the moment at which the rendering under way began.

        `prepare` is called on the event loop when its turn comes, and gives what is then called in the thread.
        """
        rendering = self._renderings.get(key)
        if rendering is None:
            rendering = self._renderings[key] = asyncio.create_task(self._render(prepare))
            rendering.add_done_callback(lambda _: self._renderings.pop(key))
        # One who leaves does not take the page away from the others.
        return await asyncio.shield(rendering)

    async def _render(self, prepare: Callable[[], Callable[[], bytes]]) -> bytes:
        async with self._one_at_a_time:
            return await asyncio.to_thread(prepare())
