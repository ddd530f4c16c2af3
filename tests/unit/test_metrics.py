from dataclasses import replace
from pathlib import Path

import pytest

from ocsp_exporter.metrics import METRICS, Publication, Samples
from ocsp_exporter.model import (
    Applicability,
    ChainError,
    Check,
    CheckFindings,
    CRLFacts,
    Evidence,
    Failure,
    Findings,
    KeyType,
    MethodFindings,
    Phase,
    ProbeResult,
    Problem,
    Reason,
    RequestMethod,
    ResponderFindings,
    ResponseFacts,
    Revocation,
    Source,
    StapleCopy,
    Status,
)
from ocsp_exporter.serving.documentation import markdown
from ocsp_exporter.serving.instruments import Instruments
from ocsp_exporter.serving.own_metrics import OWN_METRICS
from tests.unit.results import FINDINGS, GOOD, LEAF, MISSING, NOW, RESULT, SESSION, TLS, failed, found, read

Series = dict[tuple[str, ...], float]


def series(name: str, shown: ProbeResult | Publication, now: float = NOW) -> Series:
    """Read one metric; the keys are the values of its labels."""
    (row,) = (metric for metric in METRICS if metric.name == name)
    return read(row, shown if isinstance(shown, Publication) else Publication(shown), now)


def finding(findings: Findings) -> ProbeResult:
    """Give the result of a probe with these findings."""
    return replace(RESULT, findings=findings)


def test_good_staple() -> None:
    """A good staple publishes what the probe, the certificate and the response say, each value in its own metric."""
    values = {row.name: read(row, Publication(RESULT)) for row in METRICS}

    assert {name: value for name, value in values.items() if value} == {
        "ocsp_probe_success": {(): 1},
        "ocsp_probe_duration_seconds": {(): 0.25},
        "ocsp_probe_phase_duration_seconds": {("resolve",): 0.125, ("handshake",): 0.0625},
        "ocsp_probe_timestamp_seconds": {(): 1_799_999_999.5},
        "ocsp_probe_handshakes": {(): 1},
        "ocsp_probe_stapled_handshakes": {(): 1},
        "ocsp_probe_distinct_staples": {(): 1},
        "ocsp_tls_info": {("TLSv1.3", "TLS_AES_128_GCM_SHA256"): 1},
        "ocsp_tls_handshake_complete": {(): 1},
        "ocsp_tls_client_certificate_requested": {(): 0},
        "ocsp_chain_trusted": {(): 1},
        "ocsp_certificate_info": {("0", "CN=example.org", "CN=Test CA", "01ab", "f0" * 32, "ec"): 1},
        "ocsp_certificate_not_after_timestamp_seconds": {("0",): 1_810_000_000},
        "ocsp_must_staple": {(): 0},
        "ocsp_staple_required": {(): 0},
        "ocsp_source_applicable": {
            ("staple", "0", ""): 1,
            ("responder", "0", "ocsp.example.net"): 1,
            ("crl", "0", ""): 0,
        },
        "ocsp_source_fetched_timestamp_seconds": {("staple", "0"): 1_799_999_999.25},
        "ocsp_status": {
            ("staple", "0", "good"): 1,
            ("staple", "0", "revoked"): 0,
            ("staple", "0", "unknown"): 0,
            ("staple", "0", "server_failed"): 0,
            ("staple", "0", "missing"): 0,
            ("staple", "0", "invalid"): 0,
        },
        "ocsp_response_info": {
            ("staple", "0", "successful", "CN=Test CA", "issuer", "sha1", "ecdsa-with-SHA256"): 1,
        },
        "ocsp_produced_at_timestamp_seconds": {("staple", "0"): 1_799_990_000},
        "ocsp_this_update_timestamp_seconds": {("staple", "0"): 1_799_980_000},
        "ocsp_next_update_timestamp_seconds": {("staple", "0"): 1_800_003_600},
        "ocsp_next_update_remaining_seconds": {("staple", "0"): 3599},
        "ocsp_signer_not_after_timestamp_seconds": {("staple", "0"): 1_820_000_000},
        "ocsp_revoked": {("0",): 0},
    }


def test_failed_probe() -> None:
    """A failed probe publishes only ocsp_probe_*, with the one reason why it failed."""
    values = {row.name: read(row, Publication(failed(Failure.REFUSED))) for row in METRICS}

    assert {name: value for name, value in values.items() if value} == {
        "ocsp_probe_success": {(): 0},
        "ocsp_probe_failure": {("refused",): 1},
        "ocsp_probe_duration_seconds": {(): 0.25},
        "ocsp_probe_phase_duration_seconds": {("resolve",): 0.125, ("handshake",): 0.0625},
        "ocsp_probe_timestamp_seconds": {(): 1_799_999_999.5},
    }


