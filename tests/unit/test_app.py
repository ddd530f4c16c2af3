import asyncio
import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from ocsp_exporter.config import DEFAULT_CONFIG, ConfigError, Fault
from ocsp_exporter.config.target_groups import read_json_groups
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import (
    EgressPolicy,
    Failure,
    Module,
    ProberKind,
    Target,
)
from ocsp_exporter.serving.discovery.selecting import Usual, select
from ocsp_exporter.serving.probe_endpoint import time_limit
from tests.unit.exporter import MODULES, Exporter, values
from tests.unit.results import GOOD, NOW, failed, found, scheduled


async def test_metrics() -> None:
    """`/metrics` has the workers' results with their labels, and the exporter's own metrics."""
    target = replace(scheduled("good.example"), labels=(("team", "web"),))
    exporter = Exporter(target, good_example=found(GOOD))
    async with exporter.probing():
        await exporter.until(lambda: exporter.scheduler.first_round_done)
    response = await exporter.get("/metrics", accept_encoding="identity")
    series = values(response)

    labels = {"target": "good.example", "module": "tls", "team": "web"}
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert response.headers["content-length"] == str(len(response.content))
    assert series["ocsp_probe_interval_seconds", frozenset(labels.items())] == 60
    assert series["ocsp_exporter_probes_total", frozenset({("module", "tls")})] == 1
    assert series["ocsp_exporter_probes_total", frozenset({("module", "strict")})] == 0


@pytest.mark.parametrize("path", ["/metrics", "/probe?target=good.example"])
async def test_negotiation(path: str) -> None:
    """Both pages come in the format and encoding asked for, and a header that makes no sense is no error."""
    exporter = Exporter(good_example=found(GOOD))
    openmetrics = await exporter.get(path, accept="application/openmetrics-text", accept_encoding="gzip")
    text = await exporter.get(path, accept="text/plain", accept_encoding="gzip;q=0")
    nonsense = await exporter.get(path, accept=";;=q,\x7f version=abc", accept_encoding=";q=;")

    assert openmetrics.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert openmetrics.headers["content-encoding"] == "gzip"
    assert openmetrics.text.endswith("# EOF\n")
    assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "content-encoding" not in text.headers
    assert (nonsense.status_code, nonsense.headers["content-type"]) == (200, text.headers["content-type"])


async def test_two_accept_headers() -> None:
    """A header that comes in two lines is read as one."""
    exporter = Exporter()
    headers = [("accept", "text/plain;q=0.1"), ("accept", "application/openmetrics-text")]
    response = await exporter.client.get("/metrics", headers=headers)

    assert response.headers["content-type"].startswith("application/openmetrics-text")


async def test_gzip_on_the_wire() -> None:
    """The gzipped page is gzip indeed, of the length announced."""
    exporter = Exporter()
    async with exporter.client.stream("GET", "/metrics", headers={"accept-encoding": "gzip"}) as response:
        raw = b"".join([chunk async for chunk in response.aiter_raw()])

    assert gzip.decompress(raw).startswith(b"# HELP ")
    assert response.headers["content-length"] == str(len(raw))
    assert "Accept-Encoding" in response.headers["vary"]


async def test_probe() -> None:
    """`/probe` publishes one result with target and module only, and counts in the exporter's own metrics."""
    exporter = Exporter(good_example=found(GOOD))
    response = await exporter.get("/probe?target=good.example&module=strict")
    names = {labels for name, labels in values(response) if name == "ocsp_probe_success"}

    assert response.status_code == 200
    assert names == {frozenset({("target", "good.example"), ("module", "strict")})}
    assert "ocsp_probe_interval_seconds" not in response.text
    assert "ocsp_exporter_" not in response.text
    assert await exporter.own("ocsp_exporter_probes_total", module="strict") == 1
    assert "target=" not in (await exporter.get("/metrics")).text


