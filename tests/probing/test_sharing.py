"""Who is asked how often, however many targets there are: counted where the requests arrive."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from ocsp_exporter.demo.endpoints import Endpoint
from ocsp_exporter.demo.http import build_app, serve_http
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.demo.responder import Responder
from ocsp_exporter.model import Module, RequestMethod, ResponderSettings, Target
from ocsp_exporter.probing.opening import open_prober
from ocsp_exporter.probing.probe import Prober
from tests.probing.scene import CA, HERE, MODULE, NOW, as_crl, as_response, published, scene, serving

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


@dataclass
class Asked:
    """The CA's own servers, where they are and how often which of them was asked."""

    url: str = ""
    ocsp: int = 0
    crl: int = 0
    issued: dict[int, None] = field(default_factory=dict)

    def of(self, app: ASGIApp) -> ASGIApp:
        """Count the requests to an application."""

        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] == "/ca.crl":
                self.crl += 1
            else:
                self.ocsp += 1
            await app(scope, receive, send)

        return counting


@contextlib.asynccontextmanager
async def certificates(number: int) -> AsyncIterator[tuple[Asked, list[Target]]]:
    """Run so many endpoints, each with a certificate of its own, all of which name the same responder and CRL."""
    asked = Asked()
    listener = listen("127.0.0.1")
    asked.url = f"http://127.0.0.1:{port_of(listener)}"
    app = build_app(Responder(CA, asked.issued, lambda: NOW), CA.certificate)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(serve_http(asked.of(app), listener))
        targets = []
        for _ in range(number):
            leaf = CA.leaf(ocsp_urls=[f"{asked.url}/ocsp"], crl_urls=[f"{asked.url}/ca.crl"])
            asked.issued[leaf.certificate.serial_number] = None
            targets.append(await stack.enter_async_context(serving(Endpoint(leaf))))
        yield asked, targets


async def test_many_certificates_of_a_ca_are_one_request_for_its_crl() -> None:
    """And one each to its responder."""
    async with certificates(30) as (asked, targets), open_prober(HERE) as prober:
        for _ in range(2):
            said = await asyncio.gather(*(says(prober, target) for target in targets))
            assert said == [("good", "good")] * 30
        assert (asked.ocsp, asked.crl) == (30, 1)


async def test_to_wait_for_ones_turn_is_no_problem_and_no_failure() -> None:
    """With more certificates than the host may be asked about at once, some have no status yet; soon all have."""
    policy = replace(HERE, requests_per_second_per_host=60.0)
    async with certificates(60) as (asked, targets), open_prober(policy, patience=0.2) as prober:
        first = await asyncio.gather(*(says(prober, target) for target in targets))
        assert {word for said in first for word in said} == {"good", "none"}
        async with asyncio.timeout(PATIENCE):
            while True:
                said = await asyncio.gather(*(says(prober, target) for target in targets))
                assert {word for pair in said for word in pair} <= {"good", "none"}
                if said == [("good", "good")] * 60:
                    break
        assert (asked.ocsp, asked.crl) == (60, 1)


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
