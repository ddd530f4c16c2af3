"""A fetcher in virtual time: the wire does by a script, all else is real."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ocsp_exporter.model import EgressPolicy, FetchKind, Follow, Problem, StoreResult
from ocsp_exporter.probing.egress import Answer, Egress, FetchFailed, Request
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.resolver import Resolver
from tests.unit import virtual_time
from tests.unit.results import NOW

URL = "http://ca.example/ocsp"
OTHER = "http://other.example/ocsp"


@dataclass(frozen=True)
class Act:
    """What the wire does with one request: it fails or is answered, after some seconds."""

    problem: Problem | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    takes: float = 0.0


GOOD = Act()
DOWN = Act(Problem.UNREACHABLE)


def refused(status: int | None, retry_after: str | None = None) -> Act:
    """Make an answer other than 200; without a status it is no HTTP."""
    return Act(Problem.HTTP_ERROR, status, {} if retry_after is None else {"retry-after": retry_after})


class Wire(Egress):
    """Does by its script, and answers well afterwards. It notes what was sent, when, and until when."""

    def __init__(self, script: list[Act]) -> None:
        super().__init__(EgressPolicy(Follow.ANY), Resolver())
        self._script = script
        self.sent: list[tuple[float, str]] = []
        self.deadlines: list[float] = []

    async def fetch(self, request: Request, deadline: float) -> Answer:
        """Do what comes next."""
        self.sent.append((round(asyncio.get_running_loop().time(), 3), request.url))
        self.deadlines.append(round(deadline, 3))
        act = self._script.pop(0) if self._script else GOOD
        await asyncio.sleep(act.takes)
        if act.problem:
            raise FetchFailed(act.problem, "it failed", act.status, act.headers)
        return Answer(request.url, 200, act.headers, b"good")

    @property
    def times(self) -> list[float]:
        """The seconds at which something was sent."""
        return [at for at, _ in self.sent]


class Notes:
    """An observer that notes what it was told."""

    def __init__(self) -> None:
        self.fetches: list[tuple[str, str, float, str | None]] = []

    def fetched(self, kind: FetchKind, host: str, seconds: float, problem: Problem | None, /) -> None:
        """Note it."""
        self.fetches.append((kind, host, round(seconds, 3), problem))

    def store_requested(self, kind: FetchKind, result: StoreResult, /) -> None:
        """Nothing is stored here."""


@dataclass(frozen=True)
class Here:
    """A fetcher with its wire."""

    fetcher: Fetcher
    wire: Wire
    notes: Notes

    async def fetch(self, url: str = URL, patience: float = 10.0) -> Problem | None:
        """Fetch, and give what went wrong."""
        failed = await self.failure(url, patience)
        return None if failed is None else failed.problem

    async def failure(self, url: str = URL, patience: float = 10.0) -> FetchFailed | None:
        """Fetch, and give all of what went wrong."""
        try:
            answer = await self.fetcher.fetch(FetchKind.OCSP, Request(url), patience)
        except FetchFailed as failed:
            return failed
        assert answer.body == b"good"
        return None

    async def fetch_all(self, *urls: str) -> list[Problem | None]:
        """Fetch all at once."""
        return await asyncio.gather(*map(self.fetch, urls))

    async def fetch_in_turn(self, number: int) -> list[Problem | None]:
        """Fetch one after another."""
        return [await self.fetch() for _ in range(number)]

    def start(self, number: int = 1) -> "list[asyncio.Task[Problem | None]]":
        """Let fetches begin."""
        return [asyncio.create_task(self.fetch()) for _ in range(number)]


def play(story: Callable[[Here], Awaitable[None]], *script: Act, jitter: float = 0.0) -> None:
    """Tell a story of a fetcher that may ask a host twice a second, in virtual time."""

    async def tell() -> None:
        wire, notes = Wire(list(script)), Notes()
        clock = asyncio.get_running_loop().time
        await story(Here(Fetcher(wire, 2.0, notes, clock, lambda: jitter, lambda: NOW), wire, notes))

    virtual_time.run(tell())
