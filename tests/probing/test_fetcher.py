import asyncio
import contextlib
import logging
import math
from collections.abc import Mapping

import pytest

from ocsp_exporter.model import FetchKind, Problem
from ocsp_exporter.probing import fetcher
from ocsp_exporter.probing.egress import Answer, FetchFailed, Request
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.host import MOST_FAILURES, retry_after
from tests.probing.wire import DOWN, GOOD, OTHER, URL, Act, Here, play, refused

DAY = 86400.0

# How evenly a host is asked.


def test_a_host_is_asked_evenly() -> None:
    """However many requests come at once; one that comes later need not wait."""

    async def story(here: Here) -> None:
        await here.fetch_all(*[URL] * 4)
        assert here.wire.times == [0.0, 0.5, 1.0, 1.5]
        await asyncio.sleep(10.0)
        await here.fetch_all(*[URL] * 2)
        assert here.wire.times[4:] == [11.5, 12.0]

    play(story)


def test_an_answer_that_takes_long_does_not_hold_up_the_next_request() -> None:
    """It is limited how often a host is asked."""

    async def story(here: Here) -> None:
        await here.fetch_all(*[URL] * 3)
        assert here.wire.times == [0.0, 0.5, 1.0]

    play(story, Act(takes=7.0))


def test_one_host_does_not_hold_up_another() -> None:
    """Scheme, name and port make the host, however they are written; the rest of a URL does not."""
    same = [URL, "HTTP://CA.Example:80/other", "http://user@ca.example?query"]
    others = [OTHER, "https://ca.example/", "http://ca.example:8080/", "http://[2001:DB8::1]:8080/"]

    async def story(here: Here) -> None:
        await here.fetch_all(*same, *others)
        assert here.wire.sent == [(0.0, URL), *((0.0, url) for url in others), (0.5, same[1]), (1.0, same[2])]
        first = ["ca.example", "other.example", "ca.example", "ca.example:8080", "[2001:db8::1]:8080"]
        assert [host for _, host, _, _ in here.notes.fetches] == [*first, "ca.example", "ca.example"]

    play(story)


def test_each_address_that_is_named_is_a_host_of_its_own() -> None:
    """One that is down leaves its neighbours, which bear the same name, alone."""

    async def story(here: Here) -> None:
        down, up = (Request(URL, address=address) for address in ("192.0.2.1", "192.0.2.2"))
        for _ in range(3):
            with pytest.raises(FetchFailed):
                await here.fetcher.fetch(FetchKind.OCSP, down, 10.0)
        with pytest.raises(FetchFailed, match="not asked again") as paused:
            await here.fetcher.fetch(FetchKind.OCSP, down, 10.0)
        assert paused.value.took is None
        assert [at for at, _ in here.wire.sent] == [0.0, 0.5, 1.0]
        waiting = [asyncio.create_task(here.fetcher.fetch(FetchKind.OCSP, up, 10.0)) for _ in range(2)]
        await asyncio.sleep(0.1)
        assert here.fetcher.delay(URL) == 0.0
        assert {(await each).body for each in waiting} == {b"good"}
        assert await here.fetch() is None
        assert {host for _, host, _, _ in here.notes.fetches} == {"ca.example"}

    play(story, DOWN, DOWN, DOWN)


def test_waiting_is_no_part_of_the_timeout() -> None:
    """It begins when the request is let go."""

    async def story(here: Here) -> None:
        await asyncio.gather(here.fetch(patience=3.0), here.fetch(patience=3.0))
        assert here.wire.deadlines == [3.0, 3.5]

    play(story)


def test_a_fetch_may_have_an_end() -> None:
    """What was sent has failed by then; what was not sent says so, and leaves its place to the next."""

    async def story(here: Here) -> None:
        clock = asyncio.get_running_loop().time
        request = Request(URL)
        fetches = [here.fetcher.fetch(FetchKind.OCSP, request, 10.0, clock() + until) for until in (0.9, 1.2, 0.9, 3.0)]
        outcomes = await asyncio.gather(*fetches, return_exceptions=True)
        assert here.wire.sent == [(0.0, URL), (0.5, URL), (1.0, URL)]
        assert here.wire.deadlines == [0.9, 1.2, 3.0]
        assert [type(outcome) for outcome in outcomes] == [Answer, Answer, TimeoutError, Answer]
        await here.fetcher.fetch(FetchKind.OCSP, request, 1.0, clock() + 60.0)
        assert here.wire.deadlines[3] == here.wire.times[3] + 1.0

    play(story)


