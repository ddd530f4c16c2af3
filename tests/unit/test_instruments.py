"""What is told of fetches and of the store, as it is seen on /metrics."""

from collections.abc import Mapping

import pytest

from ocsp_exporter.model import FetchKind, Problem, StoreResult
from ocsp_exporter.serving import instruments as module
from ocsp_exporter.serving.instruments import Instruments

FETCHES = "ocsp_exporter_fetches_total"
FAILURES = "ocsp_exporter_fetch_failures_total"
DURATION = "ocsp_exporter_fetch_duration_seconds"
HOST_UP = "ocsp_exporter_host_up"
STORE = "ocsp_exporter_store_requests_total"


def series(instruments: Instruments, name: str) -> Mapping[tuple[str, ...], float]:
    """Give the samples of a name by the values of their labels in the order of the contract."""
    labels = ("kind", "host", "problem", "result", "le")
    return {
        tuple(sample.labels[label] for label in labels if label in sample.labels): sample.value
        for family in instruments.registry.collect()
        for sample in family.samples
        if sample.name == name
    }


def hosts_of(instruments: Instruments, name: str) -> set[str]:
    """Give the hosts that have a series."""
    return {host for _, host, *_ in series(instruments, name)}


@pytest.fixture
def instruments() -> Instruments:
    """Nothing has been counted yet."""
    return Instruments([])


def test_what_is_known_in_advance_starts_at_0(instruments: Instruments) -> None:
    """Kinds, and how requests to the store may end; hosts are not known."""
    assert series(instruments, STORE) == {
        (kind, result): 0
        for kind in ("ocsp", "crl", "issuer")
        for result in ("hit", "miss", "corrupt", "foreign", "old", "written", "failed")
    }
    assert series(instruments, f"{DURATION}_count") == {("ocsp",): 0, ("crl",): 0, ("issuer",): 0}
    assert [series(instruments, name) for name in (FETCHES, FAILURES, HOST_UP)] == [{}, {}, {}]


def test_requests_to_the_store_are_counted(instruments: Instruments) -> None:
    """By kind, and by how they ended."""
    instruments.store_requested(FetchKind.CRL, StoreResult.FOREIGN)
    assert {labels for labels, value in series(instruments, STORE).items() if value} == {("crl", "foreign")}


@pytest.mark.parametrize(
    ("problem", "up"),
    [
        (Problem.UNREACHABLE, 0),
        (Problem.TIMEOUT, 0),
        (Problem.HTTP_ERROR, 0),
        (Problem.TOO_LARGE, 1),
        (Problem.MALFORMED, 1),
    ],
)
def test_a_host_is_up_if_it_answers(instruments: Instruments, problem: Problem, up: int) -> None:
    """The last fetch of a kind counts, whatever came of those before and of other kinds; the sums tell of all."""
    instruments.fetched(FetchKind.OCSP, "ca.example", 0.2, None)
    instruments.fetched(FetchKind.CRL, "ca.example", 0.2, None)
    instruments.fetched(FetchKind.CRL, "ca.example:8080", 0.2, problem)
    assert set(series(instruments, HOST_UP).values()) == {1, up}
    instruments.fetched(FetchKind.OCSP, "ca.example", 2.0, problem)
    ocsp, crl, crl_8080 = ("ocsp", "ca.example"), ("crl", "ca.example"), ("crl", "ca.example:8080")
    assert series(instruments, HOST_UP) == {ocsp: up, crl: 1, crl_8080: up}
    assert series(instruments, FETCHES) == {ocsp: 2, crl: 1, crl_8080: 1}
    failures = series(instruments, FAILURES)
    assert {labels: value for labels, value in failures.items() if value} == {
        (*ocsp, problem): 1,
        (*crl_8080, problem): 1,
    }
    assert set(failures) == {
        (*labels, each)
        for labels in (ocsp, crl, crl_8080)
        for each in ("unreachable", "timeout", "http_error", "too_large", "malformed")
    }
    durations = series(instruments, f"{DURATION}_bucket")
    assert [durations["ocsp", bound] for bound in ("0.1", "0.3", "1.0", "3.0", "+Inf")] == [0, 1, 1, 2, 2]
    instruments.fetched(FetchKind.OCSP, "ca.example", 0.2, None)
    assert series(instruments, HOST_UP)[ocsp] == 1


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("ca.example", Problem.BLOCKED_BY_EGRESS_POLICY),
        ("ca.example", Problem.UNSUPPORTED_SCHEME),
        ("", Problem.UNSUPPORTED_SCHEME),
        ("", Problem.UNREACHABLE),
    ],
)
def test_what_was_refused_is_a_failure_but_no_fetch(instruments: Instruments, host: str, problem: Problem) -> None:
    """It says nothing of the host; the same problem of a host that was asked does."""
    instruments.fetched(FetchKind.OCSP, host, 0.0, problem)
    assert series(instruments, FAILURES) == {("ocsp", host, problem): 1}
    assert [series(instruments, name) for name in (FETCHES, HOST_UP)] == [{}, {}]
    assert series(instruments, f"{DURATION}_count")["ocsp",] == 0
    instruments.fetched(FetchKind.OCSP, "ca.example", 0.0, Problem.UNREACHABLE)
    assert series(instruments, FETCHES) == {("ocsp", "ca.example"): 1}
    assert series(instruments, HOST_UP) == {("ocsp", "ca.example"): 0}


