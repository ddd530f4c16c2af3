"""OCSP responders and CRLs: whether those who vouch for certificates are there, right, fresh and allowed to sign."""

from grafana_foundation_sdk.models import dashboard

from dashboards.generate import look
from dashboards.generate.document import Document, Section, names_of
from dashboards.generate.panels import graph, grid, matrix, timeline
from dashboards.generate.parts import Column, Query
from dashboards.generate.promql import BESIDE, FLEET, IDENTITY, OLDEST, Scope, any_of, elapsed, series
from dashboards.generate.shared import INSTANCE, JOB, MATCHERS, SEARCH, fetch_failures, fetch_latency, hosts, to_target

_AUTHORITIES = 'source=~"responder|crl"'
_WATCHED = "target, address, method"
_EVIDENCE = f"{IDENTITY}, source, depth"


def _at_hosts(query: str, scope: Scope, sources: str, by: str) -> str:
    """Add to what a query gives of certificates the host of the source, or the path of its file."""
    at_host = series("ocsp_source_applicable", scope, f'source=~"{sources}"', 'host!=""')
    in_file = series("ocsp_source_applicable", scope, f'source=~"{sources}"', 'host=""')
    named = any_of(f"({at_host} == 1)", f'label_replace({in_file} == 1, "host", "$1", "target", "(.+)")')
    return f"max by ({by}) ({query}) * on ({by}) group_right max by ({by}, host) ({named})"


def _crl(query: str, take: str, scope: Scope = FLEET) -> str:
    """Take one value of all the CRLs of a host."""
    return f"{take} by (host) ({_at_hosts(query, scope, 'crl', f'{IDENTITY}, depth')})"


def _oldest() -> str:
    """Give one target for each host and kind of source: that of which the answer is the oldest."""
    lifetimes = _at_hosts(elapsed(FLEET, _AUTHORITIES), FLEET, "responder|crl", _EVIDENCE)
    return f"topk by (source, host) (1, {lifetimes})"


def _up() -> dashboard.Panel:
    up = f"min by ({_WATCHED}) ({series('ocsp_responder_up', FLEET)})"
    return timeline(
        "Availability over time",
        "Whether each watched responder gave a verified answer, by GET and by POST. A responder is watched by a module "
        "with prober: responder. A click opens it.",
        [Query(up, "{{target}} {{address}} {{method}}")],
        look.mappings(look.UP),
        [to_target("${__field.labels.target:percentencode}")],
    )


def _watched() -> dashboard.Panel:
    up = series("ocsp_responder_up", FLEET)
    return grid(
        "Watched responders",
        "Each watched responder and method: up now, the part of the shown time it was up, what HTTP said, how long it "
        "took, and how large the answer was.",
        [
            f"min by ({_WATCHED}) ({up})",
            f"min by ({_WATCHED}) (avg_over_time({up}[$__range]))",
            f"max by ({_WATCHED}) ({series('ocsp_responder_http_status', FLEET)})",
            f"max by ({_WATCHED}) ({series('ocsp_responder_request_duration_seconds', FLEET)})",
            f"max by ({_WATCHED}) ({series('ocsp_responder_response_bytes', FLEET)})",
        ],
        [
            Column("target", "Responder", link=to_target("${__data.fields.target:percentencode}")),
            Column("address", "Address"),
            Column("method", "Method", width=80),
            Column("Value #A", "Now", mappings=look.mappings(look.UP), width=80),
            Column(
                "Value #B", "Up", unit="percentunit", steps=((0, "red"), (0.99, "orange"), (0.999, "green")), width=80
            ),
            Column("Value #C", "HTTP", unit="none", width=80),
            Column("Value #D", "Latency", unit="s", width=90),
            Column("Value #E", "Size", unit="bytes", width=80),
        ],
        worst=("Now", "Up"),
    )


def _latency() -> dashboard.Panel:
    latency = f"max by ({_WATCHED}) ({series('ocsp_responder_request_duration_seconds', FLEET)})"
    return graph(
        "Latency of watched responders",
        "How long each request took, by method.",
        [Query(latency, "{{target}} {{address}} {{method}}")],
        unit="s",
    )


def _skew() -> dashboard.Panel:
    return graph(
        "Clock of watched responders",
        "The responder's Date header minus our time. A clock that is ahead makes answers that are not yet valid.",
        [Query(series("ocsp_responder_clock_skew_seconds", FLEET), "{{target}} {{address}}")],
        unit="s",
    )


