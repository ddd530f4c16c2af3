"""A responder by itself, which does all that it should, and in turn each thing that it should not."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Mapping
from email.utils import formatdate
from ipaddress import ip_network
from socket import AF_INET

import pytest
from cryptography.hazmat.primitives import hashes

from ocsp_exporter.demo.authority import unsuccessful
from ocsp_exporter.demo.certificate import DAY, HOUR
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.model import (
    AddressChoice,
    Applicability,
    CertIDHash,
    Check,
    EgressPolicy,
    Evidence,
    ExpectedAnswer,
    Findings,
    Follow,
    KnownAnswer,
    Module,
    ProberKind,
    Problem,
    Profile,
    RequestMethod,
    ResponderFindings,
    ResponderSettings,
    Results,
    Source,
    Status,
    Target,
)
from ocsp_exporter.probing.egress import Egress
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.resolver import Address, Resolver
from ocsp_exporter.probing.responder_watch import ResponderWatch
from tests.probing.behaving import (
    CA,
    DELEGATE,
    LEAF,
    NOW,
    PLAIN_LEAF,
    REVOKED,
    Asked,
    Behaviour,
    Said,
    answered,
    responding,
    rightly,
)
from tests.probing.http_server import hang_after, serve

#: Loopback alone, and larger answers than other tests take.
HERE = EgressPolicy(follow=Follow.LISTED)
UNKNOWN = 0x7777

MODULE = Module(
    "my-responder",
    ProberKind.RESPONDER,
    timeout=20.0,
    issuers=(CA.certificate,),
    certificate=LEAF.certificate,
    known_answers=(
        KnownAnswer(REVOKED.certificate.serial_number, ExpectedAnswer.REVOKED),
        KnownAnswer(UNKNOWN, ExpectedAnswer.UNKNOWN),
    ),
    responder=ResponderSettings(nonce=True),
    profile=Profile.PUBLIC,
)


@contextlib.asynccontextmanager
async def probing(
    names: Mapping[str, list[str]] | None = None, policy: EgressPolicy = HERE, requests_per_second: float = 10_000.0
) -> AsyncIterator[Prober]:
    """Probe from this machine, at a fixed time, and know only these names."""

    def look_up(host: str) -> tuple[Address, ...]:
        if not names or host not in names:
            raise OSError(-2, "Name or service not known")
        return tuple(Address(AF_INET, each) for each in names[host])

    resolver = Resolver(look_up)
    egress = Egress(policy, resolver)
    fetcher = Fetcher(egress, requests_per_second)
    try:
        yield Prober(resolver, lambda: NOW, responders=ResponderWatch(fetcher, lambda: NOW))
    finally:
        await egress.close()
        resolver.close()


def target(url: str) -> Target:
    """Make a target of a URL as an operator writes it."""
    return Target(url, url.split("/")[2].rpartition(":")[0], 80, location=url)


async def look(url: str, module: Module = MODULE, **options: object) -> Findings:
    """Probe once; the probe succeeds, whatever the responder does."""
    async with probing(**options) as prober:  # type: ignore[arg-type]  # the options are its arguments
        [result] = await prober.probe(target(url), module)
    return findings_of((result,))[0]


def findings_of(results: Results) -> list[Findings]:
    """Give the findings of results, all of which there are."""
    assert {(result.failure, result.detail) for result in results} == {(None, "")}
    return [result.findings for result in results if result.findings]


def of(findings: Findings) -> ResponderFindings:
    """Give what was found at the responder."""
    assert findings.responder
    return findings.responder


def judged(findings: Findings) -> dict[Check, bool | None]:
    """Give whether it conforms, by check."""
    return {each.check: each.conforms for each in of(findings).checks}


def ups(findings: Findings) -> dict[str, bool | None]:
    """Give whether it is up, by method."""
    return {each.method: each.up for each in of(findings).methods}


def evidence_of(findings: Findings) -> Evidence:
    """Give the one piece of evidence."""
    [evidence] = findings.evidence
    return evidence


# --- A behaviour for each rule ---------------------------------------------------------------------------


def only(method: str) -> Behaviour:
    """Know one method, and nothing of the other."""
    return lambda asked: rightly(asked) if asked.method == method else Said(b"no", 405, "text/plain")


def no_escapes(asked: Asked) -> Said:
    """Refuse what is percent-encoded in a URL, as Apache httpd does by default."""
    return Said(b"no", 404, "text/html") if "%" in asked.path else rightly(asked)


def says(**options: object) -> Behaviour:
    """Answer with something else than is right."""

    def behave(asked: Asked) -> Said:
        return Said(answered(asked, **options))  # type: ignore[arg-type]  # the options are its arguments

    return behave


def posts_cached() -> Behaviour:
    """Give all that post one answer, as a cache does that does not look at what is posted."""
    kept: list[Said] = []

    def behave(asked: Asked) -> Said:
        if asked.method == "GET":
            return rightly(asked)
        if not kept:
            kept.append(rightly(asked))
        return kept[0]

    return behave


def headed(name: str, value: str) -> Behaviour:
    """Answer with a header."""
    return lambda asked: Said(answered(asked), headers={name: value})


def typed(content_type: str) -> Behaviour:
    """Answer with another content type."""
    return lambda asked: Said(answered(asked), content_type=content_type)


def without_nonce(asked: Asked) -> Said:
    """Answer from a store of answers that were signed beforehand."""
    return rightly(dataclasses.replace(asked, request=_without_nonce(asked)))


def _without_nonce(asked: Asked):  # type: ignore[no-untyped-def]  # noqa: ANN202 -- a request of the library's
    from cryptography.x509 import ocsp  # noqa: PLC0415

    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        asked.request.issuer_name_hash,
        asked.request.issuer_key_hash,
        asked.request.serial_number,
        asked.request.hash_algorithm,
    )
    return builder.build()


SHORT_LIVED = CA.delegate(not_after=NOW + 2 * DAY)
LONG = [CA.leaf(*(f"{number}.{'x' * 50}.example" for number in range(25))).certificate for _ in range(6)]
SHA1 = hashes.SHA1()  # noqa: S303 -- usual in a CertID

#: What a responder does, and which rules that violates; `also` says what cannot be judged then.
BEHAVIOURS: Mapping[str, tuple[Behaviour, set[Check]]] = {
    "all right": (rightly, set()),
    "only GET": (only("GET"), {Check.POST}),
    "only POST": (only("POST"), {Check.GET}),
    "nothing percent-encoded": (no_escapes, {Check.PERCENT_ENCODED_GET}),
    "nor anything by POST": (
        lambda asked: no_escapes(asked) if asked.method == "GET" else Said(b"no", 405),
        {Check.PERCENT_ENCODED_GET, Check.POST},
    ),
    "text/plain": (typed("text/plain"), {Check.CONTENT_TYPE}),
    "kept for too long": (headed("Cache-Control", f"max-age={4 * DAY}"), {Check.CACHE_HEADERS}),
    "expires too late": (headed("Expires", formatdate(NOW + 4 * DAY, usegmt=True)), {Check.CACHE_HEADERS}),
    "large": (says(certificates=[DELEGATE.certificate, *LONG]), {Check.RESPONSE_SIZE}),
    "good for anything": (says(status=Status.GOOD), {Check.KNOWN_ANSWERS, Check.UNASSIGNED_SERIAL_NOT_GOOD}),
    "SHA-1 for SHA-256": (says(algorithm=SHA1), {Check.SHA256_CERT_ID}),
    "another nonce": (says(echoed=b"x" * 32), {Check.NONCE_ECHOED}),
    "no nonce": (without_nonce, {Check.NONCE_ECHOED}),
    "no nocheck": (says(signer=CA.delegate(nocheck=False)), {Check.SIGNER_NOCHECK}),
    "signer ends before": (says(signer=SHORT_LIVED), {Check.SIGNER_OUTLIVES_RESPONSE}),
    "short-lived": (says(next_update=NOW + 6 * HOUR), {Check.VALIDITY_INTERVAL}),
    "old": (says(this_update=NOW - 5 * DAY), {Check.UPDATED_IN_TIME}),
    "posts cached": (
        posts_cached(),
        {Check.POST, Check.KNOWN_ANSWERS, Check.NONCE_ECHOED, Check.SHA256_CERT_ID},
    ),
}


@pytest.mark.parametrize("name", BEHAVIOURS)
async def test_each_rule_is_seen_to_be_violated_by_a_responder_that_violates_it(name: str) -> None:
    """That rule and no other; the first row, which does all rightly, is the twin of the rest."""
    behaviour, violated = BEHAVIOURS[name]
    async with responding(behaviour) as responder:
        findings = await look(responder.url())
    assert {check for check, conforms in judged(findings).items() if conforms is False} == violated
    unjudged = {check for check, conforms in judged(findings).items() if conforms is None}
    assert unjudged == UNJUDGED.get(name, set())


#: What no answer tells, by the name of the behaviour.
UNJUDGED = {
    "only POST": {Check.PERCENT_ENCODED_GET, Check.CACHE_HEADERS},
    "posts cached": {Check.UNASSIGNED_SERIAL_NOT_GOOD},
}


async def test_a_responder_that_does_all_rightly() -> None:
    """It is up by both methods, its answer is evidence, and its clock is right."""
    async with responding() as responder:
        findings = await look(responder.url())
    assert ups(findings) == {"get": True, "post": True}
    assert {(each.http_status, each.said) for each in of(findings).methods} == {(200, "good")}
    assert all(each.duration and each.size for each in of(findings).methods)
    assert (of(findings).url, of(findings).clock_skew) == (responder.url(), 0.0)
    evidence = evidence_of(findings)
    assert (evidence.source, evidence.depth, evidence.status) == (Source.RESPONDER, 0, Status.GOOD)
    assert (evidence.fetched_at, evidence.problems) == (NOW, ())
    assert findings.revoked == {0: False}
    assert findings.applicability == (Applicability(Source.RESPONDER, 0, applicable=True, host="127.0.0.1"),)
    assert [each.serial_number for each in findings.certificates] == [f"{LEAF.certificate.serial_number:040x}"[-40:]]


async def test_it_is_asked_politely_and_anew_each_time() -> None:
    """Twice about the certificate, by each method about each known answer, and once for each rule that needs it."""
    async with responding() as responder, probing() as prober:
        for number in (1, 2):
            await prober.probe(target(responder.url()), MODULE)
            # GET and POST: the certificate, two known answers. Besides: SHA-256, a nonce, a number nobody assigned.
            assert len(responder.asked) == number * 9
    unassigned = [each.serial_number for each in responder.asked if each.serial_number.bit_length() == 127]
    assert len(set(unassigned)) == 2


async def test_what_is_known_of_the_certificate_is_not_asked_twice() -> None:
    """A known answer about the certificate itself is the answer that came."""
    serial_number = LEAF.certificate.serial_number
    module = dataclasses.replace(MODULE, known_answers=(KnownAnswer(serial_number, ExpectedAnswer.REVOKED),))
    async with responding() as responder:
        findings = await look(responder.url(), module)
    assert [each.serial_number for each in responder.asked].count(serial_number) == 4  # GET, POST, SHA-256, nonce
    assert judged(findings)[Check.KNOWN_ANSWERS] is False


async def test_without_a_certificate_a_known_answer_that_is_good_stands_in() -> None:
    """It is evidence, too; one that is revoked is none, for that is no news."""
    numbers = {
        ExpectedAnswer.UNAUTHORIZED: 1,
        ExpectedAnswer.REVOKED: REVOKED.certificate.serial_number,
        ExpectedAnswer.GOOD: LEAF.certificate.serial_number,
    }
    known = tuple(KnownAnswer(number, expected) for expected, number in numbers.items())
    module = dataclasses.replace(MODULE, certificate=None, known_answers=known)
    async with responding() as responder:
        findings = await look(responder.url(), module)
        assert (ups(findings), evidence_of(findings).status) == ({"get": True, "post": True}, Status.GOOD)
        assert (findings.certificates, findings.revoked) == ((), {0: False})
        findings = await look(responder.url(), dataclasses.replace(module, known_answers=known[:2]))
        assert (ups(findings), findings.evidence, findings.revoked) == ({"get": True, "post": True}, (), {})


async def test_the_module_says_how_it_is_asked() -> None:
    """By its hash; without a nonce if it wants none; and what public CAs are bound to is not looked at."""
    settings = ResponderSettings(hash=CertIDHash.SHA256)
    module = dataclasses.replace(MODULE, responder=settings, profile=Profile.PRIVATE, known_answers=())
    async with responding() as responder:
        findings = await look(responder.url(path="/"), module)
    assert {each.request.hash_algorithm.name for each in responder.asked} == {"sha256"}
    assert len(responder.asked) == 2
    assert not any(each.nonce for each in responder.asked)
    expected = dict.fromkeys(Check, True) | {Check.KNOWN_ANSWERS: None, Check.NONCE_ECHOED: None}
    for public in (Check.UNASSIGNED_SERIAL_NOT_GOOD, Check.VALIDITY_INTERVAL, Check.UPDATED_IN_TIME):
        del expected[public]
    assert judged(findings) == expected


async def test_a_responder_that_is_trusted_locally_signs_with_right() -> None:
    """What its signer may is for the operator to say."""
    signer = CA.twin().leaf()
    module = dataclasses.replace(MODULE, responder=ResponderSettings(nonce=True, trusted=(signer.certificate,)))
    async with responding(says(signer=signer)) as responder:
        findings = await look(responder.url(), module)
        assert (ups(findings), judged(findings)[Check.SIGNER_NOCHECK]) == ({"get": True, "post": True}, None)
        findings = await look(responder.url())
        assert ups(findings) == {"get": False, "post": False}


# --- A responder that gives no answers -------------------------------------------------------------------


async def test_nobody_is_there() -> None:
    """The probe succeeds, and says so; nothing else can be judged, and nothing else is asked."""
    listener = listen("127.0.0.1")
    url = f"http://127.0.0.1:{port_of(listener)}/"
    listener.close()
    findings = await look(url)
    assert ups(findings) == {"get": False, "post": False}
    assert {each.said for each in of(findings).methods} == {"cannot be reached: Connection refused"}
    assert {each.http_status for each in of(findings).methods} == {None}
    assert {each.duration for each in of(findings).methods} == {None}
    assert judged(findings) == dict.fromkeys(Check) | {Check.GET: False, Check.POST: False}
    assert (evidence_of(findings).status, evidence_of(findings).problems) == (
        Status.SERVER_FAILED,
        (Problem.UNREACHABLE,),
    )
    assert (findings.revoked, of(findings).clock_skew) == ({}, None)


@pytest.mark.parametrize(
    ("said", "status", "problem", "asked"),
    [
        (Said(b"oops", 500, "text/html"), Status.SERVER_FAILED, Problem.HTTP_ERROR, {"GET", "POST"}),
        (Said(b"<html>", 200, "text/html"), Status.INVALID, Problem.MALFORMED, {"GET", "POST"}),
        (Said(unsuccessful()), Status.SERVER_FAILED, Problem.UNSUCCESSFUL, {"GET", "POST"}),
    ],
)
async def test_nothing_but_faults(said: Said, status: Status, problem: Problem, asked: set[str]) -> None:
    """It is not up, with its HTTP status; what is not about faults cannot be judged."""
    async with responding(lambda _: said) as responder:
        findings = await look(responder.url(), dataclasses.replace(MODULE, known_answers=()))
    assert ups(findings) == {"get": False, "post": False}
    assert {each.http_status for each in of(findings).methods} == {said.status}
    assert evidence_of(findings).status is status
    assert problem in evidence_of(findings).problems
    conforms = judged(findings)
    assert (conforms.pop(Check.GET), conforms.pop(Check.POST)) == (False, False)
    conforms.pop(Check.CONTENT_TYPE)
    assert set(conforms.values()) == {None}
    assert set(responder.methods) == asked


async def test_a_responder_that_hangs_is_given_up_in_time() -> None:
    """By the module's patience with a request, or with the probe as a whole, whichever is less."""
    for patience, timeout in ((0.2, 20.0), (20.0, 0.4)):
        module = dataclasses.replace(
            MODULE, timeout=timeout, responder=dataclasses.replace(MODULE.responder, timeout=patience)
        )
        async with serve(hang_after(b"")) as server:
            findings = await look(server.url(), module)
        assert ups(findings) == {"get": False, "post": False}
        assert evidence_of(findings).problems == (Problem.TIMEOUT,)


