import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import pytest

from ocsp_exporter.model import (
    Check,
    CheckFindings,
    KeyType,
    MethodFindings,
    Module,
    ProbeResult,
    Problem,
    RequestMethod,
    ResponderFindings,
    Results,
    ScheduledTarget,
    StapleCopy,
    Status,
    Target,
)
from ocsp_exporter.serving.changes import state_of
from ocsp_exporter.serving.plan import Plan, next_due, slot
from ocsp_exporter.serving.probes import Clock, Probe
from ocsp_exporter.serving.punctuality import Punctuality
from ocsp_exporter.serving.scheduler import Scheduler
from tests.unit import virtual_time
from tests.unit.results import FINDINGS, GOOD, MISSING, MODULE, NOW, RESULT, failed, found, named, scheduled

ONE = scheduled("one.example")
TWO = scheduled("two.example")


class Prober:
    """A prober that notes when it was called and takes `seconds`, of one target `hanging` for ever."""

    def __init__(self, seconds: float = 0.0, hanging: str = "") -> None:
        self.seconds = seconds
        self.hanging = hanging
        self.calls: list[tuple[str, float]] = []
        self.modules: list[Module] = []
        self.running: list[str] = []
        self.most_running = 0

    async def __call__(self, target: Target, module: Module, limit: float | None = None, /) -> Results:
        """Probe: give a good result."""
        del limit
        self.modules.append(module)
        loop = asyncio.get_running_loop()
        assert target.name not in self.running
        self.calls.append((target.name, loop.time()))
        self.running.append(target.name)
        self.most_running = max(self.most_running, len(self.running))
        try:
            await asyncio.sleep(1e9 if target.name == self.hanging else self.seconds)
        finally:
            self.running.remove(target.name)
        return (replace(found(replace(GOOD, next_update=None), target=target), obtained_at=NOW + loop.time()),)

    def times(self, name: str) -> list[float]:
        """Give when a target was probed."""
        return [time for called, time in self.calls if called == name]


@asynccontextmanager
async def running(probe: Probe, targets: Sequence[ScheduledTarget], concurrency: int = 10) -> AsyncIterator[Scheduler]:
    """Run a scheduler while this is entered; it must end in no time."""
    loop = asyncio.get_running_loop()
    scheduler = Scheduler(probe, concurrency=concurrency, clock=virtual_time.clock())
    scheduler.update(targets)
    task = asyncio.create_task(scheduler.run())
    try:
        yield scheduler
    finally:
        ended = loop.time()
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert loop.time() == ended


def shown(scheduler: Scheduler) -> list[str]:
    """Give the names of the targets that have series."""
    return [publication.result.target.name for publication in scheduler.publications()]


# When a target is due.


def test_slots_are_stable_and_even() -> None:
    """A slot depends on nothing but the target, and slots are spread evenly over the interval."""
    slots = [slot(scheduled(f"host-{number}.example")) for number in range(6000)]

    assert slots == [slot(scheduled(f"host-{number}.example")) for number in range(6000)]
    tenths = [sum(1 for each in slots if 6 * tenth <= each < 6 * tenth + 6) for tenth in range(10)]
    assert sum(tenths) == 6000
    assert all(500 < count < 700 for count in tenths)
    # Written down once: another value would move every target after an upgrade.
    assert slot(scheduled("example.org")) == pytest.approx(53.172334960534)


def test_slots_of_different_series_differ() -> None:
    """The same host under another module or label has a slot of its own."""
    variants = {
        slot(ScheduledTarget(named("a"), module, 60.0, labels))
        for module in (MODULE, Module("other"))
        for labels in ((), (("team", "web"),))
    }
    assert len(variants) == 4


def due(
    *results: ProbeResult, target: ScheduledTarget = ONE, began: float = NOW, took: float = 0.0, rest: float = 0.0
) -> float:
    """Give when a target is due after a probe, reckoned from its beginning."""
    return next_due(target, results, began=began, ended=began + took, rest=rest) - began


@pytest.mark.parametrize("began", [NOW, NOW + 17.25, NOW + 59.999, 0.0])
def test_due_at_the_slot(began: float) -> None:
    """The next probe is at the slot, within the next interval."""
    wait = due(failed(), began=began)

    assert 0 < wait <= 60
    assert (began + wait) % 60 == pytest.approx(slot(ONE))


