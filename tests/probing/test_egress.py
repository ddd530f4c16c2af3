"""The one HTTP client, against servers that do all that they should not."""

import asyncio
import contextlib
import gzip
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from socket import AF_INET, AF_INET6

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.model import EgressPolicy, Follow, Problem
from ocsp_exporter.probing import egress_policy
from ocsp_exporter.probing.egress import Answer, Egress, FetchFailed, Request
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.resolver import Address, Addresses, Resolver, look_up
from tests.probing.http_server import Script, Server, answer, endless, hang_after, raw, redirect, serve

HERE = EgressPolicy(allowed=(ip_network("127.0.0.1/32"),))
ANY = EgressPolicy(Follow.ANY)
#: Long enough for a busy machine; what hangs is given less.
PATIENCE = 20.0


def names(known: Mapping[str, Sequence[str]]) -> Callable[[str], Addresses]:
    """Make a look-up that knows these names only."""

    def find(host: str) -> Addresses:
        if host not in known:
            raise OSError(-2, "Name or service not known")
        return tuple(Address(AF_INET6 if ":" in each else AF_INET, each) for each in known[host])

    return find


@contextlib.asynccontextmanager
async def egress(
    policy: EgressPolicy = HERE,
    known: Mapping[str, Sequence[str]] | None = None,
    tls: ssl.SSLContext | None = None,
    resolver: Resolver | None = None,
) -> AsyncIterator[Egress]:
    """Make a client for as long as the block lasts."""
    resolver = resolver or Resolver(look_up if known is None else names(known))
    made = Egress(policy, resolver, tls)
    try:
        yield made
    finally:
        await made.close()
        resolver.close()


async def fetch(client: Egress, request: Request | str, patience: float = PATIENCE) -> Answer:
    """Fetch by now and `patience` seconds."""
    request = Request(request) if isinstance(request, str) else request
    return await client.fetch(request, asyncio.get_running_loop().time() + patience)


async def failure(client: Egress, request: Request | str, patience: float = PATIENCE) -> tuple[Problem, str]:
    """Fetch what cannot be fetched, and tell why."""
    with pytest.raises(FetchFailed) as caught:
        await fetch(client, request, patience)
    return caught.value.problem, caught.value.detail


async def test_an_answer_comes_with_all_that_belongs_to_it() -> None:
    """Status, headers by lower-case names, the media type without parameters, and the body."""
    script = answer(b"body", Content_Type="Application/PKIX-cert; a=b", Date="Fri, 20 Nov 2026 12:00:00 GMT")
    async with serve(script) as server, egress() as client:
        came = await fetch(client, server.url("/a?b=%2B#c"))
    assert (came.url, came.status_code, came.body) == (server.url("/a?b=%2B"), 200, b"body")
    assert (came.content_type, came.headers["date"]) == ("application/pkix-cert", "Fri, 20 Nov 2026 12:00:00 GMT")


async def test_what_is_sent_is_little_and_says_that_nothing_is_to_be_compressed() -> None:
    """Neither the user name in a URL nor a cookie from before is sent; the host is the URL's."""
    async with (
        serve(answer(Set_Cookie="a=b")) as server,
        egress(known={"ca.example": ["127.0.0.1"]}) as client,
    ):
        for _ in range(2):
            await fetch(client, server.url("/x", host="user:secret@ca.example"))
    lines = server.heads[1].splitlines()
    assert lines[0] == "GET /x HTTP/1.1"
    assert sorted(lines[1:-1]) == [
        "Accept-Encoding: identity",
        "Accept: */*",
        f"Host: ca.example:{server.port}",
        "User-Agent: ocsp_exporter",
    ]


async def test_content_is_posted_with_the_headers_that_belong_to_it() -> None:
    """An OCSP request is sent in the body, by POST."""
    async with serve(answer(b"answer")) as server, egress() as client:
        request = Request(server.url(), content=b"request", headers={"Content-Type": "application/ocsp-request"})
        assert (await fetch(client, request)).body == b"answer"
    assert server.heads[0].startswith("POST / HTTP/1.1\r\n")
    assert "Content-Type: application/ocsp-request\r\n" in server.heads[0]
    assert "Content-Length: 7\r\n" in server.heads[0]


