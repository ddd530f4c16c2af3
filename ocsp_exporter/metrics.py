"""The one table of metrics: what is published of a probe, and how it is read out of the result.

A metric is a row. Exposition, HELP lines and `docs/metrics.md` all come from here, so to add a metric is to
add a row. What does not exist yields no sample: nothing is 0 by default, and nothing is a sentinel.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import floor

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


@dataclass(frozen=True, slots=True)
class Publication:
    """One result as it goes onto a page.

    `labels` are the operator's own, and `interval` is the target's in seconds. Both belong to the workers'
    schedule: on `/probe`, where the schedule and the labels are Prometheus's, there are none.
    """

    result: ProbeResult
    labels: tuple[tuple[str, str], ...] = ()
    interval: float | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """One gauge: `labels` come after the target's own; `samples` reads a publication as of `now`, the scrape."""

    name: str
    help: str
    labels: tuple[str, ...]
    samples: Callable[[Publication, float], Iterable[Sample]]


# How a row looks at a publication. Each of these turns a function of the part that the row is about into a
# function of the whole; that a failed probe publishes only ocsp_probe_* follows from `_found` and its kin.

_Samples = Callable[[Publication, float], Iterable[Sample]]


def _single(value: float | None) -> Iterable[Sample]:
    return () if value is None else (((), value),)


def _probe(value: Callable[[Publication], float | None]) -> _Samples:
    """Look at a probe that looked or failed to; where the server has no such key there is nothing to tell of it."""

    def read(publication: Publication, _now: float) -> Iterable[Sample]:
        return () if publication.result.key_type_served is False else _single(value(publication))

    return read


def _result(value: Callable[[ProbeResult], float | None]) -> _Samples:
    return _probe(lambda publication: value(publication.result))


def _found(samples: Callable[[Findings], Iterable[Sample]]) -> _Samples:
    def read(publication: Publication, _now: float) -> Iterable[Sample]:
        findings = publication.result.findings
        return () if findings is None else samples(findings)

    return read


def _finding(value: Callable[[Findings], float | None]) -> _Samples:
    return _found(lambda findings: _single(value(findings)))


def _tls(samples: Callable[[TLSFindings], Iterable[Sample]]) -> _Samples:
    """Look at what the handshakes showed; a source that is watched by itself has none."""
    return _found(lambda findings: () if findings.tls is None else samples(findings.tls))


def _handshakes(value: Callable[[TLSFindings], float | None]) -> _Samples:
    return _tls(lambda tls: _single(value(tls)))


def _certificate(samples: Callable[[CertificateFacts], Iterable[Sample]]) -> _Samples:
    """Look at each certificate that is checked, labelled with its depth; the path above them has no series."""

    def read(findings: Findings) -> Iterator[Sample]:
        checked = {each.depth for each in findings.applicability}
        for certificate in findings.certificates:
            if certificate.depth in checked:
                for labels, value in samples(certificate):
                    yield (str(certificate.depth), *labels), value

    return _found(read)


def _evidence_at(samples: Callable[[Evidence, float], Iterable[Sample]]) -> _Samples:
    """Look at each piece of evidence as of the scrape, labelled with its source and depth."""

    def read(publication: Publication, now: float) -> Iterator[Sample]:
        findings = publication.result.findings
        for evidence in () if findings is None else findings.evidence:
            for labels, value in samples(evidence, now):
                yield (evidence.source, str(evidence.depth), *labels), value

    return read


def _evidence(samples: Callable[[Evidence], Iterable[Sample]]) -> _Samples:
    return _evidence_at(lambda evidence, _now: samples(evidence))


def _stated(value: Callable[[Evidence], float | None]) -> _Samples:
    return _evidence(lambda evidence: _single(value(evidence)))


def _copy(tls: TLSFindings) -> Iterable[Sample]:
    return () if tls.copy is None else _single(tls.copy.matches)


def _crl(value: Callable[[CRLFacts], float | None]) -> _Samples:
    """Look at each authentic CRL; its source need not be said."""

    def read(findings: Findings) -> Iterator[Sample]:
        for evidence in findings.evidence:
            if evidence.crl is not None and evidence.authentic:
                for labels, number in _single(value(evidence.crl)):
                    yield (str(evidence.depth), *labels), number

    return _found(read)


def _responder(samples: Callable[[ResponderFindings], Iterable[Sample]]) -> _Samples:
    """Look at what was found at a responder that is watched by itself."""
    return _found(lambda findings: () if findings.responder is None else samples(findings.responder))


def _method(value: Callable[[MethodFindings], float | None]) -> _Samples:
    """Look at how a responder took each method, labelled with it."""

    def read(responder: ResponderFindings) -> Iterator[Sample]:
        for each in responder.methods:
            for labels, number in _single(value(each)):
                yield (each.method, *labels), number

    return _responder(read)


def _judged(checks: Iterable[CheckFindings]) -> Iterator[Sample]:
    return (((each.check,), each.conforms) for each in checks if each.conforms is not None)


def _holding(members: Iterable[StrEnum]) -> Iterator[Sample]:
    """Give 1 for each member that holds; the others are absent."""
    return (((member,), 1) for member in members)


