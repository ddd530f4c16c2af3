import json
import logging
import sys

import pytest

from ocsp_exporter.serving.logs import Formatter, OnceAMinute


def record(message: str, **extra: object) -> logging.LogRecord:
    """Make a record of a moment that is known."""
    made = logging.getLogger("test").makeRecord("test", logging.WARNING, "file", 1, message, (), None, extra=extra)
    made.created = 1_800_000_000.25
    return made


def test_logfmt() -> None:
    """A line has time, level, message and facts; what is plain is bare, and a fact that is None is left out."""
    line = Formatter("logfmt").format(record("target changed", target="a:1", fields={"module": "tls", "detail": None}))

    assert line == 'time=2027-01-15T08:00:00.250Z level=warning msg="target changed" target=a:1 module=tls'


def test_json() -> None:
    """The same as one JSON object, numbers as numbers."""
    line = Formatter("json").format(record("target changed", target="a:1", fields={"module": "tls", "duration": 0.5}))

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
