"""What systemd tells the exporter and is told, with sockets in its place."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest

from ocsp_exporter.serving.listening import ListenError, address_of, passed_sockets
from ocsp_exporter.serving.systemd import Manager, service_manager

#: Far longer than anything takes.
PATIENCE = 30.0

#: Puts descriptors where systemd puts them, and goes on as the exporter, in the same process.
AS_SYSTEMD = """
import os, sys
for number, passed in enumerate(sys.argv[1].split(",")):
    os.dup2(int(passed), 3 + number)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(number + 1), "WATCHDOG_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, "-W", "error", "-m", "ocsp_exporter", *sys.argv[2:]])
"""


@contextmanager
def notify_socket(address: str) -> Iterator[socket.socket]:
    """Listen where a service tells how it is."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(PATIENCE)
        listening.bind(address.replace("@", "\0"))
        yield listening


@pytest.fixture(params=["path", "abstract"])
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """Give an address, of a file or of none, and the socket there."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@ocsp-exporter-test-{os.getpid()}"
    with notify_socket(address) as listening:
        yield address, listening


def test_what_is_told(told: tuple[str, socket.socket]) -> None:
    """Each step is one message in the words of sd_notify(3)."""
    address, listening = told
    manager = Manager(address)
    manager.ready("Targets: 3.")
    with manager.reloading("Targets: 4."):
        pass
    manager.alive()
    manager.stopping()
    manager.close()
    messages = [listening.recv(1000).decode() for _ in range(5)]

    reloading = messages.pop(1).split("\n")
    assert messages == [
        "READY=1\nSTATUS=Targets: 3.",
        "READY=1\nSTATUS=Targets: 4.",
        "WATCHDOG=1",
        "STOPPING=1\nSTATUS=Stopping.",
    ]
    assert (reloading[0], reloading[2]) == ("RELOADING=1", "STATUS=Loading the configuration.")
    assert reloading[1].removeprefix("MONOTONIC_USEC=").isdecimal()


def test_a_reload_that_fails_has_ended_too(told: tuple[str, socket.socket]) -> None:
    """Otherwise systemd would wait for its end for ever."""
    address, listening = told
    manager = Manager(address)
    with pytest.raises(ZeroDivisionError), manager.reloading("As before."):
        raise ZeroDivisionError
    manager.close()
    assert [listening.recv(1000).split(b"\n")[0] for _ in range(2)] == [b"RELOADING=1", b"READY=1"]


def test_nobody_wants_to_know(caplog: pytest.LogCaptureFixture) -> None:
    """Without an address nothing is told; where nobody listens at it, the log says so, and that is all."""
    quiet, alone = Manager(""), Manager("/nonexistent/notify")
    for manager in (quiet, alone):
        manager.alive()
        manager.close()
    assert [(each.message, vars(each)["fields"]) for each in caplog.records] == [
        ("cannot notify systemd", {"message": "WATCHDOG=1", "error": "No such file or directory"})
    ]


@pytest.mark.parametrize("watched", [{}, {"WATCHDOG_PID": str(os.getpid())}])
async def test_the_watchdog_hears_from_the_loop(told: tuple[str, socket.socket], watched: dict[str, str]) -> None:
    """As long as the loop turns it is told twice in the time that it waits; a loop that hangs tells nothing."""
    address, listening = told
    listening.setblocking(False)
    async with service_manager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000", **watched}):
        for _ in range(3):
            async with asyncio.timeout(PATIENCE):
                assert await asyncio.get_running_loop().sock_recv(listening, 1000) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    "environ", [{}, {"WATCHDOG_USEC": "10", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "0"}]
)
async def test_no_watchdog(told: tuple[str, socket.socket], environ: dict[str, str]) -> None:
    """Where none waits for this process, none is told."""
    address, listening = told
    listening.setblocking(False)
    async with service_manager({"NOTIFY_SOCKET": address, **environ}) as manager:
        await asyncio.sleep(0.01)
        manager.stopping()
    assert listening.recv(1000).startswith(b"STOPPING=1")
    with pytest.raises(BlockingIOError):
        listening.recv(1000)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "0", "LISTEN_PID": str(os.getpid())},
        {"LISTEN_FDS": "one", "LISTEN_PID": str(os.getpid())},
    ],
)
def test_no_sockets_were_passed(environ: dict[str, str]) -> None:
    """Where none is meant for this process the sentence says what would pass one."""
    with pytest.raises(ListenError, match="systemd has passed no socket"):
        passed_sockets(environ)


def test_where_a_unix_socket_listens(tmp_path: Path) -> None:
    """It is known by its path."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "web"))
        assert address_of(listening) == f"unix:{tmp_path}/web"


@asynccontextmanager
async def exporter(
    sockets: list[socket.socket], *arguments: str, **environ: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the exporter as systemd does, with these sockets."""
    numbers = [each.fileno() for each in sockets]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", AS_SYSTEMD, ",".join(map(str, numbers)), *arguments),
        stderr=asyncio.subprocess.PIPE,
        pass_fds=numbers,
        env={**os.environ, **environ},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_as_a_service(tmp_path: Path) -> None:
    """It answers on the sockets that were passed and no other, and tells that it is ready, lives and stops."""
    tcp = socket.create_server(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(tmp_path / "web"))
    unix.listen()
    with tcp, unix, notify_socket(str(tmp_path / "notify")) as listening:
        listening.setblocking(False)
        loop = asyncio.get_running_loop()
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "50000"}
        arguments = ("--web.systemd-socket", "--web.listen-address=127.0.0.1:1", "--log.format=json")
        async with asyncio.timeout(PATIENCE), exporter([tcp, unix], *arguments, **environ) as process:
            messages = [await loop.sock_recv(listening, 1000)]
            while messages[-1] != b"READY=1\nSTATUS=Serving.":
                messages.append(await loop.sock_recv(listening, 1000))
            port = tcp.getsockname()[1]
            by_path = httpx.AsyncHTTPTransport(uds=str(tmp_path / "web"))
            async with httpx.AsyncClient() as client, httpx.AsyncClient(transport=by_path) as other:
                answers = [await client.get(f"http://127.0.0.1:{port}/-/ready"), await other.get("http://web/-/ready")]
            process.send_signal(signal.SIGTERM)
            while not messages[-1].startswith(b"STOPPING=1"):
                messages.append(await loop.sock_recv(listening, 1000))
            assert await process.wait() == 0
            assert process.stderr
            first = json.loads(await process.stderr.readline())

    assert [answer.status_code for answer in answers] == [200, 200]
    assert (first["msg"], first["address"]) == ("listening", f"127.0.0.1:{port},unix:{tmp_path}/web")
    assert set(messages) == {b"WATCHDOG=1", b"READY=1\nSTATUS=Serving.", b"STOPPING=1\nSTATUS=Stopping."}


async def test_a_socket_that_does_not_listen() -> None:
    """A descriptor of another kind is named in a sentence, and the exporter does not start."""
    with socket.create_server(("127.0.0.1", 0)) as good, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bad:
        async with asyncio.timeout(PATIENCE), exporter([good, bad], "--web.systemd-socket") as process:
            assert await process.wait() == 1
            assert process.stderr
            assert (await process.stderr.read()).decode().splitlines() == [
                "Error: --web.systemd-socket: descriptor 4 does not listen; with ListenStream= one does."
            ]
