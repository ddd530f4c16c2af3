"""What stands before the pages: login, rate limit and headers."""

import asyncio
import base64
import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ocsp_exporter.config.web import RateLimit
from ocsp_exporter.serving.authentication import Logins, NotChecked
from ocsp_exporter.serving.guard import Guard, TokenBucket
from ocsp_exporter.serving.web_config import WebConfigFile

# At the lowest cost, so that the tests are quick.
ALICES = "$2b$04$PFrFY2WhyzTozMZaqsD6c.kptm2YM22Na1ixchifnTKlh5VIl9ICO"
BOBS = "$2b$04$Akmx8gDU8P5V/wLi0c9G3O25q18Nt5KvvAPTvQagMUKdjJ3rUFaLi"
SEVENTY_TWO_X = "$2b$04$XtcoXKkAND89ViM85IBx9Ov0r/SY7oZUQ0gtklmJIAae5N0Jff0LW"
WITH_UMLAUTS = "$2b$04$tLUnenOrTI2wZNt1WnQ3wejZTw5f34MjD0h5h2lwzRlT7tQuVSP7i"
USERS = {"alice": ALICES, "bob": BOBS, "long": SEVENTY_TWO_X, "jürgen": WITH_UMLAUTS}


def basic(user: str, password: str) -> str:
    """Write an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Note the hashes that bcrypt checks passwords against, in their order."""
    hashes: list[bytes] = []
    check = bcrypt.checkpw

    def noting(password: bytes, hashed: bytes) -> bool:
        hashes.append(hashed)
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", noting)
    return hashes


def wrong(number: int) -> str:
    """Write one of many wrong headers."""
    return basic("alice", f"{number}")


@dataclass
class Slow:
    """bcrypt, which does not answer before it is released."""

    release: threading.Event = field(default_factory=threading.Event)
    checked: list[bytes] = field(default_factory=list)
    running: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(1))

    def check(self, password: bytes, hashed: bytes) -> bool:
        """Check a password against alice's."""
        assert self.running.acquire(blocking=False), "two at a time"
        assert hashed == ALICES.encode()
        self.release.wait()
        self.checked.append(password)
        self.running.release()
        return password == b"secret"


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    """Check passwords slowly, and note which."""
    made = Slow()
    monkeypatch.setattr(bcrypt, "checkpw", made.check)
    return made