@pytest.mark.parametrize(("until", "sent"), [(1.1, 8), (60.0, MOST_FAILURES)])
def test_a_fetch_that_was_cut_short_is_not_held_against_the_host(until: float, sent: int) -> None:
    """It might have answered in what was left of its timeout; with the whole of it, it would have been paused."""

    async def story(here: Here) -> None:
        for _ in range(8):
            with pytest.raises(FetchFailed):
                await here.fetcher.fetch(FetchKind.OCSP, Request(URL), 10.0, asyncio.get_running_loop().time() + until)
        assert len(here.wire.sent) == sent

    play(story, *[Act(Problem.TIMEOUT)] * 8)


def test_the_delay_is_how_long_one_would_wait() -> None:
    """There is none for a host that was not asked, that is paused, and for what cannot be asked."""

    async def story(here: Here) -> None:
        assert here.fetcher.delay(URL) == 0.0
        waiting = here.start(3)
        await asyncio.sleep(0.1)
        assert here.fetcher.delay(URL) == pytest.approx(1.4)
        assert [here.fetcher.delay(url) for url in (OTHER, "http://", "ldap://ca.example/")] == [0.0, 0.0, 0.0]
        await asyncio.gather(*waiting)
        assert here.fetcher.delay(URL) == 0.0

    play(story, GOOD, GOOD, refused(429, "60"))


def test_who_gives_up_waiting_leaves_no_gap() -> None:
    """The place in the queue, the first or a later one, falls to the next."""

    async def story(here: Here) -> None:
        waiting = here.start(5)
        await asyncio.sleep(0.1)
        for each in (waiting[1], waiting[3]):
            each.cancel()
        await asyncio.wait(waiting[1:4:2])
        assert here.fetcher.delay(URL) == pytest.approx(1.4)
        await asyncio.gather(waiting[0], waiting[2], waiting[4])
        assert here.wire.times == [0.0, 0.5, 1.0]

    play(story)


def test_what_may_not_be_sent_waits_for_nobody() -> None:
    """It takes no turn from those whose requests are sent; it is told to the observer."""
    denied = "http://169.254.169.254/"

    async def story(here: Here) -> None:
        assert await here.fetch_all(*[denied] * 9) == [Problem.BLOCKED_BY_EGRESS_POLICY] * 9
        assert (here.fetcher.delay(denied), here.wire.sent) == (0.0, [])
        assert here.notes.fetches == [("ocsp", "169.254.169.254", 0.0, "blocked_by_egress_policy")] * 9

    play(story)


def test_that_something_may_not_be_sent_is_told_before_and_counted_once_an_hour() -> None:
    """For each who vouches for it; what may be sent is no refusal, and sends nothing."""
    denied = Request("http://169.254.169.254/", Voucher.TRUST)

    async def story(here: Here) -> None:
        for told in (1, 1, 2):
            refusal = here.fetcher.refusal(FetchKind.OCSP, denied)
            assert refusal
            assert (refusal.problem, "egress.deny" in refusal.detail) == (Problem.BLOCKED_BY_EGRESS_POLICY, True)
            assert here.notes.fetches == [("ocsp", "169.254.169.254", 0.0, "blocked_by_egress_policy")] * told
            await asyncio.sleep(1800.0)
        assert here.fetcher.refusal(FetchKind.OCSP, Request("ldap://ca.example/")) is not None
        assert here.fetcher.refusal(FetchKind.OCSP, Request(URL)) is None
        assert here.wire.sent == []

    play(story)


