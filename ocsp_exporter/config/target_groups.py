"""The text of a list of targets, as Prometheus's file_sd and http_sd have it → groups, or every fault in it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeAlias

from ocsp_exporter.config import yaml_reader
from ocsp_exporter.config.document import Fault, Steps, show_steps
from ocsp_exporter.config.reading import ConfigError, in_order
from ocsp_exporter.quoting import quoted

_GROUP: Final = "expected a mapping with targets and labels"
_MOST_FAULTS: Final = 20  # of one text; more of them say no more
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """Targets as they are written, and what they have in common: labels, sorted by name, none of them checked."""

    targets: tuple[str, ...]
    labels: tuple[tuple[str, str], ...] = ()


Groups: TypeAlias = tuple[TargetGroup, ...]


def read_yaml_groups(text: str, name: str) -> Groups:
    """Read a list of groups in YAML; `name` is the file's in the faults. Raises ConfigError.

    As with Prometheus, values are text without quotes too: `replica: 1`.
    """
    document = yaml_reader.read(text, name, as_text=True)
    found = (document.fault(steps, message) for steps, message in islice(_faults(document.value), _MOST_FAULTS))
    faults = [*document.faults, *filter(None, found)]
    if faults:
        raise ConfigError(in_order(faults))
    return _groups(document.value)


def read_json_groups(text: str, name: str) -> Groups:
    """Read a list of groups in JSON; `name` is where it came from, for the faults. Raises ConfigError."""
    try:
        value = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_mapping, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ConfigError((Fault(name, error.lineno, error.colno, "", f"not JSON: {error.msg}"),)) from None
    except (ValueError, RecursionError) as error:
        message = str(error) if isinstance(error, ValueError) else "nested too deep"
        raise ConfigError((Fault(name, 0, 0, "", message),)) from None
    if value is None:
        raise ConfigError((Fault(name, 0, 0, "", "expected a list; where there are no targets, an empty one: []"),))
    found = islice(_faults(value), _MOST_FAULTS)
    faults = tuple(Fault(name, 0, 0, show_steps(steps), message) for steps, message in found)
    if faults:
        raise ConfigError(faults)
    return _groups(value)


def _mapping(pairs: list[tuple[str, object]]) -> dict[str, object]:
    mapping: dict[str, object] = {}
    for name, value in pairs:
        if name in mapping:
            raise ValueError(f"the key {quoted(name)} stands twice in one object")
        mapping[name] = value
    return mapping


def _no_constant(text: str) -> object:
    raise ValueError(f"not JSON: {text}")


def _faults(value: object) -> Iterator[tuple[Steps, str]]:
    """Find what is not in the shape of a list of groups, and where."""
    if value is not None and not isinstance(value, list):
        yield (), f"expected a list, each item of which is {_GROUP.removeprefix('expected ')}"
    for position, group in enumerate(value if isinstance(value, list) else ()):
        if isinstance(group, dict):
            yield from _group_faults(group, (position,))
        else:
            yield (position,), _GROUP


def _group_faults(group: dict[str, object], at: Steps) -> Iterator[tuple[Steps, str]]:
    for key in group.keys() - {"targets", "labels"}:
        yield (*at, key), "unknown key; known here are targets, labels"
    targets, labels = group.get("targets"), group.get("labels")
    if targets is not None and not isinstance(targets, list):
        yield (*at, "targets"), "expected a list"
    for position, target in enumerate(targets if isinstance(targets, list) else ()):
        if not isinstance(target, str):
            yield (*at, "targets", position), "expected text"
    if labels is not None and not isinstance(labels, dict):
        yield (*at, "labels"), "expected a mapping of names to values"
    for label, text in labels.items() if isinstance(labels, dict) else ():
        if text is not None and not isinstance(text, str):
            yield (*at, "labels", label), "expected text"


def _groups(value: object) -> Groups:
    """Make the groups of what is in their shape."""
    return tuple(
        TargetGroup(
            targets=tuple(map(_encodable, group.get("targets") or ())),
            labels=tuple(
                sorted((_encodable(name), _encodable(text or "")) for name, text in (group.get("labels") or {}).items())
            ),
        )
        for group in (value if isinstance(value, list) else ())
    )


def _encodable(text: str) -> str:
    """Replace halves of characters, which JSON can write and UTF-8 cannot, as Go does."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
