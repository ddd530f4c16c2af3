"""The commands as a shell sees them: output, faults and exit codes."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result

from ocsp_exporter import __version__
from ocsp_exporter.cli import main
from ocsp_exporter.demo.lab import Lab

COMMAND = [sys.executable, "-m", "ocsp_exporter"]
PATIENCE = 20


def call(*arguments: str, stdin: str | None = None) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, arguments, input=stdin)


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a process of its own, which is gone at the end of the block."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    # A shell that starts tests in the background has SIGINT ignored, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        signal.signal(signal.SIGINT, before)
        try:
            yield process
        finally:
            process.kill()


@asynccontextmanager
async def endpoints() -> AsyncIterator[dict[str, str]]:
    """Run the lab; gives the address of each endpoint by its name."""
    async with Lab.start(first_port=0) as lab:
        yield {endpoint.row.name: endpoint.address for endpoint in lab.endpoints}


async def probe(*arguments: str, stdin: str | None = None) -> Result:
    """Run `probe` beside the lab that this event loop drives."""
    return await asyncio.to_thread(call, "probe", *arguments, stdin=stdin)


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Give a listening socket that nobody answers at."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def bad_config(tmp_path: Path) -> Path:
    """Give a configuration with two faults."""
    path = tmp_path / "bad.yaml"
    path.write_text("probe: {interval: soon}\nmoduls: {}\n")
    return path


class TestMain:
    """What holds for all commands."""

    def test_tells_its_version(self) -> None:
        """`--version` prints name and version."""
        assert call("--version").output == f"ocsp-exporter {__version__}\n"

    def test_needs_only_click_for_that(self) -> None:
        """Nothing heavy is imported before a command is called."""
        heavy = ["cryptography", "httpx", "OpenSSL", "pydantic", "prometheus_client", "rich", "starlette", "uvicorn"]
        code = f"import sys, ocsp_exporter.cli; print([name for name in {heavy} if name in sys.modules])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert done.stdout == "[]\n"

    def test_lists_its_commands(self) -> None:
        """`--help` names every command."""
        output = call("--help").output

        assert [name for name in ("serve", "probe", "check-config", "docs", "demo") if name not in output] == []

    def test_knows_no_other_option(self) -> None:
        """What there is not is an unknown option and not silently ignored."""
        result = call("--web.telemetry-path=/metrics")

        assert result.exit_code == 2
        assert "No such option" in result.output

    def test_takes_a_wrong_command_for_none(self) -> None:
        """A misspelt command is an error, also behind the options of `serve`."""
        assert "No such command 'prob'" in call("prob").output
        assert "unexpected extra argument (probe)" in call("--log.level", "debug", "probe").output


class TestProbe:
    """`probe`."""

    @pytest.mark.parametrize(
        ("name", "exit_code", "said"),
        [
            ("good", 0, " OK  The staple is good, for another 6 d"),
            ("not-stapled", 0, " NOTHING KNOWN  No staple was sent"),
            ("without-ocsp", 0, " NOT APPLICABLE  The certificate names no OCSP responder"),
            ("refresh-overdue", 1, " WARNING  The staple is good, and its refresh is overdue: it ends in 23 h"),
            ("revoked", 2, " CRITICAL  The certificate is revoked since"),
            ("forged-signature", 2, " CRITICAL  The staple cannot be relied on: signature_invalid."),
            ("must-staple-without-staple", 2, " CRITICAL  The staple policy is violated"),
        ],
    )
    async def test_tells_the_state_by_words_and_exit_code(self, name: str, exit_code: int, said: str) -> None:
        """Each state of an endpoint has its headline and its exit code; without a terminal there are no colours."""
        async with endpoints() as addresses:
            result = await probe(addresses[name])

        assert result.exit_code == exit_code
        assert said in result.stdout
        assert "\x1b" not in result.stdout

    async def test_ends_with_three_where_it_could_not_look(self) -> None:
        """A refused connection is reported with what to check."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = await probe(address)

        assert result.exit_code == 3
        assert "what to do    Check that the service runs" in result.stdout

    async def test_ends_with_the_worst_of_several(self) -> None:
        """Critical is worse than could not look, which is worse than a warning."""
        async with endpoints() as addresses:
            with socket.create_server(("127.0.0.1", 0)) as taken:
                nobody = f"127.0.0.1:{taken.getsockname()[1]}"
            good, late, bad = (addresses[name] for name in ("good", "refresh-overdue", "revoked"))
            exit_codes = [(await probe(*names)).exit_code for names in ((good, late), (late, nobody), (nobody, bad))]

        assert exit_codes == [1, 3, 2]

    async def test_reads_targets_from_a_file(self, tmp_path: Path) -> None:
        """A file has one target a line, with comments; results come in the order of the targets."""
        async with endpoints() as addresses:
            good, revoked, late = addresses["good"], addresses["revoked"], addresses["refresh-overdue"]
            lines = f"# all of them\n{revoked}\t# bad\n\n  {late}\n"
            path = tmp_path / "targets.txt"
            path.write_text(lines)
            from_file = await probe(good, "--targets", str(path), "--output", "json")
            from_stdin = await probe(good, "--targets", "-", "--output", "json", stdin=lines)

        told = [json.loads(line)["target"] for line in from_file.stdout.splitlines()]
        assert told == [good, revoked, late]
        assert [json.loads(line)["target"] for line in from_stdin.stdout.splitlines()] == told

    async def test_writes_one_json_document_a_line(self) -> None:
        """JSON carries the verdict and the staple under k6's keys."""
        async with endpoints() as addresses:
            result = await probe(addresses["revoked"], "--output", "json")
        told = json.loads(result.stdout)

        assert result.stdout.count("\n") == 1
        assert told["verdict"]["level"] == "critical"
        assert told["ocsp"]["status"] == "revoked"
        assert told["ocsp"]["revocation_reason"] == "key_compromise"

    async def test_tells_every_way_of_looking(self, tmp_path: Path) -> None:
        """Of each address and key type there is a report and a document; a key type that is not served is no fault."""
        config = tmp_path / "config.yaml"
        config.write_text("modules: {each: {addresses: all, key_types: [rsa, ecdsa]}}")
        async with endpoints() as lab:
            arguments = (lab["good"], "--module", "each", "--config.file", str(config))
            text, told = await probe(*arguments), await probe(*arguments, "--output", "json")
            metrics = await probe(*arguments, "--output", "prometheus")

        documents = [json.loads(line) for line in told.stdout.splitlines()]
        ways = [(each["address"], each["key_type"], each["key_type_served"]) for each in documents]
        assert ways == [("127.0.0.1", "rsa", False), ("127.0.0.1", "ecdsa", True)]
        assert [each["verdict"]["level"] for each in documents] == ["not_applicable", "ok"]
        assert {result.exit_code for result in (text, told, metrics)} == {0}
        assert "address 127.0.0.1, key type rsa, module each" in " ".join(text.stdout.split())
        labels = f'target="{lab["good"]}",module="each",address="127.0.0.1",key_type='
        assert f'ocsp_key_type_served{{{labels}"rsa"}} 0\n' in metrics.stdout
        assert f'ocsp_probe_success{{{labels}"ecdsa"}} 1\n' in metrics.stdout
        assert f'ocsp_probe_success{{{labels}"rsa"}}' not in metrics.stdout

    async def test_writes_metrics(self) -> None:
        """Prometheus's text format, as `/probe` gives it."""
        async with endpoints() as addresses:
            address = addresses["good"]
            result = await probe(address, "--output", "prometheus")

        assert (
            f'ocsp_status{{target="{address}",module="tls",source="staple",depth="0",status="good"}} 1\n'
            in result.stdout
        )

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ((), "Give at least one TARGET"),
            (("--targets", "-"), "Give at least one TARGET"),
            (("localhost:0",), "localhost:0"),
            (
                ("--module", "nntps", "localhost"),
                "There is no module 'nntps'; there are: ftp, imap, irc, ldap, lmtp, mysql,",
            ),
            (("--config.file", "/nonexistent.yaml", "localhost"), "/nonexistent.yaml: "),
            (("--targets", "/nonexistent.txt"), "/nonexistent.txt"),
            (("--output", "xml", "localhost"), "xml"),
            (("--bogus", "localhost"), "No such option"),
        ],
        ids=[
            "nothing",
            "empty file",
            "bad target",
            "unknown module",
            "no config",
            "no file",
            "bad output",
            "bad option",
        ],
    )
    def test_ends_with_three_where_it_was_called_wrongly(self, arguments: tuple[str, ...], said: str) -> None:
        """Wrong usage is a sentence on stderr and never the exit code of a state."""
        result = call("probe", *arguments, stdin="# none\n")

        assert result.exit_code == 3
        assert said in result.stderr
        assert result.stdout == ""

    def test_names_every_target_that_is_none(self) -> None:
        """All malformed targets are told at once."""
        result = call("probe", "localhost:0", "user@localhost", "localhost")

        assert "localhost:0" in result.stderr
        assert "user name" in result.stderr

    def test_tells_all_faults_of_a_configuration(self, bad_config: Path) -> None:
        """The faults of the file are told with their places, as by `check-config`, with the exit code of `probe`."""
        result = call("probe", "--config.file", str(bad_config), "localhost")

        assert (result.exit_code, result.stderr) == (3, call("check-config", str(bad_config)).stderr)

    def test_ends_at_once_on_an_interrupt(self, silent: socket.socket) -> None:
        """Ctrl-C while a probe hangs ends with 130 and without a traceback."""
        command = started("probe", f"127.0.0.1:{silent.getsockname()[1]}")
        # Accepted and kept until the end: a server that leaves would end the probe.
        with command as process, silent.accept()[0]:
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=PATIENCE)

        assert (process.returncode, stderr) == (130, "")