async def test_what_was_not_modified_is_an_answer_only_to_who_asked_whether_it_was() -> None:
    """304 has no body; nobody else can use it."""
    async with serve(answer(status="304 Not Modified")) as server, egress() as client:
        asked = await fetch(client, Request(server.url(), headers={"If-None-Match": '"1"'}))
        assert (asked.status_code, asked.body) == (304, b"")
        told = f"{server.url()} answered 304 Not Modified"
        assert await failure(client, server.url()) == (Problem.HTTP_ERROR, told)


GOOD = answer(b"good")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

#: What a server does, the problem with it, words of the detail, and what its good twin does.
FAULTS: Mapping[str, tuple[Script, Problem, str, Script]] = {
    "404": (answer(b"no", "404 Not Found"), Problem.HTTP_ERROR, "answered 404 Not Found", GOOD),
    "500": (answer(b"no", "500 Oops"), Problem.HTTP_ERROR, "answered 500 Oops", GOOD),
    "no content": (answer(status="204 No Content"), Problem.HTTP_ERROR, "answered 204 No Content", answer()),
    "redirect without place": (answer(status="302 Found"), Problem.HTTP_ERROR, "answered 302 Found", GOOD),
    "closes at once": (raw(b""), Problem.HTTP_ERROR, "did not answer as HTTP demands", GOOD),
    "not HTTP": (raw(b"220 mail.example ESMTP\r\n"), Problem.HTTP_ERROR, "did not answer as HTTP demands", GOOD),
    "endless head": (
        raw(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 50000),
        Problem.HTTP_ERROR,
        "did not answer as HTTP demands",
        raw(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 50 + b"\r\n"),
    ),
    "shorter than stated": (
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ngood"),
        Problem.HTTP_ERROR,
        "did not answer as HTTP demands",
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"),
    ),
    "wrong chunks": (
        raw(CHUNKED + b"no number\r\n"),
        Problem.HTTP_ERROR,
        "did not answer as HTTP demands",
        raw(CHUNKED + b"4\r\ngood\r\n0\r\n\r\n"),
    ),
    "gzip bomb": (
        answer(gzip.compress(bytes(10_000_000)), Content_Encoding="gzip"),
        Problem.MALFORMED,
        "answered in the encoding 'gzip', though only identity was accepted",
        answer(bytes(1000), Content_Encoding="identity"),
    ),
    "encoded twice": (
        answer(b"", Content_Encoding="identity, br"),
        Problem.MALFORMED,
        "answered in the encoding 'identity, br', though only identity was accepted",
        answer(b"", Content_Encoding=""),
    ),
    "one byte too many": (answer(bytes(1001)), Problem.TOO_LARGE, "more than 1000 bytes", answer(bytes(1000))),
    "too large in chunks": (
        raw(CHUNKED + b"3e9\r\n" + bytes(1001) + b"\r\n0\r\n\r\n"),
        Problem.TOO_LARGE,
        "more than 1000 bytes",
        raw(CHUNKED + b"3e8\r\n" + bytes(1000) + b"\r\n0\r\n\r\n"),
    ),
    "another scheme": (redirect("file:///etc/passwd"), Problem.UNSUPPORTED_SCHEME, "neither http nor https", GOOD),
    "no URL": (redirect("http://[::1"), Problem.UNREACHABLE, "is not a URL that can be asked", GOOD),
    "no URL, when joined": (redirect("http:////a]/"), Problem.UNREACHABLE, "is not a URL that can be asked", GOOD),
    "denied address": (
        redirect("http://169.254.169.254/latest/meta-data/"),
        Problem.BLOCKED_BY_EGRESS_POLICY,
        "169.254.169.254 is in egress.deny (169.254.0.0/16)",
        GOOD,
    ),
    "not allowed": (
        redirect("http://127.0.0.2/"),
        Problem.BLOCKED_BY_EGRESS_POLICY,
        "127.0.0.2 is not in egress.allow, egress.follow is trusted and no trusted root stands behind the URL",
        GOOD,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_of_a_server_is_one_problem(fault: str) -> None:
    """The problem is named and the detail says what happened; the good twin is taken."""
    bad, problem, words, good = FAULTS[fault]
    async with serve(bad, good) as server, egress() as client:
        found, detail = await failure(client, Request(server.url(), limit=1000))
        assert (found, words in detail) == (problem, True), detail
        assert (await fetch(client, Request(server.url(), limit=1000))).status_code == 200


@pytest.mark.parametrize(
    "octets",
    [b"", b"HTTP/1.1 200 OK\r\nContent-", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ngood"],
    ids=["before the headers", "within the headers", "within the body"],
)
async def test_one_deadline_holds_for_all_of_a_fetch(octets: bytes) -> None:
    """Wherever the server stops, the fetch ends in time; a server that goes on is good."""
    async with serve(hang_after(octets), GOOD) as server, egress() as client:
        told = f"{server.url()} did not answer in time"
        assert await failure(client, server.url(), patience=0.3) == (Problem.TIMEOUT, told)
        assert (await fetch(client, server.url())).body == b"good"


async def test_the_deadline_holds_for_the_look_up_and_for_redirects_too() -> None:
    """A name that is never found, and redirects each of which takes its time, end in time."""

    def hang(_host: str) -> Addresses:
        time.sleep(1.0)
        return ()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        await redirect("/")(reader, writer)

    async with egress(resolver=Resolver(hang)) as client:
        assert (await failure(client, "http://ca.example/", patience=0.1))[0] is Problem.TIMEOUT
    async with serve(slow) as server, egress() as client:
        assert (await failure(client, server.url(), patience=0.3))[0] is Problem.TIMEOUT


async def test_what_cannot_be_connected_to_is_unreachable() -> None:
    """Nothing listens, and the name is not known; the detail has the system's own words."""
    listener = listen("127.0.0.1")
    url = f"http://127.0.0.1:{port_of(listener)}/"
    listener.close()
    async with egress(known={}) as client:
        assert await failure(client, url) == (Problem.UNREACHABLE, f"{url} cannot be reached: Connection refused")
        told = "ca.example does not resolve: [Errno -2] Name or service not known"
        assert await failure(client, "http://ca.example/") == (Problem.UNREACHABLE, told)


async def test_the_next_address_is_tried() -> None:
    """A name has two addresses, and nothing listens at the first."""
    async with serve(GOOD) as server, egress(ANY, known={"ca.example": ["127.0.0.9", "127.0.0.1"]}) as client:
        assert (await fetch(client, server.url(host="ca.example"))).body == b"good"


async def test_a_request_may_name_the_address() -> None:
    """That one alone is connected to, without looking the name up, and the server sees the name all the same."""
    async with serve(GOOD) as server, egress(ANY, known={"ca.example": ["127.0.0.9"]}) as client:
        url = server.url(host="ca.example")
        assert (await fetch(client, Request(url, address="127.0.0.1"))).body == b"good"
        told = f"{url} cannot be reached: Connection refused"
        assert await failure(client, url) == (Problem.UNREACHABLE, told)
        assert await failure(client, Request(url, address="127.0.0.8")) == (Problem.UNREACHABLE, told)
    assert server.heads[0].splitlines()[1] == f"Host: ca.example:{server.port}"


@pytest.mark.parametrize("voucher", Voucher)
async def test_an_address_that_a_request_names_is_judged_as_any(voucher: Voucher) -> None:
    """No matter who vouches for the URL."""
    async with egress(ANY, known={}) as client:
        request = Request("http://ca.example/", voucher, address="::ffff:169.254.169.254")
        assert (await failure(client, request))[0] is Problem.BLOCKED_BY_EGRESS_POLICY


async def test_the_address_that_a_request_names_is_that_of_its_host() -> None:
    """It holds where the host redirects to itself, and not where it redirects to another."""
    known = {"elsewhere.example": ["127.0.0.1"]}
    async with serve(GOOD) as end, egress(ANY, known) as client:
        there = redirect(end.url(host="elsewhere.example"))
        async with serve(redirect("/again"), there) as server:
            assert (await fetch(client, Request(server.url(host="ca.example"), address="127.0.0.1"))).body == b"good"
        assert (len(server.heads), len(end.heads)) == (2, 1)
        far = Request(server.url(host="ca.example"), address="127.0.0.9")
        assert (await failure(client, far))[0] is Problem.UNREACHABLE


async def test_how_long_a_fetch_took_is_told() -> None:
    """Also of one that failed; of one that was never tried there is nothing to tell."""
    async with serve(GOOD, answer(status="500 Oops")) as server, egress() as client:
        assert (await fetch(client, server.url())).took > 0
        with pytest.raises(FetchFailed) as caught:
            await fetch(client, server.url())
        assert caught.value.took
        assert FetchFailed(Problem.HTTP_ERROR, "it is not asked").took is None


async def test_a_body_is_cut_off_at_the_limit() -> None:
    """Of 300 MiB little more than the limit is sent; one that fits is taken."""
    size = 300 * 1024 * 1024
    sent: list[int] = []
    policy = replace(HERE, max_response_bytes=65536)
    async with serve(endless(size, sent), answer(bytes(65536))) as server, egress(policy) as client:
        told = f"{server.url()} answered with more than 65536 bytes"
        assert await failure(client, server.url()) == (Problem.TOO_LARGE, told)
        assert len((await fetch(client, server.url())).body) == 65536
    assert sent[0] < size / 10


async def test_three_redirects_are_followed_and_no_more() -> None:
    """They may be relative, and to another host; a loop ends."""
    async with (
        egress(known={"ca.example": ["127.0.0.1"]}) as client,
        serve(GOOD) as end,
        serve(redirect(end.url("/end", host="ca.example"))) as second,
        serve(redirect("/again"), redirect(second.url())) as first,
        serve(redirect("/")) as loop,
    ):
        came = await fetch(client, first.url())
        assert (came.url, came.body) == (end.url("/end", host="ca.example"), b"good")
        told = f"{loop.url()} redirects more than 3 times"
        assert await failure(client, loop.url()) == (Problem.HTTP_ERROR, told)
    assert len(loop.heads) == 4


async def test_a_redirect_to_another_host_is_not_what_the_operator_wrote() -> None:
    """Under `listed` it leads only where the operator allows, and on the same host as before anywhere."""
    known = {"ca.example": ["127.0.0.1"], "elsewhere.example": ["127.0.0.1"]}

    def written(url: str) -> Request:
        return Request(url, Voucher.OPERATOR)

    async with (
        serve(GOOD) as end,
        serve(redirect(end.url("/", "elsewhere.example"))) as other,
        serve(redirect("/again"), GOOD) as same,
        egress(EgressPolicy(follow=Follow.LISTED), known) as client,
    ):
        assert (await fetch(client, written(same.url("/", "ca.example")))).body == b"good"
        assert (await failure(client, written(other.url("/", "ca.example"))))[0] is Problem.BLOCKED_BY_EGRESS_POLICY
        assert end.heads == []
        listed = EgressPolicy(follow=Follow.LISTED, allowed_hosts=frozenset({"elsewhere.example"}))
        async with egress(listed, known) as allowing:
            assert (await fetch(allowing, written(other.url("/", "ca.example")))).body == b"good"


async def test_a_client_has_nothing_asked_but_what_it_named() -> None:
    """Who may name some hosts only is not led to another by one of them; on the same host it is followed."""
    async with (
        serve(GOOD) as end,
        serve(redirect(end.url())) as other,
        serve(redirect("/again"), GOOD) as same,
        egress(ANY, {"ca.example": ["127.0.0.1"]}) as client,
    ):
        url = other.url(host="ca.example")
        told = f"{url} redirects to {end.url()}, and only what was asked for may be asked"
        assert await failure(client, Request(url, Voucher.CLIENT)) == (Problem.BLOCKED_BY_EGRESS_POLICY, told)
        assert end.heads == []
        assert (await fetch(client, Request(same.url(host="ca.example"), Voucher.CLIENT))).body == b"good"
        assert (await fetch(client, Request(other.url(host="ca.example"), Voucher.OPERATOR))).body == b"good"


async def test_a_port_that_there_cannot_be_is_no_error_of_ours() -> None:
    """It is told like any other URL that cannot be asked."""
    async with egress(ANY) as client:
        problem, told = await failure(client, "http://127.0.0.1:99999/")
    assert (problem, told.endswith("there is no such port")) == (Problem.UNREACHABLE, True)


@pytest.mark.parametrize(
    ("status", "method"), [("302 Found", "POST"), ("307 Temporary Redirect", "POST"), ("303 See Other", "GET")]
)
async def test_what_was_posted_is_posted_again_where_it_is_redirected_to(status: str, method: str) -> None:
    """An answer found elsewhere (303) is fetched instead (RFC 9110, section 15.4.4)."""
    async with serve(redirect("/b", status), GOOD) as server, egress() as client:
        await fetch(client, Request(server.url("/a"), content=b"request"))
    assert [head.split(" HTTP")[0] for head in server.heads] == ["POST /a", f"{method} /b"]


@pytest.mark.parametrize("url", ["ldap://127.0.0.1/cn=CA?cACertificate", "file:///etc/passwd", "ca.cer", ""])
async def test_only_the_web_is_asked(url: str) -> None:
    """Certificates of directories name ldap URLs; the good twin is http."""
    async with egress(ANY) as client, serve(GOOD) as server:
        assert await failure(client, url) == (Problem.UNSUPPORTED_SCHEME, f"{url!r} is neither http nor https")
        assert (await fetch(client, server.url())).body == b"good"


@pytest.mark.parametrize(
    "url", ["http:///x", "http://[::1/", "http://ca.example:99999/", "http://a\n/", "http://\u2028/"]
)
async def test_what_is_no_url_is_unreachable(url: str) -> None:
    """Whatever stands in a certificate raises nothing else."""
    async with egress(ANY, known={}) as client:
        assert (await failure(client, url))[0] is Problem.UNREACHABLE


async def test_a_name_is_looked_up_once_and_what_was_judged_is_connected_to() -> None:
    """A name that leads to an allowed address when it is judged cannot lead to a denied one when it is used."""
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    now = [0.0]

    def rebind(_host: str) -> Addresses:
        return tuple(Address(AF_INET, each) for each in answers.pop(0))

    async with serve(GOOD) as server, egress(ANY, resolver=Resolver(rebind, lambda: now[0])) as client:
        url = server.url(host="evil.example")
        assert (await fetch(client, url)).body == b"good"
        assert len(answers) == 1
        now[0] += 60  # the resolver has forgotten, and the connection to the good address is still there
        told = f"{url} may not be asked: 169.254.169.254 is in egress.deny (169.254.0.0/16)"
        assert await failure(client, url) == (Problem.BLOCKED_BY_EGRESS_POLICY, told)


@pytest.mark.parametrize("voucher", [Voucher.OPERATOR, Voucher.TRUST])
async def test_who_vouches_for_a_url_vouches_for_where_it_leads(voucher: Voucher) -> None:
    """Redirects included, but for what is denied; a URL for which nobody vouches is not asked."""
    denied = redirect("http://169.254.169.254/")
    async with serve(redirect("/there"), GOOD, denied) as server, egress(EgressPolicy()) as client:
        assert (await fetch(client, Request(server.url(), voucher))).body == b"good"
        assert (await failure(client, Request(server.url(), voucher)))[0] is Problem.BLOCKED_BY_EGRESS_POLICY
        assert (await failure(client, server.url()))[0] is Problem.BLOCKED_BY_EGRESS_POLICY
    assert len(server.heads) == 3


@pytest.mark.parametrize("host", ["127.0.0.1", "near.example"])
@pytest.mark.parametrize("voucher", [Voucher.OPERATOR, Voucher.TRUST])
async def test_a_redirect_leads_no_nearer(monkeypatch: pytest.MonkeyPatch, voucher: Voucher, host: str) -> None:
    """Who answers from elsewhere has this machine ask nothing of its own; at the same distance he is followed."""
    monkeypatch.setattr(egress_policy, "_distance", {"127.0.0.1": 0, "127.0.0.2": 2}.__getitem__)
    known = {"far.example": ["127.0.0.2"], "near.example": ["127.0.0.1"]}
    async with (
        serve(GOOD) as near,
        serve(redirect(near.url("/", host)), redirect("/again"), GOOD, address="127.0.0.2") as far,
        egress(EgressPolicy(), known) as client,
    ):
        problem, told = await failure(client, Request(far.url("/", "far.example"), voucher))
        assert (problem, "127.0.0.2, which redirects there, is farther" in told) == (
            Problem.BLOCKED_BY_EGRESS_POLICY,
            True,
        )
        assert near.heads == []
        assert (await fetch(client, Request(far.url("/", "far.example"), voucher))).body == b"good"


async def test_a_name_that_may_not_be_asked_is_not_looked_up() -> None:
    """Nobody learns of it. Where addresses are allowed, only the look-up can tell whether it leads to one."""
    looked_up = []

    def note(host: str) -> Addresses:
        looked_up.append(host)
        return (Address(AF_INET, "192.0.2.1"),)

    for policy, names_looked_up in ((EgressPolicy(), []), (HERE, ["ca.example"])):
        looked_up.clear()
        async with egress(policy, resolver=Resolver(note)) as client:
            told = await failure(client, "http://ca.example/")
        assert told[0] is Problem.BLOCKED_BY_EGRESS_POLICY
        assert looked_up == names_looked_up


async def test_only_those_addresses_of_a_name_are_used_that_may_be() -> None:
    """A name with a denied and an allowed address is asked at the latter."""
    known = {"ca.example": ["169.254.169.254", "127.0.0.1"]}
    async with serve(GOOD) as server, egress(ANY, known) as client:
        assert (await fetch(client, server.url(host="ca.example"), patience=5.0)).body == b"good"


@contextlib.asynccontextmanager
async def https_server(tmp_path: Path) -> AsyncIterator[tuple[Server, ssl.SSLContext]]:
    """Serve by a certificate for ca.example; the context trusts its CA."""
    authority = Authority.root(time.time())
    leaf = authority.leaf("ca.example")
    (tmp_path / "leaf.pem").write_bytes(leaf.certificate_pem() + leaf.key_pem())
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "leaf.pem")
    trust = ssl.create_default_context(cadata=authority.certificate.public_bytes(Encoding.DER))
    async with serve(GOOD, tls=tls) as server:
        yield server, trust


async def test_https_is_verified_for_the_name_in_the_url(tmp_path: Path) -> None:
    """Though the connection is made to an address; a connection made for one name is not used for another."""
    known = {"ca.example": ["127.0.0.1"], "wrong.example": ["127.0.0.1"]}
    async with https_server(tmp_path) as (server, trust), egress(ANY, known, trust) as client:
        assert (await fetch(client, server.url(host="ca.example", scheme="https"))).body == b"good"
        pinned = Request(server.url(host="ca.example", scheme="https"), address="127.0.0.1")
        assert (await fetch(client, pinned)).body == b"good"
        url = server.url(host="wrong.example", scheme="https")
        problem, detail = await failure(client, url)
        assert problem is Problem.UNREACHABLE
        assert detail.startswith(f"{url} cannot be reached: Hostname mismatch")
    assert server.heads[0].splitlines()[1] == f"Host: ca.example:{server.port}"


async def test_https_is_verified_by_the_roots_of_the_system(tmp_path: Path) -> None:
    """A private CA is not among them."""
    async with https_server(tmp_path) as (server, _), egress(ANY, {"ca.example": ["127.0.0.1"]}) as client:
        url = server.url(host="ca.example", scheme="https")
        problem, detail = await failure(client, url)
    assert (problem, detail.startswith(f"{url} cannot be reached: unable to get")) == (Problem.UNREACHABLE, True)


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the configuration does."""
    async with serve(answer(b"proxy")) as proxy, serve(GOOD) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        async with egress() as client:
            assert (await fetch(client, server.url())).body == b"good"
        async with egress(replace(HERE, proxy_url=proxy.url())) as client:
            assert (await fetch(client, server.url())).body == b"proxy"
    assert proxy.heads[0].splitlines()[0] == f"GET {server.url()} HTTP/1.1"


@pytest.mark.parametrize("host", ["169.254.169.254", "0xa9fea9fe", "2852039166", "169.254.43518", "[::ffff:a9fe:a9fe]"])
async def test_a_proxy_is_not_asked_for_denied_addresses(host: str) -> None:
    """However the address is written; names are the proxy's to look up."""
    async with serve(answer(b"proxy")) as proxy, egress(replace(ANY, proxy_url=proxy.url()), known={}) as client:
        problem, detail = await failure(client, f"http://{host}/")
        assert (problem, "is in egress.deny (169.254.0.0/16)" in detail) == (Problem.BLOCKED_BY_EGRESS_POLICY, True)
        assert (await fetch(client, "http://ca.example/")).body == b"proxy"
    assert len(proxy.heads) == 1
