"""Taking turns: one at a time, and of those who wait everybody as often as everybody else."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class TooMany(Exception):
    """There is no place to wait. `of_one`: that one has as many waiting as one may; the others have room."""

    def __init__(self, *, of_one: bool) -> None:
        super().__init__(of_one)
        self.of_one = of_one


class Turns:
    """Turns that are taken one after the other. Used from one event loop.

    So many may wait, and `most_of_one` for the same one; who has more waiting than a new one makes room for it.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._is_taken = False
        # Whose turn is next stands first, and goes to the end with it.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def taken(self, who: str) -> AsyncIterator[None]:
        """Have the turn while this is entered, after waiting for it. Raises TooMany."""
        if self._is_taken:
            await self._wait(who)
        self._is_taken = True
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, who: str) -> None:
        self._make_room(who)
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(who, turn)
            elif not turn.exception():  # it was ours already
                self._pass_on()
            raise

    def _make_room(self, who: str) -> None:
        mine = len(self._waiting.get(who, ()))
        if mine >= self._most_of_one:
            raise TooMany(of_one=True)
        if sum(map(len, self._waiting.values())) < self._most:
            return
        other, theirs = max(self._waiting.items(), key=lambda each: len(each[1]))
        if len(theirs) <= mine + 1:
            raise TooMany(of_one=False)
        last = theirs[-1]
        self._forget(other, last)
        if not last.done():  # who waited for it may have been cancelled a moment ago
            last.set_exception(TooMany(of_one=False))

    def _forget(self, who: str, turn: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(who, deque())
        with suppress(ValueError):  # passed over already
            waiting.remove(turn)
        if not waiting:
            self._waiting.pop(who, None)

    def _pass_on(self) -> None:
        self._is_taken = False
        while self._waiting and not self._is_taken:
            who = next(iter(self._waiting))
            waiting = self._waiting.pop(who)
            turn = waiting.popleft()
            if waiting:
                self._waiting[who] = waiting
            if not turn.done():  # whoever waited for it may have been cancelled a moment ago
                turn.set_result(None)
                self._is_taken = True
