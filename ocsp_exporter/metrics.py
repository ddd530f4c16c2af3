"""The one table of metrics: what is published of a probe, and how it is read out of the result.

A metric is a row. Exposition, HELP lines and `docs/metrics.md` all come from here, so to add a metric is to
add a row. What does not exist yields no sample: nothing is 0 by default, and nothing is a sentinel.

Each row says what things it is about, and what it reads of each: a `Value`, or `Samples` with labels of their own.
These are read once of a result, at the first scrape that shows it. What depends on the time of the scrape is a
`ValueAtScrape`: only such a row is told what time it is.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from math import floor
from typing import Any, Generic, TypeVar

from ocsp_exporter.model import (
    CertificateFacts,
    CheckFindings,
    CRLFacts,
    Evidence,
    Findings,
    MethodFindings,
    ProbeResult,
    ResponderFindings,
    Status,
    TLSFindings,
)

#: The values of a row's labels, in the order of the row's label names, and the value of the series.
Sample = tuple[tuple[str, ...], float]

#: The labels that every series of a target has; then come those of the variant, and the operator's own.
TARGET_LABELS = ("target", "module")


@dataclass(slots=True, eq=False)
class Publication:
    """One result as it goes onto a page.

    `labels` are the operator's own, and `interval` is the target's in seconds. Both belong to the workers'
    schedule: on `/probe`, where the schedule and the labels are Prometheus's, there are none. None of these changes;
    `lines` is what the exposition has written of them and keeps here, empty until then.
    """

    result: ProbeResult
    labels: tuple[tuple[str, str], ...] = ()
    interval: float | None = None
    lines: tuple[bytes, ...] = field(default=(), init=False, repr=False)


T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Things(Generic[T]):
    """What there is of one kind in a publication, each with the values of the `labels` that tell it from the others."""

    labels: tuple[str, ...]
    of: Callable[[Publication], Iterable[tuple[tuple[str, ...], T]]]


@dataclass(frozen=True, slots=True)
class Value(Generic[T]):
    """What a row with one sample for each thing reads, None where there is none.

    It is read once of a publication, which never changes, and what was written of it is kept.
    """

    things: Things[T]
    read: Callable[[T], float | None]


@dataclass(frozen=True, slots=True)
class Samples(Generic[T]):
    """What a row with several samples for each thing reads; their labels come after the thing's. Kept like `Value`."""

    things: Things[T]
    read: Callable[[T], Iterable[Sample]]


