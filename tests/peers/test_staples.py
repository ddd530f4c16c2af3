"""Four servers, two versions of TLS, and staples in every state."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.model import Problem, Reason, Revocation, Signer, Status, TLSVersion
from tests.findings import counts_of, tls_of
from tests.peers.looking import for_each_version, look, staple_of, trusting
from tests.peers.servers import Serve, Site, gnutls_serv, haproxy, nginx, s_server

HOUR = 3600
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Row:
    """A staple and what is to be said of it. Times are seconds from the CA's now; None: the evidence has none."""

    name: str
    staple: Callable[[Authority, Credential], bytes | None]
    status: Status
    problems: tuple[Problem, ...] = ()
    compliant: bool = True
    produced_at: int | None = -1 * HOUR
    this_update: int | None = -2 * HOUR
    next_update: int | None = 5 * DAY
    revoked_at: int | None = None
    reason: Reason | None = None


def _good(ca: Authority, leaf: Credential) -> bytes:
    return ca.answer(leaf, produced_at=ca.now - HOUR, this_update=ca.now - 2 * HOUR, next_update=ca.now + 5 * DAY)


def _revoked(ca: Authority, leaf: Credential) -> bytes:
    return ca.answer(
        leaf,
        status=Status.REVOKED,
        revocation_time=ca.now - 3 * DAY,
        reason=Reason.SUPERSEDED,
        produced_at=ca.now - HOUR,
        this_update=ca.now - 2 * HOUR,
        next_update=ca.now + 5 * DAY,
    )


def _unknown(ca: Authority, leaf: Credential) -> bytes:
    return ca.answer(
        leaf,
        status=Status.UNKNOWN,
        produced_at=ca.now - HOUR,
        this_update=ca.now - 2 * HOUR,
        next_update=ca.now + 5 * DAY,
    )


def _expired(ca: Authority, leaf: Credential) -> bytes:
    return ca.answer(leaf, produced_at=ca.now - HOUR, this_update=ca.now - 2 * HOUR, next_update=ca.now - HOUR)


def _of_another(ca: Authority, _leaf: Credential) -> bytes:
    return _good(ca, ca.leaf())


def _none(_ca: Authority, _leaf: Credential) -> None:
    return None


GOOD = Row("good", _good, Status.GOOD)
NONE = Row("none", _none, Status.MISSING, compliant=False, produced_at=None, this_update=None, next_update=None)
ROWS = (
    GOOD,
    NONE,
    Row("revoked", _revoked, Status.REVOKED, revoked_at=-3 * DAY, reason=Reason.SUPERSEDED),
    Row("unknown", _unknown, Status.UNKNOWN),
    Row("expired", _expired, Status.INVALID, (Problem.EXPIRED,), compliant=False, next_update=-1 * HOUR),
    Row(
        "of-another",
        _of_another,
        Status.INVALID,
        (Problem.NO_MATCHING_RESPONSE,),
        compliant=False,
        this_update=None,
        next_update=None,
    ),
)

#: HAProxy looks at a staple before it loads it, and staples nothing in place of these.
REFUSED: dict[Serve, set[str]] = {haproxy: {"unknown", "expired", "of-another"}}

Served = tuple[Serve, Mapping[str, int]]


@pytest.fixture(scope="module", params=[nginx, haproxy, s_server, gnutls_serv], ids=lambda serve: serve.__name__)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Served]:
    """Serve every row; each has a must-staple certificate of its own, as HAProxy keeps one staple for each."""
    leaves = [authority.leaf(must_staple=True) for _ in ROWS]
    sites = [Site(leaf, row.staple(authority, leaf)) for row, leaf in zip(ROWS, leaves, strict=True)]
    with request.param(tmp_path_factory.mktemp("servers"), sites) as ports:
        yield request.param, {row.name: port for row, port in zip(ROWS, ports, strict=True)}


@for_each_version
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_staple_is_told_as_it_was_made(served: Served, root: Authority, row: Row, version: TLSVersion) -> None:
    """Status, problems, times and compliance of a staple are those that its CA gave it, whoever serves it."""
    serve, ports = served
    expected = NONE if row.name in REFUSED.get(serve, ()) else row
    findings = await look(ports[row.name], trusting(root, version, retry_missing=0))
    staple = staple_of(findings)
    now = int(root.now)

    assert (staple.status, staple.problems) == (expected.status, expected.problems)
    assert tls_of(findings).compliant is expected.compliant
    assert staple.produced_at == _at(now, expected.produced_at)
    assert staple.this_update == _at(now, expected.this_update)
    assert staple.next_update == _at(now, expected.next_update)
    revoked_at = _at(now, expected.revoked_at)
    assert staple.revocation == (None if revoked_at is None else Revocation(revoked_at, expected.reason))

    assert tls_of(findings).session.version == {TLSVersion.TLS12: "TLSv1.2", TLSVersion.TLS13: "TLSv1.3"}[version]
    assert tls_of(findings).session.complete
    assert not tls_of(findings).session.client_certificate_requested
    assert not tls_of(findings).session.chain_errors


def _at(now: int, offset: int | None) -> int | None:
    return None if offset is None else now + offset


@for_each_version
async def test_a_good_staple_is_told_whole(served: Served, root: Authority, version: TLSVersion) -> None:
    """Who signed a staple, by what right and how, is seen; and it came in every handshake, always the same."""
    findings = await look(served[1][GOOD.name], trusting(root, version, handshakes=3))
    response = staple_of(findings).response
    assert response is not None
    assert response.response_status == "successful"
    assert response.signer is Signer.ISSUER
    assert response.cert_id_hash == "sha1"
    assert response.signature_algorithm == "ecdsa-with-SHA256"
    assert counts_of(findings) == (3, 3, 1)
