"""Short runs; the long ones are `python -m tests.fuzz` and `python -m tests.fuzz.guided`."""

from random import Random

import pytest

from tests.fuzz.__main__ import told
from tests.fuzz.fuzzing import run
from tests.fuzz.guided import NAMES
from tests.fuzz.mutating import mutated
from tests.fuzz.targets import TARGETS

INPUTS = 20_000


def test_no_input_raises_and_nothing_that_was_not_signed_is_believed(counts: list[str]) -> None:
    """Responses and certificates changed at random give verdicts, never errors, and never a belief in the change."""
    report = run(INPUTS, None, seed=3)
    counts.append(f"fuzzing: {told(report)}")
    assert report.inputs == INPUTS
    assert not report.failures, report.failures[0]
    assert report.accepted > INPUTS // 10, "the changes are so coarse that nothing can be read any more"
    assert report.verified > 0


@pytest.mark.parametrize("name", NAMES)
def test_the_targets_of_guided_fuzzing_hold(name: str) -> None:
    """Each has real inputs to begin with, and its check holds for them and for what becomes of them."""
    target, random = TARGETS[name], Random(1)  # noqa: S311 -- not for secrets, and to be repeated
    assert target.seeds
    for seed in target.seeds:
        target.check(seed)
        target.check(mutated(random, seed))


def test_every_target_of_guided_fuzzing_can_be_chosen() -> None:
    """The command knows their names before it imports them."""
    assert set(NAMES) == set(TARGETS)
