"""What a question to a responder or for a CRL takes, and when it is none."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from cryptography import x509

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import CertIDHash, EgressPolicy, Follow, Problem, RequestMethod
from ocsp_exporter.probing import distribution_point, responder
from ocsp_exporter.probing.egress import Egress
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.keeper import LARGE_QUESTION
from ocsp_exporter.probing.resolver import Resolver
from ocsp_exporter.probing.sources import CRLSource, ResponderSource

CA = Authority.root(time.time(), "Weighed CA")
LEAF = CA.leaf("name.example").certificate
URL, DENIED = "http://ca.example/", "http://169.254.169.254/"
OCSP = responder.Question(
    LEAF, CA.certificate, (URL,), Voucher.TRUST, RequestMethod.AUTO, CertIDHash.SHA1, nonce=False, timeout=1.0
)
CRL = distribution_point.Question(CA.certificate, (URL,), Voucher.TRUST, 1000, 1.0)


@asynccontextmanager
async def sources(policy: EgressPolicy) -> AsyncIterator[tuple[ResponderSource, CRLSource]]:
    """Give both sources under a policy."""
    resolver = Resolver()
    egress = Egress(policy, resolver)
    fetcher = Fetcher(egress, 10.0)
    yield ResponderSource(fetcher, time.time), CRLSource(fetcher, time.time)
    await egress.close()
    resolver.close()


@pytest.mark.parametrize(
    ("follow", "urls", "vouched_by", "problem"),
    [
        (Follow.TRUSTED, (URL,), Voucher.TRUST, None),
        (Follow.TRUSTED, (URL,), Voucher.NOBODY, Problem.BLOCKED_BY_EGRESS_POLICY),
        (Follow.LISTED, (URL,), Voucher.TRUST, Problem.BLOCKED_BY_EGRESS_POLICY),
        (Follow.LISTED, (URL,), Voucher.OPERATOR, None),
        (Follow.ANY, (URL,), Voucher.NOBODY, None),
        (Follow.ANY, (DENIED, DENIED), Voucher.NOBODY, Problem.BLOCKED_BY_EGRESS_POLICY),
        (Follow.ANY, (DENIED, URL), Voucher.NOBODY, None),
        (Follow.ANY, ("http://",), Voucher.NOBODY, Problem.UNREACHABLE),
    ],
)
async def test_a_question_that_nobody_may_be_asked_is_refused(
    follow: Follow, urls: tuple[str, ...], vouched_by: Voucher, problem: Problem | None
) -> None:
    """If there is one URL that may be asked, it is not; the problem is that of the first."""
    async with sources(EgressPolicy(follow)) as (by_ocsp, by_crl):
        asked = (
            by_ocsp.refusal(replace(OCSP, urls=urls, vouched_by=vouched_by)),
            by_crl.refusal(replace(CRL, urls=urls, vouched_by=vouched_by)),
        )
    assert [refused and refused.problem for refused in asked] == [problem, problem]


async def test_a_question_weighs_what_its_certificates_do() -> None:
    """Those of an honest server are far from large; 32 KiB in one of them, whichever that is, make it so."""
    filling = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(LARGE_QUESTION))
    large = CA.leaf("name.example", extensions=[filling]).certificate
    async with sources(EgressPolicy()) as (by_ocsp, by_crl):
        assert by_ocsp.weight(OCSP) < LARGE_QUESTION / 4
        assert by_crl.weight(CRL) < LARGE_QUESTION / 4
        added = by_ocsp.weight(replace(OCSP, subject=large)) - by_ocsp.weight(OCSP)
        assert LARGE_QUESTION <= added <= LARGE_QUESTION + 100
        assert by_ocsp.weight(replace(OCSP, issuer=large)) > LARGE_QUESTION
        assert by_crl.weight(replace(CRL, issuer=large)) > LARGE_QUESTION