def test_due_after_a_probe_at_the_slot() -> None:
    """After a probe at its slot a target is due one interval later, even if the clock is a little behind."""
    at_slot = NOW - NOW % 60 + slot(ONE)

    assert due(failed(), began=at_slot) == pytest.approx(60)
    assert due(failed(), began=at_slot - 0.1, rest=0.6) == pytest.approx(60.1)
    assert due(failed(), began=at_slot - 0.1) == pytest.approx(0.1)


def test_due_after_a_long_probe() -> None:
    """Slots that pass while the probe runs are left out."""
    at_slot = NOW - NOW % 60 + slot(ONE)

    assert due(failed(), began=at_slot, took=59) == pytest.approx(60)
    assert due(failed(), began=at_slot, took=61) == pytest.approx(120)


def test_due_after_a_probe_during_which_the_clock_was_set_back() -> None:
    """The next slot by the new clock counts: nobody waits until the old time has come again."""
    assert 0 < due(failed(), took=-3600, rest=30) + 3600 <= 90


def test_due_when_evidence_ends() -> None:
    """A target is due just after next_update and after the clock skew too, if that is before its slot."""
    target = scheduled(interval=1e6)  # its clock skew is 5 minutes
    began = int(NOW - NOW % 1e6 + slot(target) + 1)  # the next slot is far away

    def at(offset: float) -> float:
        evidence = replace(GOOD, next_update=began + 100)
        return due(found(evidence), target=target, began=began + offset) + offset

    assert at(0) == pytest.approx(101)
    assert at(90) == pytest.approx(101)
    assert at(100) == pytest.approx(110)  # no sooner than ten seconds after the probe before
    assert at(101) == pytest.approx(401)
    assert at(401) > 900_000
    later = replace(GOOD, next_update=began + 500)
    first_to_end = found(later), failed(), found(replace(GOOD, next_update=began + 100))
    assert due(*first_to_end, target=target, began=began) == pytest.approx(101)
    no_end = found(replace(GOOD, next_update=None), MISSING)
    assert due(no_end, target=target, began=began) > 900_000


def test_plan_takes_the_longest_overdue_first() -> None:
    """When there is room for few, those come first that have waited longest; the next one says how long to wait."""
    plan = Plan()
    plan.update([ONE], now=5.0)
    plan.update([TWO, ONE], now=7.0)

    assert plan.wait(now=1.0) == 4.0
    assert list(plan.take(now=4.0, room=9)) == []
    assert [entry.scheduled for entry in plan.take(now=8.0, room=1)] == [ONE]
    assert [entry.scheduled for entry in plan.take(now=8.0, room=1)] == [TWO]
    assert plan.wait(now=8.0) is None


# What happens then.


def test_all_targets_soon_after_start_then_once_per_interval() -> None:
    """Every target is probed at once, and from then on at its slot, once per interval."""
    targets = [scheduled(f"host-{number}.example") for number in range(50)]
    prober = Prober()

    async def main() -> None:
        async with running(prober, targets, concurrency=50) as scheduler:
            assert not scheduler.first_round_done
            await asyncio.sleep(0)
            await asyncio.sleep(1e-6)
            assert scheduler.first_round_done
            assert len(shown(scheduler)) == 50
            await asyncio.sleep(600)

    virtual_time.run(main())
    for target in targets:
        first, *others = prober.times(target.target.name)
        assert first == 0
        assert 30 <= others[0] <= 90.001
        assert [(NOW + time) % 60 for time in others] == pytest.approx([slot(target)] * len(others), abs=0.001)
        assert [after - before for before, after in pairwise(others)] == pytest.approx(
            [60] * (len(others) - 1), abs=0.001
        )
        assert len(others) in {9, 10}


def test_evidence_that_ends_is_looked_at_again() -> None:
    """When next_update has come, the target is probed again without waiting for its slot."""
    calls = []
    next_update = int(NOW) + 1000

    async def probe(target: Target, _module: Module, _limit: float | None = None, /) -> Results:
        calls.append(NOW + asyncio.get_running_loop().time())
        return (found(replace(GOOD, next_update=next_update), target=target),)

    async def main() -> None:
        target = scheduled(interval=1e7)
        async with running(probe, [target]):
            await asyncio.sleep(5000)

    virtual_time.run(main())
    assert calls == pytest.approx([NOW, next_update + 1, next_update + 301])


