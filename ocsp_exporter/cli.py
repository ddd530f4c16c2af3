"""The commands, declared. What they do is imported when one of them is called, so that `--version` stays quick."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

import click

from ocsp_exporter import __version__

_CANNOT_LOOK = 3
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it

_CONFIG_FILE = _FILE = click.Path(path_type=Path)


@contextmanager
def _imports() -> Iterator[None]:
    """Import without the garbage collector, and never have it look at what was imported, which stays to the end.

    It would do so again and again, and once more at the end of the process: 75 ms of a first probe.
    """
    imported = len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if len(sys.modules) > imported:
            gc.freeze()


class _ServesByDefault(click.Group):
    """A group that takes arguments which name no command for those of `serve`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in {"-h", "--help", "--version"}):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


class _ProbeCommand(click.Command):
    """A command whose errors all end with 3: click's own 1 and 2 say that a target is in a bad state."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            error.show()
            raise click.exceptions.Exit(_CANNOT_LOOK) from error

    def invoke(self, ctx: click.Context) -> None:
        try:
            super().invoke(ctx)
        except click.ClickException as error:
            error.show()
            ctx.exit(_CANNOT_LOOK)
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)


@click.group(cls=_ServesByDefault, context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ocsp-exporter", message="%(prog)s %(version)s")
def main() -> None:
    """Watch OCSP staples of TLS endpoints for Prometheus.

    Without a command it serves: see `ocsp-exporter serve --help`.
    """


@main.command()
@click.option("--config.file", "config_file", type=_CONFIG_FILE, help="Modules and targets; without it /probe only.")
@click.option("--config.enable-auto-reload", "watch", is_flag=True, help="Load the configuration when it changes.")
@click.option(
    "--config.auto-reload-interval",
    "watch_interval",
    default="30s",
    show_default=True,
    metavar="DURATION",
    help="How often to look whether it has.",
)
@click.option("--config.check", "check", is_flag=True, help="Check the configurations and exit.")
@click.option(
    "--web.listen-address",
    "addresses",
    multiple=True,
    default=[":10960"],
    show_default=True,
    metavar="ADDRESS",
    help="Where to listen, [HOST]:PORT; may be given several times.",
)
@click.option(
    "--web.config.file",
    "web_config_file",
    type=_CONFIG_FILE,
    help="TLS, login and headers, as Prometheus's exporter-toolkit has them.",
)
@click.option(
    "--web.health-listen-address",
    "health_address",
    metavar="ADDRESS",
    help="Where to serve /-/healthy and /-/ready, and nothing else, without TLS and login.",
)
@click.option(
    "--shard",
    default="0/1",
    show_default=True,
    metavar="I/N",
    help="Which share of the targets to look at: of N exporters the one numbered I, from 0.",
)
@click.option(
    "--web.external-url",
    "external_url",
    metavar="URL",
    help="Where browsers find the exporter behind a reverse proxy, if not where it listens.",
)
@click.option(
    "--web.route-prefix",
    "route_prefix",
    metavar="PATH",
    help="What the paths of all requests begin with; by default the path of --web.external-url.",
)
@click.option(
    "--web.systemd-socket",
    "systemd_socket",
    is_flag=True,
    help="Listen on the sockets that systemd passes, and not on --web.listen-address.",
)
@click.option(
    "--log.level", "log_level", type=click.Choice(["debug", "info", "warn", "error"]), default="info", show_default=True
)
@click.option("--log.format", "log_format", type=click.Choice(["logfmt", "json"]), default="logfmt", show_default=True)
@click.pass_context
def serve(  # noqa: PLR0913 - an argument for each option
    ctx: click.Context,
    *,
    config_file: Path | None,
    watch: bool,
    watch_interval: str,
    check: bool,
    addresses: tuple[str, ...],
    web_config_file: Path | None,
    health_address: str | None,
    shard: str,
    external_url: str | None,
    route_prefix: str | None,
    systemd_socket: bool,
    log_level: str,
    log_format: Literal["logfmt", "json"],
) -> None:
    """Probe on schedule and serve the metrics."""
    with _imports():
        from ocsp_exporter.commands import serve as command  # noqa: PLC0415 - keeps the other commands quick

    if watch and config_file is None:
        ctx.fail("--config.enable-auto-reload needs a --config.file to watch.")
    if not check:
        listen = command.Listen(addresses, web_config_file, health_address, external_url, route_prefix, systemd_socket)
        work = command.Work(config_file, watch_interval if watch else None, shard)
        command.run(work, listen, log_level, log_format)
        return
    if config_file is None and web_config_file is None:
        ctx.fail("--config.check needs a --config.file or --web.config.file to check.")
    if config_file is not None:
        command.check(config_file)
    if web_config_file is not None:
        command.check_web(web_config_file)


@main.command(cls=_ProbeCommand)
@click.argument("targets", metavar="TARGET...", nargs=-1)
@click.option("--module", "module_name", metavar="NAME", default="tls", show_default=True, help="How to look.")
@click.option("--config.file", "config_file", type=_CONFIG_FILE, help="Where else modules are looked for.")
@click.option(
    "--targets",
    "targets_file",
    metavar="FILE",
    type=click.File(encoding="utf-8", errors="replace"),
    help="More targets, one a line; # begins a comment, - is standard input.",
)
@click.option(
    "--output",
    type=click.Choice(["text", "json", "prometheus"]),
    default="text",
    show_default=True,
    help="What to print.",
)
@click.pass_context
def probe(
    ctx: click.Context,
    *,
    targets: tuple[str, ...],
    module_name: str,
    config_file: Path | None,
    targets_file: IO[str] | None,
    output: str,
) -> None:
    """Look at targets once and report.

    A TARGET is HOST, HOST:PORT or [IPv6]:PORT, with or without https://, or a protocol such as smtp://, in front. JSON
    is one document for each target: a line each, indented on a terminal.

    The exit code is 0 where all is well or there is nothing to watch; 1 for a warning: refresh overdue, no answer in
    the staple, a source down, or a staple that differs from its file; 2 where it is critical: revoked, unknown, policy
    violated, sources that contradict each other, expired or otherwise invalid; 3 where a target could not be looked at,
    or the command was wrong. Of several targets the worst counts: 2, 3, 1, 0.
    """
    with _imports():
        from ocsp_exporter.commands import probe as command  # noqa: PLC0415 - keeps the other commands quick

    names = [*targets, *(command.names_in(targets_file) if targets_file else ())]
    if not names:
        ctx.fail("Give at least one TARGET, or a file of them with --targets.")
    ctx.exit(command.run(names, module_name, config_file, output))


@main.command(cls=_ProbeCommand)
@click.option(
    "--cert",
    "certificate",
    type=_FILE,
    required=True,
    metavar="FILE",
    help="The certificate to ask about, PEM or DER.",
)
@click.option("--issuer", type=_FILE, required=True, metavar="FILE", help="The certificate of its CA, PEM or DER.")
@click.option("--url", default="", metavar="URL", help="Where the responder is; otherwise as the certificate says.")
@click.option(
    "--profile",
    type=click.Choice(["private", "public"]),
    default="private",
    show_default=True,
    help="Whose rules: those for all, or those of public CAs besides.",
)
@click.pass_context
def responder(ctx: click.Context, *, certificate: Path, issuer: Path, url: str, profile: str) -> None:
    """Examine a CA's OCSP responder: each rule, what was seen, and what it rests on.

    The exit code is 0 where it is up and conforms to all rules; 1 where it does not conform to one; 2 where it is
    critical: not up by any method, or the certificate is revoked or unknown; 3 where the command was wrong.
    """
    with _imports():
        from ocsp_exporter.commands import responder as command  # noqa: PLC0415 - keeps the other commands quick

    ctx.exit(command.run(certificate, issuer, url, profile))


@main.command("check-config")
@click.argument("file", type=_CONFIG_FILE)
def check_config(file: Path) -> None:
    """Find all faults in a configuration."""
    with _imports():
        from ocsp_exporter.commands import serve as command  # noqa: PLC0415 - keeps the other commands quick

    command.check(file)


@main.group()
def docs() -> None:
    """Print what the code documents itself."""


@docs.command("metrics")
def docs_metrics() -> None:
    """Print all metrics with their labels and meaning, as Markdown."""
    from ocsp_exporter.serving.documentation import markdown  # noqa: PLC0415 - keeps the other commands quick

    click.echo(markdown(), nl=False)


@docs.command("verdicts")
def docs_verdicts() -> None:
    """Print what each word of a verdict means and what to do about it, as Markdown."""
    from ocsp_exporter.report.documentation import verdicts  # noqa: PLC0415 - keeps the other commands quick

    click.echo(verdicts(), nl=False)


@docs.command("rules")
def docs_rules() -> None:
    """Print what a responder that is watched by itself is held to, as Markdown."""
    from ocsp_exporter.report.documentation import rules  # noqa: PLC0415 - keeps the other commands quick

    click.echo(rules(), nl=False)


@docs.command("dashboards")
@click.option(
    "--write", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where to put them."
)
def docs_dashboards(folder: Path) -> None:
    """Write the dashboards for Grafana and the rules for Prometheus to a folder, and print where each is."""
    from ocsp_exporter.commands import dashboards as command  # noqa: PLC0415 - keeps the other commands quick

    for path in command.write(folder):
        click.echo(path)


@docs.command("config-schema")
def docs_config_schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    import json  # noqa: PLC0415 - keeps the other commands quick

    from ocsp_exporter.config import json_schema  # noqa: PLC0415 - keeps the other commands quick

    click.echo(json.dumps(json_schema(), indent=2))


@main.command()
@click.option(
    "--web.listen-address",
    "address",
    default="127.0.0.1:10960",
    show_default=True,
    metavar="ADDRESS",
    help="Where the exporter listens.",
)
def demo(address: str) -> None:
    """Try it on endpoints in every state of health.

    Starts a CA with its responder and CRL, and TLS endpoints, all on this machine only, and watches them.
    """
    with _imports():
        from ocsp_exporter.commands import demo as command  # noqa: PLC0415 - keeps the other commands quick

    command.run(address)
