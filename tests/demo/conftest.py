"""An OpenSSL command line, which is not ours, to look at what the lab makes."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable

import pytest

OpenSSL = Callable[..., Awaitable[str]]


@pytest.fixture
def openssl() -> OpenSSL:
    """Return a function that runs `openssl` with arguments and returns all that it printed."""
    path = shutil.which("openssl")
    if path is None and os.environ.get("OCSP_EXPORTER_REQUIRE_PEERS") == "1":
        pytest.fail("openssl is not installed")
    if path is None:
        pytest.skip("openssl is not installed")

    async def run(*arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            path,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), 30)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return output.decode(errors="replace")

    return run
