"""Responders that are not ours, and a cache before one, asked in every way."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import DAY, Credential
from ocsp_exporter.demo.response import nonce
from ocsp_exporter.model import (
    VERIFIED,
    CertIDHash,
    Evidence,
    Problem,
    Reason,
    RequestMethod,
    Revocation,
    Signer,
    Status,
)
from ocsp_exporter.probing.egress import FetchFailed
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.responder import Question, ResponderAnswer, ask
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.validation import validate
from tests.peers.daemons import HOST, PATIENCE, free_port
from tests.peers.responders import CFSSL_REVOKED_AT, caching_proxy, cfssl_ocspserve, openssl_ocsp
from tests.probing.asking import fetching


@dataclass(frozen=True, slots=True)
class Peer:
    """A responder that runs: at which port, for which CA, who signs, and certificates by what they are."""

    port: int
    authority: Authority
    signer: Signer
    leaves: Mapping[str, Credential]

    @classmethod
    def of(cls, authority: Authority, signer: Signer, *names: str) -> "Peer":
        """Choose a port, and issue a certificate for each name."""
        return cls(free_port(), authority, signer, {name: authority.leaf() for name in names})

    @property
    def delegate(self) -> Credential | None:
        """Who signs in place of the CA."""
        return self.authority.delegate() if self.signer is Signer.DELEGATED else None

    def question(
        self,
        name: str,
        method: RequestMethod,
        algorithm: CertIDHash = CertIDHash.SHA1,
        *,
        with_nonce: bool = False,
        port: int | None = None,
    ) -> Question:
        """Ask about a certificate, at another port if that is given."""
        return Question(
            subject=self.leaves[name].certificate,
            issuer=self.authority.certificate,
            urls=(f"http://{HOST}:{port or self.port}/",),
            vouched_by=Voucher.OPERATOR,
            method=method,
            hash=algorithm,
            nonce=with_nonce,
            timeout=PATIENCE,
        )


async def asked(question: Question) -> tuple[ResponderAnswer, Evidence]:
    """Ask, and judge what came by the clock that the responder has too."""

    def judged(came: ResponderAnswer) -> Evidence:
        return validate(came.der, question.subject, question.issuer, time.time(), Policy(), nonce=came.nonce)

    async with fetching() as fetcher:
        came = await ask(fetcher, question, lambda came: judged(came).status in VERIFIED)
    assert came.problems == ()
    return came, judged(came)


SIGNERS = [Signer.ISSUER, Signer.DELEGATED]

# --- openssl ocsp: it signs when it is asked ----------------------------------------------------------------

#: What a certificate is, the status, and seconds from the CA's now to its revocation, with the reason.
OPENSSL: Mapping[str, tuple[Status, tuple[int, Reason | None] | None]] = {
    "good": (Status.GOOD, None),
    "revoked": (Status.REVOKED, (-DAY, Reason.KEY_COMPROMISE)),
    "revoked for no reason": (Status.REVOKED, (-2 * DAY, None)),
    "on hold": (Status.REVOKED, (-DAY, Reason.CERTIFICATE_HOLD)),
    "unknown": (Status.UNKNOWN, None),
}


def revocation(authority: Authority, name: str) -> Revocation | None:
    """Return when and why a certificate was revoked."""
    told = OPENSSL[name][1]
    return None if told is None else Revocation(int(authority.now) + told[0], told[1])


@pytest.fixture(scope="module", params=SIGNERS)
def openssl(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Peer]:
    """Run `openssl ocsp`."""
    peer = Peer.of(authority, request.param, *OPENSSL)
    known = {leaf: revocation(authority, name) for name, leaf in peer.leaves.items() if name != "unknown"}
    with openssl_ocsp(tmp_path_factory.mktemp("openssl"), peer.port, authority, known, peer.delegate):
        yield peer


@pytest.mark.parametrize(("method", "algorithm", "with_nonce"), [*product(RequestMethod, CertIDHash, [False, True])])
@pytest.mark.parametrize("name", OPENSSL)
async def test_openssl_answers_what_is_asked(
    openssl: Peer, name: str, method: RequestMethod, algorithm: CertIDHash, with_nonce: bool
) -> None:
    """By either method, with the hash of the request and its nonce, whoever signs."""
    came, evidence = await asked(openssl.question(name, method, algorithm, with_nonce=with_nonce))
    assert (evidence.status, evidence.problems) == (OPENSSL[name][0], ())
    assert evidence.revocation == revocation(openssl.authority, name)
    assert evidence.response
    assert (evidence.response.signer, evidence.response.cert_id_hash) == (openssl.signer, algorithm)
    assert with_nonce is (came.nonce is not None and nonce(came.nonce) in came.der)


# --- cfssl: its answers were signed beforehand --------------------------------------------------------------

CFSSL: Mapping[str, tuple[Status, Revocation | None]] = {
    "good": (Status.GOOD, None),
    "revoked": (Status.REVOKED, Revocation(CFSSL_REVOKED_AT, Reason.KEY_COMPROMISE)),
    "unknown": (Status.UNKNOWN, None),
}


@pytest.fixture(scope="module", params=SIGNERS)
def cfssl(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Peer]:
    """Run `cfssl ocspserve`, which shares no code with OpenSSL."""
    peer = Peer.of(authority, request.param, *CFSSL, "not there")
    known = {peer.leaves[name]: status for name, (status, _) in CFSSL.items()}
    with cfssl_ocspserve(tmp_path_factory.mktemp("cfssl"), peer.port, authority, known, peer.delegate):
        yield peer


@pytest.mark.parametrize("method", [RequestMethod.AUTO, RequestMethod.POST])
@pytest.mark.parametrize(("algorithm", "with_nonce"), [*product(CertIDHash, [False, True])])
@pytest.mark.parametrize("name", CFSSL)
async def test_cfssl_answers_as_it_can(
    cfssl: Peer, name: str, method: RequestMethod, algorithm: CertIDHash, with_nonce: bool
) -> None:
    """With SHA-1 and without a nonce, whatever was asked, which is good enough."""
    came, evidence = await asked(cfssl.question(name, method, algorithm, with_nonce=with_nonce))
    assert (evidence.status, evidence.problems, evidence.revocation) == (CFSSL[name][0], (), CFSSL[name][1])
    assert evidence.response
    assert (evidence.response.signer, evidence.response.cert_id_hash) == (cfssl.signer, "sha1")
    assert (came.nonce is not None) is with_nonce


async def test_a_responder_that_does_not_understand_get_is_asked_by_post(cfssl: Peer) -> None:
    """The cfssl of Debian 12 takes the slash before the request for a part of it, and answers 400."""
    with contextlib.suppress(FetchFailed):
        await asked(cfssl.question("good", RequestMethod.GET))
        pytest.skip("this cfssl understands GET")
    _, evidence = await asked(cfssl.question("good", RequestMethod.AUTO))
    assert evidence.status is Status.GOOD


@pytest.mark.parametrize("method", [RequestMethod.AUTO, RequestMethod.POST])
async def test_a_responder_says_that_it_is_not_the_one_to_ask(cfssl: Peer, method: RequestMethod) -> None:
    """`unauthorized` is no answer about the certificate, which is not unknown by that (RFC 6960, section 2.3)."""
    _, evidence = await asked(cfssl.question("not there", method))
    assert (evidence.status, evidence.problems) == (Status.SERVER_FAILED, (Problem.UNSUCCESSFUL,))
    assert evidence.response
    assert evidence.response.response_status == "unauthorized"


# --- nginx: a cache before a responder ----------------------------------------------------------------------


async def test_a_cache_before_a_responder_is_used_by_get(tmp_path: Path, authority: Authority) -> None:
    """It has the answer to a request seen before, also when the responder is gone; by POST it is passed."""
    peer = Peer.of(authority, Signer.ISSUER, "good", "other", "new")
    known = dict.fromkeys(peer.leaves.values())
    cache = free_port()

    async def answer(method: RequestMethod, name: str = "good", *, with_nonce: bool = False) -> bytes:
        came, evidence = await asked(peer.question(name, method, with_nonce=with_nonce, port=cache))
        assert (evidence.status, evidence.problems) == (Status.GOOD, ())
        return came.der

    (tmp_path / "responder").mkdir()
    with caching_proxy(tmp_path, cache, peer.port):
        with openssl_ocsp(tmp_path / "responder", peer.port, authority, known):
            first = await answer(RequestMethod.GET)
            assert await answer(RequestMethod.GET) == await answer(RequestMethod.AUTO) == first
            assert await answer(RequestMethod.GET, "other") != first
            # A request with a nonce is one that the cache has not seen.
            assert await answer(RequestMethod.GET, with_nonce=True) != await answer(RequestMethod.GET, with_nonce=True)
            posted = [await answer(RequestMethod.POST, with_nonce=each) for each in (False, False, True, True)]
            assert len({first, *posted}) == 5
        assert await answer(RequestMethod.GET) == await answer(RequestMethod.AUTO) == first
        for method, name in ((RequestMethod.POST, "good"), (RequestMethod.GET, "new")):
            with pytest.raises(FetchFailed) as failed:
                await answer(method, name)
            assert (failed.value.problem, failed.value.status_code) == (Problem.HTTP_ERROR, 502)
