"""OCSP fleet: how many targets are in which state, which are the worst, and since when."""

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

from dashboards.generate import look
from dashboards.generate.document import Document, Section, names_of
from dashboards.generate.panels import graph, grid, heat, tile, timeline
from dashboards.generate.parts import Column, Query
from dashboards.generate.promql import (
    BESIDE,
    FLEET,
    IDENTITY,
    WORST,
    WORST_FEW,
    any_of,
    at_risk,
    doubts,
    good,
    looked_at,
    not_looked_at,
    or_zero,
    remaining,
    revoked,
    series,
    state,
    status_word,
    unless,
    violated,
)
from dashboards.generate.shared import INSTANCE, JOB, MATCHERS, SEARCH, fetch_latency, hosts, to_target

_SOURCE = (
    builders.CustomVariable("source")
    .label("Source over time")
    .values("staple,responder,crl,file")
    .current(dashboard.VariableOption(selected=True, text="staple", value="staple"))
)
#: How many targets the table has, and how many the time line.
_MANY, _FEW = 200, 20
_HOUR, _DAY = 3600, 86400


def _tiles() -> list[dashboard.Panel]:
    worse = (revoked(FLEET), violated(FLEET), at_risk(FLEET))
    doubted = f"max by ({IDENTITY}) ({doubts(FLEET)})"
    nothing_known = unless(looked_at(FLEET), revoked(FLEET), violated(FLEET), good(FLEET), doubted)
    return [
        tile(
            "Revoked",
            "Targets of whose certificate a source says authentically that it is revoked: staple, responder or CRL.",
            or_zero(f"({revoked(FLEET)})", FLEET),
            steps=look.NONE_WANTED,
        ),
        tile(
            "Must-Staple violated",
            "Targets that do not keep their staple policy and are not among the revoked. Clients that insist on a "
            "staple refuse the connection now.",
            or_zero(f"({unless(violated(FLEET), revoked(FLEET))})", FLEET),
            steps=look.NONE_WANTED,
        ),
        tile(
            "Not looked at",
            "Targets that could not be looked at, so that nothing is known of them: no address, refused, no TLS.",
            or_zero(f"({not_looked_at(FLEET)})", FLEET),
            steps=look.NONE_WANTED,
        ),
        tile(
            "At risk",
            "Targets in none of the states to the left, of which a source has a problem, does not know the certificate "
            "or contradicts another, or of which evidence has used up three quarters of its lifetime.",
            or_zero(f"({unless(at_risk(FLEET), *worse[:2])})", FLEET),
            steps=look.NONE_HOPED,
        ),
        tile(
            "Good",
            "Targets with a verified good, and nothing that speaks against it.",
            or_zero(f"({unless(good(FLEET), *worse)})", FLEET),
            steps=look.SOME_WANTED,
        ),
        tile(
            "Nothing known",
            "Targets that were looked at, need no staple, and of which no source says anything: OCSP does not apply to "
            "them, or the exporter may not ask. That is no fault.",
            or_zero(f"({nothing_known})", FLEET),
        ),
    ]


def _worst() -> dashboard.Panel:
    problem = f"topk by ({IDENTITY}) (1, {series('ocsp_problem', WORST)})"
    finding = any_of(
        f'label_join({problem}, "finding", ": ", "source", "problem")',
        f'label_replace({series("ocsp_probe_failure", WORST)}, "finding", "not looked at: $1", "failure", "(.*)")',
    )
    status = look.mappings(look.STATUS_WORDS)
    return grid(
        f"The {_MANY} worst targets",
        "The worst first; among the good, those whose evidence ends first. A click on a target opens it. Ends in: "
        "until nextUpdate of the staple, or without one of the source that ends first. Finding: one of the "
        "problems, or why the target could not be looked at.",
        [
            state(WORST),
            status_word(WORST, "staple"),
            status_word(WORST, "responder"),
            status_word(WORST, "crl"),
            remaining(WORST),
            f"min by ({IDENTITY}) ({series('ocsp_must_staple_compliant', WORST)})",
            f"max by ({IDENTITY}, finding) (\n{finding}\n)",
        ],
        [
            Column("target", "Target", link=to_target("${__data.fields.target:percentencode}"), width=280),
            Column("module", "Module", width=110),
            Column("address", "Address"),
            Column("key_type", "Key type"),
            Column("Value #A", "State", mappings=look.state_mappings(), width=130),
            Column("staple", "Staple", mappings=status, width=110),
            Column("responder", "Responder", mappings=status, width=110),
            Column("crl", "CRL", mappings=status, width=110),
            Column("Value #E", "Ends in", unit="s", steps=look.STAPLE_LEFT, width=110),
            Column("Value #F", "Must-Staple", mappings=look.mappings(look.COMPLIANCE), width=110),
            Column("finding", "Finding"),
        ],
        worst=("-State", "Ends in"),
    )


