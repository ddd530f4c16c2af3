"""What a source last said to each question: kept, stored, and asked for again in time, once for all who ask."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from ocsp_exporter.model import SHORTEST_REST, FetchKind, Problem, StoreResult
from ocsp_exporter.probing.egress import FetchFailed
from ocsp_exporter.probing.store import Store
from ocsp_exporter.revocation.checks import Policy

logger = logging.getLogger(__name__)

#: Seconds for which an answer is kept that nobody asks for: longer than the interval of any target.
HELD_UNASKED = 2 * 86400.0
#: Seconds for which what is stored is waited for; a disk that takes longer must not keep anybody from asking.
DISK_PATIENCE = 2.0
#: Seconds for which a first answer is waited for although the queue before its host is longer.
QUEUE_PATIENCE = 1.0
#: More questions than this, or bytes of questions and answers, are not held: those least recently asked are forgotten.
MOST_QUESTIONS = 200_000
MOST_BYTES = 512 * 1024 * 1024
#: A question of more bytes is large. Honest ones take a quarter of it, but whoever runs an endpoint may show new
#: certificates of 100 KiB in each handshake: of those less is held, for the sake of the others.
LARGE_QUESTION = 32 * 1024
MOST_BYTES_OF_LARGE = 64 * 1024 * 1024

Q = TypeVar("Q", bound=Hashable)
Q_contra = TypeVar("Q_contra", contravariant=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fetched(Generic[T]):
    """What a source said, and when it was last fetched or confirmed, in seconds since 1970."""

    content: T
    fetched_at: float


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """What is known of a question: nothing at all before the first fetch has ended.

    `usable` could be relied on when it came. `latest` is what the last fetch brought, usable or not; None, with the
    `problem` that it met, where that brought nothing.
    """

    usable: Fetched[T] | None = None
    latest: Fetched[T] | None = None
    problem: Problem | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is anything to tell."""
        return self.usable is not None or self.latest is not None or self.problem is not None


