"""The pages in a real browser, with script and without, large and small, light and dark."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from importlib.resources import files
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
import yaml

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.states import STATES
from ocsp_exporter.model import Reason, Status
from tests.peers.chromium import Browser, running_browser
from tests.peers.daemons import HOST, find
from tests.peers.exporter import Exporter, running_exporter
from tests.peers.servers import Site, der, pem, s_server, write

DAY = 24 * 3600
LARGE, PHONE = (1400, 900), (390, 844)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Run one browser for all tests."""
    with running_browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """Return the browser as it is at first: a large light screen, and nothing to complain of."""
    chromium.run_scripts(allowed=True)
    chromium.open("about:blank")
    chromium.show(*LARGE)
    chromium.take_complaints()
    return chromium


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """Run the demo: an endpoint in every state of health."""
    with running_exporter(tmp_path_factory.mktemp("demo"), "demo") as exporter:
        yield exporter


def path_of(demo: Exporter, endpoint: str) -> str:
    """Return the path of the page of an endpoint of the demo."""
    targets = httpx.get(f"http://{demo.address}/api/v1/targets").json()["targets"]
    name = next(each["target"] for each in targets if each["labels"]["endpoint"] == endpoint)
    return f"/target?target={name}"


def names(browser: Browser) -> list[str]:
    """Return the endpoints of the rows that are shown, in their order."""
    return [text.split("endpoint=")[1] for text in browser.texts("#rows th small")]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [LARGE, PHONE], ids=["large", "phone"])
@pytest.mark.parametrize("endpoint", [None, "revoked", "good", "without-ocsp", "must-staple-without-staple"])
def test_pages_are_in_order(
    browser: Browser, demo: Exporter, endpoint: str | None, size: tuple[int, int], dark: bool
) -> None:
    """A page has nothing in the console, fits into the width, and keeps nobody from reading it."""
    path = path_of(demo, endpoint) if endpoint else "/"
    browser.show(*size, dark=dark)
    browser.open(f"http://{demo.address}{path}")

    assert browser.take_complaints() == []
    assert browser.ask("document.documentElement.scrollWidth") <= size[0]
    assert violations(browser) == []


@pytest.mark.parametrize("path", ["/history", "/verdicts", "/verdicts#problem-expired"])
def test_other_pages_are_in_order(browser: Browser, demo: Exporter, path: str) -> None:
    """So have the others."""
    for size in (LARGE, PHONE):
        browser.open("about:blank")  # for to another place of the same page nothing is loaded
        browser.show(*size)
        browser.open(f"http://{demo.address}{path}")
        assert browser.take_complaints() == []
        assert browser.ask("document.documentElement.scrollWidth") <= size[0]
        assert violations(browser) == []


def violations(browser: Browser) -> list[str]:
    """Return what axe finds wrong with the page, in its words."""
    browser.ask(files("axe_core_python").joinpath("axe.min.js").read_text() + "; 0")
    found: list[str] = browser.ask(
        "axe.run().then((told) => told.violations.map((each) => `${each.id}: ${each.help}: ${each.nodes[0].html}`))"
    )
    return found


def test_the_checker_checks(browser: Browser, demo: Exporter) -> None:
    """What spoils a page is found."""
    browser.open(f"http://{demo.address}/")
    browser.ask("document.querySelector('#filter label').replaceWith(document.querySelector('select')); 0")
    browser.ask("document.querySelector('h1').style.color = '#eee'; 0")

    assert [each.split(":")[0] for each in violations(browser)] == ["color-contrast", "select-name"]


def test_filter_while_typing(browser: Browser, demo: Exporter) -> None:
    """What is typed filters at once, and stands in the address, so that the page can be passed on."""
    browser.open(f"http://{demo.address}/")
    assert len(names(browser)) == len(STATES)
    browser.press("/")
    browser.type("invalid signature")

    assert names(browser) == ["forged-signature"]
    assert browser.texts("#shown") == [f"1 of {len(STATES)} shown"]
    assert browser.ask("location.search") == "?q=invalid+signature"
    browser.open(browser.ask("location.href"))
    browser.until(f"document.getElementById('rows').rows.length === {len(STATES)}")
    assert names(browser) == ["forged-signature"]
    browser.press("/")
    browser.ask("document.querySelector('[type=search]').select()")
    browser.type("no-such-thing")
    assert names(browser) == []
    browser.ask("document.querySelector('[type=search]').select()")
    browser.press("Escape")
    browser.until(f"document.querySelectorAll('#rows tr:not([hidden])').length === {len(STATES)}")


