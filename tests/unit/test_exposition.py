import asyncio
import gzip
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from ocsp_exporter.metrics import METRICS, Publication
from ocsp_exporter.model import DiscoveryKind, Failure, KeyType, ProbeResult, Problem, Status
from ocsp_exporter.serving.exposition import MetricsPage, compress, render, render_with_own
from ocsp_exporter.serving.instruments import Instruments
from ocsp_exporter.serving.negotiation import Format, accepts_gzip, negotiate_format
from tests.unit.results import FINDINGS, GOOD, LEAF, NOW, RESULT, failed, found, named, publication

BOTH = pytest.mark.parametrize("form", Format)

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(page: bytes, form: Format) -> Series:
    """Read a page as Prometheus's own client library does; no series may come twice."""
    parse = parse_openmetrics if form is Format.OPENMETRICS else parse_text
    found: Series = {}
    for family in parse(page.decode()):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found
            found[key] = sample.value
    return found


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """Give the key under which `parsed` has a series."""
    return name, frozenset(labels.items())


@BOTH
def test_series_of_two_targets(form: Format) -> None:
    """Each target's series carry its name, its module and, where workers probe it, its operator's labels."""
    labelled = publication("one.example", labels=(("team", "web"),))
    probed = Publication(failed(target=named("two.example")))
    series = parsed(render([labelled, probed], NOW, form), form)

    assert series[key("ocsp_probe_success", target="one.example", module="tls", team="web")] == 1
    assert series[key("ocsp_probe_success", target="two.example", module="tls")] == 0
    assert series[key("ocsp_probe_failure", target="two.example", module="tls", failure="timeout")] == 1
    status = {"target": "one.example", "module": "tls", "team": "web", "source": "staple", "depth": "0"}
    assert series[key("ocsp_status", **status, status="good")] == 1
    assert series[key("ocsp_next_update_remaining_seconds", **status)] == 3599


@BOTH
def test_series_of_the_variants_of_a_target(form: Format) -> None:
    """The results of one probe are told apart by address and key type, before the operator's labels."""
    results = [
        replace(found(GOOD), address=address, key_type=key_type)
        for address in ("192.0.2.1", "2001:db8::1")
        for key_type in (KeyType.RSA, KeyType.ECDSA)
    ]
    page = render([Publication(result, (("team", "web"),)) for result in results], NOW, form)
    series = parsed(page, form)

    assert {labels for name, labels in series if name == "ocsp_probe_success"} == {
        frozenset(
            {
                ("target", "example.org"),
                ("module", "tls"),
                ("team", "web"),
                ("address", address),
                ("key_type", key_type),
            }
        )
        for address in ("192.0.2.1", "2001:db8::1")
        for key_type in ("rsa", "ecdsa")
    }
    assert b'{target="example.org",module="tls",address="192.0.2.1",key_type="rsa",team="web"} 1\n' in page