async def test_what_could_not_be_asked_in_time_is_not_held_against_the_responder() -> None:
    """At one request in ten seconds there is time for the first alone."""
    module = dataclasses.replace(MODULE, timeout=5.0)
    async with responding() as responder:
        findings = await look(responder.url(), module, requests_per_second=0.1)
    assert sorted(map(str, ups(findings).values())) == ["None", "True"]
    assert (len(responder.asked), evidence_of(findings).status) == (1, Status.GOOD)
    assert False not in judged(findings).values()


async def test_a_responder_that_is_left_alone_is_not_up() -> None:
    """While its host is paused nothing is sent, and what came before the pause is not told again as if it came now."""
    async with responding(lambda _: Said(b"oops", 502, "text/html")) as responder, probing() as prober:
        for _ in range(3):
            [findings] = findings_of(await prober.probe(target(responder.url()), MODULE))
    assert len(responder.asked) == 4
    assert ups(findings) == {"get": False, "post": False}
    assert {(each.http_status, each.duration) for each in of(findings).methods} == {(None, None)}
    assert not any("http://" in each.said for each in of(findings).methods)


# --- Where it is asked -----------------------------------------------------------------------------------


async def test_the_url_of_the_operator_is_asked_and_that_of_the_certificate_as_the_policy_says() -> None:
    """The CA that he names answers for the latter; what is denied is asked for nobody."""
    async with responding() as responder:
        own = dataclasses.replace(target(responder.url()), name="")
        for policy, by_operator, by_certificate in (
            (EgressPolicy(follow=Follow.TRUSTED), True, True),
            (EgressPolicy(follow=Follow.LISTED), True, False),
            (EgressPolicy(denied=(ip_network("127.0.0.0/8"),)), False, False),
        ):
            async with probing(policy=policy) as prober:
                for asked, is_up in ((target(responder.url()), by_operator), (own, by_certificate)):
                    [findings] = findings_of(await prober.probe(asked, MODULE))
                    assert set(ups(findings).values()) == {is_up or None}
                    if not is_up:
                        assert set(judged(findings).values()) == {None}
                        assert evidence_of(findings).status is Status.MISSING
                        assert evidence_of(findings).problems == (Problem.BLOCKED_BY_EGRESS_POLICY,)


