"""CRLs fetched from distribution points that behave, and from those that do not."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from ipaddress import ip_network

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import EgressPolicy, Follow, Problem, Revocation
from ocsp_exporter.probing.distribution_point import NO_VALIDATORS, FetchedCRL, Question, Validators, ask
from ocsp_exporter.probing.egress import Egress, FetchFailed
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.resolver import Resolver
from ocsp_exporter.revocation.crl import CertificateList
from tests.probing.http_server import Script, Server, answer, endless, hang_after, redirect, serve

NOW = 1_800_000_000
CA = Authority.root(NOW, "Test CA")
HERE = EgressPolicy(Follow.LISTED, allowed=(ip_network("127.0.0.1/32"),))
LIMIT = 512 * 1024


def _crl(number: int, entries: int = 1) -> bytes:
    return CA.crl({serial: Revocation(NOW - serial, None) for serial in range(entries)}, number=number)


def _serving(number: int = 1, **headers: str) -> Script:
    return answer(_crl(number), **{"Content_Type": "application/pkix-crl", **headers})


@contextlib.asynccontextmanager
async def _fetching(policy: EgressPolicy = HERE) -> AsyncIterator[Fetcher]:
    resolver = Resolver()
    egress = Egress(policy, resolver)
    try:
        yield Fetcher(egress, 1000.0)
    finally:
        await egress.close()
        resolver.close()


def _question(*urls: str) -> Question:
    return Question(CA.certificate, urls, Voucher.NOBODY, LIMIT, timeout=20.0)


async def _ask(
    question: Question,
    is_usable: Callable[[CertificateList], bool] = lambda _: True,
    validators: Validators = NO_VALIDATORS,
    policy: EgressPolicy = HERE,
) -> FetchedCRL | None:
    async with _fetching(policy) as fetcher:
        return await ask(fetcher, question, validators, is_usable)


async def _number(question: Question, is_usable: Callable[[CertificateList], bool] = lambda _: True) -> int | None:
    found = await _ask(question, is_usable)
    assert found is not None
    return found.crl.number


async def _problem(question: Question, policy: EgressPolicy = HERE) -> Problem:
    with pytest.raises(FetchFailed) as failed:
        await _ask(question, policy=policy)
    return failed.value.problem


@pytest.mark.parametrize(
    ("content_type", "problems"),
    [
        ("application/pkix-crl", ()),
        ("Application/PKIX-CRL; charset=binary", ()),
        ("application/x-pkcs7-crl", ()),
        ("text/html", (Problem.WRONG_CONTENT_TYPE,)),
        ("application/octet-stream", (Problem.WRONG_CONTENT_TYPE,)),
        ("", (Problem.WRONG_CONTENT_TYPE,)),
    ],
)
async def test_a_crl_is_fetched_whatever_it_is_called(content_type: str, problems: tuple[Problem, ...]) -> None:
    """Its octets and what is in them are there; a wrong name of their type is noted beside."""
    async with serve(_serving(7, Content_Type=content_type)) as server:
        found = await _ask(_question(server.url("/ca.crl")))
    assert found is not None
    assert (found.crl.number, found.problems) == (7, problems)
    assert len(found.crl.entries) == 1
    assert found.crl.signature_problem is None


async def test_a_large_one_is_fetched_as_well() -> None:
    """By redirects, and read by another process."""
    async with serve(redirect("/there"), answer(_crl(7, 5000), Content_Type="application/pkix-crl")) as server:
        found = await _ask(_question(server.url("/here")))
    assert found is not None
    assert len(found.crl.entries) == 5000
    assert found.der[:2] == b"\x30\x83"


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (answer(b"<html>", Content_Type="text/html"), Problem.MALFORMED),
        (answer(b""), Problem.MALFORMED),
        (answer(_crl(1)[:-1]), Problem.MALFORMED),
        (answer(b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"), Problem.MALFORMED),
        (answer(_crl(1), Content_Encoding="gzip"), Problem.MALFORMED),
        (endless(LIMIT + 1, []), Problem.TOO_LARGE),
        (answer(status="404 Not Found"), Problem.HTTP_ERROR),
        (answer(status="304 Not Modified"), Problem.HTTP_ERROR),  # though nothing was asked of it
        (answer(status="503 Service Unavailable"), Problem.HTTP_ERROR),
        (redirect("ldap://crl.example/"), Problem.UNSUPPORTED_SCHEME),
    ],
    ids=["HTML", "empty", "cut off", "PEM", "gzip", "too large", "404", "304", "503", "to LDAP"],
)
async def test_what_is_no_crl_is_told_as_it_is(script: Script, problem: Problem) -> None:
    """And the next URL is asked, which has one."""
    async with serve(script, script, _serving(7)) as server:
        assert await _problem(_question(server.url("/1"))) is problem
        assert await _number(_question(server.url("/1"), server.url("/2"))) == 7


async def test_only_http_is_asked() -> None:
    """Directories are no failure, and nothing but them is unsupported."""
    async with serve(_serving(7)) as server:
        assert await _number(_question("ldap://crl.example/", server.url().replace("http:", "HTTP:"))) == 7
    assert await _problem(_question("ldap://crl.example/", "file:///etc/ca.crl")) is Problem.UNSUPPORTED_SCHEME
    assert await _problem(_question()) is Problem.UNSUPPORTED_SCHEME


async def test_it_goes_where_the_policy_allows() -> None:
    """As all fetches; what the operator wrote is no URL of a certificate."""
    async with serve(_serving(7)) as server:
        question = _question(server.url())
        nowhere = EgressPolicy(Follow.LISTED)
        assert await _problem(question, nowhere) is Problem.BLOCKED_BY_EGRESS_POLICY
        assert server.heads == []
        found = await _ask(replace(question, vouched_by=Voucher.OPERATOR), policy=nowhere)
    assert found is not None


# --- Several URLs -------------------------------------------------------------------------------------------


def _urls(server: Server, number: int) -> tuple[str, ...]:
    return tuple(server.url(f"/{position}") for position in range(1, number + 1))


async def test_the_first_usable_one_counts() -> None:
    """Those behind it are not asked."""
    async with serve(_serving(1), _serving(2), _serving(3)) as server:
        assert await _number(_question(*_urls(server, 3)), lambda crl: crl.number == 2) == 2
    assert [head.split()[1] for head in server.heads] == ["/1", "/2"]


async def test_where_none_is_usable_the_first_that_can_be_read_counts() -> None:
    """It is more than a failure, wherever that is."""
    html = answer(b"<html>")
    async with serve(html, _serving(2), _serving(3), html) as server:
        assert await _number(_question(*_urls(server, 4)), lambda _: False) == 2
    assert len(server.heads) == 4


async def test_where_none_can_be_read_it_is_told_what_came() -> None:
    """Before it is told what did not come; of two failures the first."""
    missing, html = answer(status="404 Not Found"), answer(b"<html>")
    async with serve(missing, html, missing) as server:
        assert await _problem(_question(*_urls(server, 3))) is Problem.MALFORMED
    async with serve(missing, redirect("ldap://crl.example/")) as server:
        assert await _problem(_question(*_urls(server, 2))) is Problem.HTTP_ERROR


async def test_no_more_than_four_are_asked() -> None:
    """A certificate may name hundreds; those that cannot be asked do not count."""
    missing = answer(status="404 Not Found")
    async with serve(missing) as server:
        assert await _problem(_question("ldap://crl.example/", *_urls(server, 9))) is Problem.HTTP_ERROR
    assert [head.split()[1] for head in server.heads] == ["/1", "/2", "/3", "/4"]


async def test_one_that_hangs_leaves_time_for_the_next() -> None:
    """Each has an equal share of what is left."""
    async with serve(hang_after(b"HTTP/1.1 200 OK\r\n"), _serving(7)) as server:
        assert await _number(replace(_question(*_urls(server, 2)), timeout=1.0)) == 7


def test_questions_that_differ_in_their_patience_are_the_same() -> None:
    """So that they share an answer."""
    question = _question("http://crl.example/")
    assert replace(question, timeout=1.0) == question
    assert replace(question, limit=1) != question


# --- Conditional requests -----------------------------------------------------------------------------------

_ETAG, _DATE = '"6b-5"', "Fri, 15 Jan 2027 07:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ({"ETag": _ETAG}, {"If-None-Match": _ETAG}),
        ({"Last_Modified": _DATE}, {"If-Modified-Since": _DATE}),
        ({"ETag": _ETAG, "Last_Modified": _DATE}, {"If-None-Match": _ETAG, "If-Modified-Since": _DATE}),
    ],
)
async def test_what_was_not_modified_is_not_fetched_again(headers: dict[str, str], asked: dict[str, str]) -> None:
    """By what the server said of the CRL that is at hand; without that it is fetched whole."""
    async with serve(_serving(7, **headers), answer(status="304 Not Modified"), _serving(8)) as server:
        question = _question(server.url("/ca.crl"))
        found = await _ask(question)
        assert found is not None
        assert found.validators == {server.url("/ca.crl"): asked}
        assert await _ask(question, validators=found.validators) is None
        assert await _number(question) == 8
    first, conditional, last = server.heads
    assert all(f"{name}: {value}\r\n" in conditional for name, value in asked.items())
    assert "If-" not in first + last


async def test_what_one_server_says_is_not_told_to_another() -> None:
    """It would say that its own is not modified since, though it is another one and was never seen."""
    async with serve(_serving(1), _serving(2, Last_Modified=_DATE)) as server:
        found = await _ask(_question(*_urls(server, 2)), lambda crl: crl.number == 2)
        assert found is not None
        await _ask(_question(*_urls(server, 2)), validators=found.validators)
    asked = [(head.split()[1], "If-Modified-Since" in head) for head in server.heads]
    assert asked == [("/1", False), ("/2", False), ("/1", False)]


async def test_a_server_that_says_nothing_of_it_is_asked_for_all_of_it() -> None:
    """There is nothing to ask by."""
    async with serve(_serving(7)) as server:
        found = await _ask(_question(server.url()))
    assert found is not None
    assert found.validators == {}
