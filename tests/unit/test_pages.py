import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ocsp_exporter.config import ConfigError, Fault, parse_config
from ocsp_exporter.model import (
    Applicability,
    ChainError,
    Check,
    CheckFindings,
    CRLFacts,
    Evidence,
    Failure,
    KeyType,
    MethodFindings,
    ProbeResult,
    Problem,
    Reason,
    RequestMethod,
    ResponderFindings,
    Revocation,
    Source,
    StapleCopy,
    Status,
)
from ocsp_exporter.serving.templates import ASSETS_VERSION
from tests.unit.exporter import Exporter
from tests.unit.page import Page
from tests.unit.results import FINDINGS, GOOD, LEAF, MISSING, NOW, SESSION, TLS, failed, found, scheduled

HOUR = 3600
SOON = replace(GOOD, this_update=int(NOW) - 600)
RESPONDER = replace(SOON, source=Source.RESPONDER)
CRL = Evidence(
    Source.CRL,
    0,
    Status.GOOD,
    authentic=True,
    this_update=int(NOW) - 24 * HOUR,
    next_update=int(NOW) + 24 * HOUR,
    crl=CRLFacts(number=4711, entries=2),
)
REVOKED = replace(SOON, status=Status.REVOKED, revocation=Revocation(1_799_000_000, Reason.KEY_COMPROMISE))

#: Names that would do harm if they were not shown as text, and how they are shown.
HOSTILE = {
    '"><script>alert(1)</script>': '"><script>alert(1)</script>',
    "a\u202egnp.\x1b[31m\nb": "a\\u202egnp.\\x1b[31m\\nb",
    "{{ 7*7 }}<!--": "{{ 7*7 }}<!--",
}

PAGE = SimpleNamespace(
    good=found(SOON),
    overdue=found(replace(GOOD, next_update=int(NOW) + 60)),
    ended=found(replace(GOOD, next_update=int(NOW) - 60)),
    revoked=found(REVOKED, compliant=True),
    missing=found(MISSING, compliant=False),
    expired=found(replace(GOOD, status=Status.INVALID, problems=(Problem.EXPIRED,), next_update=int(NOW) - 2 * HOUR)),
    failed=failed(detail="no answer within 10 s"),
    silent=found(),  # its certificate names a responder, but it staples nothing and need not
    none=replace(found(), findings=replace(FINDINGS, evidence=(), applicability=())),
)


async def looked_at(*names: str, **results: ProbeResult | tuple[ProbeResult, ...]) -> Exporter:
    """Give an exporter that has looked at targets of these names, or at those that the results are named for."""
    exporter = Exporter(*(scheduled(name) for name in names or results))
    several = {name: each if isinstance(each, tuple) else (each,) for name, each in results.items()}
    exporter.variants = several
    async with exporter.probing():
        await exporter.until(lambda: exporter.scheduler.first_round_done)
    return exporter


async def page_of(exporter: Exporter, path: str, status: int = 200) -> Page:
    """Give a page that there is, or one that says why not."""
    response = await exporter.get(path)
    assert (response.status_code, response.headers["content-type"]) == (status, "text/html; charset=utf-8")
    return Page(response.text)


