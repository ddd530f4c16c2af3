"""That the tests with daemons fail, skip and clean up as they should."""

import sys
from pathlib import Path

import pytest

from tests.peers.daemons import HOST, find, free_port, listens, run, until

#: A daemon that listens on a port, as a child of its own child, until it is told to end.
LISTENER = """
import os, signal, socket, sys
if os.fork():
    os.wait()
else:
    listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
    signal.pause()
"""


def test_an_absent_daemon_is_a_reason_to_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names the package to install."""
    monkeypatch.delenv("OCSP_EXPORTER_REQUIRE_PEERS", raising=False)
    _make_absent(monkeypatch)
    with pytest.raises(pytest.skip.Exception, match=r"gnutls-serv is not installed .*gnutls-bin"):
        find("gnutls-serv")


def test_an_absent_daemon_is_a_failure_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """Continuous integration sees to it that nothing is skipped."""
    monkeypatch.setenv("OCSP_EXPORTER_REQUIRE_PEERS", "1")
    _make_absent(monkeypatch)
    with pytest.raises(pytest.fail.Exception, match=r"gnutls-serv is not installed .*gnutls-bin"):
        find("gnutls-serv")


def test_a_daemon_that_does_not_start_tells_why(tmp_path: Path) -> None:
    """Its last words are in the failure."""
    command = [sys.executable, "-c", "print('no such option'); raise SystemExit(3)"]
    with (
        pytest.raises(pytest.fail.Exception, match=r"(?s)ended with 3 before it was ready.*no such option"),
        run(command, tmp_path, [free_port()]),
    ):
        pytest.fail("it started")


def test_a_daemon_ends_with_its_children(tmp_path: Path) -> None:
    """What a daemon started, and what that listens on, is gone when the block ends."""
    port = free_port()
    with run([sys.executable, "-c", LISTENER, HOST, str(port)], tmp_path, [port]):
        assert listens(port)
    until(lambda: not listens(port), lambda: "the daemon's child still listens")


def _make_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_arguments, **_options: None)
