"""What the tests with daemons share: a CA, and the daemons' logs where a test fails."""

import os
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from ocsp_exporter.demo.authority import Authority
from tests.peers.daemons import RUNNING
from tests.peers.protocols import Row, page


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test what the daemons that run said."""
    report = yield
    if report.failed:
        report.sections += [(f"Log of {daemon.name}", daemon.log) for daemon in RUNNING]
    return report


@pytest.fixture(scope="session")
def record() -> Iterator[Callable[[Row, str], None]]:
    """Return a function that notes a row of the table of protocols, and the version of the server that ran."""
    versions: dict[Row, str] = {}
    yield versions.__setitem__
    if path := os.environ.get("WRITE_PROTOCOLS"):
        Path(path).write_text(page(versions))


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder that users other than ours can get into: many a daemon has its own."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture(scope="session")
def root() -> Authority:
    """Return a root CA of today: TLS servers and OpenSSL read the real clock."""
    return Authority.root(int(time.time()))


@pytest.fixture(scope="session")
def authority(root: Authority) -> Authority:
    """Return a CA below the root, which issues the leaves; its certificate is sent with them."""
    return root.intermediate()