async def test_status_page() -> None:
    """The page lists the targets, the worst first, with a word for everything that is a colour or a bar."""
    exporter = await looked_at(**vars(PAGE))
    exporter.scheduler.update([scheduled(name) for name in (*vars(PAGE), "waiting")])
    page = await page_of(exporter, "/")
    rows = page.rows()

    assert list(rows) == [
        *("expired", "revoked", "missing", "failed", "ended", "overdue", "waiting", "good"),
        *("silent", "none"),
    ]
    for name, cells in {
        "expired": {"Verdict": "critical", "Staple": "invalid expired", "Next update": "2 h ago"},
        "revoked": {"Verdict": "critical", "Staple": "revoked", "Must-Staple": "compliant"},
        "missing": {"Verdict": "critical", "Staple": "missing", "Must-Staple": "violated", "Next update": ""},
        "failed": {"Verdict": "failed", "Staple": "", "Responder": ""},
        "ended": {"Verdict": "warning", "Next update": "1 min ago"},
        "overdue": {"Verdict": "warning", "Next update": "in 59 s"},
        "waiting": {"Verdict": "waiting", "Looked at": "not yet", "Staple": ""},
        "good": {"Verdict": "ok", "Staple": "good", "Next update": "in 59 min 59 s", "Looked at": "1 s ago"},
        "silent": {"Verdict": "nothing known", "Staple": "none sent", "Responder": "not asked"},
        "none": {"Verdict": "not applicable", "CRL": "not applicable", "Responder": "not applicable"},
    }.items():
        assert cells.items() <= rows[name].items()
    assert "The certificate is revoked since 2027-01-03 18:13:20 UTC" in rows["revoked"]["Why"]
    assert rows["failed"]["Why"] == (
        "timeout Could not look. The target did not finish within the time allowed. (no answer within 10 s)"
    )
    assert (rows["good"]["Target"], rows["good"]["Why"]) == ("good tls", "")
    assert page.text("p", id="counts").startswith(
        "10 targets: 3 critical 1 failed 2 warning 1 waiting 1 ok 1 nothing known 1 not applicable"
    )


async def test_status_by_source() -> None:
    """Each source has a column, that for files only where there are any; a lower certificate has its depth in front."""
    lower = replace(CRL, depth=1, status=Status.INVALID, problems=(Problem.EXPIRED,))
    three = found(SOON, replace(RESPONDER, status=Status.SERVER_FAILED, problems=(Problem.TIMEOUT,)), CRL, lower)
    page = await page_of(await looked_at(three=three), "/")
    with_file = await page_of(await looked_at(one=found(SOON, replace(SOON, source=Source.FILE))), "/")

    assert page.rows()["three"] == {
        "name": "three",
        "Verdict": "critical",
        "Target": "three tls",
        "Staple": "good",
        "Responder": "server failed timeout",
        "CRL": "good [1] invalid expired",
        "Next update": "in 59 min 59 s Staple",
        "Must-Staple": "",
        "Looked at": "1 s ago",
        "Why": "The CRL for the certificate at depth 1 cannot be relied on: expired (in 23 h 59 min).",
    }
    assert with_file.rows()["one"]["File"] == "good"
    assert [element.text for element in with_file.all("th", scope="col")] == [
        *("Verdict", "Target", "Staple", "Responder", "CRL", "File", "Next update", "Must-Staple", "Looked at", "Why")
    ]


async def test_contradiction_on_the_status_page() -> None:
    """Sources that contradict each other are told of in the row, whatever weighs more."""
    contrary = found(SOON, replace(REVOKED, source=Source.RESPONDER))
    assert contrary.findings
    contrary = replace(contrary, findings=replace(contrary.findings, agreement={0: False}))
    rows = (await page_of(await looked_at(contrary=contrary, agreed=found(SOON, CRL)), "/")).rows()

    assert rows["contrary"]["Why"].endswith("says the responder's answer. sources contradict each other")
    assert rows["agreed"]["Why"] == ""


async def test_a_chain_that_is_not_trusted() -> None:
    """It is told of beside the verdict, which it does not change."""
    session = replace(SESSION, chain_errors=frozenset({ChainError.EXPIRED, ChainError.UNKNOWN_ISSUER}))
    result = replace(PAGE.good, findings=replace(PAGE.good.findings, tls=replace(TLS, session=session)))
    row = (await page_of(await looked_at(untrusted=result), "/?q=unknown+issuer")).rows()["untrusted"]

    assert (row["Verdict"], row["Why"]) == ("ok", "The chain is not trusted: expired unknown issuer")


async def test_bars() -> None:
    """The bar is as long as the part of the life that is left, and no part of it is a style in the text."""
    quarter = replace(GOOD, this_update=int(NOW) - 3 * HOUR, next_update=int(NOW) + HOUR)
    page = await page_of(await looked_at(quarter=found(quarter), endless=found(replace(GOOD, this_update=None))), "/")

    assert [element.attributes["width"] for element in page.all("rect")] == ["25%"]
    assert [element for element in page.elements if "style" in element.attributes] == []


