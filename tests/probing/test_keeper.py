"""What a source says is kept, stored, and asked for again in time."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import pytest

from ocsp_exporter.model import SHORTEST_REST, FetchKind, Problem, StoreResult
from ocsp_exporter.probing import keeper as keeping
from ocsp_exporter.probing.egress import FetchFailed
from ocsp_exporter.probing.keeper import (
    Fetched,
    Inquiry,
    Judgement,
    Keeper,
    Kept,
    rest_after_answer,
    rest_after_failures,
)
from ocsp_exporter.probing.store import Store
from ocsp_exporter.revocation.checks import Policy
from tests.unit import virtual_time
from tests.unit.results import NOW
from tests.unit.virtual_time import run

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True)
class Said:
    """An answer, usable until it `ends`."""

    text: bytes
    ends: float | None = None
    begins: float | None = None
    is_usable: bool = True


GOOD = Said(b"good", NOW + 30 * DAY)
BAD = Said(b"bad", is_usable=False)
DOWN = FetchFailed(Problem.UNREACHABLE, "nobody is there")


@dataclass
class Source:
    """A source that says what it is told to, one thing after the other, and then the last one again and again."""

    says: list[Said | Exception]
    takes: float = 1.0
    queue: float = 0.0
    kind: FetchKind = FetchKind.OCSP
    asked_at: list[float] = field(default_factory=list)
    befores: list[Said | None] = field(default_factory=list)

    async def fetch(self, question: str, policy: Policy, before: Said | None) -> Said:
        """Take a while, then say the next thing."""
        del question, policy
        self.asked_at.append(asyncio.get_running_loop().time())
        self.befores.append(before)
        await asyncio.sleep(self.takes)
        said = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if isinstance(said, Exception):
            raise said
        return before if said is CONFIRMED and before else said

    def judge(self, question: str, content: Said, policy: Policy, now: float) -> Judgement:
        """An answer is usable until its end."""
        del question, policy
        return Judgement(
            content.is_usable and (content.ends is None or now < content.ends), content.begins, content.ends
        )

    def outdated(self, before: Said, content: Said) -> Said:
        """Tell it apart."""
        return replace(before, text=before.text + b", not " + content.text)

    def delay(self, question: str) -> float:
        """As long as the queue is."""
        del question
        return self.queue

    def name(self, question: str) -> str:
        """A hash, as the store wants it."""
        return sha256(question.encode()).hexdigest()

    def encode(self, content: Said) -> bytes | None:
        """The text, and the end."""
        return b"%s|%.1f" % (content.text, content.ends or 0)

    async def decode(self, question: str, encoded: bytes) -> Said | None:
        """The reverse."""
        del question
        text, bar, ends = encoded.partition(b"|")
        return Said(text, float(ends)) if bar else None

    def settle(self, content: Said) -> Said:
        """All of it is kept."""
        return content

    def limit(self, question: str) -> int:
        """Texts are short."""
        del question
        return 1000

    def refusal(self, question: str) -> FetchFailed | None:
        """Only one question is refused."""
        return FetchFailed(Problem.BLOCKED_BY_EGRESS_POLICY, "no") if question == "forbidden" else None

    def weight(self, question: str) -> int:
        """A long question is a heavy one."""
        return len(question)

    def size(self, content: Said) -> int:
        """The text is what takes memory."""
        return len(content.text)


CONFIRMED = Said(b"not modified")


@dataclass
class Counted:
    """An observer that remembers what the store was asked for."""

    results: list[StoreResult] = field(default_factory=list)

    def fetched(self, *_: object) -> None:
        """Nothing is fetched here."""

    def store_requested(self, _kind: FetchKind, result: StoreResult, /) -> None:
        """Remember it."""
        self.results.append(result)


def inquiry(question: str = "a", refresh: float = HOUR, *, is_stored: bool = True) -> Inquiry[str]:
    """Ask, to be told again within an hour."""
    return Inquiry(question, Policy(), refresh, is_stored)


def in_time(source: Source, main: Callable[[Keeper[str, Said]], Coroutine[object, object, None]]) -> None:
    """Run `main` with a keeper in virtual time, without a disk."""

    async def go() -> None:
        keeper = Keeper(source, Store(None), virtual_time.clock().wall)
        try:
            await main(keeper)
        finally:
            await keeper.close()

    run(go())


def now() -> float:
    """The loop's time."""
    return asyncio.get_running_loop().time()