class TestCheckConfig:
    """`check-config` and `serve --config.check`."""

    def test_says_what_is_in_a_valid_configuration(self, tmp_path: Path) -> None:
        """A valid file ends with 0 and is summed up."""
        path = tmp_path / "good.yaml"
        path.write_text("modules: {strict: {staple: {policy: always}}}\ntargets: [{targets: [localhost]}]\n")

        for arguments in (("check-config", str(path)), ("--config.file", str(path), "--config.check")):
            result = call(*arguments)
            assert (result.exit_code, result.output) == (0, f"{path}: valid, targets: 1, modules: strict\n")
        path.write_text("modules: {smtp: {starttls: smtp}}\n")
        assert call("check-config", str(path)).output == f"{path}: valid, targets: 0, modules: the built-in ones only\n"

    def test_tells_all_faults(self, bad_config: Path) -> None:
        """Each fault is a line of stderr that begins with its place, and the exit code is 1."""
        for arguments in (
            ("check-config", str(bad_config)),
            ("--config.file", str(bad_config), "--config.check"),
            ("serve", "--config.file", str(bad_config)),
        ):
            result = call(*arguments)
            places = re.findall(r"^(.*?):(\d+):(\d+): ", result.stderr, re.MULTILINE)
            assert result.exit_code == 1
            assert [(path, line) for path, line, _ in places] == [(str(bad_config), "1"), (str(bad_config), "2")]

    def test_says_what_is_in_a_valid_web_configuration(self, tmp_path: Path) -> None:
        """It is summed up, after the other configuration; what is not followed to the letter is told on stderr."""
        path = tmp_path / "web.yml"
        path.write_text("http_server_config: {http2: true}\n")
        result = call("--config.check", "--web.config.file", str(path))
        assert (result.exit_code, result.stdout) == (0, f"{path}: valid, TLS: off, users: 0\n")
        assert result.stderr.startswith(f"{path}:1:22: http_server_config.http2: HTTP/2 is not spoken here")

        config = tmp_path / "good.yaml"
        config.write_text("probe:\n")
        both = call("--config.check", "--web.config.file", str(path), "--config.file", str(config))
        assert [line.split(": ")[0] for line in both.stdout.splitlines()] == [str(config), str(path)]

    def test_tells_all_faults_of_a_web_configuration(self, tmp_path: Path) -> None:
        """They are told as those of the other configuration, and with any the exporter does not start."""
        path = tmp_path / "web.yml"
        path.write_text("tls_config:\nbasic_auth_users: {alice: secret}\n")
        for arguments in (("--config.check",), ("serve",)):
            result = call(*arguments, "--web.config.file", str(path))
            assert (result.exit_code, result.stdout) == (1, "")
            assert [line.split(": ")[0] for line in result.stderr.splitlines()] == [f"{path}:1:1", f"{path}:2:20"]
            assert "secret" not in result.stderr

    def test_needs_something_to_check(self) -> None:
        """`--config.check` without a file is an error: there would be nothing that was checked."""
        assert call("--config.check").exit_code == 2


