"""What reading any of our files of YAML takes: its text, the check against a table of keys, and the faults found."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ocsp_exporter.config.document import Document, Fault, Steps
from ocsp_exporter.config.keys import Keys

_MAX_BYTES: Final = 64 * 1024 * 1024

K = TypeVar("K", bound=Keys)

#: What pydantic finds, in words of ours; {} is filled from what it says. Any other kind keeps pydantic's words.
_SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "string_type": "expected text; put it in quotes if it is meant so",
        "bool_type": "expected true or false",
        "int_type": "expected a whole number",
        "float_type": "expected a number",
        "model_type": "expected a mapping of keys to values",
        "dict_type": "expected a mapping of keys to values",
        "list_type": "expected a list",
        "enum": "expected {expected}",
        "literal_error": "expected {expected}",
        "greater_than": "expected more than {gt:g}",
        "greater_than_equal": "expected {ge} or more",
        "less_than_equal": "expected {le} or less",
        "too_long": "expected a list of {max_length} at most",
    },
)


class ConfigError(ValueError):
    """A configuration with faults, all of which it carries, in the order of the text: one on each line of its text."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def read_text(path: Path) -> str:
    """Read the file at `path`. Raises ConfigError where it is not to be had, too large or not UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError((Fault(str(path), 0, 0, "", f"cannot be read: {reason}"),)) from None
    if len(content) > _MAX_BYTES:
        raise ConfigError((Fault(str(path), 0, 0, "", f"has more than {_MAX_BYTES // 1024 // 1024} MiB"),))
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = len(content[content.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8")) + 1
        message = f"not UTF-8: the byte 0x{content[error.start]:02x}; save the file as UTF-8"
        raise ConfigError((Fault(str(path), line, column, "", message),)) from None


def check(document: Document, table: type[K], folder: Path) -> tuple[K, list[Fault]]:
    """Check a document against the table of its keys; files that it names are relative to `folder`.

    Gives what was written, or the defaults where there are faults, and the faults, those of the text first.
    """
    faults = list(document.faults)
    try:
        return table.model_validate({} if document.value is None else document.value, context=folder), faults
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        faults += filter(None, (_fault(document, detail, table) for detail in details))
        return table(), faults


def in_order(faults: list[Fault]) -> tuple[Fault, ...]:
    """Give faults in the order of the text."""
    return tuple(sorted(faults, key=lambda fault: (fault.line, fault.column)))


def _fault(document: Document, detail: ErrorDetails, table: type[Keys]) -> Fault | None:
    """Translate what pydantic found, None where the reader found fault with the same value."""
    kind, steps, context = detail["type"], detail["loc"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return document.fault(steps, f"unknown key; known here are {', '.join(_known_keys(table, steps[:-1]))}")
    if kind == "missing":
        return document.fault(steps, "this key is missing")
    if steps and steps[-1] == "[key]":  # pydantic's way of saying that it is the key that is wrong
        steps = steps[:-1]
    if kind == "value_error":
        return document.fault(steps, str(context["error"]))
    sentence = _SENTENCES[kind].format(**context).replace("'", "") if kind in _SENTENCES else detail["msg"]
    return document.fault(steps, sentence, got=True)


@cache
def _schema(table: type[Keys]) -> dict[str, Any]:
    return table.model_json_schema()


def _known_keys(table: type[Keys], steps: Steps) -> tuple[str, ...]:
    """Give the keys that may stand in the mapping at `steps`, in the table's order."""
    schema = top = _schema(table)
    for step in steps:
        schema = (
            schema["items"]
            if isinstance(step, int)
            else schema.get("properties", {}).get(step) or schema["additionalProperties"]
        )
        for each in (schema, *schema.get("anyOf", ())):  # a section that may be null
            if "$ref" in each:
                schema = top["$defs"][each["$ref"].removeprefix("#/$defs/")]
    return tuple(schema["properties"])