def test_a_first_answer_is_waited_for_and_then_used_again() -> None:
    """Whoever asks first waits, until his deadline; whoever asks later does not."""
    source = Source([GOOD], takes=3.0)

    async def main(keeper: Keeper[str, Said]) -> None:
        assert await keeper.get(inquiry(), now() + 2) == Kept()
        assert now() == 2
        kept = await keeper.get(inquiry(), now() + 9)
        assert now() == 3
        assert kept == Kept(Fetched(GOOD, NOW + 3), Fetched(GOOD, NOW + 3))
        assert await keeper.get(inquiry(), now()) == kept

    in_time(source, main)
    assert source.asked_at == [0]


def test_a_question_is_asked_once_however_many_want_to_know() -> None:
    """Equal questions share a fetch; another question has its own."""
    source = Source([GOOD])

    async def main(keeper: Keeper[str, Said]) -> None:
        await asyncio.gather(*(keeper.get(inquiry(), now() + 9) for _ in range(1000)))
        assert len(source.asked_at) == 1
        await keeper.get(inquiry("b"), now() + 9)
        assert len(source.asked_at) == 2

    in_time(source, main)


async def _look_each_minute(keeper: Keeper[str, Said], minutes: int) -> list[Kept[Said]]:
    looks = []
    for _ in range(minutes):
        looks.append(await keeper.get(inquiry(), now() + 10))
        await asyncio.sleep(MINUTE)
    return looks


def test_an_answer_is_fetched_again_within_refresh_while_somebody_asks() -> None:
    """Long-lived answers once per `refresh`, a little earlier by chance; short-lived ones at half their life."""
    source = Source([GOOD])

    async def main(keeper: Keeper[str, Said]) -> None:
        await _look_each_minute(keeper, 6 * 60)

    in_time(source, main)
    rests = [later - earlier for earlier, later in zip(source.asked_at, source.asked_at[1:], strict=False)]
    assert 6 <= len(rests) <= 7
    assert all(0.8 * HOUR <= rest <= HOUR + 1 for rest in rests)


def test_what_nobody_asks_for_any_more_is_fetched_no_more() -> None:
    """After the last look there is one more fetch at most; who asks much later waits for a new one."""
    source = Source([GOOD])

    async def main(keeper: Keeper[str, Said]) -> None:
        await keeper.get(inquiry(), now() + 9)
        await asyncio.sleep(5 * DAY)
        assert len(source.asked_at) <= 2
        before = len(source.asked_at)
        assert (await keeper.get(inquiry(), now() + 9)).usable == Fetched(GOOD, NOW + now())
        assert len(source.asked_at) == before + 1

    in_time(source, main)


@pytest.mark.parametrize("interval", [3 * MINUTE, 5 * MINUTE, HOUR, 6 * HOUR, DAY])
def test_what_is_kept_outlives_a_source_that_is_down_however_seldom_it_is_looked_at(interval: float) -> None:
    """No look in between must not lose what is known, as long as that holds."""
    source = Source([GOOD, DOWN])

    async def main(keeper: Keeper[str, Said]) -> None:
        for _ in range(40):
            kept = await keeper.get(inquiry(), now() + 9)
            assert kept.usable == Fetched(GOOD, NOW + 1)
            await asyncio.sleep(interval)
        assert kept.problem is Problem.UNREACHABLE

    in_time(source, main)


def test_who_asks_late_gets_what_is_kept_where_the_source_takes_too_long() -> None:
    """He waits until his deadline, and no longer."""
    source = Source([GOOD], takes=1.0)

    async def main(keeper: Keeper[str, Said]) -> None:
        await keeper.get(inquiry(), now() + 9)
        await asyncio.sleep(DAY)
        source.takes = 60.0
        begun = now()
        kept = await keeper.get(inquiry(), now() + 9)
        assert now() == begun + 9
        assert kept.usable
        assert kept.usable.content is GOOD

    in_time(source, main)


