"""What of a discovered list is looked at, and what is left out."""

from dataclasses import replace

import pytest

from ocsp_exporter.config import BUILT_IN_MODULES
from ocsp_exporter.config.target_groups import Groups, TargetGroup
from ocsp_exporter.model import Module, Omission, ProberKind, ScheduledTarget, StartTLS
from ocsp_exporter.serving.discovery import selecting
from ocsp_exporter.serving.discovery.selecting import Omitted, Selection, Usual, select, take_stock
from ocsp_exporter.serving.discovery.sharding import WHOLE, Shard
from tests.unit.results import scheduled

MODULES = {**BUILT_IN_MODULES, "my-crl": Module("my-crl", prober=ProberKind.CRL)}


def selection(groups: Groups, module: str = "tls", *, files: bool = True) -> Selection:
    """Select with an interval of 60 s, where the list says nothing else."""
    return select(groups, Usual(module, 60.0, files), MODULES)


def with_labels(**labels: str) -> Selection:
    """Select a target with these labels."""
    return selection((TargetGroup(("a",), tuple(sorted(labels.items()))),))


def omitted(found: Selection) -> list[tuple[Omission, str]]:
    """Give what was left out, and why."""
    return sorted((each.reason, each.what) for each in found.omitted)


def test_targets_are_looked_at_as_the_source_says() -> None:
    """Module and interval are the source's, the labels the group's, and the port the module's."""
    found = selection((TargetGroup(("a", "b:1"), (("team", "web"),)), TargetGroup(("c",))), module="smtp")
    assert [(each.target.name, each.target.port, each.labels) for each in found.targets] == [
        ("a", 25, (("team", "web"),)),
        ("b:1", 1, (("team", "web"),)),
        ("c", 25, ()),
    ]
    assert {(each.module.name, each.interval) for each in found.targets} == {("smtp", 60.0)}
    assert found.omitted == frozenset()


def test_a_group_chooses_module_and_interval_as_in_prometheus() -> None:
    """`__param_module` and `__scrape_interval__` hold before what the source says, and are no labels."""
    (target,) = with_labels(__param_module="imap", __scrape_interval__="1h30m", a="b").targets
    assert (target.module.starttls, target.interval, target.labels) == (StartTLS.IMAP, 5400.0, (("a", "b"),))
    (target,) = with_labels(__param_module="", __scrape_interval__="").targets
    assert (target.module.name, target.interval) == ("tls", 60.0)


def test_an_unknown_module_leaves_its_group_out() -> None:
    """The other groups are looked at."""
    groups = (TargetGroup(("a", "b"), (("__param_module", "tsl"),)), TargetGroup(("c",), (("__param_module", "tls"),)))
    found = selection(groups)
    assert [each.target.name for each in found.targets] == ["c"]
    assert omitted(found) == [(Omission.UNKNOWN_MODULE, "tsl")]


@pytest.mark.parametrize("text", ["soon", "0s", "-1s", "60", "999ms"])
def test_an_interval_that_is_none_leaves_the_usual_one(text: str) -> None:
    """The target is looked at all the same."""
    found = with_labels(__scrape_interval__=text)
    assert [each.interval for each in found.targets] == [60.0]
    assert omitted(found) == [(Omission.INVALID_INTERVAL, text)]


def test_a_text_that_is_no_target_leaves_the_others() -> None:
    """It is left out with the sentence that says why."""
    found = selection((TargetGroup(("a", "b c", "user@d", "", "e:0"), ()),))
    assert [each.target.name for each in found.targets] == ["a"]
    assert {each.what for each in found.omitted} == {"b c", "user@d", "", "e:0"}
    assert {each.reason for each in found.omitted} == {Omission.INVALID_TARGET}
    (spaced,) = (each for each in found.omitted if each.what == "b c")
    assert spaced.detail.startswith('target "b c": it has white space')


def test_files_are_looked_at_only_for_those_who_may_name_them() -> None:
    """A list from elsewhere cannot have files of this machine read; one of this machine can."""
    groups = (TargetGroup(("/etc/crl.pem", "http://ca.example/ca.crl")),)
    here = selection(groups, "my-crl")
    assert [each.target.is_file for each in here.targets] == [True, False]
    elsewhere = selection(groups, "my-crl", files=False)
    assert [each.target.is_file for each in elsewhere.targets] == [False]
    assert omitted(elsewhere) == [(Omission.INVALID_TARGET, "/etc/crl.pem")]


