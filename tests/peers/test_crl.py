"""CRLs that nginx serves, and those that OpenSSL's own CA makes."""

import contextlib
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

from cryptography import x509

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import DAY, Credential
from ocsp_exporter.model import EgressPolicy, Evidence, Problem, Reason, Revocation, Status
from ocsp_exporter.probing.distribution_point import NO_VALIDATORS, FetchedCRL, Question, Validators, ask
from ocsp_exporter.probing.egress import Egress
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.resolver import Resolver
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.crl import CertificateList, pem_or_der, read
from ocsp_exporter.revocation.crl_verdict import judge
from tests.peers.daemons import HOST, PATIENCE, find, free_port, run
from tests.peers.servers import der, pem, write

HERE = EgressPolicy(allowed=(ip_network(f"{HOST}/32"),))
TYPES = "types { application/pkix-crl crl; }"


@contextmanager
def _nginx(folder: Path, types: str = TYPES) -> Iterator[str]:
    """Serve the files of a folder while the block lasts, at the URL that is given."""
    port = free_port()
    temporary = [f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    configuration = [
        "daemon off;",
        f"pid {folder}/nginx.pid;",
        "error_log stderr notice;",
        "events { worker_connections 64; }",
        "http {",
        "access_log off;",
        *temporary,
        types,
        f"server {{ listen {HOST}:{port}; root {folder}; }}",
        "}",
    ]
    path = write(folder / "nginx.conf", "\n".join(configuration).encode())
    if os.getuid() == 0:  # its workers are somebody else then, who is to read the files
        folder.chmod(0o755)
        path.write_text(f"user root;\n{path.read_text()}")
    with run([find("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(path)], folder, [port]):
        yield f"http://{HOST}:{port}/"


@contextlib.asynccontextmanager
async def _fetching() -> AsyncIterator[Fetcher]:
    resolver = Resolver()
    egress = Egress(HERE, resolver)
    try:
        yield Fetcher(egress, 1000.0)
    finally:
        await egress.close()
        resolver.close()


async def _ask(authority: Authority, url: str, validators: Validators = NO_VALIDATORS) -> FetchedCRL | None:
    question = Question(authority.certificate, (url,), Voucher.NOBODY, 64 * 2**20, timeout=30.0)
    async with _fetching() as fetcher:
        return await ask(fetcher, question, validators, lambda _: True)


async def test_a_crl_is_fetched_from_nginx_once(tmp_path: Path, authority: Authority) -> None:
    """The conditional request is one that a real server understands: a CRL comes when there is a new one."""
    file = write(tmp_path / "ca.crl", authority.crl(number=1))
    with _nginx(tmp_path) as url:
        first = await _ask(authority, f"{url}ca.crl")
        assert first is not None
        assert (first.crl.number, first.problems) == (1, ())
        assert {name for asked in first.validators.values() for name in asked} == {"If-None-Match", "If-Modified-Since"}
        assert await _ask(authority, f"{url}ca.crl", first.validators) is None
        write(file, authority.crl(number=2))
        os.utime(file, (0, time.time() + 60))
        second = await _ask(authority, f"{url}ca.crl", first.validators)
    assert second is not None
    assert second.crl.number == 2


async def test_a_crl_of_some_megabytes_is_fetched_from_nginx(tmp_path: Path, authority: Authority) -> None:
    """Whole, though nginx compresses what is asked for so: it is not asked for so."""
    revoked = {number: Revocation(int(authority.now) - number, Reason.SUPERSEDED) for number in range(50_000)}
    write(tmp_path / "ca.crl", authority.crl(revoked))
    with _nginx(tmp_path, f"{TYPES} gzip on; gzip_types *;") as url:
        found = await _ask(authority, f"{url}ca.crl")
    assert found is not None
    assert len(found.crl.entries) == 50_000
    assert found.crl.entries.find(49_999) == Revocation(int(authority.now) - 49_999, Reason.SUPERSEDED)


async def test_a_server_that_does_not_know_crls_is_noted(tmp_path: Path, authority: Authority) -> None:
    """As nginx is where nobody told it what a CRL is; the CRL is good all the same."""
    write(tmp_path / "ca.crl", authority.crl())
    with _nginx(tmp_path, "types { } default_type application/octet-stream;") as url:
        found = await _ask(authority, f"{url}ca.crl")
    assert found is not None
    assert found.problems == (Problem.WRONG_CONTENT_TYPE,)


# --- OpenSSL's CA -------------------------------------------------------------------------------------------

CONFIGURATION = """
[ca]
default_ca = ours
[ours]
database = index.txt
default_md = sha256
{more}
[point]
issuingDistributionPoint = critical, @names
[names]
fullname = URI:http://crl.example/ca.crl
[delta]
2.5.29.27 = critical, ASN1:INTEGER:1
"""
POINT = x509.DistributionPoint([x509.UniformResourceIdentifier("http://crl.example/ca.crl")], None, None, None)

#: What OpenSSL's index says of a revoked certificate -> what its CRL says.
REASONS = {
    "": None,
    ",unspecified": Reason.UNSPECIFIED,
    ",keyCompromise": Reason.KEY_COMPROMISE,
    ",superseded": Reason.SUPERSEDED,
    ",certificateHold": Reason.CERTIFICATE_HOLD,
    ",holdInstruction,holdInstructionNone": Reason.CERTIFICATE_HOLD,
    ",keyTime,20250101000000Z": Reason.KEY_COMPROMISE,
    ",removeFromCRL": Reason.REMOVE_FROM_CRL,
}
FIRST_SERIAL = 0x1000


def _gencrl(
    folder: Path, authority: Authority, reasons: Iterable[str], more: str = "", extensions: str = ""
) -> CertificateList:
    """Let `openssl ca` make a CRL of certificates from 0x1000 on, revoked a day ago for these reasons."""
    moment = time.strftime("%y%m%d%H%M%SZ", time.gmtime(authority.now - DAY))
    lines = [
        f"R\t{moment}\t{moment}{reason}\t{serial_number:X}\tunknown\t/CN={serial_number}\n"
        for serial_number, reason in enumerate(reasons, start=FIRST_SERIAL)
    ]
    write(folder / "index.txt", "".join(lines).encode())
    write(folder / "crlnumber", b"2A\n")
    write(folder / "ca.cnf", CONFIGURATION.format(more=more).encode())
    write(folder / "ca.pem", pem(der(authority.certificate)))
    write(folder / "ca.key", Credential(authority.certificate, authority.key).key_pem())
    command = [find("openssl"), "ca", "-gencrl", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key"]
    command += ["-crldays", "7", "-out", "crl.pem", *(("-crlexts", extensions) if extensions else ())]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
    return read(pem_or_der((folder / "crl.pem").read_bytes()), authority.certificate)


def _judge(crl: CertificateList, authority: Authority, serial_number: int, *points: x509.DistributionPoint) -> Evidence:
    extensions = [x509.CRLDistributionPoints(points)] if points else []
    leaf = authority.leaf(serial_number=serial_number, extensions=extensions)
    return judge(crl, leaf.certificate, authority.certificate, time.time(), Policy())


def test_a_crl_of_openssl_is_read_as_it_is_meant(tmp_path: Path, authority: Authority) -> None:
    """Each reason, the time and the number; what was removed from it and what is not in it are good."""
    crl = _gencrl(tmp_path, authority, REASONS, "crlnumber = crlnumber")
    assert (crl.number, len(crl.entries)) == (0x2A, len(REASONS) - 1)
    for serial_number, reason in enumerate((*REASONS.values(), Reason.REMOVE_FROM_CRL), start=FIRST_SERIAL):
        evidence = _judge(crl, authority, serial_number)
        is_good = reason is Reason.REMOVE_FROM_CRL
        assert evidence.status is (Status.GOOD if is_good else Status.REVOKED)
        assert evidence.revocation == (None if is_good else Revocation(int(authority.now - DAY), reason))
        assert (evidence.authentic, evidence.problems) == (True, ())


def test_a_crl_of_openssl_in_version_1_is_read(tmp_path: Path, authority: Authority) -> None:
    """It has no number and gives no reasons."""
    crl = _gencrl(tmp_path, authority, [""])
    assert (crl.number, len(crl.entries)) == (None, 1)
    assert _judge(crl, authority, FIRST_SERIAL).status is Status.REVOKED
    assert _judge(crl, authority, FIRST_SERIAL + 1).status is Status.GOOD


def test_a_crl_of_openssl_is_for_its_distribution_point(tmp_path: Path, authority: Authority) -> None:
    """As OpenSSL encodes it: a certificate that names it is revoked, of another nothing is known."""
    crl = _gencrl(tmp_path, authority, [""], extensions="point")
    assert _judge(crl, authority, FIRST_SERIAL, POINT).status is Status.REVOKED
    elsewhere = _judge(crl, authority, FIRST_SERIAL)
    assert (elsewhere.status, elsewhere.problems) == (Status.INVALID, (Problem.OUT_OF_SCOPE,))


def test_a_delta_crl_of_openssl_is_no_complete_one(tmp_path: Path, authority: Authority) -> None:
    """It shows nothing to be good."""
    delta = _gencrl(tmp_path, authority, [""], "crlnumber = crlnumber", extensions="delta")
    evidence = _judge(delta, authority, FIRST_SERIAL + 1)
    assert (evidence.status, evidence.problems) == (Status.INVALID, (Problem.OUT_OF_SCOPE,))
