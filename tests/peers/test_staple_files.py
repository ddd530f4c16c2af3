"""The files in which servers keep their staples, as each of them writes or reads them, and what it then serves."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.model import (
    Findings,
    Module,
    ProbeResult,
    ProberKind,
    Problem,
    Results,
    Source,
    StapleCopy,
    StartTLS,
    Status,
    Target,
)
from ocsp_exporter.probing.probe import Prober
from tests.findings import tls_of
from tests.peers.daemons import PATIENCE, find, free_port, until
from tests.peers.exporter import running_exporter
from tests.peers.looking import look, staple_of, trusting
from tests.peers.nats import NATS, nats_server
from tests.peers.responders import openssl_ocsp
from tests.peers.servers import Serve, Site, der, haproxy, nginx, pem, write
from tests.peers.services import Service, apache_md, caddy


async def look_at_files(pattern: str, *certificates: str) -> Results:
    """Look once at the staple files that a glob matches."""
    prober = Prober()
    try:
        module = Module("files", ProberKind.FILE, certificates=certificates)
        return await prober.probe(Target(pattern, "", 0, location=pattern), module)
    finally:
        prober.close()


def found(result: ProbeResult) -> Findings:
    """Return what was found, which there has to be."""
    assert result.findings is not None, result.detail
    return result.findings


def serial_number(leaf: Credential) -> str:
    """Return the serial number as it is shown."""
    digits = f"{leaf.certificate.serial_number:x}"
    return digits.zfill(len(digits) + len(digits) % 2)


def comparing(root: Authority, file: Path, starttls: StartTLS = StartTLS.NONE) -> Module:
    """Return a module that compares the staple with a file."""
    module = trusting(root, retry_missing=0)
    return replace(module, starttls=starttls, server_name="localhost", staple=replace(module.staple, file=str(file)))


async def compared(port: int, module: Module) -> StapleCopy | None:
    """Return what the comparison of the staple with its file came to."""
    return tls_of(await look(port, module)).copy


def assert_good(result: ProbeResult, leaf: Credential, issuer: Authority) -> None:
    """Hold a result against what a good staple file of a leaf shows."""
    findings = found(result)
    [evidence] = findings.evidence
    assert (evidence.source, evidence.depth) == (Source.FILE, 0)
    assert (evidence.status, evidence.problems, evidence.authentic) == (Status.GOOD, (), True)
    assert [each.serial_number for each in findings.certificates] == [
        serial_number(leaf),
        f"{issuer.certificate.serial_number:x}".zfill(len(findings.certificates[1].serial_number)),
    ]
    assert (findings.tls, findings.revoked) == (None, {0: False})


@dataclass(frozen=True, slots=True)
class Fetching:
    """A server that fetches its staple by itself, and its file below the server's folder; `glob` matches more."""

    serve: Service
    file: str
    glob: str


FETCHING = (
    Fetching(apache_md, "md/ocsp/other/ocsp-*.json", "md/ocsp/**"),
    Fetching(caddy, "caddy/ocsp/localhost-*", "caddy/ocsp/*"),
)


@pytest.mark.parametrize("server", FETCHING, ids=lambda server: server.serve.__name__)
async def test_what_a_server_has_fetched(server: Fetching, folder: Path, authority: Authority, root: Authority) -> None:
    """The staple on disk is good, and what the server serves; what else it keeps there is no staple."""
    port = free_port()
    leaf = authority.leaf(ocsp_urls=[f"http://127.0.0.1:{port}"])
    (folder / "responder").mkdir()
    with (
        openssl_ocsp(folder / "responder", port, authority, [leaf]),
        server.serve(folder, Site(leaf, fetch_staple=True)) as ports,
    ):
        until(lambda: any(folder.glob(server.file)), lambda: f"{server.file} does not appear")
        pattern, certificates = f"{folder}/{server.glob}", f"{folder}/*.certificates.pem"
        [result] = await look_at_files(pattern, certificates)
        assert_good(result, leaf, authority)
        assert Path(result.target.name).is_relative_to(folder)
        module = comparing(root, Path(result.target.name))
        assert await compared(ports[StartTLS.NONE], module) == StapleCopy(matches=True)


@pytest.fixture
def nats(tmp_path: Path, root: Authority, authority: Authority) -> Iterator[tuple[NATS, str]]:
    """Give a NATS server that has stapled, and the glob of its certificate."""
    leaf = authority.leaf()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    (tmp_path / "responder").mkdir()
    with (
        openssl_ocsp(tmp_path / "responder", port, authority, [leaf]),
        nats_server(find("nats-server"), tmp_path, leaf, root, mode="always", url=url) as running,
    ):
        yield running, f"{tmp_path}/*.certificates.pem"


