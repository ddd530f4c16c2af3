"""What all tests share."""

import pytest

#: What tests have counted, a line each.
_COUNTS: pytest.StashKey[list[str]] = pytest.StashKey()


@pytest.fixture(scope="session")
def counts(pytestconfig: pytest.Config) -> list[str]:
    """Return the list to which a test adds a line about how much it has looked at; it is told at the end of the run."""
    return pytestconfig.stash.setdefault(_COUNTS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was counted."""
    for line in config.stash.get(_COUNTS, []):
        terminalreporter.write_line(line)
