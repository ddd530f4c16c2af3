"""Issuers fetched from where certificates say that they are."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import EgressPolicy, Follow
from ocsp_exporter.probing import issuer_fetch
from ocsp_exporter.probing.egress import Egress
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.issuer_fetch import IssuerFetch
from ocsp_exporter.probing.resolver import Resolver
from tests.probing.http_server import Script, answer, hang_after, serve

ROOT = Authority.root(time.time())
ISSUER = ROOT.intermediate()
TWIN = ISSUER.twin()
BY_NAME = EgressPolicy(allowed_hosts=frozenset({"localhost"}))
PATIENCE = 20.0


def der(*certificates: x509.Certificate) -> bytes:
    """Put certificates one after another."""
    return b"".join(each.public_bytes(Encoding.DER) for each in certificates)


def pem(*certificates: x509.Certificate) -> bytes:
    """Put certificates in PEM."""
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def leaf(*urls: str, authority: Authority = ISSUER) -> x509.Certificate:
    """Issue a certificate that says that its issuer is there."""
    return authority.leaf(issuer_urls=urls).certificate


@dataclass
class Fetching:
    """Fetches by a clock that the test sets."""

    issuers: IssuerFetch
    clock: list[float] = field(default_factory=lambda: [0.0])

    async def find(self, subject: x509.Certificate, patience: float = PATIENCE) -> x509.Certificate | None:
        """Look for the issuer by now and `patience` seconds."""
        return await self.issuers.find(subject, asyncio.get_running_loop().time() + patience)


@contextlib.asynccontextmanager
async def fetching(policy: EgressPolicy = BY_NAME) -> AsyncIterator[Fetching]:
    """Let issuers be fetched for as long as the block lasts."""
    clock = [0.0]
    resolver = Resolver()
    egress = Egress(policy, resolver)
    issuers = IssuerFetch(Fetcher(egress, 1000.0), lambda: clock[0])
    try:
        yield Fetching(issuers, clock)
    finally:
        await issuers.close()
        await egress.close()
        resolver.close()


@pytest.mark.parametrize(
    "body",
    [
        der(ISSUER.certificate),
        pem(ISSUER.certificate),
        pem(TWIN.certificate, ISSUER.certificate),
        pkcs7.serialize_certificates([TWIN.certificate, ISSUER.certificate], Encoding.DER),
        pkcs7.serialize_certificates([ISSUER.certificate], Encoding.PEM),
    ],
    ids=["DER", "PEM", "PEM with others", "PKCS #7", "PKCS #7 in PEM"],
)
async def test_an_issuer_is_found_in_every_form(body: bytes) -> None:
    """Whatever the content type is; of several certificates the one that signed."""
    async with serve(answer(body, Content_Type="text/plain")) as server, fetching() as here:
        assert await here.find(leaf(server.url("/ca.cer", "localhost"))) == ISSUER.certificate


GOOD = answer(der(ISSUER.certificate))

#: What is behind the URL, and the problem in the log, None where nothing went wrong but no issuer is there.
FAULTS: Mapping[str, tuple[Script, str | None]] = {
    "twin": (answer(der(TWIN.certificate)), None),
    "another certificate": (answer(der(ROOT.certificate)), None),
    "gone": (answer(status="404 Not Found"), "http_error"),
    "empty": (answer(), "malformed"),
    "HTML": (answer(b"<html><title>Sign in</title></html>"), "malformed"),
    "cut off": (answer(der(ISSUER.certificate)[:-1]), "malformed"),
    "two in DER": (answer(der(ISSUER.certificate, ISSUER.certificate)), "malformed"),
    "no PEM": (answer(pem(ISSUER.certificate)[:-40]), "malformed"),
    "too large": (answer(pem(ISSUER.certificate) + bytes(65536)), "too_large"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_is_no_issuer_is_not_taken(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """By signature, never by name; the log says once what went wrong, and once that it is good again."""
    script, problem = FAULTS[fault]
    caplog.set_level(logging.INFO, issuer_fetch.__name__)
    async with serve(script, script, GOOD) as server, fetching() as here:
        subject = leaf(server.url("/ca.cer", "localhost"))
        for expected in (None, None, ISSUER.certificate):
            assert await here.find(subject) == expected
            here.clock[0] += 301.0
    told = [(record.levelname, vars(record)["fields"].get("problem")) for record in caplog.records]
    assert told == ([("WARNING", problem), ("INFO", None)] if problem else [])


@pytest.mark.parametrize(
    ("policy", "is_fetched"),
    [
        (EgressPolicy(), False),
        (EgressPolicy(Follow.LISTED), False),
        (EgressPolicy(Follow.ANY), True),
        (BY_NAME, True),
        (EgressPolicy(Follow.LISTED, allowed_hosts=frozenset({"localhost"})), True),
    ],
)
async def test_only_where_the_policy_lets_anybody_send_it(
    policy: EgressPolicy, is_fetched: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A certificate without its issuer leads to no root, so that nobody vouches for its URL."""
    async with serve(GOOD) as server, fetching(policy) as here:
        found = await here.find(leaf(server.url("/ca.cer", "localhost")))
        assert (found == ISSUER.certificate, len(server.heads)) == (is_fetched, int(is_fetched))
    assert ("blocked_by_egress_policy" in str([vars(record) for record in caplog.records])) is not is_fetched