async def test_probe_of_a_target_that_fails() -> None:
    """A target that cannot be looked at is no error of `/probe`: 200, success 0, and the failure counts."""
    exporter = Exporter(refusing_example=failed(Failure.REFUSED))
    response = await exporter.get("/probe?target=refusing.example")
    labels = frozenset({("target", "refusing.example"), ("module", "tls")})

    assert response.status_code == 200
    assert values(response)["ocsp_probe_success", labels] == 0
    assert await exporter.own("ocsp_exporter_probe_failures_total", module="tls", failure="refused") == 1


@pytest.mark.parametrize("module", ["", "&module=", "&module=tls"])
async def test_default_module(module: str) -> None:
    """Without a module it is `tls`."""
    exporter = Exporter(good_example=found(GOOD))

    assert 'module="tls"' in (await exporter.get(f"/probe?target=good.example{module}")).text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "Parameter target is missing: ask for /probe?target=HOST:PORT."),
        ("?target=", "Parameter target is missing: ask for /probe?target=HOST:PORT."),
        ("?module=tls", "Parameter target is missing: ask for /probe?target=HOST:PORT."),
        (
            "?target=a:b",
            (
                'target "a:b": the port must be a number from 1 to 65535, without leading zeros; accepted are HOST, '
                "HOST:PORT and [IPv6]:PORT, with or without https://, tls:// or a protocol such as smtp:// in front"
            ),
        ),
        ("?target=a&module=nope", "Unknown module 'nope': known are strict, tls."),
        ("?target=a&target=b", "Parameter target was given more than once; give it once."),
        ("?target=a&module=tls&module=tls", "Parameter module was given more than once; give it once."),
        ("?target=a&debug=1", "Parameter debug is true or false, not '1'."),
        ("?target=a&format=yaml", "Parameter format is prometheus or json, not 'yaml'."),
        ("?target=a&format=debug", "Parameter format is prometheus or json, not 'debug'."),
        (
            "?target=a&debug=true&format=json",
            "Parameters debug and format=json ask for different pages; give one of them.",
        ),
        ("?target=a&hostname=a&hostname=b", "Parameter hostname was given more than once; give it once."),
        ("?target=a&hostname=a_b:443", 'Parameter hostname "a_b:443": that is not an IPv6 address.'),
        ("?target=a&hostname=a%20b", 'Parameter hostname "a b": that is not a host name or an IP address.'),
        ("?target=a&module=%0D%0Ax%3Cscript%3E", "Unknown module '\\r\\nx<script>': known are strict, tls."),
    ],
)
async def test_bad_requests(query: str, sentence: str) -> None:
    """What is wrong with a request is said in one line of plain text, and nothing is probed."""
    exporter = Exporter()
    response = await exporter.get(f"/probe{query}")

    assert (response.status_code, response.text) == (400, f"{sentence}\n")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert exporter.limits == []


@pytest.mark.parametrize("prober", [ProberKind.CRL, ProberKind.FILE])
@pytest.mark.parametrize("target", ["/etc/passwd", "/etc/*", "/**", "%2Fetc%2Fpasswd"])
async def test_no_file_is_read_for_a_request(prober: ProberKind, target: str) -> None:
    """Whoever may ask for /probe must not be able to read the files of this machine."""
    exporter = Exporter()
    exporter.endpoint.modules = {"files": Module("files", prober)}
    response = await exporter.get(f"/probe?target={target}&module=files")

    assert (response.status_code, exporter.limits) == (400, [])
    no_path = "Files are looked at only where the configuration names them as targets.\n"
    assert response.text == no_path


async def test_a_responder_need_not_be_named_where_its_certificate_names_it() -> None:
    """Then the target may be empty or missing, and nothing but a URL can be given; elsewhere it cannot be empty."""
    authority = Authority.root(NOW)
    named = authority.leaf(ocsp_urls=["http://ocsp.example/"]).certificate
    exporter = Exporter()
    exporter.results[""] = found(GOOD, target=Target("", "ocsp.example", 80))
    for certificate, query, status in (
        (named, "", 200),
        (named, "target=&", 200),
        (named, "target=ocsp.example&", 400),
        (authority.leaf().certificate, "target=&", 400),
    ):
        module = Module("my-responder", ProberKind.RESPONDER, certificate=certificate)
        exporter.endpoint.modules = {"my-responder": module}
        assert (await exporter.get(f"/probe?{query}module=my-responder")).status_code == status


