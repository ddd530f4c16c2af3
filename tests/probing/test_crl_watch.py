"""A CRL watched by itself, by URL and in a file, from its server or disk to the page."""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.demo import crl
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import DAY, HOUR
from ocsp_exporter.model import CRLSettings, EgressPolicy, Follow, Module, ProberKind, Problem, Reason, Revocation
from ocsp_exporter.probing.crl_reading import LARGEST_INLINE
from ocsp_exporter.probing.crl_watch import CRLWatch
from ocsp_exporter.probing.egress import LARGE
from ocsp_exporter.probing.files import read_regular_file
from ocsp_exporter.probing.opening import open_prober
from ocsp_exporter.probing.opinions import Opinions
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.store import Store
from ocsp_exporter.revocation.crl import CertificateList, MalformedCRL, read
from ocsp_exporter.target import read_target
from tests.probing.asking import fetching
from tests.probing.http_server import answer, hang_after, serve
from tests.probing.scene import CA, HERE, NOW, Page, as_crl, published

TWIN = CA.twin()
STRANGER = Authority.root(NOW, "Another CA")
MODULE = Module("crl", prober=ProberKind.CRL, issuers=(CA.certificate,))
PATIENCE = 20.0
HTML = b"<html><title>Sign in to the guest network</title></html>"


async def look(prober: Prober, location: str, module: Module = MODULE) -> Page:
    """Look at the CRL at a URL or path once, and give what is published."""
    return published(await prober.probe(read_target(location, MODULE), module))


def revoked(number: int) -> Mapping[int, Revocation]:
    """Revoke so many certificates."""
    return {serial: Revocation(int(NOW) - DAY, Reason.SUPERSEDED) for serial in range(1, number + 1)}


#: What is found there, and what is said of it.
CONTENTS: Mapping[str, tuple[bytes, str]] = {
    "current": (CA.crl(), "good"),
    "of a few": (CA.crl(revoked(3)), "good"),
    "large": (CA.crl(revoked(3000)), "good"),
    "without number": (CA.crl(number=None), "good"),
    "without end": (CA.crl(next_update=None), "good"),
    "of users only": (CA.crl(extensions=[crl.issuing_distribution_point(only_user=True)]), "good"),
    "without end, and old": (CA.crl(this_update=NOW - 2 * DAY, next_update=None), "invalid expired"),
    "expired": (CA.crl(this_update=NOW - 2 * DAY, next_update=NOW - DAY), "invalid expired"),
    "in the future": (CA.crl(this_update=NOW + HOUR), "invalid not_yet_valid"),
    "of another CA": (STRANGER.crl(), "invalid out_of_scope"),
    "of another CA of that name": (TWIN.crl(), "invalid signature_invalid"),
    "forged": (CA.crl(signing_key=STRANGER.key), "invalid signature_invalid"),
    "delta": (CA.crl(extensions=[crl.delta_indicator(1)]), "invalid out_of_scope"),
    "indirect": (CA.crl(extensions=[crl.issuing_distribution_point(indirect=True)]), "invalid out_of_scope"),
    "HTML": (HTML, "invalid malformed"),
    "empty": (b"", "invalid malformed"),
    "truncated": (CA.crl()[:-1], "invalid malformed"),
    "a certificate": (CA.certificate.public_bytes(Encoding.DER), "invalid malformed"),
}
#: Of those that are authentic, number and entries.
FACTS: Mapping[str, tuple[list[float], list[float]]] = {
    "current": ([1], [0]),
    "of a few": ([1], [3]),
    "large": ([1], [3000]),
    "without number": ([], [0]),
    "without end": ([1], [0]),
    "of users only": ([1], [0]),
    "without end, and old": ([1], [0]),
    "expired": ([1], [0]),
    "in the future": ([1], [0]),
}


@contextlib.asynccontextmanager
async def served(content: bytes, folder: Path) -> AsyncIterator[str]:
    """Give the URL of a CRL."""
    del folder
    async with serve(as_crl(content)) as server:
        yield server.url("/ca.crl")


@contextlib.asynccontextmanager
async def filed(content: bytes, folder: Path) -> AsyncIterator[str]:
    """Give the path of a CRL."""
    yield str(put(folder / "ca.crl", content))


def put(path: Path, content: bytes) -> Path:
    """Put a file in the place of another one, as those who publish CRLs do."""
    beside = path.with_suffix(".new")
    beside.write_bytes(content)
    return beside.replace(path)


BY_URL_AND_FILE = pytest.mark.parametrize("placed", [served, filed])
Placed = Callable[[bytes, Path], contextlib.AbstractAsyncContextManager[str]]


