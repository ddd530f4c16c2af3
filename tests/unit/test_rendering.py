"""Pages that are made in a thread, and those who wait for them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from starlette.exceptions import HTTPException

from ocsp_exporter.serving import status_page
from ocsp_exporter.serving.rendering import MOST_PAGES, Renderer
from tests.unit.exporter import Exporter


class Busy:
    """A renderer that makes no page before it is released, and which pages it made."""

    def __init__(self) -> None:
        self.renderer = Renderer()
        self.made: list[int] = []
        self.release = threading.Event()

    def prepare(self, number: int) -> Callable[[], bytes]:
        """Prepare a page."""

        def make() -> bytes:
            self.release.wait()
            self.made.append(number)
            return b"%d" % number

        return make

    async def page(self, number: int) -> bytes:
        """Ask for a page."""
        return await self.renderer.page(number, lambda: self.prepare(number))

    @asynccontextmanager
    async def asked(self, *numbers: int) -> AsyncIterator[list[asyncio.Task[bytes]]]:
        """Have these pages asked for while this is entered; then they are made, and this waits for them."""
        tasks = [asyncio.create_task(self.page(number)) for number in numbers]
        await asyncio.sleep(0)
        try:
            yield tasks
        finally:
            self.release.set()
            await asyncio.wait(tasks)


async def test_each_page_is_made_once() -> None:
    """All who ask for a page while it is waited for have the same one."""
    busy = Busy()
    async with busy.asked(1, 2, 1, 2, 1) as tasks:
        pass
    assert [task.result() for task in tasks] == [b"1", b"2", b"1", b"2", b"1"]
    assert busy.made == [1, 2]


async def test_so_many_different_pages_wait() -> None:
    """A further one is refused, until there is room; whoever asks for one that is waited for anyway is not."""
    busy = Busy()
    async with busy.asked(*range(MOST_PAGES)) as tasks:
        with pytest.raises(HTTPException) as refused:
            await busy.page(MOST_PAGES)
        last = asyncio.create_task(busy.page(MOST_PAGES - 1))
    assert (refused.value.status_code, refused.value.headers) == (503, {"Retry-After": "1"})
    assert [task.result() for task in tasks] == [b"%d" % number for number in range(MOST_PAGES)]
    assert (await last, await busy.page(MOST_PAGES)) == (tasks[-1].result(), b"%d" % MOST_PAGES)
    assert busy.made == list(range(MOST_PAGES + 1))


async def test_the_pages_of_people_do_not_keep_prometheus_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where too many searches wait, another is told so in a sentence, and `/metrics` and `/sd` are there."""
    release = threading.Event()
    render = status_page.render

    def slow(*arguments: object) -> bytes:
        release.wait()
        return render(*arguments)  # type: ignore[arg-type] # what it was given

    monkeypatch.setattr(status_page, "render", slow)
    exporter = Exporter()
    searches = [asyncio.create_task(exporter.get(f"/?q=a{number}")) for number in range(MOST_PAGES + 1)]
    await asyncio.wait(searches, return_when=asyncio.FIRST_COMPLETED)
    others = [(await exporter.get(path)).status_code for path in ("/metrics", "/sd", "/-/healthy")]
    release.set()
    answers = [await search for search in searches]
    assert [answer.status_code for answer in answers] == [*MOST_PAGES * [200], 503]
    assert (answers[-1].text, answers[-1].headers["retry-after"]) == (
        "Too many pages wait to be made; try again later.\n",
        "1",
    )
    assert others == [200, 200, 200]