def test_an_answer_from_before_the_one_that_is_kept_takes_nothing_back() -> None:
    """A cache that lags behind is told of by the source; once the kept one has ended, the older one counts."""
    later = Said(b"later", NOW + 3 * HOUR, NOW - 1)
    earlier = Said(b"earlier", NOW + 30 * DAY, NOW - 2)
    source = Source([later, earlier])

    async def main(keeper: Keeper[str, Said]) -> None:
        looks = await _look_each_minute(keeper, 5 * 60)
        told = [look.usable.content.text for look in looks if look.usable]
        assert told[0] == b"later"
        assert b"later, not earlier" in told
        assert told[-1] == b"earlier"

    in_time(source, main)


def test_the_most_impatient_asker_decides_how_soon_an_answer_is_fetched_again() -> None:
    """Whoever asks in between, and however patient he is."""
    source = Source([GOOD])

    async def main(keeper: Keeper[str, Said]) -> None:
        for _ in range(6 * 60):
            await keeper.get(inquiry(refresh=5 * MINUTE), now() + 9)
            await asyncio.sleep(MINUTE / 2)
            await keeper.get(inquiry(refresh=6 * HOUR), now() + 9)
            await asyncio.sleep(MINUTE / 2)

    in_time(source, main)
    assert len(source.asked_at) >= 6 * 60 / 5


