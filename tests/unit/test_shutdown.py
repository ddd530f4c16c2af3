"""The end of the exporter as its users run it, while everything that can take long takes long."""

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.listening import listen, port_of
from tests.unit.test_systemd import exporter

#: The contract. What is measured is far less; the machine may be busy.
ENDS_WITHIN = 5.0
#: Far longer than anything else takes.
PATIENCE = 30.0

ROOT = Authority.root(time.time())


@dataclass
class Silent:
    """A port that takes connections and says nothing, and whether anybody said something."""

    port: int = 0
    spoken: asyncio.Event = field(default_factory=asyncio.Event)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Listen to one who connected."""
        self.writers.append(writer)
        if await reader.read(1):
            self.spoken.set()


@asynccontextmanager
async def silent() -> AsyncIterator[Silent]:
    """Run a server that says nothing."""
    here = Silent()
    server = await asyncio.start_server(here.hear, "127.0.0.1", 0)
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        server.close()
        for writer in here.writers:
            writer.close()


@asynccontextmanager
async def stapling_nothing(ocsp_url: str) -> AsyncIterator[int]:
    """Run an endpoint whose certificate names a responder; give its port."""
    listener = listen("127.0.0.1")
    async with serve_tls(Endpoint(ROOT.leaf(ocsp_urls=[ocsp_url]), lambda: None), listener):
        yield port_of(listener)


def configuration(folder: Path, *targets: str) -> Path:
    """Write a configuration with these targets; nobody's patience ends before the test's."""
    (folder / "root.pem").write_bytes(ROOT.certificate.public_bytes(Encoding.PEM))
    module = {
        "timeout": "1h",
        "tls_config": {"ca_file": "root.pem"},
        "responder": {"timeout": "1h"},
    }
    path = folder / "ocsp.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "store": {"path": "store"},
                "modules": {"patient": module},
                "targets": [{"targets": list(targets), "module": "patient"}],
            }
        )
    )
    return path


@dataclass
class Running:
    """An exporter that runs, and gives its clients small buffers: what they do not read stays with it."""

    process: asyncio.subprocess.Process
    port: int

    async def ends_well(self) -> list[str]:
        """Expect that it ends in time when it is told to, and give what it logged then."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(ENDS_WITHIN):
            assert await self.process.wait() == 0
        assert self.process.stderr
        lines = [json.loads(line) for line in (await self.process.stderr.read()).splitlines()]
        return [line["msg"] for line in lines if line["msg"] != "target changed"]


@asynccontextmanager
async def running(config: Path) -> AsyncIterator[Running]:
    """Run the exporter while this is entered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        arguments = ("--web.systemd-socket", "--config.file", str(config), "--log.format", "json")
        async with exporter([listening], *arguments) as process:
            assert process.stderr
            assert json.loads(await process.stderr.readline())["msg"] == "listening"
            yield Running(process, port_of(listening))


async def read_slowly(reader: asyncio.StreamReader) -> None:
    """Take an answer line by line, never as fast as it comes."""
    async for _ in reader:
        await asyncio.sleep(0.05)


async def test_everything_hangs(tmp_path: Path) -> None:
    """Targets that say nothing, a responder that does not answer, clients that wait, and some that read slowly."""
    async with AsyncExitStack() as stack:
        target, responder = await stack.enter_async_context(silent()), await stack.enter_async_context(silent())
        endpoint = await stack.enter_async_context(stapling_nothing(f"http://127.0.0.1:{responder.port}/"))
        targets = [f"127.0.0.1:{target.port}", f"smtp://127.0.0.1:{target.port}", f"127.0.0.1:{endpoint}"]
        here = await stack.enter_async_context(running(configuration(tmp_path, *targets)))
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=PATIENCE))
        url = f"http://127.0.0.1:{here.port}"

        waiting = asyncio.create_task(client.get(f"{url}/probe?target={targets[0]}&module=patient&debug=true"))
        half = await asyncio.open_connection("127.0.0.1", here.port)
        half[1].write(b"GET /metrics HTT")
        slow = await asyncio.open_connection("127.0.0.1", here.port, limit=1024)
        slow[1].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow[1].write(b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n" * 2000)
        reading = asyncio.create_task(read_slowly(slow[0]))
        async with asyncio.timeout(PATIENCE):
            while "ocsp_exporter_probes_in_flight 4.0" not in (await client.get(f"{url}/metrics")).text:
                assert not waiting.done()
            await responder.spoken.wait()  # a fetch is under way
            for _ in range(100):  # meanwhile more has been written to the slow one than is taken
                await client.get(f"{url}/-/healthy")

        assert await here.ends_well() == ["stopping", "clients that have not read their answers are let go"]
        assert (await waiting).text == "The exporter is shutting down.\n"
        reading.cancel()
        await asyncio.wait([reading])
        for _, writer in (half, slow):
            writer.close()


async def test_nothing_is_there(tmp_path: Path) -> None:
    """The good twin: without a target, a fetch or a client it ends as well."""
    async with running(configuration(tmp_path)) as here:
        assert await here.ends_well() == ["stopping"]


#: Has a thread that hangs, as in a file system that does not answer.
STUCK = """
import asyncio, time
from ocsp_exporter.commands.serve import run_to_the_end

async def main():
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 3600)

run_to_the_end(main())
"""


async def test_a_thread_hangs() -> None:
    """What cannot be ended is not waited for."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", STUCK)
    try:
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
