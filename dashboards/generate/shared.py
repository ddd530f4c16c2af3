"""Variables, links and panels that several dashboards have."""

from typing import Final

from grafana_foundation_sdk.models import dashboard

from dashboards.generate import look
from dashboards.generate.document import query_variable, text_variable
from dashboards.generate.panels import graph, grid
from dashboards.generate.parts import Column, Link, Query
from dashboards.generate.promql import Scope, series

_ANYTHING = '{__name__=~"ocsp_probe_success|ocsp_exporter_build_info"'

#: Where Prometheus probes through the exporter, the targets and the exporter itself are of different jobs.
JOB: Final = query_variable("job", "Job", f"label_values({_ANYTHING}}}, job)")
INSTANCE: Final = query_variable("instance", "Instance", f'label_values({_ANYTHING}, job=~"$job"}}, instance)')

#: What FLEET looks for in the names of targets.
SEARCH: Final = text_variable("search", "Target contains (regex)", "A part of the names of the targets to be shown.")
#: What `Scope.filtered` adds.
MATCHERS: Final = text_variable("matchers", "Label matchers", 'Labels of your own, for example: team="web"')


def to_target(name: str) -> Link:
    """Lead to the dashboard of one target, with the same data source, filters and time; `name` is Grafana's for it."""
    kept = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${matchers:queryparam}"
    return Link("Open this target", f"/d/ocsp-target/ocsp-target?var-target={name}&{kept}&${{__url_time_range}}")


def hosts(scope: Scope) -> dashboard.Panel:
    """Tell which hosts of responders, CRLs and issuers fail."""
    fetches = f"sum by (kind, host) (increase({series('ocsp_exporter_fetches_total', scope)}[$__range]))"
    failures = f"sum by (kind, host) (increase({series('ocsp_exporter_fetch_failures_total', scope)}[$__range]))"
    return grid(
        "Responder and CRL hosts",
        "What the exporter fetched from which host in the shown time, the worst first. Last fetch: whether the host "
        "answered when it was last asked. Failed: the part of the fetches that brought nothing of use.",
        [
            f"min by (kind, host) ({series('ocsp_exporter_host_up', scope)})",
            fetches,
            failures,
            f"{failures} / ({fetches} > 0)",
        ],
        [
            Column("host", "Host"),
            Column("kind", "Kind", width=80),
            Column("Value #A", "Last fetch", mappings=look.mappings(look.UP), width=100),
            Column("Value #B", "Fetches", unit="short", width=90),
            Column("Value #C", "Failures", unit="short", width=90),
            Column(
                "Value #D", "Failed", unit="percentunit", steps=((0, "green"), (0.01, "orange"), (0.5, "red")), width=90
            ),
        ],
        worst=("-Failed", "Last fetch"),
    )


def fetch_latency(scope: Scope) -> dashboard.Panel:
    """Tell how long responders and CRL servers take."""
    buckets = (
        f"sum by (kind, le) (rate({series('ocsp_exporter_fetch_duration_seconds_bucket', scope)}[$__rate_interval]))"
    )
    watched = f"max by (target) ({series('ocsp_responder_request_duration_seconds', scope)})"
    return graph(
        "Latency of responders and CRL servers",
        "How long fetches took: half of them, and all but one in a hundred, by what was fetched; and the five slowest "
        "responders that are watched by themselves (prober responder). Waiting for one's turn is not counted.",
        [
            Query(f"histogram_quantile(0.5, {buckets})", "{{kind}} half"),
            Query(f"histogram_quantile(0.99, {buckets})", "{{kind}} 99 %"),
            Query(f"topk(5, {watched})", "{{target}}"),
        ],
        unit="s",
    )


def fetch_failures(scope: Scope) -> dashboard.Panel:
    """Tell why fetches fail."""
    failures = f"rate({series('ocsp_exporter_fetch_failures_total', scope)}[$__rate_interval])"
    return graph(
        "Failed fetches",
        "Fetches per second that brought nothing of use, by host and problem: the ten most frequent.",
        [Query(f"topk(10, sum by (host, kind, problem) ({failures}))", "{{host}} {{kind}} {{problem}}")],
        unit="ops",
    )
