"""Staple files watched by themselves."""

import asyncio
import json
import logging
import os
import socket
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.model import (
    Evidence,
    Failure,
    Findings,
    Module,
    ProbeFailed,
    ProberKind,
    Problem,
    Reason,
    ResponderSettings,
    Results,
    Revocation,
    Signer,
    Source,
    Status,
    Target,
)
from ocsp_exporter.probing.certificate_files import CertificateFiles
from ocsp_exporter.probing.disk import Disk
from ocsp_exporter.probing.files import version_of
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.staple_reading import read_staple
from ocsp_exporter.probing.staple_scan import PAUSE, Seen, StapleScan
from ocsp_exporter.probing.staple_watch import FORGOTTEN_AFTER, StapleWatch
from ocsp_exporter.revocation.certificate_index import CertificateIndex
from ocsp_exporter.revocation.checks import Policy

NOW = 1_800_000_000
DAY = 86400
ROOT = Authority.root(NOW)
AUTHORITY = ROOT.intermediate()
LEAF, OTHER = AUTHORITY.leaf(must_staple=True), AUTHORITY.leaf()
GOOD = AUTHORITY.answer(LEAF)


class Folder:
    """A folder of staples, one of certificates, and a look at them. Files are old unless a test says otherwise."""

    def __init__(self, path: Path) -> None:
        self.staples = path / "staples"
        self.certificates = path / "certificates"
        for each in (self.staples, self.certificates):
            each.mkdir()
        self.now = float(NOW)
        self.pauses: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self.module = Module("files", ProberKind.FILE, certificates=(f"{self.certificates}/*",))
        self.put_certificates("leaf.pem", LEAF, AUTHORITY)
        self._scan: StapleScan | None = None

    def put(self, name: str, content: bytes, age: float = 3600) -> Path:
        """Write a staple file."""
        return self._write(self.staples / name, content, age)

    def put_certificates(self, name: str, *of: Credential | Authority, age: float = 3600) -> Path:
        """Write a file with certificates, and what else a server keeps there."""
        content = b"".join(each.certificate.public_bytes(Encoding.PEM) for each in of)
        return self._write(self.certificates / name, content, age)

    def _write(self, path: Path, content: bytes, age: float) -> Path:
        path.write_bytes(content)
        os.utime(path, (self.now - age, self.now - age))
        return path

    def scan(self, pattern: str = "*") -> StapleScan:
        """Give what looks at the files, the same at each call."""
        if self._scan is None:
            certificates = CertificateFiles(self.module.certificates, self.module.issuers)
            self._scan = StapleScan(
                f"{self.staples}/{pattern}", self.module, certificates, lambda: self.now, self._pause
            )
        return self._scan

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        self.meanwhile()

    def look(self) -> dict[str, Seen]:
        """Look at the files; gives what was seen by the name of each file."""
        return {Path(each.target.name).name: each for each in self.scan().look()}

    def findings(self, name: str) -> Findings:
        """Look at the files, and give what was found of one."""
        seen = self.look()[name]
        assert seen.findings is not None, seen.failed
        return seen.findings

    def evidence(self, name: str) -> Evidence:
        """Look at the files, and give the evidence in one."""
        [evidence] = self.findings(name).evidence
        return evidence

    def fault(self, name: str) -> str:
        """Look at the files, and give why one cannot be looked at."""
        failed = self.look()[name].failed
        assert failed is not None
        assert failed.failure is Failure.FILE
        return failed.detail


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Make a folder with the certificate and the issuer of one leaf in it."""
    return Folder(tmp_path)


# What is told of a file.


def test_a_good_staple(folder: Folder) -> None:
    """The file's evidence is verified like any other, and its certificate is described."""
    path = folder.put("leaf.ocsp", GOOD)
    [seen] = folder.scan().look()
    assert seen.target == Target(str(path), "", 0, location=str(path))
    findings = seen.findings
    assert findings is not None
    [evidence] = findings.evidence
    assert (evidence.source, evidence.depth, evidence.status, evidence.problems) == (Source.FILE, 0, Status.GOOD, ())
    assert (evidence.authentic, evidence.der, evidence.fetched_at) == (True, GOOD, NOW)
    assert [each.depth for each in findings.certificates] == [0, 1]
    assert findings.certificates[0].must_staple is True
    assert (findings.tls, findings.revoked, findings.agreement) == (None, {0: False}, {})
    assert [(each.source, each.depth, each.applicable) for each in findings.applicability] == [(Source.FILE, 0, True)]


