"""OCSP target: all that is known of one target, now and over time."""

from grafana_foundation_sdk.models import dashboard

from dashboards.generate import look
from dashboards.generate.document import Document, Section, query_variable, single_variable
from dashboards.generate.panels import graph, tile, timeline
from dashboards.generate.parts import Happening, Query
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
from dashboards.generate.target_tables import certificates, evidence, problems, revocation, session

_TARGETS = series("ocsp_probe_success", OWN)
_TARGET = single_variable("target", "Target", f"label_values({_TARGETS}, target)")
_OF_TARGET = 'ocsp_probe_success{job=~"$job", instance=~"$instance", target="$target"}'
_MODULE = query_variable("module", "Module", f"label_values({_OF_TARGET}, module)")

#: Where a target is looked at in several ways, their names follow.
_WAY = "{{address}} {{key_type}}"
_EVIDENCE = f"{IDENTITY}, source, depth"
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
                    (9, [(14, _lifetime()), (10, problems())]),
                ),
            ),
            Section("Details over time", ((8, [(8, _lag()), (8, _phases()), (8, _handshakes())]),)),
            Section(
                "Details now",
                (
                    (7, [(24, evidence())]),
                    (6, [(24, certificates())]),
                    (6, [(14, session()), (10, revocation())]),
                ),
            ),
        ),
        annotations=(_changes(),),
    )
