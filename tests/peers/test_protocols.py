"""Real servers, each with the words of its protocol before TLS: the rows of docs/protocols.md."""

import asyncio
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.model import Findings, Module, Phase, ProbeResult, StaplePolicy, StartTLS, Status
from tests.findings import tls_of
from tests.peers import services
from tests.peers.daemons import free_port
from tests.peers.looking import probe, trusting
from tests.peers.protocols import ROWS, Row, Stapling
from tests.peers.responders import openssl_ocsp
from tests.peers.servers import Serve, Site, haproxy, nginx
from tests.peers.services import Ports, Service

#: Probes until a server has fetched its staple, a tenth of a second between them.
MANY = 300

Record = Callable[[Row, str], None]


@dataclass(frozen=True, slots=True)
class Server:
    """A server of the table; the Debian package tells its version."""

    name: str
    package: str
    serve: Service


def web(serve: Serve) -> Service:
    """Serve one site by TLS at once."""

    @contextmanager
    def service(folder: Path, site: Site) -> Iterator[Ports]:
        with serve(folder, [site]) as [port]:
            yield {StartTLS.NONE: port}

    return service


SERVERS = (
    Server("nginx", "nginx-light", web(nginx)),
    Server("HAProxy", "haproxy", web(haproxy)),
    Server("Apache, mod_ssl", "apache2-bin", services.apache),
    Server("Apache, mod_md", "apache2-bin", services.apache_md),
    Server("Caddy", "caddy", services.caddy),
    Server("Postfix", "postfix", services.postfix),
    Server("Exim", "exim4-daemon-light", services.exim),
    Server("Dovecot", "dovecot-core", services.dovecot),
    Server("ProFTPD", "proftpd-core", services.proftpd),
    Server("OpenLDAP", "slapd", services.slapd),
    Server("Prosody", "prosody", services.prosody),
    Server("PostgreSQL", "postgresql-[0-9]*", services.postgresql),
    Server("MariaDB", "mariadb-server", services.mariadb),
    Server("InspIRCd", "inspircd", services.inspircd),
)


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
async def test_a_real_server(
    server: Server, folder: Path, authority: Authority, root: Authority, record: Record
) -> None:
    """Each protocol that it speaks leads to its certificate, and to the staple that the table says."""
    rows = {row.protocol: row for row in ROWS if row.server == server.name}
    responder = free_port()
    leaf = authority.leaf(ocsp_urls=[f"http://127.0.0.1:{responder}/"])
    fetched = any(row.stapling is Stapling.FETCHED for row in rows.values())
    site = Site(leaf, None if fetched else authority.answer(leaf), fetch_staple=fetched)
    (folder / "responder").mkdir()
    with openssl_ocsp(folder / "responder", responder, authority, [leaf]), server.serve(folder, site) as ports:
        assert {"https" if each is StartTLS.NONE else each.value for each in ports} == set(rows)
        for starttls, port in ports.items():
            row = rows["https" if starttls is StartTLS.NONE else starttls.value]
            # By name: some servers are configured for one.
            module = replace(demanding(root), starttls=starttls, server_name="localhost")
            result = await look_until(row.stapling is Stapling.FETCHED, port, module)
            hold(result, row, leaf, starttls)
            record(row, version(server.package))


def demanding(root: Authority) -> Module:
    """Return a module that demands a staple in the first handshake."""
    return trusting(root, policy=StaplePolicy.ALWAYS, retry_missing=0)


async def look_until(stapled: bool, port: int, module: Module) -> ProbeResult:
    """Look once, or until there is a staple."""
    for _ in range(MANY):
        result = await probe(port, module)
        if not stapled or (result.findings and tls_of(result.findings).stapled_handshakes):
            return result
        await asyncio.sleep(0.1)
    pytest.fail("no probe found a staple")


def hold(result: ProbeResult, row: Row, leaf: Credential, starttls: StartTLS) -> None:
    """Hold a result against a row of the table."""
    assert result.findings is not None, result.detail
    findings: Findings = result.findings
    assert tls_of(findings).session.chain[0] == leaf.certificate
    assert tls_of(findings).session.chain_errors == frozenset()
    assert tls_of(findings).session.complete
    assert (Phase.STARTTLS in result.phases) == (starttls is not StartTLS.NONE)
    good = row.stapling in (Stapling.FILE, Stapling.FETCHED)
    assert [(each.status, each.problems) for each in findings.evidence] == [
        (Status.GOOD if good else Status.MISSING, ())
    ]
    assert tls_of(findings).compliant is good


def version(package: str) -> str:
    """Return the version of what Debian packaged."""
    if package.startswith("exim4"):
        said = next(services.UNPACKED.glob("usr/share/doc/exim4-base/changelog.Debian.gz"))
        shown = (
            subprocess.run(["/bin/zcat", said], capture_output=True, text=True, check=True)
            .stdout.split()[1]
            .strip("()")
        )
    else:
        query = ["/usr/bin/dpkg-query", "-W", "-f=${Version}\n", package]
        shown = subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[-1]
    found = re.match(r"(?:\d+:)?([\d.]+)", shown)
    assert found
    return found[1]