def test_exact_text() -> None:
    """A family is one HELP, one TYPE and its series; families come in the order of the table."""
    page = render([Publication(failed()), Publication(failed(target=named("b")))], NOW, Format.TEXT).decode()

    assert page.startswith(
        "# HELP ocsp_probe_success 1 if the target could be looked at, whatever was found; 0 if it could not.\n"
        "# TYPE ocsp_probe_success gauge\n"
        'ocsp_probe_success{target="example.org",module="tls"} 0\n'
        'ocsp_probe_success{target="b",module="tls"} 0\n'
        "# HELP ocsp_probe_failure 1 for the reason why the target could not be looked at; otherwise absent.\n"
        "# TYPE ocsp_probe_failure gauge\n"
        'ocsp_probe_failure{target="example.org",module="tls",failure="timeout"} 1\n'
    )
    types = [line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")]
    assert types == [row.name for row in METRICS if row.name in types]
    assert 'ocsp_probe_timestamp_seconds{target="b",module="tls"} 1799999999.5\n' in page


@pytest.mark.parametrize("result", [RESULT, found(GOOD), failed(Failure.REFUSED)])
def test_one_target_alone_reads_as_among_many(result: ProbeResult) -> None:
    """`/probe` says of a target what `/metrics` says of it."""
    ours = [Publication(result)]

    assert render(ours, NOW, Format.TEXT) == b"".join(render_with_own(ours, NOW, Format.TEXT, CollectorRegistry()))


def test_formats_differ_in_the_end_mark_only() -> None:
    """OpenMetrics ends with its mark, once; the rest is the same text in both formats."""
    text, openmetrics = (render([publication()], NOW, form) for form in (Format.TEXT, Format.OPENMETRICS))

    assert openmetrics == text + b"# EOF\n"
    assert b"# EOF" not in text


@BOTH
def test_empty_page(form: Format) -> None:
    """Without a result there is no family, and the page is still valid."""
    assert parsed(render([], NOW, form), form) == {}


@BOTH
@pytest.mark.parametrize(
    "name",
    ['quote"', "back\\slash", "line\nbreak", "\\n", 'all\\"\n', "</script>", "ünï \u202e\u2028", "{a=b},c", "\r\t\0"],
)
def test_hostile_label_values(name: str, form: Format) -> None:
    """Whatever a name has in it, it is read back as it was, and so is the target after it."""
    series = parsed(render([publication(name), publication("next")], NOW, form), form)

    assert series[key("ocsp_probe_success", target=name, module="tls")] == 1
    assert series[key("ocsp_probe_success", target="next", module="tls")] == 1


def test_unencodable_label_value() -> None:
    """A character that UTF-8 cannot hold is replaced, and the page stands."""
    series = parsed(render([publication("a\ud800b")], NOW, Format.TEXT), Format.TEXT)

    assert series[key("ocsp_probe_success", target="a?b", module="tls")] == 1


def test_long_label_values() -> None:
    """Values of more than 256 characters are cut there; one of 256 is whole."""
    certificates = (replace(LEAF, subject="s" * 256, issuer="i" * 256 + "cut"),)
    result = replace(RESULT, findings=replace(FINDINGS, certificates=certificates))
    page = render([Publication(result)], NOW, Format.TEXT).decode()

    assert f'subject="{"s" * 256}"' in page
    assert f'issuer="{"i" * 256}"' in page


def test_duplicate_targets() -> None:
    """Of two results with the same labels the first is shown; one that differs in a label is no duplicate."""
    good, bad = publication("a"), Publication(failed(target=named("a")))
    other = publication("a", labels=(("team", "web"),))
    unlabelled = publication("a", labels=(("team", ""),))  # an empty label is none to Prometheus
    series = parsed(render([good, bad, other, unlabelled], NOW, Format.TEXT), Format.TEXT)

    assert {key: value for key, value in series.items() if key[0] == "ocsp_probe_success"} == {
        key("ocsp_probe_success", target="a", module="tls"): 1,
        key("ocsp_probe_success", target="a", module="tls", team="web"): 1,
    }


def test_duplicate_evidence() -> None:
    """Within one result, too, a series comes once: the first value of it."""
    twice = found(GOOD, replace(GOOD, status=Status.INVALID, problems=(Problem.EXPIRED, Problem.EXPIRED)))
    series = parsed(render([Publication(twice)], NOW, Format.TEXT), Format.TEXT)

    labels = {"target": "example.org", "module": "tls", "source": "staple", "depth": "0"}
    assert series[key("ocsp_status", **labels, status="good")] == 1
    assert series[key("ocsp_problem", **labels, problem="expired")] == 1


def test_a_probe_of_several_addresses_counts_once() -> None:
    """So does each reason for which it failed, so that failures are never more than probes."""
    instruments = Instruments(["tls"])
    timeouts = [replace(failed(Failure.TIMEOUT), address=f"192.0.2.{number}") for number in range(3)]
    instruments.probed((*timeouts, replace(failed(Failure.REFUSED), address="192.0.2.9"), found(GOOD)))
    series = parsed(b"".join(render_with_own([], NOW, Format.TEXT, instruments.registry)), Format.TEXT)

    assert series[key("ocsp_exporter_probes_total", module="tls")] == 1
    assert series[key("ocsp_exporter_probe_failures_total", module="tls", failure="timeout")] == 1
    assert series[key("ocsp_exporter_probe_failures_total", module="tls", failure="refused")] == 1
    assert series[key("ocsp_exporter_probe_failures_total", module="tls", failure="tls")] == 0


@BOTH
def test_own_metrics(form: Format) -> None:
    """The exporter's own metrics follow, known label sets from 0 on, without `_created`, and one end mark."""
    instruments = Instruments(["tls"])
    instruments.loaded(NOW)
    instruments.discovered({DiscoveryKind.STATIC: 3})
    instruments.probed((failed(),))
    page = b"".join(render_with_own([publication()], NOW, form, instruments.registry))
    series = parsed(page, form)

    assert series[key("ocsp_exporter_probes_total", module="tls")] == 1
    assert series[key("ocsp_exporter_probe_failures_total", module="tls", failure="timeout")] == 1
    assert series[key("ocsp_exporter_probe_failures_total", module="tls", failure="not_tls")] == 0
    assert series[key("ocsp_exporter_targets", discovery="static")] == 3
    assert series[key("ocsp_exporter_targets", discovery="http")] == 0
    assert series[key("ocsp_exporter_config_last_reload_successful")] == 1
    assert series[key("ocsp_exporter_config_last_reload_success_timestamp_seconds")] == NOW
    assert series[key("ocsp_exporter_probes_in_flight")] == 0
    delay = "ocsp_exporter_probe_schedule_delay_seconds_bucket"
    bounds = [dict(labels)["le"] for name, labels in series if name == delay]
    assert (bounds[0], bounds[-2:]) == ("0.01", ["300.0", "+Inf"])
    names = {name for name, _ in series}
    assert {"process_cpu_seconds_total", "python_info", "python_gc_collections_total"} <= names
    assert not [name for name in names if name.endswith("_created")]
    assert page.count(b"# EOF\n") == (form is Format.OPENMETRICS)


def test_promtool() -> None:
    """Prometheus's own linter has nothing to say about the page, but about a page with a fault it has."""
    promtool = shutil.which("promtool")
    if promtool is None:
        missing = pytest.fail if os.environ.get("OCSP_EXPORTER_REQUIRE_PEERS") == "1" else pytest.skip
        missing("promtool is not installed (Debian: prometheus)")
    results: Iterable[Publication] = (publication(), publication('a"\n\\'), Publication(failed(target=named("c"))))
    page = b"".join(render_with_own(results, NOW, Format.TEXT, Instruments(["tls"]).registry))

    for text, code in ((page, 0), (page.replace(b"# HELP ocsp_status", b"# no help of"), 3)):
        linted = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
        assert (linted.returncode, bool(linted.stderr)) == (code, bool(code)), linted.stderr.decode()


PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
TEXT_FIRST = "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (PROMETHEUS_2, Format.OPENMETRICS),
        (PROMETHEUS_3, Format.OPENMETRICS),
        (TEXT_FIRST, Format.TEXT),
        ("", Format.TEXT),
        ("*/*", Format.TEXT),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format.TEXT),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("application/openmetrics-text, */*", Format.OPENMETRICS),
        ('Application/OpenMetrics-Text ; Version="1.0.0" ; Q=1', Format.OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4", Format.TEXT),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.1", Format.OPENMETRICS),
        ("application/openmetrics-text;q=0.1,text/plain;q=0.2", Format.TEXT),
        ("application/openmetrics-text;q=0,*/*", Format.TEXT),
        ("application/openmetrics-text;version=0.0.1", Format.TEXT),
        ("application/openmetrics-text;version=2.0.0", Format.TEXT),
        ("application/*", Format.OPENMETRICS),
        ("text/plain;q=0,application/*;q=0.1", Format.OPENMETRICS),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", Format.TEXT),
        ("image/png", Format.TEXT),
        ("text/plain;q=0", Format.TEXT),
        ("application/openmetrics-text;version=abc", Format.TEXT),
        ("application/openmetrics-text;q=abc", Format.TEXT),
        ("application/openmetrics-text;q=nan", Format.TEXT),
        ("application/openmetrics-text;q=2", Format.TEXT),
        (',;=,;;q=,"\x00ü', Format.TEXT),
    ],
)
def test_format_negotiation(accept: str, expected: Format) -> None:
    """The preferred format by q-value and then by exactness; anything else is answered as plain text."""
    assert negotiate_format(accept) is expected


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        ("gzip", True),
        ("GZIP;q=0.5, br", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("gzip;q=x", False),
    ],
)
def test_gzip_negotiation(accept_encoding: str, expected: bool) -> None:
    """The page is gzipped where the client accepts that, and not where it says q=0."""
    assert accepts_gzip(accept_encoding) is expected


