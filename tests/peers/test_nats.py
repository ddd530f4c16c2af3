"""nats-server with its own stapling: what docs/nats.md says, and the rows of docs/protocols.md.

Debian's server is one of 2.9. NATS_SERVER may name another one, which is then tested too.
"""

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from ocsp_exporter.config import BUILT_IN_MODULES
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import (
    Failure,
    Findings,
    Module,
    Phase,
    ProbeResult,
    Problem,
    StaplePolicy,
    StartTLS,
    Status,
)
from tests.findings import tls_of
from tests.peers.daemons import find, free_port, until
from tests.peers.looking import probe, staple_of, trusting
from tests.peers.nats import NATS, nats_server, version
from tests.peers.protocols import ROWS, Row, Stapling
from tests.peers.responders import openssl_ocsp, scripted

Start = Callable[..., AbstractContextManager[NATS]]

WEEK = 7 * 24 * 3600


@pytest.fixture(params=["nats-server", "NATS_SERVER"])
def program(request: pytest.FixtureRequest) -> str:
    """Return the path of the server that is installed, and of the one that NATS_SERVER names."""
    if request.param == "nats-server":
        return find("nats-server")
    if "NATS_SERVER" not in os.environ:
        pytest.skip("NATS_SERVER names no newer nats-server (go install github.com/nats-io/nats-server/v2@latest)")
    return os.environ["NATS_SERVER"]


@pytest.fixture
def start(program: str, tmp_path: Path, root: Authority) -> Start:
    """Return what starts the server with a certificate."""
    return partial(nats_server, program, tmp_path, root=root)


@pytest.fixture
def newer(program: str) -> None:
    """Skip what servers of 2.9 cannot do."""
    if is_old(program):
        pytest.skip(f"nats-server {version(program)} does not know handshake_first")


def is_old(program: str) -> bool:
    """Say whether a server is one of 2.9."""
    return version(program).startswith("2.9.")


def module(root: Authority, starttls: StartTLS = StartTLS.NATS, policy: StaplePolicy = StaplePolicy.AUTO) -> Module:
    """Return a module that looks once, and asks by name."""
    return replace(trusting(root, policy=policy, retry_missing=0), starttls=starttls, server_name="localhost")


def found(result: ProbeResult) -> Findings:
    """Return what was found, which there has to be."""
    assert result.findings is not None, result.detail
    return result.findings


def row_of(program: str, port: str, starttls: StartTLS) -> Row:
    """Return the row of the table for a port of this server."""
    server = f"NATS {'2.9' if is_old(program) else '2.10 and later'}, {port}"
    [row] = [row for row in ROWS if row.server == server]
    assert row.protocol == ("tls" if starttls is StartTLS.NONE else starttls.value)
    return row


#: Each port in our words and in its configuration's, how TLS starts there, whether it demands a client certificate.
PORTS = (
    ("client port", "client", StartTLS.NATS, False),
    ("leafnode port", "leafnodes", StartTLS.NATS, False),
    ("route port", "cluster", StartTLS.NONE, True),
    ("gateway port", "gateway", StartTLS.NONE, True),
    ("https monitoring port", "https", StartTLS.NONE, False),
    ("websocket port", "websocket", StartTLS.NONE, False),
)


async def test_every_port(
    program: str,
    start: Start,
    tmp_path: Path,
    authority: Authority,
    root: Authority,
    record: Callable[[Row, str], None],
) -> None:
    """The staple on the wire is the file in the store; it counts where a client certificate is demanded too."""
    leaf = authority.leaf()
    responder = free_port()
    (tmp_path / "responder").mkdir()
    with (
        openssl_ocsp(tmp_path / "responder", responder, authority, [leaf]),
        start(leaf, mode="always", url=f"http://127.0.0.1:{responder}") as nats,
    ):
        for name, port, starttls, demands in PORTS:
            row = row_of(program, name, starttls)
            findings = found(await probe(getattr(nats.ports, port), module(root, starttls, StaplePolicy.ALWAYS)))
            staple = staple_of(findings)
            if row.stapling is Stapling.FETCHED:
                assert (staple.status, staple.problems, tls_of(findings).compliant) == (Status.GOOD, (), True)
                assert staple.der == nats.staple_file.read_bytes()
            else:
                assert (staple.status, tls_of(findings).compliant) == (Status.MISSING, False)
            # 2.9 demands one for leafnodes too as soon as it staples.
            too = is_old(program) and port == "leafnodes"
            assert tls_of(findings).session.client_certificate_requested is (demands or too)
            record(row, version(program))


