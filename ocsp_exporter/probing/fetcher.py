"""Every fetch goes through here: a host is asked evenly, and left alone while it fails or for as long as it asks."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from ocsp_exporter.model import FetchKind, Problem
from ocsp_exporter.probing.egress import Answer, Egress, FetchFailed, Request, origin_of
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.host import Host, retry_after
from ocsp_exporter.probing.observer import NOBODY, Observer

logger = logging.getLogger(__name__)

#: Hosts that are remembered. Certificates may name any number; a few CAs have issued all that are honest.
_MOST_HOSTS = 10_000
_FORGOTTEN_AT_ONCE = 1_000
#: URLs of which it is remembered that they may not be asked, and the seconds after which that is counted once more.
_MOST_REFUSED = 1_000
_REFUSED_ANEW_AFTER = 3600.0

#: What is refused before or beside the host says nothing of it.
_REFUSALS = {Problem.BLOCKED_BY_EGRESS_POLICY, Problem.UNSUPPORTED_SCHEME}


class Fetcher:
    """Fetches politely, from one event loop.

    A host is scheme, name and port of the URL that is asked for, wherever that redirects to, and the address where the
    request names one: each has faults of its own. `requests_per_second` is for each host. `clock` is in step with the
    loop's, `random` is from 0 to 1, `wall` shows seconds since 1970.
    """

    def __init__(
        self,
        egress: Egress,
        requests_per_second: float,
        observer: Observer = NOBODY,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random.random,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._egress = egress
        self._spacing = 1 / requests_per_second
        self._observer = observer
        self._clock = clock
        self._wall = wall
        self._random = random
        self._hosts: dict[tuple[str, str | None], Host] = {}  # the one that was asked last is the last
        self._refused: dict[tuple[FetchKind, str, Voucher], tuple[float, FetchFailed]] = {}

    async def fetch(
        self,
        kind: FetchKind,
        request: Request,
        timeout: float,  # noqa: ASYNC109 -- see below
        until: float | None = None,
    ) -> Answer:
        """Return what the request's URL leads to. Raises FetchFailed, and TimeoutError where it was not sent.

        The `timeout` in seconds begins when the request is let go: how long it waits for its turn depends on the
        others. All of it ends by `until`, on the loop's clock, if that is given; when less than half of its time is
        left it is not sent, because an answer that does not come then would say nothing of the host. While that is
        paused it fails at once, with the problem that led to the pause. After the pause one request is a trial, and the
        others wait for its outcome.
        """
        loop_time = asyncio.get_running_loop().time
        whole = timeout if until is None else min(timeout, until - loop_time())
        origin = self._require_permission(kind, request)  # what may not be sent anyway waits for nobody
        host = self._host(origin, request.address)
        host.require_no_pause(self._clock())
        async with AsyncExitStack() as turn:
            async with asyncio.timeout_at(until):
                with host.queue():
                    await turn.enter_async_context(host.turn)
                    await asyncio.sleep(host.next_at - self._clock())
                    host.require_no_pause(self._clock())  # it may have begun while this one waited
            left = timeout if until is None else until - loop_time()
            if left < whole / 2:
                raise TimeoutError
            host.next_at = self._clock() + self._spacing
            if not host.suspect:
                await turn.aclose()
            return await self._send(kind, host, request, min(timeout, left), is_cut_short=left < timeout)

    def refusal(self, kind: FetchKind, request: Request) -> FetchFailed | None:
        """Say why a request may not be sent, None where it may, as far as that is clear without looking a name up.

        The observer is told once an hour.
        """
        key = (kind, request.url, request.vouched_by)
        until, known = self._refused.get(key, (0.0, None))
        if known is None or self._clock() >= until:
            known = None
            try:
                self._require_permission(kind, request)
            except FetchFailed as failed:
                known = FetchFailed(failed.problem, failed.detail)  # without the frames that it has gone through
                if len(self._refused) >= _MOST_REFUSED:
                    self._refused.clear()
                self._refused[key] = self._clock() + _REFUSED_ANEW_AFTER, known
        return known

    def _require_permission(self, kind: FetchKind, request: Request) -> str:
        """Return the origin of a request. Raises FetchFailed where that may not be asked, and tells the observer."""
        origin = ""
        try:
            origin = origin_of(request.url)
            self._egress.require_permission(request)
        except FetchFailed as failed:
            self._observer.fetched(kind, _name(origin), 0.0, failed.problem)
            raise
        return origin

    def delay(self, url: str) -> float:
        """Return the seconds that a request to this URL's host would wait for its turn now; none while it is paused."""
        try:
            host = self._hosts.get((origin_of(url), None))
        except FetchFailed:
            host = None
        now = self._clock()
        if host is None or host.pause_left(now):
            return 0.0
        return max(0.0, host.next_at - now) + host.waiting * self._spacing

    async def _send(
        self, kind: FetchKind, host: Host, request: Request, patience: float, *, is_cut_short: bool
    ) -> Answer:
        """Fetch now, and note what that says of the host.

        A fetch that is cancelled says nothing, nor does one that was given less than its timeout and needed more.
        """
        begun, pauses = self._clock(), host.pauses
        fields: dict[str, object] = {"kind": kind, "url": request.url}
        logger.debug("fetching", extra={"fields": fields})
        try:
            answer = await self._egress.fetch(request, asyncio.get_running_loop().time() + patience)
        except FetchFailed as failed:
            if failed.problem not in _REFUSALS and not (is_cut_short and failed.problem is Problem.TIMEOUT):
                self._note(host, failed, pauses)
            self._observer.fetched(kind, host.name, self._clock() - begun, failed.problem)
            fields |= {"problem": failed.problem, "detail": failed.detail}
            logger.debug("cannot fetch", extra={"fields": fields})
            raise
        logger.debug("fetched", extra={"fields": {**fields, "bytes": len(answer.body)}})
        self._note(host, None, pauses)
        self._observer.fetched(kind, host.name, self._clock() - begun, None)
        return answer

    def _note(self, host: Host, failed: FetchFailed | None, sent_after: int) -> None:
        was_suspect = host.suspect
        if failed is None:
            host.answered(sent_after)
        else:
            asked_for = retry_after(failed.headers, self._wall())
            host.failed(failed, sent_after, self._clock(), asked_for, self._random())
            failed.retry_after = host.pause_left(self._clock()) or None
        if host.suspect and not was_suspect:
            fields = {"host": host.name, "problem": host.problem, "detail": host.detail}
            logger.warning("a host is left alone until it answers again", extra={"fields": fields})
        elif was_suspect and not host.suspect:
            logger.info("a host answers again", extra={"fields": {"host": host.name}})

    def _host(self, origin: str, address: str | None) -> Host:
        host = self._hosts.pop((origin, address), None) or Host(_name(origin), origin.partition("://")[0])
        if len(self._hosts) >= _MOST_HOSTS:
            self._forget()
        self._hosts[origin, address] = host
        return host

    def _forget(self) -> None:
        """Forget those that were not asked for the longest; those that are paused or waited for come last."""
        now = self._clock()
        needed = {key: bool(host.waiting or host.pause_left(now)) for key, host in self._hosts.items()}
        for key in sorted(needed, key=needed.__getitem__)[:_FORGOTTEN_AT_ONCE]:
            del self._hosts[key]


def _name(origin: str) -> str:
    return origin.partition("://")[2]
