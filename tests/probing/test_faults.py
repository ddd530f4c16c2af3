"""What responders and CRL servers may do wrong, and what is published of it: alone, and beside an answer from before.

How a responder is asked in spite of it stands in test_responder.py; here it is what the operator gets to see.
"""

import asyncio
import contextlib
import gzip
import logging
import os
import resource
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from ocsp_exporter.demo import crl
from ocsp_exporter.demo.authority import Authority, SingleOptions, unsuccessful
from ocsp_exporter.demo.certificate import DAY, HOUR, Credential
from ocsp_exporter.demo.response import nonce
from ocsp_exporter.model import (
    FetchKind,
    Follow,
    Module,
    ResponderSettings,
    Status,
    StoreResult,
    TLSSettings,
)
from ocsp_exporter.probing import opening
from ocsp_exporter.probing.opening import open_prober
from ocsp_exporter.probing.resolver import Addresses, Resolver, look_up
from tests.probing.http_server import Script, Server, answer, endless, hang_after, raw, redirect
from tests.probing.scene import CA, HERE, MODULE, NOW, Page, Says, Scene, as_crl, as_response, scene

TWIN = CA.twin()
STRANGER = Authority.root(NOW, "Another CA")
OLD_DELEGATE = CA.delegate(not_after=NOW - DAY)
HTML = b"<html><title>Sign in to the guest network</title></html>"

#: Whom to ask and what to ask for; what hangs is given up soon.
BRIEF = replace(MODULE, responder=ResponderSettings(timeout=0.3), crl=replace(MODULE.crl, timeout=0.3))
WITH_NONCE = replace(MODULE, responder=ResponderSettings(nonce=True))
#: Bodies are small here, so that little has to be sent of those that are too large.
SMALL = replace(HERE, max_response_bytes=64 * 1024, max_crl_bytes=64 * 1024)

SOURCES = ("responder", "crl")