class TestServe:
    """`serve`."""

    @pytest.mark.parametrize("words", [(), ("serve",)], ids=["without the word", "with the word"])
    @pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
    def test_serves_until_it_is_told_to_end(self, words: tuple[str, ...], end: signal.Signals) -> None:
        """Without configuration it serves its own metrics, and ends with 0 on both signals."""
        with started(*words, "--web.listen-address", "127.0.0.1:0", "--log.format", "json") as process:
            assert process.stderr is not None
            address = json.loads(process.stderr.readline())["address"]
            with urlopen(f"http://{address}/metrics", timeout=PATIENCE) as answer:
                page = answer.read().decode()
            process.send_signal(end)
            assert process.wait(PATIENCE) == 0

        assert 'ocsp_exporter_targets{discovery="static"} 0.0\n' in page

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (
                ("--shard", "3/3"),
                "--shard: expected I/N, one of N exporters with I counted from 0, such as 0/3 (got '3/3')",
            ),
            (
                ("--config.enable-auto-reload", "--config.file=x", "--config.auto-reload-interval=30"),
                "--config.auto-reload-interval: expected a duration such as 500ms, 10s, 5m or 1h30m",
            ),
            (
                ("--config.enable-auto-reload", "--config.file=x", "--config.auto-reload-interval=0s"),
                "--config.auto-reload-interval: expected a duration longer than 0s",
            ),
            (("--config.enable-auto-reload",), "--config.enable-auto-reload needs a --config.file to watch."),
        ],
    )
    def test_says_what_is_wrong_with_an_option(self, options: tuple[str, ...], told: str) -> None:
        """Before anything is opened."""
        result = call(*options)

        assert result.exit_code == 2
        assert told in result.stderr.replace("\n", " ")

    def test_says_why_it_cannot_listen(self, silent: socket.socket) -> None:
        """A port that is taken is a sentence and exit code 1."""
        result = call("--web.listen-address", f"127.0.0.1:{silent.getsockname()[1]}")

        assert result.exit_code == 1
        assert "Address already in use" in result.stderr

    def test_says_why_it_cannot_listen_for_health(self, silent: socket.socket) -> None:
        """The option that is to be changed is named."""
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        result = call("--web.listen-address", "127.0.0.1:0", "--web.health-listen-address", address)

        assert (result.exit_code, result.stderr) == (
            1,
            (
                f"Error: Cannot listen on '{address}': Address already in use. Choose another: "
                "--web.health-listen-address.\n"
            ),
        )

    @pytest.mark.parametrize(
        ("option", "sentence"),
        [
            ("--web.external-url=ocsp", "--web.external-url 'ocsp': expected a URL such as"),
            ("--web.route-prefix=/a//b", "--web.route-prefix: the path '/a//b' has more than"),
            ("--web.systemd-socket", "--web.systemd-socket: systemd has passed no socket;"),
        ],
    )
    def test_says_what_is_wrong_with_where_to_listen(self, option: str, sentence: str) -> None:
        """A value that makes no sense, or what is not there, is a sentence and exit code 1."""
        result = call(option)

        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {sentence}")


