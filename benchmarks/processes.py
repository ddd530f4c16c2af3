"""What a process takes of the machine, and which part of it it may take."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu(process: int) -> float:
    """Return the seconds of CPU that a process has taken, user and system."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(process: int) -> float:
    """Return a process's memory in MiB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def cores() -> tuple[int, int]:
    """Give two cores, one for what is measured, and one for all that it needs. Raises RuntimeError if there is one."""
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        raise RuntimeError("what is measured and what it is measured with need a core each, and there is one")
    return first, others[0]


@contextlib.contextmanager
def kept_on(core: int, *processes: int) -> Iterator[None]:
    """Keep this thread, those that it starts, and all threads of processes on one core while the block lasts."""
    threads = [0, *(int(each.name) for process in processes for each in Path(f"/proc/{process}/task").iterdir())]
    before = {thread: os.sched_getaffinity(thread) for thread in threads}
    for thread in threads:
        os.sched_setaffinity(thread, {core})
    try:
        yield
    finally:
        for thread, affinity in before.items():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(thread, affinity)
