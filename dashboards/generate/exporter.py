"""ocsp_exporter itself: whether it keeps up, what fails, and what it takes."""

from grafana_foundation_sdk.models import dashboard

from dashboards.generate import look
from dashboards.generate.document import Document, Section, query_variable
from dashboards.generate.panels import graph, grid, heat, tile
from dashboards.generate.parts import Column, Query
from dashboards.generate.promql import OWN, series
from dashboards.generate.shared import MATCHERS, fetch_failures, fetch_latency

_BUILD = "ocsp_exporter_build_info"
_JOB = query_variable("job", "Job", f"label_values({_BUILD}, job)")
_INSTANCE = query_variable("instance", "Instance", f'label_values({_BUILD}{{job=~"$job"}}, instance)')
#: A result is stale when it is older than so many intervals of its target.
_STALE = 3


def _rate(name: str) -> str:
    return f"rate({series(name, OWN)}[$__rate_interval])"


def _own(name: str) -> str:
    """Select a metric that every Prometheus client has, of this exporter only."""
    return f"{series(name, OWN)} and on (job, instance) {series(_BUILD, OWN)}"


def _tiles() -> list[dashboard.Panel]:
    age = f"time() - {series('ocsp_probe_timestamp_seconds', OWN)}"
    allowed = f"{_STALE} * {series('ocsp_probe_interval_seconds', OWN)}"
    failing = f"sum({_rate('ocsp_exporter_probe_failures_total')}) / (sum({_rate('ocsp_exporter_probes_total')}) > 0)"
    return [
        tile("Exporters", "How many exporters Prometheus hears of.", f"count({series(_BUILD, OWN)})"),
        tile(
            "Targets",
            "How many targets the exporters probe themselves. Those that Prometheus asks for are not counted.",
            f"sum({series('ocsp_exporter_targets', OWN)})",
        ),
        tile(
            "Probes",
            "How many probes ended per second, those that Prometheus asked for included.",
            f"sum({_rate('ocsp_exporter_probes_total')})",
            unit="ops",
        ),
        tile(
            "Probes that fail",
            "The part of the probes that could not look at their target.",
            failing,
            unit="percentunit",
            steps=((0, "green"), (0.02, "orange"), (0.2, "red")),
        ),
        tile(
            "Stale results",
            f"Targets whose result is older than {_STALE} of their intervals: the exporter does not keep up, or hangs.",
            f"count(({age}) > ({allowed}))\nor 0 * count({series('ocsp_probe_interval_seconds', OWN)})",
            steps=look.NONE_WANTED,
        ),
        tile(
            "Last reload",
            "Whether the configuration was valid when it was last loaded. If not, the one before is still in use.",
            f"min({series('ocsp_exporter_config_last_reload_successful', OWN)})",
            words=look.RELOADED,
        ),
    ]


def _probes() -> list[dashboard.Panel]:
    failures = f"sum by (failure) ({_rate('ocsp_exporter_probe_failures_total')})"
    return [
        graph(
            "Probes per second",
            "Probes that ended, by module.",
            [Query(f"sum by (module) ({_rate('ocsp_exporter_probes_total')})", "{{module}}")],
            unit="ops",
            stacked=True,
        ),
        graph(
            "Failed probes per second",
            "Probes that could not look at their target, by reason.",
            [Query(failures, "{{failure}}")],
            unit="ops",
            stacked=True,
        ),
    ]


def _delays() -> list[dashboard.Panel]:
    bucket = "ocsp_exporter_probe_schedule_delay_seconds_bucket"
    increase = f"increase({series(bucket, OWN)}[$__rate_interval])"
    late = f"sum by (le) ({_rate(bucket)})"
    duration = series("ocsp_probe_duration_seconds", OWN)
    return [
        heat(
            "Schedule delay",
            "How much later than appointed probes began. What wanders upwards is an exporter that does not keep up: "
            "raise probe.concurrency or the intervals, or share the targets with --shard.",
            f"sum by (le) ({increase})",
            unit="s",
        ),
        graph(
            "Schedule delay and probe duration",
            "The delay that only one probe in a hundred exceeded, the longest and the median duration of the last "
            "probes of all targets.",
            [
                Query(f"histogram_quantile(0.99, {late})", "delay 99 %"),
                Query(f"max({duration})", "longest probe"),
                Query(f"quantile(0.5, {duration})", "half of the probes"),
            ],
            unit="s",
        ),
        graph(
            "Probes in flight",
            "How many probes were running. At the limit (probe.concurrency) further ones wait.",
            [Query(series("ocsp_exporter_probes_in_flight", OWN), "{{instance}}")],
            unit="short",
        ),
    ]


