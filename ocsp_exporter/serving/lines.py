"""The series of a result as Prometheus reads them, but for their beginnings: written once, and kept with the result.

A line here is a line break, then the labels that tell a series of the target from the others of its metric, and the
value. Where the line break stands a page puts the metric's name and the target's labels. So what all lines of a target
begin with is held once, and the lines of which most targets have the same are held once for all of them.
"""

from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Any, NamedTuple

from ocsp_exporter.metrics import METRICS, TARGET_LABELS, Publication, Sample, Samples, Things, Value, ValueAtScrape

_LONGEST_LABEL_VALUE = 256


def write(publication: Publication) -> None:
    """Write the lines of a publication that has none yet: of each row of the table, and last the target's labels.

    Those of a row that depends on the time of the scrape are empty.
    """
    if publication.lines:
        return
    lines = [b""] * len(METRICS)
    for things, values, samples in _KINDS:
        found = _found(things, publication)
        for row, read in values if found else ():
            lines[row] = _one_of_each(found, read)
        for row, read_several, names in samples if found else ():
            lines[row] = _several_of_each(found, read_several, names)
    publication.lines = (*lines, _labels_of_target(publication))


def lines_at(reader: ValueAtScrape[Any], publication: Publication, now: float) -> bytes:
    """Give the lines of a row that depends on the time of the scrape."""
    return _one_of_each(_found(reader.things, publication), lambda thing: reader.read(thing, now))


class _Kind(NamedTuple):
    """The rows about one kind of things, by their places in the table; those of several samples with their labels."""

    things: Things[Any]
    values: list[tuple[int, Callable[[Any], float | None]]]
    samples: list[tuple[int, Callable[[Any], Iterable[Sample]], tuple[str, ...]]]


def _kinds() -> Iterable[_Kind]:
    kinds = {metric.reader.things: _Kind(metric.reader.things, [], []) for metric in METRICS}
    for row, metric in enumerate(METRICS):
        reader = metric.reader
        if isinstance(reader, Value):
            kinds[reader.things].values.append((row, reader.read))
        elif isinstance(reader, Samples):
            kinds[reader.things].samples.append((row, reader.read, metric.labels[len(reader.things.labels) :]))
    return kinds.values()


# So the things and their labels are looked for once for all rows about them: that halves the time of writing.
_KINDS = tuple(_kinds())


def _found(things: Things[Any], publication: Publication) -> list[tuple[str, Any]]:
    """Give what there is of one kind, with the text of its labels."""
    return [(_labels(things.labels, values) if values else "", thing) for values, thing in things.of(publication)]


def _one_of_each(found: Iterable[tuple[str, Any]], read: Callable[[Any], float | None]) -> bytes:
    """Give a line for each thing that has a value; of several under the same labels the first."""
    lines = ""
    for labels, thing in found:
        value = read(thing)
        if value is not None and (start := f"\n{labels}}} ") not in lines:
            # The plus makes an int of a bool, which would read True.
            lines += f"{start}{+value}"
    return _encoded(lines) if lines else b""


def _several_of_each(
    found: Iterable[tuple[str, Any]], read: Callable[[Any], Iterable[Sample]], names: tuple[str, ...]
) -> bytes:
    """Give the lines of each thing; of several under the same labels the first."""
    samples: dict[str, tuple[Sample, ...]] = {}
    for labels, thing in found:
        if each := tuple(read(thing)):
            samples[labels] = samples.get(labels, ()) + each
    if not samples:
        return b""
    return _encoded("".join([_series(labels, names, each) for labels, each in samples.items()]))


# Most targets have the same samples but for their times: to write them anew would take half as long again.
@lru_cache(maxsize=1024)
def _series(labels: str, names: tuple[str, ...], samples: tuple[Sample, ...]) -> str:
    values: dict[str, float] = {}
    for more, value in samples:
        values.setdefault(_labels(names, more), value)
    return "".join(f"\n{labels}{more}}} {+value}" for more, value in values.items())


# And most of the lines of most targets are held once: without that each target would hold 2 KiB more.
@lru_cache(maxsize=1024)
def _encoded(lines: str) -> bytes:
    return lines.encode()


@lru_cache(maxsize=1024)
def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    """Give the labels that tell the series of a metric from each other, escaped, behind those of the target."""
    return _form(names) % tuple([_escaped(value[:_LONGEST_LABEL_VALUE]) for value in values])


@cache
def _form(names: tuple[str, ...]) -> str:
    return "".join(f',{name}="%s"' for name in names)


def _labels_of_target(publication: Publication) -> bytes:
    result = publication.result
    values = (result.target.name, result.module)
    labels = (*zip(TARGET_LABELS, values, strict=True), *result.variant, *publication.labels)
    # An empty label is none to Prometheus, and two targets that differ in nothing else are one.
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels if value).encode()


def _escaped(value: str) -> str:
    """Give a label's value escaped. A lone surrogate, which UTF-8 has not, must not cost the whole page."""
    encodable = value if value.isascii() else value.encode("utf-8", "replace").decode()
    return encodable.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