def _worst_over_time() -> dashboard.Panel:
    return timeline(
        f"The {_FEW} worst targets over time",
        "The states over time of those that are the worst now. A click opens the target.",
        [Query(state(WORST_FEW), "{{target}} {{address}} {{key_type}}")],
        look.state_mappings(),
        [to_target("${__field.labels.target:percentencode}")],
    )


def _in_trouble() -> dashboard.Panel:
    def counted(name: str, condition: str) -> str:
        return or_zero(f"({series(name, FLEET)} {condition})", FLEET)

    return graph(
        "In trouble over time",
        "How many certificates were revoked, how many targets violated their staple policy or were not looked at, how "
        "much evidence was past its nextUpdate, and of how many certificates the sources contradicted each other.",
        [
            # Not grouped by target as the tiles are: that would cost five times as much at each of a hundred times.
            Query(counted("ocsp_revoked", "== 1"), "revoked"),
            Query(counted("ocsp_must_staple_compliant", "== 0"), "violated"),
            Query(counted("ocsp_probe_success", "== 0"), "not looked at"),
            Query(counted("ocsp_next_update_remaining_seconds", "< 0"), "past nextUpdate"),
            Query(counted("ocsp_sources_agree", "== 0"), "contradicting"),
        ],
        unit="short",
        colours={
            "revoked": ("revoked", "dark-red"),
            "violated": ("Must-Staple violated", "red"),
            "not looked at": ("not looked at", "purple"),
            "past nextUpdate": ("past nextUpdate", "orange"),
            "contradicting": ("sources contradict", "blue"),
        },
    )


def _statuses() -> dashboard.Panel:
    status = series("ocsp_status", FLEET, 'source="$source"')
    return graph(
        "Statuses over time: $source",
        "How many certificates have which status by the chosen source. What a source does not apply to is not counted.",
        [Query(f"sum by (status) ({status})", "{{status}}")],
        unit="short",
        stacked=True,
        colours=look.STATUS_WORDS,
    )


def _time_left() -> dashboard.Panel:
    left = series("ocsp_next_update_remaining_seconds", FLEET, 'source="$source"')
    bounds = (0, _HOUR, 6 * _HOUR, _DAY, 2 * _DAY, 4 * _DAY, 7 * _DAY, 14 * _DAY)
    counts = [f'label_replace(sum({left} <= bool {bound}), "le", "{bound}", "", "")' for bound in bounds]
    return heat(
        "Time left until nextUpdate: $source",
        "For how many certificates how much time is left until the evidence of the chosen source ends. The lowest row "
        "has ended. A healthy fleet is a band that stays where it is; what sinks is not being refreshed.",
        any_of(*counts, f'label_replace(count({left}), "le", "+Inf", "", "")'),
        unit="s",
    )


def fleet() -> Document:
    """Give the dashboard of all targets."""
    return Document(
        "ocsp-fleet",
        "OCSP fleet",
        "How many targets are in which state, which are the worst, and since when (ocsp_exporter).",
        (
            JOB,
            INSTANCE,
            SEARCH,
            MATCHERS,
            _SOURCE,
            names_of("worst", f"topk({_MANY}, {state(FLEET)})"),
            names_of("worst_few", f"topk({_FEW}, {state(FLEET)})"),
        ),
        (
            Section("", ((3, [(4, each) for each in _tiles()]), (11, [(24, _worst())]))),
            Section(
                "Over time",
                (
                    (10, [(24, _worst_over_time())]),
                    (9, [(12, _in_trouble()), (12, _statuses())]),
                    (9, [(24, _time_left())]),
                ),
            ),
            Section("Responders and CRL servers", ((9, [(14, hosts(BESIDE)), (10, fetch_latency(BESIDE))]),)),
        ),
    )