def test_a_key_type_that_the_server_has_not() -> None:
    """It is told in one series and nothing else: the probe neither succeeded nor failed in looking at it."""
    absent = replace(failed(), failure=None, key_type=KeyType.ECDSA, key_type_served=False)
    values = {row.name: read(row, Publication(absent, interval=60.0)) for row in METRICS}

    assert {name: value for name, value in values.items() if value} == {"ocsp_key_type_served": {(): 0}}


@pytest.mark.parametrize(("served", "expected"), [(True, {(): 1}), (None, {})])
def test_a_key_type_that_the_server_has(served: bool | None, expected: Series) -> None:
    """It is told beside all else where several are asked for, and not at all where that is not so or not known."""
    result = replace(RESULT, key_type_served=served)

    assert series("ocsp_key_type_served", result) == expected
    assert series("ocsp_probe_success", result) == {(): 1}


def test_interval_only_in_workers_mode() -> None:
    """The interval is the workers' own: on /probe, where there is none, the metric is absent."""
    assert series("ocsp_probe_interval_seconds", Publication(RESULT, interval=300.0)) == {(): 300.0}
    assert series("ocsp_probe_interval_seconds", Publication(RESULT)) == {}


@pytest.mark.parametrize("status", Status)
def test_exactly_one_status(status: Status) -> None:
    """Every source has six status series, and exactly the one of its status is 1."""
    values = series("ocsp_status", found(replace(GOOD, status=status)))

    assert len(values) == 6
    assert [labels for labels, value in values.items() if value] == [("staple", "0", status.value)]


def test_problems_only_while_they_hold() -> None:
    """Each problem that holds is a series of 1; of one that does not hold there is no series."""
    bad = replace(GOOD, status=Status.INVALID, problems=(Problem.SIGNATURE_INVALID, Problem.EXPIRED))

    assert series("ocsp_problem", found(bad)) == {
        ("staple", "0", "signature_invalid"): 1,
        ("staple", "0", "expired"): 1,
    }
    assert series("ocsp_problem", found(GOOD)) == {}


def test_chain_errors() -> None:
    """A chain that does not verify is untrusted, with each reason as a series; a good one has no reason."""
    errors = frozenset({ChainError.EXPIRED, ChainError.HOSTNAME_MISMATCH})
    session = replace(SESSION, chain_errors=errors)
    untrusted = finding(replace(FINDINGS, tls=replace(TLS, session=session)))

    assert series("ocsp_chain_trusted", untrusted) == {(): 0}
    assert series("ocsp_chain_error", untrusted) == {("expired",): 1, ("hostname_mismatch",): 1}
    assert series("ocsp_chain_trusted", RESULT) == {(): 1}
    assert series("ocsp_chain_error", RESULT) == {}


@pytest.mark.parametrize(("compliant", "expected"), [(True, {(): 1}), (False, {(): 0}), (None, {})])
def test_compliance(compliant: bool | None, expected: Series) -> None:
    """Compliance is 1 or 0 where the policy demands something, and absent where it demands nothing."""
    judged = finding(replace(FINDINGS, tls=replace(TLS, compliant=compliant)))
    assert series("ocsp_must_staple_compliant", judged) == expected


def test_missing_staple_has_no_times() -> None:
    """A staple that is not there has a status and nothing else: no time, no remaining seconds, no response."""
    values = {row.name: read(row, Publication(found(MISSING))) for row in METRICS}

    assert values["ocsp_status"]["staple", "0", "missing"] == 1
    of_evidence = {row.name for row in METRICS if row.labels[:2] == ("source", "depth")}
    assert {name for name in of_evidence if values[name]} == {"ocsp_source_applicable", "ocsp_status"}


@pytest.mark.parametrize(
    ("now", "remaining"),
    [
        (1_800_003_599.0, 1),
        (1_800_003_599.5, 0),
        (1_800_003_600.0, 0),
        (1_800_003_600.5, -1),
        (1_800_003_700.0, -100),
    ],
)
def test_remaining_is_as_of_the_scrape(now: float, remaining: int) -> None:
    """The remaining time is reckoned at the scrape, rounded down to whole seconds, and negative once past."""
    assert series("ocsp_next_update_remaining_seconds", RESULT, now) == {("staple", "0"): remaining}


