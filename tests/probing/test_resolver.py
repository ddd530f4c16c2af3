"""Whose names are looked up when there are more than can be at a time."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from ocsp_exporter.model import EgressPolicy, Failure, Follow, Module, ProbeFailed, Target
from ocsp_exporter.probing import resolver as resolving
from ocsp_exporter.probing.egress import Egress, FetchFailed, Request
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.resolver import Address, Addresses, Asker, Resolver

HERE: Addresses = (Address(socket.AF_INET, "127.0.0.1"),)
OPERATOR, SOURCE, CLIENT = Asker
#: So few threads that a test can fill them.
MOST, SHARE = 8, 2


@dataclass
class Names:
    """A system's resolver: names that begin with `slow` hang until the end. It notes what it was asked, in order."""

    asked: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def look_up(self, host: str) -> Addresses:
        """Wait, if it is a slow one."""
        self.asked.append(host)
        if host.startswith("slow"):
            self.ended.wait()
        return HERE

    async def all_asked(self, *hosts: str) -> bool:
        """Tell whether it was asked for these and no others, once each; it waits for those that were begun."""
        for _ in range(3000):
            if len(self.asked) >= len(hosts):
                break
            await asyncio.sleep(0.01)
        return sorted(self.asked) == sorted(hosts)


@pytest.fixture(autouse=True)
def _few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "MOST_THREADS", MOST)
    monkeypatch.setattr(resolving, "_MOST_BUSY", {OPERATOR: MOST, SOURCE: SHARE, CLIENT: SHARE})


@asynccontextmanager
async def resolver() -> AsyncIterator[tuple[Resolver, Names]]:
    """Give a resolver over such a system, and end what hangs with the block."""
    names = Names()
    made = Resolver(names.look_up)
    try:
        yield made, names
    finally:
        names.ended.set()
        made.close()


@asynccontextmanager
async def wanting(made: Resolver, asker: Asker, *hosts: str) -> AsyncIterator[None]:
    """Want hosts looked up while the block lasts, and nobody longer."""
    tasks = [asyncio.create_task(made.resolve(host, asker)) for host in hosts]
    await asyncio.sleep(0)
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def slow(asker: Asker, number: int) -> list[str]:
    """Give so many names that hang."""
    return [f"slow-{asker.name}-{each}" for each in range(number)]


@pytest.mark.parametrize("asker", [SOURCE, CLIENT])
async def test_names_of_others_that_hang_do_not_keep_the_operators_from_being_looked_up(asker: Asker) -> None:
    """However many they are; nor those of the other kind. Their own wait."""
    other = {SOURCE: CLIENT, CLIENT: SOURCE}[asker]
    async with resolver() as (made, names), wanting(made, asker, *slow(asker, 100)):
        assert await made.resolve("fast.example") == HERE
        assert await made.resolve("also-fast.example", other) == HERE
        with suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await made.resolve("late.example", asker)
        assert await names.all_asked("also-fast.example", "fast.example", *slow(asker, SHARE))


async def test_all_threads_are_for_the_operator() -> None:
    """As many of his names as there are threads; one more waits."""
    async with resolver() as (made, names), wanting(made, OPERATOR, *slow(OPERATOR, MOST + 1)):
        assert await names.all_asked(*slow(OPERATOR, MOST))


async def test_what_waits_for_a_thread_is_looked_up_for_the_operator_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then for sources, then for clients; of each in the order in which it was wanted."""
    monkeypatch.setattr(resolving, "MOST_THREADS", 1)
    async with resolver() as (made, names), wanting(made, CLIENT, "slow"):
        late = [(asker, f"{asker.name}-{each}") for each in (1, 2) for asker in (CLIENT, SOURCE, OPERATOR)]
        waiting = [asyncio.create_task(made.resolve(host, asker)) for asker, host in late]
        await asyncio.sleep(0)
        names.ended.set()
        assert await asyncio.gather(*waiting) == [HERE] * 6
        assert names.asked == ["slow", *(f"{asker.name}-{each}" for asker in Asker for each in (1, 2))]


@pytest.mark.parametrize("asker", Asker)
async def test_what_nobody_waits_for_any_more_is_not_begun(asker: Asker) -> None:
    """It leaves the queue at once; what somebody else waits for still stays in it."""
    full = MOST if asker is OPERATOR else SHARE
    async with resolver() as (made, names):
        async with wanting(made, asker, *slow(asker, full)), wanting(made, asker, "left.example", "shared.example"):
            waiting = asyncio.create_task(made.resolve("shared.example", asker))
            await asyncio.sleep(0)
        names.ended.set()
        assert await waiting == HERE
        assert await made.resolve("last.example", asker) == HERE
        assert await names.all_asked("last.example", "shared.example", *slow(asker, full))


async def test_a_name_that_the_operator_wants_as_well_is_looked_up_for_him() -> None:
    """Who asked first does not matter, unless it is being looked up already."""
    async with (
        resolver() as (made, names),
        wanting(made, CLIENT, *slow(CLIENT, SHARE)),
        wanting(made, CLIENT, "wanted.example"),
    ):
        assert "wanted.example" not in names.asked
        assert await made.resolve("wanted.example") == HERE


async def test_a_look_up_that_fails_gives_its_place_back() -> None:
    """Whoever waits is told, and the next one is looked up; for everybody."""

    def refuse(host: str) -> Addresses:
        raise OSError(5, host)

    made = Resolver(refuse)
    for asker in Asker:
        for number in range(3 * MOST):
            with pytest.raises(ProbeFailed):
                await made.resolve(f"{number}.example", asker)
    made.close()


async def test_where_no_thread_can_be_started_the_next_one_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is noted of what was not begun."""

    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async with resolver() as (made, _names):
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", fail)
            with pytest.raises(RuntimeError):
                await made.resolve("some.example", CLIENT)
        assert await made.resolve("some.example", CLIENT) == HERE


@pytest.mark.parametrize(("is_clients", "failure"), [(True, Failure.RESOLVE), (False, Failure.REFUSED)])
async def test_targets_are_looked_up_for_those_who_named_them(failure: Failure, *, is_clients: bool) -> None:
    """With the threads full of a client's names, the next one of his waits, and one of the operator's does not."""
    async with resolver() as (made, _names), wanting(made, CLIENT, *slow(CLIENT, SHARE)):
        target = Target("late.example", "late.example", 1, is_clients=is_clients)
        [result] = await Prober(made).probe(target, Module("tls", timeout=0.1 if is_clients else 30.0))
        assert result.failure is failure


async def test_what_is_fetched_is_looked_up_as_what_is_fetched() -> None:
    """With their threads full of a source's names, the next one waits."""
    async with resolver() as (made, names), wanting(made, SOURCE, *slow(SOURCE, SHARE)):
        egress = Egress(EgressPolicy(Follow.ANY), made)
        with pytest.raises(FetchFailed):
            await egress.fetch(Request("http://late.example:9/"), asyncio.get_running_loop().time() + 0.1)
        await egress.close()
        assert "late.example" not in names.asked
