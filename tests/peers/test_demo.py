"""The demo, from the command to its end: what it promises of each endpoint is what its metrics say."""

import signal
import time
from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ocsp_exporter.demo.states import STATES, State
from tests.peers.exporter import running_exporter

THREE_DAYS = 3 * 24 * 3600

#: The sign of the time that is left; None: nothing authentic says until when it holds.
REMAINING: dict[str, int | None] = {
    "good": 1,
    "not-stapled": None,
    "must-staple-good": 1,
    "must-staple-without-staple": None,
    "revoked": 1,
    "unknown": 1,
    "expired-staple": -1,
    "refresh-overdue": 1,
    "not-yet-valid": 1,
    "other-certificate": None,
    "forged-signature": None,
    "try-later": None,
    "delegated-responder": 1,
    "unauthorized-delegate": None,
    "without-ocsp": None,
    "crl-only": None,
    "good-staple-though-revoked": 1,
}

#: What responder and CRL say; empty: they are not asked.
OPINIONS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(REMAINING, ("good", "good")),
    "revoked": ("revoked", "revoked"),
    "unknown": ("unknown", "good"),
    "without-ocsp": ("", ""),
    "crl-only": ("", "good"),
    "good-staple-though-revoked": ("revoked", "revoked"),
}
#: Where two sources or more are verified and contradict each other, and where fewer are verified; else they agree.
CONTRADICTING = ("good-staple-though-revoked",)
FEWER_THAN_TWO = ("without-ocsp", "crl-only")

#: The labels of a sample besides those of its target, and its value.
Sample = tuple[dict[str, str], float]


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that ran: when it was started and ready, its metrics, and how it ended."""

    started: float
    ready: float
    page: str
    exit_code: int | None
    log: str

    def samples(self, metric: str, endpoint: str, source: str = "staple") -> list[Sample]:
        """Return what a metric says of an endpoint; if it has a source, what it says by that one."""
        return [
            (
                {name: text for name, text in sample.labels.items() if name not in {"target", "module", "endpoint"}},
                sample.value,
            )
            for family in text_string_to_metric_families(self.page)
            for sample in family.samples
            if sample.name == metric
            and sample.labels.get("endpoint") == endpoint
            and sample.labels.get("source", source) == source
        ]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Run the demo until it is ready, take its metrics, and end it as a service manager would."""
    started = time.time()
    with running_exporter(tmp_path_factory.mktemp("demo"), "demo") as exporter:
        ready = time.time()
        page = exporter.page("/metrics")
        process = exporter.daemon.process
        process.send_signal(signal.SIGTERM)
        process.wait(5)
        return Demo(started, ready, page, process.returncode, exporter.daemon.log_file.read_text())


for_each_state = pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)


def test_every_state_has_its_expectations() -> None:
    """A new row of the table is one to be expected something of here."""
    assert [state.name for state in STATES] == list(REMAINING)


@for_each_state
def test_every_endpoint_can_be_looked_at(demo: Demo, state: State) -> None:
    """However bad its staple is, the probe is a success."""
    assert demo.samples("ocsp_probe_success", state.name) == [({}, 1)]


@for_each_state
def test_the_status_is_as_promised(demo: Demo, state: State) -> None:
    """Exactly one of the six statuses is 1, and there is none where the staple does not apply."""
    samples = demo.samples("ocsp_status", state.name)
    status = state.expected.status
    assert [labels["status"] for labels, value in samples if value == 1] == ([] if status is None else [status])
    assert len(samples) == (0 if status is None else 6)


@for_each_state
def test_the_problems_are_as_promised(demo: Demo, state: State) -> None:
    """Each problem is there and no other."""
    expected = [({"source": "staple", "depth": "0", "problem": problem}, 1) for problem in state.expected.problems]
    assert demo.samples("ocsp_problem", state.name) == expected


@for_each_state
def test_compliance_is_as_promised(demo: Demo, state: State) -> None:
    """1 or 0 where a staple is demanded, otherwise nothing."""
    compliant = state.expected.compliant
    assert demo.samples("ocsp_must_staple_compliant", state.name) == ([] if compliant is None else [({}, compliant)])


@for_each_state
def test_the_time_that_is_left_has_its_sign(demo: Demo, state: State) -> None:
    """It is positive while the evidence holds, negative once it ended, and absent where nothing can be relied on."""
    samples = demo.samples("ocsp_next_update_remaining_seconds", state.name)
    sign = REMAINING[state.name]
    assert [value > 0 for _, value in samples] == ([] if sign is None else [sign > 0])


@for_each_state
def test_the_other_sources_say_what_is_promised(demo: Demo, state: State) -> None:
    """Responder and CRL have a status each where the certificate names them, and no problem."""
    for source, expected in zip(("responder", "crl"), OPINIONS[state.name], strict=True):
        samples = demo.samples("ocsp_status", state.name, source)
        assert [labels["status"] for labels, value in samples if value == 1] == ([expected] if expected else [])
        assert demo.samples("ocsp_problem", state.name, source) == []


@for_each_state
def test_only_what_contradicts_itself_disagrees(demo: Demo, state: State) -> None:
    """1 where two sources or more agree, 0 for the good staple of a revoked certificate."""
    expected = [] if state.name in FEWER_THAN_TWO else [({"depth": "0"}, float(state.name not in CONTRADICTING))]
    assert demo.samples("ocsp_sources_agree", state.name) == expected


@for_each_state
def test_only_the_revoked_one_has_a_revocation(demo: Demo, state: State) -> None:
    """It was revoked three days before the start, for key compromise."""
    samples = demo.samples("ocsp_revocation_timestamp_seconds", state.name)
    assert [labels["reason"] for labels, _ in samples] == (["key_compromise"] if state.name == "revoked" else [])
    for _, revoked_at in samples:
        assert demo.started - 1 <= revoked_at + THREE_DAYS <= demo.ready


@for_each_state
def test_revoked_is_one_only_for_those_of_which_any_source_says_so(demo: Demo, state: State) -> None:
    """It is 0 where a current good says so, and absent where nobody says anything."""
    said = OPINIONS[state.name]
    expected = [1.0] if "revoked" in said else [0.0] if "good" in said else []
    assert [value for _, value in demo.samples("ocsp_revoked", state.name)] == expected


def test_it_tells_where_everything_is(demo: Demo) -> None:
    """What it prints names every endpoint and what it shows."""
    words = " ".join(demo.log.split())
    for state in STATES:
        assert state.name in words
        assert state.shows in words


def test_it_ends_when_told_to(demo: Demo) -> None:
    """SIGTERM is an order and no accident: exit code 0, and nothing in the log that looks like a fault."""
    assert demo.exit_code == 0
    assert "Traceback" not in demo.log
    assert "Warning" not in demo.log
