"""Responders that are not ours, watched by themselves: each rule is violated by one, and conformed to by another."""

import contextlib
import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from socket import AF_INET

import pytest
from cryptography import x509

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import DAY, HOUR, Credential
from ocsp_exporter.model import (
    AddressChoice,
    CertIDHash,
    Check,
    EgressPolicy,
    ExpectedAnswer,
    Findings,
    KnownAnswer,
    Module,
    ProberKind,
    Problem,
    Profile,
    ResponderFindings,
    ResponderSettings,
    Revocation,
    Status,
    Target,
)
from ocsp_exporter.probing.egress import Egress
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.resolver import Address, Resolver
from ocsp_exporter.probing.responder_watch import ResponderWatch
from ocsp_exporter.revocation.request import build, get_url
from tests.peers.daemons import HOST, free_port
from tests.peers.responders import apache_before, cfssl_serving, nginx_before, openssl_ocsp
from tests.peers.servers import der, pem, write

NAME = "ocsp.example"
NEIGHBOUR = "127.0.0.2"


@dataclass(frozen=True, slots=True)
class World:
    """A CA, three of its certificates, and where the responder is to be."""

    folder: Path
    authority: Authority
    good: Credential
    revoked: Credential
    unknown: Credential

    @property
    def known(self) -> dict[Credential, Revocation | None]:
        """What a responder knows."""
        return {self.good: None, self.revoked: Revocation(int(self.authority.now) - DAY, None)}

    @property
    def module(self) -> Module:
        """How it is watched: by all rules, those of public CAs included, and with a nonce."""
        expected = {self.revoked: ExpectedAnswer.REVOKED, self.unknown: ExpectedAnswer.UNKNOWN}
        known = [KnownAnswer(leaf.certificate.serial_number, answer) for leaf, answer in expected.items()]
        return Module(
            "my-responder",
            ProberKind.RESPONDER,
            timeout=30.0,
            issuers=(self.authority.certificate,),
            certificate=self.good.certificate,
            known_answers=tuple(known),
            responder=ResponderSettings(nonce=True),
            profile=Profile.PUBLIC,
        )

    def sub(self, name: str) -> Path:
        """Make a folder for one of several daemons."""
        folder = self.folder / name
        folder.mkdir()
        return folder


@pytest.fixture
def world(tmp_path: Path, root: Authority) -> World:
    """Make a CA and certificates, the first such that in a request about it there is a slash, and no two in a row.

    Two in a row make one to Apache httpd, and to OpenSSL in a request where they stand plainly.
    """
    while True:
        authority = root.intermediate()
        good = authority.leaf()
        request = build(good.certificate, authority.certificate, CertIDHash.SHA1, None)
        if re.search("[^/]/[^/]", get_url("", request, escaped=False)) and b"//" not in b64encode(request):
            return World(tmp_path, authority, good, authority.leaf(), authority.leaf())


#: A responder that runs while the block lasts, and gives its port.
Running = Callable[[World], contextlib.AbstractContextManager[int]]


def openssl(
    *options: str,
    signer: Callable[[Authority], Credential] | None = Authority.delegate,
    known: Callable[[World], Mapping[Credential, Revocation | None]] = lambda world: world.known,
) -> Running:
    """Run `openssl ocsp` with further options."""

    @contextlib.contextmanager
    def run(world: World) -> Iterator[int]:
        port = free_port()
        given = [each.format(folder=world.folder) for each in options] or ["-ndays", "7"]
        credential = signer(world.authority) if signer else None
        with openssl_ocsp(world.sub("openssl"), port, world.authority, known(world), credential, given):
            yield port

    return run


def nginx(*directives: str) -> Running:
    """Run nginx before `openssl ocsp`."""

    @contextlib.contextmanager
    def run(world: World) -> Iterator[int]:
        port = free_port()
        with openssl()(world) as behind, nginx_before(world.sub("nginx"), {(HOST, port): (behind, directives)}):
            yield port

    return run


def apache(encoded_slashes: str) -> Running:
    """Run Apache httpd before `openssl ocsp`."""

    @contextlib.contextmanager
    def run(world: World) -> Iterator[int]:
        port = free_port()
        with openssl()(world) as behind, apache_before(world.sub("apache"), port, behind, encoded_slashes):
            yield port

    return run


