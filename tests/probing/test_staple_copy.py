"""What a server serves, compared with what it has on disk."""

import asyncio
import logging
import os
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from ocsp_exporter.demo.lab import Lab
from ocsp_exporter.model import (
    EgressPolicy,
    Failure,
    Handshake,
    Module,
    ProbeResult,
    Problem,
    ResponderSettings,
    StapleCopy,
)
from ocsp_exporter.probing.opening import open_prober
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.staple_copy import StapleCopies
from tests.findings import tls_of
from tests.probing.http_server import hang_after, serve
from tests.unit.results import SESSION

STAPLE = b"\x30\x03\x0a\x01\x06"


def session(staple: bytes | None = STAPLE, problem: Problem | None = None) -> Handshake:
    """Make a handshake with a staple."""
    return replace(SESSION, staple=staple, staple_problem=problem)


async def compare(path: Path, *handshakes: Handshake) -> StapleCopy:
    """Compare the staples of some handshakes with a file."""
    return await StapleCopies().compare(str(path), handshakes, asyncio.get_running_loop().time() + 600)


GARBLED = session(None, Problem.MALFORMED)


@pytest.mark.parametrize(
    ("handshakes", "matches"),
    [
        ([session()], True),
        ([session(), session()], True),
        ([session(b"other")], False),
        ([session(), session(b"other")], False),
        ([session(None)], False),
        ([session(), session(None)], False),
        ([GARBLED], None),
        ([session(), GARBLED], None),
        ([session(b"other"), GARBLED], False),
    ],
)
@pytest.mark.parametrize("form", ["der", "pem"])
async def test_every_handshake_has_to_carry_what_the_file_holds(
    tmp_path: Path, form: str, handshakes: list[Handshake], matches: bool | None
) -> None:
    """None is not what the file holds either; of a staple that cannot be taken off the wire that is not known."""
    content = STAPLE
    if form == "pem":
        content = b"-----BEGIN OCSP RESPONSE-----\n%b\n-----END OCSP RESPONSE-----\n" % b64encode(STAPLE)
    path = tmp_path / "a.ocsp"
    path.write_bytes(content)
    compared = await compare(path, *handshakes)
    assert compared.matches is matches
    assert compared.detail == ("the staple could not be taken off the wire" if matches is None else "")


async def test_a_file_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    """Then nothing is known, and people are told why."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty").touch()
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(10 * 1024**3)
    for name, told in (
        ("absent", f"{tmp_path}/absent cannot be read: No such file or directory"),
        ("fifo", f"{tmp_path}/fifo is not a regular file"),
        ("huge", f"{tmp_path}/huge has more than 524288 bytes"),
        ("empty", "the file is empty"),
    ):
        assert await compare(tmp_path / name, session()) == StapleCopy(None, told)


async def test_the_log_says_it_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And once more after it was well in between."""
    copies, path = StapleCopies(), tmp_path / "a"
    until = asyncio.get_running_loop().time() + 600
    for content in (None, None, STAPLE, None):
        path.unlink(missing_ok=True)
        if content:
            path.write_bytes(content)
        await copies.compare(str(path), [session()], until)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert vars(caplog.records[0])["fields"] == {"because": f"{path} cannot be read: No such file or directory"}


async def test_a_disk_that_hangs_costs_the_comparison_alone(tmp_path: Path) -> None:
    """By the end of the probe it is given up."""
    (tmp_path / "a").write_bytes(STAPLE)
    over = asyncio.get_running_loop().time() - 1
    compared = await StapleCopies().compare(str(tmp_path / "a"), [session()], over)
    assert compared == StapleCopy(None, f"the reading of {tmp_path}/a did not end in time")


async def look(lab: Lab, name: str, file: Path | None) -> ProbeResult:
    """Look at an endpoint of the lab, and compare its staple with a file."""
    [scheduled] = [each for each in lab.scheduled_targets(60.0) if (each.target.name, name) in names_of(lab)]
    prober = Prober()
    module: Module = scheduled.module
    staple = replace(module.staple, file=None if file is None else str(file))
    [result] = await prober.probe(scheduled.target, replace(module, staple=staple))
    prober.close()
    return result


def names_of(lab: Lab) -> set[tuple[str, str]]:
    """Give the address of each endpoint with its name."""
    return {(each.address, each.row.name) for each in lab.endpoints}


async def test_a_probe_compares_where_the_module_says_so(tmp_path: Path) -> None:
    """The staple that the probe saw is on disk or is not; without a file nothing is said, nor after a failure."""
    file = tmp_path / "a.ocsp"
    async with Lab.start(first_port=0) as lab:
        plain = await look(lab, "good", None)
        staple = tls_of(plain.findings).session.staple
        assert staple is not None
        assert tls_of(plain.findings).copy is None
        file.write_bytes(staple)
        assert tls_of((await look(lab, "good", file)).findings).copy == StapleCopy(matches=True)
        assert tls_of((await look(lab, "not-stapled", file)).findings).copy == StapleCopy(matches=False)
        gone = await look(lab, "good", tmp_path / "gone")
        assert gone.failure is None
        assert tls_of(gone.findings).copy == StapleCopy(
            None, f"{tmp_path}/gone cannot be read: No such file or directory"
        )
    assert Failure.FILE not in {plain.failure, gone.failure}


async def test_a_responder_that_hangs_leaves_time_for_the_comparison(tmp_path: Path) -> None:
    """The file is read while it is waited for."""
    file = tmp_path / "a.ocsp"
    file.write_bytes(STAPLE)
    async with (
        Lab.start(first_port=0) as lab,
        serve(hang_after(b"")) as server,
        open_prober(EgressPolicy()) as prober,
    ):
        [scheduled] = [each for each in lab.scheduled_targets(60.0) if (each.target.name, "good") in names_of(lab)]
        module = replace(
            scheduled.module,
            timeout=2.0,
            staple=replace(scheduled.module.staple, file=str(file)),
            responder=ResponderSettings(urls=(server.url(),)),
        )
        [result] = await prober.probe(scheduled.target, module)
    assert tls_of(result.findings).copy == StapleCopy(matches=False)
