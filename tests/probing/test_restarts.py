"""The exporter itself, as a process that ends and is started again, and what it still knows."""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.model import Target
from tests.probing.certificates import certificates
from tests.probing.scene import CA, Page

PATIENCE = 60.0
SOURCES = ("responder", "crl")
#: Seconds since a fetch, more than any rest here and less than any answer lasts.
LONG = 7200.0


def configure(folder: Path, targets: Sequence[Target]) -> Path:
    """Write a configuration with a store, and give its path."""
    (folder / "ca.pem").write_bytes(CA.certificate.public_bytes(Encoding.PEM))
    path = folder / "config.yaml"
    module = {
        "tls_config": {"ca_file": "ca.pem"},
        "responder": {"refresh": "2m"},
        "crl": {"query": "always", "refresh": "2m"},
    }
    content = {
        "store": {"path": str(folder / "store")},
        "egress": {"requests_per_second_per_host": 1000},
        "modules": {"tls": module},
        "probe": {"interval": "500ms"},
        "targets": [{"targets": [target.name for target in targets]}],
    }
    path.write_text(yaml.safe_dump(content))
    return path


def stored(folder: Path) -> Mapping[str, float]:
    """Give for each whole file of the store when it was fetched."""
    return {file.name: file.stat().st_mtime for file in (folder / "store").iterdir() if file.suffix == ".der"}


def make_older(folder: Path) -> float:
    """Let it be long ago that the files of the store were fetched, and give when."""
    fetched = float(int(time.time() - LONG))
    for file in (folder / "store").iterdir():
        os.utime(file, (fetched, fetched))
    return fetched


def unfinished(folder: Path) -> int:
    """Give how many files of the store are the beginning of something."""
    return sum(file.suffix == ".tmp" for file in (folder / "store").iterdir())


@dataclass
class Exporter:
    """A running exporter: where it listens, and its log so far."""

    log: asyncio.StreamReader
    lines: list[Mapping[str, object]] = field(default_factory=list)
    address: tuple[str, int] = ("", 0)

    async def listens(self) -> None:
        """Wait until it tells where."""
        while True:
            encoded = await self.log.readline()
            assert encoded, f"it ended: {self.lines}"
            line = read_line(encoded)
            self.lines.append(line)
            if line["msg"] == "listening":
                host, _, port = str(line["address"]).rpartition(":")
                self.address = host, int(port)
                return

    async def page(self, it_is_so: Callable[[Page], object]) -> Page:
        """Wait until what is published is so, and give it."""
        page = Page("")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while True:
                    page = Page(await self._metrics())
                    if it_is_so(page):
                        return page
                    await asyncio.sleep(0.03)
        pytest.fail(f"that is not what is published here: {page.text}")

    async def _metrics(self) -> str:
        reader, writer = await asyncio.open_connection(*self.address)
        writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
        page = await reader.read()
        writer.close()
        await writer.wait_closed()
        return page.partition(b"\r\n\r\n")[2].decode()


@contextlib.asynccontextmanager
async def exporter(config: Path) -> AsyncIterator[Exporter]:
    """Run the exporter while the block lasts; it ends well, and has logged no error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "ocsp_exporter", "serve"),
        *("--config.file", str(config), "--web.listen-address", "127.0.0.1:0", "--log.format", "json"),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    running = Exporter(process.stderr)
    try:
        await running.listens()
        yield running
        process.send_signal(signal.SIGTERM)
        running.lines += map(read_line, (await process.stderr.read()).splitlines())
        assert await process.wait() == 0
        assert errors(running.lines) == []
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def errors(lines: Sequence[Mapping[str, object]]) -> list[object]:
    """Give what was wrong with the exporter itself, by its log."""
    return [line for line in lines if line["level"] not in {"debug", "info", "warning"} or "Traceback" in str(line)]


def read_line(line: bytes) -> Mapping[str, object]:
    """Read a line of a log; what is none is an error."""
    try:
        fields: Mapping[str, object] = json.loads(line)
    except ValueError:
        return {"level": "error", "msg": line.decode()}
    return fields


def say(page: Page, targets: Sequence[Target]) -> list[str]:
    """Give what is said of each target, by responder and CRL."""
    return [" | ".join(page.says(source, target=target.name) for source in SOURCES) for target in targets]


def looked_at(number: int) -> Callable[[Page], object]:
    """Tell whether so many targets have been; a page is read only then."""
    return lambda page: page.text.count("\nocsp_probe_success{") == number


STORE = "ocsp_exporter_store_requests_total"
FETCHED = "ocsp_source_fetched_timestamp_seconds"


async def test_a_restart_asks_nobody(tmp_path: Path) -> None:
    """All statuses are back at once, whether the CA's servers are there or not, and as old as they are."""
    async with certificates(2, 1) as found:
        config = configure(tmp_path, found.targets)
        async with found.answered_for():
            async with exporter(config) as running:
                first = await running.page(looked_at(3))
            assert say(first, found.targets) == ["good | good", "good | good", "revoked | revoked"]
            assert (found.ocsp, found.crl) == (3, 1)
            async with exporter(config) as running:
                second = await running.page(looked_at(3))
            assert (found.ocsp, found.crl) == (3, 1)
        async with exporter(config) as running:
            third = await running.page(looked_at(3))
    for page in (second, third):
        assert say(page, found.targets) == say(first, found.targets)
        assert page.values("ocsp_revoked") == [0, 0, 1]
        assert page.values(FETCHED) == first.values(FETCHED)
        assert page.values("ocsp_exporter_fetches_total") == []
        assert page.value(STORE, kind="ocsp", result="hit") == 3
        assert page.value(STORE, kind="crl", result="hit") == 1