@pytest.mark.parametrize("problem", [None, Problem.HTTP_ERROR])
def test_only_200_hosts_have_names(instruments: Instruments, problem: Problem | None) -> None:
    """Of all kinds together; the others are counted under one name, of which nobody could say that it is up."""
    for number in range(202):
        instruments.fetched(list(FetchKind)[number % 3], f"{number}.example", 0.1, problem)
    named = {f"{number}.example" for number in range(200)}
    assert hosts_of(instruments, HOST_UP) == named
    assert hosts_of(instruments, FETCHES) == hosts_of(instruments, FAILURES) == {*named, "other"}
    assert sum(value for (_, host), value in series(instruments, FETCHES).items() if host == "other") == 2
    instruments.fetched(FetchKind.OCSP, "0.example", 0.1, Problem.TIMEOUT)
    assert series(instruments, HOST_UP)["ocsp", "0.example"] == 0


@pytest.mark.parametrize("problem", [Problem.UNREACHABLE, Problem.TIMEOUT])
def test_names_that_nobody_has_leave_names_for_those_that_answer(instruments: Instruments, problem: Problem) -> None:
    """However many never answer, each of 200 that do has its name; it may have been down at first."""
    for number in range(150):
        instruments.fetched(FetchKind.OCSP, f"{number}.invalid", 0.1, problem)
    assert series(instruments, HOST_UP) == {("ocsp", f"{number}.invalid"): 0 for number in range(100)}
    named = {*(f"{number}.example" for number in range(198)), "0.invalid", "149.invalid"}
    for host in named:
        instruments.fetched(FetchKind.OCSP, host, 0.1, None)
    assert series(instruments, HOST_UP) == {("ocsp", host): 1 for host in named}
    assert hosts_of(instruments, FETCHES) == hosts_of(instruments, FAILURES) == {*named, "other"}
    instruments.fetched(FetchKind.OCSP, "new.invalid", 0.1, problem)
    instruments.fetched(FetchKind.OCSP, "1.example", 0.1, problem)
    assert series(instruments, HOST_UP) == {("ocsp", host): host != "1.example" for host in named}


def test_those_that_are_only_refused_leave_names_for_the_others(instruments: Instruments) -> None:
    """A certificate that nobody vouches for may name any host; one that is down is seen from its first fetch on."""
    for number in range(150):
        instruments.fetched(FetchKind.OCSP, f"{number}.example", 0.0, Problem.BLOCKED_BY_EGRESS_POLICY)
    assert hosts_of(instruments, FAILURES) == {*(f"{number}.example" for number in range(100)), "other"}
    instruments.fetched(FetchKind.OCSP, "ca.example", 0.1, None)
    instruments.fetched(FetchKind.OCSP, "down.example", 0.1, Problem.TIMEOUT)
    instruments.fetched(FetchKind.OCSP, "0.example", 0.1, Problem.TIMEOUT)
    assert series(instruments, HOST_UP) == {
        ("ocsp", "ca.example"): 1,
        ("ocsp", "down.example"): 0,
        ("ocsp", "0.example"): 0,
    }
    assert "99.example" not in hosts_of(instruments, FAILURES)


def test_a_host_that_is_called_like_the_others_is_one_of_them(instruments: Instruments) -> None:
    """And a name that is too long for a label is cut."""
    instruments.fetched(FetchKind.OCSP, module.OTHER_HOSTS, 0.1, None)
    instruments.fetched(FetchKind.OCSP, "a" * 300, 0.1, None)
    assert series(instruments, FETCHES) == {("ocsp", "other"): 1, ("ocsp", "a" * 256): 1}
    assert hosts_of(instruments, HOST_UP) == {"a" * 256}
