"""What `/probe` knows beside target and module: as blackbox_exporter has it, and who may be asked for."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

import httpx
import pytest
import yaml
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from ocsp_exporter.config import BUILT_IN_MODULES, parse_config, show_module
from ocsp_exporter.config.module_schema import KEYS_OF
from ocsp_exporter.config.module_schema import Module as ModuleKeys
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import (
    AllowedTargets,
    ClientCertificate,
    ExpectedAnswer,
    Failure,
    KnownAnswer,
    Module,
    ProberKind,
    Results,
    Target,
    TargetForbidden,
    TLSSettings,
)
from ocsp_exporter.serving.logs import set_up
from ocsp_exporter.serving.probe_endpoint import ANYTHING, ProbeEndpoint
from ocsp_exporter.serving.probes import Clock
from ocsp_exporter.serving.responses import refusal
from tests.unit.results import GOOD, MODULE, NOW, failed, found

CA = Authority.root(NOW, "Root")
LEAF = CA.leaf("client.example")
PRIVATE = Module(
    "private",
    tls=TLSSettings((CA.certificate,), client_certificate=ClientCertificate((LEAF.certificate,), b"top secret")),
    server_name="www.example.org",
    responder=replace(MODULE.responder, urls=("http://me:s3cret@ocsp.example.org/",)),
)
CRL = Module("crl", prober=ProberKind.CRL, issuers=(CA.certificate,))
OWN = CA.leaf(ocsp_urls=["http://ocsp.example/"]).certificate
RESPONDER = Module("my-responder", ProberKind.RESPONDER, issuers=(CA.certificate,), certificate=OWN)
MODULES = {each.name: each for each in (MODULE, PRIVATE, CRL, RESPONDER)}

_log = logging.getLogger("ocsp_exporter.test")


@dataclass
class Endpoint:
    """The endpoint with a prober that notes what it is asked for, logs it, and waits to be let go where it is slow."""

    allowed: AllowedTargets = ANYTHING
    results: Callable[[Target, Module], Results] = lambda target, module: (
        replace(found(GOOD, target=target), module=module.name),
    )
    asked: list[tuple[Target, Module]] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def probe(self, target: Target, module: Module, _limit: float | None = None, /) -> Results:
        """Give the results."""
        self.asked.append((target, module))
        self.begun.set()
        _log.debug("looking", extra={"fields": {"target": target.name}})
        if target.name == "slow":
            await self.let_go.wait()
            await asyncio.create_task(self._log_late(target))
        return self.results(target, module)

    async def _log_late(self, target: Target) -> None:
        _log.debug("looking still", extra={"fields": {"target": target.name}})

    async def get(self, query: str) -> httpx.Response:
        """Ask for a probe."""
        clock = Clock(wall=lambda: NOW)
        endpoint = ProbeEndpoint(self.probe, MODULES, concurrency=9, clock=clock, allowed=self.allowed)
        app = Starlette(routes=[Route("/probe", endpoint.respond)], exception_handlers={HTTPException: refusal})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://exporter") as client:
            return await client.get(f"/probe?{query}", headers={"x-prometheus-scrape-timeout-seconds": "5"})


async def test_debug() -> None:
    """The page has blackbox_exporter's three parts: the log of this probe, its metrics, and the module in effect."""
    response = await Endpoint().get("target=a.example&module=private&debug=true")
    log, metrics, module = response.text.split("\n\n\n\n")

    assert (response.status_code, response.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    heading, *lines = log.splitlines()
    assert heading == "Logs for the probe:"
    assert [line.partition(" level=debug ")[2] for line in lines] == [
        'msg="probe begins" target=a.example module=private timeout=4.5',
        "msg=looking target=a.example",
        'msg="target probed" target=a.example module=private state="staple=good" duration=0.25',
    ]
    assert metrics.startswith("Metrics that would have been returned:\n# HELP ocsp_probe_success ")
    assert '\nocsp_probe_success{target="a.example",module="private"} 1\n' in metrics
    assert module.startswith("Module configuration:\nprober: tls\n")
    assert "s3cret" not in response.text
    assert "top secret" not in response.text


async def test_debug_tells_of_one_probe_only() -> None:
    """Of two at the same time each has its own log, with what its tasks say, and a third is in neither."""
    endpoint = Endpoint()
    slow = asyncio.create_task(endpoint.get("target=slow&debug=true"))
    await endpoint.begun.wait()
    quick = await endpoint.get("target=quick&debug=true")
    await endpoint.get("target=other")
    endpoint.let_go.set()

    for name, response, lines in (("slow", await slow, 4), ("quick", quick, 3)):
        log = response.text.partition("\n\n\n")[0].splitlines()[1:]
        assert [f" target={name}" in line for line in log] == [True] * lines
    assert "looking still" in (await slow).text


async def test_debug_changes_nothing_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """What is collected for the page at debug is logged at the level that was asked for, and afterwards not made."""
    root, house = logging.getLogger(), logging.getLogger("ocsp_exporter")
    handlers, level = root.handlers[:], root.level
    try:
        set_up("info", "logfmt")
        assert "looking" in (await Endpoint().get("target=a.example&debug=true")).text
        assert not _log.isEnabledFor(logging.DEBUG)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    assert (house.handlers, house.level) == ([], logging.NOTSET)
    assert capsys.readouterr().err == ""


async def test_debug_of_what_is_wrong() -> None:
    """A target that cannot be looked at is told like any other; a request that makes no sense is refused as ever."""
    endpoint = Endpoint(results=lambda target, _: (failed(Failure.REFUSED, target=target, detail="nobody there"),))
    response = await endpoint.get("target=a.example&debug=true")

    assert 'state="failed=refused" detail="nobody there"' in response.text
    assert 'ocsp_probe_failure{target="a.example",module="tls",failure="refused"} 1' in response.text
    assert (await endpoint.get("target=a:b&debug=true")).status_code == 400


async def test_unknown_parameters_are_ignored() -> None:
    """As blackbox_exporter ignores them, so that its users' relabelling works; the debug page tells of them."""
    endpoint = Endpoint()
    response = await endpoint.get("target=a.example&debug=false&prober=http&x=1&x=2&format=prometheus")
    told = await endpoint.get("target=a.example&debug=true&prober=http&x=1&x=2")

    assert response.text.startswith("# HELP ocsp_probe_success ")
    assert 'msg="unknown parameters of /probe are ignored"' in told.text
    assert "parameters=prober,x\n" in told.text


async def test_json() -> None:
    """`format=json` gives the documents of `ocsp-exporter probe --output json`, one for each way of looking."""
    endpoint = Endpoint(
        results=lambda target, _: (
            replace(found(GOOD, target=target), address="192.0.2.1"),
            replace(failed(target=target), address="192.0.2.2"),
        )
    )
    response = await endpoint.get("target=a.example&format=json")
    documents = response.json()["results"]

    assert response.headers["content-type"] == "application/json"
    assert [each["address"] for each in documents] == ["192.0.2.1", "192.0.2.2"]
    assert documents[0]["ocsp"]["status"] == "good"
    assert documents[0]["verdict"]["level"] == "warning"  # its refresh is overdue
    assert documents[1]["failure"] == {"failure": "timeout", "detail": ""}


async def test_hostname() -> None:
    """`hostname` is the name that is asked for and looked for in the certificate, in place of target's and module's."""
    endpoint = Endpoint()
    response = await endpoint.get("target=192.0.2.1:8443&module=private&hostname=B%C3%BCcher.example&debug=true")
    await endpoint.get("target=192.0.2.1:8443&module=private&hostname=")

    assert [module.server_name for _, module in endpoint.asked] == ["xn--bcher-kva.example", "www.example.org"]
    assert [(target.name, target.host) for target, _ in endpoint.asked] == [("192.0.2.1:8443", "192.0.2.1")] * 2
    assert "  server_name: xn--bcher-kva.example\n" in response.text
    assert 'target="192.0.2.1:8443",module="private"' in response.text


async def test_hostname_of_what_has_no_name() -> None:
    """A CRL is asked for by its URL."""
    response = await Endpoint().get("target=http://ca.example/ca.crl&module=crl&hostname=ca.example")

    assert response.status_code == 400
    assert response.text == "Parameter hostname is of no use with the prober crl; leave it out.\n"


NETWORKS = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))


