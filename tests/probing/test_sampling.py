"""Several handshakes in a probe with servers that do not always staple the same: how many, and what is shown."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import cycle

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.metrics import METRICS, Publication
from ocsp_exporter.model import Findings, Module, ProbeResult, StapleSettings, Status, Target, TLSSettings
from ocsp_exporter.probing.probe import Prober
from tests.findings import counts_of, tls_of
from tests.unit.results import read

NOW = int(time.time())
ROOT = Authority.root(NOW)
DEMANDING, INDIFFERENT = ROOT.leaf(must_staple=True), ROOT.leaf()

NEWER = ROOT.answer(DEMANDING, this_update=NOW - 600, next_update=NOW + 7200)
OLDER = ROOT.answer(DEMANDING, this_update=NOW - 3600, next_update=NOW + 3600)
OF_INDIFFERENT = ROOT.answer(INDIFFERENT)

#: Handshakes made, how many carried a staple, and how many different ones they carried.
Counts = tuple[int, int, int]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for staples that come as soon as they are asked for."""
    monkeypatch.setattr("ocsp_exporter.probing.look.RETRY_PAUSE", 0.0)


@asynccontextmanager
async def flapping(staples: Sequence[bytes | None], *, demanding: bool = True) -> AsyncIterator[Target]:
    """Run a server that staples these in turn, over and over."""
    turns = cycle(staples)
    leaf = DEMANDING if demanding else INDIFFERENT
    listener = listen("127.0.0.1")
    async with serve_tls(Endpoint(leaf, lambda: next(turns)), listener):
        yield Target("flapping", "127.0.0.1", port_of(listener))


async def probe(target: Target, handshakes: int, retry_missing: int) -> tuple[ProbeResult, Findings]:
    """Probe it once."""
    staple = StapleSettings(handshakes=handshakes, retry_missing=retry_missing)
    prober = Prober()
    [result] = await prober.probe(target, Module("tls", tls=TLSSettings((ROOT.certificate,)), staple=staple))
    prober.close()
    assert result.findings, result.detail
    return result, result.findings


@pytest.mark.parametrize(
    ("staples", "handshakes", "retry_missing", "counts", "status", "compliant"),
    [
        # One handshake sees one staple, however many there are.
        ([NEWER, OLDER], 1, 2, (1, 1, 1), Status.GOOD, True),
        ([NEWER, OLDER], 2, 2, (2, 2, 2), Status.GOOD, True),
        ([NEWER, OLDER], 5, 2, (5, 5, 2), Status.GOOD, True),
        ([NEWER], 5, 2, (5, 5, 1), Status.GOOD, True),
        # One of several workers without a staple is seen by several handshakes, and is a violation.
        ([NEWER, None, OLDER], 1, 2, (1, 1, 1), Status.GOOD, True),
        ([NEWER, None, OLDER], 3, 2, (3, 2, 2), Status.GOOD, False),
        ([None, NEWER], 2, 2, (2, 1, 1), Status.GOOD, False),
        # Retries are made where no handshake carried one, until one does; what was missing stays missing.
        ([None, NEWER], 1, 2, (2, 1, 1), Status.GOOD, False),
        ([None, None, NEWER], 1, 2, (3, 1, 1), Status.GOOD, False),
        ([None, None, NEWER], 1, 1, (2, 0, 0), Status.MISSING, False),
        ([None, None, NEWER], 2, 1, (3, 1, 1), Status.GOOD, False),
        ([None], 3, 2, (5, 0, 0), Status.MISSING, False),
        ([None], 1, 0, (1, 0, 0), Status.MISSING, False),
    ],
)
async def test_what_several_handshakes_see(
    staples: Sequence[bytes | None],
    handshakes: int,
    retry_missing: int,
    counts: Counts,
    status: Status,
    compliant: bool,
) -> None:
    """The handshakes, the stapled ones and the different staples are counted, and published so."""
    async with flapping(staples) as target:
        result, findings = await probe(target, handshakes, retry_missing)
    assert counts_of(findings) == counts
    assert [evidence.status for evidence in findings.evidence] == [status]
    assert tls_of(findings).compliant is compliant
    names = ("ocsp_probe_handshakes", "ocsp_probe_stapled_handshakes", "ocsp_probe_distinct_staples")
    rows = {row.name: row for row in METRICS}
    assert [read(rows[name], Publication(result)) for name in names] == [{(): count} for count in counts]


@pytest.mark.parametrize(("refused", "counts"), [((), (5, 5, 2)), ((1,), (4, 4, 2)), ((1, 3), (3, 3, 2))])
async def test_a_handshake_that_fails_does_not_keep_the_next_from_being_made(
    refused: Sequence[int], counts: Counts
) -> None:
    """One worker that hangs up hides nothing of what the others staple."""
    numbers = iter(range(5))

    async def forward(from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        if next(numbers) not in refused:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", behind.port)
            await asyncio.gather(_carry(from_client, to_server), _carry(from_server, to_client))
        to_client.close()

    async with flapping([NEWER, OLDER]) as behind, await asyncio.start_server(forward, "127.0.0.1") as front:
        _, findings = await probe(replace(behind, port=front.sockets[0].getsockname()[1]), 5, 0)
    assert counts_of(findings) == counts
    assert tls_of(findings).compliant


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while octets := await reader.read(65536):
            writer.write(octets)
    writer.close()


@pytest.mark.parametrize("staples", [[NEWER, OLDER], [OLDER, NEWER]])
async def test_of_different_good_staples_the_oldest_is_shown(staples: Sequence[bytes]) -> None:
    """It is the one that some clients are refused with first; the order in which they came does not matter."""
    async with flapping(staples) as target:
        _, findings = await probe(target, 2, 0)
    [evidence] = findings.evidence
    assert (evidence.this_update, evidence.next_update) == (NOW - 3600, NOW + 3600)
    assert tls_of(findings).session.staple == OLDER


@pytest.mark.parametrize(
    ("staples", "counts"), [([None, OF_INDIFFERENT], (1, 0, 0)), ([OF_INDIFFERENT, None], (1, 1, 1))]
)
async def test_a_staple_that_is_not_required_is_not_asked_for_again(
    staples: Sequence[bytes | None], counts: Counts
) -> None:
    """Of a certificate that demands none, the handshakes are those that the module says."""
    async with flapping(staples, demanding=False) as target:
        _, findings = await probe(target, 1, 2)
        assert counts_of(findings) == counts
        _, findings = await probe(replace(target), 3, 2)
        assert tls_of(findings).handshakes == 3
