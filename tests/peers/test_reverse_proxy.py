"""The exporter behind nginx, which shows it below a path of its own."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.peers.daemons import HOST, find, free_port, run
from tests.peers.exporter import started_exporter
from tests.peers.servers import write

ROOT = Path(__file__).parents[2]


class Links(HTMLParser):
    """Collects what a page leads to or loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the links of an element; a form is sent with a target."""
        for name, value in attrs:
            if name in {"href", "src", "action"} and value:
                sent = "?target=127.0.0.1:1" if (tag, name, value) == ("form", "action", "probe") else ""
                self.found.append(value + sent)


@dataclass(frozen=True, slots=True)
class Way:
    """How nginx hands requests on to port 10960, and what their paths then begin with."""

    location: str
    prefix: str


[DOCUMENTED] = re.findall(r"(?ms)^```nginx\n(.*?)^```", (ROOT / "docs" / "command-line.md").read_text())
WAYS = {
    "kept": Way(DOCUMENTED, "/ocsp"),
    "taken away": Way("location /ocsp/ { proxy_pass http://127.0.0.1:10960/; }", "/"),
    "replaced": Way("location /ocsp/ { proxy_pass http://127.0.0.1:10960/inner/; }", "/inner"),
}


@dataclass(frozen=True, slots=True)
class Proxied:
    """An exporter that browsers find at `url`, and listens at `direct`."""

    way: Way
    url: str
    direct: str


def get(url: str) -> httpx.Response:
    """Ask as a browser does, which goes where it is sent."""
    return httpx.get(url, follow_redirects=True, timeout=30)


@contextmanager
def nginx(folder: Path, location: str, port: int) -> Iterator[None]:
    """Run nginx in front of the exporter while the block lasts."""
    configuration = [
        "daemon off;",
        f"pid {folder}/nginx.pid;",
        "error_log stderr notice;",
        "events { worker_connections 64; }",
        "http {",
        "access_log off;",
        *(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")),
        f"server {{ listen {HOST}:{port}; {location} }}",
        "}",
    ]
    path = write(folder / "nginx.conf", "\n".join(configuration).encode())
    with run([find("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(path)], folder, [port]):
        yield


@pytest.fixture(scope="module", params=WAYS)
def proxied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    """Run both, with a target where nobody listens."""
    way, folder = WAYS[request.param], tmp_path_factory.mktemp("proxied")
    port, inner = free_port(), free_port()
    url, direct = f"http://{HOST}:{port}/ocsp/", f"http://{HOST}:{inner}"
    config = write(folder / "ocsp.yaml", b'targets: [{targets: ["127.0.0.1:1"]}]')
    arguments = ["--config.file", str(config), "--web.listen-address", f"{HOST}:{inner}", "--web.external-url", url]
    if way.prefix != "/ocsp":  # which is the default here
        arguments += ["--web.route-prefix", way.prefix]
    with (
        started_exporter(folder, arguments, [inner], urljoin(direct, f"{way.prefix.rstrip('/')}/-/ready")),
        nginx(folder, way.location.replace("127.0.0.1:10960", f"{HOST}:{inner}"), port),
    ):
        yield Proxied(way, url, direct)


def test_every_link_leads_somewhere(proxied: Proxied) -> None:
    """From the first page on all links, forms, styles and scripts are found, and all below the path."""
    origin = urlsplit(proxied.url).netloc
    waiting, seen = [proxied.url], set[str]()
    while waiting:
        url = waiting.pop().partition("#")[0]
        if url in seen or urlsplit(url).netloc != origin:
            continue
        seen.add(url)
        answer = get(url)
        assert answer.status_code == 200, url
        assert url.startswith(proxied.url)
        if answer.headers["content-type"].startswith("text/html"):
            waiting += [urljoin(str(answer.url), link) for link in Links(answer.text).found]

    paths = {url.removeprefix(proxied.url).partition("?")[0] for url in seen}
    assert {"", "style.css", "metrics", "probe"} <= paths


@pytest.mark.parametrize("path", ["/ocsp", "/ocsp/"])
def test_whoever_is_nearly_there_is_shown_the_way(proxied: Proxied, path: str) -> None:
    """With and without the slash at its end the URL leads to the first page, and so does the exporter's own address."""
    answer = get(urljoin(proxied.url, path))
    assert (answer.status_code, str(answer.url)) == (200, proxied.url)
    assert "<title>ocsp_exporter" in answer.text


def test_whoever_comes_without_the_proxy(proxied: Proxied) -> None:
    """At the exporter's own address there is the way to where the page is for browsers, or the page."""
    answer = httpx.get(f"{proxied.direct}/")
    expected = (200, None) if proxied.way.prefix == "/" else (302, "/ocsp/")
    assert (answer.status_code, answer.headers.get("location")) == expected
