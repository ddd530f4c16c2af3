"""What is read of a response beside what the scenarios hold."""

import pytest

from ocsp_exporter.demo import der
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import HOUR
from ocsp_exporter.demo.response import responder_by_key, response_data, signed_response
from ocsp_exporter.model import Problem
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.response import MalformedResponse, Response, parse
from ocsp_exporter.revocation.validation import validate

NOW = 1_800_000_000
CA = Authority.root(NOW)
LEAF = CA.leaf("leaf.example")


def test_a_time_in_the_year_0_is_none() -> None:
    """There is no such year; the same response with a year that there is can be read."""
    time = der.generalized_time(NOW - HOUR)
    data = response_data(responder_by_key(CA.certificate), NOW, [CA.single(LEAF)])
    assert isinstance(parse(signed_response(data, CA.key)), Response)
    with pytest.raises(MalformedResponse) as malformed:
        parse(signed_response(data.replace(time, time[:2] + b"0000" + time[6:]), CA.key))
    assert malformed.value.problem is Problem.MALFORMED


@pytest.mark.parametrize("nocheck", [True, False])
def test_it_is_noted_whether_a_delegate_is_to_be_checked_itself(nocheck: bool) -> None:
    """id-pkix-ocsp-nocheck of the delegate is told; of the issuer itself there is nothing to tell."""
    delegated = CA.answer(LEAF, signer=CA.delegate(nocheck=nocheck))
    own = CA.answer(LEAF)
    facts = [validate(each, LEAF.certificate, CA.certificate, NOW, Policy()).response for each in (delegated, own)]
    assert [each and each.nocheck for each in facts] == [nocheck, None]
