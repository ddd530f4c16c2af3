"""What a fetcher knows of a host: when it may be asked again, and how it took what it was asked. No I/O, no clock."""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ocsp_exporter.model import Problem
from ocsp_exporter.probing.egress import FetchFailed
from ocsp_exporter.revocation.http_headers import read_date

#: So many failures in a row, and the host is paused; the seconds double with each failure that follows.
MOST_FAILURES = 3
SHORTEST_PAUSE = 5.0
LONGEST_PAUSE = 300.0
#: No host is left alone for longer, whatever it says; least of all where anybody on the way may have said it.
LONGEST_RETRY_AFTER = {"https": 86400.0, "http": 3600.0}

#: Too many requests, bad gateway, unavailable, gateway timeout. A 500 may be about what was asked for.
_BUSY_OR_BROKEN = frozenset({429, 502, 503, 504})


@dataclass(slots=True)
class Host:
    """One host; `name` is for people, `scheme` is http or https. Times are on the fetcher's clock.

    `turn` is held by who asks next, and by a trial until its end. `waiting` are those who have not been let go.
    After a pause the host is `suspect` until a trial has shown that it answers. `pauses` tells what was sent before
    a pause from what was sent after it: the former says nothing of how the host is now.
    """

    name: str
    scheme: str
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    next_at: float = 0.0
    failures: int = 0
    suspect: bool = False
    paused_until: float = 0.0
    pauses: int = 0
    problem: Problem = Problem.UNREACHABLE
    detail: str = ""
    status_code: int | None = None

    @contextlib.contextmanager
    def queue(self) -> Iterator[None]:
        """Be one of those who wait, while this is entered."""
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    def pause_left(self, now: float) -> float:
        """Return the seconds for which nothing is to be sent."""
        return max(0.0, self.paused_until - now)

    def require_no_pause(self, now: float) -> None:
        """Raise, during a pause, FetchFailed with the problem that led to it."""
        left = self.pause_left(now)
        if left:
            told = f"{self.detail}; it is not asked again for {left:.0f} s"
            raise FetchFailed(self.problem, told, self.status_code, retry_after=left)

    def answered(self, sent_after: int) -> None:
        """Note an answer to what was sent after so many pauses."""
        if sent_after == self.pauses:
            self.failures = 0
            self.suspect = False

    def failed(self, failed: FetchFailed, sent_after: int, now: float, asked_for: float, jitter: float) -> None:
        """Note that a fetch failed. The host asks for so many seconds of pause; `jitter` is from 0 to 1.

        Pauses that the host did not ask for are up to a quarter longer by jitter.
        """
        pause = min(asked_for, LONGEST_RETRY_AFTER[self.scheme])
        if not _is_fault_of_host(failed):
            self.answered(sent_after)
        elif sent_after == self.pauses:
            self.failures += 1
            if self.suspect or self.failures >= MOST_FAILURES:
                doubled = min(max(0, self.failures - MOST_FAILURES), 10)
                pause = max(pause, min(SHORTEST_PAUSE * 2**doubled, LONGEST_PAUSE) * (1 + jitter / 4))
        if pause:
            self._pause(failed, now, pause)

    def _pause(self, failed: FetchFailed, now: float, pause: float) -> None:
        self.pauses += 1
        self.suspect = True
        self.paused_until = max(self.paused_until, now + pause)
        self.problem, self.detail, self.status_code = failed.problem, failed.detail, failed.status_code


def retry_after(headers: Mapping[str, str], now: float) -> float:
    """Return for how many seconds an answer asks to be left alone, 0 where it does not (RFC 9110, section 10.2.3).

    A date is compared with that of the answer, and where it has none with `now`, in seconds since 1970.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    then = read_date(text)
    if then is None:
        return 0.0
    said = read_date(headers.get("date", ""))
    return max(0.0, then - (now if said is None else said))


def _is_fault_of_host(failed: FetchFailed) -> bool:
    """Tell whether a failure is one of the host as a whole, rather than of what it was asked for."""
    if failed.problem is Problem.HTTP_ERROR:  # without a status it is not HTTP what the host speaks
        status = failed.status_code
        return status is None or status in _BUSY_OR_BROKEN
    return failed.problem in {Problem.UNREACHABLE, Problem.TIMEOUT}