@pytest.mark.parametrize(
    ("header", "limit"),
    [
        ("10", 9.5),
        ("1.5", 1.0),
        ("1", 0.5),
        ("0.4", 0.2),
        ("0.001", 0.0005),
        ("", None),
        ("abc", None),
        ("-3", None),
        ("0", None),
        ("nan", None),
        ("inf", None),
        ("1e400", None),
    ],
)
def test_time_limit(header: str, limit: float | None) -> None:
    """A probe has half a second less than Prometheus waits, at least half of it; nonsense limits nothing."""
    assert time_limit(header) == limit


async def test_time_limit_of_a_request() -> None:
    """The prober is told the limit that comes from Prometheus's header."""
    exporter = Exporter(good_example=found(GOOD))
    await exporter.get("/probe?target=good.example", x_prometheus_scrape_timeout_seconds="5")
    await exporter.get("/probe?target=good.example")

    assert exporter.limits == [4.5, None]


async def test_probes_at_once() -> None:
    """Beyond the limit the answer is 503 with Retry-After; when one has ended there is room again."""
    exporter = Exporter(concurrency=2)
    first = [asyncio.create_task(exporter.get(f"/probe?target={name}")) for name in ("a", "b")]
    await exporter.until(lambda: exporter.running == {"a", "b"})
    refused = await exporter.get("/probe?target=c")
    assert await exporter.own("ocsp_exporter_probes_in_flight") == 2
    exporter.release.set()

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.text.startswith("2 probes are running for /probe already")
    assert [(await each).status_code for each in first] == [200, 200]
    assert (await exporter.get("/probe?target=c")).status_code == 200
    assert await exporter.own("ocsp_exporter_probes_in_flight") == 0


async def test_client_that_leaves() -> None:
    """A client that leaves takes its probe with it, and its place is free again."""
    exporter = Exporter(concurrency=1)
    messages = asyncio.Queue[dict[str, object]]()
    await messages.put({"type": "http.request", "body": b"", "more_body": False})
    scope = {"type": "http", "method": "GET", "path": "/probe", "query_string": b"target=a", "headers": []}

    async def send(_message: object) -> None:
        pass

    request = asyncio.create_task(exporter.app(scope, messages.get, send))
    await exporter.until(lambda: exporter.running == {"a"})
    await messages.put({"type": "http.disconnect"})
    await request

    assert exporter.running == set()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    exporter.release.set()
    assert (await exporter.get("/probe?target=a")).status_code == 200
    assert await exporter.own("ocsp_exporter_probes_in_flight") == 0


@pytest.mark.parametrize("is_closed_first", [True, False])
async def test_client_that_leaves_at_the_end(is_closed_first: bool) -> None:
    """A client that leaves while the exporter ends is one whose probe ends, and no error."""
    exporter = Exporter()
    messages = asyncio.Queue[dict[str, object]]()
    scope = {"type": "http", "method": "GET", "path": "/probe", "query_string": b"target=a", "headers": []}
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    request = asyncio.create_task(exporter.app(scope, messages.get, send))
    await exporter.until(lambda: exporter.running == {"a"})
    if is_closed_first:
        exporter.endpoint.close()
    await messages.put({"type": "http.disconnect"})
    await asyncio.sleep(0)
    exporter.endpoint.close()
    await request

    assert exporter.running == set()
    assert len(sent) == 2


async def test_request_that_is_cancelled() -> None:
    """Whoever cancels the request itself, as the end of the loop does, is obeyed, and not answered."""
    exporter = Exporter()
    waiting = asyncio.create_task(exporter.get("/probe?target=a"))
    await exporter.until(lambda: exporter.running == {"a"})
    waiting.cancel()
    await asyncio.wait({waiting})

    assert waiting.cancelled()
    assert exporter.running == set()
    assert await exporter.own("ocsp_exporter_probes_in_flight") == 0


