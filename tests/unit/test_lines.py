"""What is kept of a result from scrape to scrape is what would be written anew."""

from dataclasses import replace
from itertools import product

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from ocsp_exporter.metrics import METRICS, Publication, ValueAtScrape
from ocsp_exporter.model import (
    ChainError,
    Check,
    CheckFindings,
    CRLFacts,
    Failure,
    KeyType,
    MethodFindings,
    ProbeResult,
    Problem,
    Reason,
    RequestMethod,
    ResponderFindings,
    Revocation,
    Source,
    StapleCopy,
    Status,
)
from ocsp_exporter.serving.exposition import render
from ocsp_exporter.serving.negotiation import Format
from tests.unit.results import FINDINGS, GOOD, LEAF, MISSING, NOW, RESULT, SESSION, TLS, failed, found, read

RESPONDER = replace(GOOD, source=Source.RESPONDER, this_update=1_799_985_000)
CRL = replace(GOOD, source=Source.CRL, depth=1, response=None, crl=CRLFacts(7, 2), next_update=1_800_000_010)
REVOKED = replace(GOOD, status=Status.REVOKED, revocation=Revocation(1_799_000_000, Reason.KEY_COMPROMISE))
EXPIRED = replace(GOOD, status=Status.INVALID, problems=(Problem.EXPIRED, Problem.NONCE_MISMATCH), next_update=1)
WATCHED = ResponderFindings(
    "http://ocsp.example/",
    (MethodFindings(RequestMethod.GET, up=True, http_status=200, duration=0.5, size=1234),),
    (CheckFindings(Check.GET, conforms=False, seen="HTTP 404"), CheckFindings(Check.POST, conforms=None, seen="")),
    clock_skew=-2.0,
)
ODD_SESSION = replace(SESSION, complete=False, chain_errors=frozenset({ChainError.EXPIRED, ChainError.OTHER}))

#: Among them every row of the table has a sample.
RESULTS = {
    "good": RESULT,
    **{f"failed {failure}": failed(failure) for failure in Failure},
    "two sources": replace(
        RESULT,
        findings=replace(FINDINGS, evidence=(GOOD, RESPONDER, CRL), agreement={0: True, 1: False}, staple_lag=-60),
    ),
    "revoked": replace(RESULT, findings=replace(FINDINGS, evidence=(REVOKED,), revoked={0: True})),
    "expired": found(EXPIRED, compliant=False),
    "not authentic": found(replace(GOOD, authentic=False)),
    "missing": found(MISSING),
    "no evidence": found(),
    "twice the same source": found(GOOD, EXPIRED, replace(MISSING, depth=1)),
    "two certificates": replace(RESULT, findings=replace(FINDINGS, certificates=(LEAF, replace(LEAF, depth=1)))),
    "broken session": replace(
        RESULT, findings=replace(FINDINGS, tls=replace(TLS, session=ODD_SESSION, copy=StapleCopy(matches=False)))
    ),
    "responder": replace(RESULT, findings=replace(FINDINGS, tls=None, responder=WATCHED)),
    "no such key": replace(failed(), failure=None, key_type=KeyType.ECDSA, key_type_served=False),
    "such a key": replace(RESULT, address="192.0.2.1", key_type=KeyType.RSA, key_type_served=True),
}
TIMES = (NOW, NOW + 0.75, NOW + 15.0, NOW + 3600.0, NOW + 1e7)


def page(*publications: Publication, now: float = NOW) -> bytes:
    """Give the page of these publications."""
    return render(publications, now, Format.TEXT)


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_a_page_of_kept_lines_is_one_written_anew(result: ProbeResult) -> None:
    """Whenever the page is asked for, and however often it has been before."""
    kept = Publication(result, (("team", "web"),), 60.0)
    for now in TIMES:
        assert page(kept, now=now) == page(Publication(result, (("team", "web"),), 60.0), now=now)


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
@pytest.mark.parametrize("now", TIMES)
def test_a_page_says_what_the_table_reads(result: ProbeResult, now: float) -> None:
    """Each sample that a row reads is a series of the page, with its value, and there are no others."""
    publication = Publication(result, interval=60.0)
    page(publication)
    shown = {
        (sample.name, tuple(value for name, value in sample.labels.items() if name in row.labels)): sample.value
        for family, row in product(parse(page(publication, now=now).decode()), METRICS)
        for sample in family.samples
        if sample.name == row.name
    }
    assert shown == {
        (row.name, labels): value for row in METRICS for labels, value in read(row, publication, now).items()
    }


def test_among_the_results_every_row_has_a_sample() -> None:
    """So what is held of them is held of the whole table."""
    publications = [Publication(result, interval=60.0) for result in RESULTS.values()]
    assert {row.name for row in METRICS for each in publications if read(row, each)} == {row.name for row in METRICS}


def test_lines_are_written_once() -> None:
    """A second scrape reads nothing again but what depends on its time, of which nothing is kept."""
    publication = Publication(RESULT)
    page(publication)
    lines = publication.lines
    page(publication, now=NOW + 60)

    assert publication.lines is lines
    kept = dict(zip((row.name for row in METRICS), lines, strict=False))
    assert kept["ocsp_probe_success"] == b"\n} 1"
    assert kept["ocsp_must_staple"] == b"\n} 0"
    assert kept["ocsp_next_update_timestamp_seconds"] == b'\n,source="staple",depth="0"} 1800003600'
    assert {kept[row.name] for row in METRICS if isinstance(row.reader, ValueAtScrape)} == {b""}


def test_two_targets_hold_the_same_lines_once() -> None:
    """Lines do not name their target, and those of equal text are one object."""
    one, other = Publication(RESULT), Publication(replace(RESULT, duration=0.5, module="other"))
    page(one, other)
    different = [row.name for row, mine, its in zip(METRICS, one.lines, other.lines, strict=False) if mine is not its]

    assert different == ["ocsp_probe_duration_seconds"]
