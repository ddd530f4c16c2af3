"""A short run; the long one is `python -m tests.fuzz`."""

from tests.fuzz.__main__ import told
from tests.fuzz.fuzzing import run

INPUTS = 20_000


def test_no_input_raises_and_nothing_that_was_not_signed_is_believed(counts: list[str]) -> None:
    """Responses and certificates changed at random give verdicts, never errors, and never a belief in the change."""
    report = run(INPUTS, None, seed=3)
    counts.append(f"fuzzing: {told(report)}")
    assert report.inputs == INPUTS
    assert not report.failures, report.failures[0]
    assert report.accepted > INPUTS // 10, "the changes are so coarse that nothing can be read any more"
    assert report.verified > 0
