"""Who comes when, of those who take turns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ocsp_exporter.serving.turns import TooMany, Turns


class Queue:
    """Some who wait for the same turns, the first of which is taken; and in which order they had them."""

    def __init__(self, most: int = 100, most_of_one: int = 100) -> None:
        self.turns = Turns(most, most_of_one)
        self.had: list[str] = []

    async def take(self, name: str) -> None:
        """Wait for a turn, as whoever the first letter of the name says."""
        async with self.turns.taken(name[0]):
            self.had.append(name)

    @asynccontextmanager
    async def of(self, *names: str) -> AsyncIterator[list[asyncio.Task[None]]]:
        """Have these wait while this is entered; then let them take their turns, and wait for them all."""
        async with self.turns.taken("first"):
            tasks = [asyncio.create_task(self.take(name)) for name in names]
            await asyncio.sleep(0)
            yield tasks
        await asyncio.wait(tasks)


async def test_everybody_in_turn() -> None:
    """Of those who wait each has one turn before any has another; each in the order in which they came."""
    queue = Queue()
    async with queue.of("a1", "a2", "a3", "b1", "b2", "c1"):
        pass
    assert queue.had == ["a1", "b1", "c1", "a2", "b2", "a3"]
    async with queue.of("c1", "a1"):
        pass
    assert queue.had[6:] == ["c1", "a1"]


async def test_so_many_of_one() -> None:
    """One more is refused, whatever room there is; another is not."""
    queue = Queue(most_of_one=2)
    async with queue.of("a1", "a2", "a3", "b1") as tasks:
        await asyncio.wait(tasks[2:3])
        with pytest.raises(TooMany) as refused:
            await tasks[2]
    assert refused.value.of_one
    assert queue.had == ["a1", "b1", "a2"]


async def test_who_has_most_makes_room() -> None:
    """Where there is no room, the last of the one goes who has most; where nobody has more, the new one."""
    queue = Queue(most=3)
    async with queue.of("a1", "a2", "a3", "b1", "c1", "d1") as tasks:
        await asyncio.sleep(0)
    assert queue.had == ["a1", "b1", "c1"]
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(each, TooMany) and not each.of_one for each in outcomes] == [0, 1, 1, 0, 0, 1]


@pytest.mark.parametrize("gone", [["a1"], ["a2"], ["a1", "a2"], ["b1"], ["a1", "b1"], ["a1", "a2", "b1"]])
@pytest.mark.parametrize("at_once", [False, True])
async def test_who_leaves_is_passed_over(gone: list[str], at_once: bool) -> None:
    """Those who do not wait any more take no turn and no room, be it that they leave just before it is theirs."""
    names = ["a1", "a2", "b1"]
    queue = Queue()
    async with queue.of(*names) as tasks:
        for name, task in zip(names, tasks, strict=True):
            if name in gone:
                task.cancel()
        if not at_once:
            await asyncio.sleep(0)
    assert sorted(queue.had) == sorted(set(names) - set(gone))
    async with queue.of("a1"):
        pass
    assert queue.had[-1] == "a1"


async def test_who_leaves_when_it_is_theirs_passes_it_on() -> None:
    """A turn that was given and never had is the next one's."""
    queue = Queue()
    async with queue.of("a1", "b1") as tasks:
        asyncio.get_running_loop().call_soon(tasks[0].cancel)
    assert queue.had[-1] == "b1"
    async with queue.of("c1"):
        pass
    assert queue.had[-1] == "c1"