def test_only_authentic_evidence_is_believed() -> None:
    """What evidence that is not authentic says of itself is shown, and nothing is concluded from it."""
    revoked = replace(GOOD, status=Status.REVOKED, revocation=Revocation(1_799_000_000, Reason.KEY_COMPROMISE))
    forged = replace(revoked, status=Status.INVALID, authentic=False)

    for metric, value in (
        ("ocsp_next_update_remaining_seconds", {("staple", "0"): 3599}),
        ("ocsp_revocation_timestamp_seconds", {("staple", "0", "key_compromise"): 1_799_000_000}),
        ("ocsp_signer_not_after_timestamp_seconds", {("staple", "0"): 1_820_000_000}),
    ):
        assert series(metric, found(revoked)) == value
        assert series(metric, found(forged)) == {}
    assert series("ocsp_next_update_timestamp_seconds", found(forged)) == {("staple", "0"): 1_800_003_600}


def test_revocation_without_reason() -> None:
    """A revocation whose evidence gives no reason has an empty reason, not none at all."""
    revoked = replace(GOOD, status=Status.REVOKED, revocation=Revocation(1_799_000_000, None))

    assert series("ocsp_revocation_timestamp_seconds", found(revoked)) == {("staple", "0", ""): 1_799_000_000}


def test_unsuccessful_response_info() -> None:
    """A response that is only an error status has that status as a label, and the other labels are empty."""
    refused = Evidence(
        Source.STAPLE, 0, Status.SERVER_FAILED, (Problem.UNSUCCESSFUL,), response=ResponseFacts("try_later")
    )

    assert series("ocsp_response_info", found(refused)) == {("staple", "0", "try_later", "", "", "", ""): 1}


@pytest.mark.parametrize(("revoked", "expected"), [({0: True}, {("0",): 1}), ({0: False}, {("0",): 0}), ({}, {})])
def test_revoked(revoked: dict[int, bool], expected: Series) -> None:
    """Revoked is 1, 0, or absent where nobody knows."""
    assert series("ocsp_revoked", finding(replace(FINDINGS, revoked=revoked))) == expected


def test_agreement_and_lag() -> None:
    """Sources agree, do not, or are fewer than two; the lag may be negative, and is absent where nobody knows it."""
    agreeing = finding(replace(FINDINGS, agreement={0: True, 1: False}, staple_lag=-60))

    assert series("ocsp_sources_agree", agreeing) == {("0",): 1, ("1",): 0}
    assert series("ocsp_staple_lag_seconds", agreeing) == {(): -60}
    assert series("ocsp_sources_agree", RESULT) == {}
    assert series("ocsp_staple_lag_seconds", RESULT) == {}


RESPONDER = ResponderFindings(
    url="http://ocsp.example/",
    methods=(
        MethodFindings(RequestMethod.GET, up=False, http_status=404, duration=0.25),
        MethodFindings(RequestMethod.POST, up=True, http_status=200, duration=0.5, size=1234),
    ),
    checks=(
        CheckFindings(Check.GET, conforms=False, seen="HTTP 404"),
        CheckFindings(Check.POST, conforms=True, seen="good"),
        CheckFindings(Check.NONCE_ECHOED, conforms=None, seen="not asked"),
    ),
    clock_skew=-2.0,
)


def test_responder_by_itself() -> None:
    """What is not known has no series: a size where nothing came, a check without an answer, a method not asked."""
    shown = finding(replace(FINDINGS, tls=None, responder=RESPONDER))
    assert series("ocsp_responder_up", shown) == {("get",): 0, ("post",): 1}
    assert series("ocsp_responder_http_status", shown) == {("get",): 404, ("post",): 200}
    assert series("ocsp_responder_request_duration_seconds", shown) == {("get",): 0.25, ("post",): 0.5}
    assert series("ocsp_responder_response_bytes", shown) == {("post",): 1234}
    assert series("ocsp_responder_conforms", shown) == {("get",): 0, ("post",): 1}
    assert series("ocsp_responder_clock_skew_seconds", shown) == {(): -2}

    not_asked = replace(RESPONDER, methods=(MethodFindings(RequestMethod.GET, up=None),), checks=(), clock_skew=None)
    for findings in (replace(FINDINGS, responder=not_asked), FINDINGS):
        publication = Publication(finding(findings))
        names = {row.name for row in METRICS if read(row, publication)}
        assert not {name for name in names if name.startswith("ocsp_responder_")}


def test_crl_facts() -> None:
    """Number and entries are those of an authentic CRL; one without a number has none, and nobody has another's."""
    crl = replace(GOOD, source=Source.CRL, depth=1, response=None, crl=CRLFacts(7, 0))

    assert series("ocsp_crl_number", found(crl)) == {("1",): 7}
    assert series("ocsp_crl_entries", found(crl)) == {("1",): 0}
    assert series("ocsp_crl_number", found(replace(crl, crl=CRLFacts(None, 3)))) == {}
    assert series("ocsp_crl_entries", found(replace(crl, authentic=False))) == {}
    assert series("ocsp_crl_entries", found(GOOD)) == {}