@dataclass(frozen=True, slots=True)
class ValueAtScrape(Generic[T]):
    """What a row reads like `Value`, but as of the scrape: it is told the time, and so is read anew at each."""

    things: Things[T]
    read: Callable[[T, float], float | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """One gauge: `labels` come after the target's own, those of the things that it is about first."""

    name: str
    help: str
    labels: tuple[str, ...]
    reader: Value[Any] | Samples[Any] | ValueAtScrape[Any]


# What rows are about. That a failed probe publishes only ocsp_probe_* follows from there being no findings.


def _looks(publication: Publication) -> Iterable[tuple[tuple[()], Publication]]:
    """Give a probe that looked or failed to; where the server has no such key there is nothing to tell of it."""
    return () if publication.result.key_type_served is False else (((), publication),)


def _phases(publication: Publication) -> Iterator[tuple[tuple[str], float]]:
    """Give how long each part of the probe took."""
    for _, look in _looks(publication):
        for phase, took in look.result.phases.items():
            yield (phase,), took


def _findings(publication: Publication) -> Iterable[tuple[tuple[()], Findings]]:
    findings = publication.result.findings
    return () if findings is None else (((), findings),)


def _handshakes(publication: Publication) -> Iterable[tuple[tuple[()], TLSFindings]]:
    """Give what the handshakes showed; a source that is watched by itself has none."""
    findings = publication.result.findings
    return () if findings is None or findings.tls is None else (((), findings.tls),)


def _certificates(publication: Publication) -> Iterator[tuple[tuple[str], CertificateFacts]]:
    """Give each certificate that is checked; the path above them has no series."""
    for _, findings in _findings(publication):
        checked = {each.depth for each in findings.applicability}
        for certificate in findings.certificates:
            if certificate.depth in checked:
                yield (str(certificate.depth),), certificate


def _evidence(publication: Publication) -> Iterator[tuple[tuple[str, str], Evidence]]:
    for _, findings in _findings(publication):
        for evidence in findings.evidence:
            yield (evidence.source, str(evidence.depth)), evidence


def _crls(publication: Publication) -> Iterator[tuple[tuple[str], CRLFacts]]:
    """Give each authentic CRL; its source need not be said."""
    for (_, depth), evidence in _evidence(publication):
        if evidence.crl is not None and evidence.authentic:
            yield (depth,), evidence.crl


def _responder(publication: Publication) -> Iterable[tuple[tuple[()], ResponderFindings]]:
    """Give what was found at a responder that is watched by itself."""
    findings = publication.result.findings
    return () if findings is None or findings.responder is None else (((), findings.responder),)


def _methods(publication: Publication) -> Iterator[tuple[tuple[str], MethodFindings]]:
    """Give how a responder took each method."""
    for _, responder in _responder(publication):
        for method in responder.methods:
            yield (method.method,), method


_PUBLICATION = Things((), lambda publication: (((), publication),))
_LOOK = Things((), _looks)
_PHASES = Things(("phase",), _phases)
_FINDINGS = Things((), _findings)
_HANDSHAKES = Things((), _handshakes)
_CERTIFICATES = Things(("depth",), _certificates)
_EVIDENCE = Things(("source", "depth"), _evidence)
_CRLS = Things(("depth",), _crls)
_RESPONDER = Things((), _responder)
_METHODS = Things(("method",), _methods)


# What rows read that does not fit into them.


def _judged(checks: Iterable[CheckFindings]) -> Iterator[Sample]:
    return (((each.check,), each.conforms) for each in checks if each.conforms is not None)


def _holding(members: Iterable[StrEnum]) -> Iterator[Sample]:
    """Give 1 for each member that holds; the others are absent."""
    return (((member,), 1) for member in members)


def _failure(publication: Publication) -> Iterable[Sample]:
    failure = publication.result.failure
    return () if failure is None else _holding((failure,))


def _certificate_info(certificate: CertificateFacts) -> Iterable[Sample]:
    labels = (
        certificate.subject,
        certificate.issuer,
        certificate.serial_number,
        certificate.fingerprint_sha256,
        certificate.public_key_algorithm,
    )
    return ((labels, 1),)


def _must_staple(findings: Findings) -> float | None:
    return next((certificate.must_staple for certificate in findings.certificates if certificate.depth == 0), None)


def _applicable(findings: Findings) -> Iterable[Sample]:
    return (((each.source, str(each.depth), each.host), each.applicable) for each in findings.applicability)


def _response_info(evidence: Evidence) -> Iterable[Sample]:
    facts = evidence.response
    if facts is None:
        return ()
    labels = (
        facts.response_status,
        facts.responder_id,
        facts.signer or "",
        facts.cert_id_hash,
        facts.signature_algorithm,
    )
    return ((labels, 1),)


def _remaining(evidence: Evidence, now: float) -> float | None:
    if not evidence.authentic or evidence.next_update is None:
        return None
    return floor(evidence.next_update - now)


def _revocation(evidence: Evidence) -> Iterable[Sample]:
    if evidence.status is not Status.REVOKED or evidence.revocation is None:
        return ()
    return (((evidence.revocation.reason or "",), evidence.revocation.time),)


_OF_EVIDENCE = ("source", "depth")
# By the status that holds, a sample for each of them.
_STATUSES = {status: tuple(((each,), each is status) for each in Status) for status in Status}

METRICS: tuple[Metric, ...] = (
    Metric(
        "ocsp_probe_success",
        "1 if the target could be looked at, whatever was found; 0 if it could not.",
        (),
        Value(_LOOK, lambda look: look.result.failure is None),
    ),
    Metric(
        "ocsp_probe_failure",
        "1 for the reason why the target could not be looked at; otherwise absent.",
        ("failure",),
        Samples(_PUBLICATION, _failure),
    ),
    Metric(
        "ocsp_probe_duration_seconds",
        "How long the whole probe took.",
        (),
        Value(_LOOK, lambda look: look.result.duration),
    ),
    Metric(
        "ocsp_probe_phase_duration_seconds",
        "How long each part of the probe took; absent for parts that did not take place.",
        ("phase",),
        Value(_PHASES, lambda took: took),
    ),
    Metric(
        "ocsp_probe_timestamp_seconds",
        "When the result shown was obtained.",
        (),
        Value(_LOOK, lambda look: look.result.obtained_at),
    ),
    Metric(
        "ocsp_probe_interval_seconds",
        "How often the exporter itself probes the target; absent on /probe.",
        (),
        Value(_LOOK, lambda look: look.interval),
    ),
    Metric(
        "ocsp_probe_handshakes",
        "How many TLS handshakes of this probe showed a certificate.",
        (),
        Value(_HANDSHAKES, lambda tls: tls.handshakes),
    ),
    Metric(
        "ocsp_probe_stapled_handshakes",
        "How many of the handshakes of this probe carried a staple.",
        (),
        Value(_HANDSHAKES, lambda tls: tls.stapled_handshakes),
    ),
    Metric(
        "ocsp_probe_distinct_staples",
        "How many different staples the handshakes of this probe carried.",
        (),
        Value(_HANDSHAKES, lambda tls: tls.distinct_staples),
    ),
    Metric(
        "ocsp_key_type_served",
        "1 if the server has a certificate of this key type, 0 if not; only where a module asks for several.",
        (),
        Value(_PUBLICATION, lambda publication: publication.result.key_type_served),
    ),
    Metric(
        "ocsp_tls_info",
        "The TLS version and cipher that were negotiated, as labels; the value is 1.",
        ("version", "cipher"),
        Samples(_HANDSHAKES, lambda tls: (((tls.session.version, tls.session.cipher), 1),)),
    ),
    Metric(
        "ocsp_tls_handshake_complete",
        "1 if the handshake completed; 0 if it failed after the certificate had come.",
        (),
        Value(_HANDSHAKES, lambda tls: tls.session.complete),
    ),
    Metric(
        "ocsp_tls_client_certificate_requested",
        "1 if the server asked for a client certificate, otherwise 0.",
        (),
        Value(_HANDSHAKES, lambda tls: tls.session.client_certificate_requested),
    ),
    Metric(
        "ocsp_chain_trusted",
        "1 if the chain verifies to the roots of the module, for this name, now; otherwise 0.",
        (),
        Value(_HANDSHAKES, lambda tls: not tls.session.chain_errors),
    ),
    Metric(
        "ocsp_chain_error",
        "1 for each reason why the chain does not verify; otherwise absent.",
        ("error",),
        Samples(_HANDSHAKES, lambda tls: _holding(sorted(tls.session.chain_errors))),
    ),
    Metric(
        "ocsp_certificate_info",
        "What the certificate says of itself, as labels; the value is 1.",
        ("depth", "subject", "issuer", "serial_number", "fingerprint_sha256", "public_key_algorithm"),
        Samples(_CERTIFICATES, _certificate_info),
    ),
    Metric(
        "ocsp_certificate_not_after_timestamp_seconds",
        "When the certificate expires.",
        ("depth",),
        Value(_CERTIFICATES, lambda certificate: certificate.not_after),
    ),
    Metric(
        "ocsp_must_staple",
        "1 if the leaf certificate has the TLS feature status_request (RFC 7633), otherwise 0.",
        (),
        Value(_FINDINGS, _must_staple),
    ),
    Metric(
        "ocsp_staple_required",
        "1 if the staple policy of the module requires a staple here, otherwise 0.",
        (),
        Value(_HANDSHAKES, lambda tls: tls.staple_required),
    ),
    Metric(
        "ocsp_must_staple_compliant",
        "1 if every handshake met the staple policy, 0 if one did not; absent where the policy demands nothing.",
        (),
        Value(_HANDSHAKES, lambda tls: tls.compliant),
    ),
    Metric(
        "ocsp_staple_file_matches",
        "1 if every handshake carried the staple in the server's own file, 0 if not; only where the module names one.",
        (),
        Value(_HANDSHAKES, lambda tls: None if tls.copy is None else tls.copy.matches),
    ),
    Metric(
        "ocsp_source_applicable",
        "1 if the source can say something about the certificate, otherwise 0; host is that of its first URL.",
        ("source", "depth", "host"),
        Samples(_FINDINGS, _applicable),
    ),
    Metric(
        "ocsp_source_fetched_timestamp_seconds",
        "When the evidence shown was last obtained.",
        _OF_EVIDENCE,
        Value(_EVIDENCE, lambda evidence: evidence.fetched_at),
    ),
    Metric(
        "ocsp_status",
        "1 for the status that the source has, 0 for the other five.",
        (*_OF_EVIDENCE, "status"),
        Samples(_EVIDENCE, lambda evidence: _STATUSES[evidence.status]),
    ),
    Metric(
        "ocsp_problem",
        "1 for each thing that is wrong with the evidence; otherwise absent.",
        (*_OF_EVIDENCE, "problem"),
        Samples(_EVIDENCE, lambda evidence: _holding(evidence.problems)),
    ),
    Metric(
        "ocsp_response_info",
        "What the OCSP response says of itself and by what right it was signed, as labels; the value is 1.",
        (*_OF_EVIDENCE, "response_status", "responder_id", "signer", "cert_id_hash", "signature_algorithm"),
        Samples(_EVIDENCE, _response_info),
    ),
    Metric(
        "ocsp_produced_at_timestamp_seconds",
        "When the response was signed, as it says itself (producedAt).",
        _OF_EVIDENCE,
        Value(_EVIDENCE, lambda evidence: evidence.produced_at),
    ),
    Metric(
        "ocsp_this_update_timestamp_seconds",
        "From when on the evidence holds, as it says itself (thisUpdate).",
        _OF_EVIDENCE,
        Value(_EVIDENCE, lambda evidence: evidence.this_update),
    ),
    Metric(
        "ocsp_next_update_timestamp_seconds",
        "By when newer evidence is due, as the evidence says itself (nextUpdate).",
        _OF_EVIDENCE,
        Value(_EVIDENCE, lambda evidence: evidence.next_update),
    ),
    Metric(
        "ocsp_next_update_remaining_seconds",
        "Whole seconds from the scrape to nextUpdate of authentic evidence, negative once past.",
        _OF_EVIDENCE,
        ValueAtScrape(_EVIDENCE, _remaining),
    ),
    Metric(
        "ocsp_revocation_timestamp_seconds",
        "When the certificate was revoked, according to authentic evidence.",
        (*_OF_EVIDENCE, "reason"),
        Samples(_EVIDENCE, _revocation),
    ),
    Metric(
        "ocsp_signer_not_after_timestamp_seconds",
        "When the certificate that signed the authentic evidence expires.",
        _OF_EVIDENCE,
        Value(_EVIDENCE, lambda evidence: evidence.signer_not_after if evidence.authentic else None),
    ),
    Metric(
        "ocsp_staple_lag_seconds",
        "How much newer the responder's thisUpdate is than the staple's; negative where the staple is newer.",
        (),
        Value(_FINDINGS, lambda findings: findings.staple_lag),
    ),
    Metric(
        "ocsp_revoked",
        "1 if a source says authentically that the certificate is revoked, 0 if a current good says it is not.",
        ("depth",),
        Samples(_FINDINGS, lambda findings: (((str(depth),), revoked) for depth, revoked in findings.revoked.items())),
    ),
    Metric(
        "ocsp_sources_agree",
        "1 if the verified sources agree, 0 if one contradicts another; absent where fewer than two are verified.",
        ("depth",),
        Samples(_FINDINGS, lambda findings: (((str(depth),), agree) for depth, agree in findings.agreement.items())),
    ),
    Metric(
        "ocsp_crl_number",
        "The cRLNumber of the CRL that was used; absent where it has none.",
        ("depth",),
        Value(_CRLS, lambda crl: crl.number),
    ),
    Metric(
        "ocsp_crl_entries",
        "How many entries the CRL that was used has.",
        ("depth",),
        Value(_CRLS, lambda crl: crl.entries),
    ),
    Metric(
        "ocsp_responder_up",
        "1 if the responder answered by this method with HTTP status 200 and what could be verified, otherwise 0.",
        ("method",),
        Value(_METHODS, lambda method: method.up),
    ),
    Metric(
        "ocsp_responder_http_status",
        "The HTTP status of the responder's answer; absent where none came.",
        ("method",),
        Value(_METHODS, lambda method: method.http_status),
    ),
    Metric(
        "ocsp_responder_request_duration_seconds",
        "How long the responder took to answer, the look-up of its name and the connection included.",
        ("method",),
        Value(_METHODS, lambda method: method.duration),
    ),
    Metric(
        "ocsp_responder_response_bytes",
        "How large the responder's answer was, without its HTTP headers.",
        ("method",),
        Value(_METHODS, lambda method: method.size),
    ),
    Metric(
        "ocsp_responder_conforms",
        "1 if the responder conforms to the rule, 0 if not; absent where no answer tells (docs/responders.md).",
        ("check",),
        Samples(_RESPONDER, lambda responder: _judged(responder.checks)),
    ),
    Metric(
        "ocsp_responder_clock_skew_seconds",
        "By how many seconds the responder's clock is ahead of the exporter's, as its Date says in whole seconds.",
        (),
        Value(_RESPONDER, lambda responder: responder.clock_skew),
    ),
)