async def test_the_next_url_is_tried() -> None:
    """Where the first leads to nothing useful; directories are left out if there is a web server, and told if not."""
    async with serve(answer(status="404 Not Found")) as bad, serve(GOOD) as good, fetching() as here:
        urls = ("ldap:///cn=CA?cACertificate", bad.url("/", "localhost"), good.url("/", "localhost"))
        assert await here.find(leaf(*urls)) == ISSUER.certificate
        assert await here.find(leaf(urls[0])) is None
        assert await here.find(leaf()) is None


async def test_no_more_than_three_urls_of_a_certificate_are_asked() -> None:
    """Nor are endless ones: whoever made the certificate decides how many there are."""
    async with serve(answer(status="404 Not Found")) as server, fetching() as here:
        assert await here.find(leaf(*(server.url(f"/{number}", "localhost") for number in range(9)))) is None
        assert len(server.heads) == 3
        assert await here.find(leaf(server.url("/" + "x" * 2048, "localhost"))) is None
        assert len(server.heads) == 3


async def test_each_url_is_fetched_once_for_all() -> None:
    """However many targets name it, at the same time or within the hour."""
    async with serve(GOOD) as server, fetching() as here:
        subjects = [leaf(server.url("/ca.cer", "localhost")) for _ in range(20)]
        assert await asyncio.gather(*map(here.find, subjects)) == [ISSUER.certificate] * 20
        here.clock[0] += 3600.0
        assert await here.find(subjects[0]) == ISSUER.certificate
        assert len(server.heads) == 1


async def test_what_was_fetched_is_renewed_after_an_hour_without_making_anybody_wait(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A signature does not age: what is known serves until there is something new, and where that is bad."""
    come, go_on = asyncio.Event(), asyncio.Event()

    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        come.set()
        await go_on.wait()
        await answer(status="500 Oops")(reader, writer)

    async with serve(GOOD, broken) as server, fetching() as here:
        subject = leaf(server.url("/ca.cer", "localhost"))
        assert await here.find(subject) == ISSUER.certificate
        here.clock[0] += 3601.0
        assert await here.find(subject) == ISSUER.certificate
        await come.wait()
        assert await here.find(subject) == ISSUER.certificate
        go_on.set()
        url = server.url("/ca.cer", "localhost")
        assert await here.find(leaf(url, authority=TWIN)) is None  # whom the old one does not help, waits
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert await here.find(subject) == ISSUER.certificate
        assert len(server.heads) == 2


async def test_what_did_not_help_is_asked_again_after_five_minutes() -> None:
    """The CA may have put its new certificate there; those whom the old one helps are not asked for it."""
    old, new = answer(der(TWIN.certificate)), GOOD
    async with serve(old, new) as server, fetching() as here:
        url = server.url("/ca.cer", "localhost")
        of_old, of_new = leaf(url, authority=TWIN), leaf(url)
        assert await here.find(of_old) == TWIN.certificate
        here.clock[0] += 300.0
        assert await here.find(of_new) is None
        assert len(server.heads) == 1
        here.clock[0] += 1.0
        assert await here.find(of_old) == TWIN.certificate
        assert len(server.heads) == 1
        assert await here.find(of_new) == ISSUER.certificate


async def test_a_fetch_outlives_who_asked_first_and_serves_the_next() -> None:
    """A probe ends by its deadline, and what it began is not begun again."""
    go_on = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        await GOOD(reader, writer)

    async with serve(slow) as server, fetching() as here:
        subject = leaf(server.url("/ca.cer", "localhost"))
        assert await here.find(subject, patience=0.1) is None
        assert await here.find(subject, patience=-1.0) is None
        go_on.set()
        assert await here.find(subject) == ISSUER.certificate
        assert len(server.heads) == 1


async def test_what_hangs_is_given_up_and_ended_with_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetch has its own end; at the exporter's end nothing is waited for."""
    async with serve(hang_after(b""), GOOD) as server, fetching() as here:
        monkeypatch.setattr(issuer_fetch, "_PATIENCE", 0.2)
        subject = leaf(server.url("/ca.cer", "localhost"))
        assert await here.find(subject) is None
        here.clock[0] += 301.0
        assert await here.find(subject) == ISSUER.certificate
    async with serve(hang_after(b"")) as server:
        monkeypatch.undo()
        async with fetching() as here:
            assert await here.find(leaf(server.url("/", "localhost")), patience=0.1) is None


async def test_only_so_much_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates may name any number of URLs; the oldest is forgotten first."""
    monkeypatch.setattr(issuer_fetch, "_MOST_REMEMBERED", 2)
    async with serve(GOOD) as server, fetching() as here:
        first, second, third = (leaf(server.url(f"/{number}", "localhost")) for number in range(3))
        for subject in (first, second, third, third, second, first):
            assert await here.find(subject) == ISSUER.certificate
    assert [head.split()[1] for head in server.heads] == ["/0", "/1", "/2", "/0"]


class _Faulty(Resolver):
    """A resolver with a fault of ours in it."""

    resolve = partial  # type: ignore[assignment]  # called, it is nothing that can be awaited


async def test_a_fault_of_the_exporter_fails_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """It is in the log with its place in the code."""
    resolver = _Faulty()
    issuers = IssuerFetch(Fetcher(Egress(BY_NAME, resolver), 1000.0))
    assert await issuers.find(leaf("http://localhost/"), asyncio.get_running_loop().time() + PATIENCE) is None
    resolver.close()
    assert "Traceback" in caplog.text
