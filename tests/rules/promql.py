"""As much of PromQL as the rules use: which metrics an expression selects, and which labels it names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAME = r"[a-zA-Z_][a-zA-Z0-9_:]*"
#: What stands in brackets after these are labels.
_LISTS = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(rf"({_NAME})\s*(?:\{{([^}}]*)\}})?(\s*\()?")
_MATCHER = re.compile(rf'({_NAME})\s*(=~|!~|!=|=)\s*"([^"]*)"')
_WORDS = {"and", "or", "unless", "bool", "offset"}


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric as it is selected; `matchers` are labels with what is said of their values."""

    metric: str
    matchers: tuple[tuple[str, str], ...]


def selectors(expr: str) -> Iterator[Selector]:
    """Yield every selector of an expression."""
    for name, matchers, call in _SELECTOR.findall(
        re.sub(r"\[[^]]*\]|offset \w+", "", _LISTS.sub("", _without_strings(expr)))
    ):
        if not call and name not in _WORDS:
            yield Selector(name, tuple((label, text) for label, _, text in _MATCHER.findall(matchers)))


def label_lists(expr: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what stands before each list of labels, and the labels."""
    for word, labels in _LISTS.findall(expr):
        yield word, tuple(label.strip() for label in labels.split(",") if label.strip())


def _without_strings(expr: str) -> str:
    """Take the strings out of function calls; those of matchers stay."""
    return re.sub(r',\s*"[^"]*"', "", expr) if "label_replace" in expr else expr