@pytest.mark.parametrize(
    ("names", "target", "is_allowed"),
    [
        ((), "example.org", False),
        (("example.org",), "example.org", True),
        (("example.org",), "https://EXAMPLE.org.:8443/path", True),
        (("example.org",), "example.org.evil.example", False),
        (("example.org",), "notexample.org", False),
        (("*.example.org",), "a.b.example.org", True),
        (("*.example.org",), "example.org", False),
        (("mx?.example.org",), "mx1.example.org", True),
        (("mx?.example.org",), "mx10.example.org", False),
        (("xn--bcher-kva.example",), "b\u00fccher.example", True),
        (("*",), "anything", True),
        (("*",), "10.0.0.1", False),
        (("*",), "[2001:db8::1]:443", False),
        (("*:db8::a",), "2001:db8::a", False),
    ],
)
async def test_names_that_are_allowed(names: tuple[str, ...], target: str, *, is_allowed: bool) -> None:
    """A target of such a name is looked at wherever it is; any other one within the networks, or not at all."""
    with_networks = Endpoint(AllowedTargets(names, NETWORKS))
    assert (await with_networks.get(f"target={target}")).status_code == 200
    assert with_networks.asked[0][0].within == (None if is_allowed else NETWORKS)
    if names:
        by_name = Endpoint(AllowedTargets(names))
        response = await by_name.get(f"target={target}")
        assert response.status_code == (200 if is_allowed else 403)
        assert bool(by_name.asked) is is_allowed
        if not is_allowed:
            assert response.text.endswith(" is not in probe_endpoint.allow_targets.\n")