@pytest.mark.parametrize("name", ["target", "module", "status", "job", "instance", "le", "quantile"])
def test_reserved_labels_are_left_out(name: str) -> None:
    """The target keeps its other labels; one letter more is free."""
    found = with_labels(**{name: "x", f"x{name}": "y"})
    assert [each.labels for each in found.targets] == [((f"x{name}", "y"),)]
    assert omitted(found) == [(Omission.RESERVED_LABEL, name)]


@pytest.mark.parametrize("name", ["", "1a", "a-b", "ä", "a b", "a\n"])
def test_labels_that_are_none_are_left_out(name: str) -> None:
    """So are names that Prometheus's text format does not have."""
    found = with_labels(**{name: "x", "a": "b"})
    assert [each.labels for each in found.targets] == [(("a", "b"),)]
    assert omitted(found) == [(Omission.INVALID_LABEL, name)]


def test_what_is_for_prometheus_alone_goes_without_a_word() -> None:
    """Names that begin with two underscores, and empty values, are no labels."""
    found = with_labels(__meta_datacenter="x", __tmp="y", __="z", empty="", a="b")
    assert [each.labels for each in found.targets] == [(("a", "b"),)]
    assert found.omitted == frozenset()


def test_labels_are_counted() -> None:
    """So many pass, and so many characters; those beyond, in the order of their names, are left out of each series."""
    few = {f"l{number:02}": "x" for number in range(32)}
    found = with_labels(**few, __meta_more="x")
    assert (dict(found.targets[0].labels), found.omitted) == (few, frozenset())
    found = with_labels(**few, more="x")
    assert dict(found.targets[0].labels) == few
    assert omitted(found) == [(Omission.TOO_MANY_LABELS, "all beyond 32, or 4096 characters")]
    found = with_labels(**{f"l{number:02}": "x" * 256 for number in range(20)})
    assert len(found.targets[0].labels) == 15
    assert [reason for reason, _ in omitted(found)] == [Omission.TOO_MANY_LABELS]
    found = with_labels(**{"x" * 5000: "x"})
    assert found.targets[0].labels == ()


def test_a_long_value_is_cut() -> None:
    """At 256 characters, as all label values are; one of these passes."""
    found = with_labels(a="x" * 256)
    assert (found.targets[0].labels, found.omitted) == ((("a", "x" * 256),), frozenset())
    found = with_labels(a="x" * 257)
    assert found.targets[0].labels == (("a", "x" * 256),)
    assert omitted(found) == [(Omission.LONG_LABEL_VALUE, "a")]


def test_one_source_has_so_many_targets_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those beyond are left out, however they are grouped, good or not."""
    monkeypatch.setattr(selecting, "MOST_TARGETS", 3)
    exactly = selection((TargetGroup(("a", "b")), TargetGroup(("c",)), TargetGroup(())))
    assert (len(exactly.targets), exactly.omitted) == (3, frozenset())
    beyond = selection((TargetGroup(("a", "!")), TargetGroup(("c", "d")), TargetGroup(("e",))))
    assert [each.target.name for each in beyond.targets] == ["a", "c"]
    assert omitted(beyond) == [(Omission.INVALID_TARGET, "!"), (Omission.TOO_MANY_TARGETS, "all beyond 3")]


def test_of_the_same_series_the_first_wins() -> None:
    """The configuration comes first, then the sources in their order; another label or module is another series."""
    labelled = replace(scheduled("a"), labels=(("team", "web"),))
    other = replace(scheduled("a"), module=Module("other"))
    sooner = scheduled("b", interval=30.0)
    stock = take_stock([[scheduled("a")], [sooner, labelled, other], [scheduled("b"), scheduled("a"), labelled]], WHOLE)
    assert stock.targets == (scheduled("a"), sooner, labelled, other)
    assert stock.counts == (1, 3, 0)
    twice = {Omitted(Omission.DUPLICATE_TARGET, "a"), Omitted(Omission.DUPLICATE_TARGET, "b")}
    assert stock.duplicates == (frozenset(), frozenset(), frozenset(twice))


def test_shards_split_all_sources() -> None:
    """Every target is in exactly one shard, wherever it comes from, and what is not in ours is no duplicate."""
    sources = [[scheduled(f"static-{n}") for n in range(50)], [scheduled(f"found-{n}") for n in range(50)] * 2]
    whole = take_stock(sources, WHOLE)
    shards = [take_stock(sources, Shard(index, 3)) for index in range(3)]
    together: list[ScheduledTarget] = [each for shard in shards for each in shard.targets]
    assert len(together) == len(whole.targets) == 100
    assert set(together) == set(whole.targets)
    assert all(sum(shard.counts) == len(shard.targets) < 100 for shard in shards)
    assert sum(len(shard.duplicates[1]) for shard in shards) == len(whole.duplicates[1]) == 50