async def test_the_store_of_nats(nats: tuple[NATS, str], authority: Authority, root: Authority, tmp_path: Path) -> None:
    """Its file is named by the certificate; what is in it about another one, or garbled, is told as of that one."""
    server, certificates = nats
    store = server.staple_file.parent
    (store / "tmp-cert-status2718").write_bytes(server.staple_file.read_bytes()[:100])
    [result] = await look_at_files(f"{store}/*", certificates)
    assert result.target.name == str(server.staple_file)
    assert_good(result, server.leaf, authority)
    module = comparing(root, server.staple_file, StartTLS.NATS)
    assert await compared(server.ports.client, module) == StapleCopy(matches=True)

    # The server has its own copy in memory, and does not look at the file while that holds.
    other = authority.leaf()
    write(tmp_path / "other.certificates.pem", pem(der(other.certificate)))
    for content, problem in (
        (authority.answer(other), Problem.NO_MATCHING_RESPONSE),
        (b"\x30\x03\x0a\x01", Problem.MALFORMED),
    ):
        server.staple_file.write_bytes(content)
        os.utime(server.staple_file, (0, 0))
        [result] = await look_at_files(f"{store}/*", certificates)
        [evidence] = found(result).evidence
        assert (evidence.status, evidence.problems) == (Status.INVALID, (problem,))
        assert found(result).certificates[0].serial_number == serial_number(server.leaf)
        assert await compared(server.ports.client, module) == StapleCopy(matches=False)


@pytest.mark.parametrize("serve", [haproxy, nginx])
async def test_what_a_server_is_given(serve: Serve, tmp_path: Path, authority: Authority, root: Authority) -> None:
    """Beside the certificate and its key lies the staple; another one that is put there later is not served."""
    first, second = authority.leaf(), authority.leaf()
    with serve(tmp_path, [Site(first, authority.answer(first)), Site(second, authority.answer(second))]) as ports:
        results = await look_at_files(f"{tmp_path}/*.ocsp", f"{tmp_path}/*.pem")
        files = [tmp_path / f"{port}.pem.ocsp" for port in ports]
        assert {result.target.name for result in results} == set(map(str, files))
        for result in results:
            leaf = first if result.target.name == str(files[0]) else second
            assert_good(result, leaf, authority)
        modules = [comparing(root, file) for file in files]
        assert await compared(ports[0], modules[0]) == StapleCopy(matches=True)
        write(files[0], authority.answer(first, this_update=time.time() - 7200))
        assert await compared(ports[0], modules[0]) == StapleCopy(matches=False)
        assert await compared(ports[1], modules[1]) == StapleCopy(matches=True)


async def test_a_staple_that_was_not_there_when_the_server_started(
    tmp_path: Path, authority: Authority, root: Authority
) -> None:
    """A server that staples nothing although it has a staple on disk does not serve what the file holds."""
    leaf = authority.leaf()
    with haproxy(tmp_path, [Site(leaf)]) as [port]:
        file = tmp_path / f"{port}.pem.ocsp"
        module = comparing(root, file)
        gone = await compared(port, module)
        assert gone == StapleCopy(None, f"{file} cannot be read: No such file or directory")
        write(file, authority.answer(leaf))
        assert await compared(port, module) == StapleCopy(matches=False)


async def test_a_file_that_outlives_its_end(tmp_path: Path, authority: Authority, root: Authority) -> None:
    """Nginx goes on serving an expired file: on disk and on the wire it is the same, and past its end."""
    leaf = authority.leaf()
    week = 7 * 86400
    expired = authority.answer(leaf, this_update=time.time() - 2 * week, next_update=time.time() - week)
    with nginx(tmp_path, [Site(leaf, expired)]) as [port]:
        [result] = await look_at_files(f"{tmp_path}/*.ocsp", f"{tmp_path}/*.pem")
        [evidence] = found(result).evidence
        findings = await look(port, comparing(root, Path(result.target.name)))
        for each in (evidence, staple_of(findings)):
            assert (each.status, each.problems, each.der) == (Status.INVALID, (Problem.EXPIRED,), expired)
        assert tls_of(findings).copy == StapleCopy(matches=True)