def test_filter_by_level(browser: Browser, demo: Exporter) -> None:
    """A count is a filter, and a second click takes it back."""
    browser.open(f"http://{demo.address}/")
    browser.click("#counts .warning")
    assert names(browser) == ["refresh-overdue"]
    assert browser.ask("location.search") == "?level=warning"
    browser.click("#counts .warning")
    assert len(names(browser)) == len(STATES)


def test_sort(browser: Browser, demo: Exporter) -> None:
    """A click on the head of a column sorts by it, the next one turns that around; what was filtered stays so."""
    browser.open(f"http://{demo.address}/")
    browser.press("/")
    browser.type("must-staple-")
    browser.click("#by-target")
    browser.until("document.querySelector('[aria-sort=ascending] #by-target')")
    assert names(browser) == ["must-staple-good", "must-staple-without-staple"]
    browser.click("#by-target")
    browser.until("document.querySelector('[aria-sort=descending] #by-target')")
    assert names(browser) == ["must-staple-without-staple", "must-staple-good"]
    assert browser.ask("document.activeElement.id") == "by-target"
    assert browser.ask("location.search") == "?q=must-staple-&sort=-target"
    assert browser.take_complaints() == []


def test_by_keyboard(browser: Browser, demo: Exporter) -> None:
    """A target is found and opened without a mouse, and the focus is to be seen."""
    browser.open(f"http://{demo.address}/")
    browser.press("/")
    browser.type("endpoint=revoked")
    for _ in range(60):
        browser.press("Tab")
        if browser.ask("document.activeElement.matches('#rows th a')"):
            break
    assert browser.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.press("Enter")
    browser.wait_for_page()

    assert browser.ask("location.pathname") == "/target"
    assert browser.texts(".grounds li")[0].startswith("critical The certificate is revoked since ")


def test_the_table_is_one(browser: Browser, demo: Exporter) -> None:
    """Though its rows are laid out as grids, it is a table to those who do not see it."""
    browser.open(f"http://{demo.address}/")
    tree = browser._call("Accessibility.getFullAXTree")["nodes"]  # noqa: SLF001 - asked for here only
    roles = [node["role"]["value"] for node in tree if not node["ignored"]]

    assert roles.count("table") == 1
    assert roles.count("row") == len(STATES) + 1
    assert roles.count("columnheader") == 9
    assert roles.count("rowheader") == len(STATES)
    # A cell that has nothing to say why is not there.
    assert 7 * len(STATES) < roles.count("cell") < 8 * len(STATES)


def test_download(browser: Browser, demo: Exporter, tmp_path: Path) -> None:
    """What the page offers for download is what the command beside it shows."""
    url = f"http://{demo.address}{path_of(demo, 'revoked')}"
    browser.open(url)
    link, name = browser.ask(
        "(() => { const a = document.querySelector('a[download]'); return [a.href, a.download]; })()"
    )
    answer = httpx.get(urljoin(url, link)).raise_for_status()
    program, *arguments = browser.texts(".beside code")[0].split()
    (tmp_path / name).write_bytes(answer.content)
    shown = subprocess.run([find(program), *arguments], cwd=tmp_path, capture_output=True, check=True, text=True).stdout

    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert "OCSP Response Status: successful (0x0)" in shown
    assert "Cert Status: revoked" in shown
    assert "Revocation Reason: keyCompromise (0x1)" in shown


def test_config_of_the_demo(demo: Exporter) -> None:
    """What is shown is what would have to be written for the same."""
    shown = yaml.safe_load(demo.page("/config"))

    assert [group["labels"]["endpoint"] for group in shown["targets"]] == [state.name for state in STATES]
    assert (shown["probe"]["interval"], shown["probe"]["concurrency"]) == ("10s", 512)
    assert list(shown["modules"]) == ["tls"]


