"""OCSP target: all that is known of one target, now and over time."""

from grafana_foundation_sdk.models import dashboard

from dashboards.generate import look
from dashboards.generate.document import Document, Section, query_variable, single_variable
from dashboards.generate.panels import graph, grid, tile, timeline
from dashboards.generate.parts import Column, Happening, Query
from dashboards.generate.promql import (
    IDENTITY,
    ONE,
    OWN,
    any_of,
    elapsed,
    looked_at,
    not_looked_at,
    series,
    status_code,
)
from dashboards.generate.shared import INSTANCE, JOB, MATCHERS

_TARGETS = series("ocsp_probe_success", OWN)
_TARGET = single_variable("target", "Target", f"label_values({_TARGETS}, target)")
_OF_TARGET = 'ocsp_probe_success{job=~"$job", instance=~"$instance", target="$target"}'
_MODULE = query_variable("module", "Module", f"label_values({_OF_TARGET}, module)")

#: Where a target is looked at in several ways, their names follow.
_WAY = "{{address}} {{key_type}}"
_EVIDENCE = f"{IDENTITY}, source, depth"
_CERTIFICATE = f"{IDENTITY}, depth"
#: Words of the time line, beside those of the statuses: other numbers for what has no status.
_KEPT, _NOT_KEPT, _LOOKED, _NOT_LOOKED = 11, 12, 13, 14
_WORDS = {
    **look.STATUS_CODE_WORDS,
    str(_KEPT): ("kept", "green"),
    str(_NOT_KEPT): ("violated", "red"),
    str(_LOOKED): ("looked at", "green"),
    str(_NOT_LOOKED): ("not looked at", "purple"),
}


def _of_leaf(query: str) -> str:
    """Take the depth of the leaf off, so that the names of its series are plain."""
    return f'label_replace({query}, "depth", "", "depth", "0")'


def _status(title: str, source: str, description: str) -> dashboard.Panel:
    by = "source"
    code = status_code(ONE, by, f'source="{source}"')
    return tile(title, description, code, words=look.STATUS_CODE_WORDS)


def _verdicts() -> list[dashboard.Panel]:
    return [
        tile(
            "Could be looked at",
            "Whether the last probe could look at the target at all. If not, all else here is from before, and the "
            "table of problems says why.",
            f"min({series('ocsp_probe_success', ONE)})",
            words=look.LOOKED_AT,
        ),
        _status(
            "Staple",
            "staple",
            "What the staple says, the worst if there are several. No data: none was sent and none is required.",
        ),
        _status(
            "Responder", "responder", "What the CA's OCSP responder says. No data: it does not apply, or is not asked."
        ),
        _status("CRL", "crl", "What the CA's CRL says. No data: it does not apply, or was not needed."),
        tile(
            "Must-Staple",
            "Whether every handshake of the last probe kept the staple policy. No data: nothing is demanded here.",
            f"min({series('ocsp_must_staple_compliant', ONE)})",
            words=look.COMPLIANCE,
        ),
        tile(
            "Sources",
            "Whether the verified sources agree. No data: fewer than two are verified.",
            f"min({series('ocsp_sources_agree', ONE)})",
            words=look.AGREEMENT,
        ),
    ]


def _times() -> list[dashboard.Panel]:
    left = series("ocsp_next_update_remaining_seconds", ONE, 'source="staple"')
    return [
        tile(
            "Staple ends in",
            "Until the nextUpdate of the staple; negative once past. Clients refuse a staple that has ended.",
            f"min({left})",
            unit="s",
            steps=look.STAPLE_LEFT,
        ),
        tile(
            "Certificate ends in",
            "Until the certificate expires.",
            f"min({series('ocsp_certificate_not_after_timestamp_seconds', ONE)} - time())",
            unit="s",
            steps=look.CERTIFICATE_LEFT,
        ),
        tile(
            "Signer ends in",
            "Until the first of the certificates expires that signed the evidence. What they signed ends with them.",
            f"min({series('ocsp_signer_not_after_timestamp_seconds', ONE)} - time())",
            unit="s",
            steps=look.CERTIFICATE_LEFT,
        ),
        tile(
            "Staple behind responder",
            "How much newer the responder's answer is than the staple. Much: the server's refresher is stuck.",
            f"max({series('ocsp_staple_lag_seconds', ONE)})",
            unit="s",
        ),
        tile(
            "Chain",
            "Whether the chain verifies to the roots of the module, for this name. The staple counts all the same.",
            f"min({series('ocsp_chain_trusted', ONE)})",
            words=look.TRUSTED,
        ),
        tile(
            "Staple file",
            "Whether the server sends the staple that its file holds. No data: the module names no staple.file.",
            f"min({series('ocsp_staple_file_matches', ONE)})",
            words=look.ON_DISK,
        ),
    ]


