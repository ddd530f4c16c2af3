"""Chains as nginx sends them: what is wrong with them, and that the verdict on the staple does not depend on it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import DAY, Credential, common_name, issue, server_extensions
from ocsp_exporter.model import ChainError, Failure, Problem, Signer, Status, TLSVersion
from tests.findings import tls_of
from tests.peers.daemons import HOST
from tests.peers.looking import for_each_version, look, probe, staple_of, trusting
from tests.peers.servers import Site, der, nginx

NAMES = ("leaf.example", HOST)
PATH = ["CN=leaf.example", "CN=Lower CA", "CN=Upper CA", "CN=Test Root CA"]


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A root that is trusted, two CAs below it, and a CA below a root that nobody trusts."""

    root: Authority
    upper: Authority
    lower: Authority
    stranger: Authority
    strangers_root: Authority


@dataclass(frozen=True, slots=True)
class Row:
    """A site: who issued its certificate, the certificate, and what is wrong with its chain."""

    name: str
    site: Callable[[Hierarchy], tuple[Authority, Credential]]
    errors: frozenset[ChainError] = frozenset()


def _good(cas: Hierarchy) -> tuple[Authority, Credential]:
    return cas.lower, cas.lower.leaf(*NAMES)


def _expired(cas: Hierarchy) -> tuple[Authority, Credential]:
    return cas.lower, cas.lower.leaf(*NAMES, not_before=cas.root.now - 9 * DAY, not_after=cas.root.now - DAY)


def _not_yet_valid(cas: Hierarchy) -> tuple[Authority, Credential]:
    return cas.lower, cas.lower.leaf(*NAMES, not_before=cas.root.now + DAY)


def _of_expired_ca(cas: Hierarchy) -> tuple[Authority, Credential]:
    late = cas.upper.intermediate("Late CA", not_before=cas.root.now - 9 * DAY, not_after=cas.root.now - DAY)
    return late, late.leaf(*NAMES)


def _untrusted(cas: Hierarchy) -> tuple[Authority, Credential]:
    return cas.stranger, cas.stranger.leaf(*NAMES)


def _untrusted_with_root(cas: Hierarchy) -> tuple[Authority, Credential]:
    leaf = cas.stranger.leaf(*NAMES)
    return cas.stranger, replace(leaf, chain=(*leaf.chain, cas.strangers_root.certificate))


def _self_signed(cas: Hierarchy) -> tuple[Authority, Credential]:
    extensions = server_extensions(NAMES, must_staple=False)
    leaf = issue(
        common_name("leaf.example"),
        extensions,
        {"not_before": cas.root.now - DAY, "not_after": cas.root.now + DAY},
    )
    return Authority(cas.root.now, leaf.certificate, leaf.key), leaf


def _for_names_only(cas: Hierarchy) -> tuple[Authority, Credential]:
    return cas.lower, cas.lower.leaf("leaf.example", "localhost")


def _for_another_address(cas: Hierarchy) -> tuple[Authority, Credential]:
    return cas.lower, cas.lower.leaf("leaf.example", "127.0.0.2")


def _all_wrong(cas: Hierarchy) -> tuple[Authority, Credential]:
    leaf = cas.stranger.leaf("leaf.example", not_before=cas.root.now - 9 * DAY, not_after=cas.root.now - DAY)
    return cas.stranger, leaf


def _shuffled(cas: Hierarchy) -> tuple[Authority, Credential]:
    leaf = cas.lower.leaf(*NAMES)
    return cas.lower, replace(leaf, chain=(cas.root.certificate, cas.upper.certificate, cas.lower.certificate))


def _with_duplicates(cas: Hierarchy) -> tuple[Authority, Credential]:
    leaf = cas.lower.leaf(*NAMES)
    lower, upper = leaf.chain
    return cas.lower, replace(leaf, chain=(leaf.certificate, lower, lower, upper, leaf.certificate, upper))