@pytest.mark.parametrize("page", ["/", "/target?target={target}"])
def test_it_is_seen_live(browser: Browser, root: Authority, tmp_path: Path, page: str) -> None:
    """When a staple changes, an open page shows that by itself."""
    now = int(time.time())
    leaf = root.leaf(HOST, must_staple=True)
    good = root.answer(leaf, this_update=now - 60, next_update=now + DAY)
    revoked = root.answer(
        leaf, status=Status.REVOKED, revocation_time=now - DAY, reason=Reason.SUPERSEDED, this_update=now - 30
    )
    with s_server(tmp_path, [Site(leaf, good)]) as (port,), watching(tmp_path, root, f"{HOST}:{port}") as exporter:
        browser.open(f"http://{exporter.address}{page.format(target=f'{HOST}:{port}')}")
        assert browser.texts(".status") == ["good"]
        write(tmp_path / f"{port}.pem.ocsp", revoked)  # which openssl s_server reads at every handshake
        browser.until("document.querySelector('.status.revoked')")
        assert browser.take_complaints() == []


def test_an_exporter_that_is_gone(browser: Browser, tmp_path: Path) -> None:
    """A page that cannot be brought up to date says so."""
    with running_exporter(tmp_path, "demo") as exporter:
        browser.open(f"http://{exporter.address}/")
    browser.ask("document.dispatchEvent(new Event('visibilitychange')); 0")  # as when one comes back to the page
    browser.until("document.getElementById('trouble').textContent.includes('the exporter does not answer')")
    assert len(names(browser)) == len(STATES)


def watching(folder: Path, root: Authority, *targets: str) -> AbstractContextManager[Exporter]:
    """Run an exporter that looks at targets once a second."""
    write(folder / "root.pem", pem(der(root.certificate)))
    configuration = {
        "modules": {"tls": {"tls_config": {"ca_file": "root.pem"}, "responder": {"query": False}}},
        "targets": [{"targets": list(targets), "interval": "1s"}],
    }
    path = write(folder / "config.yaml", yaml.safe_dump(configuration).encode())
    return running_exporter(folder, "serve", "--config.file", str(path))


def test_without_script(browser: Browser, demo: Exporter) -> None:
    """Without script the form, the counts and the heads of the columns do the same, and the page reloads itself."""
    browser.run_scripts(allowed=False)
    browser.open(f"http://{demo.address}/")
    browser.click("#filter [type=search]")
    browser.type("must-staple")
    browser.click("#filter button")
    browser.wait_for_page()
    assert "must-staple-good" in names(browser)
    assert "revoked" not in names(browser)
    browser.click("#by-target")
    browser.wait_for_page()
    assert names(browser) == ["must-staple-good", "must-staple-without-staple"]
    browser.click("#counts .warning")
    browser.wait_for_page()
    assert names(browser) == ["refresh-overdue"]
    assert browser.texts("#shown") == [f"1 of {len(STATES)} shown"]
    assert browser.ask("document.querySelector('meta[http-equiv=refresh]').content") == "30"
    browser.click("#rows th a")
    browser.wait_for_page()
    assert browser.texts("h2") == [path_of(demo, "refresh-overdue").partition("=")[2]]


def test_ten_thousand_targets(browser: Browser, root: Authority, tmp_path: Path) -> None:
    """All of them are on the page; those out of sight are not laid out, and the filter finds one of them."""
    # Nothing listens on the discard port of these addresses, all of which are this machine.
    targets = [f"127.{10 + number // 10_000}.{number // 100 % 100}.{1 + number % 100}:9" for number in range(10_000)]
    write(tmp_path / "root.pem", pem(der(root.certificate)))
    configuration = {"targets": [{"targets": targets, "interval": "1h"}]}
    path = write(tmp_path / "config.yaml", yaml.safe_dump(configuration).encode())
    with running_exporter(tmp_path, "serve", "--config.file", str(path)) as exporter:
        browser.open(f"http://{exporter.address}/")
        assert browser.ask("document.getElementById('rows').rows.length") == 10_000
        assert browser.texts("#counts")[0].startswith("10000 targets: 10000 failed")
        assert browser.ask("getComputedStyle(document.querySelector('#rows tr')).contentVisibility") == "auto"
        browser.press("/")
        browser.type("127.10.42.43:9")
        assert [text.split()[0] for text in browser.texts("#rows th")] == ["127.10.42.43:9"]
        assert browser.texts("#shown") == ["1 of 10000 shown"]
        assert browser.take_complaints() == []
