"""The lab as a whole: every endpoint shows what the table says, and all of it ends with the block."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.demo.certificate import DAY
from ocsp_exporter.demo.lab import Lab, RunningEndpoint
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.model import Problem, Reason, Revocation, Status, TLSSettings

OpenSSL = Callable[..., Awaitable[str]]

HOST = "127.0.0.1"
NO_STAPLE = "OCSP response: no response sent"

# By endpoint: what OpenSSL prints of its staple; what the exporter is to say: status, problems, compliance; whether
# the certificate demands a staple; what the CA's own responder says.
PROMISES: dict[str, tuple[str, Status | None, tuple[Problem, ...], bool | None, bool, str]] = {
    "good": ("Cert Status: good", Status.GOOD, (), None, False, "good"),
    "not-stapled": (NO_STAPLE, None, (), None, False, "good"),
    "must-staple-good": ("Cert Status: good", Status.GOOD, (), True, True, "good"),
    "must-staple-without-staple": (NO_STAPLE, Status.MISSING, (), False, True, "good"),
    "revoked": ("Revocation Reason: keyCompromise (0x1)", Status.REVOKED, (), True, True, "revoked"),
    "unknown": ("Cert Status: unknown", Status.UNKNOWN, (), True, True, "unknown"),
    "expired-staple": ("Cert Status: good", Status.INVALID, (Problem.EXPIRED,), False, True, "good"),
    "refresh-overdue": ("Cert Status: good", Status.GOOD, (), True, True, "good"),
    "not-yet-valid": ("Cert Status: good", Status.INVALID, (Problem.NOT_YET_VALID,), False, True, "good"),
    "other-certificate": ("Cert Status: good", Status.INVALID, (Problem.NO_MATCHING_RESPONSE,), False, True, "good"),
    "forged-signature": ("Cert Status: good", Status.INVALID, (Problem.SIGNATURE_INVALID,), False, True, "good"),
    "try-later": ("Response Status: trylater", Status.SERVER_FAILED, (Problem.UNSUCCESSFUL,), False, True, "good"),
    "delegated-responder": ("Cert Status: good", Status.GOOD, (), True, True, "good"),
    "unauthorized-delegate": (
        *("Cert Status: good", Status.INVALID, (Problem.RESPONDER_UNAUTHORIZED,), False),
        *(True, "good"),
    ),
    "without-ocsp": (NO_STAPLE, None, (), None, False, "good"),
    "crl-only": (NO_STAPLE, None, (), None, False, "good"),
    "good-staple-though-revoked": ("Cert Status: good", Status.GOOD, (), True, True, "revoked"),
}


def named(lab: Lab, name: str) -> RunningEndpoint:
    """Return the endpoint of this name."""
    return next(endpoint for endpoint in lab.endpoints if endpoint.row.name == name)


def has(certificate: x509.Certificate, extension: type[x509.ExtensionType]) -> bool:
    """Return whether a certificate has an extension of this kind."""
    return any(isinstance(each.value, extension) for each in certificate.extensions)


async def test_the_table_has_every_state_once() -> None:
    """Seventeen endpoints run in the order of the table, each at a port of its own."""
    async with Lab.start(first_port=0) as lab:
        assert [endpoint.row.name for endpoint in lab.endpoints] == list(PROMISES)
        assert len({endpoint.port for endpoint in lab.endpoints}) == 17


@pytest.mark.parametrize("name", PROMISES)
async def test_an_endpoint_shows_what_it_promises(openssl: OpenSSL, tmp_path: Path, name: str) -> None:
    """OpenSSL trusts each endpoint by the lab's root and gets its staple; the row says what to make of it."""
    staple, status, problems, compliant, must_staple, recorded = PROMISES[name]
    async with Lab.start(first_port=0) as lab:
        endpoint = named(lab, name)
        (tmp_path / "root.pem").write_bytes(lab.roots[0].public_bytes(Encoding.PEM))
        trust = ("-CAfile", str(tmp_path / "root.pem"), "-verify_hostname", "localhost")
        printed = await openssl("s_client", "-status", *trust, "-connect", endpoint.address)
        (tmp_path / "leaf.pem").write_bytes(endpoint.credential.certificate_pem())
        (tmp_path / "ca.pem").write_bytes(endpoint.credential.chain[0].public_bytes(Encoding.PEM))
        files = ("-CAfile", "root.pem", "-issuer", "ca.pem", "-cert", "leaf.pem")
        names = [each if each.startswith("-") else str(tmp_path / each) for each in files]
        answer = await openssl("ocsp", "-url", f"{lab.url}/ocsp", *names)
    assert "Verification: OK" in printed
    assert staple in printed
    assert f"leaf.pem: {recorded}" in answer
    expected = endpoint.row.expected
    assert (expected.status, expected.problems, expected.compliant) == (status, problems, compliant)
    assert has(endpoint.credential.certificate, x509.TLSFeature) is must_staple


async def test_only_the_endpoints_that_say_so_name_no_source() -> None:
    """Every certificate names the lab's responder and CRL, but for one that names neither and one without responder."""
    async with Lab.start(first_port=0) as lab:
        for extension, expected in (
            (x509.AuthorityInformationAccess, ["without-ocsp", "crl-only"]),
            (x509.CRLDistributionPoints, ["without-ocsp"]),
        ):
            without = [each.row.name for each in lab.endpoints if not has(each.credential.certificate, extension)]
            assert without == expected