@pytest.mark.parametrize(
    ("mode", "must_staple", "compliant"),
    [
        ("", True, True),
        ("", False, None),
        ("auto", True, True),
        ("auto", False, None),
        ("must", True, True),
        ("must", False, None),
        ("always", True, True),
        ("always", False, True),
        ("never", True, None),
        ("never", False, None),
    ],
)
async def test_the_modes_beside_our_policies(
    start: Start, authority: Authority, root: Authority, mode: str, must_staple: bool, compliant: bool | None
) -> None:
    """Under the policy of its mode's name a server that staples is compliant, and one that does not no violation."""
    with scripted(lambda: authority.answer(leaf)) as url:
        leaf = authority.leaf(must_staple=must_staple, ocsp_urls=[url])
        with start(leaf, mode=mode) as nats:
            findings = found(await probe(nats.ports.client, module(root, policy=StaplePolicy(mode or "auto"))))
            assert tls_of(findings).compliant is compliant
            assert tls_of(findings).stapled_handshakes == (1 if compliant else 0)
            if mode == "never" and must_staple:
                demanding = found(await probe(nats.ports.client, module(root)))
                assert tls_of(demanding).compliant is False


@pytest.mark.parametrize("mode", ["auto", "always"])
async def test_a_staple_that_ends_while_the_responder_is_down(
    start: Start, authority: Authority, root: Authority, mode: str
) -> None:
    """Until then all is well; from then on every handshake fails, until the responder is back."""
    begun = int(time.time())
    soon = begun + 4
    answers: list[bytes | None] = []
    with scripted(lambda: answers[-1]) as url:
        leaf = authority.leaf(must_staple=True, ocsp_urls=[url])
        answers.append(authority.answer(leaf, this_update=begun - 1, next_update=soon))
        with start(leaf, mode=mode) as nats:
            before = found(await probe(nats.ports.client, module(root)))
            assert (staple_of(before).status, staple_of(before).next_update) == (Status.GOOD, soon)
            answers.append(None)
            until(lambda: time.time() > soon + 1, lambda: "time stands still")
            result = await probe(nats.ports.client, module(root))
            assert result.failure is Failure.TLS
            assert "internal error" in result.detail
            answers.append(authority.answer(leaf))
            after = found(await probe(nats.ports.client, module(root)))
            assert staple_of(after).status is Status.GOOD


async def test_a_revoked_certificate_in_mode_auto(start: Start, authority: Authority, root: Authority) -> None:
    """The server keeps running and staples that it is revoked, which is known then."""
    with scripted(lambda: authority.answer(leaf, status=Status.REVOKED)) as url:
        leaf = authority.leaf(must_staple=True, ocsp_urls=[url])
        with start(leaf, mode="auto") as nats:
            findings = found(await probe(nats.ports.client, module(root)))
            assert (staple_of(findings).status, findings.revoked) == (Status.REVOKED, {0: True})
            assert tls_of(findings).compliant
            stricter = found(await probe(nats.ports.client, module(root, policy=StaplePolicy.MUST)))
            assert tls_of(stricter).compliant is False


async def test_a_staple_for_another_certificate(start: Start, authority: Authority, root: Authority) -> None:
    """The server passes it on; it is invalid."""
    other = authority.leaf()
    leaf = authority.leaf(must_staple=True)
    with scripted(lambda: authority.answer(other)) as url, start(leaf, mode="auto", url=url) as nats:
        findings = found(await probe(nats.ports.client, module(root)))
        staple = staple_of(findings)
        assert (staple.status, staple.problems) == (Status.INVALID, (Problem.NO_MATCHING_RESPONSE,))
        assert tls_of(findings).compliant is False


