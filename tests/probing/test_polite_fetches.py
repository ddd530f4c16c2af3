"""The fetcher and the HTTP client together, against servers that ask to be left alone."""

import contextlib
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest

from ocsp_exporter.model import EgressPolicy, FetchKind, Problem
from ocsp_exporter.probing.egress import Egress, FetchFailed, Request
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.resolver import Resolver
from tests.probing.http_server import answer, raw, redirect, serve
from tests.probing.wire import Notes

HERE = EgressPolicy(allowed=(ip_network("127.0.0.1/32"),))
PATIENCE = 20.0
GOOD = answer(b"good")


@contextlib.asynccontextmanager
async def fetching() -> AsyncIterator[tuple[Fetcher, Notes]]:
    """Make a fetcher that is never slow, for as long as the block lasts."""
    resolver, notes = Resolver(), Notes()
    egress = Egress(HERE, resolver)
    try:
        yield Fetcher(egress, 1000.0, notes), notes
    finally:
        await egress.close()
        resolver.close()


async def failure(fetcher: Fetcher, url: str) -> FetchFailed:
    """Fetch what cannot be had."""
    with pytest.raises(FetchFailed) as caught:
        await fetcher.fetch(FetchKind.CRL, Request(url), PATIENCE)
    return caught.value


@pytest.mark.parametrize("when", ["120", "Fri, 20 Nov 2026 12:02:00 GMT"])
async def test_a_server_that_says_when_is_not_asked_before(when: str) -> None:
    """In seconds, or as a date after the answer's own; a server that does not say is asked again."""
    date = "Fri, 20 Nov 2026 12:00:00 GMT"
    polite = answer(status="503 Service Unavailable", Date=date, Retry_After=when)
    async with serve(answer(status="503 Oops"), polite, GOOD) as server, fetching() as (fetcher, notes):
        assert (await failure(fetcher, server.url())).retry_after is None
        assert (await failure(fetcher, server.url("/a"))).retry_after == pytest.approx(120.0, abs=1.0)
        failed = await failure(fetcher, server.url("/b"))
        assert (failed.problem, failed.status_code) == (Problem.HTTP_ERROR, 503)
    assert [head.split()[1] for head in server.heads] == ["/", "/a"]
    assert [note[:2] for note in notes.fetches] == [("crl", f"127.0.0.1:{server.port}")] * 2


@pytest.mark.parametrize("octets", [b"", b"220 mail.example ESMTP\r\n"], ids=["closes at once", "not HTTP"])
async def test_a_server_that_does_not_speak_http_is_left_alone(octets: bytes) -> None:
    """After the third time; one that redirects in a circle does speak it."""
    async with serve(raw(octets)) as server, fetching() as (fetcher, _):
        for _ in range(5):
            assert (await failure(fetcher, server.url())).problem is Problem.HTTP_ERROR
    assert len(server.heads) == 3
    async with serve(redirect("/")) as server, fetching() as (fetcher, _):
        for _ in range(5):
            failed = await failure(fetcher, server.url())
            assert (failed.problem, failed.retry_after) == (Problem.HTTP_ERROR, None)
    assert len(server.heads) == 5 * 4


async def test_it_is_the_host_of_the_url_that_is_left_alone() -> None:
    """Not the one to which it redirects, whose answer that was: others who ask that one may be luckier."""
    full = answer(status="429 Too Many Requests", Retry_After="60")
    async with serve(full, GOOD) as target, serve(redirect(target.url())) as server, fetching() as (fetcher, notes):
        assert (await failure(fetcher, server.url())).retry_after == pytest.approx(60.0, abs=1.0)
        assert (await failure(fetcher, server.url())).status_code == 429
        assert (await fetcher.fetch(FetchKind.CRL, Request(target.url()), PATIENCE)).body == b"good"
    assert (len(server.heads), len(target.heads)) == (1, 2)
    hosts = [host for _, host, _, _ in notes.fetches]
    assert hosts == [f"127.0.0.1:{server.port}", f"127.0.0.1:{target.port}"]