async def test_whatever_is_asked_for_is_allowed_by_default() -> None:
    """Without an entry there are no bounds."""
    endpoint = Endpoint()
    await endpoint.get("target=10.0.0.1")
    assert endpoint.asked[0][0].within is None


@pytest.mark.parametrize(
    ("query", "is_clients"),
    [("target=a.example", True), ("target=192.0.2.1", True), ("module=my-responder", False)],
)
async def test_what_a_client_names_is_known_to_be_his(query: str, *, is_clients: bool) -> None:
    """What the module itself names is the operator's, whoever asks."""
    endpoint = Endpoint(AllowedTargets(("a.example",), NETWORKS))
    assert (await endpoint.get(query)).status_code == 200
    [(target, _)] = endpoint.asked
    assert target.is_clients is is_clients


async def test_what_is_allowed_after_a_reload() -> None:
    """What the new configuration allows holds for the next request."""
    endpoint = ProbeEndpoint(Endpoint().probe, MODULES, concurrency=9, clock=Clock(wall=lambda: NOW))
    app = Starlette(routes=[Route("/probe", endpoint.respond)], exception_handlers={HTTPException: refusal})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://exporter") as client:
        before = await client.get("/probe?target=example.org")
        endpoint.use(MODULES, concurrency=9, allowed=AllowedTargets(("other.example",)))
        after = await client.get("/probe?target=example.org")
    assert (before.status_code, after.status_code) == (200, 403)


async def test_target_whose_addresses_are_forbidden() -> None:
    """What the prober refuses is 403 with its sentence."""

    def refuse(_target: Target, _module: Module) -> Results:
        raise TargetForbidden("Not this one.")

    response = await Endpoint(AllowedTargets((), NETWORKS), refuse).get("target=example.org&debug=true")
    assert (response.status_code, response.text) == (403, "Not this one.\n")


def test_a_module_is_shown_by_the_keys_of_the_configuration() -> None:
    """Each key that means something to the prober is there, as it is in effect, and no secret is."""
    shown = yaml.safe_load(show_module(PRIVATE))
    schema = ModuleKeys.model_json_schema()
    assert shown.keys() == KEYS_OF[ProberKind.TLS] < schema["properties"].keys()
    for section, kind in (
        ("tls_config", "TLSConfig"),
        ("staple", "Staple"),
        ("responder", "Responder"),
        ("crl", "CRL"),
    ):
        assert shown[section].keys() == schema["$defs"][kind]["properties"].keys()
    assert shown["timeout"] == "10s"
    assert shown["tls_config"]["ca_file"] == ["CN=Root"]
    assert (shown["tls_config"]["cert_file"], shown["tls_config"]["key_file"]) == (["CN=client.example"], "<secret>")
    assert shown["responder"]["urls"] == ["http://***@ocsp.example.org/"]

    assert yaml.safe_load(show_module(CRL)).keys() == KEYS_OF[ProberKind.CRL]

    known = (KnownAnswer(0x1234, ExpectedAnswer.REVOKED),)
    responder = Module("r", ProberKind.RESPONDER, issuers=(CA.certificate,), known_answers=known)
    shown = yaml.safe_load(show_module(replace(responder, certificate=LEAF.certificate)))
    assert shown.keys() == KEYS_OF[ProberKind.RESPONDER]
    assert (shown["certificate_file"], shown["issuer_file"]) == ("CN=client.example", ["CN=Root"])
    assert shown["known_answers"] == [{"serial": "0x1234", "expect": "revoked"}]
    assert shown["profile"] == "private"


def test_a_module_without_files_is_shown_as_it_could_be_written() -> None:
    """What is shown of a built-in module is a configuration of that module."""
    for name, module in BUILT_IN_MODULES.items():
        shown = yaml.safe_load(show_module(module))
        assert shown.pop("issuer_file") == []
        text = json.dumps({"modules": {name: shown}})
        assert parse_config(text, "f.yaml", None).modules[name] == module  # type: ignore[arg-type]  # names no files
