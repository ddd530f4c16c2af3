"""Exporters that are killed: `python -m tests.probing.killed_exporter CONFIG`.

For each line on stdin one is started, in none of the time that it takes to import it, or the one that runs is killed
and a line written to stdout. Their logs go to stderr.
"""

import os
import signal
import sys

import uvicorn.protocols.http.h11_impl  # noqa: F401 -- what each exporter would import

import ocsp_exporter.commands.serve  # noqa: F401 -- likewise
from ocsp_exporter.cli import main as run
from ocsp_exporter.probing.roots import system_roots


def main() -> None:
    """Start and kill one exporter after the other."""
    system_roots()
    running = 0
    for _ in sys.stdin:
        if running:
            os.kill(running, signal.SIGKILL)
            os.waitpid(running, 0)
            running = 0
            sys.stdout.write("killed\n")
            sys.stdout.flush()
        else:
            running = os.fork()
            if not running:
                signal.alarm(120)  # should nobody be left to kill it
                run(
                    [
                        "serve",
                        "--config.file",
                        sys.argv[1],
                        "--web.listen-address",
                        "127.0.0.1:0",
                        "--log.format",
                        "json",
                    ]
                )


if __name__ == "__main__":
    main()