def test_refusals_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates may name any number of URLs; what is forgotten is told again."""
    monkeypatch.setattr(fetcher, "_MOST_REFUSED", 3)

    async def story(here: Here) -> None:
        for number in (1, 2, 3, 1, 4, 1):
            assert here.fetcher.refusal(FetchKind.OCSP, Request(f"http://169.254.169.{number}/"))
        assert [host[-1] for _, host, _, _ in here.notes.fetches] == ["1", "2", "3", "4", "1"]

    play(story)


# When a host is left alone.

FAULTS_OF_HOSTS: Mapping[str, Act] = {
    "unreachable": DOWN,
    "timeout": Act(Problem.TIMEOUT),
    "no HTTP": refused(None),
    **{str(status): refused(status) for status in (429, 502, 503, 504)},
}
OTHER_FAULTS: Mapping[str, Act] = {
    **{str(status): refused(status) for status in (204, 302, 304, 400, 401, 403, 404, 410, 500)},
    "too large": Act(Problem.TOO_LARGE, 200),
    "encoded": Act(Problem.MALFORMED, 200),
    "blocked": Act(Problem.BLOCKED_BY_EGRESS_POLICY),
    "another scheme": Act(Problem.UNSUPPORTED_SCHEME),
}


@pytest.mark.parametrize("fault", FAULTS_OF_HOSTS)
def test_a_host_that_fails_three_times_is_left_alone(fault: str) -> None:
    """Nothing is sent, and fetches fail at once as the last one did. Another host is asked, and the same one later."""
    act = FAULTS_OF_HOSTS[fault]

    async def story(here: Here) -> None:
        assert await here.fetch_in_turn(2) == [act.problem] * 2
        assert await here.fetch(OTHER) is None
        failures = [await here.failure() for _ in range(3)]
        assert here.wire.times == [0.0, 0.5, 0.5, 1.0]
        for failed in failures:
            assert failed
            assert (failed.problem, failed.status_code, failed.retry_after) == (act.problem, act.status, 5.0)
        assert failures[2]
        assert failures[2].detail == "it failed; it is not asked again for 5 s"
        assert await here.fetch(OTHER) is None
        await asyncio.sleep(5.0)
        assert await here.fetch() is None

    play(story, act, act, GOOD, act)


@pytest.mark.parametrize("fault", OTHER_FAULTS)
def test_a_host_that_answers_is_not_left_alone(fault: str) -> None:
    """However often it is wrong what it answers; nor is one that may not be asked."""
    act = OTHER_FAULTS[fault]

    async def story(here: Here) -> None:
        for _ in range(9):
            failed = await here.failure()
            assert failed
            assert (failed.problem, failed.retry_after) == (act.problem, None)
        assert len(here.wire.sent) == 9

    play(story, *[act] * 9)


@pytest.mark.parametrize("between", [GOOD, refused(404)], ids=["200", "404"])
def test_only_failures_in_a_row_count(between: Act) -> None:
    """An answer in between shows that the host is well."""

    async def story(here: Here) -> None:
        await here.fetch_in_turn(9)
        assert len(here.wire.sent) == 6

    play(story, DOWN, DOWN, between, DOWN, DOWN, DOWN)


def test_a_refusal_by_the_policy_says_nothing_of_the_host() -> None:
    """It neither counts nor comes between."""

    async def story(here: Here) -> None:
        await here.fetch_in_turn(9)
        assert len(here.wire.sent) == 4

    play(story, DOWN, DOWN, Act(Problem.BLOCKED_BY_EGRESS_POLICY), DOWN)


@pytest.mark.parametrize(("jitter", "longer"), [(0.0, 1.0), (1.0, 1.25)])
def test_pauses_double_from_five_seconds_to_five_minutes(jitter: float, longer: float) -> None:
    """They are up to a quarter longer by chance, and begin anew once the host has answered."""

    async def story(here: Here) -> None:
        pauses = []
        for _ in range(14):
            failed = await here.failure()
            assert failed
            pauses.append(failed.retry_after)
            await asyncio.sleep(failed.retry_after or 0.0)
        expected = [5, 10, 20, 40, 80, 160, 300, 300, 300, 300, 300, 300]
        assert pauses == [None, None, *(pytest.approx(each * longer) for each in expected)]
        assert await here.fetch() is None
        await here.fetch_in_turn(2)
        failed = await here.failure()
        assert failed
        assert failed.retry_after == pytest.approx(5 * longer)

    play(story, *[DOWN] * 14, GOOD, *[DOWN] * 3, jitter=jitter)


def test_those_who_wait_when_a_pause_begins_are_not_let_go() -> None:
    """They fail as the others did; without the third failure they are let go."""

    async def bad(here: Here) -> None:
        assert await here.fetch_all(*[URL] * 9) == [Problem.UNREACHABLE] * 9
        assert here.wire.times == [0.0, 0.5, 1.0]

    async def good(here: Here) -> None:
        assert await here.fetch_all(*[URL] * 9) == [Problem.UNREACHABLE] * 2 + [None] * 7

    play(bad, *[DOWN] * 3)
    play(good, *[DOWN] * 2)


def test_what_was_sent_before_a_pause_says_nothing_after_it() -> None:
    """Many that time out together make one pause, and a late answer does not spare the host its trial."""
    late = Act(Problem.TIMEOUT, takes=6.0)

    async def story(here: Here) -> None:
        waiting = here.start(7)
        await asyncio.sleep(7.1)  # three have failed, the others do while the host is left alone
        failed = await here.failure()
        assert failed
        assert failed.retry_after == pytest.approx(4.9)
        await asyncio.gather(*waiting)
        assert len(here.wire.sent) == 7
        await asyncio.sleep(3.0)
        assert await here.fetch_all(URL, URL) == [Problem.TIMEOUT] * 2
        assert len(here.wire.sent) == 8

    play(story, *[late] * 6, Act(takes=6.0), Act(Problem.TIMEOUT))


# The trial.


def test_after_a_pause_one_goes_first() -> None:
    """The others wait; once it has its answer they go evenly, as ever."""

    async def story(here: Here) -> None:
        await here.fetch_in_turn(3)
        await asyncio.sleep(5.0)
        assert await here.fetch_all(*[URL] * 3) == [None] * 3
        assert here.wire.times[3:] == [6.0, 10.0, 10.5]

    play(story, *[DOWN] * 3, Act(takes=4.0))


@pytest.mark.parametrize("end", [refused(404), Act(Problem.TOO_LARGE, 200)], ids=["404", "too large"])
def test_any_answer_ends_a_trial_well(end: Act) -> None:
    """The host is there again."""

    async def story(here: Here) -> None:
        await here.fetch_in_turn(3)
        await asyncio.sleep(5.0)
        assert await here.fetch() is end.problem
        assert await here.fetch_all(*[URL] * 3) == [Problem.UNREACHABLE, None, None]
        assert here.wire.times[3:] == [6.0, 6.5, 7.0, 7.5]

    play(story, *[DOWN] * 3, end, Act(Problem.UNREACHABLE, takes=3.0))


def test_if_the_trial_fails_so_do_those_who_wait() -> None:
    """One request is sent for all of them, and the next pause is longer."""

    async def story(here: Here) -> None:
        await here.fetch_in_turn(3)
        await asyncio.sleep(5.0)
        assert await here.fetch_all(*[URL] * 5) == [Problem.TIMEOUT] * 5
        assert here.wire.times[3:] == [6.0]
        failed = await here.failure()
        assert failed
        assert failed.retry_after == 10.0

    play(story, *[DOWN] * 3, Act(Problem.TIMEOUT, takes=10.0))


def test_a_trial_that_is_cancelled_leaves_it_to_the_next() -> None:
    """Who waits for it, and who comes later, is not held up."""

    async def story(here: Here) -> None:
        await here.fetch_in_turn(3)
        await asyncio.sleep(5.0)
        trial, next_trial, last = here.start(3)
        await asyncio.sleep(2.0)
        trial.cancel()
        await asyncio.sleep(1.0)
        assert here.wire.times[3:] == [6.0, 8.0]
        next_trial.cancel()
        last.cancel()
        await asyncio.wait([trial, next_trial, last])
        assert await here.fetch_all(URL, URL) == [None, None]
        assert here.wire.times[5:] == [9.0, 9.5]

    play(story, *[DOWN] * 3, *[Act(takes=100.0)] * 2)


def test_a_trial_that_may_not_be_sent_leaves_it_to_the_next() -> None:
    """A refusal by the policy shows nothing."""
    blocked = Act(Problem.BLOCKED_BY_EGRESS_POLICY)

    async def story(here: Here) -> None:
        await here.fetch_in_turn(3)
        await asyncio.sleep(5.0)
        assert await here.fetch_all(*[URL] * 4) == [blocked.problem, *[Problem.UNREACHABLE] * 3]
        assert len(here.wire.sent) == 5

    play(story, *[DOWN] * 3, blocked, DOWN)


# What a host asks for.

TWELVE = "Fri, 20 Nov 2026 12:00:00 GMT"
AT_TWELVE = 1795176000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "86401"}, DAY + 1),
        ({"retry-after": "9" * 5000}, math.inf),
        ({"retry-after": TWELVE}, 30.0),
        ({"retry-after": "Friday, 20-Nov-26 12:00:00 GMT"}, 30.0),
        ({"retry-after": "Fri Nov 20 12:00:00 2026"}, 30.0),
        ({"retry-after": TWELVE, "date": "Fri, 20 Nov 2026 11:50:00 GMT"}, 600.0),
        ({"retry-after": TWELVE, "date": "Fri, 20 Nov 2026 12:00:01 GMT"}, 0.0),
        ({"retry-after": TWELVE, "date": "today"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:00 GMT"}, DAY + 30.0),
        ({"retry-after": "Fri, 20 Nov 2020 12:00:00 GMT"}, 0.0),
        ({}, 0.0),
        ({"date": TWELVE}, 0.0),
        *(
            ({"retry-after": garbage}, 0.0)
            for garbage in (
                *("", "soon", "-5", "+5", "1.5", "1e3", "0x10", "5, 10", "٣", "²", "nan", "inf"),
                *("Fri, 20 Nov 99999 12:00:00 GMT", "Fri, 20 Nov 2026 12:00:00 +999999999999999999", "1" * 5000 + "s"),
            )
        ),
    ],
)
def test_retry_after_is_read_in_both_forms(headers: dict[str, str], seconds: float) -> None:
    """A date counts from the answer's own, or else from now; what is neither form is nothing."""
    assert retry_after(headers, AT_TWELVE - 30.0) == seconds


