"""A process whose writers are killed: `python -m tests.probing.killed_writer FOLDER`.

For each line on stdin, a number of seconds, a writer is started, has begun to write for that long, and is killed;
then a line is written to stdout.
"""

import asyncio
import itertools
import os
import signal
import sys
import time
from pathlib import Path

from ocsp_exporter.model import FetchKind
from ocsp_exporter.probing.store import Store

NAMES = "5a" * 32, "5b" * 32
#: What is written in turn under the same names, as CRLs: nothing else may be as long.
CONTENTS = (b"2 KiB of it. " * 160)[:2048], b"8MiB" * 2 * 1024**2


async def write_on(folder: Path, begun: int) -> None:
    """Write until the end, which is not of our choosing; tell the pipe `begun` of the beginning."""
    store = Store(folder)
    for content in itertools.cycle(CONTENTS):
        for name in NAMES:
            await store.write(FetchKind.CRL, name, content, time.time())
        if begun:
            os.close(begun)
            begun = 0


def main() -> None:
    """Start and kill one writer after the other."""
    for line in sys.stdin:
        beginning, begun = os.pipe()
        writer = os.fork()
        if not writer:
            os.close(beginning)
            signal.alarm(60)  # should nobody be left to kill it
            asyncio.run(write_on(Path(sys.argv[1]), begun))
        os.close(begun)
        os.read(beginning, 1)  # its end
        os.close(beginning)
        time.sleep(float(line))
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        sys.stdout.write("killed\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