async def test_what_openssl_writes(tmp_path: Path, authority: Authority) -> None:
    """`openssl ocsp -respout` is what many a cron job does; without the certificate it is shown, and not believed."""
    leaf = authority.leaf()
    port = free_port()
    issuer = write(tmp_path / "ca.pem", pem(der(authority.certificate)))
    certificate = write(tmp_path / "leaf.crt", pem(der(leaf.certificate)))
    staple = tmp_path / "staple.der"
    command = [find("openssl"), "ocsp", "-issuer", str(issuer), "-cert", str(certificate), "-noverify", "-no_nonce"]
    with openssl_ocsp(tmp_path, port, authority, [leaf]):
        asking = [*command, "-url", f"http://127.0.0.1:{port}", "-respout", str(staple)]
        await asyncio.to_thread(subprocess.run, asking, check=True, capture_output=True, timeout=PATIENCE)
    [known] = await look_at_files(str(staple), str(issuer), str(certificate))
    assert_good(known, leaf, authority)
    for certificates in ((str(issuer),), (str(certificate),)):
        [unknown] = await look_at_files(str(staple), *certificates)
        [shown], [good] = found(unknown).evidence, found(known).evidence
        assert (shown.status, shown.problems) == (Status.INVALID, (Problem.ISSUER_UNAVAILABLE,))
        assert (shown.authentic, shown.revocation, found(unknown).revoked) == (False, None, {})
        assert (shown.this_update, shown.next_update) == (good.this_update, good.next_update)


def watching(folder: Path) -> Path:
    """Write a configuration that looks at the staples beside the certificates in a folder each second."""
    configuration = f"""\
probe: {{interval: 1s}}
modules: {{staples: {{prober: file, certificates: ["*.pem"]}}}}
targets: [{{targets: ["{folder}/*.ocsp"], module: staples, labels: {{team: web}}}}]
"""
    return write(folder / "exporter.yaml", configuration.encode())


def test_the_exporter_shows_the_files_that_there_are(tmp_path: Path, authority: Authority) -> None:
    """A new file appears on /metrics and on the status page, one that was removed vanishes from both."""
    leaves = {name: authority.leaf(name) for name in ("a.example", "b.example")}
    for name, leaf in leaves.items():
        write(tmp_path / f"{name}.pem", pem(der(leaf.certificate)) + pem(der(authority.certificate)) + leaf.key_pem())
    files = {name: tmp_path / f"{name}.pem.ocsp" for name in leaves}
    glob = f"{tmp_path}/*.ocsp"
    with running_exporter(tmp_path, "serve", "--config.file", str(watching(tmp_path))) as exporter:

        def shown() -> dict[str, float]:
            found = text_string_to_metric_families(exporter.page("/metrics"))
            [family] = [family for family in found if family.name == "ocsp_probe_success"]
            assert {sample.labels["module"] for sample in family.samples} == {"staples"}
            assert {sample.labels["team"] for sample in family.samples} == {"web"}
            return {sample.labels["target"]: sample.value for sample in family.samples}

        def until_shown(expected: dict[str, float]) -> None:
            until(lambda: shown() == expected, lambda: f"{shown()} and not {expected}:\n{exporter.daemon.log}")

        until_shown({glob: 0})
        for name, leaf in leaves.items():
            write(files[name], authority.answer(leaf))
        until_shown({str(file): 1 for file in files.values()})
        assert str(files["a.example"]) in exporter.page("/")
        labels = f'target="{files["a.example"]}",module="staples",team="web",source="file",depth="0",status="good"'
        assert f"ocsp_status{{{labels}}} 1" in exporter.page("/metrics")
        files["a.example"].unlink()
        until_shown({str(files["b.example"]): 1})
        assert str(files["a.example"]) not in exporter.page("/")
        refused = httpx.get(f"http://{exporter.address}/probe", params={"target": glob, "module": "staples"})
        assert (refused.status_code, "b.example" in refused.text) == (400, False)


def test_the_command_line_reports_each_file(tmp_path: Path, authority: Authority) -> None:
    """One report for each file, the exit code of the worst; a relative path is refused with what is accepted."""
    leaf = authority.leaf()
    write(tmp_path / "leaf.pem", pem(der(leaf.certificate)) + pem(der(authority.certificate)))
    write(tmp_path / "a.ocsp", authority.answer(leaf))
    write(tmp_path / "b.ocsp", b"garbage")
    os.utime(tmp_path / "b.ocsp", (0, 0))
    command = [sys.executable, "-m", "ocsp_exporter", "probe", "--module", "staples", "--config.file"]
    command += [str(watching(tmp_path))]

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=tmp_path
        )

    good = call(f"{tmp_path}/a.ocsp")
    assert (good.returncode, good.stderr) == (0, "")
    assert " OK  The staple file is good, for another" in good.stdout
    both = call(f"{tmp_path}/*.ocsp", "--output", "json")
    told = [json.loads(line) for line in both.stdout.splitlines()]
    assert [(Path(each["target"]).name, each["verdict"]["level"]) for each in told] == [
        ("a.ocsp", "ok"),
        ("b.ocsp", "critical"),
    ]
    assert both.returncode == 2
    relative = call("a.ocsp")
    assert relative.returncode == 3
    assert 'target "a.ocsp": that is not an absolute path; accepted are absolute paths' in relative.stderr
