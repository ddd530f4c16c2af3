"""Daemons that are not ours, each in a temporary folder, on free ports of this machine, ended by its own id.

`gnutls-serv` and `openssl ocsp` cannot be told to listen on the loopback address only; all others do.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

HOST = "127.0.0.1"
#: Seconds that a daemon may take to listen, and to end. Long: it bounds a fault, and measures nothing.
PATIENCE = 30.0

#: Debian's package of each program that the tests start.
_PACKAGES = {
    "nginx": "nginx-light",
    "haproxy": "haproxy",
    "gnutls-serv": "gnutls-bin",
    "openssl": "openssl",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "nats-server": "nats-server",
    "postfix": "postfix",
    "master": "postfix",
    "exim4": "exim4-daemon-light, which `make peers` unpacks beside the Postfix that is installed",
    "dovecot": "dovecot-imapd and its like",
    "proftpd": "proftpd-core",
    "slapd": "slapd",
    "prosody": "prosody",
    "initdb": "postgresql",
    "postgres": "postgresql",
    "mariadbd": "mariadb-server",
    "inspircd": "inspircd",
    "apache2": "apache2",
    "caddy": "caddy",
    "cfssl": "golang-cfssl",
    "setpriv": "util-linux",
    "env": "coreutils",
    "chromium": "chromium",
    "curl": "curl",
    "systemd-analyze": "systemd",
    "systemd-socket-activate": "systemd",
    "htpasswd": "apache2-utils",
}


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running daemon; `name` has its first port, to tell it from others of its kind."""

    name: str
    process: subprocess.Popen[bytes]
    log_file: Path

    @property
    def log(self) -> str:
        """The last lines that it wrote to stdout and stderr."""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-60:])


#: Those that run now: where a test fails, their logs are shown.
RUNNING: list[Daemon] = []


def find(program: str, *folders: Path) -> str:
    """Return the path of a program, looked for in some more folders than usual.

    Without it the test is skipped, or fails where the peers are required.
    """
    places = [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", *map(str, folders)]
    path = shutil.which(program, path=os.pathsep.join(places))
    if path is None:
        _do_without(f"{program} is not installed (Debian package {_PACKAGES[program]})")
    return path


def need_root(program: str) -> None:
    """Skip the test, or fail it where the peers are required, unless we may do what root may."""
    if os.getuid() != 0:
        _do_without(f"{program} is started by root only")


def _do_without(why: str) -> NoReturn:
    if os.environ.get("OCSP_EXPORTER_REQUIRE_PEERS") == "1":
        pytest.fail(why)
    pytest.skip(why)


def free_port() -> int:
    """Return a port of the loopback address that the system will not give to anybody else for a while.

    The port is left in TIME_WAIT: whoever asks for it by its number (with SO_REUSEADDR, as servers do) gets it,
    and nobody gets it by asking for any.
    """
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        with socket.create_connection((HOST, port)):
            listener.accept()[0].close()
    return port


@contextmanager
def run(command: Sequence[str], folder: Path, ports: Sequence[int], ready: str | None = None) -> Iterator[Daemon]:
    """Run a daemon in the foreground, in a folder, while the block lasts.

    The block begins when all its ports take connections, or when it has written `ready`, if that is given.
    """
    name = f"{Path(command[0]).name}-{ports[0]}"
    log_file = folder / f"{name}.log"
    with (
        log_file.open("wb") as log,
        # A session of its own is a process group of its own: its children end with it, and nobody else.
        subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        ) as process,
    ):
        daemon = Daemon(name, process, log_file)
        RUNNING.append(daemon)
        try:
            is_ready = (lambda: all(map(listens, ports))) if ready is None else (lambda: ready in daemon.log)
            _await_ready(daemon, is_ready)
            yield daemon
        finally:
            RUNNING.remove(daemon)
            _end(process)


def _await_ready(daemon: Daemon, is_ready: Callable[[], bool]) -> None:
    ended = daemon.process.poll
    until(lambda: is_ready() or ended() is not None, lambda: f"{daemon.name} does not get ready:\n{daemon.log}")
    if ended() is not None:
        pytest.fail(f"{daemon.name} ended with {ended()} before it was ready:\n{daemon.log}")


def until(it_is_so: Callable[[], bool], complaint: Callable[[], str]) -> None:
    """Wait until it is so; the test fails with the complaint if that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not it_is_so():
        if time.monotonic() > deadline:
            pytest.fail(complaint())
        time.sleep(0.02)


def listens(port: int) -> bool:
    """Tell whether a port takes connections."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process group that we made, politely if possible."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            continue
