"""`ocsp-exporter probe`: look at some targets once and tell."""

import asyncio
import io
import json
import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import click
from rich.console import Console

from ocsp_exporter.commands.configuration import load
from ocsp_exporter.config import Config
from ocsp_exporter.model import EgressPolicy, Module, ProbeResult, Results, Target
from ocsp_exporter.probing.opening import open_prober
from ocsp_exporter.report.assessment import Level, assess, worst
from ocsp_exporter.report.document import document
from ocsp_exporter.report.text import report
from ocsp_exporter.serving import logs
from ocsp_exporter.target import TargetError, read_target

#: By how bad the worst of all results is.
EXIT_CODES = {
    Level.CRITICAL: 2,
    Level.FAILED: 3,
    Level.WARNING: 1,
    Level.OK: 0,
    Level.NOTHING_KNOWN: 0,
    Level.NOT_APPLICABLE: 0,
}

_CONCURRENCY = 64
_WIDEST = 120  # longer lines are hard to read
_COMMENT = re.compile(r"(?:^|\s)#")


def run(names: Sequence[str], module_name: str, config_file: Path | None, output: str) -> int:
    """Probe the targets, print what was found in their order, and return the exit code of the worst.

    `output` is a key of `OUTPUTS`. Raises ClickException before anything is probed, or where nothing can be printed.
    """
    config = load(config_file)
    module = _module(module_name, config)
    return look(_targets(names, module), module, config.egress, output)


def look(targets: Sequence[Target], module: Module, egress: EgressPolicy, output: str) -> int:
    """Probe the targets, and print and return as `run` does."""
    logs.set_up("warning", "logfmt")  # why an issuer could not be fetched, say
    results = asyncio.run(_probe_all(targets, module, egress))
    _write(lambda: OUTPUTS[output](results))
    return EXIT_CODES[worst([assess(result, result.obtained_at).level for result in results])]


def names_in(lines: Iterable[str]) -> list[str]:
    """Return the targets in a file, one a line; what follows a `#` at the beginning or after a blank is a comment."""
    return [name for line in lines if (name := _COMMENT.split(line)[0].strip())]


def _module(name: str, config: Config) -> Module:
    if name not in config.modules:
        raise click.ClickException(f"There is no module {name!r}; there are: {', '.join(sorted(config.modules))}.")
    return config.modules[name]


def _targets(names: Sequence[str], module: Module) -> list[Target]:
    targets, faults = [], []
    for name in names:
        try:
            targets.append(read_target(name, module))
        except TargetError as error:
            faults.append(str(error))
    if faults:
        raise click.ClickException("\n".join(faults))
    return targets


async def _probe_all(targets: Sequence[Target], module: Module, egress: EgressPolicy) -> list[ProbeResult]:
    """Probe the targets, some at a time, with their progress on a terminal; results come in the targets' order."""
    free = asyncio.Semaphore(_CONCURRENCY)
    # Nobody will look again: each answer is waited for, and none is stored.
    async with open_prober(egress, patience=math.inf) as prober:
        with _progress(len(targets)) as advance:

            async def probe(target: Target) -> Results:
                async with free:
                    results = await prober.probe(target, module)
                advance()
                return results

            return list(chain.from_iterable(await asyncio.gather(*map(probe, targets))))


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """Show on a terminal how many of so many are done; give what tells that another one is."""
    stderr = Console(stderr=True)
    if not stderr.is_terminal:
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn  # noqa: PLC0415 - 9 ms

    columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress("probing", *columns, console=stderr, transient=True) as progress:
        bar = progress.add_task("", total=total)
        yield lambda: progress.advance(bar)


def _write(write: Callable[[], None]) -> None:
    """Let the results be printed. Raises ClickException where they cannot be; a reader who leaves has seen enough."""
    try:
        write()
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would be tried once more at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise click.ClickException(f"The results cannot be written: {error.strerror}.") from error


class _Console(Console):
    """A console that leaves the exit code alone when its reader leaves: rich's own ends with 1, our warning."""

    def on_broken_pipe(self) -> None:
        """Pass the error on."""
        raise BrokenPipeError


def _print_text(results: Iterable[ProbeResult]) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # the bar, or a name, may have what the locale has not
    console = _Console(highlight=False, markup=False, emoji=False)
    console.width = min(console.width, _WIDEST)
    for result in results:
        console.print(report(result, result.obtained_at))


def _print_json(results: Iterable[ProbeResult]) -> None:
    indent = 2 if sys.stdout.isatty() else None
    for result in results:
        click.echo(json.dumps(document(result, result.obtained_at), indent=indent, allow_nan=False))


def _print_prometheus(results: Iterable[ProbeResult]) -> None:
    from ocsp_exporter.metrics import Publication  # noqa: PLC0415 - these three take 15 ms
    from ocsp_exporter.serving.exposition import render  # noqa: PLC0415
    from ocsp_exporter.serving.negotiation import Format  # noqa: PLC0415

    page = render(map(Publication, results), time.time(), Format.TEXT)
    click.echo(page, nl=False)


#: By the value of --output.
OUTPUTS: dict[str, Callable[[Iterable[ProbeResult]], None]] = {
    "text": _print_text,
    "json": _print_json,
    "prometheus": _print_prometheus,
}
