"""The table of the exporter's own metrics, from which the objects that count and `docs/metrics.md` are made."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """One metric of the exporter itself."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


BUILD_INFO = OwnMetric(
    "ocsp_exporter_build_info",
    "gauge",
    "The version of the exporter and of what it runs on, as labels; the value is 1.",
    ("version", "python_version", "openssl_version"),
)
RELOAD_SUCCESSFUL = OwnMetric(
    "ocsp_exporter_config_last_reload_successful",
    "gauge",
    "1 if the configuration was valid when it was last loaded, otherwise 0.",
)
RELOAD_TIMESTAMP = OwnMetric(
    "ocsp_exporter_config_last_reload_success_timestamp_seconds",
    "gauge",
    "When a valid configuration was last loaded.",
)
TARGETS = OwnMetric(
    "ocsp_exporter_targets",
    "gauge",
    "How many targets the exporter itself probes, by where they were configured.",
    ("discovery",),
)
DISCOVERY_LAST_SUCCESS = OwnMetric(
    "ocsp_exporter_discovery_last_success_timestamp_seconds",
    "gauge",
    "When the files or URLs of this kind last could be read, the longest ago counting; absent where one never could.",
    ("discovery",),
)
DISCOVERY_FAILURES = OwnMetric(
    "ocsp_exporter_discovery_failures_total",
    "counter",
    "How often a file or URL could not be read as a list of targets; what it last said is then used.",
    ("discovery",),
)
DISCOVERY_OMISSIONS = OwnMetric(
    "ocsp_exporter_discovery_omissions_total",
    "counter",
    "How many targets, labels and other parts of what was discovered were left out, each counted when it turns up.",
    ("discovery", "reason"),
)
PROBES = OwnMetric(
    "ocsp_exporter_probes_total",
    "counter",
    "How many probes have ended, those for /probe included; one of several addresses or key types is one.",
    ("module",),
)
PROBE_FAILURES = OwnMetric(
    "ocsp_exporter_probe_failures_total",
    "counter",
    "How many probes could not look at their target, or at one of its addresses or key types, by reason.",
    ("module", "failure"),
)
PROBES_IN_FLIGHT = OwnMetric(
    "ocsp_exporter_probes_in_flight",
    "gauge",
    "How many probes are running now.",
)
SCHEDULE_DELAY = OwnMetric(
    "ocsp_exporter_probe_schedule_delay_seconds",
    "histogram",
    "How much later than appointed scheduled probes began; the first probe of a target has no appointment.",
)
FETCHES = OwnMetric(
    "ocsp_exporter_fetches_total",
    "counter",
    "How many fetches over HTTP have ended, by the host of the URL; the first 200 hosts that have answered have their "
    "names, and while there is room the first 100 that have not; all others are counted as other.",
    ("kind", "host"),
)
FETCH_FAILURES = OwnMetric(
    "ocsp_exporter_fetch_failures_total",
    "counter",
    "How many fetches brought nothing that can be used, by problem; blocked_by_egress_policy, unsupported_scheme and "
    "URLs that name no host, whose label is empty, say nothing of a host and count here only.",
    ("kind", "host", "problem"),
)
FETCH_DURATION = OwnMetric(
    "ocsp_exporter_fetch_duration_seconds",
    "histogram",
    "How long fetches took, with all redirects, but without the time for which they waited for their turn.",
    ("kind",),
)
HOST_UP = OwnMetric(
    "ocsp_exporter_host_up",
    "gauge",
    "0 if the last fetch from the host ended in unreachable, timeout or http_error, otherwise 1; absent for the hosts "
    "that are counted as other.",
    ("kind", "host"),
)
STORE_REQUESTS = OwnMetric(
    "ocsp_exporter_store_requests_total",
    "counter",
    "How often the store of evidence was read or written, by how that ended.",
    ("kind", "result"),
)

#: All of them, in the order of the documentation.
OWN_METRICS = (
    BUILD_INFO,
    RELOAD_SUCCESSFUL,
    RELOAD_TIMESTAMP,
    TARGETS,
    DISCOVERY_LAST_SUCCESS,
    DISCOVERY_FAILURES,
    DISCOVERY_OMISSIONS,
    PROBES,
    PROBE_FAILURES,
    PROBES_IN_FLIGHT,
    SCHEDULE_DELAY,
    FETCHES,
    FETCH_FAILURES,
    FETCH_DURATION,
    HOST_UP,
    STORE_REQUESTS,
)