def test_concurrency_is_bounded() -> None:
    """Never do more probes run than allowed, and all targets have their turn."""
    prober = Prober(seconds=1.0)

    async def main() -> None:
        async with running(prober, [scheduled(f"{number}") for number in range(20)], concurrency=4):
            await asyncio.sleep(10)

    virtual_time.run(main())
    assert prober.most_running == 4
    assert sorted(time for _, time in prober.calls) == pytest.approx(sorted([0, 1, 2, 3, 4] * 4))


def test_a_slow_target_delays_no_other() -> None:
    """While one target hangs for ever, another is probed at its slots as ever, and the slow one not twice at a time."""
    prober = Prober(hanging="one.example")

    async def main() -> None:
        async with running(prober, [ONE, TWO]) as scheduler:
            await asyncio.sleep(600)
            assert shown(scheduler) == ["two.example"]
            assert not scheduler.first_round_done

    virtual_time.run(main())
    assert len(prober.times("one.example")) == 1
    assert len(prober.times("two.example")) in {10, 11}


def test_delay_is_observed() -> None:
    """How late probes begin is told for those that had an appointment, and for those that wait for room it is not 0."""
    delays: list[float] = []

    async def main(concurrency: int) -> None:
        delays.clear()
        targets = [scheduled(f"{number}", interval=10.0) for number in range(10)]
        scheduler = Scheduler(
            Prober(seconds=2.0),
            concurrency=concurrency,
            clock=virtual_time.clock(),
            observe_delay=delays.append,
        )
        scheduler.update(targets)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await scheduler.run()

    virtual_time.run(main(concurrency=10))
    assert len(delays) > 40
    assert max(delays) < 0.001
    virtual_time.run(main(concurrency=1))
    assert 15 < len(delays) < 25
    assert max(delays) > 5


def test_a_late_schedule_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """One warning when probes begin later than half their interval, and one line when they no longer do.

    That is so with one place for ten targets, each of which takes two of its ten seconds, and not with ten places.
    """

    async def main() -> None:
        targets = [scheduled(f"{number}", interval=10.0) for number in range(10)]
        async with running(Prober(seconds=2.0), targets) as scheduler:
            for places, said in (
                (10, []),
                (1, [("WARNING", "the schedule is late")]),
                (1, []),
                (10, [("INFO", "the schedule is kept again")]),
                (10, []),
                (1, [("WARNING", "the schedule is late")]),
            ):
                scheduler.limit(places)
                caplog.clear()
                await asyncio.sleep(600)
                assert [(each.levelname, each.message.partition(":")[0]) for each in caplog.records] == said

    caplog.set_level(logging.INFO, "ocsp_exporter.serving.punctuality")
    virtual_time.run(main())


