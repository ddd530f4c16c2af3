"""CRLs read beside the event loop."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import pytest
from cryptography import x509

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.response import extension
from ocsp_exporter.model import Problem, Reason, Revocation
from ocsp_exporter.probing.crl_reading import LARGEST_INLINE, read_crl
from ocsp_exporter.revocation.crl import MalformedCRL, read

NOW = 1_800_000_000
CA = Authority.root(NOW, "Test CA")
SMALL = CA.crl({5: Revocation(NOW - 1, Reason.SUPERSEDED)})
LARGE = CA.crl({number: Revocation(NOW - number, Reason.SUPERSEDED) for number in range(3000)})
MOST_CHILDREN = 2


async def _problem(encoded: bytes, patience: float = 60.0) -> Problem:
    with pytest.raises(MalformedCRL) as malformed:
        await read_crl(encoded, CA.certificate, patience)
    return malformed.value.problem


@pytest.mark.parametrize("encoded", [SMALL, LARGE], ids=["small", "large"])
async def test_a_crl_is_read_as_by_the_reader_itself(encoded: bytes) -> None:
    """Here or by another process: what comes of it is the same."""
    assert await read_crl(encoded, CA.certificate) == read(encoded, CA.certificate)
    assert len(SMALL) <= LARGEST_INLINE < len(LARGE)


@pytest.mark.parametrize("encoded", [SMALL[:-1], LARGE[:-1]], ids=["small", "large"])
async def test_what_is_no_crl_is_malformed(encoded: bytes) -> None:
    """Wherever it is read, and it says why."""
    assert await _problem(encoded) is Problem.MALFORMED


async def test_the_problem_is_the_readers() -> None:
    """A large CRL may be too large, too."""
    filler = extension(x509.ObjectIdentifier("1.2.3"), bytes(LARGEST_INLINE))
    assert await _problem(CA.crl(extensions=[filler])) is Problem.TOO_LARGE


async def test_a_forged_crl_is_told_from_a_true_one() -> None:
    """The signature is checked where the CRL is read."""
    forged = CA.crl({number: Revocation(NOW, None) for number in range(3000)}, signing_key=CA.twin().key)
    assert (await read_crl(forged, CA.certificate)).signature_problem is Problem.SIGNATURE_INVALID
    assert (await read_crl(LARGE, CA.certificate)).signature_problem is None


async def test_a_worker_that_takes_too_long_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    """The CRL is too large then, the log says why, and no process is left."""
    before = _children()
    assert await _problem(LARGE, patience=0.001) is Problem.TOO_LARGE
    assert _children() == before
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "not done after" in str(vars(caplog.records[0])["fields"]["detail"])


async def test_a_worker_that_dies_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    """As the system ends one that needs too much memory."""
    reading = asyncio.create_task(_problem(LARGE))
    os.kill(await _worker(), signal.SIGKILL)
    assert await reading is Problem.TOO_LARGE
    assert "ended with -9" in str(vars(caplog.records[0])["fields"]["detail"])


async def test_the_last_words_of_a_worker_are_in_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """So that one that has no memory left is told from one that is not installed as it should be."""
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho MemoryError >&2\nexit 1\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    assert await _problem(LARGE) is Problem.TOO_LARGE
    assert vars(caplog.records[0])["fields"]["detail"] == "it ended with 1: MemoryError"
    monkeypatch.undo()
    assert len((await read_crl(LARGE, CA.certificate)).entries) == 3000


async def test_a_worker_that_cannot_be_started_is_told_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the small ones are read all the same."""
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    assert await _problem(LARGE) is Problem.TOO_LARGE
    assert "cannot be started" in str(vars(caplog.records[0])["fields"]["detail"])
    assert len((await read_crl(SMALL, CA.certificate)).entries) == 1


async def test_who_gives_up_leaves_no_worker() -> None:
    """The process ends with the task that waited for it."""
    reading = asyncio.create_task(read_crl(LARGE, CA.certificate))
    await _worker()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert _children() == []


async def test_few_workers_are_there_at_a_time() -> None:
    """Each needs memory; the others wait, and all are read."""
    reading = asyncio.gather(*(read_crl(LARGE, CA.certificate) for _ in range(5)))
    most = 0
    while not reading.done():
        most = max(most, len(_children()))
        await asyncio.sleep(0.001)
    assert [len(each.entries) for each in await reading] == [3000] * 5
    assert 1 <= most <= MOST_CHILDREN


async def _worker() -> int:
    while not _children():  # noqa: ASYNC110 -- the system tells nobody of a new process
        await asyncio.sleep(0.001)
    return _children()[0]


def _children() -> list[int]:
    """Return the processes that this thread of ours has started and that have not ended."""
    return list(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))