@pytest.mark.parametrize("status", [429, 503, 404])
def test_a_host_that_asks_for_it_is_left_alone_at_once(status: int) -> None:
    """As long as it asks, then one goes first; the same answer without the header is one failure, or none."""

    async def bad(here: Here) -> None:
        failed = await here.failure()
        assert failed
        assert failed.retry_after == 3600.0
        await asyncio.sleep(3599.0)
        assert await here.fetch_all(URL, URL) == [Problem.HTTP_ERROR] * 2
        await asyncio.sleep(1.0)
        assert await here.fetch_all(URL, URL) == [None, None]
        assert here.wire.times == [0.0, 3600.0, 3605.0]

    async def good(here: Here) -> None:
        assert await here.fetch_in_turn(2) == [Problem.HTTP_ERROR, None]

    play(bad, refused(status, "3600"), Act(takes=5.0))
    play(good, refused(status))


@pytest.mark.parametrize(("url", "longest"), [("https://ca.example/", DAY), ("http://ca.example/", 3600.0)])
@pytest.mark.parametrize("text", ["86401", "9" * 5000, "Fri, 20 Nov 2099 12:00:00 GMT"])
def test_no_host_is_left_alone_for_longer_than_a_day(url: str, longest: float, text: str) -> None:
    """Or than an hour, where anybody on the way may have asked for it."""

    async def story(here: Here) -> None:
        failed = await here.failure(url)
        assert failed
        assert failed.retry_after == longest
        await asyncio.sleep(longest)
        assert await here.fetch(url) is None

    play(story, refused(503, text))


