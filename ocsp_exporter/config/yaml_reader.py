"""YAML text → plain values that know where they were written and in which words.

Stricter than YAML 1.1: what its readers disagree about, or what hides a mistake (duplicate keys, `0443`,
`yes`, dates, merge keys, tags), is a fault. Events are read one by one, because `yaml.compose` overflows
the C stack on deeply nested text, and forgets where aliases stood.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Final

import yaml

from ocsp_exporter.config.document import BROKEN, Document, Fault, Node, Place, Steps, show_steps
from ocsp_exporter.quoting import printable

_MAX_DEPTH: Final = 32
_MAX_ALIASED: Final = 100_000  # values that aliases may add to those written

#: libyaml where PyYAML was built with it: about ten times as fast.
LOADER: Final[type[yaml.SafeLoader]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TAG: Final = "tag:yaml.org,2002:"
_DECIMAL: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_NOT_YAML: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def _no_secret(_steps: Steps) -> bool:
    return False


def read(
    text: str,
    name: str,
    loader: type[yaml.SafeLoader] = LOADER,
    *,
    is_secret: Callable[[Steps], bool] = _no_secret,
    as_text: bool = False,
) -> Document:
    """Read one YAML document; `name` is the file's in the faults, which show nothing of a secret. Never raises.

    `as_text`: what is neither a list nor a mapping, nor nothing, is text as it is written, even if it looks like a
    number or a date.
    """
    return _Reader(text.removeprefix("\ufeff"), name, loader, is_secret, as_text=as_text).document()


class _Fatal(Exception):
    """The text cannot be read to its end. `line` and `column` count from 1."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class _Reader:
    """Reads the one document of a text, gathering faults as it goes."""

    def __init__(
        self, text: str, name: str, loader: type[yaml.SafeLoader], is_secret: Callable[[Steps], bool], *, as_text: bool
    ) -> None:
        self._text = text
        self._name = name
        self._loader_class = loader
        self._is_secret = is_secret
        self._as_text = as_text
        self._faults: list[Fault] = []
        self._anchors: dict[str, Node] = {}
        self._aliased = 0

    def document(self) -> Document:
        """Read all of it."""
        try:
            top = self._document()
        except _Fatal as fatal:
            self._faults.append(Fault(self._name, fatal.line, fatal.column, "", str(fatal)))
            top = Place(1, 1, BROKEN)
        return Document(self._name, top, tuple(self._faults))

    def _document(self) -> Place:
        if found := _NOT_YAML.search(self._text):
            line = self._text.count("\n", 0, found.start()) + 1
            column = found.start() - self._text.rfind("\n", 0, found.start())
            raise _Fatal(line, column, f"the character U+{ord(found[0]):04X} may not stand in YAML text")
        self._loader = self._loader_class(self._text)
        try:
            self._next()  # the start of the stream
            event = self._next()
            if isinstance(event, yaml.StreamEndEvent):
                return Place(1, 1, Node(None, "", plain=True))
            event = self._next()
            top = Place(*_position(event), self._node(event, (), event))
            self._next()  # the end of the document
            event = self._next()
            if not isinstance(event, yaml.StreamEndEvent):
                raise _Fatal(*_position(event), "a second document begins here; a file holds one")
            return top
        finally:
            self._loader.dispose()

    def _next(self) -> yaml.Event:
        try:
            return self._loader.get_event()  # type: ignore[no-untyped-call, no-any-return]  # the stubs leave it open
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line, mark.column) if mark else (0, 0)
            said = printable(", ".join(part for part in (error.context, error.problem) if part), 200)
            tab = self._text.split("\n")[line : line + 1] or [""]
            hint = "; a tab does not indent, use spaces" if tab[0][column : column + 1] == "\t" else ""
            raise _Fatal(line + 1, column + 1, f"not YAML: {said}{hint}") from None
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            raise _Fatal(1, 1, f"not YAML: {printable(str(error), 200)}") from None

    def _node(self, event: yaml.Event, steps: Steps, at: yaml.Event) -> Node:
        """Read the value that `event` begins. `at` is where its faults are shown: for an entry of a mapping its key."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, steps)
        if len(steps) >= _MAX_DEPTH:
            raise _Fatal(*_position(event), f"nested deeper than {_MAX_DEPTH} levels")
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, steps, at)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._list(event, steps, at)
        else:
            node = self._mapping(event, steps, at)
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent, steps: Steps) -> Node:
        # An anchor is known once its value has ended, so nothing can contain itself.
        name = event.anchor or ""
        node = self._anchors.get(name)
        if node is None:
            shown = "alias" if self._is_secret(steps) else f"alias *{printable(name, 80)}"
            raise _Fatal(*_position(event), f"the {shown} names nothing that stands before it")
        self._aliased += node.size
        if self._aliased > _MAX_ALIASED:
            raise _Fatal(*_position(event), f"aliases repeat more than {_MAX_ALIASED} values")
        return node

    def _scalar(self, event: yaml.ScalarEvent, steps: Steps, at: yaml.Event) -> Node:
        tag = event.tag
        if tag is None:
            tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]  # as above
            if self._as_text and tag != _TAG + "null":
                tag = _TAG + "str"
        plain, secret = not event.style, self._is_secret(steps)
        try:
            return Node(_interpret(tag, event.value), event.value, plain, secret=secret)
        except ValueError as error:
            node = Node(None, event.value, plain, broken=True, secret=secret)
            # A tag may be the beginning of a password that has no quotes around it.
            self._fault(at, steps, f"{'expected text in quotes' if secret else error} (got {node.words()})")
            return node

    def _list(self, event: yaml.Event, steps: Steps, at: yaml.Event) -> Node:
        broken = self._is_tagged(event, steps, at)
        children: dict[str | int, Place] = {}
        size = 1
        while not isinstance(item := self._next(), yaml.SequenceEndEvent):
            index = len(children)
            node = self._node(item, (*steps, index), item)
            children[index] = Place(*_position(item), node)
            size += node.size
        value = [place.node.value for place in children.values()]
        return BROKEN if broken else Node(value, None, plain=True, size=size, children=children)

    def _mapping(self, event: yaml.Event, steps: Steps, at: yaml.Event) -> Node:
        broken = self._is_tagged(event, steps, at)
        children: dict[str | int, Place] = {}
        size = 1
        while not isinstance(start := self._next(), yaml.MappingEndEvent):
            key = self._key(start, steps)
            node = self._node(self._next(), (*steps, "" if key is None else key), start)
            size += node.size
            if key is None:
                continue
            if key in children:
                self._fault(start, (*steps, key), f"this key stands here twice, first on line {children[key].line}")
                continue
            children[key] = Place(*_position(start), node)
        value = {key: place.node.value for key, place in children.items()}
        return BROKEN if broken else Node(value, None, plain=True, size=size, children=children)

    def _key(self, event: yaml.Event, steps: Steps) -> str | None:
        """Read a key, None where it cannot be one."""
        faults = len(self._faults)
        node = self._node(event, (*steps, "?"), event)
        del self._faults[faults:]  # whatever is wrong with it as a value: a key is text
        if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and node.plain:
            self._fault(event, steps, "merge keys (<<) are not accepted; an alias may stand for a whole value")
        elif not isinstance(node.value, str):
            self._fault(event, steps, f"a key is text; put it in quotes (got {node.words()})")
        else:
            return node.value
        return None

    def _is_tagged(self, event: yaml.Event, steps: Steps, at: yaml.Event) -> bool:
        tag = event.tag if isinstance(event, yaml.CollectionStartEvent) else None
        if tag is None:
            return False
        self._fault(at, steps, f"the tag {printable(tag.replace(_TAG, '!!'), 80)} is not accepted; leave it out")
        return True

    def _fault(self, event: yaml.Event, steps: Steps, message: str) -> None:
        self._faults.append(Fault(self._name, *_position(event), show_steps(steps), message))


def _position(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _interpret(tag: str, text: str) -> object:
    """Give the value of a scalar. Raises ValueError with a sentence where YAML's readers may disagree about it."""
    if tag not in _SCALARS:
        raise ValueError(f"the tag {printable(tag.replace(_TAG, '!!'), 80)} is not accepted; leave it out")
    return _SCALARS[tag](text)


def _text(text: str) -> str:
    if not text.isascii() and _SURROGATE.search(text):
        raise ValueError("half of a character (a surrogate) stands in this text")
    return text


def _null(text: str) -> None:
    if text.lower() not in ("", "~", "null"):
        raise ValueError("expected nothing, ~ or null")


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("expected true or false, or text in quotes")
    return text.lower() == "true"


def _whole_number(text: str) -> int:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("expected a whole number in decimal without leading zeros, or text in quotes")
    return int(text)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("expected a number in decimal, or text in quotes")
    return number


def _date(_: str) -> None:
    raise ValueError("expected text in quotes where YAML would read a date")


_SCALARS: Final[Mapping[str, Callable[[str], object]]] = {
    _TAG + "str": _text,
    _TAG + "value": _text,  # a single =
    _TAG + "merge": _text,  # << as a value; as a key it is refused before
    _TAG + "null": _null,
    _TAG + "bool": _boolean,
    _TAG + "int": _whole_number,
    _TAG + "float": _number,
    _TAG + "timestamp": _date,
}