def cfssl(**options: float) -> Running:
    """Run `cfssl ocspserve` with answers that the CA signed beforehand."""

    @contextlib.contextmanager
    def run(world: World) -> Iterator[int]:
        port = free_port()
        ca = world.authority
        answers = [
            ca.answer(world.good, **options),  # type: ignore[arg-type]  # options of an answer
            ca.answer(world.revoked, status=Status.REVOKED, **options),  # type: ignore[arg-type]  # likewise
            ca.answer(world.unknown, status=Status.UNKNOWN, **options),  # type: ignore[arg-type]  # likewise
        ]
        with cfssl_serving(world.sub("cfssl"), port, answers):
            yield port

    return run


def many_certificates(world: World) -> None:
    """Write a file of certificates that make answers large."""
    names = [f"{number}.{'x' * 50}.example" for number in range(25)]
    large: Sequence[x509.Certificate] = [world.authority.leaf(*names).certificate for _ in range(6)]
    write(world.folder / "others.pem", b"".join(pem(der(each)) for each in large))


#: A cache that keeps what is posted, and looks at the URL alone.
POSTS_CACHED = ("proxy_cache responses;", "proxy_cache_methods POST;", "proxy_cache_key $uri;", "proxy_cache_valid 1h;")

NONE_BY_GET = {Check.PERCENT_ENCODED_GET, Check.CACHE_HEADERS}
ALL_OF_CFSSL = {Check.GET, Check.SHA256_CERT_ID, Check.NONCE_ECHOED}

#: A responder, and the rules that it violates; what cannot be judged beside what the signer leaves open.
ROWS: Mapping[str, tuple[Running, set[Check], set[Check]]] = {
    "openssl": (openssl(), set(), set()),
    "openssl, the CA signs": (openssl(signer=None), set(), {Check.SIGNER_NOCHECK}),
    "nginx": (nginx(), set(), set()),
    "apache": (apache("NoDecode"), set(), set()),
    "nginx without POST": (nginx("limit_except GET { deny all; }"), {Check.POST}, set()),
    "nginx without GET": (
        nginx("limit_except POST { deny all; }"),
        {Check.GET},
        NONE_BY_GET,
    ),
    "nginx that keeps what is posted": (
        nginx(*POSTS_CACHED),
        {Check.POST, Check.KNOWN_ANSWERS, Check.NONCE_ECHOED, Check.SHA256_CERT_ID},
        {Check.UNASSIGNED_SERIAL_NOT_GOOD},
    ),
    "nginx with a max-age that is too long": (nginx("expires 30d;"), {Check.CACHE_HEADERS}, set()),
    "nginx with a max-age that is not": (nginx("expires 1h;"), set(), set()),
    "nginx with another type": (
        nginx("proxy_hide_header Content-Type;", "add_header Content-Type application/octet-stream;"),
        {Check.CONTENT_TYPE},
        set(),
    ),
    "apache as it comes": (apache("Off"), {Check.PERCENT_ENCODED_GET}, set()),
    "openssl with many certificates": (
        openssl("-ndays", "7", "-rother", "{folder}/others.pem"),
        {Check.RESPONSE_SIZE},
        set(),
    ),
    "openssl with an old index": (
        openssl(known=lambda world: dict.fromkeys(world.known)),
        {Check.KNOWN_ANSWERS},
        set(),
    ),
    "openssl with a delegate without nocheck": (
        openssl(signer=lambda ca: ca.delegate(nocheck=False)),
        {Check.SIGNER_NOCHECK},
        set(),
    ),
    "openssl with a delegate that ends soon": (
        openssl(signer=lambda ca: ca.delegate(not_after=ca.now + DAY)),
        {Check.SIGNER_OUTLIVES_RESPONSE},
        set(),
    ),
    "openssl for half an hour": (openssl("-nmin", "30"), {Check.VALIDITY_INTERVAL}, set()),
    "openssl for a month": (openssl("-ndays", "30"), {Check.VALIDITY_INTERVAL}, set()),
    "cfssl": (cfssl(), ALL_OF_CFSSL, {*NONE_BY_GET, Check.SIGNER_NOCHECK}),
}


