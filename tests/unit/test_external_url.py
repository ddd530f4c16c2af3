import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ocsp_exporter.serving.external_url import Paths, mounted, read_paths


@pytest.mark.parametrize(
    ("external_url", "route_prefix", "paths"),
    [
        (None, None, Paths("", "/")),
        ("", "", Paths("", "/")),
        ("https://proxy.example", None, Paths("", "/")),
        ("https://proxy.example:8443/", None, Paths("", "/")),
        ("http://proxy.example/ocsp", None, Paths("/ocsp", "/ocsp/")),
        ("https://proxy.example/team/ocsp/", None, Paths("/team/ocsp", "/team/ocsp/")),
        ("/ocsp/", None, Paths("/ocsp", "/ocsp/")),
        ("https://proxy.example/ocsp/", "/", Paths("", "/ocsp/")),
        ("https://proxy.example/ocsp/", "/inner", Paths("/inner", "/ocsp/")),
        ("https://proxy.example/", "inner/", Paths("/inner", "/")),
        (None, "/inner/", Paths("/inner", "/inner/")),
    ],
)
def test_paths(external_url: str | None, route_prefix: str | None, paths: Paths) -> None:
    """The prefix is that of the external URL unless another is given, slashes at its ends or not."""
    assert read_paths(external_url, route_prefix) == paths


@pytest.mark.parametrize(
    "url",
    [
        *("ocsp", "proxy.example/ocsp", "ftp://proxy.example/", "https://", "//proxy.example/ocsp", "/a?b"),
        *(
            "https://me:secret@proxy.example/",
            "https://proxy.example/#a",
            "https://[::1/",
            "https://proxy.example:99999/",
        ),
        '"https://proxy.example/"',
    ],
)
def test_what_is_no_url(url: str) -> None:
    """Anything else is refused with a sentence that says what is expected."""
    with pytest.raises(
        ValueError, match=r"--web.external-url .*: expected a URL such as https://proxy.example.org/ocsp/"
    ):
        read_paths(url, None)


@pytest.mark.parametrize(
    "url",
    ["https://me:secret@proxy.example/", "https://me:my secret@proxy.example/", "https://me:1/secret@proxy.example/"],
)
def test_a_password_is_not_told(url: str) -> None:
    """Wherever the writer's mistake put it."""
    with pytest.raises(ValueError, match=r"--web\.external-url") as told:
        read_paths(url, None)
    assert "secret" not in str(told.value)
    assert "proxy.example" in str(told.value)


@pytest.mark.parametrize("path", ["/a//b", "/a b", "/%41", "/{path}", "/a\\b", "//"])
def test_what_is_no_path(path: str) -> None:
    """Only paths are taken that nothing on the way writes in another form."""
    with pytest.raises(ValueError, match=r"--web\.external-url: .* single slashes"):
        read_paths(f"https://proxy.example{path}", None)
    with pytest.raises(ValueError, match=r"--web\.route-prefix: the path"):
        read_paths(None, path)


def client(paths: Paths) -> httpx.AsyncClient:
    """Ask an application with two pages, which is below a prefix."""

    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{request.scope['root_path']} {request.url.path}")

    app = mounted(Starlette(routes=[Route("/", page), Route("/a/b", page)]), paths)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://exporter")


async def test_below_a_prefix() -> None:
    """The pages are where they are said to be and nowhere else, and whoever is nearly there is shown the way."""
    async with client(Paths("/ocsp", "/outer/")) as asking:
        for path in ("/ocsp/", "/ocsp/a/b"):
            assert (await asking.get(path)).status_code == 200
        for path in ("/", "/ocsp"):
            answer = await asking.get(path)
            assert (answer.status_code, answer.headers["location"]) == (302, "/outer/")
        for path in ("/a/b", "/ocsp/a", "/ocspa/b", "/ocsp/ocsp/a/b", "/outer/"):
            assert (await asking.get(path)).status_code == 404


async def test_without_a_prefix() -> None:
    """Then nothing is changed."""
    async with client(Paths("", "/outer/")) as asking:
        assert (await asking.get("/")).status_code == 200
        assert (await asking.get("/a/b")).text == " /a/b"


async def test_nobody_is_sent_round_in_circles() -> None:
    """Where a proxy adds the prefix, whoever comes to its home without it is sent below the prefix."""
    async with client(Paths("/inner", "/")) as asking:
        assert (await asking.get("/")).headers["location"] == "/inner/"
        assert (await asking.get("/inner")).headers["location"] == "/"
        assert (await asking.get("/inner/")).status_code == 200
