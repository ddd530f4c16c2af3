"""The issuer of a certificate, fetched from where the certificate says that it is (caIssuers)."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509

from ocsp_exporter.model import FetchKind, Problem
from ocsp_exporter.probing.egress import FetchFailed, Request
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.revocation.bundle import certificates_in
from ocsp_exporter.revocation.extensions import issuer_urls
from ocsp_exporter.revocation.path import find_issuer

logger = logging.getLogger(__name__)

#: Seconds for which what a URL led to is used again: for those whose issuer is among it, and for all others.
KEPT = 3600.0
KEPT_WITHOUT_ISSUER = 300.0
_LARGEST = 64 * 1024
_PATIENCE = 10.0
_MOST_URLS = 3
_LONGEST_URL = 2048
_MOST_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class _Fetched:
    """What a URL led to at a time. `problem` is that of the last fetch; the certificates may be from one before."""

    at: float
    certificates: tuple[x509.Certificate, ...] = ()
    problem: Problem | None = None


class IssuerFetch:
    """Fetches issuers, from each URL once at a time and for all who ask. Used from one event loop."""

    def __init__(self, fetcher: Fetcher, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._remembered: dict[str, _Fetched] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def find(self, subject: x509.Certificate, deadline: float) -> x509.Certificate | None:
        """Return the certificate whose key signed `subject`, None where there is none by `deadline` (loop's clock).

        What was begun by then goes on, and serves whoever asks next. Never raises.
        """
        urls = [url for url in issuer_urls(subject) if len(url) <= _LONGEST_URL]
        # Directories are for those who have no web server; the same certificate is behind all of its URLs.
        on_the_web = [url for url in urls if url.lower().startswith(("http:", "https:"))]
        for url in (on_the_web or urls)[:_MOST_URLS]:
            issuer = await self._find_at(url, subject, deadline)
            if issuer:
                return issuer
        return None

    async def close(self) -> None:
        """End what is under way."""
        tasks = tuple(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _find_at(self, url: str, subject: x509.Certificate, deadline: float) -> x509.Certificate | None:
        issuer, age = self._recall(url, subject)
        if age <= (KEPT if issuer else KEPT_WITHOUT_ISSUER):
            return issuer
        fetching = self._under_way.get(url) or self._start(url)
        if issuer:
            return issuer  # a signature does not age: what is fetched now serves the next
        await asyncio.wait([fetching], timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
        return self._recall(url, subject)[0]

    def _recall(self, url: str, subject: x509.Certificate) -> tuple[x509.Certificate | None, float]:
        """Return the issuer among what the URL led to, and for how many seconds that is known."""
        known = self._remembered.get(url)
        if known is None:
            return None, float("inf")
        return find_issuer(subject, known.certificates), self._clock() - known.at

    def _start(self, url: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._fetch(url))
        self._under_way[url] = task
        task.add_done_callback(lambda _: self._under_way.pop(url))
        return task

    async def _fetch(self, url: str) -> None:
        before = self._remembered.get(url, _Fetched(0.0))
        certificates, problem, detail = before.certificates, None, ""
        try:
            certificates = await self._certificates_at(url)
        except FetchFailed as failed:
            problem, detail = failed.problem, failed.detail
        except Exception:  # whatever it is, it fails no probe
            logger.exception("fetching an issuer ended in an error of the exporter", extra={"fields": {"url": url}})
            problem, detail = Problem.UNREACHABLE, "an error of the exporter"
        if problem and problem is not before.problem:
            fields = {"url": url, "problem": problem, "detail": detail}
            logger.warning("cannot fetch the certificate of an issuer", extra={"fields": fields})
        elif before.problem and not problem:
            logger.info("fetched the certificate of an issuer again", extra={"fields": {"url": url}})
        self._remember(url, _Fetched(self._clock(), certificates, problem))

    async def _certificates_at(self, url: str) -> tuple[x509.Certificate, ...]:
        # Nobody vouches for the URL: without its issuer the certificate leads to no root.
        answer = await self._fetcher.fetch(FetchKind.ISSUER, Request(url, limit=_LARGEST), _PATIENCE)
        certificates = certificates_in(answer.body)
        if not certificates:
            raise FetchFailed(Problem.MALFORMED, f"{answer.url} answered with no certificate that can be read")
        return certificates

    def _remember(self, url: str, fetched: _Fetched) -> None:
        self._remembered.pop(url, None)
        if len(self._remembered) >= _MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]  # the oldest
        self._remembered[url] = fetched