@BY_URL_AND_FILE
@pytest.mark.parametrize("name", CONTENTS)
async def test_a_crl_is_judged_by_itself(name: str, placed: Placed, tmp_path: Path) -> None:
    """`good` is one that is the issuer's own, complete, and current; it says nothing of any certificate."""
    content, says = CONTENTS[name]
    async with placed(content, tmp_path) as location, open_prober(HERE) as prober:
        page = await look(prober, location)
    assert page.value("ocsp_probe_success") == 1
    assert page.says("crl") == says
    facts = page.values("ocsp_crl_number"), page.values("ocsp_crl_entries")
    assert facts == FACTS.get(name, ([], []))
    has_end = name in FACTS and not name.startswith("without end")
    assert len(page.values("ocsp_next_update_remaining_seconds", source="crl", depth="0")) == has_end
    assert page.values("ocsp_source_applicable") == [1]
    for name_ in ("ocsp_revoked", "ocsp_sources_agree", "ocsp_certificate_info", "ocsp_probe_handshakes"):
        assert page.values(name_) == []


def test_the_large_one_is_read_by_a_process_of_its_own() -> None:
    """And the others are not."""
    large = {name for name, (content, _) in CONTENTS.items() if len(content) > LARGEST_INLINE}
    assert large == {"large"}


async def test_a_crl_in_pem_is_taken_from_files_only(tmp_path: Path) -> None:
    """By HTTP it has to be DER (RFC 5280, section 4.2.1.13)."""
    pem = x509.load_der_x509_crl(CA.crl(revoked(1))).public_bytes(Encoding.PEM)
    async with (
        filed(b"# of today\n" + pem, tmp_path) as path,
        served(pem, tmp_path) as url,
        open_prober(HERE) as prober,
    ):
        assert (await look(prober, path)).says("crl") == "good"
        assert (await look(prober, url)).says("crl") == "invalid malformed"


# --- Files --------------------------------------------------------------------------------------------------


def nothing(_path: Path) -> None:
    """Leave the place empty."""


def dangling(path: Path) -> None:
    """Make a link to nothing."""
    path.symlink_to(path.with_name("nothing"))


def larger_than_any(path: Path) -> None:
    """Make a file of more than may be read, which takes no room."""
    with path.open("wb") as file:
        file.truncate(HERE.max_crl_bytes + 1)


@pytest.mark.parametrize("make", [nothing, dangling, Path.mkdir, os.mkfifo, larger_than_any])
async def test_what_is_no_file_is_a_failure(make: Callable[[Path], object], tmp_path: Path) -> None:
    """Nobody waits for a FIFO's writer; and once there is a file, it is read."""
    path = tmp_path / "ca.crl"
    make(path)
    async with open_prober(HERE) as prober:
        page = await look(prober, str(path))
        assert (page.value("ocsp_probe_success"), page.value("ocsp_probe_failure", failure="file")) == (0, 1)
        assert page.says("crl") == "none"
        clear(path)
        put(path, CA.crl())
        page = await look(prober, str(path))
        assert (page.value("ocsp_probe_success"), page.says("crl")) == (1, "good")