async def test_status_page_of_variants() -> None:
    """Each address and key type has a row, in which it is named; the count is still that of the targets."""
    absent = replace(failed(), failure=None, key_type=KeyType.ECDSA, key_type_served=False)
    many = (replace(PAGE.good, address="192.0.2.1"), replace(failed(), address="::1"), absent)
    page = await page_of(await looked_at(many=many, one=PAGE.good), "/")

    assert [element.text for element in page.all("th", scope="row")] == [
        *("many tls · address=::1", "many tls · address=192.0.2.1", "one tls", "many tls · key_type=ecdsa")
    ]
    reasons = [element.text for element in page.all("td", class_="why")]
    assert reasons[0].startswith("timeout Could not look.")
    assert reasons[3].startswith("The server has no certificate with a key of the type ecdsa")
    assert page.text("p", id="counts").startswith("2 targets, looked at in 4 ways: 1 failed 2 ok 1 not applicable")


async def test_filter_and_order_without_script() -> None:
    """The form and the heads of the columns are a form and links: the exporter itself filters and sorts."""
    exporter = await looked_at(**vars(PAGE))

    async def names(query: str) -> list[str]:
        return list((await page_of(exporter, f"/?{query}")).rows())

    assert await names("q=invalid+expired") == ["expired"]
    assert await names("q=NO+ANSWER") == ["failed"]
    assert await names("level=warning") == ["ended", "overdue"]
    assert await names("level=warning&level=failed&sort=target") == ["ended", "failed", "overdue"]
    assert await names("sort=-target&level=warning") == ["overdue", "ended"]
    assert await names("q=nothing-is-called-so") == []
    assert len(await names("level=&q=")) == 9
    assert len(await names("level=no-such-level")) == 9
    assert len(await names("sort=no-such-order")) == 9

    page = await page_of(exporter, "/?q=the+staple+ended&sort=target")
    assert page.text("span", id="shown") == "1 of 9 shown"
    assert page.all("input", name="q")[0].attributes["value"] == "the staple ended"
    assert page.all("th", **{"aria-sort": "ascending"})[0].text == "Target"
    links = {element.attributes.get("id"): element.attributes["href"] for element in page.all("a")}
    assert links["by-target"] == "./?q=the+staple+ended&sort=-target"
    assert links["by-crl"] == "./?q=the+staple+ended&sort=crl"


async def test_page_of_very_many_targets() -> None:
    """However many targets there are, all of them are on the page."""
    exporter = Exporter(*(scheduled(f"host-{number}") for number in range(10_000)))
    response = await exporter.get("/")

    assert response.text.count('<th scope="row">') == 10_000
    assert response.headers["content-encoding"] == "gzip"


async def test_status_page_without_targets() -> None:
    """Without targets the page says what can be done."""
    assert "No targets are configured." in (await page_of(Exporter(), "/")).text("main")


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_names(name: str) -> None:
    """Whatever a target, a label or a responder is called, it is shown as text, what one does not see as escapes."""
    response_facts = replace(GOOD.response, responder_id=name) if GOOD.response else None
    leaf = replace(LEAF, subject=name, issuer=name, ocsp_urls=(name,), crl_urls=(name,))
    result = found(replace(SOON, response=response_facts, der=b"0"))
    assert result.findings
    findings = replace(result.findings, certificates=(leaf,))
    results = (replace(result, address="a", findings=findings), replace(failed(detail=name), address="b"))
    exporter = Exporter(replace(scheduled(name), labels=(("team", name),)))
    exporter.variants = {name: results}
    async with exporter.probing():
        await exporter.until(lambda: exporter.scheduler.first_round_done)

    status = await page_of(exporter, "/")
    link = next(each.attributes["href"] for each in status.all("a") if (each.attributes["href"] or "").startswith("t"))
    pages = [status, await page_of(exporter, f"/{link}"), await page_of(exporter, "/history")]
    for page in pages:
        texts = [element.text for element in page.all("bdi")]
        assert " ".join(HOSTILE[name].split()) in texts
        assert [element.tag for element in page.all("script")] == ["script"]
        assert all("\u202e" not in element.text and "\x1b" not in element.text for element in page.elements)
    subject = " ".join(HOSTILE[name].split())
    assert pages[1].text("strong") == subject
    assert f"issued by {subject}" in pages[1].text("table", class_="chain")