def _failure(publication: Publication, _now: float) -> Iterable[Sample]:
    failure = publication.result.failure
    return () if failure is None else _holding((failure,))


def _phases(publication: Publication, _now: float) -> Iterable[Sample]:
    result = publication.result
    return () if result.key_type_served is False else (((phase,), took) for phase, took in result.phases.items())


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


def _remaining(evidence: Evidence, now: float) -> Iterable[Sample]:
    if not evidence.authentic or evidence.next_update is None:
        return ()
    return _single(floor(evidence.next_update - now))


def _revocation(evidence: Evidence) -> Iterable[Sample]:
    if evidence.status is not Status.REVOKED or evidence.revocation is None:
        return ()
    return (((evidence.revocation.reason or "",), evidence.revocation.time),)


_OF_EVIDENCE = ("source", "depth")

METRICS: tuple[Metric, ...] = (
    Metric(
        "ocsp_probe_success",
        "1 if the target could be looked at, whatever was found; 0 if it could not.",
        (),
        _result(lambda result: result.failure is None),
    ),
    Metric(
        "ocsp_probe_failure",
        "1 for the reason why the target could not be looked at; otherwise absent.",
        ("failure",),
        _failure,
    ),
    Metric(
        "ocsp_probe_duration_seconds",
        "How long the whole probe took.",
        (),
        _result(lambda result: result.duration),
    ),
    Metric(
        "ocsp_probe_phase_duration_seconds",
        "How long each part of the probe took; absent for parts that did not take place.",
        ("phase",),
        _phases,
    ),
    Metric(
        "ocsp_probe_timestamp_seconds",
        "When the result shown was obtained.",
        (),
        _result(lambda result: result.obtained_at),
    ),
    Metric(
        "ocsp_probe_interval_seconds",
        "How often the exporter itself probes the target; absent on /probe.",
        (),
        _probe(lambda publication: publication.interval),
    ),
    Metric(
        "ocsp_probe_handshakes",
        "How many TLS handshakes of this probe showed a certificate.",
        (),
        _handshakes(lambda tls: tls.handshakes),
    ),
    Metric(
        "ocsp_probe_stapled_handshakes",
        "How many of the handshakes of this probe carried a staple.",
        (),
        _handshakes(lambda tls: tls.stapled_handshakes),
    ),
    Metric(
        "ocsp_probe_distinct_staples",
        "How many different staples the handshakes of this probe carried.",
        (),
        _handshakes(lambda tls: tls.distinct_staples),
    ),
    Metric(
        "ocsp_key_type_served",
        "1 if the server has a certificate of this key type, 0 if not; only where a module asks for several.",
        (),
        lambda publication, _now: _single(publication.result.key_type_served),
    ),
    Metric(
        "ocsp_tls_info",
        "The TLS version and cipher that were negotiated, as labels; the value is 1.",
        ("version", "cipher"),
        _tls(lambda tls: (((tls.session.version, tls.session.cipher), 1),)),
    ),
    Metric(
        "ocsp_tls_handshake_complete",
        "1 if the handshake completed; 0 if it failed after the certificate had come.",
        (),
        _handshakes(lambda tls: tls.session.complete),
    ),
    Metric(
        "ocsp_tls_client_certificate_requested",
        "1 if the server asked for a client certificate, otherwise 0.",
        (),
        _handshakes(lambda tls: tls.session.client_certificate_requested),
    ),
    Metric(
        "ocsp_chain_trusted",
        "1 if the chain verifies to the roots of the module, for this name, now; otherwise 0.",
        (),
        _handshakes(lambda tls: not tls.session.chain_errors),
    ),
    Metric(
        "ocsp_chain_error",
        "1 for each reason why the chain does not verify; otherwise absent.",
        ("error",),
        _tls(lambda tls: _holding(sorted(tls.session.chain_errors))),
    ),
    Metric(
        "ocsp_certificate_info",
        "What the certificate says of itself, as labels; the value is 1.",
        ("depth", "subject", "issuer", "serial_number", "fingerprint_sha256", "public_key_algorithm"),
        _certificate(_certificate_info),
    ),
    Metric(
        "ocsp_certificate_not_after_timestamp_seconds",
        "When the certificate expires.",
        ("depth",),
        _certificate(lambda certificate: _single(certificate.not_after)),
    ),
    Metric(
        "ocsp_must_staple",
        "1 if the leaf certificate has the TLS feature status_request (RFC 7633), otherwise 0.",
        (),
        _finding(_must_staple),
    ),
    Metric(
        "ocsp_staple_required",
        "1 if the staple policy of the module requires a staple here, otherwise 0.",
        (),
        _handshakes(lambda tls: tls.staple_required),
    ),
    Metric(
        "ocsp_must_staple_compliant",
        "1 if every handshake met the staple policy, 0 if one did not; absent where the policy demands nothing.",
        (),
        _handshakes(lambda tls: tls.compliant),
    ),
    Metric(
        "ocsp_staple_file_matches",
        "1 if every handshake carried the staple in the server's own file, 0 if not; only where the module names one.",
        (),
        _tls(_copy),
    ),
    Metric(
        "ocsp_source_applicable",
        "1 if the source can say something about the certificate, otherwise 0; host is that of its first URL.",
        ("source", "depth", "host"),
        _found(_applicable),
    ),
    Metric(
        "ocsp_source_fetched_timestamp_seconds",
        "When the evidence shown was last obtained.",
        _OF_EVIDENCE,
        _stated(lambda evidence: evidence.fetched_at),
    ),
    Metric(
        "ocsp_status",
        "1 for the status that the source has, 0 for the other five.",
        (*_OF_EVIDENCE, "status"),
        _evidence(lambda evidence: (((status,), status == evidence.status) for status in Status)),
    ),
    Metric(
        "ocsp_problem",
        "1 for each thing that is wrong with the evidence; otherwise absent.",
        (*_OF_EVIDENCE, "problem"),
        _evidence(lambda evidence: _holding(evidence.problems)),
    ),
    Metric(
        "ocsp_response_info",
        "What the OCSP response says of itself and by what right it was signed, as labels; the value is 1.",
        (*_OF_EVIDENCE, "response_status", "responder_id", "signer", "cert_id_hash", "signature_algorithm"),
        _evidence(_response_info),
    ),
    Metric(
        "ocsp_produced_at_timestamp_seconds",
        "When the response was signed, as it says itself (producedAt).",
        _OF_EVIDENCE,
        _stated(lambda evidence: evidence.produced_at),
    ),
    Metric(
        "ocsp_this_update_timestamp_seconds",
        "From when on the evidence holds, as it says itself (thisUpdate).",
        _OF_EVIDENCE,
        _stated(lambda evidence: evidence.this_update),
    ),
    Metric(
        "ocsp_next_update_timestamp_seconds",
        "By when newer evidence is due, as the evidence says itself (nextUpdate).",
        _OF_EVIDENCE,
        _stated(lambda evidence: evidence.next_update),
    ),
    Metric(
        "ocsp_next_update_remaining_seconds",
        "Whole seconds from the scrape to nextUpdate of authentic evidence, negative once past.",
        _OF_EVIDENCE,
        _evidence_at(_remaining),
    ),
    Metric(
        "ocsp_revocation_timestamp_seconds",
        "When the certificate was revoked, according to authentic evidence.",
        (*_OF_EVIDENCE, "reason"),
        _evidence(_revocation),
    ),
    Metric(
        "ocsp_signer_not_after_timestamp_seconds",
        "When the certificate that signed the authentic evidence expires.",
        _OF_EVIDENCE,
        _stated(lambda evidence: evidence.signer_not_after if evidence.authentic else None),
    ),
    Metric(
        "ocsp_staple_lag_seconds",
        "How much newer the responder's thisUpdate is than the staple's; negative where the staple is newer.",
        (),
        _finding(lambda findings: findings.staple_lag),
    ),
    Metric(
        "ocsp_revoked",
        "1 if a source says authentically that the certificate is revoked, 0 if a current good says it is not.",
        ("depth",),
        _found(lambda findings: (((str(depth),), revoked) for depth, revoked in findings.revoked.items())),
    ),
    Metric(
        "ocsp_sources_agree",
        "1 if the verified sources agree, 0 if one contradicts another; absent where fewer than two are verified.",
        ("depth",),
        _found(lambda findings: (((str(depth),), agree) for depth, agree in findings.agreement.items())),
    ),
    Metric(
        "ocsp_crl_number",
        "The cRLNumber of the CRL that was used; absent where it has none.",
        ("depth",),
        _crl(lambda crl: crl.number),
    ),
    Metric(
        "ocsp_crl_entries",
        "How many entries the CRL that was used has.",
        ("depth",),
        _crl(lambda crl: crl.entries),
    ),
    Metric(
        "ocsp_responder_up",
        "1 if the responder answered by this method with HTTP status 200 and what could be verified, otherwise 0.",
        ("method",),
        _method(lambda method: method.up),
    ),
    Metric(
        "ocsp_responder_http_status",
        "The HTTP status of the responder's answer; absent where none came.",
        ("method",),
        _method(lambda method: method.http_status),
    ),
    Metric(
        "ocsp_responder_request_duration_seconds",
        "How long the responder took to answer, the look-up of its name and the connection included.",
        ("method",),
        _method(lambda method: method.duration),
    ),
    Metric(
        "ocsp_responder_response_bytes",
        "How large the responder's answer was, without its HTTP headers.",
        ("method",),
        _method(lambda method: method.size),
    ),
    Metric(
        "ocsp_responder_conforms",
        "1 if the responder conforms to the rule, 0 if not; absent where no answer tells (docs/responders.md).",
        ("check",),
        _responder(lambda responder: _judged(responder.checks)),
    ),
    Metric(
        "ocsp_responder_clock_skew_seconds",
        "By how many seconds the responder's clock is ahead of the exporter's, as its Date says in whole seconds.",
        (),
        _responder(lambda responder: _single(responder.clock_skew)),
    ),
)