def test_exact_content_types() -> None:
    """The content types are to the letter what Prometheus 3 accepts."""
    assert [form.value for form in Format] == [
        "text/plain; version=0.0.4; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    ]


def test_compress() -> None:
    """What is compressed can be read again, and is smaller."""
    page = render([publication()], NOW, Format.TEXT)

    assert gzip.decompress(compress((page[:100], page[100:]))) == page
    assert len(compress((page,))) < len(page) / 2


def test_a_large_page_is_made_in_small_pieces() -> None:
    """However many targets there are, nothing is written or compressed in one go that holds others up."""
    targets = [publication(f"target-{number}") for number in range(2000)]
    pieces = list(render_with_own(targets, NOW, Format.TEXT, Instruments([]).registry))

    assert max(map(len, pieces)) < 2**18 < sum(map(len, pieces))
    page = b"".join(pieces)
    assert page.count(b"# TYPE ocsp_probe_success gauge\n") == 1
    assert page.count(b"\nocsp_probe_success{") == 2000


async def test_concurrent_scrapes_share_one_rendering() -> None:
    """Those who ask while a page is being rendered get that page; who asks afterwards gets a new one."""
    renderings = []

    def publications() -> list[Publication]:
        renderings.append(NOW)
        return [publication()]

    page = MetricsPage(publications, Instruments([]).registry, lambda: NOW)
    first = asyncio.create_task(page.body(Format.TEXT, gzipped=False))
    second = asyncio.create_task(page.body(Format.TEXT, gzipped=False))
    zipped = asyncio.create_task(page.body(Format.TEXT, gzipped=True))

    assert await first is await second
    assert parsed(gzip.decompress(await zipped), Format.TEXT)
    assert len(renderings) == 2
    await page.body(Format.TEXT, gzipped=False)
    assert len(renderings) == 3


async def test_one_who_leaves_takes_nothing_away() -> None:
    """A scrape that is given up does not end the rendering that another waits for."""
    page = MetricsPage(lambda: [publication()], Instruments([]).registry, lambda: NOW)
    leaving = asyncio.create_task(page.body(Format.TEXT, gzipped=False))
    staying = asyncio.create_task(page.body(Format.TEXT, gzipped=False))
    await asyncio.sleep(0)
    leaving.cancel()

    assert parsed(await staying, Format.TEXT)
    assert leaving.cancelled()
