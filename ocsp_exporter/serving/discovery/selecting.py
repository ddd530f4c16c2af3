"""Groups as somebody else wrote them → targets for the workers, and what had to be left out of them. Pure.

Nothing that is wrong with one target or label keeps the others from being looked at.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from ocsp_exporter.config.labels import MAX_LABEL_VALUE, is_label_name, is_reserved
from ocsp_exporter.config.target_groups import Groups, TargetGroup
from ocsp_exporter.config.values import parse_duration
from ocsp_exporter.model import Module, Omission, ScheduledTarget, Target
from ocsp_exporter.serving.discovery.sharding import Shard
from ocsp_exporter.serving.plan import Key, key_of
from ocsp_exporter.target import TargetError, read_target

#: So many targets are taken of one source, and no more.
MOST_TARGETS: Final = 100_000

#: A target has no more labels of its own, with no more characters together: all of them are on each of its series.
MOST_LABELS: Final = 32
MOST_LABEL_CHARACTERS: Final = 4096

#: Seconds; whoever writes a list could keep the exporter from looking at anything else.
SHORTEST_INTERVAL: Final = 1.0

# Prometheus's own: a parameter of the URL that it asks for, and how often it asks.
_MODULE: Final = "__param_module"
_INTERVAL: Final = "__scrape_interval__"

_LONGEST_SHOWN: Final = 256  # characters of what is left out

Labels = tuple[tuple[str, str], ...]


class Omitted(NamedTuple):
    """Something left out: why, what (the text of a target, the name of a label or module), and a word more."""

    reason: Omission
    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Usual:
    """How targets of a source are looked at where their group says nothing else. `files`: whether they may be files."""

    module: str
    interval: float
    files: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a source is looked at, in its order, and what is left out."""

    targets: tuple[ScheduledTarget, ...] = ()
    omitted: frozenset[Omitted] = frozenset()


NOTHING: Final = Selection()


@dataclass(frozen=True, slots=True)
class Stock:
    """All targets; and for each source how many are from there, and what it names that had been named before."""

    targets: tuple[ScheduledTarget, ...]
    counts: tuple[int, ...]
    duplicates: tuple[frozenset[Omitted], ...]


def select(groups: Groups, usual: Usual, modules: Mapping[str, Module]) -> Selection:
    """Choose from the groups of a source what can be looked at with these modules."""
    omitted: set[Omitted] = set()
    targets: list[ScheduledTarget] = []
    room = MOST_TARGETS
    for group in groups:
        if len(group.targets) > room:
            omitted.add(Omitted(Omission.TOO_MANY_TARGETS, f"all beyond {MOST_TARGETS}"))
        targets += _of_group(replace(group, targets=group.targets[:room]), usual, modules, omitted)
        room = max(0, room - len(group.targets))
    return Selection(tuple(targets), frozenset(omitted))


def take_stock(sources: Iterable[Iterable[ScheduledTarget]], shard: Shard) -> Stock:
    """Join the targets of this shard from all sources: of several that would publish the same series, the first."""
    targets: dict[Key, ScheduledTarget] = {}
    counts = []
    duplicates = []
    for scheduled in sources:
        before = len(targets)
        twice = set()
        for each in scheduled:
            if not shard.has(each.target.name):
                continue
            key = key_of(each)
            if key in targets:
                twice.add(Omitted(Omission.DUPLICATE_TARGET, each.target.name))
            targets.setdefault(key, each)
        counts.append(len(targets) - before)
        duplicates.append(frozenset(twice))
    return Stock(tuple(targets.values()), tuple(counts), tuple(duplicates))


def _of_group(
    group: TargetGroup, usual: Usual, modules: Mapping[str, Module], omitted: set[Omitted]
) -> Iterator[ScheduledTarget]:
    if not group.targets:
        return
    written = dict(group.labels)
    name = written.get(_MODULE) or usual.module
    module = modules.get(name)
    if module is None:
        omitted.add(Omitted(Omission.UNKNOWN_MODULE, name[:_LONGEST_SHOWN]))
        return
    interval = _interval(written.get(_INTERVAL), usual.interval, omitted)
    labels = tuple(_own_labels(group.labels, omitted))
    for text in group.targets:
        try:
            target = _target(text, module, usual)
        except TargetError as error:
            omitted.add(Omitted(Omission.INVALID_TARGET, text[:_LONGEST_SHOWN], str(error)))
        else:
            yield ScheduledTarget(target, module, interval, labels)


def _target(text: str, module: Module, usual: Usual) -> Target:
    """Read a target. Raises TargetError."""
    target = read_target(text, module)
    if target.is_file and not usual.files:
        raise TargetError("files of this machine are looked at only where files of this machine name them")
    return target


def _interval(text: str | None, usual: float, omitted: set[Omitted]) -> float:
    if not text:
        return usual
    try:
        interval = parse_duration(text)
    except ValueError:
        interval = 0.0
    if interval < SHORTEST_INTERVAL:
        omitted.add(Omitted(Omission.INVALID_INTERVAL, text[:_LONGEST_SHOWN]))
        return usual
    return interval


def _own_labels(labels: Labels, omitted: set[Omitted]) -> Iterator[tuple[str, str]]:
    """Give what can be published of labels. Those that begin with two underscores are for Prometheus to go by."""
    count = characters = 0
    for name, value in labels:
        if name.startswith("__") or not value:
            continue
        if not is_label_name(name) or is_reserved(name):
            reason = Omission.RESERVED_LABEL if is_reserved(name) else Omission.INVALID_LABEL
            if len(omitted) < MOST_TARGETS:
                omitted.add(Omitted(reason, name[:_LONGEST_SHOWN]))
            continue
        if len(value) > MAX_LABEL_VALUE:
            omitted.add(Omitted(Omission.LONG_LABEL_VALUE, name[:_LONGEST_SHOWN]))
        count, characters = count + 1, characters + len(name) + min(len(value), MAX_LABEL_VALUE)
        if count > MOST_LABELS or characters > MOST_LABEL_CHARACTERS:
            what = f"all beyond {MOST_LABELS}, or {MOST_LABEL_CHARACTERS} characters"
            omitted.add(Omitted(Omission.TOO_MANY_LABELS, what))
            return
        yield name, value[:MAX_LABEL_VALUE]