async def test_a_name_that_is_no_text() -> None:
    """A lone surrogate, which UTF-8 has not, does not cost the whole page."""
    exporter = await looked_at(good=PAGE.good)
    exporter.scheduler.update([scheduled("good"), scheduled("\ud800 & co")])

    assert list((await page_of(exporter, "/")).rows()) == ["\\ud800 & co", "good"]
    assert (await exporter.get("/api/v1/targets")).json()["targets"][0]["target"] == "\ud800 & co"


async def test_headers_of_pages() -> None:
    """Nothing but our own script and style runs, nobody frames a page, keeps it, or is told its address."""
    exporter = await looked_at(good=PAGE.good)
    for path in ("/", "/target?target=good", "/target?target=nothing", "/history", "/verdicts"):
        headers = (await exporter.get(path)).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "connect-src": "'self'",
            "img-src": "data:",
            "form-action": "'self'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
            "require-trusted-types-for": "'script'",
        }
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


async def test_links_are_relative() -> None:
    """Behind a reverse proxy with a prefix every link still leads to the exporter."""
    exporter = await looked_at(good=found(replace(SOON, der=b"0"), CRL))
    for path in ("/", "/target?target=good", "/target?target=nothing", "/history", "/verdicts"):
        page = await page_of(exporter, path, 404 if "nothing" in path else 200)
        links = [value for each in page.elements for name, value in each.attributes.items() if name in LINKING]
        assert [link for link in links if not link or not RELATIVE.match(link)] == []


LINKING = {"href", "src", "action"}
RELATIVE = re.compile(r"(\./|[a-z]+(\.[a-z]+)?([?#].*)?$|api/|data:,$)")


async def test_assets() -> None:
    """Style and script are kept by browsers under the version that pages link to, and never else."""
    exporter = Exporter()
    style = await exporter.get("/style.css")
    script = await exporter.get(f"/script.js?{ASSETS_VERSION}")

    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert style.headers["cache-control"] == "no-cache"
    assert "prefers-color-scheme: dark" in style.text
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["cache-control"] == "max-age=31536000, immutable"
    assert f'src="script.js?{ASSETS_VERSION}"' in (await exporter.get("/")).text


async def test_target_page() -> None:
    """The page has verdict, chain, connection and what each source says, one beside the other."""
    responder = replace(RESPONDER, this_update=int(NOW) - 300, produced_at=int(NOW) - 200)
    result = found(replace(SOON, der=b"0"), replace(responder, der=b"1"), CRL, compliant=True)
    assert result.findings
    result = replace(result, findings=replace(result.findings, agreement={0: True}, staple_lag=300))
    page = await page_of(await looked_at(good=result), "/target?target=good&module=tls")
    text = page.text("main")

    assert page.text("h2") == "good"
    assert page.text("title") == "good - ocsp_exporter"
    assert page.text("ul", class_="grounds") == "ok The staple is good, for another 59 min 59 s."
    assert "The sources agree. The staple is 5 min older than the responder's answer." in text
    assert [element.text for element in page.all("th", scope="col")][:3] == ["Staple", "Responder", "CRL"]
    assert [element.text for element in page.all("td", **{"data-title": "CRL"})] == [
        "good verified; not revoked",
        "",
        "2027-01-14 08:00:00 UTC, 1 d ago",
        "2027-01-16 08:00:00 UTC, in 23 h 59 min",
        "50% has passed",
        *("", "", "", "", "", ""),
        "number 4711, entries: 2",
        "",
        "",
        "not kept",
    ]
    assert "CN=example.org issued by CN=Test CA ec, serial number 01ab" in text
    assert [element.text for element in page.all("dd")] == [
        "192.0.2.1, port 443",
        "TLSv1.3, TLS_AES_128_GCM_SHA256",
        "verifies to the module's roots, for this name, now",
        "1 of 1 carried a staple",
        "compliant",
        "not asked for",
        "resolve 125.0 ms, handshake 62.5 ms",
    ]
    assert page.all("svg", role="img")[0].attributes["aria-label"] == (
        "Staple: from 2027-01-15 07:50:00 UTC (10 min ago) to 2027-01-15 09:00:00 UTC (in 59 min 59 s)"
    )
    assert "What is wrong" not in text