def test_a_source_that_is_watched_by_itself_has_no_handshakes() -> None:
    """Without handshakes nothing is said of TLS, of staples or of a policy; nothing is 0 by default."""
    alone = finding(replace(FINDINGS, tls=None, certificates=()))

    absent = ("handshakes", "stapled_handshakes", "distinct_staples")
    for name in (*(f"ocsp_probe_{each}" for each in absent), "ocsp_tls_info", "ocsp_chain_trusted", "ocsp_must_staple"):
        assert series(name, alone) == {}
        assert series(name, RESULT)


def test_must_staple() -> None:
    """The TLS feature of the leaf is shown, whatever the certificates above it have."""
    issuer = replace(LEAF, depth=1, must_staple=True)
    leaf_with, leaf_without = replace(LEAF, must_staple=True), LEAF

    assert series("ocsp_must_staple", finding(replace(FINDINGS, certificates=(leaf_with, issuer)))) == {(): 1}
    assert series("ocsp_must_staple", finding(replace(FINDINGS, certificates=(leaf_without, issuer)))) == {(): 0}


def test_only_checked_certificates() -> None:
    """The path above the certificates that are checked has no series."""
    path = replace(FINDINGS, certificates=(LEAF, replace(LEAF, depth=1), replace(LEAF, depth=2)))

    assert series("ocsp_certificate_not_after_timestamp_seconds", finding(path)) == {("0",): 1_810_000_000}


def test_phases_that_did_not_take_place() -> None:
    """A phase that did not take place has no duration."""
    assert series("ocsp_probe_phase_duration_seconds", replace(RESULT, phases={Phase.RESOLVE: 1.5})) == {
        ("resolve",): 1.5
    }


def test_table_is_well_formed() -> None:
    """Every row has a name of its own, one sentence of help, and as many label values as names."""
    helps = [(row.name, row.help) for row in METRICS] + [(row.name, row.help) for row in OWN_METRICS]
    assert len(helps) == len(dict(helps))
    for name, text in helps:
        assert name.startswith("ocsp_")
        assert text.endswith(".")
        assert not set('\n\\"|') & set(text)
    everything = found(replace(GOOD, problems=(Problem.EXPIRED,), revocation=Revocation(0, None)))
    for metric in METRICS:
        of_things = metric.reader.things.labels
        assert metric.labels[: len(of_things)] == of_things
        assert (len(metric.labels) > len(of_things)) == isinstance(metric.reader, Samples)
        for labels in read(metric, Publication(everything)):
            assert len(labels) == len(metric.labels)


def test_own_metrics_are_those_of_the_table() -> None:
    """The exporter counts exactly what the table of its own metrics says, under these names and types."""
    families = {family.name: family for family in Instruments(["tls"]).registry.collect()}
    own = {name: family for name, family in families.items() if name.startswith("ocsp_exporter_")}

    assert {name: (family.type, family.documentation) for name, family in own.items()} == {
        row.name.removesuffix("_total"): (row.kind, row.help) for row in OWN_METRICS
    }
    for row in OWN_METRICS:
        for sample in own[row.name.removesuffix("_total")].samples:
            assert set(sample.labels) - {"le"} == set(row.labels)


def test_documentation_is_current() -> None:
    """`docs/metrics.md` is what `ocsp-exporter docs metrics` prints."""
    written = Path(__file__).parents[2] / "docs" / "metrics.md"

    assert written.read_text(encoding="utf-8") == markdown(), "run: ocsp-exporter docs metrics > docs/metrics.md"


def test_staple_file() -> None:
    """Whether the server serves what is in its file is there where both were had."""
    name = "ocsp_staple_file_matches"
    for copy, expected in (
        (None, {}),
        (StapleCopy(matches=True), {(): 1}),
        (StapleCopy(matches=False), {(): 0}),
        (StapleCopy(None, "gone"), {}),
    ):
        assert series(name, finding(replace(FINDINGS, tls=replace(TLS, copy=copy)))) == expected
    assert series(name, failed()) == {}


def test_a_file_watched_by_itself() -> None:
    """Evidence of a file has the series of any other, with the certificate that it is for, and none of a handshake."""
    good = replace(GOOD, source=Source.FILE)
    applicability = (Applicability(Source.FILE, 0, applicable=True),)
    shown = finding(replace(FINDINGS, tls=None, evidence=(good,), applicability=applicability))
    assert series("ocsp_next_update_remaining_seconds", shown) == {("file", "0"): 3599}
    assert series("ocsp_status", shown)["file", "0", "good"] == 1
    assert series("ocsp_source_applicable", shown) == {("file", "0", ""): 1}
    assert series("ocsp_must_staple", shown) == {(): 0}
    assert len(series("ocsp_certificate_info", shown)) == 1
    assert series("ocsp_staple_required", shown) == series("ocsp_tls_info", shown) == {}