async def test_each_address_of_a_name_is_looked_at_by_itself() -> None:
    """One that serves what it signed a week ago is found, as is one that is down, and their neighbour is not blamed."""
    stale = says(this_update=NOW - 7 * DAY, next_update=NOW - DAY)
    names = {"ocsp.example": ["127.0.0.2", "127.0.0.1", "127.0.0.3"]}
    module = dataclasses.replace(MODULE, addresses=AddressChoice.ALL)
    async with responding() as fresh, responding(stale, "127.0.0.2", fresh.port) as old, probing(names) as prober:
        url = fresh.url("ocsp.example")
        results = await prober.probe(target(url), module)
        assert [result.address for result in results] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
        found = [evidence_of(findings) for findings in findings_of(results)]
        assert [each.status for each in found] == [Status.GOOD, Status.INVALID, Status.SERVER_FAILED]
        assert [each.problems for each in found] == [(), (Problem.EXPIRED,), (Problem.UNREACHABLE,)]
        assert [set(ups(each).values()) for each in findings_of(results)] == [{True}, {False}, {False}]
        # Each was asked by the name.
        assert {each.host for each in (*fresh.asked, *old.asked)} == {f"ocsp.example:{fresh.port}"}
        for _ in range(2):
            results = await prober.probe(target(url), module)
        assert set(ups(findings_of(results)[0]).values()) == {True}
        # As one client sees it, which one it meets is chance: here the first that the name has.
        [result] = await prober.probe(target(url), dataclasses.replace(module, addresses=AddressChoice.FIRST))
        assert (result.address, evidence_of(findings_of((result,))[0]).problems) == (None, (Problem.EXPIRED,))