async def test_the_revocation_is_the_same_everywhere(openssl: OpenSSL) -> None:
    """Time and reason in the staple, in the CRL and in the lab's own account agree; two endpoints are revoked."""
    now = 1_750_000_000
    async with Lab.start(first_port=0, clock=lambda: now) as lab:
        endpoint = named(lab, "revoked")
        printed = await openssl("s_client", "-status", "-connect", endpoint.address)
        async with httpx.AsyncClient(trust_env=False) as client:
            crl = x509.load_der_x509_crl((await client.get(f"{lab.url}/ca.crl")).content)
        entries = [(entry.serial_number, entry.revocation_date_utc.timestamp()) for entry in crl]
    assert endpoint.revocation == Revocation(1_749_740_800, Reason.KEY_COMPROMISE)
    assert "Revocation Time: Jun 12 15:06:40 2025 GMT" in printed
    revoked = [each for each in lab.endpoints if each.revocation]
    assert [each.row.name for each in revoked] == ["revoked", "good-staple-though-revoked"]
    assert entries == [(each.credential.certificate.serial_number, 1_749_740_800) for each in revoked]


async def test_staples_move_with_the_clock(openssl: OpenSSL) -> None:
    """A staple that is overdue stays overdue however long the lab runs, and is the same within a minute."""
    clock = iter([1_750_000_000] + [1_750_000_020] * 2 + [1_750_000_020 + 30 * DAY] * 3)
    async with Lab.start(first_port=0, clock=lambda: next(clock)) as lab:
        asking = ("s_client", "-status", "-connect", named(lab, "refresh-overdue").address)
        printed = [await openssl(*asking) for _ in range(3)]
    staples = [text.partition("OCSP Response Data:")[2].partition("======")[0] for text in printed]
    assert "This Update: Jun  9 15:07:00 2025 GMT" in staples[0]
    assert "Next Update: Jun 16 15:07:00 2025 GMT" in staples[0]
    assert staples[1] == staples[0]
    assert "This Update: Jul  9 15:07:00 2025 GMT" in staples[2]
    assert "Next Update: Jul 16 15:07:00 2025 GMT" in staples[2]


async def test_targets_are_ready_for_the_workers() -> None:
    """Each endpoint is a target of a module `tls` that trusts the lab's root, labelled with its name."""
    async with Lab.start(first_port=0) as lab:
        targets = lab.scheduled_targets(15)
        assert [each.labels for each in targets] == [(("endpoint", name),) for name in PROMISES]
        assert {each.module.name for each in targets} == {"tls"}
        assert {each.module.tls for each in targets} == {TLSSettings(roots=lab.roots)}
        assert {each.interval for each in targets} == {15}
        assert [(each.target.name, each.target.host) for each in targets] == [
            (f"127.0.0.1:{endpoint.port}", "127.0.0.1") for endpoint in lab.endpoints
        ]


async def test_ports_are_stable_where_they_are_free() -> None:
    """The first endpoint takes the port asked for, and another one if somebody else has it."""
    with listen(HOST) as taken:
        port = port_of(taken)
        async with Lab.start(first_port=port) as lab:
            assert lab.endpoints[0].port != port
    async with Lab.start(first_port=port) as lab:
        assert lab.endpoints[0].port == port


async def test_ports_may_run_out() -> None:
    """Where the ports after the first would exceed 65535, free ones are taken."""
    async with Lab.start(first_port=65535) as lab:
        assert len({endpoint.port for endpoint in lab.endpoints}) == 17


async def test_the_lab_runs_on_ipv6(openssl: OpenSSL) -> None:
    """On an IPv6 address the targets, the certificates and the URLs are of that address."""
    try:
        listen("::1").close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback address")
    async with Lab.start("::1", first_port=0) as lab:
        endpoint = named(lab, "must-staple-good")
        printed = await openssl("s_client", "-status", "-connect", endpoint.address)
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{lab.url}/ca.crl")).status_code == 200
    assert endpoint.address == f"[::1]:{endpoint.port}"
    assert "Cert Status: good" in printed


async def test_an_address_of_another_machine_is_refused() -> None:
    """Where the host is no address of this machine, the lab does not start, and leaves nothing open."""
    with pytest.raises(OSError, match="assign"):
        async with Lab.start("192.0.2.1"):
            pytest.fail("the lab must not run there")


async def test_a_cancelled_lab_ends_whole() -> None:
    """When who runs the lab is cancelled, every port is closed and no task is left, whoever is connected."""
    before = asyncio.all_tasks()
    running: asyncio.Queue[Lab] = asyncio.Queue()

    async def run() -> None:
        async with Lab.start(first_port=0) as lab:
            running.put_nowait(lab)
            await asyncio.Event().wait()

    task = asyncio.create_task(run())
    lab = await running.get()
    connected = [await asyncio.open_connection(HOST, endpoint.port) for endpoint in lab.endpoints]
    web = httpx.URL(lab.url).port
    connected.append(await asyncio.open_connection(HOST, web))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before
    for _, writer in connected:
        writer.close()
    for port in (*(endpoint.port for endpoint in lab.endpoints), web):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, port)


def names_in(folder: Path) -> list[str]:
    """Return what a folder holds."""
    return [path.name for path in folder.iterdir()]


async def test_nothing_is_left_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lab writes no file, neither where it is started nor among the temporary ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    async with Lab.start(first_port=0):
        assert names_in(tmp_path) == []
    assert names_in(tmp_path) == []
