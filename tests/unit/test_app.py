import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import (
    Failure,
    KeyType,
    Module,
    ProbeResult,
    ProberKind,
    Problem,
    Reason,
    Results,
    Revocation,
    ScheduledTarget,
    Status,
    Target,
)
from ocsp_exporter.serving.app import create_app
from ocsp_exporter.serving.exposition import MetricsPage
from ocsp_exporter.serving.instruments import Instruments
from ocsp_exporter.serving.probe_endpoint import ProbeEndpoint, time_limit
from ocsp_exporter.serving.probes import Clock, counted
from ocsp_exporter.serving.scheduler import Scheduler
from tests.unit.results import FINDINGS, GOOD, MISSING, MODULE, NOW, failed, found, scheduled

MODULES = {"tls": MODULE, "strict": replace(MODULE, name="strict")}


class Exporter:
    """The exporter without sockets: a clock that is set by hand, and a prober that gives what `results` says.

    Of a target without a result the probe goes on until `release` is set.
    """

    def __init__(self, *targets: ScheduledTarget, concurrency: int = 512, **results: ProbeResult) -> None:
        self.now = 0.0
        self.results = {name.replace("_", "."): result for name, result in results.items()}
        self.variants: dict[str, Results] = {}
        self.limits: list[float | None] = []
        self.running: set[str] = set()
        self.release = asyncio.Event()
        clock = Clock(wall=lambda: NOW + self.now, monotonic=lambda: self.now)
        self.instruments = Instruments(MODULES)
        probe = counted(self.probe, self.instruments)
        self.scheduler = Scheduler(probe, concurrency=100, clock=clock)
        self.scheduler.update(targets)
        self.endpoint = ProbeEndpoint(probe, MODULES, concurrency=concurrency, clock=clock)
        page = MetricsPage(self.scheduler.publications, self.instruments.registry, clock.wall)
        self.app: Starlette = create_app(page, self.scheduler, self.endpoint, clock)
        transport = httpx.ASGITransport(self.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://exporter")

    async def probe(self, target: Target, module: Module, limit: float | None = None, /) -> Results:
        """Give the result that was laid down for the target."""
        self.limits.append(limit)
        self.running.add(target.name)
        try:
            if target.name == "fault":
                raise ZeroDivisionError
            if target.name not in {**self.results, **self.variants}:
                await self.release.wait()
        finally:
            self.running.discard(target.name)
        results = self.variants.get(target.name) or (self.results.get(target.name, found(GOOD)),)
        return tuple(replace(each, target=target, module=module.name) for each in results)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask for a path; underscores in the names of headers stand for hyphens."""
        return await self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def own(self, name: str, **labels: str) -> float | None:
        """Give a value of `/metrics`, None where the series is absent."""
        return values(await self.get("/metrics")).get((name, frozenset(labels.items())))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the others go on until the condition holds."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - the conditions are about several objects
                await asyncio.sleep(0)

    @asynccontextmanager
    async def probing(self) -> AsyncIterator[None]:
        """Run the workers while this is entered, from the moment on at which they have begun."""
        async with asyncio.TaskGroup() as group:
            workers = group.create_task(self.scheduler.run())
            await asyncio.sleep(0)
            yield
            workers.cancel()


def values(response: httpx.Response) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Read a page of metrics."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


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
        ("?target=a&debug=true", "Unknown parameter 'debug': /probe knows target and module."),
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


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/-/reload", "/style.css/../app.py"])
async def test_unknown_paths(path: str) -> None:
    """What there is not is 404."""
    assert (await Exporter().get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/", "/metrics", "/probe?target=a", "/-/healthy"])
async def test_methods(path: str) -> None:
    """The endpoints are for reading: GET and HEAD."""
    exporter = Exporter(a=found(GOOD))

    assert (await exporter.client.post(path)).status_code == 405
    assert (await exporter.client.head(path)).status_code == 200


PAGE = SimpleNamespace(
    good=found(replace(GOOD, this_update=int(NOW) - 600)),
    overdue=found(replace(GOOD, next_update=int(NOW) + 60)),
    ended=found(replace(GOOD, next_update=int(NOW) - 60)),
    revoked=found(
        replace(GOOD, status=Status.REVOKED, revocation=Revocation(1_799_000_000, Reason.KEY_COMPROMISE)),
        compliant=True,
    ),
    missing=found(MISSING, compliant=False),
    expired=found(replace(GOOD, status=Status.INVALID, problems=(Problem.EXPIRED,), next_update=int(NOW) - 7200)),
    failed=failed(detail="no answer within 10 s"),
    silent=found(),  # its certificate names a responder, but it staples nothing and need not
    none=replace(found(), findings=replace(FINDINGS, evidence=(), applicability=())),
)


async def test_status_page() -> None:
    """The page lists the targets, the worst first, with a word for everything that is a colour or a bar."""
    exporter = Exporter(*(scheduled(name) for name in vars(PAGE)), **vars(PAGE))
    async with exporter.probing():
        await exporter.until(lambda: exporter.scheduler.first_round_done)
    exporter.scheduler.update([scheduled(name) for name in (*vars(PAGE), "waiting")])
    page = (await exporter.get("/")).text

    names = [line.split("<bdi>")[1].split("<")[0] for line in page.splitlines() if line.startswith('<th scope="row">')]
    assert names == [
        *("expired", "revoked", "missing", "failed", "ended", "overdue", "waiting", "good"),
        *("silent", "none"),
    ]
    rows = dict(zip(names, page.split("<tr>\n")[1:], strict=True))
    for name, texts in {
        "expired": ("critical", "expired", "2 h ago"),
        "revoked": ("critical", "compliant", "in 59 min 59 s"),
        "missing": ("critical", "violated"),
        "failed": ("failed", "timeout"),
        "ended": ("warning", "1 min ago"),
        "overdue": ("warning", "in 59 s"),
        "waiting": ("waiting", "not yet"),
        "good": ("ok", "in 59 min 59 s", "1 s ago"),
        "silent": ("nothing known",),
        "none": ("not applicable",),
    }.items():
        for text in texts:
            assert f">{text}<" in rows[name]
    assert "The certificate is revoked since 2027-01-03 18:13:20 UTC" in rows["revoked"]
    assert "<bdi>(no answer within 10 s)</bdi>" in rows["failed"]
    assert "10 targets" in page


async def test_status_page_of_variants() -> None:
    """Each address and key type has a row, in which it is named; the count is still that of the targets."""
    exporter = Exporter(scheduled("many"), scheduled("one"))
    absent = replace(failed(), failure=None, key_type=KeyType.ECDSA, key_type_served=False)
    exporter.variants = {"many": (replace(PAGE.good, address="192.0.2.1"), replace(failed(), address="::1"), absent)}
    exporter.results = {"one": PAGE.good}
    async with exporter.probing():
        await exporter.until(lambda: exporter.scheduler.first_round_done)
    page = (await exporter.get("/")).text

    rows = page.split("<tr>\n")[1:]
    assert ["many" if "<bdi>many" in row else "one" for row in rows] == ["many", "many", "one", "many"]
    failing, good, _, not_served = rows
    assert "address=<bdi>::1</bdi>" in failing
    assert ">failed<" in failing
    assert "address=<bdi>192.0.2.1</bdi>" in good
    assert ">ok<" in good
    assert "key_type=<bdi>ecdsa</bdi>" in not_served
    assert ">not applicable<" in not_served
    assert "The server has no certificate with a key of the type ecdsa" in not_served
    assert "2 targets, looked at in 4 ways:" in page


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


async def test_status_page_without_targets() -> None:
    """Without targets the page says what can be done."""
    assert "No targets are configured." in (await Exporter().get("/")).text


async def test_hostile_names_on_the_page() -> None:
    """Whatever a target is called, its name is shown as text, and characters that one does not see as escapes."""
    name = '"><script>alert(1)</script>\u202egnp.\x1b[31m'
    target = replace(scheduled(name), labels=(("team", "<b>"),))
    response = await Exporter(target).get("/")

    assert "<script" not in response.text
    assert "&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\\u202egnp.\\x1b[31m" in response.text
    assert "team=<bdi>&lt;b&gt;</bdi>" in response.text
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe-inline" not in policy
    assert "style=" not in response.text


async def test_page_of_very_many_targets() -> None:
    """Of more targets than a browser shows with ease the page has the worst, and says so."""
    exporter = Exporter(*(scheduled(f"host-{number}") for number in range(1200)))
    page = (await exporter.get("/")).text

    assert page.count('<th scope="row">') == 1000
    assert "These are the worst 1000" in page


async def test_style() -> None:
    """The style is served as such, for light and dark."""
    response = await Exporter().get("/style.css")

    assert response.headers["content-type"] == "text/css; charset=utf-8"
    assert "prefers-color-scheme: dark" in response.text