def test_what_a_staple_says_is_judged_by_the_time(folder: Folder) -> None:
    """The same file is good, and then expired, without a change of it."""
    folder.put("a", AUTHORITY.answer(LEAF, next_update=NOW + DAY))
    assert folder.evidence("a").status is Status.GOOD
    folder.now += 2 * DAY
    assert (folder.evidence("a").status, folder.evidence("a").problems) == (Status.INVALID, (Problem.EXPIRED,))


def test_a_revoked_certificate(folder: Folder) -> None:
    """A file that says revoked says so of its certificate."""
    answer = AUTHORITY.answer(LEAF, status=Status.REVOKED, revocation_time=NOW - DAY, reason=Reason.KEY_COMPROMISE)
    folder.put("a", answer)
    assert folder.evidence("a").revocation == Revocation(NOW - DAY, Reason.KEY_COMPROMISE)
    assert folder.findings("a").revoked == {0: True}


def test_every_form_of_a_staple(folder: Folder) -> None:
    """DER, PEM and mod_md's JSON come to the same."""
    entry = {"response": urlsafe_b64encode(GOOD).rstrip(b"=").decode(), "status": "good"}
    folder.put("a.json", json.dumps(entry).encode())
    for name in ("a.der", "a.ocsp"):
        folder.put(name, GOOD)
    seen = folder.look()
    assert set(seen) == {"a.json", "a.der", "a.ocsp"}
    assert {each.findings.evidence[0].der for each in seen.values() if each.findings} == {GOOD}


def test_a_responder_trusted_locally(folder: Folder) -> None:
    """Whose responses are accepted for every issuer is said in the module."""
    stranger = ROOT.delegate()
    folder.put("a", AUTHORITY.answer(LEAF, signer=stranger))
    assert folder.evidence("a").problems == (Problem.RESPONDER_UNAUTHORIZED,)
    folder.module = replace(folder.module, responder=ResponderSettings(trusted=(stranger.certificate,)))
    folder._scan = None  # noqa: SLF001 -- of this file
    evidence = folder.evidence("a")
    assert (evidence.status, evidence.response and evidence.response.signer) == (Status.GOOD, Signer.TRUSTED)


# Its certificate.