async def test_target_page_of_a_responder_by_itself() -> None:
    """How it takes each method, how its clock is, and for each rule what was seen and what it rests on."""
    watched = ResponderFindings(
        url="http://ocsp.example/",
        methods=(
            MethodFindings(RequestMethod.GET, up=False, http_status=404, duration=0.25, said="HTTP 404"),
            MethodFindings(RequestMethod.POST, up=None),
        ),
        checks=(
            CheckFindings(Check.GET, conforms=False, seen="HTTP <404>"),
            CheckFindings(Check.RESPONSE_SIZE, conforms=None, seen="no response was verified"),
        ),
        clock_skew=-2.0,
    )
    result = found()
    assert result.findings
    result = replace(result, findings=replace(result.findings, tls=None, responder=watched))
    page = await page_of(await looked_at(watched=result), "/target?target=watched")

    assert [element.text for element in page.all("dd")] == [
        "http://ocsp.example/",
        "not up: HTTP 404, in 250.0 ms",
        "not asked in time",
        "2 s behind ours",
    ]
    assert [element.text for element in page.all("td", **{"data-title": "conforms"})] == ["no", "not judged"]
    seen = [element.text for element in page.all("td", **{"data-title": "seen"})]
    assert seen[0].startswith("HTTP <404> It answers requests by GET, each with an answer of its own. (RFC 6960, ")


@pytest.mark.parametrize(
    ("copy", "told"),
    [
        (StapleCopy(matches=True), "the one that is served"),
        (StapleCopy(matches=False), "another than is served"),
        (StapleCopy(None, "the file is empty"), "not compared: the file is empty"),
    ],
)
async def test_target_page_of_a_staple_on_disk(copy: StapleCopy, told: str) -> None:
    """Whether the server serves what its file holds, where the module names one."""
    result = found(SOON)
    assert result.findings
    assert result.findings.tls
    result = replace(result, findings=replace(result.findings, tls=replace(result.findings.tls, copy=copy)))
    page = await page_of(await looked_at(copied=result), "/target?target=copied")
    assert told in [element.text for element in page.all("dd")]


async def test_target_page_of_trouble() -> None:
    """Every problem is told in plain words, with what to do, and a link to where the word is explained."""
    faulty = replace(GOOD, status=Status.INVALID, problems=(Problem.SIGNATURE_INVALID, Problem.EXPIRED))
    refused = replace(RESPONDER, status=Status.SERVER_FAILED, problems=(Problem.UNSUCCESSFUL,), der=b"0")
    assert refused.response
    refused = replace(refused, response=replace(refused.response, response_status="try_later"))
    result = found(faulty, refused, compliant=False)
    assert result.findings
    session = replace(SESSION, chain_errors=frozenset({ChainError.EXPIRED}))
    findings = replace(result.findings, tls=replace(TLS, session=session, compliant=False), agreement={0: False})
    page = await page_of(await looked_at(bad=replace(result, findings=findings)), "/target?target=bad")
    remedies = page.text("ul", class_="remedies")

    assert page.text("strong", class_="violated") == "The sources contradict each other."
    assert remedies.startswith("staple policy violated: a staple is required, and the one sent cannot be relied on.")
    assert "staple: signature invalid The signature is wrong" in remedies
    assert "responder's answer: unsuccessful The responder declined to answer" in remedies
    assert "It said try_later: the responder was overloaded" in remedies
    assert "The chain is not trusted: a certificate has expired. This does not weigh here." in page.text("main")
    links = {element.attributes["href"] for element in page.all("a", class_="problem")}
    assert links == {
        *("verdicts#problem-signature_invalid", "verdicts#problem-expired", "verdicts#problem-unsuccessful")
    }
    verdicts = await page_of(Exporter(), "/verdicts")
    places = {element.attributes.get("id") for element in verdicts.all("dt")}
    assert {link.removeprefix("verdicts#") for link in links if link} <= places
    assert {f"failure-{failure}" for failure in Failure} | {f"problem-{problem}" for problem in Problem} <= places