def clear(path: Path) -> None:
    """Remove whatever is there."""
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how large the files are that are read."""
    noted: list[int] = []

    def noting(path: Path, limit: int) -> bytes:
        content = read_regular_file(path, limit)
        noted.append(len(content))
        return content

    monkeypatch.setattr("ocsp_exporter.probing.crl_watch.read_regular_file", noting)
    return noted


async def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path, reads: list[int]) -> None:
    """What changed shows at the next probe, however it was changed; what did not is not read again."""
    path = put(tmp_path / "ca.crl", CA.crl(revoked(1), number=1))
    async with open_prober(HERE) as prober:

        async def entries() -> list[float]:
            return (await look(prober, str(path))).values("ocsp_crl_entries")

        assert [await entries() for _ in range(3)] == [[1]] * 3
        assert len(reads) == 1
        put(path, CA.crl(revoked(2), number=2))
        assert [await entries() for _ in range(3)] == [[2]] * 3
        assert len(reads) == 2
        path.write_bytes(CA.crl(revoked(3), number=3))
        assert await entries() == [3]
        path.unlink()
        assert await entries() == []
        put(path, HTML)
        assert [await entries() for _ in range(3)] == [[]] * 3
        assert len(reads) == 4
        put(path, CA.crl(revoked(4), number=4))
        assert await entries() == [4]


async def test_what_was_read_before_is_judged_anew(tmp_path: Path, reads: list[int]) -> None:
    """A file that nobody replaces expires all the same."""
    path = str(put(tmp_path / "ca.crl", CA.crl(this_update=NOW - DAY, next_update=NOW - 100)))
    async with open_prober(HERE) as prober:
        assert (await look(prober, path, replace(MODULE, clock_skew=3600.0))).says("crl") == "good"
        assert (await look(prober, path, replace(MODULE, clock_skew=0.0))).says("crl") == "invalid expired"
    assert len(reads) == 1


async def test_a_file_is_read_for_each_issuer_that_is_asked_about(tmp_path: Path) -> None:
    """Two modules that look at the same file do not share their verdict."""
    path = str(put(tmp_path / "ca.crl", CA.crl()))
    async with open_prober(HERE) as prober:
        for _ in range(2):
            assert (await look(prober, path)).says("crl") == "good"
            other = replace(MODULE, issuers=(STRANGER.certificate,))
            assert (await look(prober, path, other)).says("crl") == "invalid out_of_scope"


async def test_a_file_that_takes_longer_than_a_probe_is_read_once_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And for all who look meanwhile: else a large CRL on a busy machine would never be read."""
    path = str(put(tmp_path / "ca.crl", CA.crl()))
    go_on, reads = threading.Event(), []

    def slowly(path: Path, limit: int) -> bytes:
        reads.append(path)
        go_on.wait(PATIENCE)
        return read_regular_file(path, limit)

    monkeypatch.setattr("ocsp_exporter.probing.crl_watch.read_regular_file", slowly)
    async with open_prober(HERE) as prober:
        page = await look(prober, path, replace(MODULE, timeout=0.1))
        assert page.value("ocsp_probe_failure", failure="timeout") == 1
        looks = [asyncio.create_task(look(prober, path)) for _ in range(10)]
        await asyncio.sleep(0.1)
        go_on.set()
        assert {(await each).says("crl") for each in looks} == {"good"}
    assert len(reads) == 1