def _over_time() -> dashboard.Panel:
    statuses = _of_leaf(status_code(ONE, _EVIDENCE))
    kept = series("ocsp_must_staple_compliant", ONE)
    looked = any_of(f"({not_looked_at(ONE)}) * 0 + {_NOT_LOOKED}", f"({looked_at(ONE)}) * 0 + {_LOOKED}")
    return timeline(
        "Status over time",
        "What each source said of the certificate, whether the staple policy was kept, and whether the target could be "
        "looked at. A number after a source is the depth of a certificate above the leaf.",
        [
            Query(statuses, f"{{{{source}}}} {{{{depth}}}} {_WAY}"),
            Query(f"{_NOT_KEPT} - min by ({IDENTITY}) ({kept})", f"Must-Staple {_WAY}"),
            Query(looked, f"target {_WAY}"),
        ],
        look.mappings(_WORDS),
    )


def _lifetime() -> dashboard.Panel:
    return graph(
        "Lifetime elapsed",
        "How much of its time between thisUpdate and nextUpdate the evidence of each source has used up. It climbs "
        "and falls at each refresh. A staple is overdue past 75 %; CAs may take longer. At 100 % it has ended.",
        [Query(_of_leaf(elapsed(ONE)), f"{{{{source}}}} {{{{depth}}}} {_WAY}")],
        unit="percentunit",
        steps=look.STAPLE_LIFETIME,
    )


def _problems() -> dashboard.Panel:
    problems = any_of(
        series("ocsp_problem", ONE),
        f'label_replace({series("ocsp_chain_error", ONE)}, "problem", "chain: $1", "error", "(.*)")',
        f'label_replace({series("ocsp_probe_failure", ONE)}, "problem", "not looked at: $1", "failure", "(.*)")',
    )
    return grid(
        "Problems now",
        "Everything that is wrong with the evidence, why the chain does not verify, and why the target could not be "
        "looked at. Empty is good. docs/verdicts.md says what each means and what to do.",
        [f"max by ({_EVIDENCE}, problem) (\n{problems}\n)"],
        [
            Column("source", "Source", width=110),
            Column("depth", "Depth", width=70),
            Column("problem", "Problem"),
            Column("module", "Module"),
            Column("address", "Address"),
            Column("key_type", "Key type"),
        ],
        empty=look.NOTHING,
    )


def _lag() -> dashboard.Panel:
    return graph(
        "Staple lag",
        "How much newer the responder's thisUpdate is than the staple's. It climbs without end where the server no "
        "longer refreshes; negative where the staple is newer.",
        [Query(series("ocsp_staple_lag_seconds", ONE), f"lag {_WAY}")],
        unit="s",
    )


def _phases() -> dashboard.Panel:
    phases = series("ocsp_probe_phase_duration_seconds", ONE)
    return graph(
        "Phases of the probe",
        "How long the parts of the probe took: resolving the name, connecting, STARTTLS, the TLS handshake.",
        [Query(f"avg by (phase) ({phases})", "{{phase}}")],
        unit="s",
        stacked=True,
    )


def _handshakes() -> dashboard.Panel:
    return graph(
        "Handshakes and staples",
        "Handshakes in each probe, how many carried a staple, and how many different ones: several nodes behind one "
        "address show here.",
        [
            Query(f"sum({series('ocsp_probe_handshakes', ONE)})", "handshakes"),
            Query(f"sum({series('ocsp_probe_stapled_handshakes', ONE)})", "with a staple"),
            Query(f"sum({series('ocsp_probe_distinct_staples', ONE)})", "different staples"),
        ],
        unit="short",
    )


def _evidence() -> dashboard.Panel:
    def when(name: str) -> str:
        return f"max by ({_EVIDENCE}) ({series(name, ONE)}) * 1000"

    info = series("ocsp_response_info", ONE)
    return grid(
        "Evidence",
        "What each source's evidence says of itself, believed or not, and when it was obtained.",
        [
            status_code(ONE, _EVIDENCE),
            when("ocsp_this_update_timestamp_seconds"),
            when("ocsp_next_update_timestamp_seconds"),
            when("ocsp_produced_at_timestamp_seconds"),
            when("ocsp_source_fetched_timestamp_seconds"),
            when("ocsp_signer_not_after_timestamp_seconds"),
            f"max by ({_EVIDENCE}, signer, responder_id) ({info})",
        ],
        [
            Column("source", "Source", width=100),
            Column("depth", "Depth", width=70),
            Column("Value #A", "Status", mappings=look.mappings(look.STATUS_CODE_WORDS), width=105),
            Column("Value #B", "thisUpdate", unit="dateTimeAsIso", width=155),
            Column("Value #C", "nextUpdate", unit="dateTimeAsIso", width=155),
            Column("Value #D", "producedAt", unit="dateTimeAsIso", width=155),
            Column("Value #E", "Obtained", unit="dateTimeAsIso", width=155),
            Column("Value #F", "Signer ends", unit="dateTimeAsIso", width=155),
            Column("signer", "Signed by", width=90),
            Column("responder_id", "Responder ID"),
            Column("module", "Module", width=90),
            Column("address", "Address"),
            Column("key_type", "Key type"),
        ],
    )


