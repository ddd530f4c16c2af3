"""A probe's outcome as a JSON document. Pure."""

import base64

from ocsp_exporter.model import Evidence, Findings, ProbeResult, ResponderFindings, Source, TLSFindings
from ocsp_exporter.report.assessment import assess

#: What `json` can write.
Document = dict[str, object]


def document(result: ProbeResult, now: float, *, der: bool = True) -> Document:
    """Return everything that one way of looking found, judged at a point in time, as one JSON object.

    The keys are always there; what does not exist is null. Times are seconds since 1970 (UTC), except in
    `ocsp`, which has k6's keys and its milliseconds. The words are those of the metrics' labels.

    - `target`, `host`, `port`, `module`: what was looked at, and how
    - `address`, `key_type`: null, or what tells this result from the others of the same target;
      `key_type_served`: null, or whether the server has a certificate of that type; if not, all below is null or empty
    - `obtained_at`, `duration`, `phases` {phase: seconds}
    - `verdict`: {`level`: critical | failed | warning | ok | nothing_known | not_applicable,
      `grounds`: [{`level`, `text`}]}, the worst ground first
    - `failure`: null, or {`failure`, `detail`} where the target could not be looked at; then all below is null
      or empty
    - `tls`: {`address`, `version`, `cipher`, `handshake_complete`, `client_certificate_requested`}
    - `chain`: {`trusted`, `errors`: [chain error]}
    - `certificates`: [{`depth`, `subject`, `issuer`, `serial_number`, `fingerprint_sha256`,
      `public_key_algorithm`, `not_before`, `not_after`, `must_staple`, `ocsp_urls`, `crl_urls`}], the leaf first
    - `staples`: {`handshakes`, `stapled_handshakes`, `distinct_staples`, `required`,
      `compliant`: true | false | null where the policy demands nothing,
      `file`: null where the module names none, or {`matches`: true | false | null where one of both could not be had,
      `detail`: why}}
    - `sources`: [{`source`, `depth`, `applicable`, `host`}]
    - `evidence`: [{`source`, `depth`, `status`, `problems`, `authentic`, `produced_at`, `this_update`, `next_update`,
      `revocation`: null or {`time`, `reason`}, `response`: null or {`response_status`, `responder_id`, `signer`,
      `cert_id_hash`, `signature_algorithm`, `nocheck`}, `crl`: null or {`number`, `entries`}, `signer_not_after`,
      `fetched_at`, `der`: base64, null for a CRL, and everywhere without the argument `der`}]
    - `responder`: null, or of a responder that was watched by itself {`url`, `clock_skew`: seconds or null,
      `methods`: [{`method`, `up`: true | false | null where it was not asked in time, `http_status`, `duration`,
      `size`, `said`}], `checks`: [{`check`, `conforms`: true | false | null where no answer tells, `seen`}]}
    - `revoked`: {depth: bool}, only where it is known
    - `agreement`: {depth: bool}, only where two sources or more are verified; `staple_lag`: null, or seconds by which
      the responder's this_update is after the staple's
    - `ocsp`, the staple at a glance: {`status`, `revocation_reason`, `produced_at`, `this_update`, `next_update`,
      `revoked_at`}; `status` is `missing` where one is required and none was sent, null where none is required or
      nothing could be looked at. Revocation is told of authentic staples only.
    """
    judged = assess(result, now)
    return {
        "target": result.target.name,
        "host": result.target.host,
        "port": result.target.port,
        "module": result.module,
        "address": result.address,
        "key_type": result.key_type,
        "key_type_served": result.key_type_served,
        "obtained_at": result.obtained_at,
        "duration": result.duration,
        "phases": dict(result.phases),
        "verdict": {
            "level": judged.level,
            "grounds": [{"level": ground.level, "text": ground.text} for ground in judged.grounds],
        },
        "failure": {"failure": result.failure, "detail": result.detail} if result.failure else None,
        **_findings(result.findings, der=der),
        "ocsp": _k6(_staple(result.findings)),
    }