def test_a_few_late_probes_are_not_a_late_schedule(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is told where one probe in twenty begins late, which a warning would be where one in five did."""
    for every, warnings in ((20, 0), (5, 1)):
        punctuality = Punctuality()
        for second in range(300):
            punctuality.note(40.0 if second % every == 0 else 0.1, 60.0, float(second))
        assert len(caplog.records) == warnings


def test_update() -> None:
    """Unchanged targets keep result and schedule, removed ones lose their series, new ones are probed, all at once."""
    prober = Prober()

    async def main() -> None:
        async with running(prober, [ONE, TWO]) as scheduler:
            await asyncio.sleep(1)
            (kept,) = [each.result for each in scheduler.publications() if each.result.target.name == "one.example"]
            scheduler.update([scheduled("three.example"), replace(ONE)])
            assert shown(scheduler) == ["one.example"]
            assert scheduler.publications()[0].result is kept
            await asyncio.sleep(1)
            assert shown(scheduler) == ["three.example", "one.example"]
            assert [target.target.name for target, _ in scheduler.overview()] == ["three.example", "one.example"]
            await asyncio.sleep(600)

    virtual_time.run(main())
    assert prober.times("two.example") == [0]
    assert prober.times("one.example")[:1] == [0]
    slots = [(NOW + time) % 60 for time in prober.times("one.example")[1:]]
    assert slots == pytest.approx([slot(ONE)] * len(slots), abs=0.001)
    assert len(slots) in {9, 10}
    assert prober.times("three.example")[0] == 1


def test_a_result_is_one_publication() -> None:
    """What is kept with it is kept until there is another result, or the target is shown with other labels."""
    prober = Prober(seconds=1)

    async def main() -> None:
        async with running(prober, [ONE]) as scheduler:
            await asyncio.sleep(2)
            (first,) = scheduler.publications()
            scheduler.update([ONE, TWO])
            assert scheduler.publications()[0] is first
            await asyncio.sleep(90)
            again = scheduler.publications()[0]
            assert (again is first, again.result is first.result) == (False, False)
            scheduler.update([replace(ONE, interval=300.0)])
            slower = scheduler.publications()[0]
            assert (slower is again, slower.result is again.result, slower.interval) == (False, True, 300.0)

    virtual_time.run(main())


def test_changed_target() -> None:
    """A target whose module or interval has changed is probed at once, and until then shows the old result.

    So nothing is ever gone in between, and no alert ends and begins again.
    """
    prober = Prober(seconds=1)

    async def main() -> None:
        async with running(prober, [ONE]) as scheduler:
            await asyncio.sleep(2)
            scheduler.update([replace(ONE, module=replace(MODULE, timeout=3.0))])
            for seconds, obtained_at in ((0, 1), (0.5, 1), (1, 3)):
                await asyncio.sleep(seconds)
                assert [each.result.obtained_at - NOW for each in scheduler.publications()] == [obtained_at]

    virtual_time.run(main())
    assert prober.times("one.example") == [0, 2]
    assert [module.timeout for module in prober.modules] == [10.0, 3.0]


def test_removed_while_in_flight() -> None:
    """The probe of a target that is removed is ended, and nothing of it is shown, even if it ends well all the same."""
    stubborn = found(GOOD, target=ONE.target)

    async def probe(target: Target, _module: Module, _limit: float | None = None, /) -> Results:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            return (stubborn,)
        return (found(GOOD, target=target),)

    async def main() -> None:
        async with running(probe, [ONE, TWO]) as scheduler:
            await asyncio.sleep(5)
            scheduler.update([TWO])
            await asyncio.sleep(6)
            assert shown(scheduler) == ["two.example"]
            assert scheduler.first_round_done

    virtual_time.run(main())


def test_replaced_while_in_flight() -> None:
    """A target that changes while it is probed is probed anew when that probe has ended, never beside it."""
    calls: list[float] = []
    running_now = 0

    async def probe(target: Target, _module: Module, _limit: float | None = None, /) -> Results:
        nonlocal running_now
        running_now += 1
        assert running_now == 1
        calls.append(asyncio.get_running_loop().time())
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            await asyncio.sleep(2)  # the end takes its time
            raise
        finally:
            running_now -= 1
        return (found(GOOD, target=target),)

    async def main() -> None:
        async with running(probe, [ONE]) as scheduler:
            await asyncio.sleep(5)
            scheduler.update([])
            await asyncio.sleep(0.5)
            scheduler.update([replace(ONE, interval=120.0)])
            await asyncio.sleep(0.5)
            scheduler.update([replace(ONE, interval=300.0)])
            await asyncio.sleep(12)
            assert [each.interval for each in scheduler.publications()] == [300.0]

    virtual_time.run(main())
    assert calls == [0, 7]


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("after", [(), (replace(ONE, interval=120.0),)], ids=["removed", "replaced"])
def test_changed_before_its_probe_has_begun(after: Sequence[ScheduledTarget], turns: int) -> None:
    """A target that changes between the decision to probe it and the probe is not lost, and leaves its place free."""

    async def main() -> None:
        async with running(Prober(seconds=1), [], concurrency=1) as scheduler:
            await asyncio.sleep(5)
            scheduler.update([ONE])
            for _ in range(turns):  # of the event loop: in one of them it is decided, in the next one it begins
                await asyncio.sleep(0)
            scheduler.update(after)
            scheduler.update([*after, TWO])
            await asyncio.sleep(10)
            assert shown(scheduler) == [*(each.target.name for each in after), TWO.target.name]

    virtual_time.run(main())


def test_no_targets() -> None:
    """Without targets there is nothing to wait for, and targets may come later."""

    async def main() -> None:
        async with running(Prober(), []) as scheduler:
            assert scheduler.first_round_done
            await asyncio.sleep(1)
            scheduler.update([ONE])
            await asyncio.sleep(1)
            assert shown(scheduler) == ["one.example"]

    virtual_time.run(main())


def test_the_wall_clock_set_back_stalls_nobody() -> None:
    """When the wall clock is set back by a day, targets are probed once per interval all the same."""
    prober = Prober()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        wall = Clock(wall=lambda: NOW + loop.time() - (86400 if loop.time() > 100 else 0), monotonic=loop.time)
        scheduler = Scheduler(prober, concurrency=1, clock=wall)
        scheduler.update([ONE])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(660):
                await scheduler.run()

    virtual_time.run(main())
    assert len(prober.calls) in {11, 12}


def test_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    """A change of state is one line at info, and each probe one at debug."""
    results = iter([found(GOOD), found(GOOD), failed(detail="no answer"), failed(), found(MISSING, compliant=False)])

    async def probe(_target: Target, _module: Module, _limit: float | None = None, /) -> Results:
        return (next(results),)

    async def main() -> None:
        async with running(probe, [scheduled("example.org")]):
            await asyncio.sleep(290)

    caplog.set_level(logging.DEBUG, "ocsp_exporter")
    virtual_time.run(main())
    lines = [(record.levelname, vars(record)["fields"]) for record in caplog.records]
    assert [(fields["state"], fields["before"]) for level, fields in lines if level == "INFO"] == [
        ("staple=good", None),
        ("failed=timeout", "staple=good"),
        ("staple=missing non_compliant", "failed=timeout"),
    ]
    assert sum(1 for level, _ in lines if level == "DEBUG") == 5
    assert [fields["detail"] for _, fields in lines if fields["detail"]] == ["no answer"] * 2


def test_an_address_that_disappears() -> None:
    """Its series and its results are gone with the next probe, and those of the others are not."""
    rounds = iter([("192.0.2.1", "192.0.2.2"), ("192.0.2.2", "192.0.2.3")])

    async def probe(target: Target, _module: Module, _limit: float | None = None, /) -> Results:
        return tuple(replace(found(target=target), address=address) for address in next(rounds))

    async def main() -> None:
        async with running(probe, [ONE]) as scheduler:
            await asyncio.sleep(1)
            assert addresses(scheduler) == ["192.0.2.1", "192.0.2.2"]
            await asyncio.sleep(slot(ONE) + 60)
            assert addresses(scheduler) == ["192.0.2.2", "192.0.2.3"]

    virtual_time.run(main())


def addresses(scheduler: Scheduler) -> list[str | None]:
    """Give the addresses that have series; they are those that the status page shows."""
    published = [publication.result.address for publication in scheduler.publications()]
    assert [result.address for _, results in scheduler.overview() for result in results] == published
    return published


def test_log_lines_of_variants(caplog: pytest.LogCaptureFixture) -> None:
    """Each address and key type has lines of its own, and one that is there no more is gone."""

    def at(address: str, result: ProbeResult) -> ProbeResult:
        return replace(result, address=address)

    absent = replace(failed(), failure=None, key_type=KeyType.RSA, key_type_served=False)
    rounds = iter(
        [(at("a", found(GOOD)), at("b", failed()), absent), (at("a", found(GOOD)), at("c", failed()), absent)]
    )

    async def probe(_target: Target, _module: Module, _limit: float | None = None, /) -> Results:
        return next(rounds)

    async def main() -> None:
        async with running(probe, [ONE]):
            await asyncio.sleep(slot(ONE) + 60)

    caplog.set_level(logging.INFO, "ocsp_exporter")
    virtual_time.run(main())
    lines = [vars(record)["fields"] for record in caplog.records]
    assert [(fields.get("address"), fields["before"], fields["state"]) for fields in lines] == [
        ("a", None, "staple=good"),
        ("b", None, "failed=timeout"),
        (None, None, "key_type_not_served"),
        ("c", None, "failed=timeout"),
        ("b", "failed=timeout", "gone"),
    ]
    assert [fields.get("key_type") for fields in lines] == [None, None, "rsa", None, None]


def test_log_lines_of_files(caplog: pytest.LogCaptureFixture) -> None:
    """Each file of a glob has lines of its own, and one that is there no more is gone; so has the glob itself."""
    glob = scheduled("/staples/*")
    a, b = (found(GOOD, target=named(f"/staples/{name}")) for name in "ab")
    rounds = iter([(failed(target=glob.target),), (a, b), (b,)])
    published: list[list[str]] = []

    async def probe(_target: Target, _module: Module, _limit: float | None = None, /) -> Results:
        return next(rounds)

    async def main() -> None:
        async with running(probe, [glob]) as scheduler:
            while len(published) < 3:
                await asyncio.sleep(1)
                if shown(scheduler) not in published:
                    published.append(shown(scheduler))

    caplog.set_level(logging.INFO, "ocsp_exporter")
    virtual_time.run(main())
    lines = [vars(record)["fields"] for record in caplog.records]
    assert [(fields["target"], fields["before"], fields["state"]) for fields in lines] == [
        ("/staples/*", None, "failed=timeout"),
        ("/staples/a", None, "staple=good"),
        ("/staples/b", None, "staple=good"),
        ("/staples/*", "failed=timeout", "gone"),
        ("/staples/a", "staple=good", "gone"),
    ]
    assert published == [["/staples/*"], ["/staples/a", "/staples/b"], ["/staples/b"]]


def test_state_in_words() -> None:
    """The state of a target names each source's status and problems, so that any change of them is a change."""
    expired = replace(GOOD, status=Status.INVALID, problems=(Problem.SIGNATURE_INVALID, Problem.EXPIRED))

    assert state_of(found(expired)) == "staple=invalid(signature_invalid,expired)"
    assert (
        state_of(found(expired, replace(GOOD, depth=1))) == "staple=invalid(signature_invalid,expired) staple[1]=good"
    )
    assert state_of(found()) == "nothing_known"

    method, check = MethodFindings(RequestMethod.GET, up=False), CheckFindings(Check.GET, conforms=False, seen="404")
    responder = ResponderFindings("http://ocsp.example/", (method,), (check,))
    assert state_of(replace(RESULT, findings=replace(FINDINGS, responder=responder))) == (
        "staple=good down(get) violates(get)"
    )
    kept = replace(responder, methods=(replace(method, up=None),), checks=(replace(check, conforms=None),))
    assert state_of(replace(RESULT, findings=replace(FINDINGS, responder=kept))) == "staple=good"


def test_what_is_wrong_beside_the_evidence_is_part_of_the_state() -> None:
    """So that it is told of when it begins and when it ends: in the log, on the page and in the history."""
    result = found(GOOD)
    findings = result.findings
    assert findings
    assert findings.tls

    def state(**other: object) -> str:
        return state_of(replace(result, findings=replace(findings, **other)))  # type: ignore[arg-type]

    copied = replace(findings.tls, compliant=False, copy=StapleCopy(matches=False))
    assert state(tls=copied) == "staple=good non_compliant not_as_in_file"
    assert state(tls=replace(copied, compliant=None, copy=StapleCopy(matches=None))) == "staple=good"
    assert state(agreement={0: True, 1: False}) == "staple=good contradictory"
    methods = (MethodFindings(RequestMethod.GET, up=False), MethodFindings(RequestMethod.POST, up=True))
    checks = {Check.GET: False, Check.POST: False, Check.CONTENT_TYPE: None, Check.KNOWN_ANSWERS: False}
    judged = tuple(CheckFindings(check, conforms, "") for check, conforms in checks.items())
    responder = ResponderFindings("http://ocsp.example/", methods, judged)
    assert state(responder=responder) == "staple=good down(get) violates(get,post,known_answers)"
    not_asked = tuple(replace(each, up=None) for each in methods)
    assert state(responder=replace(responder, methods=not_asked, checks=())) == "staple=good"


def test_many_idle_targets_are_cheap() -> None:
    """50,000 targets that wait are no tasks: only those being probed are."""

    async def main() -> None:
        targets = [scheduled(f"host-{number}", interval=3600.0) for number in range(50_000)]
        async with running(Prober(hanging="host-0"), targets, concurrency=100) as scheduler:
            await asyncio.sleep(1)
            assert len(shown(scheduler)) == 49_999
            assert len(asyncio.all_tasks()) == 3  # this one, the scheduler's, and the probe that hangs

    virtual_time.run(main())


def test_reloads_neither_lose_nor_double_a_probe() -> None:
    """However often all targets are replaced by equal ones, each is probed once per interval as if nothing were."""
    names = [f"host-{number}.example" for number in range(2_000)]

    def loaded() -> list[ScheduledTarget]:
        """Give the targets as a configuration that was read again has them: equal, and not the same."""
        return [ScheduledTarget(Target(name, "127.0.0.1", 443), Module("tls"), 60.0) for name in names]

    async def main(prober: Prober, reloads: int) -> None:
        async with running(prober, loaded(), concurrency=2_000) as scheduler:
            for _ in range(reloads + 1):
                await asyncio.sleep(240 / (reloads + 1))
                if reloads:
                    scheduler.update(loaded())

    undisturbed, reloaded = Prober(seconds=0.5), Prober(seconds=0.5)
    virtual_time.run(main(undisturbed, 0))
    virtual_time.run(main(reloaded, 7))
    assert sorted(reloaded.calls) == sorted(undisturbed.calls)
    assert {len(reloaded.times(name)) for name in names[:100]} <= {4, 5}
