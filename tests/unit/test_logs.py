import ast
import json
import logging
import sys
from pathlib import Path
from typing import Literal

import pytest

from ocsp_exporter.serving.logs import Formatter, OnceAMinute

HOUSE = Path(__file__).parents[2] / "ocsp_exporter"


def record(message: str, **fields: object) -> logging.LogRecord:
    """Make a record of a moment that is known."""
    extra = {"fields": fields}
    made = logging.getLogger("test").makeRecord("test", logging.WARNING, "file", 1, message, (), None, extra=extra)
    made.created = 1_800_000_000.25
    return made


def test_logfmt() -> None:
    """A line has time, level, message and facts; what is plain is bare, and a fact that is None is left out."""
    line = Formatter("logfmt").format(record("target changed", target="a:1", module="tls", detail=None, complete=True))

    assert (
        line == 'time=2027-01-15T08:00:00.250Z level=warning msg="target changed" target=a:1 module=tls complete=true'
    )


def test_json() -> None:
    """The same as one JSON object, numbers as numbers."""
    line = Formatter("json").format(record("target changed", target="a:1", module="tls", duration=0.5))

    assert json.loads(line) == {
        "time": "2027-01-15T08:00:00.250Z",
        "level": "warning",
        "msg": "target changed",
        "target": "a:1",
        "module": "tls",
        "duration": 0.5,
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain-1.example:443", "plain-1.example:443"),
        ("", '""'),
        ("two words", '"two words"'),
        ('say "hi"', r'"say \"hi\""'),
        ("a=b", '"a=b"'),
        ("line\nbreak\r", r'"line\nbreak\r"'),
        ("back\\slash", r'"back\\slash"'),
        ("\x1b[31mred\x7f", r'"\u001b[31mred\u007f"'),
        ("\u202egnp.exe\u2028", r'"\u202egnp.exe\u2028"'),
        ("\ud800", r'"\ud800"'),
    ],
)
def test_hostile_values(value: str, shown: str) -> None:
    """Whatever a value has in it, the line stays one line of printable ASCII, and the value can be read back."""
    line = Formatter("logfmt").format(record("m", target=value))

    assert line.partition(" target=")[2] == shown
    assert json.loads(Formatter("json").format(record("m", target=value)))["target"] == value
    for form in (line, Formatter("json").format(record(value))):
        assert form.isascii()
        assert form.isprintable()


def test_exception() -> None:
    """A traceback is a fact like any other, on the same line."""
    fault = record("went wrong")
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        fault.exc_info = sys.exc_info()
    line = Formatter("logfmt").format(fault)

    assert "\n" not in line
    assert line.endswith(r'ZeroDivisionError: division by zero"')


def test_a_lack_of_files_is_told_once_a_minute() -> None:
    """What asyncio says some thousand times a second while no file can be opened fills no disk."""
    seldom = OnceAMinute("socket.accept()")
    told = record("socket.accept() out of system resource")
    passed = []
    for second in range(121):
        told.created = 1_800_000_000.0 + second
        passed += [second] if seldom.filter(told) else []

    assert passed == [0, 60, 120]
    assert seldom.filter(record("another message"))


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_no_secret_in_a_url(form: Literal["logfmt", "json"]) -> None:
    """Of a URL the user name and password are not told, wherever it stands; the rest of it is."""
    told = record("cannot ask http://me:s3cret@proxy.example/a", url=URL("ldap://me:s3cret@ldap.example?a@b"), tries=3)
    told.exc_info = (ValueError, ValueError("'https://:s3@cret@ca.example:8443/' does not answer"), None)
    line = Formatter(form).format(told)

    assert "s3" not in line
    for rest in ("http://***@proxy.example/a", "ldap://***@ldap.example?a@b", "https://***@ca.example:8443/"):
        assert rest in line


class URL:
    """A value that is no text, but has one."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


def test_every_call_gives_its_facts_in_the_same_way() -> None:
    """`extra` is one entry, `fields`: of others the line would have nothing, and some names logging refuses."""
    extras = [
        ast.unparse(keyword.value)
        for module in HOUSE.rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "extra" and not isinstance(keyword.value, ast.Constant)
    ]

    assert len(extras) > 20
    assert [extra for extra in extras if not extra.startswith("{'fields': ")] == []