async def test_a_name_without_addresses_is_a_fault_of_the_responder() -> None:
    """There is one result then, without an address."""
    module = dataclasses.replace(MODULE, addresses=AddressChoice.ALL)
    async with probing() as prober:
        [result] = await prober.probe(target("http://ocsp.example/"), module)
    assert result.address is None
    [findings] = findings_of((result,))
    assert (ups(findings), evidence_of(findings).problems) == ({"get": False, "post": False}, (Problem.UNREACHABLE,))


async def test_a_probe_that_is_cancelled_leaves_nothing_behind() -> None:
    """Also one at several addresses, before it could begin."""
    names = {"ocsp.example": ["127.0.0.1", "127.0.0.2"]}
    module = dataclasses.replace(MODULE, addresses=AddressChoice.ALL)
    async with serve(hang_after(b"")) as server, probing(names) as prober:
        for pause in (0.0, 0.1):
            probe = asyncio.create_task(prober.probe(target(server.url(host="ocsp.example")), module))
            await asyncio.sleep(pause)
            probe.cancel()
            with pytest.raises(asyncio.CancelledError):
                await probe


# --- What is shown of several answers --------------------------------------------------------------------


@pytest.mark.parametrize(("status", "revoked"), [(Status.REVOKED, {0: True}), (Status.UNKNOWN, {})])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_worst_is_shown_whichever_method_brings_it(
    method: str, status: Status, revoked: dict[int, bool]
) -> None:
    """A cache before one of them that still says good must not hide it."""

    def behave(asked: Asked) -> Said:
        return Said(answered(asked, status=status if asked.method == method else Status.GOOD))

    async with responding(behave) as responder:
        findings = await look(responder.url())
    assert (evidence_of(findings).status, findings.revoked) == (status, revoked)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_verified_is_shown_whichever_method_brings_it(method: str) -> None:
    """What the other one brings is told of that one."""
    async with responding(only(method)) as responder:
        findings = await look(responder.url())
    assert (evidence_of(findings).status, evidence_of(findings).problems) == (Status.GOOD, ())
    assert ups(findings) == {"get": method == "GET", "post": method == "POST"}
    failed = next(each for each in of(findings).methods if not each.up)
    assert (failed.http_status, failed.said, failed.size) == (405, "HTTP 405", None)
    assert failed.duration