def _alone(cas: Hierarchy) -> tuple[Authority, Credential]:
    return cas.lower, replace(cas.lower.leaf(*NAMES), chain=())


GOOD = Row("good", _good)
REORDERED = (Row("shuffled", _shuffled), Row("with-duplicates", _with_duplicates))
ROWS = (
    GOOD,
    Row("expired", _expired, frozenset({ChainError.EXPIRED})),
    Row("not-yet-valid", _not_yet_valid, frozenset({ChainError.NOT_YET_VALID})),
    Row("of-an-expired-ca", _of_expired_ca, frozenset({ChainError.EXPIRED})),
    Row("untrusted", _untrusted, frozenset({ChainError.UNKNOWN_ISSUER})),
    Row("untrusted-with-root", _untrusted_with_root, frozenset({ChainError.SELF_SIGNED})),
    Row("self-signed", _self_signed, frozenset({ChainError.SELF_SIGNED})),
    Row("for-names-only", _for_names_only, frozenset({ChainError.HOSTNAME_MISMATCH})),
    Row("for-another-address", _for_another_address, frozenset({ChainError.HOSTNAME_MISMATCH})),
    Row(
        "all-wrong",
        _all_wrong,
        frozenset({ChainError.UNKNOWN_ISSUER, ChainError.EXPIRED, ChainError.HOSTNAME_MISMATCH}),
    ),
    *REORDERED,
)

Ports = Mapping[str, int]


@pytest.fixture(scope="module")
def cas(root: Authority) -> Hierarchy:
    """Return the CAs of this module."""
    upper = root.intermediate("Upper CA")
    strangers_root = Authority.root(root.now, "Stranger root CA")
    stranger = strangers_root.intermediate("Stranger CA")
    return Hierarchy(root, upper, upper.intermediate("Lower CA"), stranger, strangers_root)


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory, cas: Hierarchy) -> Iterator[Ports]:
    """Serve every row with a good staple, and what no row can say: a leaf alone, and unreadable certificates."""
    sites = {}
    for row in ROWS:
        authority, credential = row.site(cas)
        sites[row.name] = Site(credential, authority.answer(credential))
    leaf = cas.lower.leaf(*NAMES)
    good = Site(leaf, cas.lower.answer(leaf))
    lower, upper = map(der, leaf.chain)
    stranger = disfigured(der(cas.stranger.certificate))
    sites["alone"] = replace(good, sent=(der(leaf.certificate),))
    sites["with-unreadable"] = replace(good, sent=(der(leaf.certificate), stranger, lower, upper))
    sites["unreadable"] = replace(good, sent=(disfigured(der(leaf.certificate)), lower, upper))
    fifth = cas.lower.leaf(*NAMES, serial_number=5)
    sites["fifth"] = Site(fifth)
    sites["minus-fifth"] = Site(fifth, sent=(numbered(der(fifth.certificate)), lower, upper))
    with nginx(tmp_path_factory.mktemp("nginx"), list(sites.values())) as ports:
        yield dict(zip(sites, ports, strict=True))


def disfigured(certificate: bytes) -> bytes:
    """Return a certificate of version 6: OpenSSL does not mind, so that nginx sends it, and cryptography does."""
    return _with(certificate, before="a003020102", after="a003020105")


def numbered(certificate: bytes) -> bytes:
    """Return a certificate whose serial number, which was 5, is -5."""
    return _with(certificate, before="a003020102 020105", after="a003020102 0201fb")


def _with(certificate: bytes, before: str, after: str) -> bytes:
    assert bytes.fromhex(before) in certificate
    return certificate.replace(bytes.fromhex(before), bytes.fromhex(after), 1)


@for_each_version
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_everything_wrong_with_a_chain_is_told(
    ports: Ports, root: Authority, row: Row, version: TLSVersion
) -> None:
    """All chain errors are found and no others; the staple is good whatever is wrong with the chain."""
    findings = await look(ports[row.name], trusting(root, version))
    assert tls_of(findings).session.chain_errors == row.errors
    assert tls_of(findings).session.complete
    assert staple_of(findings).status is Status.GOOD