async def test_closed() -> None:
    """When the exporter ends, those who wait for a probe are told so at once, and those who come then as well."""
    exporter = Exporter()
    waiting = asyncio.create_task(exporter.get("/probe?target=a"))
    await exporter.until(lambda: exporter.running == {"a"})
    exporter.endpoint.close()

    for response in (await waiting, await exporter.get("/probe?target=b")):
        assert (response.status_code, response.text) == (503, "The exporter is shutting down.\n")
    assert exporter.running == set()


async def test_healthy() -> None:
    """It is healthy as soon as it answers."""
    response = await Exporter(scheduled("a")).get("/-/healthy")

    assert (response.status_code, response.text) == (200, "ocsp_exporter is healthy.\n")


async def test_ready_after_the_first_round() -> None:
    """It is ready when every target has been probed, and stays so when targets come."""
    exporter = Exporter(scheduled("one.example"), scheduled("slow"), one_example=found(GOOD))
    async with exporter.probing():
        await exporter.until(lambda: len(exporter.scheduler.publications()) == 1)
        before = await exporter.get("/-/ready")
        exporter.release.set()
        await exporter.until(lambda: len(exporter.scheduler.publications()) == 2)
        after = await exporter.get("/-/ready")
        exporter.scheduler.update([scheduled("new")])
        later = await exporter.get("/-/ready")

    assert (before.status_code, before.text) == (503, "Not ready: the first round of all targets is under way.\n")
    assert (after.status_code, after.text) == (200, "ocsp_exporter is ready.\n")
    assert later.status_code == 200


async def test_ready_after_a_minute() -> None:
    """A first round that does not end keeps it from being ready for 60 seconds and not longer."""
    exporter = Exporter(scheduled("slow"))
    exporter.now = 59.9
    before = await exporter.get("/-/ready")
    exporter.now = 60.0

    assert before.status_code == 503
    assert (await exporter.get("/-/ready")).status_code == 200


async def test_ready_without_targets() -> None:
    """Without targets it is ready at once."""
    assert (await Exporter().get("/-/ready")).status_code == 200


async def test_ready_after_discovery() -> None:
    """Before every source of targets has answered it is not known which targets the first round has."""
    exporter = Exporter()
    exporter.has_discovered = False
    exporter.now = 3600.0
    response = await exporter.get("/-/ready")
    exporter.has_discovered = True

    assert (response.status_code, response.text) == (
        503,
        "Not ready: files or URLs that list targets have not been read yet.\n",
    )
    assert (await exporter.get("/-/ready")).status_code == 200


async def test_targets_for_prometheus() -> None:
    """`/sd` groups the targets by module and labels, with all that Prometheus needs to have them probed."""
    team = (("area", 'a"ä'), ("team", "web"))
    exporter = Exporter(
        scheduled("one:443"),
        replace(scheduled("two"), labels=team),
        scheduled("smtp://three", interval=5.0),
        replace(scheduled("four"), labels=team),
        replace(scheduled("five"), module=MODULES["strict"]),
        replace(scheduled("/ca.crl"), target=Target("/ca.crl", "", 0, location="/ca.crl")),
    )
    response = await exporter.get("/sd")

    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert response.json() == [
        {"targets": ["one:443", "smtp://three"], "labels": {"__param_module": "tls"}},
        {"targets": ["two", "four"], "labels": {"__param_module": "tls", "area": 'a"ä', "team": "web"}},
        {"targets": ["five"], "labels": {"__param_module": "strict"}},
    ]
    assert (await Exporter().get("/sd")).json() == []