def _fetches() -> list[dashboard.Panel]:
    fetches, store = _rate("ocsp_exporter_fetches_total"), _rate("ocsp_exporter_store_requests_total")
    return [
        graph(
            "Fetches per second",
            "What was fetched over HTTP from responders, CRL servers and issuers.",
            [Query(f"sum by (kind) ({fetches})", "{{kind}}")],
            unit="ops",
            stacked=True,
        ),
        fetch_failures(OWN),
        fetch_latency(OWN),
        graph(
            "Store",
            "How reads and writes of the store of evidence ended. Corrupt and foreign files are removed, and fetched "
            "anew; failed ones are a disk that is full or may not be written to.",
            [Query(f"sum by (kind, result) ({store})", "{{kind}} {{result}}")],
            unit="ops",
        ),
    ]


def _resources() -> list[dashboard.Panel]:
    cpu = f"rate({series('process_cpu_seconds_total', OWN)}[$__rate_interval])"
    return [
        graph(
            "Memory",
            "Resident memory of the exporters.",
            [Query(_own("process_resident_memory_bytes"), "{{instance}}")],
            unit="bytes",
        ),
        graph(
            "Processor",
            "Seconds of processor time per second: 1 is one core. An exporter uses little more than one.",
            [Query(f"{cpu} and on (job, instance) {series(_BUILD, OWN)}", "{{instance}}")],
            unit="short",
        ),
        graph(
            "File descriptors",
            "Open files and connections, and how many there may be.",
            [
                Query(_own("process_open_fds"), "{{instance}} open"),
                Query(_own("process_max_fds"), "{{instance}} limit"),
            ],
            unit="short",
        ),
    ]


def _configuration() -> list[dashboard.Panel]:
    reloaded = series("ocsp_exporter_config_last_reload_success_timestamp_seconds", OWN)
    answered = series("ocsp_exporter_discovery_last_success_timestamp_seconds", OWN)
    failures = series("ocsp_exporter_discovery_failures_total", OWN)
    omissions = series("ocsp_exporter_discovery_omissions_total", OWN)
    return [
        grid(
            "Versions and configuration",
            "What each exporter runs on, when it started, and when it last loaded a valid configuration.",
            [
                f"max by (instance, version, python_version, openssl_version) ({series(_BUILD, OWN)})",
                f"max by (instance) ({_own('process_start_time_seconds')}) * 1000",
                f"max by (instance) ({reloaded}) * 1000",
            ],
            [
                Column("instance", "Instance"),
                Column("version", "Version", width=90),
                Column("python_version", "Python", width=90),
                Column("openssl_version", "OpenSSL"),
                Column("Value #B", "Started", unit="dateTimeAsIso", width=155),
                Column("Value #C", "Loaded", unit="dateTimeAsIso", width=155),
            ],
        ),
        grid(
            "Discovery",
            "Where targets come from, how many, how long ago each discovery last answered, and how often it failed or "
            "left something out in the shown time. The targets of one that fails stay as they were.",
            [
                f"sum by (discovery) ({series('ocsp_exporter_targets', OWN)})",
                f"time() - min by (discovery) ({answered})",
                f"sum by (discovery) (increase({failures}[$__range]))",
                f"sum by (discovery) (increase({omissions}[$__range]))",
            ],
            [
                Column("discovery", "Discovery"),
                Column("Value #A", "Targets", width=90),
                Column("Value #B", "Answered ago", unit="s", width=120),
                Column("Value #C", "Failures", steps=((0, "green"), (1, "orange")), width=90),
                Column("Value #D", "Left out", steps=((0, "green"), (1, "orange")), width=90),
            ],
            worst=("-Failures",),
        ),
    ]


def exporter() -> Document:
    """Give the dashboard of the exporter itself."""
    fetches = _fetches()
    return Document(
        "ocsp-exporter",
        "ocsp_exporter",
        "Whether the exporter keeps up, what fails, and what it takes.",
        (_JOB, _INSTANCE, MATCHERS),
        (
            Section(
                "",
                (
                    (3, [(4, each) for each in _tiles()]),
                    (8, [(12, each) for each in _probes()]),
                    (8, [(8, each) for each in _delays()]),
                ),
            ),
            Section(
                "Fetches and the store", [(8, [(12, each) for each in pair]) for pair in (fetches[:2], fetches[2:])]
            ),
            Section(
                "The process",
                ((7, [(8, each) for each in _resources()]), (7, list(zip((14, 10), _configuration(), strict=True)))),
            ),
        ),
    )