async def test_a_request_that_is_understood_only_plainly() -> None:
    """GET conforms as such, and is not up, for clients percent-encode; known answers are then asked for plainly."""
    async with responding(no_escapes) as responder:
        findings = await look(responder.url())
    assert ups(findings) == {"get": False, "post": True}
    assert judged(findings)[Check.GET] is judged(findings)[Check.KNOWN_ANSWERS] is True
    assert RequestMethod.GET.upper() in responder.methods


@pytest.mark.parametrize(("behaviour", "understood"), [(rightly, True), (no_escapes, False)])
async def test_a_request_with_nothing_to_percent_encode(behaviour: Behaviour, understood: bool) -> None:
    """Few requests are such; then the one by SHA-256, which ends in padding, shows whether that is understood."""
    module = dataclasses.replace(MODULE, certificate=PLAIN_LEAF.certificate, known_answers=())
    async with responding(behaviour) as responder:
        conforms = judged(await look(responder.url(), module))
    assert conforms[Check.PERCENT_ENCODED_GET] is understood
    assert conforms[Check.GET] is conforms[Check.SHA256_CERT_ID] is True


async def test_how_far_its_clock_is_off() -> None:
    """By its Date; where it is asked by POST by that, for a cache answers with the Date of long ago."""

    def behave(asked: Asked) -> Said:
        return Said(answered(asked), headers={"Date": formatdate(NOW + (-60 if asked.method == "GET" else 7))})

    async with responding(behave) as responder:
        assert of(await look(responder.url())).clock_skew == 7.0