async def test_what_is_served_can_be_discovered() -> None:
    """`/sd` is a list as the exporter reads it itself: another one can follow it."""
    targets = (scheduled("one:443"), replace(scheduled("two"), labels=(("team", "web"),), interval=5.0))
    document = (await Exporter(*targets).get("/sd")).text
    found = select(read_json_groups(document, "sd"), Usual("other", 5.0, files=False), MODULES)

    assert found.omitted == frozenset()
    assert [(each.target.name, each.module, each.labels) for each in found.targets] == [
        (each.target.name, each.module, each.labels) for each in targets
    ]


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_reload(method: str) -> None:
    """It says that the configuration came into force, and what of it did not."""
    exporter = Exporter()
    response = await exporter.client.request(method, "/-/reload")
    assert (response.status_code, response.text) == (200, "The configuration was loaded.\n")

    exporter.loaded = replace(DEFAULT_CONFIG, store_path=Path("/store"), egress=EgressPolicy(denied=()))
    response = await exporter.client.request(method, "/-/reload")
    later = "has changed: it takes effect when the exporter is started again, and not before."
    assert response.status_code == 200
    assert response.text == f"The configuration was loaded.\nstore {later}\negress {later}\n"
    assert exporter.used[-1] == exporter.loaded


async def test_reload_of_faults() -> None:
    """They are answered and logged, nothing changes, and the metrics say so until there is a good configuration."""
    exporter = Exporter()
    good = exporter.loaded
    exporter.loaded = ConfigError((Fault("c.yaml", 1, 2, "probe", "bad"), Fault("c.yaml", 3, 4, "", "<worse>")))
    response = await exporter.client.post("/-/reload")

    assert (response.status_code, response.headers["content-type"]) == (500, "text/plain; charset=utf-8")
    assert response.text == (
        "The configuration has faults, and the running one stays:\nc.yaml:1:2: probe: bad\nc.yaml:3:4: <worse>\n"
    )
    assert exporter.used == []
    assert await exporter.own("ocsp_exporter_config_last_reload_successful") == 0

    exporter.loaded, exporter.now = good, 7.0
    assert (await exporter.client.post("/-/reload")).status_code == 200
    assert await exporter.own("ocsp_exporter_config_last_reload_successful") == 1
    assert await exporter.own("ocsp_exporter_config_last_reload_success_timestamp_seconds") == NOW + 7


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://exporter"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://proxy.example.org"}, 200),
        ({"Origin": "http://exporter"}, 200),
        ({"Origin": "http://exporter:81"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[exporter"}, 403),
        ({"Origin": ""}, 403),
    ],
)
async def test_reload_by_a_page_of_another_site(headers: dict[str, str], status: int) -> None:
    """Where the browser says that it is one, nothing is loaded; programs, which say nothing, are not in question."""
    exporter = Exporter()
    response = await exporter.client.post("/-/reload", headers=headers)

    assert response.status_code == status
    assert len(exporter.used) == (status == 200)
    if status == 403:
        assert response.text == "A page of another site asks for this, which only pages of this one may.\n"


async def test_reload_by_get() -> None:
    """A page that is only looked at changes nothing."""
    exporter = Exporter()
    response = await exporter.get("/-/reload")

    assert (response.status_code, sorted(response.headers["allow"].split(", "))) == (405, ["POST", "PUT"])
    assert exporter.used == []


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/-/reload/", "/style.css/../app.py"])
async def test_unknown_paths(path: str) -> None:
    """What there is not is 404."""
    assert (await Exporter().get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/", "/metrics", "/probe?target=a", "/-/healthy", "/sd"])
async def test_methods(path: str) -> None:
    """The endpoints are for reading: GET and HEAD."""
    exporter = Exporter(a=found(GOOD))

    assert (await exporter.client.post(path)).status_code == 405
    assert (await exporter.client.head(path)).status_code == 200


async def test_probe_of_variants() -> None:
    """`/probe` publishes all results of its one probe."""
    exporter = Exporter()
    exporter.variants = {"many": (replace(found(GOOD), address="192.0.2.1"), replace(failed(), address="::1"))}
    series = values(await exporter.get("/probe?target=many"))

    labels = {("target", "many"), ("module", "tls")}
    assert series["ocsp_probe_success", frozenset({*labels, ("address", "192.0.2.1")})] == 1
    assert series["ocsp_probe_success", frozenset({*labels, ("address", "::1")})] == 0
    assert await exporter.own("ocsp_exporter_probes_total", module="tls") == 1
    assert await exporter.own("ocsp_exporter_probe_failures_total", module="tls", failure="timeout") == 1