@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("leaf.example", frozenset()),
        ("LEAF.example.", frozenset()),
        ("other.example", frozenset({ChainError.HOSTNAME_MISMATCH})),
        ("-leaf.example", frozenset({ChainError.HOSTNAME_MISMATCH})),  # OpenSSL refuses to look for it
        ("127.0.0.1", frozenset()),
        ("127.0.0.2", frozenset({ChainError.HOSTNAME_MISMATCH})),
    ],
)
async def test_the_name_that_is_asked_for_is_looked_for(
    ports: Ports, root: Authority, name: str, errors: frozenset[ChainError]
) -> None:
    """The module's server_name, a name or an address, is looked for in the certificate instead of the host."""
    findings = await look(ports["good"], replace(trusting(root), server_name=name))
    assert tls_of(findings).session.chain_errors == errors


@pytest.mark.parametrize("row", [GOOD, *REORDERED], ids=lambda row: row.name)
async def test_the_path_is_built_by_signature(ports: Ports, root: Authority, row: Row) -> None:
    """In whatever order and how often certificates are sent, the path goes from the leaf to the root."""
    findings = await look(ports[row.name], trusting(root))
    assert [facts.subject for facts in findings.certificates] == PATH
    assert [facts.depth for facts in findings.certificates] == [0, 1, 2, 3]


async def test_a_leaf_alone_has_a_staple_that_nobody_can_verify(ports: Ports, root: Authority) -> None:
    """Without the issuer's certificate nothing can be said of the staple but that."""
    findings = await look(ports["alone"], trusting(root))
    assert tls_of(findings).session.chain_errors == {ChainError.UNKNOWN_ISSUER}
    staple = staple_of(findings)
    assert (staple.status, staple.problems) == (Status.INVALID, (Problem.ISSUER_UNAVAILABLE,))
    assert not staple.authentic


async def test_the_module_may_know_the_issuer_of_a_leaf_alone(ports: Ports, cas: Hierarchy) -> None:
    """With the issuer among the module's certificates the staple is verified; the chain sent is as bad as before."""
    module = replace(trusting(cas.root), issuers=(cas.lower.certificate,))
    findings = await look(ports["alone"], module)
    assert tls_of(findings).session.chain_errors == {ChainError.UNKNOWN_ISSUER}
    staple = staple_of(findings)
    assert (staple.status, staple.problems) == (Status.GOOD, ())
    assert staple.response is not None
    assert staple.response.signer is Signer.ISSUER


async def test_an_unreadable_certificate_beside_the_leaf_is_passed_over(ports: Ports, root: Authority) -> None:
    """It does not lose the others: path and staple are those of the same chain without it."""
    findings = await look(ports["with-unreadable"], trusting(root))
    assert not tls_of(findings).session.chain_errors
    assert [facts.subject for facts in findings.certificates] == PATH
    assert staple_of(findings).status is Status.GOOD


async def test_an_unreadable_leaf_is_no_certificate(ports: Ports, root: Authority) -> None:
    """Then there is nothing to look at, and the probe says so."""
    result = await probe(ports["unreadable"], trusting(root))
    assert result.failure is Failure.NO_CERTIFICATE
    assert result.findings is None


@pytest.mark.parametrize(("name", "serial_number"), [("fifth", "05"), ("minus-fifth", "-05")])
async def test_a_serial_number_may_be_what_it_must_not(
    ports: Ports, root: Authority, name: str, serial_number: str
) -> None:
    """RFC 5280 forbids a negative one (section 4.1.2.2); it is shown as it is, without a warning from anywhere."""
    findings = await look(ports[name], trusting(root))
    assert findings.certificates[0].serial_number == serial_number
