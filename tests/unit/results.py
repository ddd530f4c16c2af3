"""Results made by hand, with a default for everything, for the tests of what is done with results."""

from dataclasses import replace

from ocsp_exporter.metrics import Metric, Publication, Samples, ValueAtScrape
from ocsp_exporter.model import (
    Applicability,
    CertificateFacts,
    Evidence,
    Failure,
    Findings,
    Handshake,
    Module,
    Phase,
    ProbeResult,
    ResponseFacts,
    ScheduledTarget,
    Signer,
    Source,
    Status,
    Target,
    TLSFindings,
)

NOW = 1_800_000_000.5

TARGET = Target("example.org", "example.org", 443)
MODULE = Module("tls")

SESSION = Handshake(
    address="192.0.2.1",
    chain=(),
    staple=b"",
    staple_problem=None,
    version="TLSv1.3",
    cipher="TLS_AES_128_GCM_SHA256",
    complete=True,
    client_certificate_requested=False,
    chain_errors=frozenset(),
    digest=b"",
    group="x25519",
)

LEAF = CertificateFacts(
    depth=0,
    subject="CN=example.org",
    issuer="CN=Test CA",
    serial_number="01ab",
    fingerprint_sha256="f0" * 32,
    public_key_algorithm="ec",
    not_before=1_790_000_000,
    not_after=1_810_000_000,
    must_staple=False,
    ocsp_urls=("http://ocsp.example.net",),
    crl_urls=(),
)

GOOD = Evidence(
    source=Source.STAPLE,
    depth=0,
    status=Status.GOOD,
    authentic=True,
    produced_at=1_799_990_000,
    this_update=1_799_980_000,
    next_update=1_800_003_600,
    response=ResponseFacts("successful", "CN=Test CA", Signer.ISSUER, "sha1", "ecdsa-with-SHA256"),
    signer_not_after=1_820_000_000,
    fetched_at=1_799_999_999.25,
)

MISSING = Evidence(Source.STAPLE, 0, Status.MISSING)

APPLICABILITY = (
    Applicability(Source.STAPLE, 0, applicable=True),
    Applicability(Source.RESPONDER, 0, applicable=True, host="ocsp.example.net"),
    Applicability(Source.CRL, 0, applicable=False),
)

TLS = TLSFindings(
    session=SESSION,
    handshakes=1,
    stapled_handshakes=1,
    distinct_staples=1,
    staple_required=False,
    compliant=None,
)

FINDINGS = Findings(
    tls=TLS,
    certificates=(LEAF,),
    applicability=APPLICABILITY,
    evidence=(GOOD,),
    revoked={0: False},
)

RESULT = ProbeResult(
    target=TARGET,
    module="tls",
    obtained_at=1_799_999_999.5,
    duration=0.25,
    phases={Phase.RESOLVE: 0.125, Phase.HANDSHAKE: 0.0625},
    findings=FINDINGS,
)


def found(*evidence: Evidence, target: Target = TARGET, compliant: bool | None = None) -> ProbeResult:
    """Give a result with this evidence."""
    return replace(
        RESULT, target=target, findings=replace(FINDINGS, tls=replace(TLS, compliant=compliant), evidence=evidence)
    )


def failed(failure: Failure = Failure.TIMEOUT, *, target: Target = TARGET, detail: str = "") -> ProbeResult:
    """Give the result of a probe that could not look."""
    return replace(RESULT, target=target, findings=None, failure=failure, detail=detail)


def named(name: str) -> Target:
    """Give a target of this name; a path is one of a file."""
    return Target(name, "", 0, location=name) if name.startswith("/") else Target(name, "127.0.0.1", 443)


def publication(name: str = "example.org", labels: tuple[tuple[str, str], ...] = ()) -> Publication:
    """Give a good result of the target of this name, as the workers publish it."""
    return Publication(found(GOOD, target=named(name)), labels, 60.0)


def read(row: Metric, publication: Publication, now: float = NOW) -> dict[tuple[str, ...], float]:
    """Read one metric; the keys are the values of its labels, and of several values under the same the first counts."""
    reader, series = row.reader, dict[tuple[str, ...], float]()
    for labels, thing in reader.things.of(publication):
        if isinstance(reader, Samples):
            series = {(*labels, *more): value for more, value in reader.read(thing)} | series
        else:
            value = reader.read(thing, now) if isinstance(reader, ValueAtScrape) else reader.read(thing)
            series = ({} if value is None else {labels: value}) | series
    return series


def scheduled(name: str = "example.org", interval: float = 60.0) -> ScheduledTarget:
    """Give a target of this name on the workers' schedule."""
    return ScheduledTarget(named(name), MODULE, interval)