def test_one_failure_after_such_a_pause_is_enough_for_the_next() -> None:
    """The trial shows how the host is; before there was a pause three were needed."""

    async def story(here: Here) -> None:
        await here.fetch()
        await asyncio.sleep(60.0)
        failed = await here.failure()
        assert failed
        assert (failed.problem, failed.retry_after) == (Problem.UNREACHABLE, 5.0)

    play(story, refused(429, "60"), DOWN)


@pytest.mark.parametrize(("asked", "left"), [("60", 60.0), ("1", 5.0), ("0", 5.0)])
def test_the_longer_pause_counts(asked: str, left: float) -> None:
    """What the host asks for does not shorten the pause for its failures."""

    async def story(here: Here) -> None:
        await here.fetch_in_turn(2)
        failed = await here.failure()
        assert failed
        assert failed.retry_after == left

    play(story, DOWN, DOWN, refused(503, asked))


def test_a_late_answer_may_make_a_pause_longer_but_not_shorter() -> None:
    """Requests are under way when the first answer asks for a pause."""

    async def story(here: Here) -> None:
        assert await here.fetch_all(URL, URL, URL) == [Problem.HTTP_ERROR] * 3
        failed = await here.failure()
        assert failed
        assert failed.retry_after == pytest.approx(59.5)

    late = refused(429, "60")
    play(story, *(Act(late.problem, 429, {"retry-after": text}, takes=2.0) for text in ("10", "60", "5")))