def test_without_its_certificate_a_staple_is_shown_and_not_believed(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    """Its times are told, and one line of the log says which staples lack their certificate."""
    for name in ("a", "b", "c", "d"):
        folder.put(name, AUTHORITY.answer(OTHER, this_update=NOW - DAY, next_update=NOW + DAY))
    folder.put("good", GOOD)
    evidence = folder.evidence("a")
    assert (evidence.status, evidence.problems) == (Status.INVALID, (Problem.ISSUER_UNAVAILABLE,))
    assert (evidence.this_update, evidence.next_update, evidence.produced_at) == (NOW - DAY, NOW + DAY, NOW - DAY)
    assert evidence.authentic is False
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    fields = vars(record)["fields"]
    assert (fields["staples"], fields["because"]) == (4, None)
    assert fields["such_as"] == ", ".join(str(folder.staples / name) for name in ("a", "b", "c"))
    assert folder.findings("a").certificates == ()
    folder.now += 2 * DAY
    assert folder.evidence("a").problems == (Problem.ISSUER_UNAVAILABLE, Problem.EXPIRED)


def test_certificates_come_and_go(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    """Files with certificates are read again when they change, in whatever form they are."""
    folder.put("a", AUTHORITY.answer(OTHER))
    assert folder.evidence("a").problems == (Problem.ISSUER_UNAVAILABLE,)
    der = folder.certificates / "other.der"
    der.write_bytes(OTHER.certificate.public_bytes(Encoding.DER))
    caplog.clear()
    assert folder.evidence("a").status is Status.GOOD
    assert caplog.records == []
    folder.put_certificates("leaf.pem", LEAF)
    assert folder.evidence("a").problems == (Problem.ISSUER_UNAVAILABLE,)
    assert len(folder.findings("a").certificates) == 1
    folder.put_certificates("leaf.pem", LEAF, AUTHORITY)
    assert folder.evidence("a").status is Status.GOOD
    der.unlink()
    assert folder.evidence("a").problems == (Problem.ISSUER_UNAVAILABLE,)


def test_an_issuer_may_be_named_in_the_module(folder: Folder) -> None:
    """Where certificates lie without their issuer, the module's issuer_file has it."""
    folder.put("a", GOOD)
    folder.put_certificates("leaf.pem", LEAF)
    assert folder.evidence("a").problems == (Problem.ISSUER_UNAVAILABLE,)
    folder.module = replace(folder.module, issuers=(AUTHORITY.certificate,))
    folder._scan = None  # noqa: SLF001 -- of this file
    assert folder.evidence("a").status is Status.GOOD


def test_keys_and_other_things_lie_beside_certificates(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    """A bundle with a key in it, a key alone, and what cannot be read take nothing away; what that was is told."""
    bundle = OTHER.certificate.public_bytes(Encoding.PEM) + OTHER.key_pem()
    (folder.certificates / "other.pem").write_bytes(b"words\n" + bundle)
    (folder.certificates / "key.pem").write_bytes(OTHER.key_pem())
    (folder.certificates / "garbage").write_bytes(b"\0" * 1000)
    folder.put("a", AUTHORITY.answer(OTHER))
    assert folder.evidence("a").status is Status.GOOD
    os.mkfifo(folder.certificates / "fifo")
    (folder.certificates / "gone").symlink_to("nowhere")
    assert folder.evidence("a").status is Status.GOOD
    assert caplog.records == []
    folder.put("b", AUTHORITY.answer(AUTHORITY.leaf()))
    folder.look()
    [record] = caplog.records
    fifo, gone = folder.certificates / "fifo", folder.certificates / "gone"
    because = f"{fifo} is not a regular file; {gone} cannot be read: No such file or directory"
    assert (vars(record)["fields"]["unusable_files"], vars(record)["fields"]["because"]) == (2, because)


def test_a_name_that_is_a_digest_says_whose_staple_it_should_be(folder: Folder) -> None:
    """A file of NATS with an answer about another certificate is a staple that clients refuse."""
    name = LEAF.certificate.fingerprint(SHA256()).hex()
    folder.put_certificates("other.pem", OTHER)
    folder.put(name, GOOD)
    assert folder.evidence(name).status is Status.GOOD
    folder.put(name, AUTHORITY.answer(OTHER))
    assert (folder.evidence(name).status, folder.evidence(name).problems) == (
        Status.INVALID,
        (Problem.NO_MATCHING_RESPONSE,),
    )
    folder.put(name, b"\x30\x03\x0a\x01")
    assert folder.evidence(name).problems == (Problem.MALFORMED,)
    assert folder.findings(name).certificates[0].must_staple is True


# Bad input.


def test_what_is_in_a_file_and_is_no_staple(folder: Folder) -> None:
    """An empty file, an error page and a cut-off staple are malformed, and a refusal is no answer."""
    for name, content in (("empty", b""), ("page", b"<html>404 Not Found</html>"), ("cut", GOOD[:-7])):
        folder.put(name, content)
        assert (folder.evidence(name).status, folder.evidence(name).problems) == (Status.INVALID, (Problem.MALFORMED,))
    assert folder.evidence("empty").der is None
    folder.put("refusal", b"\x30\x03\x0a\x01\x03")
    assert folder.evidence("refusal").status is Status.SERVER_FAILED
    assert folder.pauses == []


def test_a_huge_file_is_not_read(folder: Folder) -> None:
    """Ten sparse GiB are too large, and cost nothing; the largest file that is read is half a MiB."""
    with (folder.staples / "huge").open("wb") as file:
        file.truncate(10 * 1024**3)
    evidence = folder.evidence("huge")
    assert (evidence.status, evidence.problems, evidence.der) == (Status.INVALID, (Problem.TOO_LARGE,), None)
    folder.put("large", b"\x30" * 512 * 1024)
    assert folder.evidence("large").problems == (Problem.TOO_LARGE,)


def test_what_is_no_regular_file(folder: Folder) -> None:
    """A FIFO, a device, a socket and links to nowhere fail by themselves, and nobody waits for a writer."""
    folder.put("good", GOOD)
    os.mkfifo(folder.staples / "fifo")
    (folder.staples / "device").symlink_to("/dev/zero")
    (folder.staples / "loop").symlink_to("loop")
    (folder.staples / "nowhere").symlink_to("absent")
    (folder.staples / "folder").mkdir()
    (folder.staples / "unreadable").symlink_to("/proc/self/mem")
    with socket.socket(socket.AF_UNIX) as listening:
        descriptor = os.open(folder.staples, os.O_PATH)
        listening.bind(f"/proc/self/fd/{descriptor}/socket")
        os.close(descriptor)
    for name, told in (
        ("fifo", "is not a regular file"),
        ("device", "is not a regular file"),
        ("socket", "is not a regular file"),
        ("loop", "cannot be read: Too many levels of symbolic links"),
        ("nowhere", "cannot be read: No such file or directory"),
        ("unreadable", "cannot be read: Input/output error"),
    ):
        assert folder.fault(name) == f"{folder.staples}/{name} {told}"
    assert folder.evidence("good").status is Status.GOOD
    assert "folder" not in folder.look()


def test_a_link_to_a_staple_is_one(folder: Folder, tmp_path: Path) -> None:
    """Operators keep the current one behind a link; its name is what is told."""
    folder.put("live", GOOD).rename(tmp_path / "archived")
    (folder.staples / "live").symlink_to(tmp_path / "archived")
    assert folder.evidence("live").status is Status.GOOD
    newer = AUTHORITY.answer(LEAF, this_update=NOW - 60)
    (tmp_path / "newer").write_bytes(newer)
    (folder.staples / "live").unlink()
    (folder.staples / "live").symlink_to(tmp_path / "newer")
    assert folder.evidence("live").der == newer


def test_an_empty_glob_is_a_failure_of_its_own(folder: Folder) -> None:
    """So is one without its folder, and a path of which there is no file; each under the glob as it stands."""
    [seen] = folder.scan().look()
    assert seen.target.name == f"{folder.staples}/*"
    assert seen.failed is not None
    assert (seen.failed.failure, seen.failed.detail) == (Failure.FILE, "no file matches it")
    folder.put("a", GOOD)
    assert list(folder.look()) == ["a"]


def test_more_files_than_may_be_are_told(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first are looked at, and the glob itself fails for the others; as many as may be are no failure."""
    monkeypatch.setattr("ocsp_exporter.probing.staple_scan.MOST_FILES", 3)
    for name in ("c", "b", "a"):
        folder.put(name, GOOD)
    assert list(folder.look()) == ["a", "b", "c"]
    folder.put("d", GOOD)
    *files, glob = folder.scan().look()
    assert [Path(each.target.name).name for each in files] == ["a", "b", "c"]
    assert (glob.target.name, glob.findings) == (f"{folder.staples}/*", None)
    assert str(glob.failed) == "file: it matches too much: 3 files at most are looked at"


# Writers.


def test_a_half_written_file_is_read_again(folder: Folder) -> None:
    """What was written just now and cannot be understood gets another second; what is old does not."""
    folder.put("a", GOOD[:100], age=0.5)
    folder.put("b", GOOD[:100])
    folder.put("c", GOOD, age=0)
    folder.meanwhile = lambda: folder.put("a", GOOD, age=0)
    seen = folder.look()
    statuses = {name: each.findings.evidence[0].status for name, each in seen.items() if each.findings}
    assert statuses == {"a": Status.GOOD, "b": Status.INVALID, "c": Status.GOOD}
    assert folder.pauses == [PAUSE]


def test_a_file_that_stays_half_written_is_told(folder: Folder) -> None:
    """One pause is enough for all, and for ever; and a file that goes away meanwhile is gone."""
    folder.put("a", b"", age=0)
    folder.put("b", b"", age=0)
    folder.meanwhile = partial((folder.staples / "b").unlink, missing_ok=True)
    seen = folder.look()
    assert list(seen) == ["a"]
    assert seen["a"].findings is not None
    assert seen["a"].findings.evidence[0].problems == (Problem.MALFORMED,)
    assert folder.pauses == [PAUSE]
    folder.now += 1
    assert folder.evidence("a").problems == (Problem.MALFORMED,)
    assert folder.pauses == [PAUSE]


def test_a_file_that_was_just_written_is_read_the_next_time_too(folder: Folder) -> None:
    """Within a tick of the clock a file can change without a sign of it; one that is older is not read again."""
    path = folder.put("a", GOOD)
    index = CertificateIndex(())
    version = version_of(path)
    written = version.modified / 1e9
    for age, is_read in ((1.0, True), (3.0, False)):
        seen = read_staple(str(path), version, None, index, Policy(), written + age)
        before = replace(seen, encoded=b"what was there then")
        again = read_staple(str(path), version, before, index, Policy(), written + 60)
        assert (again.encoded == GOOD) is is_read


def test_files_that_go_away_while_they_are_looked_at(folder: Folder) -> None:
    """A file that is gone between the list and the look is no failure."""
    folder.put("a", GOOD)
    gone = folder.put("b", GOOD)
    scan = folder.scan()
    now = scan._clock  # noqa: SLF001 -- the hook is in the clock

    def clock() -> float:
        gone.unlink(missing_ok=True)
        return now()

    scan._clock = clock  # noqa: SLF001 -- likewise
    certificates = scan._certificates.current(NOW)  # noqa: SLF001 -- likewise
    assert certificates.faults == ()
    assert [Path(each.target.name).name for each in scan.look()] == ["a"]


def test_temporary_files_of_newer_caddy(folder: Folder) -> None:
    """They have only digits for a name, and are gone in no time; one that stays is a file like any other."""
    folder.put("localhost-6042e92b", GOOD)
    folder.put("3141592653", GOOD, age=59)
    assert list(folder.look()) == ["localhost-6042e92b"]
    folder.now += 2
    assert list(folder.look()) == ["3141592653", "localhost-6042e92b"]


def test_a_half_written_certificate_takes_nothing_away(folder: Folder) -> None:
    """A file with less in it than before, written just now, counts the next time."""
    folder.put("a", GOOD)
    assert folder.evidence("a").status is Status.GOOD
    folder.put_certificates("leaf.pem", LEAF, age=0.1)
    assert folder.evidence("a").status is Status.GOOD
    folder.now += 60
    assert folder.evidence("a").problems == (Problem.ISSUER_UNAVAILABLE,)


# The prober.


async def look_once(pattern: str, module: Module, prober: Prober, limit: float | None = None) -> Results:
    """Look at a glob."""
    return await prober.probe(Target(pattern, "", 0, location=pattern), module, limit)


async def test_each_file_is_a_target_of_its_own(folder: Folder) -> None:
    """Results come in the order of the paths; new files appear, and those that were removed vanish."""
    prober = Prober(clock=lambda: NOW)
    pattern = f"{folder.staples}/*"
    [empty] = await look_once(pattern, folder.module, prober)
    assert (empty.target.name, empty.failure, empty.detail) == (pattern, Failure.FILE, "no file matches it")
    for name in ("b", "a"):
        folder.put(name, GOOD)
    results = await look_once(pattern, folder.module, prober)
    assert [result.way for result in results] == [(("file", str(folder.staples / name)),) for name in ("a", "b")]
    assert {(result.module, result.obtained_at, result.failure) for result in results} == {("files", NOW, None)}
    assert [result.findings.evidence[0].status for result in results if result.findings] == [Status.GOOD] * 2
    (folder.staples / "a").unlink()
    [left] = await look_once(pattern, folder.module, prober)
    assert left.target.name == str(folder.staples / "b")
    prober.close()


async def test_a_disk_that_hangs(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe ends in time, the next one waits for the same look, and neither keeps a thread of the loop's pool."""
    folder.put("a", GOOD)
    looks: list[threading.Thread] = []
    awake = threading.Event()
    look = StapleScan.look

    def hanging(scan: StapleScan) -> tuple[Seen, ...]:
        looks.append(threading.current_thread())
        awake.wait()
        return look(scan)

    monkeypatch.setattr(StapleScan, "look", hanging)
    watch = StapleWatch(lambda: NOW)
    loop = asyncio.get_running_loop()
    target = Target("x", "", 0, location=f"{folder.staples}/*")
    for _ in range(2):
        with pytest.raises(ProbeFailed) as raised:
            await watch.look(target, folder.module, loop.time() + 0.05)
        assert raised.value.failure is Failure.TIMEOUT
    waiting = asyncio.create_task(watch.look(target, folder.module, loop.time() + 600))
    await asyncio.sleep(0)
    awake.set()
    [seen] = await waiting
    assert seen.findings is not None
    assert [thread.daemon for thread in looks] == [True]
    await watch.look(target, folder.module, loop.time() + 600)
    assert len(looks) == 2


async def test_what_nobody_looks_at_any_more_is_forgotten(folder: Folder) -> None:
    """After a change of the configuration the memory of what was read before it is free again."""
    path = folder.put("a", GOOD)
    watch = StapleWatch(lambda: folder.now)
    loop = asyncio.get_running_loop()

    async def evidence(target: str) -> bytes | None:
        [seen] = await watch.look(Target("", "", 0, location=target), folder.module, loop.time() + 600)
        assert seen.findings is not None
        return seen.findings.evidence[0].der

    before = await evidence(str(path))
    assert await evidence(str(path)) is before
    folder.now += FORGOTTEN_AFTER / 2
    assert await evidence(f"{folder.staples}/*") is not before
    folder.now += FORGOTTEN_AFTER / 2
    assert await evidence(f"{folder.staples}/*") == before
    assert await evidence(str(path)) is not before


async def test_an_error_of_the_work_reaches_who_waits() -> None:
    """And not the next one, who begins anew."""
    disk = Disk[int]()

    def fail() -> int:
        raise OSError(5, "broken")

    with pytest.raises(OSError, match="broken"):
        await disk.run("a", fail)
    assert await disk.run("a", lambda: 1) == 1
