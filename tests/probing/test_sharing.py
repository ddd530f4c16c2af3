"""Who is asked how often, however many targets there are: counted where the requests arrive."""

import asyncio
from dataclasses import replace

import pytest

from ocsp_exporter.model import Module, RequestMethod, ResponderSettings, Target
from ocsp_exporter.probing.opening import open_prober
from ocsp_exporter.probing.probe import Prober
from tests.probing.certificates import certificates
from tests.probing.scene import HERE, MODULE, as_crl, as_response, published, scene

PATIENCE = 30.0


async def says(prober: Prober, target: Target, module: Module = MODULE) -> tuple[str, str]:
    """Look at a target, and give what is said of responder and CRL."""
    page = published(await prober.probe(target, module))
    return page.says("responder"), page.says("crl")


async def test_many_targets_of_a_certificate_are_one_request() -> None:
    """Two hundred targets, all at once and then again, ask its responder once, and once for its CRL."""
    async with (
        scene(responder=[lambda ca, leaf: as_response(ca.answer(leaf))], crl=[lambda ca, _: as_crl(ca.crl())]) as found,
        open_prober(HERE) as prober,
    ):
        targets = [replace(found.target, name=f"name-{number}.example:443") for number in range(200)]
        for _ in range(2):
            said = await asyncio.gather(*(says(prober, target) for target in targets))
            assert said == [("good", "good")] * 200
    assert found.sources.requests == (1, 1)


async def test_many_certificates_of_a_ca_are_one_request_for_its_crl() -> None:
    """And one each to its responder."""
    async with certificates(30) as found, found.answered_for(), open_prober(HERE) as prober:
        for _ in range(2):
            said = await asyncio.gather(*(says(prober, target) for target in found.targets))
            assert said == [("good", "good")] * 30
        assert (found.ocsp, found.crl) == (30, 1)


async def test_to_wait_for_ones_turn_is_no_problem_and_no_failure() -> None:
    """With more certificates than the host may be asked about at once, some have no status yet; soon all have."""
    policy = replace(HERE, requests_per_second_per_host=60.0)
    async with certificates(60) as found, found.answered_for(), open_prober(policy, patience=0.2) as prober:
        first = await asyncio.gather(*(says(prober, target) for target in found.targets))
        assert "none" in {word for said in first for word in said} <= {"good", "none"}
        async with asyncio.timeout(PATIENCE):
            while True:
                said = await asyncio.gather(*(says(prober, target) for target in found.targets))
                assert {word for pair in said for word in pair} <= {"good", "none"}
                if said == [("good", "good")] * 60:
                    break
        assert (found.ocsp, found.crl) == (60, 1)


@pytest.mark.parametrize(
    ("other", "requests"),
    [
        (replace(MODULE, name="other", clock_skew=1.0), 1),
        (replace(MODULE, name="other", responder=ResponderSettings(refresh=600.0, timeout=1.0)), 1),
        (replace(MODULE, name="other", responder=ResponderSettings(nonce=True)), 2),
        (replace(MODULE, name="other", responder=ResponderSettings(method=RequestMethod.POST)), 2),
    ],
)
async def test_modules_share_what_they_ask_in_the_same_way(other: Module, requests: int) -> None:
    """How they judge it, and how long they would wait for it, makes no difference to the one who is asked."""
    async with (
        scene(responder=[lambda ca, leaf: as_response(ca.answer(leaf))]) as found,
        open_prober(HERE) as prober,
    ):
        for module in (MODULE, other, MODULE):
            assert (await found.look(prober, module)).says("responder") == "good"
    assert found.sources.requests == (requests, 0)