async def test_target_page_of_revocation() -> None:
    """A revoked certificate has the time and reason, and what to do about it."""
    both = found(REVOKED, replace(REVOKED, source=Source.RESPONDER))
    page = await page_of(await looked_at(bad=both), "/target?target=bad")

    assert page.text("td", **{"data-title": "Staple"}).startswith("revoked verified;")
    assert "2027-01-03 18:13:20 UTC, 11 d 13 h ago, reason: key_compromise" in page.text("main")
    remedies = page.text("ul", class_="remedies")
    assert remedies.startswith("staple, responder's answer: revoked Verified; this certificate must not be trusted")
    assert remedies.count("Replace certificate and key") == 1


async def test_target_page_of_failure() -> None:
    """Of a target that could not be looked at the page has the reason, what it means, and what to do."""
    page = await page_of(await looked_at(down=failed(detail="no answer within 10 s")), "/target?target=down")

    assert page.text("ul", class_="remedies").startswith("timeout The target did not finish within the time allowed.")
    assert "In detail: no answer within 10 s" in page.text("main")
    assert page.all("table", class_="chain") == []


async def test_target_page_of_silence() -> None:
    """A source that says nothing is named with the reason."""
    crl = replace(FINDINGS, tls=None, evidence=(), applicability=(Applicability(Source.CRL, 0, applicable=True),))
    exporter = await looked_at(silent=found(), crl=replace(found(), findings=crl))

    silent = await page_of(exporter, "/target?target=silent")
    assert "Staple: none sent; Responder: not asked; CRL: not applicable." in silent.text("main")
    by_itself = await page_of(exporter, "/target?target=crl")
    assert "CRL: not asked." in by_itself.text("main")
    assert "Staple:" not in by_itself.text("main")


async def test_target_page_of_variants() -> None:
    """Each address has its own section, and its own bytes to download."""
    many = (replace(found(replace(SOON, der=b"1")), address="192.0.2.1"), replace(failed(), address="::1"))
    exporter = await looked_at(many=many)
    page = await page_of(exporter, "/target?target=many")

    assert [element.text for element in page.all("h2", class_="variant")] == ["address 192.0.2.1", "address ::1"]
    links = [element.attributes["href"] for element in page.all("a") if "download" in element.attributes]
    assert links == ["evidence.der?target=many&module=tls&address=192.0.2.1&source=staple&depth=0"]
    assert (await exporter.get(f"/{links[0]}")).content == b"1"


async def test_target_before_the_first_look() -> None:
    """A target that was not looked at yet has a page that says so."""
    page = await page_of(Exporter(scheduled("new")), "/target?target=new")

    assert "It has not been looked at yet." in page.text("main")


async def test_which_target() -> None:
    """A target is found by its name, module and labels; of several the page is a list, of none it says so."""
    web, mail = (replace(scheduled("two"), labels=(("team", team),)) for team in ("web", "mail"))
    exporter = Exporter(scheduled("one"), scheduled("two"), web, mail)

    async def title(query: str, status: int = 200) -> str:
        return (await page_of(exporter, f"/target?{query}", status)).text("h2")

    assert await title("target=one") == "one"
    assert await title("target=one&module=tls") == "one"
    assert await title("target=two&module=tls&team=web") == "two"
    assert await title("target=two") == "two"  # the one without labels
    assert await title("target=one&module=other", 404) == "There is no such target"
    assert await title("target=two&team=sales", 404) == "There is no such target"
    assert await title("target=", 404) == "There is no such target"
    assert await title("", 404) == "There is no such target"
    exporter.scheduler.update([web, mail])
    several = await page_of(exporter, "/target?target=two", 404)
    assert several.text("h2") == "Several targets are called two"
    assert [element.attributes["href"] for element in several.all("a") if element.text == "two"] == [
        "target?target=two&module=tls&team=web",
        "target?target=two&module=tls&team=mail",
    ]