@pytest.fixture(autouse=True)
def _no_error_of_ours(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever others do, it is no error of the exporter."""
    yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def kept(source: str) -> Says:
    """Say good, three hours ago."""
    if source == "responder":
        return lambda ca, leaf: as_response(ca.answer(leaf, this_update=NOW - 3 * HOUR))
    return lambda ca, _: as_crl(ca.crl(this_update=NOW - 3 * HOUR, number=7))


def does(script: Script) -> Says:
    """Do this, whatever it is about."""
    return lambda _ca, _leaf: script


@dataclass(frozen=True)
class Fault:
    """What a server does, what is said of its source, and what where a good answer from before is still valid.

    `is_answer`: there is an answer, good or bad.
    """

    acts: Says
    alone: str
    beside_good: str
    module: Module = MODULE
    is_answer: bool = True


def none(script: Script, problem: str, module: Module = MODULE, status: str = "server_failed") -> Fault:
    """Give no answer: the one from before stays."""
    return Fault(does(script), f"{status} {problem}", f"good {problem}", module, is_answer=False)


def wrong(acts: Says, problems: str, module: Module = MODULE) -> Fault:
    """Give an answer that cannot be relied on: that is what the source says now."""
    return Fault(acts, f"invalid {problems}", f"invalid {problems}", module)


def right(acts: Says, problems: str = "", module: Module = MODULE) -> Fault:
    """Give an answer that can be relied on, whatever else there is to be said."""
    return Fault(acts, f"good {problems}".strip(), f"good {problems}".strip(), module)


#: What any server may do.
ANY_SERVER: Mapping[str, Fault] = {
    "hangs before the head": none(hang_after(b""), "timeout", BRIEF),
    "hangs within the head": none(hang_after(b"HTTP/1.1 200 OK\r\nContent-"), "timeout", BRIEF),
    "hangs within the body": none(hang_after(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0"), "timeout", BRIEF),
    "closes at once": none(raw(b""), "http_error"),
    "does not speak HTTP": none(raw(b"220 mail.example ESMTP\r\n"), "http_error"),
    "redirects in a circle": none(redirect("/"), "http_error"),
    "404": none(answer(HTML, "404 Not Found"), "http_error"),
    "429": none(answer(status="429 Too Many Requests"), "http_error"),
    "429 with Retry-After": none(answer(status="429 Too Many Requests", Retry_After="60"), "http_error"),
    "500": none(answer(HTML, "500 Oops"), "http_error"),
    "500 with Retry-After": none(answer(HTML, "500 Oops", Retry_After="60"), "http_error"),
    "503": none(answer(status="503 Service Unavailable"), "http_error"),
    "503 with Retry-After": none(answer(status="503 Service Unavailable", Retry_After="60"), "http_error"),
    "redirects to what is denied": none(
        redirect("http://169.254.169.254/"), "blocked_by_egress_policy", status="missing"
    ),
    "redirects to a directory": none(redirect("ldap://127.0.0.1/"), "unsupported_scheme", status="missing"),
    "300 MiB": wrong(lambda _ca, _leaf: endless(300 * 1024**2, []), "too_large"),
    "a bomb in gzip": wrong(does(answer(gzip.compress(bytes(10**7)), Content_Encoding="gzip")), "malformed"),
}
OF_SOURCE: Mapping[str, Mapping[str, Fault]] = {
    "responder": {
        "HTML": wrong(does(answer(HTML, Content_Type="text/html")), "malformed wrong_content_type"),
        "empty body": wrong(does(as_response(b"")), "malformed"),
        "truncated": wrong(lambda ca, leaf: as_response(ca.answer(leaf)[:-1]), "malformed"),
        "wrong content type": right(
            lambda ca, leaf: answer(ca.answer(leaf), Content_Type="text/plain"), "wrong_content_type"
        ),
        "another nonce": wrong(
            lambda ca, leaf: as_response(ca.answer(leaf, extensions=[nonce(bytes(32))])), "nonce_mismatch", WITH_NONCE
        ),
        "no nonce": right(lambda ca, leaf: as_response(ca.answer(leaf)), module=WITH_NONCE),
        "another certificate": wrong(lambda ca, _: as_response(ca.answer(ca.leaf())), "no_matching_response"),
        "in the future": wrong(
            lambda ca, leaf: as_response(ca.answer(leaf, this_update=NOW + HOUR, produced_at=NOW + HOUR)),
            "not_yet_valid produced_in_future",
        ),
        "expired": wrong(
            lambda ca, leaf: as_response(ca.answer(leaf, this_update=NOW - 2 * DAY, next_update=NOW - DAY)), "expired"
        ),
        "forged": wrong(lambda ca, leaf: as_response(ca.answer(leaf, signing_key=TWIN.key)), "signature_invalid"),
        "expired responder certificate": wrong(
            lambda ca, leaf: as_response(ca.answer(leaf, signer=OLD_DELEGATE)), "responder_certificate_expired"
        ),
        "unauthorized": none(as_response(unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)), "unsuccessful"),
        "try later": none(as_response(unsuccessful()), "unsuccessful"),
    },
    "crl": {
        "HTML": wrong(does(answer(HTML, Content_Type="text/html")), "malformed"),
        "empty body": wrong(does(as_crl(b"")), "malformed"),
        "truncated": wrong(lambda ca, _: as_crl(ca.crl()[:-1]), "malformed"),
        "wrong content type": right(
            lambda ca, _: answer(ca.crl(number=8), Content_Type="text/plain"), "wrong_content_type"
        ),
        "another CA": wrong(does(as_crl(STRANGER.crl(number=1))), "out_of_scope"),
        "another CA of that name": wrong(does(as_crl(TWIN.crl(number=1))), "signature_invalid"),
        "in the future": wrong(lambda ca, _: as_crl(ca.crl(this_update=NOW + HOUR, number=8)), "not_yet_valid"),
        "expired": wrong(
            lambda ca, _: as_crl(ca.crl(this_update=NOW - 2 * DAY, next_update=NOW - DAY, number=8)), "expired"
        ),
        "delta": wrong(lambda ca, _: as_crl(ca.crl(extensions=[crl.delta_indicator(1)], number=8)), "out_of_scope"),
        "an earlier one": Fault(lambda ca, _: as_crl(ca.crl(number=6)), "good", "good number_went_backwards"),
    },
}
FAULTS = [
    pytest.param(source, fault, id=f"{source}: {name}")
    for source in SOURCES
    for name, fault in {**ANY_SERVER, **OF_SOURCE[source]}.items()
]


def with_source(
    source: str, *acts: Says, authority: Authority = CA, chain: Sequence[x509.Certificate] | None = None
) -> contextlib.AbstractAsyncContextManager[Scene]:
    """Set up an endpoint whose certificate names one source only, which does this."""
    responder, listing = (acts, ()) if source == "responder" else ((), acts)
    return scene(responder=responder, crl=listing, authority=authority, chain=chain)


@pytest.mark.parametrize(("source", "fault"), FAULTS)
async def test_a_fault_is_told_and_never_looks_like_an_answer(source: str, fault: Fault) -> None:
    """Where nothing is known from before, nothing is said of the certificate, nor any time of evidence given."""
    async with with_source(source, fault.acts) as found, open_prober(SMALL) as prober:
        page = await found.look(prober, fault.module)
    assert page.says(source) == fault.alone
    is_good = fault.alone.startswith("good")
    assert page.values("ocsp_revoked") == ([0] if is_good else [])
    assert page.values("ocsp_revocation_timestamp_seconds") == []
    was_authentic = is_good or fault.alone.split()[-1] in {"expired", "not_yet_valid", "produced_in_future"}
    assert len(page.values("ocsp_next_update_remaining_seconds")) == was_authentic


@pytest.mark.parametrize(("source", "fault"), FAULTS)
async def test_a_valid_answer_from_before_stays_where_there_is_no_other(
    source: str, fault: Fault, tmp_path: Path
) -> None:
    """The problem stands beside it, and its age shows; whatever answer there is counts in its place."""
    async with with_source(source, kept(source), fault.acts) as found:
        await look_once(found, fault.module, tmp_path)
        page = await look_again(found, fault.module, tmp_path, source)
    assert page.says(source) == fault.beside_good
    assert page.values("ocsp_revoked") == ([0] if fault.beside_good.startswith("good") else [])
    is_old = page.values("ocsp_source_fetched_timestamp_seconds", source=source) == [LONG_AGO]
    assert is_old is not fault.is_answer


#: When the stored answer was fetched, longer ago than any `refresh` here.
LONG_AGO = float(int(NOW) - 2 * HOUR)
PATIENCE = 20.0


async def look_once(found: Scene, module: Module, folder: Path) -> None:
    """Let a prober look and end; it was long ago."""
    async with open_prober(SMALL, store_path=folder) as prober:
        await found.look(prober, module)
    make_older(folder)


def make_older(folder: Path) -> None:
    """Let it be long ago that the files in a folder were written."""
    for file in folder.iterdir():
        os.utime(file, (LONG_AGO, LONG_AGO))


async def look_again(found: Scene, module: Module, folder: Path, source: str) -> Page:
    """Let another prober look, until its source has been asked again."""
    async with open_prober(SMALL, store_path=folder) as prober, asyncio.timeout(PATIENCE):
        while True:
            page = await found.look(prober, module)
            fetched = page.values("ocsp_source_fetched_timestamp_seconds", source=source)
            if page.says(source) != "good" or fetched != [LONG_AGO]:
                return page
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("source", SOURCES)
async def test_of_a_body_without_end_no_more_is_taken_than_the_limit(source: str) -> None:
    """Beside what the network has on the way."""
    sent: list[int] = []
    async with with_source(source, does(endless(300 * 1024**2, sent))) as found, open_prober(SMALL) as prober:
        assert (await found.look(prober)).says(source) == "invalid too_large"
    assert len(sent) == (2 if source == "responder" else 1)  # by GET, and by POST
    assert all(octets < 16 * 1024**2 for octets in sent)


# --- Servers that are not there -----------------------------------------------------------------------------


def server_of(found: Scene) -> Server:
    """Give the only server of a scene."""
    [server] = filter(None, (found.sources.responder, found.sources.crl))
    return server


def asking(source: str, *urls: str, module: Module = MODULE) -> Module:
    """Let a source be asked at URLs of the operator's."""
    if source == "responder":
        return replace(module, responder=replace(module.responder, urls=urls))
    return replace(module, crl=replace(module.crl, urls=urls))


@pytest.mark.parametrize("source", SOURCES)
async def test_a_server_that_is_gone_is_unreachable(source: str, tmp_path: Path) -> None:
    """Its last answer stays while it is valid, with the problem beside it."""
    async with with_source(source, kept(source)) as found:
        await look_once(found, MODULE, tmp_path)
        server_of(found).stop()
        assert (await look_again(found, MODULE, tmp_path, source)).says(source) == "good unreachable"
        async with open_prober(HERE) as prober:
            assert (await found.look(prober)).says(source) == "server_failed unreachable"


@pytest.mark.parametrize("source", SOURCES)
async def test_a_server_whose_name_is_gone_is_unreachable(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last answer stays while it is valid, with the problem beside it."""
    names = {"127.0.0.1": "127.0.0.1", "pki.example": "127.0.0.1"}

    def look_up_here(host: str) -> Addresses:
        if host not in names:
            raise OSError(-2, "Name or service not known")
        return look_up(names[host])

    monkeypatch.setattr(opening, "Resolver", lambda: Resolver(look_up_here))
    async with with_source(source, kept(source)) as found:
        module = asking(source, server_of(found).url(host="pki.example"))
        await look_once(found, module, tmp_path)
        del names["pki.example"]
        assert (await look_again(found, module, tmp_path, source)).says(source) == "good unreachable"
        async with open_prober(HERE) as prober:
            assert (await found.look(prober, module)).says(source) == "server_failed unreachable"


# --- Whom the exporter may ask ------------------------------------------------------------------------------

BLOCKED = "missing blocked_by_egress_policy"
#: egress.follow and egress.allow (or deny), who wrote the URL and whether the module trusts the certificate's root, and
#: what is said.
EGRESS = f"""
trusted            the certificate  trusted    | good
trusted            the certificate  untrusted  | {BLOCKED}
trusted  allowed   the certificate  untrusted  | good
trusted            the operator     untrusted  | good
listed             the certificate  trusted    | {BLOCKED}
listed   allowed   the certificate  untrusted  | good
listed             the operator     untrusted  | good
any                the certificate  untrusted  | good
any      denied    the certificate  trusted    | {BLOCKED}
trusted  denied    the operator     trusted    | {BLOCKED}
"""


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("line", EGRESS.strip().splitlines())
async def test_who_may_be_asked(line: str, source: str) -> None:
    """A hostile endpoint chooses the URLs in its certificate; that nobody was asked is told, and nobody was."""
    situation, says = (part.strip() for part in line.split("|"))
    words = situation.split()
    here = (ip_network("127.0.0.1/32"),)
    policy = replace(
        HERE,
        follow=Follow(words[0]),
        allowed=here if "allowed" in words else (),
        denied=here if "denied" in words else HERE.denied,
    )
    roots = (CA if words[-1] == "trusted" else STRANGER).certificate
    module = replace(MODULE, tls=TLSSettings(roots=(roots,)))
    async with (
        with_source(source, kept(source), chain=[CA.certificate]) as found,
        open_prober(policy) as prober,
    ):
        if "operator" in words:
            module = asking(source, server_of(found).url(), module=module)
        page = await found.look(prober, module)
        assert page.says(source) == says
        assert len(server_of(found).heads) == (says == "good")


@pytest.mark.parametrize("source", SOURCES)
async def test_the_urls_of_the_operator_replace_those_of_the_certificate(source: str) -> None:
    """The certificate's own are not asked, were they asked in vain or not."""
    async with (
        with_source(source, does(answer(status="500 Oops"))) as other,
        with_source(source, kept(source)) as found,
        open_prober(HERE) as prober,
    ):
        # What the other server has for every certificate is a failure.
        assert (await found.look(prober)).says(source) == "good"
        module = asking(source, server_of(other).url())
        assert (await found.look(prober, module)).says(source) == "server_failed http_error"
        assert len(server_of(found).heads) == 1


@pytest.mark.parametrize("source", SOURCES)
async def test_without_the_issuer_nobody_is_asked(source: str) -> None:
    """There is neither a CertID to ask for nor a key to verify with; with the issuer beside the leaf all is well."""
    below = CA.intermediate()
    for chain, says in (([], "invalid issuer_unavailable"), ([below.certificate], "good")):
        async with (
            with_source(source, kept(source), authority=below, chain=chain) as found,
            open_prober(HERE) as prober,
        ):
            page = await found.look(prober)
            assert page.says(source) == says
            assert page.values("ocsp_revoked") == ([0] if says == "good" else [])
            assert len(server_of(found).heads) == (says == "good")


# --- The store ----------------------------------------------------------------------------------------------


class Counted:
    """An observer that notes what became of requests to the store."""

    def __init__(self) -> None:
        self.store: list[StoreResult] = []

    def fetched(self, *_: object) -> None:
        """Fetches are counted by the servers."""

    def store_requested(self, _kind: FetchKind, result: StoreResult, /) -> None:
        """Note it."""
        self.store.append(result)


@contextlib.contextmanager
def full_disk(_folder: Path) -> Iterator[None]:
    """Let no file have more than a few bytes, as on a disk that is full."""
    _, most = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nothing be made or removed in a folder; root becomes somebody else for that."""
    user = os.geteuid()
    for file in folder.iterdir():
        file.chmod(0o644)
    folder.chmod(0o555)
    if not user:
        try:
            os.seteuid(65534)
        except PermissionError:
            pytest.skip("root may not become somebody else here")
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o755)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that everybody may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as made:
        path = Path(made, "store")
        path.mkdir()
        Path(made).chmod(0o755)
        yield path


async def until(it_is_so: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if it_is_so():
                return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("trouble", [full_disk, read_only])
@pytest.mark.parametrize("source", SOURCES)
async def test_a_store_that_cannot_be_written_costs_no_more_than_requests_after_a_restart(
    source: str,
    trouble: Callable[[Path], contextlib.AbstractContextManager[None]],
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All is known in spite of it; it is counted, and told once; and what was stored before is there still."""
    counted = Counted()
    async with with_source(source, kept(source)) as stored, with_source(source, kept(source)) as other:
        await look_once(stored, MODULE, folder)
        before = contents(folder)
        with trouble(folder):
            async with open_prober(HERE, counted, folder) as prober:
                assert (await stored.look(prober)).says(source) == "good"
                assert (await other.look(prober)).says(source) == "good"
                # One of them is due, the other one was never stored.
                await until(lambda: counted.store.count(StoreResult.FAILED) == 2)
        assert sorted(counted.store) == ["failed", "failed", "hit", "miss"]
        assert contents(folder) == before
        told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert [text.partition(":")[0] for text in told] == ["cannot write to the store"]
        server_of(stored).stop()
        assert (await look_again(stored, MODULE, folder, source)).says(source) == "good unreachable"


def contents(folder: Path) -> Mapping[str, bytes]:
    """Give what is in the files of a folder."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@dataclass(frozen=True)
class Found:
    """What is found in the file of an answer: its content, and what becomes of it; `says` is without the server."""

    content: Callable[[Authority, Credential], bytes]
    result: str
    says: str = "server_failed unreachable"
    fetched_at: float = LONG_AGO
    is_too_large: bool = False


ENDED: SingleOptions = {"this_update": NOW - 3 * DAY, "next_update": NOW - DAY}
REVOKED: SingleOptions = {"status": Status.REVOKED, "revocation_time": NOW - 9 * DAY}
BOTH: SingleOptions = {**ENDED, **REVOKED}
FILES: Mapping[str, Mapping[str, Found]] = {
    "responder": {
        "its own": Found(lambda ca, leaf: ca.answer(leaf), "hit", "good unreachable"),
        "another certificate": Found(lambda ca, _: ca.answer(ca.leaf()), "foreign"),
        "another revoked certificate": Found(lambda ca, _: ca.answer(ca.leaf(), **REVOKED), "foreign"),
        "another CA": Found(lambda _, leaf: TWIN.answer(leaf), "foreign"),
        "forged": Found(lambda ca, leaf: ca.answer(leaf, signing_key=TWIN.key), "foreign"),
        "a refusal": Found(lambda _ca, _leaf: unsuccessful(), "foreign"),
        "ended since": Found(lambda ca, leaf: ca.answer(leaf, **ENDED), "old", fetched_at=NOW - 2 * DAY),
        "revoked, ended since": Found(lambda ca, leaf: ca.answer(leaf, **BOTH), "hit", "revoked expired unreachable"),
        "nothing": Found(lambda _ca, _leaf: b"", "corrupt"),
        "half of it": Found(lambda ca, leaf: ca.answer(leaf)[:150], "corrupt"),
        "HTML": Found(lambda _ca, _leaf: HTML, "corrupt"),
        "more than any response": Found(lambda _ca, _leaf: bytes(300 * 1024), "corrupt", is_too_large=True),
    },
    "crl": {
        "its own": Found(lambda ca, _: ca.crl(), "hit", "good unreachable"),
        "another CA": Found(lambda _ca, _leaf: STRANGER.crl(), "foreign"),
        "another CA of that name": Found(lambda _ca, _leaf: TWIN.crl(), "foreign"),
        "delta": Found(lambda ca, _: ca.crl(extensions=[crl.delta_indicator(1)]), "foreign"),
        "ended since": Found(
            lambda ca, _: ca.crl(this_update=NOW - 3 * DAY, next_update=NOW - DAY), "old", fetched_at=NOW - 2 * DAY
        ),
        "nothing": Found(lambda _ca, _leaf: b"", "corrupt"),
        "half of it": Found(lambda ca, _: ca.crl()[:150], "corrupt"),
        "HTML": Found(lambda _ca, _leaf: HTML, "corrupt"),
    },
}


@pytest.mark.parametrize(
    ("source", "file"),
    [
        pytest.param(source, found, id=f"{source}: {name}")
        for source in SOURCES
        for name, found in FILES[source].items()
    ],
)
async def test_what_is_found_in_the_store_is_believed_no_more_than_what_is_fetched(
    source: str, file: Found, tmp_path: Path
) -> None:
    """Such as a file copied over another by hand: it is removed and counted, and nothing of it is shown."""
    counted = Counted()
    async with with_source(source, kept(source)) as found:
        await look_once(found, MODULE, tmp_path)
        replace_file(tmp_path, file.content(CA, found.leaf), file.fetched_at)
        server_of(found).stop()
        async with open_prober(HERE, counted, tmp_path) as prober, asyncio.timeout(PATIENCE):
            while True:
                says = (await found.look(prober)).says(source)
                # What is found is shown at once, while the server is asked.
                if says != file.says.removesuffix(" unreachable"):
                    break
                await asyncio.sleep(0.01)
    assert says == file.says
    told = [result for result in counted.store if result != StoreResult.MISS]
    # What is too large may be swept before it is looked for, and is missed then.
    assert told == [file.result] or (file.is_too_large and not told)
    assert len(contents(tmp_path)) == (file.result == "hit")


def replace_file(folder: Path, content: bytes, fetched_at: float) -> None:
    """Put something else into the only file of a folder."""
    [path] = folder.iterdir()
    path.write_bytes(content)
    os.utime(path, (fetched_at, fetched_at))
