"""A certificate's responder, which answers as it should, and in all the ways in which it should not."""

import asyncio
import base64
import contextlib
import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from ocsp_exporter.demo.authority import Authority, unsuccessful
from ocsp_exporter.demo.certificate import DAY, HOUR
from ocsp_exporter.demo.http import build_app, serve_http
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.demo.responder import Responder
from ocsp_exporter.demo.response import nonce
from ocsp_exporter.model import VERIFIED, CertIDHash, EgressPolicy, Follow, Problem, RequestMethod, Status
from ocsp_exporter.probing.egress import Answer, Egress, FetchFailed, Request
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.resolver import Resolver
from ocsp_exporter.probing.responder import Question, ResponderAnswer, ask
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.request import build, get_url
from ocsp_exporter.revocation.validation import validate
from tests.probing.asking import fetching
from tests.probing.http_server import Script, Server, answer, hang_after, raw, redirect, serve
from tests.unit import virtual_time

NOW = 1_800_000_000.0
CA = Authority.root(NOW)
LEAF = CA.leaf()
OTHER = CA.leaf()
EXPIRED_DELEGATE = CA.delegate(not_after=NOW - DAY)
#: Long enough for a busy machine; what hangs is given less.
PATIENCE = 20.0
OCSP = "application/ocsp-response"


def question(*urls: str, **options: object) -> Question:
    """Ask about the leaf, by default as a module does that says nothing of it."""
    usual = Question(
        subject=LEAF.certificate,
        issuer=CA.certificate,
        urls=urls,
        vouched_by=Voucher.NOBODY,
        method=RequestMethod.AUTO,
        hash=CertIDHash.SHA1,
        nonce=False,
        timeout=PATIENCE,
    )
    return replace(usual, **options)  # type: ignore[arg-type]  # the options are its fields


def verdict(came: ResponderAnswer) -> tuple[Status, tuple[Problem, ...]]:
    """Judge what came."""
    evidence = validate(came.der, LEAF.certificate, CA.certificate, NOW, Policy(), nonce=came.nonce)
    return evidence.status, came.problems + evidence.problems


def is_verified(came: ResponderAnswer) -> bool:
    """Tell whether what came answers the question."""
    return verdict(came)[0] in VERIFIED


async def outcome(fetcher: Fetcher, asked: Question) -> str:
    """Ask, and put what came of it as the tables have it."""
    try:
        status, problems = verdict(await ask(fetcher, asked, is_verified))
    except FetchFailed as failed:
        return f"raises {failed.problem}"
    return " ".join(("answers", status, *problems))


def methods(server: Server) -> str:
    """Name the methods of the requests that came, in their order."""
    return " ".join(head.split()[0] for head in server.heads)


def says(body: bytes, content_type: str = OCSP) -> Script:
    """Answer with a body of this type."""
    return answer(body, Content_Type=content_type)


GOOD = says(CA.answer(LEAF))
HTML = b"<html><title>Sign in</title></html>"


@dataclass(frozen=True)
class Fault:
    """What a server does, by which methods it is asked under `auto`, and what comes of it."""

    script: Script
    methods: str
    outcome: str
    options: Mapping[str, object] = field(default_factory=dict)


NONCE: Mapping[str, object] = {"nonce": True}
BRIEF: Mapping[str, object] = {"timeout": 0.3}
ONE, BOTH = "GET", "GET POST"