async def examined(world: World, port: int) -> Findings:
    """Look once, as a person would who knows its URL."""
    return (await looked(world.module, f"http://{HOST}:{port}/"))[None]


async def looked(module: Module, url: str, addresses: Sequence[str] = ()) -> dict[str | None, Findings]:
    """Look once, and give what was found by address; the probe succeeds whatever that is."""
    resolver = Resolver(lambda _: tuple(Address(AF_INET, each) for each in addresses))
    egress = Egress(EgressPolicy(), resolver)
    try:
        prober = Prober(resolver, responders=ResponderWatch(Fetcher(egress, requests_per_second=1000.0)))
        results = await prober.probe(Target(url, NAME, 80, location=url), module)
    finally:
        await egress.close()
        resolver.close()
    assert {result.failure for result in results} == {None}
    return {result.address: result.findings for result in results if result.findings}


def of(findings: Findings) -> ResponderFindings:
    """Give what was found at the responder."""
    assert findings.responder
    return findings.responder


def checks(findings: Findings, conforms: bool | None) -> set[Check]:
    """Give the checks that came out so."""
    return {each.check for each in of(findings).checks if each.conforms is conforms}


def ups(findings: Findings) -> dict[str, bool | None]:
    """Give whether it is up, by method."""
    return {each.method: each.up for each in of(findings).methods}


@pytest.mark.parametrize("name", ROWS)
async def test_a_responder_violates_the_rules_that_it_does_and_no_other(world: World, name: str) -> None:
    """Each row that violates a rule differs in one thing from one that does not."""
    running, violated, not_judged = ROWS[name]
    many_certificates(world)
    with running(world) as port:
        findings = await examined(world, port)
    assert checks(findings, False) == violated
    assert checks(findings, None) == not_judged
    [evidence] = findings.evidence
    assert (evidence.status, evidence.problems, findings.revoked) == (
        Status.GOOD,
        (Problem.WRONG_CONTENT_TYPE,) if Check.CONTENT_TYPE in violated else (),
        {0: False},
    )
    by_get = not violated & {Check.GET, Check.PERCENT_ENCODED_GET}
    by_post = Check.POST not in violated or name == "nginx that keeps what is posted"
    assert ups(findings) == {"get": by_get, "post": by_post}


def test_every_rule_is_violated_by_one_and_conformed_to_by_another() -> None:
    """But what no server here does: say good of anything, and serve what was signed long ago; see below."""
    violated = set[Check]().union(*(row[1] for row in ROWS.values()))
    assert set(Check) - violated == {Check.UNASSIGNED_SERIAL_NOT_GOOD, Check.UPDATED_IN_TIME}
    assert any(not row[1] and not row[2] for row in ROWS.values())


async def test_a_responder_that_serves_what_was_signed_long_ago(world: World) -> None:
    """Five days, of which public CAs allow four; the answer holds for another two."""
    now = time.time()
    with cfssl(this_update=now - 5 * DAY, next_update=now + 2 * DAY)(world) as port:
        findings = await examined(world, port)
    assert checks(findings, False) == ALL_OF_CFSSL | {Check.UPDATED_IN_TIME}
    assert ups(findings) == {"get": False, "post": True}


async def test_one_stale_node_is_found_behind_a_name(world: World) -> None:
    """Two servers under one name and port: one passes on what the CA signs, the other what it signed a week ago."""
    now = time.time()
    port = free_port()
    with contextlib.ExitStack() as stack:
        fresh = stack.enter_context(openssl()(world))
        stale = stack.enter_context(cfssl(this_update=now - 8 * DAY, next_update=now - HOUR)(world))
        servers = {(HOST, port): (fresh, ()), (NEIGHBOUR, port): (stale, ())}
        stack.enter_context(nginx_before(world.sub("nginx"), servers))
        module = replace(world.module, addresses=AddressChoice.ALL)
        found = await looked(module, f"http://{NAME}:{port}/", [NEIGHBOUR, HOST])
    assert list(found) == [HOST, NEIGHBOUR]
    assert ups(found[HOST]) == {"get": True, "post": True}
    assert ups(found[NEIGHBOUR]) == {"get": False, "post": False}
    by_post = next(each for each in of(found[NEIGHBOUR]).methods if each.method == "post")
    assert (by_post.http_status, by_post.said) == (200, "invalid (expired)")
