"""Tells at the end of a run how many verdicts the oracles share."""

import pytest

#: What the tests here have counted, a line each.
COUNTS: pytest.StashKey[list[str]] = pytest.StashKey()


@pytest.fixture(scope="module")
def counts(pytestconfig: pytest.Config) -> list[str]:
    """Return the list to which a test adds what it counted."""
    return pytestconfig.stash.setdefault(COUNTS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was counted."""
    for line in config.stash.get(COUNTS, []):
        terminalreporter.write_line(line)
