"""What was written in a YAML document, and where: the nouns between reading a file and judging it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from ocsp_exporter.quoting import printable, quoted

#: The way from the top of a document to a value: keys of mappings and positions in lists.
Steps: TypeAlias = tuple[str | int, ...]

_NO_CHILDREN: Final[Mapping[str | int, "Place"]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file. `line` and `column` count from 1, and are 0 where the file could not be read.

    `path` leads to the faulty value, such as `targets[0].labels.team`; empty: the file as a whole.
    """

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return ": ".join(part for part in (place, self.path, self.message) if part)


class Node(NamedTuple):
    """A value as written. `text` None: a list or mapping; `size` counts it and all values in it, aliased ones too.

    `broken`: the reader has found fault with it, and nothing more is to be said of it. `secret`: it is never shown.
    """

    value: object
    text: str | None
    plain: bool
    size: int = 1
    children: Mapping[str | int, "Place"] = _NO_CHILDREN
    broken: bool = False
    secret: bool = False

    def words(self) -> str:
        """Give the value in the writer's own words, quotes included; lists and mappings only by their kind."""
        if self.text is None:
            return "a list" if isinstance(self.value, list) else "a mapping"
        if self.secret and self.text:
            return "what is not shown here"
        return (printable(self.text, 80) or "nothing") if self.plain else quoted(self.text)


class Place(NamedTuple):
    """Where an entry of a mapping (its key) or an item of a list begins, counted from 1, and what stands there."""

    line: int
    column: int
    node: Node


BROKEN: Final = Node(None, "", plain=True, broken=True)
_NOTHING: Final = Node(None, "", plain=True)


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document. `faults` are those of the text itself; where they are fatal, `value` is None."""

    name: str
    top: Place
    faults: tuple[Fault, ...]

    @property
    def value(self) -> object:
        """The whole as mappings, lists, texts, numbers, booleans and None; shared, so not to be changed."""
        return self.top.node.value

    def at(self, steps: Steps) -> object:
        """Give the value at `steps`, None where there is none."""
        return self._node(steps).value

    def has(self, steps: Steps) -> bool:
        """Tell whether anything stands at `steps`, be it good or faulty; null is nothing."""
        node = self._node(steps)
        return node.broken or node.value is not None

    def line(self, steps: Steps) -> int:
        """Give the line, from 1, of the value at `steps`, or of what is nearest above it."""
        return self._nearest(steps).line

    def fault(self, steps: Steps, message: str, *, got: bool = False) -> Fault | None:
        """Find fault with the value at `steps`, adding the writer's own words if `got`.

        Where there is no such value, the fault is with the one above it; None where a fault was found before.
        """
        place = self._nearest(steps)
        if place.node.broken:
            return None
        words = f" (got {place.node.words()})" if got else ""
        return Fault(self.name, place.line, place.column, show_steps(steps), message + words)

    def _node(self, steps: Steps) -> Node:
        node = self.top.node
        for step in steps:
            node = node.children[step].node if step in node.children else _NOTHING
        return node

    def _nearest(self, steps: Steps) -> Place:
        place = self.top
        for step in steps:
            if step not in place.node.children:
                break
            place = place.node.children[step]
        return place


def show_steps(steps: Steps) -> str:
    """Write a path as people do: `targets[0].labels.team`, odd keys in brackets and quotes."""
    parts = (
        f".{step}" if isinstance(step, str) and re.fullmatch(r"[A-Za-z0-9_-]+", step) else
        f"[{quoted(step)}]" if isinstance(step, str) else f"[{step}]"
        for step in steps
    )  # fmt: skip
    return "".join(parts).removeprefix(".")