FAULTS: Mapping[str, Fault] = {
    "none": Fault(GOOD, ONE, "answers good"),
    # What cannot be fetched, though another method may help.
    "404": Fault(answer(HTML, "404 Not Found"), BOTH, "raises http_error"),
    "405": Fault(answer(HTML, "405 Method Not Allowed"), BOTH, "raises http_error"),
    "400 with a response": Fault(answer(unsuccessful(), "400 Bad Request"), BOTH, "raises http_error"),
    "500": Fault(answer(HTML, "500 Oops"), BOTH, "raises http_error"),
    "204": Fault(answer(status="204 No Content"), BOTH, "raises http_error"),
    "closes at once": Fault(raw(b""), BOTH, "raises http_error"),
    "redirects to itself": Fault(redirect("/"), "GET GET GET GET POST POST POST POST", "raises http_error"),
    "gzip": Fault(
        answer(gzip.compress(CA.answer(LEAF)), Content_Type=OCSP, Content_Encoding="gzip"), BOTH, "raises malformed"
    ),
    "too large": Fault(says(bytes(10_001)), BOTH, "raises too_large"),
    # What cannot be fetched, and is not asked again.
    "429": Fault(answer(status="429 Too Many Requests"), ONE, "raises http_error"),
    "429 with Retry-After": Fault(answer(status="429 Too Many Requests", Retry_After="60"), ONE, "raises http_error"),
    "503": Fault(answer(status="503 Service Unavailable"), ONE, "raises http_error"),
    "503 with Retry-After": Fault(answer(status="503 Service Unavailable", Retry_After="60"), ONE, "raises http_error"),
    "500 with Retry-After": Fault(answer(status="500 Oops", Retry_After="60"), ONE, "raises http_error"),
    "hangs before the head": Fault(hang_after(b""), ONE, "raises timeout", BRIEF),
    "hangs within the head": Fault(hang_after(b"HTTP/1.1 200 OK\r\nContent-"), ONE, "raises timeout", BRIEF),
    "hangs within the body": Fault(
        hang_after(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0"), ONE, "raises timeout", BRIEF
    ),
    "redirects to what is denied": Fault(
        redirect("http://169.254.169.254/"), ONE, "raises blocked_by_egress_policy", BRIEF
    ),
    "redirects to a directory": Fault(redirect("ldap://127.0.0.1/"), ONE, "raises unsupported_scheme"),
    "redirects to where nobody is": Fault(redirect("http://[::1"), ONE, "raises unreachable"),
    # What is no answer to the question.
    "HTML": Fault(says(HTML, "text/html"), BOTH, "answers invalid wrong_content_type malformed"),
    "HTML that says it is a response": Fault(says(HTML), BOTH, "answers invalid malformed"),
    "empty body": Fault(says(b""), BOTH, "answers invalid malformed"),
    "truncated": Fault(says(CA.answer(LEAF)[:-1]), BOTH, "answers invalid malformed"),
    "unauthorized": Fault(
        says(unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)), BOTH, "answers server_failed unsuccessful"
    ),
    "try later": Fault(says(unsuccessful()), BOTH, "answers server_failed unsuccessful"),
    "another certificate": Fault(says(CA.answer(OTHER)), BOTH, "answers invalid no_matching_response"),
    "another CA": Fault(
        says(CA.twin().answer(LEAF)), BOTH, "answers invalid no_matching_response responder_unidentified"
    ),
    "forged": Fault(says(CA.answer(LEAF, signing_key=CA.twin().key)), BOTH, "answers invalid signature_invalid"),
    "expired delegate": Fault(
        says(CA.answer(LEAF, signer=EXPIRED_DELEGATE)), BOTH, "answers invalid responder_certificate_expired"
    ),
    "expired": Fault(
        says(CA.answer(LEAF, this_update=NOW - 2 * DAY, next_update=NOW - DAY)), BOTH, "answers invalid expired"
    ),
    "in the future": Fault(
        says(CA.answer(LEAF, this_update=NOW + HOUR, produced_at=NOW + HOUR)),
        BOTH,
        "answers invalid not_yet_valid produced_in_future",
    ),
    "another nonce": Fault(
        says(CA.answer(LEAF, extensions=[nonce(bytes(32))])), BOTH, "answers invalid nonce_mismatch", NONCE
    ),
    # What is one, whatever else is to be said of it.
    "a nonce that nobody sent": Fault(says(CA.answer(LEAF, extensions=[nonce(bytes(32))])), ONE, "answers good"),
    "no nonce": Fault(GOOD, ONE, "answers good", NONCE),
    "wrong content type": Fault(says(CA.answer(LEAF), "text/plain"), ONE, "answers good wrong_content_type"),
    "no content type": Fault(answer(CA.answer(LEAF)), ONE, "answers good wrong_content_type"),
    "content type in capitals": Fault(says(CA.answer(LEAF), "Application/OCSP-Response; a=b"), ONE, "answers good"),
    "revoked": Fault(says(CA.answer(LEAF, status=Status.REVOKED)), ONE, "answers revoked"),
    "unknown": Fault(says(CA.answer(LEAF, status=Status.UNKNOWN)), ONE, "answers unknown"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_every_fault_is_told_and_the_other_method_is_tried_where_it_may_help(fault: str) -> None:
    """What comes of it, and by which methods the server was asked, is as written down."""
    row = FAULTS[fault]
    async with serve(row.script) as server, fetching() as fetcher:
        assert await outcome(fetcher, question(server.url(), **row.options)) == row.outcome
    assert methods(server) == row.methods


@pytest.mark.parametrize("fault", [name for name, row in FAULTS.items() if row.methods == BOTH])
async def test_a_verified_answer_by_the_other_method_wins(fault: str) -> None:
    """What GET did not bring, POST may: caches, proxies and old responders differ between the two."""
    row = FAULTS[fault]
    async with serve(row.script, GOOD) as server, fetching() as fetcher:
        assert await outcome(fetcher, question(server.url(), **row.options)) == "answers good"
    assert methods(server) == BOTH


@pytest.mark.parametrize(
    ("by_get", "by_post", "expected"),
    [
        ("404", "expired", "answers invalid expired"),
        ("expired", "404", "answers invalid expired"),
        ("expired", "503", "answers invalid expired"),
        ("unauthorized", "expired", "answers server_failed unsuccessful"),
        ("HTML", "unauthorized", "answers invalid wrong_content_type malformed"),
        ("404", "hangs before the head", "raises http_error"),
        ("gzip", "404", "raises malformed"),
    ],
)
async def test_where_neither_method_brings_a_verified_answer(by_get: str, by_post: str, expected: str) -> None:
    """An answer counts more than a failure, and of equals the first."""
    hangs = "hangs" in by_post
    async with serve(FAULTS[by_get].script, FAULTS[by_post].script) as server, fetching() as fetcher:
        assert await outcome(fetcher, question(server.url(), timeout=1.0 if hangs else PATIENCE)) == expected
    assert methods(server) == BOTH


@pytest.mark.parametrize("method", [RequestMethod.GET, RequestMethod.POST])
@pytest.mark.parametrize("fault", ["404", "HTML", "none"])
async def test_where_a_method_is_set_only_that_is_used(method: RequestMethod, fault: str) -> None:
    """What comes of it is the same, and the other method is not tried."""
    row = FAULTS[fault]
    async with serve(row.script) as server, fetching() as fetcher:
        assert await outcome(fetcher, question(server.url(), method=method)) == row.outcome
    assert methods(server) == method.upper()


@pytest.mark.parametrize(("octets", "expected"), [(255, "GET POST"), (256, "POST GET")])
async def test_a_request_that_is_too_long_for_get_is_posted_first(octets: int, expected: str) -> None:
    """The border is 255 octets of the whole URL (RFC 5019, section 5)."""
    encoded = build(LEAF.certificate, CA.certificate, CertIDHash.SHA1, None)
    async with serve(answer(status="404 Not Found")) as server, fetching() as fetcher:
        short = server.url("/")
        url = server.url("/" + "a" * (octets - 1 - len(get_url(short, encoded))))
        assert await outcome(fetcher, question(url)) == "raises http_error"
    assert methods(server) == expected
    by_get = next(head for head in server.heads if head.startswith("GET"))
    assert len(server.url(by_get.split()[1])) == octets


async def test_get_carries_the_request_in_the_url_as_the_standard_has_it() -> None:
    """Base64 in which `+`, `/` and `=` are escaped, also on the wire (RFC 6960, appendix A.1)."""
    subject = with_all_that_is_escaped()
    escaped = request_text(subject).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    async with serve(GOOD) as server, fetching() as fetcher:
        await ask(fetcher, question(server.url("/ocsp"), subject=subject, method=RequestMethod.GET), bool)
    assert server.heads[0].splitlines()[0] == f"GET /ocsp/{escaped} HTTP/1.1"


def with_all_that_is_escaped() -> x509.Certificate:
    """Issue a certificate about which the request has all three characters in base64, as one in three has."""
    while True:
        subject = CA.leaf(serial_number=x509.random_serial_number() >> 8).certificate
        if {*"+/="} <= {*request_text(subject)}:
            return subject


def request_text(subject: x509.Certificate) -> str:
    """Write the request about a certificate in base64."""
    return base64.b64encode(build(subject, CA.certificate, CertIDHash.SHA1, None)).decode()


async def test_post_carries_the_request_in_the_body() -> None:
    """With its content type, to the URL as it stands (RFC 6960, appendix A.1)."""
    async with serve(GOOD) as server, fetching() as fetcher:
        asked = question(server.url("/ocsp?ca=1"), method=RequestMethod.POST, hash=CertIDHash.SHA256)
        await ask(fetcher, asked, is_verified)
    lines = server.heads[0].splitlines()
    assert lines[0] == "POST /ocsp?ca=1 HTTP/1.1"
    assert "Content-Type: application/ocsp-request" in lines
    assert server.bodies == [build(LEAF.certificate, CA.certificate, CertIDHash.SHA256, None)]


async def test_the_same_get_is_repeated_conditionally() -> None:
    """With the validators of the answer before, which is given back if the server says that it still holds."""
    tagged = answer(CA.answer(LEAF), Content_Type=OCSP, ETag='"a"', Last_Modified="Fri, 20 Nov 2026 10:00:00 GMT")
    async with serve(tagged, answer(status="304 Not Modified"), GOOD) as server, fetching() as fetcher:
        asked = question(server.url("/ocsp"))
        first = await ask(fetcher, asked, is_verified)
        assert await ask(fetcher, asked, is_verified, first) is first
        last = await ask(fetcher, asked, is_verified, first)
        assert (last is not first, last.validators) == (True, {})
        await ask(fetcher, asked, is_verified, last)
    conditions = [[line for line in head.splitlines() if line.startswith("If-")] for head in server.heads]
    told = ['If-None-Match: "a"', "If-Modified-Since: Fri, 20 Nov 2026 10:00:00 GMT"]
    assert conditions == [[], told, told, []]


async def test_an_old_answer_that_a_cache_confirms_is_not_enough() -> None:
    """The cache that GET meets may keep it for too long; by POST the responder itself is asked."""
    old = answer(CA.answer(LEAF, this_update=NOW - 2 * DAY, next_update=NOW - DAY), Content_Type=OCSP, ETag='"a"')
    async with serve(old, answer(status="304 Not Modified"), GOOD) as server, fetching() as fetcher:
        asked = question(server.url("/ocsp"))
        before = await ask(fetcher, asked, lambda _: True)
        assert verdict(await ask(fetcher, asked, is_verified, before)) == (Status.GOOD, ())
    assert methods(server) == "GET GET POST"


async def test_an_answer_to_another_request_confirms_nothing() -> None:
    """By POST, or with a nonce, nothing is asked conditionally; a 304 that nobody asked for is an error."""
    tagged = answer(CA.answer(LEAF), Content_Type=OCSP, ETag='"a"')
    async with serve(tagged, answer(status="304 Not Modified")) as server, fetching() as fetcher:
        first = await ask(fetcher, question(server.url("/ocsp")), is_verified)
        for changed in ({"method": RequestMethod.POST}, {"nonce": True, "method": RequestMethod.GET}):
            with pytest.raises(FetchFailed) as raised:
                await ask(fetcher, question(server.url("/ocsp"), **changed), is_verified, first)
            assert raised.value.problem is Problem.HTTP_ERROR
    assert not any("If-None-Match" in head for head in server.heads)


async def test_a_nonce_is_drawn_for_each_question() -> None:
    """32 octets (RFC 9654, section 2.1), the same in all that is sent for one question, and told beside the answer."""
    async with serve(GOOD) as server, fetching() as fetcher:
        asked = question(server.url(), method=RequestMethod.POST, nonce=True)
        sent = [(await ask(fetcher, asked, bool)).nonce for _ in range(2)]
    assert [each and len(each) for each in sent] == [32, 32]
    assert sent[0] != sent[1]
    assert server.bodies == [build(LEAF.certificate, CA.certificate, CertIDHash.SHA1, each) for each in sent]


@pytest.mark.parametrize("method", RequestMethod)
@pytest.mark.parametrize("algorithm", CertIDHash)
@pytest.mark.parametrize("with_nonce", [True, False])
async def test_a_responder_that_reads_the_request_answers_it(
    method: RequestMethod, algorithm: CertIDHash, with_nonce: bool
) -> None:
    """The lab's own, which gives back hash and nonce; behind the same URL for any method."""
    lab = Responder(CA, {LEAF.certificate.serial_number: None}, lambda: NOW)
    listener = listen("127.0.0.1")
    async with serve_http(build_app(lab, CA.certificate), listener), fetching() as fetcher:
        url = f"http://127.0.0.1:{port_of(listener)}/ocsp"
        came = await ask(fetcher, question(url, method=method, hash=algorithm, nonce=with_nonce), is_verified)
    evidence = validate(came.der, LEAF.certificate, CA.certificate, NOW, Policy(), nonce=came.nonce)
    assert (evidence.status, evidence.problems) == (Status.GOOD, ())
    assert evidence.response
    assert evidence.response.cert_id_hash == algorithm
    assert (nonce(came.nonce) in came.der) if came.nonce else not with_nonce


# --- Several URLs -------------------------------------------------------------------------------------------

#: What is behind each of several URLs, by which methods each is asked, and what comes of it.
SEVERAL: Mapping[str, tuple[Sequence[str], Sequence[str], str]] = {
    "the first answers": (["none", "none"], ["GET", ""], "answers good"),
    "the second answers": (["404", "none", "none"], ["GET POST", "GET", ""], "answers good"),
    "the first is out of order": (["503", "none"], ["GET", "GET"], "answers good"),
    "the first hangs": (["hangs within the body", "none"], ["GET", "GET"], "answers good"),
    "all but the last hang": (
        ["hangs before the head", "hangs within the head", "hangs within the body", "none"],
        ["GET"] * 4,
        "answers good",
    ),
    "the first does not know the CA": (["unauthorized", "revoked"], ["GET POST", "GET"], "answers revoked"),
    "the first has an old answer": (["expired", "none"], ["GET POST", "GET"], "answers good"),
    "none answers": (["503", "404"], ["GET", "GET POST"], "raises http_error"),
    "none can be reached": (["hangs before the head", "503"], ["GET", "GET"], "raises timeout"),
    "an answer counts more than a failure before it": (
        ["503", "expired"],
        ["GET", "GET POST"],
        "answers invalid expired",
    ),
    "an answer counts more than a failure after it": (
        ["expired", "503"],
        ["GET POST", "GET"],
        "answers invalid expired",
    ),
    "of bad answers the first counts": (
        ["unauthorized", "expired"],
        ["GET POST", "GET POST"],
        "answers server_failed unsuccessful",
    ),
    "the fifth is not asked": (["404"] * 4 + ["none"], ["GET POST"] * 4 + [""], "raises http_error"),
}


@pytest.mark.parametrize("case", SEVERAL)
async def test_several_urls_are_asked_in_their_order(case: str) -> None:
    """Until one brings a verified answer; one that hangs leaves time for the others."""
    behind, asked_by, expected = SEVERAL[case]
    hangs = any("hangs" in name for name in behind)
    async with contextlib.AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(serve(FAULTS[name].script)) for name in behind]
        fetcher = await stack.enter_async_context(fetching())
        urls = [server.url() for server in servers]
        assert await outcome(fetcher, question(*urls, timeout=2.0 if hangs else PATIENCE)) == expected
    assert [methods(server) for server in servers] == asked_by


async def test_only_the_web_is_asked() -> None:
    """URLs of other schemes are left out; where there is no other, that is said, and nothing sent."""
    directory = "ldap://127.0.0.1/cn=CA"
    async with serve(GOOD) as server, fetching() as fetcher:
        urls = [directory] * 5 + [server.url().replace("http:", "HTTP:")]
        assert await outcome(fetcher, question(*urls)) == "answers good"
        with pytest.raises(FetchFailed) as failed:
            await ask(fetcher, question(directory), is_verified)
    assert failed.value.problem is Problem.UNSUPPORTED_SCHEME
    assert directory in failed.value.detail
    assert methods(server) == "GET"


async def test_who_vouches_for_the_urls_is_told_to_those_who_fetch() -> None:
    """The operator's own are asked, those of a certificate that nobody trusts are not."""
    async with serve(GOOD) as server, fetching(EgressPolicy()) as fetcher:
        asked = question(server.url(), vouched_by=Voucher.OPERATOR)
        assert await outcome(fetcher, replace(asked, vouched_by=Voucher.NOBODY)) == "raises blocked_by_egress_policy"
        assert await outcome(fetcher, asked) == "answers good"
    assert methods(server) == "GET"


async def test_what_cannot_be_connected_to_is_unreachable() -> None:
    """Nothing listens, or the name is not known: the other method would not help, another URL does."""
    listener = listen("127.0.0.1")
    closed = f"http://127.0.0.1:{port_of(listener)}/"
    listener.close()
    async with serve(GOOD) as server, fetching() as fetcher:
        assert await outcome(fetcher, question(closed)) == "raises unreachable"
        assert await outcome(fetcher, question("http://responder.example/")) == "raises unreachable"
        assert await outcome(fetcher, question("http://[::1", "http:///", server.url())) == "answers good"


def test_equal_questions_are_the_same_question() -> None:
    """How long one is ready to wait makes no difference; everything else does."""
    asked = question("http://ca.example/")
    assert hash(asked) == hash(replace(asked, timeout=1.0))
    assert asked == replace(asked, timeout=1.0)
    changes: tuple[Mapping[str, object], ...] = (
        {"subject": OTHER.certificate},
        {"issuer": CA.twin().certificate},
        {"urls": ("http://ca.example/", "http://ca.example/")},
        {"vouched_by": Voucher.OPERATOR},
        {"method": RequestMethod.GET},
        {"hash": CertIDHash.SHA256},
        {"nonce": True},
    )
    for each in changes:
        assert replace(asked, **each) != asked  # type: ignore[arg-type]  # they are its fields


# --- Sharing the time ---------------------------------------------------------------------------------------


class Slow(Egress):
    """Lets the time pass that each URL takes, and then answers 404; `given` are the seconds that each fetch had."""

    def __init__(self, takes: Callable[[str], float]) -> None:
        super().__init__(EgressPolicy(Follow.ANY), Resolver())
        self._takes = takes
        self.given: list[float] = []

    async def fetch(self, request: Request, deadline: float) -> Answer:
        """Fail, in time or by that."""
        left = deadline - asyncio.get_running_loop().time()
        self.given.append(round(left, 6))
        takes = self._takes(request.url)
        await asyncio.sleep(min(takes, left))
        if takes >= left:
            raise FetchFailed(Problem.TIMEOUT, "too late")
        raise FetchFailed(Problem.HTTP_ERROR, "not found", 404)


@pytest.mark.parametrize(
    ("hosts", "given"),
    [
        # The host says for how many seconds it takes; each is asked by GET, and by POST where it answered.
        ("99", [12]),
        ("9", [12, 3]),
        ("99 99 99", [4, 4, 4]),
        ("99 99 99 99", [3, 3, 3, 3]),
        ("1 99 99", [4, 3, 5, 5]),
        ("0 0 99", [4, 4, 6, 6, 12]),
        ("3 99 1", [4, 1, 4, 4, 3]),
        ("99 2", [6, 6, 4]),
    ],
)
def test_each_url_has_its_share_of_the_time_that_is_left(hosts: str, given: list[float]) -> None:
    """Of 12 seconds; what one does not need the others get."""
    egress = Slow(lambda url: float(url.split("/")[2].split(".")[1]))

    async def main() -> None:
        fetcher = Fetcher(egress, 1e9, clock=asyncio.get_running_loop().time)
        urls = [f"http://{number}.{host}.example/" for number, host in enumerate(hosts.split())]
        with pytest.raises(FetchFailed):
            await ask(fetcher, question(*urls, timeout=12.0), is_verified)

    virtual_time.run(main())
    assert egress.given == given


def test_waiting_for_ones_turn_is_not_counted() -> None:
    """A host may be asked once in 100 seconds, and there are 12; at another host the same is left."""
    egress = Slow(lambda _url: 1.0)

    async def main() -> None:
        fetcher = Fetcher(egress, 0.01, clock=asyncio.get_running_loop().time)
        urls = ["http://a.example/1", "http://a.example/2", "http://b.example/"]
        with pytest.raises(FetchFailed):
            await ask(fetcher, question(*urls, timeout=12.0), is_verified)

    virtual_time.run(main())
    assert egress.given == [4, 3, 5, 4, 8, 7]


@pytest.mark.parametrize(
    ("guess", "given"),
    [
        (0.0, [4, 3, 4, 4, 3]),  # too short: but nobody spent more than was given
        (500.0, [4, 4, 6, 6, 12, 12]),  # too long: as if nothing had been spent
    ],
)
def test_a_wrong_guess_of_the_wait_takes_nothing_from_other_urls(
    guess: float, given: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long one waits for one's turn is known only about; each URL has its share all the same."""
    egress = Slow(lambda _url: 1.0)

    async def main() -> None:
        fetcher = Fetcher(egress, 0.01, clock=asyncio.get_running_loop().time)
        urls = ["http://a.example/1", "http://a.example/2", "http://b.example/"]
        monkeypatch.setattr(fetcher, "delay", lambda _url: guess)
        with pytest.raises(FetchFailed):
            await ask(fetcher, question(*urls, timeout=12.0), is_verified)

    virtual_time.run(main())
    assert egress.given == given
