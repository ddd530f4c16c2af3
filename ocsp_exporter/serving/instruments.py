"""The exporter's own metrics: how many probes, how late, with which configuration.

The rows are written down once; the objects that count and `docs/metrics.md` are made from them.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from platform import python_version
from typing import Literal

from cryptography.hazmat.backends.openssl.backend import backend
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from ocsp_exporter import __version__
from ocsp_exporter.model import DiscoveryKind, Failure, Omission, Results


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
)

_DELAY_BUCKETS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 120, 300)


class Instruments:
    """The objects that count, in a registry of their own, with the collectors of process and platform.

    Every series of the named modules is there from the start, at 0, so that `rate()` sees the first increase.
    """

    def __init__(self, modules: Iterable[str]) -> None:
        # A switch of the whole library: `_created` lines double the page and say nothing here.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library forgot its annotation
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        build_info = self._gauge(BUILD_INFO)
        build_info.labels(__version__, python_version(), backend.openssl_version_text()).set(1)
        self._reload_successful = self._gauge(RELOAD_SUCCESSFUL)
        self._reload_timestamp = self._gauge(RELOAD_TIMESTAMP)
        self._targets = self._gauge(TARGETS)
        self._probes = self._counter(PROBES)
        self._failures = self._counter(PROBE_FAILURES)
        self.in_flight = self._gauge(PROBES_IN_FLIGHT)
        self.schedule_delay = Histogram(
            SCHEDULE_DELAY.name, SCHEDULE_DELAY.help, registry=self.registry, buckets=_DELAY_BUCKETS
        )
        self._discovery_last_success = self._gauge(DISCOVERY_LAST_SUCCESS)
        self._discovery_failures = self._counter(DISCOVERY_FAILURES)
        self._omissions = self._counter(DISCOVERY_OMISSIONS)
        for kind in DiscoveryKind:
            self._targets.labels(kind)
        for kind in (DiscoveryKind.FILE, DiscoveryKind.HTTP):
            self._discovery_failures.labels(kind)
            for reason in Omission:
                self._omissions.labels(kind, reason)
        self.know(modules)

    def know(self, modules: Iterable[str]) -> None:
        """Have series for these modules from now on."""
        for module in modules:
            self._probes.labels(module)
            for failure in Failure:
                self._failures.labels(module, failure)

    def loaded(self, now: float) -> None:
        """Note that a valid configuration was loaded."""
        self._reload_successful.set(1)
        self._reload_timestamp.set(now)

    def not_loaded(self) -> None:
        """Note that a configuration with faults was not loaded."""
        self._reload_successful.set(0)

    def discovered(self, targets: Mapping[DiscoveryKind, int]) -> None:
        """Note how many targets there are now."""
        for kind, count in targets.items():
            self._targets.labels(kind).set(count)

    def discovery_failed(self, kind: DiscoveryKind, times: int) -> None:
        """Count what could not be read of a source."""
        self._discovery_failures.labels(kind).inc(times)

    def discovery_succeeded(self, kind: DiscoveryKind, when: float | None) -> None:
        """Note since when all sources of a kind have succeeded, None if that is not so."""
        if when is not None:
            self._discovery_last_success.labels(kind).set(when)
            return
        with suppress(KeyError):  # absent already
            self._discovery_last_success.remove(kind)

    def omitted(self, kind: DiscoveryKind, reasons: Iterable[Omission]) -> None:
        """Count what was discovered and left out."""
        for reason in reasons:
            self._omissions.labels(kind, reason).inc()

    def probed(self, results: Results) -> None:
        """Count a probe that has ended; each reason for which it failed once, at however many addresses."""
        module = results[0].module
        self._probes.labels(module).inc()
        for failure in {result.failure for result in results if result.failure is not None}:
            self._failures.labels(module, failure).inc()

    def _gauge(self, row: OwnMetric) -> Gauge:
        return Gauge(row.name, row.help, row.labels, registry=self.registry)

    def _counter(self, row: OwnMetric) -> Counter:
        return Counter(row.name, row.help, row.labels, registry=self.registry)
