"""Work that may hang."""

import subprocess
import sys
import threading

import pytest

from ocsp_exporter.serving.threads import in_thread

PATIENCE = 60


async def test_it_gives_what_the_work_gives() -> None:
    """Or raises what that raises, and the work is done in another thread."""
    assert await in_thread(threading.get_ident) != threading.get_ident()

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await in_thread(fail)


def test_work_that_hangs_keeps_nobody_from_ending() -> None:
    """Whoever waits may give up, and so may the process."""
    program = """
import asyncio, threading
from ocsp_exporter.serving.threads import in_thread

async def main():
    try:
        async with asyncio.timeout(0.1):
            await in_thread(threading.Event().wait)
    except TimeoutError:
        print("given up")

asyncio.run(main())
"""
    command = [sys.executable, "-W", "error", "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert (ended.stdout, ended.stderr) == ("given up\n", "")
