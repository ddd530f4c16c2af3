"""Lists of targets in Prometheus's format."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocsp_exporter.config import ConfigError
from ocsp_exporter.config.target_groups import Groups, TargetGroup, read_json_groups, read_yaml_groups

ONE = (TargetGroup(("a:443", "b"), (("__meta_x", "y"), ("team", "web"))), TargetGroup(("c",)))


def faults(text: str, *, is_json: bool = False) -> list[str]:
    """Give what is wrong with a text, line by line."""
    with pytest.raises(ConfigError) as caught:
        (read_json_groups if is_json else read_yaml_groups)(text, "f")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    "text",
    [
        '[{"targets": ["a:443", "b"], "labels": {"team": "web", "__meta_x": "y"}}, {"targets": ["c"]}]',
        '\ufeff[{"labels":{"team":"web","__meta_x":"y"},"targets":["a:443","b"]},\n\t{"targets":["c"],"labels":null}]',
    ],
)
def test_json(text: str) -> None:
    """Groups come in the order of the text, their labels sorted."""
    assert read_json_groups(text, "f") == ONE


def test_yaml() -> None:
    """The same in YAML; what it would read as numbers, dates and truth values is text, as for Prometheus."""
    text = "- targets: [a:443, b]\n  labels: {team: web, __meta_x: y}\n- targets: [c]\n  labels:\n"
    assert read_yaml_groups(text, "f") == ONE
    text = "- targets: [a]\n  labels: {replica: 1, rack: 0443, canary: yes, since: 2026-01-01, 8: null, e: }\n"
    labels = (("8", ""), ("canary", "yes"), ("e", ""), ("rack", "0443"), ("replica", "1"), ("since", "2026-01-01"))
    assert read_yaml_groups(text, "f") == (TargetGroup(("a",), labels),)


@pytest.mark.parametrize("text", ["[]", "# none yet\n", "---\n"])
def test_no_targets(text: str) -> None:
    """A list may be empty; one without `targets` is."""
    assert read_yaml_groups(text, "f") == ()
    assert read_json_groups("[]", "f") == ()
    assert read_json_groups('[{"labels": {"a": "b"}}]', "f") == (TargetGroup((), (("a", "b"),)),)


def test_half_characters() -> None:
    """What UTF-8 cannot carry is replaced, as Go does it."""
    assert read_json_groups('[{"targets": ["a\\ud800"], "labels": {"b": "\\udfff"}}]', "f") == (
        TargetGroup(("a\ufffd",), (("b", "\ufffd"),)),
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("targets: [a]", "f:1:1: expected a list, each item of which is a mapping with targets and labels"),
        ("- a", "f:1:3: [0]: expected a mapping with targets and labels"),
        ("- targets: a", "f:1:3: [0].targets: expected a list"),
        ("- targets: [{a: b}]", "f:1:13: [0].targets[0]: expected text"),
        ("- labels: [a]", "f:1:3: [0].labels: expected a mapping of names to values"),
        ("- labels: {a: [b]}", "f:1:12: [0].labels.a: expected text"),
        ("- target: [a]", "f:1:3: [0].target: unknown key; known here are targets, labels"),
        ("- labels: {a: b, a: c}", "f:1:18: [0].labels.a: this key stands here twice, first on line 1"),
        ("- targets: [a", "f:2:1: not YAML: while parsing a flow sequence, did not find expected ',' or ']'"),
    ],
)
def test_yaml_faults(text: str, fault: str) -> None:
    """What is not in the format is named with its place."""
    assert faults(text) == [fault]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "f:1:1: not JSON: Expecting value"),
        ('[{"targets": ["a"', "f:1:18: not JSON: Expecting ',' delimiter"),
        ("<html>", "f:1:1: not JSON: Expecting value"),
        ("null", "f: expected a list; where there are no targets, an empty one: []"),
        ("{}", "f: expected a list, each item of which is a mapping with targets and labels"),
        ("[null]", "f: [0]: expected a mapping with targets and labels"),
        ('[{"targets": [1]}]', "f: [0].targets[0]: expected text"),
        ('[{"labels": {"a": 1}}]', "f: [0].labels.a: expected text"),
        ('[{"x": 1}]', "f: [0].x: unknown key; known here are targets, labels"),
        ('[{"labels": {"a": "b", "a": "b"}}]', 'f: the key "a" stands twice in one object'),
        ('[{"labels": {"a": NaN}}]', "f: not JSON: NaN"),
        ("[" * 100_000, "f: nested too deep"),
    ],
)
def test_json_faults(text: str, fault: str) -> None:
    """The same for JSON; the place is known where it cannot be read at all."""
    assert faults(text, is_json=True) == [fault]


def test_no_more_faults_than_are_read() -> None:
    """Of many faults the first few are told."""
    assert len(faults("- 1\n" * 1000)) == len(faults(json.dumps([1] * 1000), is_json=True)) == 20


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["targets", "labels", "a"]) | st.text(), inner),
)


def outcome(text: str, *, is_json: bool) -> Groups | None:
    """Give the groups, None where there are faults."""
    try:
        return read_json_groups(text, "f") if is_json else read_yaml_groups(text, "f")
    except ConfigError:
        return None


@settings(deadline=None)
@given(st.text() | JSON.map(json.dumps))
def test_any_text(text: str) -> None:
    """Nothing but ConfigError is raised, and every text in what is given can be encoded."""
    for groups in (outcome(text, is_json=True), outcome(text, is_json=False)):
        for group in groups or ():
            "".join((*group.targets, *(part for label in group.labels for part in label))).encode()
