import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ocsp_exporter.model import ProbeResult
from ocsp_exporter.serving import api
from ocsp_exporter.serving.overview import GRADES, ORDERS
from tests.unit.exporter import Exporter
from tests.unit.results import GOOD, MISSING, NOW, failed, found, scheduled

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "pages.md").read_text()
FRESH = replace(GOOD, this_update=int(NOW) - 600, der=b"\x00\x01")

FLEET: list[tuple[str, tuple[ProbeResult, ...]]] = [
    ("good.example", (found(FRESH),)),
    ("bad.example", (found(MISSING, compliant=False),)),
    ("down.example", (failed(detail="no answer"),)),
    ("new.example", ()),
    ("two.example", (replace(found(FRESH), address="192.0.2.1"), replace(failed(), address="::1"))),
]


def ask(**parameters: str) -> dict[str, Any]:
    """Give what the fleet is told as."""
    fleet = [(replace(scheduled(name), labels=(("team", "web"),)), results) for name, results in FLEET]
    told: dict[str, Any] = json.loads(api.render(fleet, NOW, api.read_query(parameters.items())))
    return told


def names(told: dict[str, Any]) -> list[str]:
    """Give the names of the targets that are told of."""
    return [entry["target"] for entry in told["targets"]]


def test_all_targets() -> None:
    """Without parameters all targets are told of, the worst first, each with the whole verdict."""
    told = ask()
    bad, *_ = told["targets"]

    assert {key: value for key, value in told.items() if key != "targets"} == {
        "as_of": NOW,
        "levels": {"critical": 1, "failed": 2, "waiting": 1, "ok": 2},
        "total": 6,
        "offset": 0,
        "next": None,
    }
    assert names(told) == [f"{name}.example" for name in ("bad", "down", "two", "new", "good", "two")]
    assert {key: value for key, value in bad.items() if key != "result"} == {
        "target": "bad.example",
        "module": "tls",
        "labels": {"team": "web"},
        "interval": 60.0,
        "level": "critical",
    }
    assert bad["result"]["verdict"]["level"] == "critical"
    assert bad["result"]["ocsp"]["status"] == "missing"
    assert told["targets"][3]["result"] is None


def test_the_documented_keys() -> None:
    """The page of the documentation names exactly the keys and parameters that there are."""

    def column(page: str, head: str) -> set[str]:
        table = page.split(f"| {head} |", 1)[1].split("\n\n", 1)[0]
        return {word for line in table.splitlines()[2:] for word in re.findall(r"`(\w+)`", line.split("|")[1])}

    told = ask()
    assert column(PAGE, "key") == told.keys()
    assert column(PAGE, "key of a target") == told["targets"][0].keys()
    assert column(PAGE, "parameter") == set(api.PARAMETERS)
    assert column((DOCS / "command-line.md").read_text(), "key") == told["targets"][0]["result"].keys()
    assert all(f"`{word}`" in PAGE for word in (*GRADES, *ORDERS))


def test_which_targets() -> None:
    """Name and module choose exactly, and levels count those; the other parameters choose as on the status page."""
    assert names(ask(target="good.example")) == ["good.example"]
    assert names(ask(target="good")) == []
    assert names(ask(module="other")) == []
    assert names(ask(module="tls", level="ok,waiting", sort="-target")) == [
        "two.example",
        "new.example",
        "good.example",
    ]
    assert names(ask(q="team=web no answer")) == ["down.example"]
    two = ask(target="two.example", level="ok")
    assert (two["levels"], two["total"]) == ({"failed": 1, "ok": 1}, 1)


def test_page_by_page() -> None:
    """`next` leads through all of them, with everything else that was asked for."""
    seen: list[str] = []
    query = {"sort": "target", "limit": "4", "q": "team=web ."}
    told = ask(**query)
    seen += names(told)
    assert (told["total"], told["offset"], told["next"]) == (6, 0, "?sort=target&limit=4&q=team%3Dweb+.&offset=4")
    told = ask(**query, offset="4")
    seen += names(told)
    assert (told["total"], told["offset"], told["next"]) == (6, 4, None)
    assert seen == [f"{name}.example" for name in ("bad", "down", "good", "new", "two", "two")]
    assert ask(offset="7")["targets"] == []


def test_bytes_only_where_asked_for() -> None:
    """The bytes of the evidence, which are most of it, are left out unless they are asked for."""

    def der(**parameters: str) -> object:
        result = ask(target="good.example", **parameters)["targets"][0]["result"]
        return result["evidence"][0]["der"]

    assert (der(), der(der="false"), der(der="true")) == (None, None, "AAE=")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("limti=5", "Unknown parameter 'limti': known are target, module, q, level, sort, offset, limit, der."),
        ("target=a&target=b", "Parameter target was given more than once; give it once."),
        ("limit=0", "Parameter limit is a number from 1 to 10000 (got '0')."),
        ("limit=10001", "Parameter limit is a number from 1 to 10000 (got '10001')."),
        ("limit=", "Parameter limit is a number from 1 to 10000 (got '')."),
        ("limit=%C2%B2", "Parameter limit is a number from 1 to 10000 (got '\u00b2')."),
        ("offset=-1", "Parameter offset is a number of at least 0 (got '-1')."),
        ("offset=1e3", "Parameter offset is a number of at least 0 (got '1e3')."),
        ("offset=" + "9" * 5000, f"Parameter offset is a number of at least 0 (got '{'9' * 80}')."),
        ("der=yes", "Parameter der is true or false (got 'yes')."),
        ("level=ok,bad", f"Unknown level 'bad': known are {', '.join(GRADES)}."),
        ("sort=name", f"Unknown order 'name': known are {', '.join(ORDERS)}, each with or without - in front."),
    ],
)
async def test_wrong_parameters(query: str, sentence: str) -> None:
    """What makes no sense is refused with a sentence, and its good twin is not."""
    response = await Exporter().get(f"/api/v1/targets?{query}")

    assert (response.status_code, response.text) == (400, f"{sentence}\n")
    good = await Exporter().get("/api/v1/targets?limit=10000&offset=9999999&der=true&level=ok&sort=-target&q=&target=a")
    assert (good.status_code, good.headers["content-type"]) == (200, "application/json")
    assert good.json()["targets"] == []