def _certificates() -> dashboard.Panel:
    info = series("ocsp_certificate_info", ONE)
    ends = series("ocsp_certificate_not_after_timestamp_seconds", ONE)
    return grid(
        "Certificates",
        "The certificates that are checked, the leaf at depth 0.",
        [
            f"max by ({_CERTIFICATE}, subject, issuer, serial_number, public_key_algorithm) ({info})",
            f"max by ({_CERTIFICATE}) ({ends}) * 1000",
        ],
        [
            Column("depth", "Depth", width=70),
            Column("subject", "Subject"),
            Column("issuer", "Issuer"),
            Column("Value #B", "Ends", unit="dateTimeAsIso", width=165),
            Column("public_key_algorithm", "Key", width=120),
            Column("serial_number", "Serial number"),
            Column("module", "Module"),
            Column("address", "Address"),
            Column("key_type", "Key type"),
        ],
    )


def _session() -> dashboard.Panel:
    def fact(name: str) -> str:
        return f"min by ({IDENTITY}) ({series(name, ONE)})"

    info = series("ocsp_tls_info", ONE)
    return grid(
        "TLS",
        "What the handshake negotiated, whether it completed and the server asked for a client certificate, whether "
        "the certificate has the TLS feature (Must-Staple), and whether the policy requires a staple here.",
        [
            f"max by ({IDENTITY}, version, cipher) ({info})",
            fact("ocsp_tls_handshake_complete"),
            fact("ocsp_tls_client_certificate_requested"),
            fact("ocsp_must_staple"),
            fact("ocsp_staple_required"),
        ],
        [
            Column("version", "Version", width=80),
            Column("cipher", "Cipher"),
            Column("Value #B", "Completed", mappings=look.mappings(look.YES_NO), width=90),
            Column("Value #C", "Client cert.", mappings=look.mappings(look.YES_NO), width=100),
            Column("Value #D", "Must-Staple", mappings=look.mappings(look.YES_NO), width=100),
            Column("Value #E", "Required", mappings=look.mappings(look.YES_NO), width=90),
            Column("module", "Module", width=90),
            Column("address", "Address"),
            Column("key_type", "Key type"),
        ],
    )


def _revocation() -> dashboard.Panel:
    revocation = series("ocsp_revocation_timestamp_seconds", ONE)
    return grid(
        "Revocation",
        "When and why the certificate was revoked, by each source that says so. Empty is good.",
        [f"max by ({_EVIDENCE}, reason) ({revocation}) * 1000"],
        [
            Column("source", "Source", width=110),
            Column("depth", "Depth", width=70),
            Column("Value", "Revoked at", unit="dateTimeAsIso", width=180),
            Column("reason", "Reason"),
            Column("address", "Address"),
            Column("key_type", "Key type"),
        ],
        empty=look.NOTHING,
    )


def _changes() -> dashboard.AnnotationQuery:
    status = series("ocsp_status", ONE)
    return Happening(
        "Status changed",
        f"({status} == 1) and ({status} offset $__interval == 0)",
        "{{source}}: {{status}}",
        "{{target}} {{address}} {{key_type}} depth {{depth}}",
    )


def target() -> Document:
    """Give the dashboard of one target."""
    return Document(
        "ocsp-target",
        "OCSP target",
        "All that is known of one target: the verdict of each source, its times, and the handshake (ocsp_exporter).",
        (JOB, INSTANCE, MATCHERS, _TARGET, _MODULE),
        (
            Section(
                "",
                (
                    (3, [(4, each) for each in _verdicts()]),
                    (3, [(4, each) for each in _times()]),
                    (7, [(24, _over_time())]),
                    (9, [(14, _lifetime()), (10, _problems())]),
                ),
            ),
            Section("Details over time", ((8, [(8, _lag()), (8, _phases()), (8, _handshakes())]),)),
            Section(
                "Details now",
                (
                    (7, [(24, _evidence())]),
                    (6, [(24, _certificates())]),
                    (6, [(14, _session()), (10, _revocation())]),
                ),
            ),
        ),
        annotations=(_changes(),),
    )