@dataclass(frozen=True, slots=True)
class Inquiry(Generic[Q]):
    """A question, and how its asker judges answers and how often he wants one: in `refresh` seconds at the latest.

    `is_stored`: whether the disk may have the answer, and is to have it.
    """

    question: Q
    policy: Policy
    refresh: float
    is_stored: bool = True


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether an answer can be relied on now, and from when to when it holds by its own word, in seconds since 1970.

    None: it does not say.
    """

    is_usable: bool
    begins: float | None
    ends: float | None


class Source(Protocol[Q_contra, T]):
    """How one kind of evidence is fetched, judged, and put on disk."""

    @property
    def kind(self) -> FetchKind:
        """What it fetches."""

    async def fetch(self, question: Q_contra, policy: Policy, before: T | None) -> T:
        """Fetch an answer; `before`, the last usable one, is given back where it is confirmed. Raises FetchFailed."""

    def judge(self, question: Q_contra, content: T, policy: Policy, now: float) -> Judgement:
        """Say whether an answer can be relied on."""

    def delay(self, question: Q_contra) -> float:
        """Give for how many seconds a request would now wait for its turn."""

    def name(self, question: Q_contra) -> str:
        """Give the name of the file that holds the answer: a SHA-256 in hex."""

    def encode(self, content: T) -> bytes | None:
        """Give what is written to the file; None where that must not be replaced."""

    async def decode(self, question: Q_contra, encoded: bytes) -> T | None:
        """Read what was written, None where it cannot be read."""

    def outdated(self, before: T, content: T) -> T:
        """Give `before` with what is to be told of the source, which has gone back to an older answer, `content`."""

    def settle(self, content: T) -> T:
        """Give an answer without what is of use only until it is stored."""

    def limit(self, question: Q_contra) -> int:
        """Give the size in bytes of the largest file that is read."""

    def refusal(self, question: Q_contra) -> FetchFailed | None:
        """Say why nobody may be asked at all, as far as that is clear at once; None where somebody may be."""

    def weight(self, question: Q_contra) -> int:
        """Give about how many bytes of memory a question takes, with all that it holds."""

    def size(self, content: T) -> int:
        """Give about how many bytes of memory an answer takes."""


@dataclass(slots=True, eq=False)
class _Entry(Generic[Q, T]):
    inquiry: Inquiry[Q]
    weight: int
    kept: Kept[T] = field(default_factory=Kept)
    known: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    was_asked: bool = True
    sleeps: bool = False
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None


class Keeper(Generic[Q, T]):
    """Keeps the answers of one source. Used from one event loop; `clock` is the time of day.

    An answer is fetched when it is first asked for, and from then on in time as long as somebody asks for it: a look
    does not wait for a second fetch. What nobody asks for is not fetched, and yet kept for whoever asks late.
    `patience`: see `QUEUE_PATIENCE`.
    """

    def __init__(
        self,
        source: Source[Q, T],
        store: Store,
        clock: Callable[[], float] = time.time,
        patience: float = QUEUE_PATIENCE,
    ) -> None:
        self._source = source
        self._store = store
        self._clock = clock
        self._patience = patience
        self._entries: dict[Q, _Entry[Q, T]] = {}  # the one that was asked for last is the last; below likewise
        self._large: dict[_Entry[Q, T], None] = {}
        self._bytes = self._bytes_of_large = 0

    async def get(self, inquiry: Inquiry[Q], deadline: float, patience: float | None = None) -> Kept[T]:
        """Return what is known by `deadline` on the loop's clock. A fetch may outlive it and serve the next look.

        `patience` is for this look, None: the keeper's.
        """
        entry = self._entries.pop(inquiry.question, None)
        if entry and inquiry.is_stored != entry.inquiry.is_stored:
            if inquiry.is_stored:
                self._let_go(entry)  # what is to be stored has to come once more: most of it is not at hand any more
                entry = None
            else:
                inquiry = replace(inquiry, is_stored=True)
        if entry is None:
            refused = self._source.refusal(inquiry.question)
            if refused:
                self._tell(refused)
                return Kept(problem=refused.problem)
            entry = self._take(inquiry)
        self._entries[inquiry.question] = entry
        if entry in self._large:
            del self._large[entry]
            self._large[entry] = None
        entry.inquiry, entry.was_asked = inquiry, True
        if entry.sleeps:
            self._wake(entry)
        elif entry.timer and not entry.failures and entry.timer.when() > _now() + inquiry.refresh:
            self._set_timer(entry, inquiry.refresh)
        self._forget_what_is_too_much()
        if not entry.known.is_set():
            await self._wait(entry, deadline, self._patience if patience is None else patience)
        return entry.kept

    def _take(self, inquiry: Inquiry[Q]) -> _Entry[Q, T]:
        """Begin to hold a question."""
        entry: _Entry[Q, T] = _Entry(inquiry, self._source.weight(inquiry.question))
        self._bytes += entry.weight
        if entry.weight > LARGE_QUESTION:
            self._large[entry] = None
            self._bytes_of_large += entry.weight
        self._start(entry, self._recall(entry))
        return entry

    async def close(self) -> None:
        """End what is under way."""
        entries, self._entries = tuple(self._entries.values()), {}
        await asyncio.gather(*filter(None, map(_stop, entries)), return_exceptions=True)

    async def _wait(self, entry: _Entry[Q, T], deadline: float, patience: float) -> None:
        for until in (min(deadline, _now() + patience), deadline):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await entry.known.wait()
                    return
            if self._source.delay(entry.inquiry.question) > patience:
                return

    def _start(self, entry: _Entry[Q, T], work: Coroutine[object, object, None]) -> None:
        entry.task = asyncio.create_task(self._attend(entry, work))

    async def _attend(self, entry: _Entry[Q, T], work: Coroutine[object, object, None]) -> None:
        """See work through: whatever error of ours ends it fails no probe, and is not the last try."""
        try:
            await work
        except Exception:
            logger.exception("a fetch ended in an error of the exporter")
            entry.failures += 1
            self._note(entry, Kept(entry.kept.usable, None, Problem.UNREACHABLE))
            self._set_timer(entry, rest_after_failures(entry.failures, entry.inquiry.refresh))

    def _wake(self, entry: _Entry[Q, T]) -> None:
        """Fetch for who asks late, as for the first one; if that takes too long he gets what is kept."""
        entry.sleeps = False
        entry.known.clear()
        _stop(entry)
        self._start(entry, self._fetch(entry))

    async def _recall(self, entry: _Entry[Q, T]) -> None:
        """Take what was stored before a restart, and fetch what is due."""
        stored = await self._stored(entry.inquiry) if entry.inquiry.is_stored else None
        if stored:
            self._note(entry, Kept(usable=stored, latest=stored))
            wait = self._rest(entry) - (self._clock() - stored.fetched_at)
            if wait > 0:
                self._set_timer(entry, wait)
                return
        await self._fetch(entry)

    async def _stored(self, inquiry: Inquiry[Q]) -> Fetched[T] | None:
        kind, question = self._source.kind, inquiry.question
        name = self._source.name(question)
        found = None
        try:
            async with asyncio.timeout(DISK_PATIENCE):
                found = await self._store.read(kind, name, self._source.limit(question))
        except TimeoutError:
            logger.warning("the store's disk does not answer; what may be there is fetched anew")
        if found is None:
            return None
        content = await self._source.decode(question, found.content)
        if content is None:
            await self._store.discard(kind, name, StoreResult.CORRUPT)
            return None
        if not self._source.judge(question, content, inquiry.policy, self._clock()).is_usable:
            was_usable = self._source.judge(question, content, inquiry.policy, found.fetched_at).is_usable
            await self._store.discard(kind, name, StoreResult.OLD if was_usable else StoreResult.FOREIGN)
            return None
        self._store.used(kind)
        return Fetched(self._source.settle(content), found.fetched_at)

    async def _fetch(self, entry: _Entry[Q, T]) -> None:
        question, policy, before = entry.inquiry.question, entry.inquiry.policy, entry.kept.usable
        retry_after, news = 0.0, None
        try:
            content = await self._source.fetch(question, policy, before.content if before else None)
        except FetchFailed as failed:
            self._tell(failed)
            kept, retry_after = Kept(before, None, failed.problem), failed.retry_after or 0.0
        else:
            kept = self._judged(entry, content)
            is_confirmed = before is not None and content is before.content
            news = None if is_confirmed else content
        if kept.usable and entry.inquiry.is_stored:
            is_old = before is not None and kept.usable.fetched_at == before.fetched_at
            await self._put_away(entry.inquiry.question, None if is_old else kept.usable.fetched_at, news)
        is_usable = kept.latest is not None and kept.latest is kept.usable
        entry.failures = 0 if is_usable else entry.failures + 1
        self._note(entry, kept)
        self._set_timer(entry, max(self._rest(entry), retry_after))

    def _tell(self, failed: FetchFailed) -> None:
        fields = {"kind": self._source.kind, "problem": failed.problem, "detail": failed.detail}
        logger.debug("no answer", extra={"fields": fields})

    def _judged(self, entry: _Entry[Q, T], content: T) -> Kept[T]:
        """Take in what came.

        Of two answers that can be relied on the one that was given later counts: a mirror or cache may lag behind.
        """
        inquiry, before, now = entry.inquiry, entry.kept.usable, self._clock()
        latest = Fetched(self._source.settle(content), now)
        judged = self._source.judge(inquiry.question, content, inquiry.policy, now)
        if not judged.is_usable:
            return Kept(before, latest)
        if before and content is not before.content:
            known = self._source.judge(inquiry.question, before.content, inquiry.policy, now)
            if known.is_usable and (judged.begins or 0) < (known.begins or 0):
                kept = replace(before, content=self._source.outdated(before.content, content))
                return Kept(kept, kept)
        return Kept(latest, latest)

    async def _put_away(self, question: Q, fetched_at: float | None, news: T | None) -> None:
        """Bring the disk up to date: with news, what came or was confirmed at a time, or that it is asked for still.

        What takes the disk long goes on, but not before everybody's eyes.
        """
        kind, name = self._source.kind, self._source.name(question)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DISK_PATIENCE):
                if fetched_at is None:
                    await self._store.note_use(kind, name)
                elif news is None:
                    await self._store.touch(kind, name, fetched_at)
                elif (encoded := self._source.encode(news)) is not None:
                    await self._store.write(kind, name, encoded, fetched_at)

    def _rest(self, entry: _Entry[Q, T]) -> float:
        inquiry, usable = entry.inquiry, entry.kept.usable
        if entry.failures or usable is None:
            return rest_after_failures(max(entry.failures, 1), inquiry.refresh)
        ends = self._source.judge(inquiry.question, usable.content, inquiry.policy, self._clock()).ends
        return rest_after_answer(None if ends is None else ends - usable.fetched_at, inquiry.refresh)

    def _note(self, entry: _Entry[Q, T], kept: Kept[T]) -> None:
        if self._entries.get(entry.inquiry.question) is entry:
            self._bytes += self._size(kept) - self._size(entry.kept)
        entry.kept = kept
        entry.known.set()

    def _size(self, kept: Kept[T]) -> int:
        held = {id(each): each for each in (kept.usable, kept.latest) if each is not None}
        return sum(self._source.size(each.content) for each in held.values())

    def _set_timer(self, entry: _Entry[Q, T], seconds: float) -> None:
        if entry.timer:
            entry.timer.cancel()
        if self._entries.get(entry.inquiry.question) is entry:
            entry.timer = asyncio.get_running_loop().call_later(seconds, self._when_due, entry)

    def _when_due(self, entry: _Entry[Q, T]) -> None:
        if entry.was_asked:
            entry.was_asked = False
            self._start(entry, self._fetch(entry))
        elif entry.sleeps or entry.kept.usable is None:
            self._forget(entry)
        else:
            entry.sleeps = True
            self._set_timer(entry, HELD_UNASKED)

    def _forget_what_is_too_much(self) -> None:
        while len(self._large) > 1 and self._bytes_of_large > MOST_BYTES_OF_LARGE:
            self._forget(next(iter(self._large)))
        while len(self._entries) > 1 and (len(self._entries) > MOST_QUESTIONS or self._bytes > MOST_BYTES):
            self._forget(next(iter(self._entries.values())))

    def _forget(self, entry: _Entry[Q, T]) -> None:
        del self._entries[entry.inquiry.question]
        self._let_go(entry)

    def _let_go(self, entry: _Entry[Q, T]) -> None:
        """Undo what is noted of an entry that is held no more."""
        self._bytes -= entry.weight + self._size(entry.kept)
        if entry in self._large:
            del self._large[entry]
            self._bytes_of_large -= entry.weight
        _stop(entry)
        entry.known.set()  # who waits for it is told that nothing came


def _now() -> float:
    return asyncio.get_running_loop().time()


def _stop(entry: _Entry[Q, T]) -> asyncio.Task[None] | None:
    if entry.timer:
        entry.timer.cancel()
    if entry.task:
        entry.task.cancel()
    return entry.task


def rest_after_answer(lasts: float | None, refresh: float) -> float:
    """Give the seconds from an answer that lasts as long (None: nobody knows) to the next fetch, with some chance.

    Half of what was left of its life, `refresh` at most; a little less, so that not all are due at a time.
    """
    return _jittered(refresh if lasts is None else min(refresh, lasts / 2))


def rest_after_failures(failures: int, refresh: float) -> float:
    """Give the seconds to the next try after so many failures in a row, with some chance: each time twice as long."""
    return _jittered(min(refresh, SHORTEST_REST * 2.0 ** min(failures - 1, 16)))


def _jittered(period: float) -> float:
    return max(period * random.uniform(0.8, 1.0), SHORTEST_REST * random.uniform(1.0, 1.1))  # noqa: S311 -- no secret