def _conformance() -> dashboard.Panel:
    return matrix(
        "Conformance",
        "Which rules each watched responder keeps (RFC 6960, RFC 9919, and with profile: public those of the "
        "CA/Browser Forum). A rule that was not tried has no word.",
        f"min by (target, check) ({series('ocsp_responder_conforms', FLEET)})",
        rows="target",
        heading="Responder",
        columns="check",
        words=look.CONFORMS,
    )


def _signers() -> dashboard.Panel:
    left = series("ocsp_signer_not_after_timestamp_seconds", FLEET)
    info = series("ocsp_response_info", FLEET, 'responder_id!=""')
    ends = f"max by ({_EVIDENCE}) ({left})"
    named = f"max by ({_EVIDENCE}, responder_id, signer) ({info})"
    return grid(
        "Signers of OCSP responses",
        "When the certificates expire that sign OCSP responses, those that end first on top: what they signed ends "
        "with them. Delegated ones are short-lived and have to be renewed in time.",
        [
            f"bottomk(50, min by (responder_id, signer) ({ends} * on ({_EVIDENCE}) group_right {named}) - time())",
        ],
        [
            Column("responder_id", "Responder ID"),
            Column("signer", "By right of", width=110),
            Column("Value", "Ends in", unit="s", steps=look.CERTIFICATE_LEFT, width=110),
        ],
        worst=("Ends in",),
    )


def _crls() -> dashboard.Panel:
    crl = 'source="crl"'
    begun = series("ocsp_this_update_timestamp_seconds", FLEET, crl)
    ends = series("ocsp_next_update_timestamp_seconds", FLEET, crl)
    return grid(
        "CRLs",
        "The CRLs of each host: how old the oldest is, until when it holds, its number and how many certificates it "
        "lists. A CRL in a file has its path in place of the host.",
        [
            f"time() - {_crl(begun, 'min')}",
            f"{_crl(ends, 'min')} - time()",
            _crl(series("ocsp_crl_number", FLEET), "max"),
            _crl(series("ocsp_crl_entries", FLEET), "max"),
        ],
        [
            Column("host", "Host"),
            Column("Value #A", "Age", unit="s", width=100),
            Column("Value #B", "Ends in", unit="s", steps=look.STAPLE_LEFT, width=100),
            Column("Value #C", "Number", unit="none", width=140),
            Column("Value #D", "Entries", unit="short", width=90),
        ],
        worst=("Ends in",),
    )


def _lifetimes() -> dashboard.Panel:
    oldest = _at_hosts(elapsed(OLDEST, _AUTHORITIES), OLDEST, "responder|crl", _EVIDENCE)
    return graph(
        "Lifetime elapsed",
        "How much of its time between thisUpdate and nextUpdate what is now the oldest answer of each host had used "
        "up. CAs issue anew at half of it, or shortly before the end; what climbs past 95 % is late.",
        [Query(f"max by (source, host) ({oldest})", "{{source}} {{host}}")],
        unit="percentunit",
        steps=look.AUTHORITY_LIFETIME,
    )


def _entries() -> dashboard.Panel:
    return graph(
        "Certificates on the CRLs",
        "How many certificates the CRL lists that is now the oldest of each host. A sudden fall is a CRL that lost its "
        "entries.",
        [Query(_crl(series("ocsp_crl_entries", OLDEST), "max", OLDEST), "{{host}}")],
        unit="short",
    )


def responders() -> Document:
    """Give the dashboard of the sources beside the staple."""
    return Document(
        "ocsp-responders",
        "OCSP responders and CRLs",
        "Whether responders and CRL servers are there, right, fresh, and allowed to sign (ocsp_exporter).",
        (JOB, INSTANCE, SEARCH, MATCHERS, names_of("oldest", _oldest())),
        (
            Section(
                "Hosts that the exporter asks",
                ((8, [(14, hosts(BESIDE)), (10, fetch_latency(BESIDE))]), (7, [(24, fetch_failures(BESIDE))])),
            ),
            Section(
                "What they issue",
                (
                    (8, [(12, _crls()), (12, _signers())]),
                    (8, [(12, _lifetimes()), (12, _entries())]),
                ),
            ),
            Section(
                "Watched responders (prober: responder)",
                (
                    (8, [(12, _up()), (12, _watched())]),
                    (8, [(24, _conformance())]),
                    (7, [(12, _latency()), (12, _skew())]),
                ),
            ),
        ),
    )
