import asyncio
import json
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

from ocsp_exporter.serving.listening import ListenError, bind

# The contract. What is measured is far less; the machine may be busy.
ENDS_WITHIN = 5.0


@dataclass
class Started:
    """A running exporter and where it listens."""

    process: asyncio.subprocess.Process
    urls: list[str]

    async def told(self) -> list[dict[str, object]]:
        """Give the rest of its log, once it has ended."""
        assert self.process.stderr
        return [json.loads(line) for line in (await self.process.stderr.read()).splitlines()]


@asynccontextmanager
async def exporter(*addresses: str) -> AsyncIterator[Started]:
    """Start an exporter whose probes never end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "tests.unit.serving_process", *addresses),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    try:
        line = json.loads(await process.stderr.readline())
        assert line["msg"] == "listening"
        yield Started(process, [f"http://{address}" for address in line["address"].split(",")])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_clean_end(stop: signal.Signals) -> None:
    """On SIGTERM and SIGINT it ends within 5 s with exit code 0, whatever goes on, and those who wait are answered."""
    async with exporter("127.0.0.1:0") as started, httpx.AsyncClient(base_url=started.urls[0], timeout=30) as client:
        waiting = asyncio.create_task(client.get("/probe", params={"target": "a"}))
        in_flight = "ocsp_exporter_probes_in_flight 3.0"  # two of the workers, one of ours
        while in_flight not in (await client.get("/metrics")).text:
            assert not waiting.done()
        idle = socket.create_connection(("127.0.0.1", client.base_url.port or 0))
        started.process.send_signal(stop)

        async with asyncio.timeout(ENDS_WITHIN):
            assert await started.process.wait() == 0
        assert (await waiting).text == "The exporter is shutting down.\n"
        assert [line["msg"] for line in await started.told()] == ["stopping"]
        idle.close()


async def test_client_that_does_not_read() -> None:
    """A client that does not read its answer does not keep the exporter from ending."""
    async with exporter("127.0.0.1:0") as started:
        url = httpx.URL(started.urls[0])
        reader, writer = await asyncio.open_connection(url.host, url.port, limit=1024)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n" * 2000)
        await reader.readline()
        started.process.send_signal(signal.SIGTERM)

        async with asyncio.timeout(ENDS_WITHIN):
            assert await started.process.wait() == 0
        writer.close()


async def test_several_addresses() -> None:
    """It answers on every address that it was given."""
    async with exporter("127.0.0.1:0", "[::1]:0") as started, httpx.AsyncClient() as client:
        answers = [await client.get(f"{url}/-/healthy") for url in started.urls]
        started.process.send_signal(signal.SIGTERM)
        await started.process.wait()

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [httpx.URL(url).host for url in started.urls] == ["127.0.0.1", "::1"]


def test_all_interfaces() -> None:
    """An address without host is every interface, for IPv4 and IPv6."""
    (listening,) = bind([":0"])
    with listening:
        port = listening.getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port)).close()


def test_address_in_use() -> None:
    """An address that cannot be had is named in a sentence, and those bound before are let go."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError) as refused:
            bind(["127.0.0.1:0", f"127.0.0.1:{port}"])

    assert (
        str(refused.value)
        == f"Cannot listen on '127.0.0.1:{port}': Address already in use. Choose another: --web.listen-address."
    )
    with bind([f"127.0.0.1:{port}"])[0] as free:
        assert free.getsockname() == ("127.0.0.1", port)


@pytest.mark.parametrize(
    "address", ["", "10960", "localhost", "::1:10960", "[::1]", "a:b", ":65536", "a b:-1", "[::1:1"]
)
def test_malformed_address(address: str) -> None:
    """What is no address is refused with a sentence that says what one is."""
    with pytest.raises(ListenError, match=r"an address is HOST:PORT, \[IPv6\]:PORT or :PORT"):
        bind([address])


def test_foreign_address() -> None:
    """An address that is not of this machine is refused with the system's words."""
    with pytest.raises(ListenError, match=r"Cannot listen on '192\.0\.2\.1:1': Cannot assign requested address\."):
        bind(["192.0.2.1:1"])


async def test_files_enough() -> None:
    """The soft limit of open files, low for the sake of programs that use select(), is raised to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        async with exporter("127.0.0.1:0") as started, httpx.AsyncClient(base_url=started.urls[0]) as client:
            page = (await client.get("/metrics")).text
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert f"process_max_fds {float(hard)}" in page