async def test_a_source_that_is_down_shows_beside_what_was_stored(tmp_path: Path) -> None:
    """As soon as it is asked again, and as old as that is; and no more when it is back."""
    async with certificates(1, 1) as found:
        config = configure(tmp_path, found.targets)
        async with found.answered_for(), exporter(config) as running:
            await running.page(looked_at(2))
        fetched = make_older(tmp_path)
        down = ["good unreachable | good unreachable", "revoked unreachable | revoked unreachable"]
        async with exporter(config) as running:
            page = await running.page(lambda page: say(page, found.targets) == down)
        assert page.values(FETCHED) == [fetched] * 4
        assert page.values("ocsp_revoked") == [0, 1]
        assert page.values("ocsp_exporter_host_up") == [0, 0]
        async with found.answered_for(), exporter(config) as running:
            page = await running.page(lambda page: min(page.values(FETCHED), default=0) > fetched)
        assert say(page, found.targets) == ["good | good", "revoked | revoked"]
        assert page.values("ocsp_exporter_host_up") == [1, 1]


# --- Killed -------------------------------------------------------------------------------------------------

KILLS = 100


@dataclass
class Nursery:
    """Where exporters are started and killed, one after the other; all of them write to the same log."""

    orders: asyncio.StreamWriter
    told: asyncio.StreamReader
    exporter: Exporter

    async def start(self) -> Exporter:
        """Start one, and wait until it listens."""
        self.orders.write(b"start\n")
        await self.exporter.listens()
        return self.exporter

    async def kill(self) -> None:
        """Kill it by SIGKILL."""
        self.orders.write(b"kill\n")
        assert await self.told.readline() == b"killed\n"


@contextlib.asynccontextmanager
async def nursery(config: Path) -> AsyncIterator[Nursery]:
    """Let exporters be started and killed while the block lasts."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "tests.probing.killed_exporter", str(config)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    try:
        yield Nursery(process.stdin, process.stdout, Exporter(process.stderr))
    finally:
        process.stdin.close()
        await process.wait()


async def test_an_exporter_that_is_killed_while_it_writes_loses_and_forges_nothing(
    tmp_path: Path, counts: list[str]
) -> None:
    """Each new one knows, before it asks anybody, all that was known; and none finds any fault, nor has one."""
    async with certificates(4, 2) as found, found.answered_for():
        truth = ["good | good"] * 4 + ["revoked | revoked"] * 2
        config = configure(tmp_path, found.targets)
        partly = broken_off = 0
        async with nursery(config) as exporters:
            running = await exporters.start()
            await running.page(looked_at(6))
            await exporters.kill()
            for _ in range(KILLS):
                fetched = make_older(tmp_path)
                found.hold()
                running = await exporters.start()
                page = await running.page(looked_at(6))
                assert say(page, found.targets) == truth
                assert set(page.values(FETCHED)) == {fetched}
                hits = [page.value(STORE, kind=kind, result="hit") for kind in ("ocsp", "crl")]
                assert hits == [6, 1]
                # All is due: it has asked again, and writes what is answered.
                await found.answer(random.randint(1, 7))  # noqa: S311 -- no secret
                await asyncio.sleep(random.uniform(0.0, 0.01))  # noqa: S311 -- likewise
                await exporters.kill()
                written = sum(at != fetched for at in stored(tmp_path).values())
                partly += 0 < written < 7
                broken_off += unfinished(tmp_path)
            make_older(tmp_path)
            found.hold()
            running = await exporters.start()
            await running.page(lambda _: not unfinished(tmp_path))
            await exporters.kill()
            assert errors(running.lines) == []
        assert len(stored(tmp_path)) == 7
        told = f"{partly} of them with some of 7 files written, leaving {broken_off} files that they had begun"
        counts.append(f"{KILLS} exporters killed by SIGKILL, {told}")
        assert partly