async def test_download() -> None:
    """The bytes come as they came, as what they are, under a name that is safe; what is not held is not there."""
    lower = replace(RESPONDER, depth=1, der=b"lower")
    result = found(replace(SOON, der=b"\x00staple"), replace(RESPONDER, der=b"answer"), lower, CRL)
    exporter = Exporter(scheduled('smtp://bad"name;\r\n.example:25'))
    exporter.variants = {'smtp://bad"name;\r\n.example:25': (result,)}
    async with exporter.probing():
        await exporter.until(lambda: exporter.scheduler.first_round_done)
    path = "/evidence.der?target=smtp%3A%2F%2Fbad%22name%3B%0D%0A.example%3A25&module=tls"
    staple = await exporter.get(f"{path}&source=staple&depth=0")

    assert staple.content == b"\x00staple"
    assert staple.headers["content-type"] == "application/ocsp-response"
    assert staple.headers["content-disposition"] == 'attachment; filename="staple-smtp_bad_name_.example_25.der"'
    assert staple.headers["x-content-type-options"] == "nosniff"
    assert (await exporter.get(f"{path}&source=responder&depth=0")).content == b"answer"
    deeper = await exporter.get(f"{path}&source=responder&depth=1")
    assert deeper.content == b"lower"
    assert deeper.headers["content-disposition"].endswith('example_25-depth-1.der"')
    for query in (
        "source=crl",
        "source=staple&depth=1",
        "source=file",
        "source=staple&depth=x",
        "",
        "source=staple&a=b",
    ):
        absent = await exporter.get(f"{path}&{query}")
        assert (absent.status_code, absent.headers["content-type"]) == (404, "text/plain; charset=utf-8")


async def test_history() -> None:
    """The history has what changed or failed, the latest first, with the whole result of each."""
    exporter = Exporter(scheduled("good"), scheduled("down"))
    exporter.variants = {"good": (PAGE.good,), "down": (failed(detail="no answer"),)}
    assert "Nothing changed or failed" in (await page_of(exporter, "/history")).text("main")
    async with exporter.probing():
        await exporter.until(lambda: exporter.scheduler.first_round_done)
        first = await page_of(exporter, "/history")
        exporter.variants = {"good": (PAGE.expired,), "down": (failed(detail="no answer"),)}
        exporter.now = 121.0
        exporter.scheduler.update([scheduled("good"), scheduled("down")])
        await exporter.until(lambda: "expired" in str(exporter.scheduler.find("good", None, ())[0].changes))
    page = await page_of(exporter, "/history")
    texts = [element.text for element in page.all("tr")[1:]]

    assert [element.text for element in first.all("th", scope="row")] == ["down tls"]
    assert "good tls staple=good critical staple=invalid(expired) JSON" in texts[0]
    assert "down tls first look failed failed=timeout no answer JSON" in texts[1]
    links = [element.attributes["href"] for element in page.all("a") if element.text == "JSON"]
    told = (await exporter.get(f"/{links[0]}")).json()
    assert (told["target"], told["verdict"]["level"], told["ocsp"]["status"]) == ("good", "critical", "invalid")
    for number in ("0", "3000", "-1", "x", "", "1e1"):
        assert (await exporter.get(f"/history?id={number}")).status_code == 404
    changes = (await page_of(exporter, "/target?target=good")).text("table", class_="changes")
    assert "staple=good critical staple=invalid(expired)" in changes
    assert changes.endswith("first look ok staple=good")


async def test_config() -> None:
    """The configuration comes as text, and nothing of it is taken for anything else."""
    response = await Exporter().get("/config")

    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "\n  concurrency: 7\n" in response.text


async def test_config_after_a_reload() -> None:
    """The configuration that is shown is the one that holds; one with faults does not."""
    exporter = Exporter()
    exporter.loaded = parse_config("probe_endpoint: {concurrency: 8}", "f.yaml", Path("/nonexistent"))
    await exporter.client.post("/-/reload")
    assert "\n  concurrency: 8\n" in (await exporter.get("/config")).text
    exporter.loaded = ConfigError((Fault("f.yaml", 1, 1, "", "wrong"),))
    await exporter.client.post("/-/reload")
    assert "\n  concurrency: 8\n" in (await exporter.get("/config")).text


@pytest.mark.parametrize("path", ["/target", "/history", "/verdicts", "/config", "/api/v1/targets", "/evidence.der"])
async def test_methods_of_pages(path: str) -> None:
    """The pages are for reading: GET and HEAD."""
    assert (await Exporter().client.post(path)).status_code == 405
