"""The long run: `python -m tests.fuzz --inputs 1000000 --seed 1`, or for `--seconds`."""

import argparse
import resource
import sys
import time
import warnings

from tests.fuzz.fuzzing import Report, run

_EVERY = 10_000


def main() -> None:
    """Check inputs, show progress on a terminal, and print what was found; exit 1 where anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, help="how many inputs (default: no limit)")
    parser.add_argument("--seconds", type=float, help="how long (default: no limit)")
    parser.add_argument("--seed", type=int, default=1, help="of the random changes (default: %(default)s)")
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    begun = time.monotonic()
    report = run(arguments.inputs, arguments.seconds, arguments.seed, _show)
    print(f"\r{told(report)}; {time.monotonic() - begun:.0f} s in all")  # noqa: T201 -- a command
    print(f"largest resident size of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")  # noqa: T201 -- a command
    for failure in report.failures[:10]:
        print(failure)  # noqa: T201 -- a command
    sys.exit(bool(report.failures))


def _show(report: Report) -> None:
    if report.inputs % _EVERY == 0 and sys.stderr.isatty():
        print(f"\r{report.inputs} inputs, {len(report.failures)} failed", end="", file=sys.stderr)  # noqa: T201 -- a command


def told(report: Report) -> str:
    """Return a report in one line."""
    return (
        f"{report.inputs} inputs: {report.accepted} could be read, {report.verified} were verified, "
        f"{len(report.failures)} failed; worst time {report.worst_time * 1000:.1f} ms, "
        f"worst memory {report.worst_memory / 2**20:.2f} MiB"
    )


if __name__ == "__main__":
    main()