async def test_a_crl_for_which_there_was_no_room_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at each probe, but there may be room in five minutes; what is malformed stays so until it is replaced."""
    path = put(tmp_path / "ca.crl", CA.crl())
    target, tried, clock = read_target(str(path), MODULE), [], [NOW]

    async def no_room(encoded: bytes, issuer: x509.Certificate) -> CertificateList:
        tried.append(len(encoded))
        if len(tried) == 1:
            raise MalformedCRL("there is no room", Problem.TOO_LARGE)
        return read(encoded, issuer)

    monkeypatch.setattr("ocsp_exporter.probing.crl_watch.read_crl", no_room)
    async with fetching() as fetcher:
        watch = CRLWatch(Opinions(fetcher, Store(None), HERE), HERE.max_crl_bytes, lambda: clock[-1])
        for at, problems in ((NOW, ["too_large"]), (NOW + 299, ["too_large"]), (NOW + 301, []), (NOW + 900, [])):
            clock.append(at)
            [evidence] = (await watch.look(target, MODULE, asyncio.get_running_loop().time() + PATIENCE)).evidence
            assert list(evidence.problems) == problems
    assert len(tried) == 2


#: Files that follow each other in the same place, and what is said of each.
STORIES: Mapping[str, list[tuple[bytes, str]]] = {
    "an earlier one": [
        (CA.crl(number=7), "good"),
        (CA.crl(number=6), "good number_went_backwards"),
        (CA.crl(number=7), "good"),
    ],
    "a later one after an earlier one": [
        (CA.crl(number=7), "good"),
        (CA.crl(number=5), "good number_went_backwards"),
        (CA.crl(number=6), "good number_went_backwards"),
        (CA.crl(number=8), "good"),
    ],
    "one without number": [
        (CA.crl(number=7), "good"),
        (CA.crl(number=None), "good"),
        (CA.crl(number=6), "good number_went_backwards"),
    ],
    "those of others between": [
        (CA.crl(number=7), "good"),
        (STRANGER.crl(number=6), "invalid out_of_scope"),
        (TWIN.crl(number=1000), "invalid signature_invalid"),
        (CA.crl(number=8), "good"),
    ],
    "no CRL between": [
        (CA.crl(number=7), "good"),
        (HTML, "invalid malformed"),
        (CA.crl(number=6), "good number_went_backwards"),
    ],
    "an earlier one that has expired": [
        (CA.crl(number=7), "good"),
        (
            CA.crl(number=6, this_update=NOW - 2 * DAY, next_update=NOW - DAY),
            "invalid expired number_went_backwards",
        ),
    ],
}


@pytest.mark.parametrize("name", STORIES)
async def test_a_number_that_goes_backwards_is_told(name: str, tmp_path: Path) -> None:
    """As long as it is behind the highest that was seen; the status stays as it is."""
    path = tmp_path / "ca.crl"
    async with open_prober(HERE) as prober:
        for content, says in STORIES[name]:
            put(path, content)
            for _ in range(2):
                assert (await look(prober, str(path))).says("crl") == says


async def test_a_number_is_remembered_while_there_is_no_file(tmp_path: Path) -> None:
    """Whoever puts an old backup in the place of a file that was lost is told."""
    path = put(tmp_path / "ca.crl", CA.crl(number=7))
    async with open_prober(HERE) as prober:
        assert (await look(prober, str(path))).says("crl") == "good"
        path.unlink()
        assert (await look(prober, str(path))).says("crl") == "none"
        put(path, CA.crl(number=6))
        assert (await look(prober, str(path))).says("crl") == "good number_went_backwards"


# --- URLs ---------------------------------------------------------------------------------------------------


async def test_a_server_that_is_down_is_no_failure_of_the_probe() -> None:
    """The CRL has a status, as it has beside a certificate."""
    async with serve(answer(HTML, "404 Not Found")) as server, open_prober(HERE) as prober:
        page = await look(prober, server.url())
        assert (page.value("ocsp_probe_success"), page.says("crl")) == (1, "server_failed http_error")
        server.stop()
        page = await look(prober, server.url("/other"))
        assert (page.value("ocsp_probe_success"), page.says("crl")) == (1, "server_failed unreachable")


async def test_a_crl_of_which_nothing_is_known_yet_is_a_failure() -> None:
    """There is nothing else to be looked at; what came later serves the next probe."""
    go_on = asyncio.Event()

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        await as_crl(CA.crl())(reader, writer)

    async with serve(slowly) as server, open_prober(HERE) as prober:
        page = await look(prober, server.url(), replace(MODULE, timeout=0.2))
        assert (page.value("ocsp_probe_success"), page.value("ocsp_probe_failure", failure="timeout")) == (0, 1)
        go_on.set()
        assert (await look(prober, server.url())).says("crl") == "good"
        assert len(server.heads) == 1
    async with serve(hang_after(b"")) as server, open_prober(HERE) as prober:
        page = await look(prober, server.url(), replace(MODULE, crl=CRLSettings(timeout=0.2)))
        assert (page.value("ocsp_probe_success"), page.says("crl")) == (1, "server_failed timeout")


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        (replace(HERE, follow=Follow.LISTED), "good"),
        (replace(HERE, denied=(ip_network("127.0.0.0/8"),)), "missing blocked_by_egress_policy"),
        (replace(HERE, max_crl_bytes=100), "invalid too_large"),
    ],
)
async def test_the_operator_may_name_any_url_that_is_not_denied(policy: EgressPolicy, says: str) -> None:
    """`egress.follow` is about the URLs in certificates."""
    async with serve(as_crl(CA.crl())) as server, open_prober(policy) as prober:
        assert (await look(prober, server.url())).says("crl") == says


async def test_many_looks_are_one_request() -> None:
    """However many targets and probes there are."""
    async with serve(as_crl(CA.crl())) as server, open_prober(HERE) as prober:
        pages = [
            page for _ in range(3) for page in await asyncio.gather(*(look(prober, server.url()) for _ in range(50)))
        ]
        assert {page.says("crl") for page in pages} == {"good"}
        assert len(server.heads) == 1


async def test_servers_that_hang_keep_no_other_from_being_asked() -> None:
    """However many there are, and after they have begun to answer; a large CRL comes as well."""
    larger = CA.crl(revoked(40_000))
    assert len(larger) > LARGE
    begun = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    async with contextlib.AsyncExitStack() as stack:
        hanging = [await stack.enter_async_context(serve(hang_after(begun[:most]))) for most in (0, 10, 1000) * 5]
        prober = await stack.enter_async_context(open_prober(HERE))
        waiting = [asyncio.create_task(look(prober, each.url())) for each in hanging]
        try:
            async with asyncio.timeout(PATIENCE):
                while not all(each.heads for each in hanging):  # noqa: ASYNC110 - the servers have no event
                    await asyncio.sleep(0.01)
            for content in (CA.crl(), larger):
                served = await stack.enter_async_context(serve(as_crl(content)))
                assert (await look(prober, served.url())).says("crl") == "good"
            assert not any(each.done() for each in waiting)
        finally:
            for each in waiting:
                each.cancel()
