"""Large pages made beside the event loop."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Final

from starlette.exceptions import HTTPException

#: Beyond so many different pages, the one that is being made included, more are refused.
MOST_PAGES: Final = 50
_BUSY: Final = 503


class Renderer:
    """Makes pages in a thread: one at a time, each once for all who ask for it meanwhile."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._renderings: dict[Hashable, asyncio.Task[bytes]] = {}

    async def page(self, key: Hashable, prepare: Callable[[], Callable[[], bytes]]) -> bytes:
        """Give the page of that key as of now, or as of the moment at which the rendering under way began.

        `prepare` is called on the event loop when its turn comes, and gives what is then called in the thread. Raises
        HTTPException where too many wait.
        """
        rendering = self._renderings.get(key)
        if rendering is None:
            if len(self._renderings) >= MOST_PAGES:
                raise HTTPException(_BUSY, "Too many pages wait to be made; try again later.", {"Retry-After": "1"})
            rendering = self._renderings[key] = asyncio.create_task(self._render(prepare))
            rendering.add_done_callback(lambda _: self._renderings.pop(key))
        # One who leaves does not take the page away from the others.
        return await asyncio.shield(rendering)

    async def _render(self, prepare: Callable[[], Callable[[], bytes]]) -> bytes:
        async with self._one_at_a_time:
            return await asyncio.to_thread(prepare())