def test_an_error_of_ours_outside_the_fetch_is_not_the_last_try(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever raises, whoever asks is told, and it is tried again."""
    source = Source([GOOD])
    judge = source.judge
    monkeypatch.setattr(source, "judge", _fail)

    async def main(keeper: Keeper[str, Said]) -> None:
        assert (await keeper.get(inquiry(), now() + 9)).problem is Problem.UNREACHABLE
        monkeypatch.setattr(source, "judge", judge)
        await asyncio.sleep(3 * MINUTE)
        assert (await keeper.get(inquiry(), now() + 9)).usable

    in_time(source, main)
    assert "cannot start a thread" in caplog.text


def _fail(*_: object) -> Judgement:
    raise RuntimeError("cannot start a thread")


def test_a_source_that_goes_down_is_seen_within_refresh_and_its_last_answer_stays() -> None:
    """The answer and its age stay as they were; the problem stands beside it, and goes when the source is back."""
    back = Said(b"back", NOW + 30 * DAY)
    source = Source([GOOD, DOWN, DOWN, back])

    async def main(keeper: Keeper[str, Said]) -> None:
        looks = await _look_each_minute(keeper, 120)
        down = next(look for look in looks if look.problem)
        assert looks.index(down) <= 61
        assert down == Kept(Fetched(GOOD, NOW + 1), None, Problem.UNREACHABLE)
        assert looks[-1].usable is looks[-1].latest
        assert looks[-1].latest is not None
        assert looks[-1].latest.content is back

    in_time(source, main)


def test_failures_are_retried_with_longer_and_longer_rests() -> None:
    """Two minutes, four, eight, and so on to `refresh`, never oftener."""
    source = Source([DOWN])

    async def main(keeper: Keeper[str, Said]) -> None:
        looks = await _look_each_minute(keeper, 300)
        assert all(look == Kept(None, None, Problem.UNREACHABLE) for look in looks)

    in_time(source, main)
    rests = [later - earlier for earlier, later in zip(source.asked_at, source.asked_at[1:], strict=False)]
    for rest, (least, most) in zip(rests, [(120, 133), (192, 241), (384, 481), (768, 961), (1536, 1921)], strict=False):
        assert least <= rest <= most
    assert all(rest <= HOUR + 1 for rest in rests)


def test_a_source_that_asks_to_be_left_alone_is() -> None:
    """Retry-After is kept even where it is longer than any rest of ours."""
    source = Source([FetchFailed(Problem.HTTP_ERROR, "later", retry_after=5 * HOUR), GOOD])

    async def main(keeper: Keeper[str, Said]) -> None:
        await _look_each_minute(keeper, 6 * 60)

    in_time(source, main)
    assert 5 * HOUR <= source.asked_at[1] <= 5 * HOUR + 2


def test_an_answer_that_cannot_be_relied_on_is_told_and_the_last_good_one_kept() -> None:
    """Both are there for whoever judges them; and the bad one counts as a failure."""
    source = Source([GOOD, BAD, BAD, GOOD])

    async def main(keeper: Keeper[str, Said]) -> None:
        looks = await _look_each_minute(keeper, 75)
        bad = next(look for look in looks if look.latest is not look.usable)
        assert bad.usable == Fetched(GOOD, NOW + 1)
        assert bad.latest is not None
        assert bad.latest.content is BAD
        assert bad.problem is None
        assert looks[-1].latest is looks[-1].usable

    in_time(source, main)
    assert source.asked_at[2] - source.asked_at[1] < 3 * MINUTE


def test_an_error_of_ours_fails_nothing_but_the_fetch(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever asks gets a problem, and the log has the error with its place in the code."""
    source = Source([RuntimeError("a mistake"), GOOD])

    async def main(keeper: Keeper[str, Said]) -> None:
        assert await keeper.get(inquiry(), now() + 9) == Kept(None, None, Problem.UNREACHABLE)
        await asyncio.sleep(3 * MINUTE)
        assert (await keeper.get(inquiry(), now() + 9)).usable

    in_time(source, main)
    assert "a mistake" in caplog.text


def test_who_waits_in_a_long_queue_does_not_keep_a_probe_waiting() -> None:
    """With more than a second to wait for its turn an answer serves the next look; with less it is waited for."""

    async def main(keeper: Keeper[str, Said]) -> None:
        assert await keeper.get(inquiry(), now() + 60) == Kept()
        assert now() == 1

    in_time(Source([GOOD], takes=30, queue=29.0), main)

    async def patient(keeper: Keeper[str, Said]) -> None:
        assert (await keeper.get(inquiry(), now() + 60)).usable
        assert now() == 30

    in_time(Source([GOOD], takes=30, queue=0.5), patient)


def test_more_questions_than_can_be_held_make_the_oldest_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those least recently asked for go first, by number and by size."""
    monkeypatch.setattr(keeping, "MOST_QUESTIONS", 2)
    source = Source([GOOD])

    async def main(keeper: Keeper[str, Said]) -> None:
        for question in ("a", "b", "a", "c", "a"):
            await keeper.get(inquiry(question), now() + 9)
        assert len(source.asked_at) == 3
        await keeper.get(inquiry("b"), now() + 9)
        assert len(source.asked_at) == 4

    in_time(source, main)

    monkeypatch.setattr(keeping, "MOST_QUESTIONS", 1000)
    monkeypatch.setattr(keeping, "MOST_BYTES", 2 * len(b"a" + GOOD.text))
    source = Source([GOOD])
    in_time(source, main)


def test_a_question_counts_by_what_it_holds_whether_there_is_an_answer_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who shows a new large certificate each time fills no memory; the good twin is still known."""
    monkeypatch.setattr(keeping, "MOST_BYTES", 250)
    source = Source([DOWN])

    async def main(keeper: Keeper[str, Said]) -> None:
        for question in ("a" * 100, "b" * 100, "c" * 100, "c" * 100, "b" * 100):
            await keeper.get(inquiry(question), now() + 9)
        assert len(source.asked_at) == 3
        await keeper.get(inquiry("a" * 100), now() + 9)
        assert len(source.asked_at) == 4

    in_time(source, main)


def test_large_questions_drive_out_each_other_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those least recently asked for go first, and none that is not large."""
    monkeypatch.setattr(keeping, "LARGE_QUESTION", 50)
    monkeypatch.setattr(keeping, "MOST_BYTES_OF_LARGE", 250)
    source = Source([GOOD])

    async def main(keeper: Keeper[str, Said]) -> None:
        small = [letter * 50 for letter in "abcdefgh"]
        large = [letter * 51 for letter in "abcdef"]
        for question in (*small, *large[:4], large[0], *large[4:]):
            await keeper.get(inquiry(question), now() + 9)
        assert len(source.asked_at) == 14
        for question in (*small, large[0], *large[3:]):
            await keeper.get(inquiry(question), now() + 9)
        assert len(source.asked_at) == 14
        await keeper.get(inquiry(large[1]), now() + 9)
        assert len(source.asked_at) == 14 + 1

    in_time(source, main)


def test_what_may_not_be_asked_is_not_held() -> None:
    """Whoever wants to know is told at once, and nothing drives out what is known."""
    source = Source([GOOD])

    async def main(keeper: Keeper[str, Said]) -> None:
        for _ in range(3):
            kept = await keeper.get(inquiry("forbidden"), now() + 9)
            assert kept == Kept(problem=Problem.BLOCKED_BY_EGRESS_POLICY)
        assert now() == 0
        assert (await keeper.get(inquiry("allowed"), now() + 9)).usable

    in_time(source, main)
    assert len(source.asked_at) == 1


@pytest.fixture
def restarted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Restarted":
    """Run a keeper with a folder once for each list entry: look at these times, then end."""

    async def at_once(_store: Store, work: Callable[[], object]) -> object:
        """Threads know nothing of virtual time."""
        return work()

    monkeypatch.setattr(Store, "_in_thread", at_once)

    def go(source: Source, looks: list[float]) -> list[StoreResult]:
        counted = Counted()

        async def main() -> None:
            clock = virtual_time.clock().wall
            for at in looks:
                keeper = Keeper(source, Store(tmp_path, counted, clock), clock)
                await asyncio.sleep(at - now())
                LOOKS.append(await keeper.get(inquiry(), now() + 9))
                await asyncio.sleep(5)
                await keeper.close()

        LOOKS.clear()
        run(main())
        return counted.results

    return go


LOOKS: list[Kept[Said]] = []
Restarted = Callable[[Source, list[float]], list[StoreResult]]


def test_a_restart_asks_nobody(restarted: Restarted) -> None:
    """What was stored is used as if there had been no restart; its age is that of the fetch."""
    source = Source([GOOD])
    assert restarted(source, [0, 20 * MINUTE]) == [StoreResult.MISS, StoreResult.WRITTEN, StoreResult.HIT]
    assert source.asked_at == [0]
    assert LOOKS[1] == Kept(Fetched(GOOD, NOW + 1), Fetched(GOOD, NOW + 1))


def test_after_a_long_pause_the_stored_answer_is_used_and_fetched_anew(restarted: Restarted) -> None:
    """Nobody waits for what is overdue; if the source is down, the stored one stays, with the problem beside it."""
    source = Source([GOOD, DOWN])
    assert restarted(source, [0, 3 * HOUR]) == [StoreResult.MISS, StoreResult.WRITTEN, StoreResult.HIT]
    assert source.asked_at == [0, 3 * HOUR]
    assert LOOKS[1].usable == Fetched(GOOD, NOW + 1)


@pytest.mark.parametrize(
    ("said", "spoil", "result"),
    [
        (Said(b"short", NOW + MINUTE), lambda _: None, StoreResult.OLD),
        (GOOD, lambda file: file.write_bytes(b"not ours"), StoreResult.CORRUPT),
        (GOOD, lambda file: file.write_bytes(b"another's|1"), StoreResult.FOREIGN),
    ],
)
def test_what_cannot_be_used_any_more_is_removed_and_counted(
    restarted: Restarted, tmp_path: Path, said: Said, spoil: Callable[[Path], None], result: StoreResult
) -> None:
    """Nothing is shown that does not pass the same judgement as an answer; it is fetched anew."""
    first = Source([said])
    restarted(first, [0])
    [file] = tmp_path.iterdir()
    spoil(file)
    second = Source([DOWN])
    assert restarted(second, [20 * MINUTE]) == [result]
    assert [Kept(None, None, Problem.UNREACHABLE)] == LOOKS
    assert list(tmp_path.iterdir()) == []


def test_a_confirmed_answer_is_not_written_again(restarted: Restarted, tmp_path: Path) -> None:
    """Its file only becomes younger."""
    source = Source([GOOD, CONFIRMED])
    restarted(source, [0, 3 * HOUR])
    [file] = tmp_path.iterdir()
    assert file.stat().st_mtime == pytest.approx(NOW + 3 * HOUR + 1, abs=1)
    assert source.befores == [None, GOOD]


def test_while_a_source_is_down_its_answer_is_noted_to_be_in_use(restarted: Restarted, tmp_path: Path) -> None:
    """That it is asked for counts on the disk as well; when it was fetched stays as it was."""
    restarted(Source([GOOD, DOWN]), [0, 3 * HOUR])
    [file] = tmp_path.iterdir()
    assert file.stat().st_mtime == NOW + 1
    assert file.stat().st_atime == pytest.approx(NOW + 3 * HOUR + 1, abs=1)


def test_an_answer_from_before_the_one_that_is_stored_does_not_take_its_place(
    restarted: Restarted, tmp_path: Path
) -> None:
    """A restart behind a cache that lags shows what was shown before it."""
    later = Said(b"later", NOW + 30 * DAY, NOW - 1)
    earlier = Said(b"earlier", NOW + 30 * DAY, NOW - 2)
    judge = Source.judge
    source = Source([later, earlier])
    begins = {later.text: later.begins, earlier.text: earlier.begins}
    source.judge = lambda question, content, policy, now: replace(  # type: ignore[method-assign]
        judge(source, question, content, policy, now), begins=begins.get(content.text)
    )
    restarted(source, [0, 3 * HOUR])
    [file] = tmp_path.iterdir()
    assert file.read_bytes().startswith(b"later|")


def _stored(folder: Path) -> str:
    return " ".join(file.read_text().partition("|")[0] for file in folder.iterdir())


async def _ask(source: Source, folder: Path, *asked: bool) -> list[str]:
    """Ask so often, with and without the disk; give what is on it after each time."""
    clock = virtual_time.clock().wall
    keeper = Keeper(source, Store(folder, Counted(), clock), clock)
    found = []
    for is_stored in asked:
        kept = await keeper.get(inquiry(is_stored=is_stored), now() + 9)
        assert kept.usable
        await asyncio.sleep(5)
        found.append(_stored(folder))
    await keeper.close()
    return found


@pytest.mark.usefixtures("restarted")
@pytest.mark.parametrize(
    ("asked", "found", "fetched"),
    [
        ([False, False], ["", ""], 1),
        ([True, False], ["good", "good"], 1),
        ([False, True, False], ["", "good", "good"], 2),
    ],
)
def test_what_is_not_to_be_stored_is_not(tmp_path: Path, asked: list[bool], found: list[str], fetched: int) -> None:
    """Unless somebody else asks for it: then it is fetched once more, and stays."""
    source = Source([GOOD])

    async def main() -> None:
        assert await _ask(source, tmp_path, *asked) == found

    run(main())
    assert len(source.asked_at) == fetched


@pytest.mark.usefixtures("restarted")
def test_what_is_not_to_be_stored_leaves_alone_what_is(tmp_path: Path) -> None:
    """Who may not write may not remove either, by a policy under which it cannot be relied on."""
    file = tmp_path / f"ocsp-{sha256(b'a').hexdigest()}.der"
    file.write_bytes(b"bad, he says")

    async def main() -> None:
        await _ask(Source([GOOD]), tmp_path, False)
        assert file.read_bytes() == b"bad, he says"
        await _ask(Source([GOOD]), tmp_path, True)
        assert file.read_bytes().startswith(b"good|")

    run(main())


def test_who_waits_for_what_is_forgotten_waits_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """He is told that nothing is known."""
    monkeypatch.setattr(keeping, "MOST_QUESTIONS", 1)

    async def main(keeper: Keeper[str, Said]) -> None:
        waiting = asyncio.create_task(keeper.get(inquiry("a"), now() + 60))
        await asyncio.sleep(0.1)
        await keeper.get(inquiry("b"), now())
        assert await waiting == Kept()
        assert now() < 1

    in_time(Source([GOOD], takes=30.0), main)


def _many(rest: Callable[[], float]) -> Iterator[float]:
    return (rest() for _ in range(200))


def test_rests_are_never_shorter_than_two_minutes_nor_longer_than_asked_for() -> None:
    """The limits hold whatever chance says, and not all are the same."""
    assert all(0.8 * HOUR <= rest <= HOUR for rest in _many(lambda: rest_after_answer(None, HOUR)))
    assert all(0.8 * HOUR <= rest <= HOUR for rest in _many(lambda: rest_after_answer(7 * DAY, HOUR)))
    assert all(240 <= rest <= 300 for rest in _many(lambda: rest_after_answer(600, HOUR)))
    assert all(SHORTEST_REST <= rest <= 132 for rest in _many(lambda: rest_after_answer(-5, HOUR)))
    assert all(SHORTEST_REST <= rest <= 132 for rest in _many(lambda: rest_after_failures(1, HOUR)))
    assert all(0.8 * HOUR <= rest <= HOUR for rest in _many(lambda: rest_after_failures(10_000, HOUR)))
    assert len(set(_many(lambda: rest_after_answer(None, HOUR)))) > 100