class TestDemo:
    """`demo`."""

    def test_shows_every_endpoint_and_serves(self) -> None:
        """It says what it started, its metrics have a result for every endpoint, and an interrupt ends it with 0."""
        with started("demo", "--web.listen-address", "127.0.0.1:0") as process:
            assert process.stdout is not None
            said = ""
            while "Ctrl-C" not in said:
                line = process.stdout.readline()
                assert line, said
                said += line
            url, page = re.findall(r"http://\S+/metrics", said)[0], ""
            for _ in range(PATIENCE * 10):
                with urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 - our own address
                    page = answer.read().decode()
                if page.count("\nocsp_probe_success{") == 17:
                    break
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 0

        assert re.findall(r"^ocsp_probe_success\{.*\} 0", page, re.MULTILINE) == []
        assert page.count("\nocsp_probe_success{") == 17


class TestDocs:
    """`docs`."""

    def test_prints_the_metrics(self) -> None:
        """Markdown with a line for each metric."""
        assert "| `ocsp_probe_success` |" in call("docs", "metrics").output

    def test_prints_the_schema(self) -> None:
        """A JSON Schema that knows the configuration's keys."""
        assert "modules" in json.loads(call("docs", "config-schema").output)["properties"]


@pytest.mark.parametrize("output", ["text", "json", "prometheus"])
def test_exit_code_when_the_report_cannot_be_written(output: str) -> None:
    """A full disk is no warning: it ends with 3 and a sentence."""
    command = [*COMMAND, "probe", "127.0.0.1:1", "--output", output]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 3
    assert done.stderr == "Error: The results cannot be written: No space left on device.\n"


@pytest.mark.parametrize("output", ["text", "json", "prometheus"])
def test_exit_code_when_the_reader_leaves(output: str) -> None:
    """The exit code is that of the target, whoever reads the report."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [*COMMAND, "probe", "127.0.0.1:1", "--output", output]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)

    assert (done.returncode, done.stderr) == (3, "")
