"""What counts for the exporter's own metrics: probes, how late they are, fetches, and with which configuration."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from platform import python_version

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
from ocsp_exporter.model import DiscoveryKind, Failure, FetchKind, Omission, Problem, Results, StoreResult
from ocsp_exporter.serving.host_names import HostNames, Standing
from ocsp_exporter.serving.own_metrics import (
    BUILD_INFO,
    DISCOVERY_FAILURES,
    DISCOVERY_LAST_SUCCESS,
    DISCOVERY_OMISSIONS,
    FETCH_DURATION,
    FETCH_FAILURES,
    FETCHES,
    HOST_UP,
    PROBE_FAILURES,
    PROBES,
    PROBES_IN_FLIGHT,
    RELOAD_SUCCESSFUL,
    RELOAD_TIMESTAMP,
    SCHEDULE_DELAY,
    STORE_REQUESTS,
    TARGETS,
    OwnMetric,
)

_DELAY_BUCKETS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 120, 300)
_FETCH_BUCKETS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60)

OTHER_HOSTS = "other"
_LONGEST_HOST = 256

#: These say nothing of the host.
_REFUSALS = {Problem.BLOCKED_BY_EGRESS_POLICY, Problem.UNSUPPORTED_SCHEME}
#: With these a host gave no answer, or a refusal. With the others it gave an answer that cannot be used.
_SILENT = (Problem.UNREACHABLE, Problem.TIMEOUT)
_DOWN = (*_SILENT, Problem.HTTP_ERROR)
_UNUSABLE = (Problem.TOO_LARGE, Problem.MALFORMED)


class Instruments:
    """The objects that count, in a registry of their own, with the collectors of process and platform.

    Every series of the named modules is there from the start, at 0, so that `rate()` sees the first increase; those
    of a host are from its first fetch on.
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
        self._fetches = self._counter(FETCHES)
        self._fetch_failures = self._counter(FETCH_FAILURES)
        self._fetch_duration = Histogram(
            FETCH_DURATION.name,
            FETCH_DURATION.help,
            FETCH_DURATION.labels,
            registry=self.registry,
            buckets=_FETCH_BUCKETS,
        )
        self._host_up = self._gauge(HOST_UP)
        self._hosts = HostNames(self._forget)
        self._store_requests = self._counter(STORE_REQUESTS)
        self._discovery_last_success = self._gauge(DISCOVERY_LAST_SUCCESS)
        self._discovery_failures = self._counter(DISCOVERY_FAILURES)
        self._omissions = self._counter(DISCOVERY_OMISSIONS)
        self.know(modules)
        for kind in FetchKind:
            self._fetch_duration.labels(kind)
            for result in StoreResult:
                self._store_requests.labels(kind, result)
        for discovery in DiscoveryKind:
            self._targets.labels(discovery)
        for discovery in (DiscoveryKind.FILE, DiscoveryKind.HTTP):
            self._discovery_failures.labels(discovery)
            for reason in Omission:
                self._omissions.labels(discovery, reason)

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

    def fetched(self, kind: FetchKind, host: str, seconds: float, problem: Problem | None, /) -> None:
        """Count a fetch that has ended; `host` is empty where the URL names none, `problem` None where all is well."""
        if not host or problem in _REFUSALS:
            self._fetch_failures.labels(kind, self._name(host, Standing.REFUSED), problem).inc()
            return
        name = self._name(host, Standing.SILENT if problem in _SILENT else Standing.ANSWERED)
        for possible in (*_DOWN, *_UNUSABLE):
            self._fetch_failures.labels(kind, name, possible)
        if problem:
            self._fetch_failures.labels(kind, name, problem).inc()
        self._fetches.labels(kind, name).inc()
        self._fetch_duration.labels(kind).observe(seconds)
        if name != OTHER_HOSTS:  # there it would be the last of many hosts
            self._host_up.labels(kind, name).set(problem not in _DOWN)

    def store_requested(self, kind: FetchKind, result: StoreResult, /) -> None:
        """Count a request to the store."""
        self._store_requests.labels(kind, result).inc()

    def _name(self, host: str, standing: Standing) -> str:
        """Return the label value for a host, empty where there is none: its own name, if it has one."""
        if not host:
            return ""
        is_named = host != OTHER_HOSTS and self._hosts.has(host, standing)
        return host[:_LONGEST_HOST] if is_named else OTHER_HOSTS

    def _forget(self, host: str) -> None:
        """Have no series of a host any more."""
        of_problems = ((self._fetch_failures, (problem,)) for problem in Problem)
        for metric, more in ((self._host_up, ()), (self._fetches, ()), *of_problems):
            for kind in FetchKind:
                with suppress(KeyError):  # it had none
                    metric.remove(kind, host[:_LONGEST_HOST], *more)

    def _gauge(self, row: OwnMetric) -> Gauge:
        return Gauge(row.name, row.help, row.labels, registry=self.registry)

    def _counter(self, row: OwnMetric) -> Counter:
        return Counter(row.name, row.help, row.labels, registry=self.registry)