@pytest.mark.parametrize(
    ("mode", "status", "why"),
    [
        ("auto", None, "bad OCSP status update for certificate"),
        ("must", Status.REVOKED, "found existing OCSP status for certificate"),
        ("always", Status.REVOKED, "found existing OCSP status for certificate"),
    ],
)
async def test_a_server_that_does_not_start(
    start: Start, authority: Authority, mode: str, status: Status | None, why: str
) -> None:
    """Without a responder, or revoked in the strict modes, a server does not even start; with a good answer it does."""
    good, bad = authority.leaf(must_staple=True), authority.leaf(must_staple=True)
    answers = [authority.answer(good)]
    with scripted(lambda: answers[-1]) as url:
        with start(good, mode=mode, url=url):
            pass
        answers.append(authority.answer(bad, status=status) if status else b"")
        with pytest.raises(pytest.fail.Exception, match=why), start(bad, mode=mode, url=url):
            pass


async def test_a_server_without_tls(start: Start, authority: Authority, root: Authority) -> None:
    """Its INFO says so, and no ClientHello is sent; to `tls` it is no TLS either."""
    with start(authority.leaf(), tls=False) as nats:
        for starttls in (StartTLS.NATS, StartTLS.NATS_AUTO, StartTLS.NONE):
            result = await probe(nats.ports.client, module(root, starttls))
            assert (result.failure, Phase.HANDSHAKE in result.phases) == (Failure.NOT_TLS, starttls is StartTLS.NONE)
        assert "tls:" not in (nats.store.parent / f"nats-server-{nats.ports.client}.log").read_text()


async def test_what_starts_tls_in_the_wrong_way(start: Start, authority: Authority, root: Authority) -> None:
    """The client port says INFO first, the route port waits for TLS; `nats-auto` finds out."""
    with start(authority.leaf()) as nats:
        assert (await probe(nats.ports.client, module(root, StartTLS.NONE))).failure is Failure.NOT_TLS
        hurried = replace(module(root), timeout=0.5)
        assert (await probe(nats.ports.cluster, hurried)).failure is Failure.TIMEOUT
        for port in (nats.ports.client, nats.ports.cluster):
            findings = found(await probe(port, module(root, StartTLS.NATS_AUTO)))
            assert tls_of(findings).session.chain[0] == nats.leaf.certificate


@pytest.mark.usefixtures("newer")
async def test_a_server_that_waits_for_tls(
    program: str, start: Start, authority: Authority, root: Authority, record: Callable[[Row, str], None]
) -> None:
    """With handshake_first the client port is plain TLS; INFO never comes."""
    leaf = authority.leaf()
    with (
        scripted(lambda: authority.answer(leaf)) as url,
        start(leaf, mode="always", url=url, client_tls="handshake_first: true") as nats,
    ):
        for starttls in (StartTLS.NONE, StartTLS.NATS_AUTO):
            findings = found(await probe(nats.ports.client, module(root, starttls)))
            assert staple_of(findings).der == nats.staple_file.read_bytes()
        hurried = replace(module(root), timeout=0.5)
        assert (await probe(nats.ports.client, hurried)).failure is Failure.TIMEOUT
    record(row_of(program, "client port, handshake_first", StartTLS.NONE), version(program))


@pytest.mark.usefixtures("newer")
async def test_a_server_that_waits_for_tls_and_then_says_info(
    program: str, start: Start, authority: Authority, root: Authority, record: Callable[[Row, str], None]
) -> None:
    """With handshake_first: auto every way to start leads to the staple."""
    leaf = authority.leaf()
    with (
        scripted(lambda: authority.answer(leaf)) as url,
        start(leaf, mode="always", url=url, client_tls="handshake_first: auto") as nats,
    ):
        for starttls in (StartTLS.NATS_AUTO, StartTLS.NATS, StartTLS.NONE):
            findings = found(await probe(nats.ports.client, module(root, starttls)))
            assert staple_of(findings).der == nats.staple_file.read_bytes()
    record(row_of(program, "client port, handshake_first: auto", StartTLS.NATS_AUTO), version(program))


async def test_leafnodes_never_alarm(start: Start, authority: Authority, root: Authority) -> None:
    """Under the built-in module for leafnodes nothing about staples is a violation, not even with must-staple."""
    leafnode = BUILT_IN_MODULES["nats-leafnode"]
    patient = replace(leafnode, tls=module(root).tls, server_name="localhost")
    with scripted(lambda: authority.answer(leaf)) as url:
        leaf = authority.leaf(must_staple=True, ocsp_urls=[url])
        with start(leaf, mode="never") as nats:
            assert tls_of(found(await probe(nats.ports.leafnodes, patient))).compliant is None
            assert tls_of(found(await probe(nats.ports.leafnodes, module(root)))).compliant is False