class TestLogins:
    """Basic authentication."""

    @pytest.mark.parametrize(
        ("authorization", "allowed"),
        [
            (basic("alice", "secret"), True),
            (basic("alice", "secret").replace("Basic", "bAsIc"), True),
            (basic("alice", "secret").replace(" ", "  "), True),
            (basic("jürgen", "pässwörd:1"), True),
            (basic("alice", "other"), False),
            (basic("alice", ""), False),
            (basic("alice", "secret\0"), False),
            (basic("Alice", "secret"), False),
            (basic("", "secret"), False),
            (basic("eve", "secret"), False),
            (basic("alice", "secret").replace("Basic", "Bearer"), False),
            (basic("alice", "secret").replace(" ", ""), False),
            (basic("alice", "secret") + "!", False),
            (basic("alice", "secret")[:-3], False),
            ("Basic " + base64.b64encode(b"alice").decode(), False),
            ("Basic " + base64.b64encode(b"\xff:secret").decode(), False),
            ("Basic ä", False),
            ("Basic", False),
            ("", False),
        ],
    )
    async def test_name_and_password_let_in(self, authorization: str, allowed: bool) -> None:
        """The right pair lets in, written as RFC 7617 has it; nothing else does, whatever it is."""
        assert await Logins().allow(authorization, USERS) is allowed

    async def test_only_72_bytes_of_a_password_count(self) -> None:
        """As htpasswd and Go have it, what follows is not read."""
        allow = Logins().allow
        assert [await allow(basic("long", "x" * length), USERS) for length in (71, 72, 73, 1000)] == [
            False,
            True,
            True,
            True,
        ]

    async def test_what_was_right_is_not_checked_again(self, checked: list[bytes]) -> None:
        """The second request of a user costs nothing, nor do those that come together; a wrong password does."""
        logins = Logins()
        together = [logins.allow(basic("alice", "secret"), USERS) for _ in range(5)]
        assert await asyncio.gather(*together) == 5 * [True]
        assert await logins.allow(basic("alice", "secret"), USERS)
        assert checked == [ALICES.encode()]
        assert not await logins.allow(basic("alice", "wrong"), USERS)
        assert not await logins.allow(basic("alice", "wrong"), USERS)
        assert checked == 3 * [ALICES.encode()]

    async def test_a_remembered_login_ends_with_its_hash(self, checked: list[bytes]) -> None:
        """With another hash, or without the user, the old password does not let in; the old hash lets it in again."""
        logins = Logins()
        assert await logins.allow(basic("alice", "secret"), USERS)
        assert not await logins.allow(basic("alice", "secret"), {"alice": BOBS})
        assert not await logins.allow(basic("alice", "secret"), {"bob": BOBS})
        assert await logins.allow(basic("alice", "secret"), USERS)
        assert len(checked) == 3

    async def test_a_user_that_there_is_not_costs_as_much(self, checked: list[bytes]) -> None:
        """A password is checked for nobody too, at the cost of the costliest hash, so that names cannot be guessed."""
        costly = ALICES.replace("$04$", "$06$")
        assert not await Logins().allow(basic("eve", "secret"), {"alice": ALICES, "bob": costly})
        assert not await Logins().allow(basic("alice", "wrong"), {"alice": costly})
        assert [hashed[:7] for hashed in checked] == 2 * [b"$2b$06$"]

    async def test_one_is_checked_at_a_time(self, slow: Slow) -> None:
        """The event loop goes on meanwhile, and so many more wait of one address; another is refused."""
        logins = Logins()
        waiting = [asyncio.create_task(logins.allow(wrong(n), USERS, "192.0.2.1")) for n in range(11)]
        await asyncio.sleep(0)
        with pytest.raises(NotChecked, match="Too many logins from your address") as refused:
            await logins.allow(wrong(11), USERS, "192.0.2.1")
        assert refused.value.status == 429
        slow.release.set()
        assert await asyncio.gather(*waiting) == 11 * [False]
        assert await logins.allow(basic("alice", "secret"), USERS, "192.0.2.1")

    @pytest.mark.parametrize(
        ("addresses", "places", "another"),
        [
            (["192.0.2.1"], 1, "192.0.2.2"),
            (["::ffff:192.0.2.1"], 1, "::ffff:192.0.2.2"),
            ([f"2001:db8::{n:x}" for n in range(1, 151)], 1, "2001:db8:0:1::1"),
            ([f"192.0.2.{n}" for n in range(1, 21)], 20, "192.0.2.100"),
            ([""], 1, "192.0.2.1"),
        ],
        ids=["address", "mapped address", "network", "several addresses", "Unix socket"],
    )
    async def test_guessing_keeps_nobody_else_out(
        self, slow: Slow, addresses: list[str], places: int, another: str
    ) -> None:
        """However many wrong ones wait, a right one from elsewhere is checked, after no more than one of each place."""
        logins = Logins()
        guesses = [logins.allow(wrong(n), USERS, addresses[n % len(addresses)]) for n in range(150)]
        guessing = [asyncio.create_task(each) for each in guesses]
        await asyncio.sleep(0)
        right = asyncio.create_task(logins.allow(basic("alice", "secret"), USERS, another))
        slow.release.set()
        assert await right
        assert slow.checked.index(b"secret") <= 1 + places
        outcomes = await asyncio.gather(*guessing, return_exceptions=True)
        assert all(outcome is False or isinstance(outcome, NotChecked) for outcome in outcomes)
        assert any(isinstance(outcome, NotChecked) for outcome in outcomes)

    async def test_altogether_a_hundred_wait(self, slow: Slow) -> None:
        """Where each waits for one check, a further one is refused, and not as if it were its own fault."""
        logins = Logins()
        waiting = [asyncio.create_task(logins.allow(wrong(n), USERS, f"192.0.2.{n}")) for n in range(101)]
        await asyncio.sleep(0)
        with pytest.raises(NotChecked, match="Too many logins wait") as refused:
            await logins.allow(basic("alice", "secret"), USERS, "192.0.2.200")
        assert refused.value.status == 503
        slow.release.set()
        assert await asyncio.gather(*waiting) == 101 * [False]

    async def test_who_ask_the_same_wait_for_one_check(self, slow: Slow) -> None:
        """All scrapes after a restart are let in, however many they are, and all of the same wrong ones refused."""
        logins = Logins()
        scrapes = [asyncio.create_task(logins.allow(basic("alice", "secret"), USERS)) for _ in range(200)]
        others = [asyncio.create_task(logins.allow(wrong(1), USERS)) for _ in range(200)]
        await asyncio.sleep(0)
        slow.release.set()
        assert await asyncio.gather(*scrapes) == 200 * [True]
        assert await asyncio.gather(*others) == 200 * [False]
        assert len(slow.checked) == 2

    async def test_nobody_waits_beyond_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """At the end those who wait are told so at once, and those who come later; whoever is known is let in."""
        logins = Logins()
        assert await logins.allow(basic("bob", "other"), USERS)
        release = threading.Event()
        monkeypatch.setattr(bcrypt, "checkpw", lambda _password, _hashed: release.wait())
        waiting = [asyncio.create_task(logins.allow(basic("alice", f"{n}"), USERS)) for n in range(3)]
        await asyncio.sleep(0)
        logins.close()
        for each in (*waiting, logins.allow(basic("alice", "secret"), USERS)):
            with pytest.raises(NotChecked, match="shutting down"):
                await each
        assert await logins.allow(basic("bob", "other"), USERS)
        release.set()

    async def test_an_error_of_the_check_is_told_to_whoever_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Should bcrypt fail, the request does, and the next one is checked as ever."""

        def failing(_password: bytes, _hashed: bytes) -> bool:
            raise ValueError("out of order")

        logins = Logins()
        with monkeypatch.context() as patched:
            patched.setattr(bcrypt, "checkpw", failing)
            with pytest.raises(ValueError, match="out of order"):
                await logins.allow(basic("alice", "secret"), USERS)
        assert await logins.allow(basic("alice", "secret"), USERS)


class Guarded:
    """Two pages behind a web configuration, and the clock of the rate limit."""

    def __init__(self, folder: Path, text: str) -> None:
        self.path = folder / "web.yml"
        self.path.write_text(text)
        self.now = 0.0
        app = Starlette(routes=[Route("/", _page), Route("/own", _page_with_headers)])
        self.file = WebConfigFile(self.path)
        guard = Guard(app, self.file, lambda: self.now)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://exporter")

    def write(self, text: str) -> None:
        """Write the file anew, and have it looked at."""
        self.path.write_text(text)
        self.file.look()


async def _page(_request: Request) -> Response:
    return PlainTextResponse("page")


async def _page_with_headers(_request: Request) -> Response:
    return PlainTextResponse("page", headers={"Content-Security-Policy": "default-src 'self'", "Referrer-Policy": "a"})


class TestGuard:
    """The pages behind it."""

    async def test_without_users_everybody_comes(self, tmp_path: Path) -> None:
        """An empty configuration changes nothing."""
        async with Guarded(tmp_path, "").client as client:
            answer = await client.get("/")
            assert (answer.status_code, answer.text) == (200, "page")
            assert set(answer.headers) == {"content-length", "content-type"}

    async def test_users_log_in(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """Without a login, or with a wrong one, every path says 401 and how to log in; nothing of it is logged."""
        caplog.set_level(logging.DEBUG, "ocsp_exporter")
        async with Guarded(tmp_path, f"basic_auth_users: {{alice: {ALICES}}}").client as client:
            assert (await client.get("/", auth=("alice", "secret"))).text == "page"
            for path in ("/", "/none"):
                for auth in (None, ("alice", "wrong"), ("eve", "secret")):
                    answer = await client.get(path, auth=auth)
                    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Basic")
                    assert answer.text == "Log in with the name and password of a user.\n"
        assert caplog.text == ""

    async def test_a_changed_file_counts_for_the_next_request(self, tmp_path: Path) -> None:
        """Who is taken out of the file is not let in any more, although they were a moment ago."""
        guarded = Guarded(tmp_path, f"basic_auth_users: {{alice: {ALICES}, bob: {BOBS}}}")
        async with guarded.client as client:
            assert (await client.get("/", auth=("alice", "secret"))).status_code == 200
            guarded.write(f"basic_auth_users: {{bob: {BOBS}}}")
            assert (await client.get("/", auth=("alice", "secret"))).status_code == 401
            assert (await client.get("/", auth=("bob", "other"))).status_code == 200

    @pytest.mark.parametrize("status", [429, 503])
    async def test_whose_login_is_not_checked_is_told_to_come_back(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
    ) -> None:
        """They are refused so, and not with 401: nobody has looked at their password."""

        async def too_many(*_arguments: object) -> bool:
            raise NotChecked("Not now.", status)

        monkeypatch.setattr(Logins, "allow", too_many)
        async with Guarded(tmp_path, f"basic_auth_users: {{alice: {ALICES}}}").client as client:
            answer = await client.get("/", auth=("alice", "secret"))
        assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (status, "Not now.\n", "1")

    async def test_headers_are_on_every_answer(self, tmp_path: Path) -> None:
        """Those of the file are added to pages and refusals, in the place of a page's own; an empty one is not."""
        text = (
            "http_server_config: {headers: {Content-Security-Policy: default-src 'none', X-Frame-Options: deny, "
            f"X-XSS-Protection: ''}}}}\nbasic_auth_users: {{alice: {ALICES}}}\n"
        )
        async with Guarded(tmp_path, text).client as client:
            answers = [await client.get("/", auth=("alice", "secret")), await client.get("/"), await client.get("/own")]
            own = await client.get("/own", auth=("alice", "secret"))
        for answer in (*answers, own):
            assert answer.headers.get_list("content-security-policy") == ["default-src 'none'"]
            assert answer.headers["x-frame-options"] == "deny"
            assert "x-xss-protection" not in answer.headers
        assert own.headers["referrer-policy"] == "a"

    async def test_the_rate_is_limited_before_anybody_logs_in(self, tmp_path: Path) -> None:
        """A burst is answered, then one request each interval; the others get 429, and no password is looked at."""
        text = f"basic_auth_users: {{alice: {ALICES}}}\nrate_limit: {{interval: 10s, burst: 2}}\n"
        guarded = Guarded(tmp_path, text)
        async with guarded.client as client:

            async def codes(count: int) -> list[int]:
                return [(await client.get("/", auth=("alice", "secret"))).status_code for _ in range(count)]

            assert await codes(4) == [200, 200, 429, 429]
            guarded.now = 9.9
            assert await codes(1) == [429]
            guarded.now = 10.1
            assert await codes(2) == [200, 429]
            guarded.write(text.replace("burst: 2", "burst: 3"))
            assert await codes(4) == [200, 200, 200, 429]
            guarded.write(text.splitlines()[0])
            assert await codes(4) == 4 * [200]


def test_tokens_do_not_gather_beyond_the_burst() -> None:
    """However long nobody asks, no more than the burst is answered at once."""
    bucket = TokenBucket(RateLimit(interval=1.0, burst=2), now=0.0)
    assert [bucket.take(1000.0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(1000.5), bucket.take(1001.0), bucket.take(1001.0)] == [False, True, False]