def _findings(findings: Findings | None, *, der: bool) -> Document:
    if findings is None:
        return {
            **_tls(None),
            "certificates": [],
            "sources": [],
            "evidence": [],
            "responder": None,
            "revoked": {},
            "agreement": {},
            "staple_lag": None,
        }
    return {
        **_tls(findings.tls),
        "certificates": [
            {
                "depth": facts.depth,
                "subject": facts.subject,
                "issuer": facts.issuer,
                "serial_number": facts.serial_number,
                "fingerprint_sha256": facts.fingerprint_sha256,
                "public_key_algorithm": facts.public_key_algorithm,
                "not_before": facts.not_before,
                "not_after": facts.not_after,
                "must_staple": facts.must_staple,
                "ocsp_urls": list(facts.ocsp_urls),
                "crl_urls": list(facts.crl_urls),
            }
            for facts in findings.certificates
        ],
        "sources": [
            {"source": entry.source, "depth": entry.depth, "applicable": entry.applicable, "host": entry.host}
            for entry in findings.applicability
        ],
        "evidence": [_evidence(entry, der=der) for entry in findings.evidence],
        "responder": _responder(findings.responder) if findings.responder else None,
        "revoked": {str(depth): revoked for depth, revoked in findings.revoked.items()},
        "agreement": {str(depth): agree for depth, agree in findings.agreement.items()},
        "staple_lag": findings.staple_lag,
    }


def _tls(tls: TLSFindings | None) -> Document:
    if tls is None:
        return {"tls": None, "chain": None, "staples": None}
    session = tls.session
    return {
        "tls": {
            "address": session.address,
            "version": session.version,
            "cipher": session.cipher,
            "handshake_complete": session.complete,
            "client_certificate_requested": session.client_certificate_requested,
        },
        "chain": {"trusted": not session.chain_errors, "errors": sorted(session.chain_errors)},
        "staples": {
            "handshakes": tls.handshakes,
            "stapled_handshakes": tls.stapled_handshakes,
            "distinct_staples": tls.distinct_staples,
            "required": tls.staple_required,
            "compliant": tls.compliant,
            "file": tls.copy and {"matches": tls.copy.matches, "detail": tls.copy.detail},
        },
    }


def _responder(responder: ResponderFindings) -> Document:
    return {
        "url": responder.url,
        "clock_skew": responder.clock_skew,
        "methods": [
            {
                "method": each.method,
                "up": each.up,
                "http_status": each.http_status,
                "duration": each.duration,
                "size": each.size,
                "said": each.said,
            }
            for each in responder.methods
        ],
        "checks": [{"check": each.check, "conforms": each.conforms, "seen": each.seen} for each in responder.checks],
    }


def _evidence(evidence: Evidence, *, der: bool) -> Document:
    response, revocation = evidence.response, evidence.revocation
    return {
        "source": evidence.source,
        "depth": evidence.depth,
        "status": evidence.status,
        "problems": list(evidence.problems),
        "authentic": evidence.authentic,
        "produced_at": evidence.produced_at,
        "this_update": evidence.this_update,
        "next_update": evidence.next_update,
        "revocation": revocation and {"time": revocation.time, "reason": revocation.reason},
        "response": response
        and {
            "response_status": response.response_status,
            "responder_id": response.responder_id or None,
            "signer": response.signer,
            "cert_id_hash": response.cert_id_hash or None,
            "signature_algorithm": response.signature_algorithm or None,
            "nocheck": response.nocheck,
        },
        "crl": evidence.crl and {"number": evidence.crl.number, "entries": evidence.crl.entries},
        "signer_not_after": evidence.signer_not_after,
        "fetched_at": evidence.fetched_at,
        "der": base64.b64encode(evidence.der).decode("ascii") if der and evidence.der is not None else None,
    }


def _staple(findings: Findings | None) -> Evidence | None:
    evidence = findings.evidence if findings is not None else ()
    return next((entry for entry in evidence if entry.source is Source.STAPLE and entry.depth == 0), None)


def _k6(staple: Evidence | None) -> Document:
    revocation = staple.revocation if staple is not None and staple.authentic else None
    return {
        "status": staple and staple.status,
        "revocation_reason": revocation and revocation.reason,
        "produced_at": staple and _milliseconds(staple.produced_at),
        "this_update": staple and _milliseconds(staple.this_update),
        "next_update": staple and _milliseconds(staple.next_update),
        "revoked_at": revocation and _milliseconds(revocation.time),
    }


def _milliseconds(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1000