def test_an_answer_that_is_good_asks_for_nothing() -> None:
    """The header is for those who were refused."""

    async def story(here: Here) -> None:
        assert await here.fetch_in_turn(2) == [None, None]

    play(story, Act(headers={"retry-after": "60"}))


# What is told, and what is remembered.


def test_what_was_sent_is_told_to_the_observer() -> None:
    """From when it was let go; what was not sent, as the host is left alone, is not, nor what was cancelled."""

    async def story(here: Here) -> None:
        await here.fetch_all(URL, URL, URL)
        await here.fetch_in_turn(5)
        cancelled = here.start()
        await asyncio.sleep(5.0)
        cancelled[0].cancel()
        await asyncio.sleep(0)
        await here.fetch_all("ldap://ca.example/", "http://")
        name = "ca.example"
        assert here.notes.fetches == [
            ("ocsp", name, 0.0, "unreachable"),
            ("ocsp", name, 0.0, "timeout"),
            ("ocsp", name, 0.5, None),
            ("ocsp", name, 0.0, "blocked_by_egress_policy"),
            *[("ocsp", name, 0.0, "unreachable")] * 3,
            ("ocsp", "", 0.0, "unsupported_scheme"),
            ("ocsp", "", 0.0, "unreachable"),
        ]

    blocked = Act(Problem.BLOCKED_BY_EGRESS_POLICY)
    play(story, DOWN, Act(Problem.TIMEOUT), Act(takes=0.5), blocked, *[DOWN] * 3)


def test_the_log_tells_once_that_a_host_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    """And once that it answers again, whatever it answers."""
    caplog.set_level(logging.INFO, fetcher.__name__)

    async def story(here: Here) -> None:
        for _ in range(9):
            failed = await here.failure()
            await asyncio.sleep((failed and failed.retry_after) or 0.0)

    play(story, *[DOWN] * 6, refused(404))
    assert [record.message for record in caplog.records] == [
        "a host is left alone until it answers again",
        "a host answers again",
    ]
    told = vars(caplog.records[0])["fields"]
    assert (told["host"], told["problem"], told["detail"]) == ("ca.example", "unreachable", "it failed")


def test_only_so_many_hosts_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates may name any number; those that are to be left alone, or are waited for, are forgotten last."""
    monkeypatch.setattr(fetcher, "_MOST_HOSTS", 4)
    monkeypatch.setattr(fetcher, "_FORGOTTEN_AT_ONCE", 2)

    async def story(here: Here) -> None:
        assert await here.fetch() is Problem.HTTP_ERROR
        queue = [asyncio.create_task(here.fetch(OTHER)) for _ in range(8)]
        for number in range(99):
            await here.fetch(f"http://{number}.example/")
        assert await here.fetch() is Problem.HTTP_ERROR
        assert here.fetcher.delay(OTHER) == pytest.approx(4.0)
        assert here.fetcher.delay("http://98.example/") == pytest.approx(0.5)
        assert here.fetcher.delay("http://9.example/") == 0.0
        await asyncio.gather(*queue)

    play(story, refused(429, "60"))


def test_hosts_are_forgotten_even_if_all_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was not asked for the longest goes first."""
    monkeypatch.setattr(fetcher, "_MOST_HOSTS", 3)
    monkeypatch.setattr(fetcher, "_FORGOTTEN_AT_ONCE", 1)

    async def story(here: Here) -> None:
        one, two, three, four = (f"http://{number}.example/" for number in range(4))
        assert [await here.fetch(url) for url in (one, two, one, three, four)] == [Problem.HTTP_ERROR] * 5
        assert [await here.fetch(url) for url in (one, three, four, two)] == [Problem.HTTP_ERROR] * 3 + [None]
        assert len(here.wire.sent) == 5

    play(story, *[refused(429, "60")] * 4)


@pytest.mark.parametrize(("patience", "is_sent"), [(1.1, True), (0.9, False)])
def test_what_has_waited_for_most_of_its_time_is_not_sent(patience: float, is_sent: bool) -> None:
    """That an answer does not come in the little time that is left would look like the host's fault."""

    async def story(here: Here) -> None:
        await here.fetch()
        until = asyncio.get_running_loop().time() + patience
        fetching = here.fetcher.fetch(FetchKind.OCSP, Request(URL), 10.0, until)
        with contextlib.nullcontext() if is_sent else pytest.raises(TimeoutError):
            await fetching
        assert len(here.wire.times) == len(here.notes.fetches) == 1 + is_sent

    play(story)
