"""What is remembered of a look is what it would come to again: the same for the same bytes, and only the last."""

from dataclasses import replace

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.model import KeyType, Module, Problem, Status, TLSSettings
from ocsp_exporter.probing.last_examination import LastExamination
from ocsp_exporter.probing.remembered import LARGEST_CHAIN, LastLineage, Memory, Remembered
from ocsp_exporter.probing.ways import Way
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.facts import describe
from ocsp_exporter.revocation.validation import examine, judge
from ocsp_exporter.target import parse_target

NOW = 1_800_000_000
ROOT = Authority.root(NOW)
LEAF = ROOT.leaf()
SUBJECT, ISSUER = LEAF.certificate, ROOT.certificate
GOOD = ROOT.answer(LEAF, next_update=NOW + 100)
REVOKED = ROOT.answer(LEAF, status=Status.REVOKED)
MODULE = Module("tls", tls=TLSSettings(roots=(ISSUER,)))


def test_the_same_response_is_examined_once() -> None:
    """The same bytes about the same certificate give the same examination, which is what `examine` finds."""
    last = LastExamination()
    first = last.of(GOOD, SUBJECT, ISSUER)
    assert last.of(bytes(bytearray(GOOD)), SUBJECT, ISSUER) is first
    assert first == examine(GOOD, SUBJECT, ISSUER)


def test_another_response_is_examined_anew() -> None:
    """What differs in anything by which a response is examined is not what is remembered."""
    last = LastExamination()
    last.of(GOOD, SUBJECT, ISSUER)
    assert last.of(REVOKED, SUBJECT, ISSUER) == examine(REVOKED, SUBJECT, ISSUER)
    assert last.of(REVOKED, SUBJECT, None).problems == (Problem.ISSUER_UNAVAILABLE,)
    other = ROOT.leaf().certificate
    assert last.of(REVOKED, other, ISSUER).problems == (Problem.NO_MATCHING_RESPONSE,)
    twin = ROOT.twin().certificate
    assert Problem.RESPONDER_UNIDENTIFIED in last.of(REVOKED, SUBJECT, twin).problems
    assert last.of(REVOKED, SUBJECT, ISSUER) == examine(REVOKED, SUBJECT, ISSUER)


def test_what_is_remembered_still_ends() -> None:
    """An examination that is remembered is judged by the time of each look."""
    last, policy = LastExamination(), Policy(clock_skew=0)
    verdicts = [judge(last.of(GOOD, SUBJECT, ISSUER), GOOD, NOW + later, policy) for later in (0, 100, 101)]
    assert [verdict.status for verdict in verdicts] == [Status.GOOD, Status.GOOD, Status.INVALID]
    assert verdicts[2].problems == (Problem.EXPIRED,)


def test_a_response_of_many_answers_is_not_held() -> None:
    """A response with more answers than any in use is examined each time; one with a few is not."""
    few, many = (ROOT.answer(LEAF, also=[ROOT.single(LEAF)] * further) for further in (3, 4))
    last = LastExamination()
    assert last.of(few, SUBJECT, ISSUER) is last.of(few, SUBJECT, ISSUER)
    assert last.of(many, SUBJECT, ISSUER) is not last.of(many, SUBJECT, ISSUER)


def test_the_path_is_built_again_where_anything_differs() -> None:
    """The same chain for the same module has the same path; another chain, or another trust, has its own."""
    last = LastLineage()
    lineage = last.of((SUBJECT,), MODULE)
    assert lineage.path == (SUBJECT, ISSUER)
    assert [facts.subject for facts in lineage.facts] == ["CN=localhost", "CN=Test Root CA"]
    assert last.of((SUBJECT,), MODULE) is lineage
    distrusting = replace(MODULE, tls=TLSSettings(roots=()))
    assert last.of((SUBJECT,), distrusting).path == (SUBJECT,)
    assert last.of((SUBJECT,), distrusting, (ISSUER,)).path == (SUBJECT, ISSUER)
    other = ROOT.leaf().certificate
    assert last.of((other,), MODULE).path == (other, ISSUER)


def _way(text: str) -> Way:
    return Way(parse_target(text), MODULE, (), KeyType.ANY, 0.0)


def test_each_way_has_a_memory_of_its_own() -> None:
    """What is remembered belongs to host, port, module, address and key type, whatever the target is called."""
    memory = Memory()
    first = memory.of(_way("example.org"))
    assert memory.of(_way("https://example.org/path")) is first
    assert memory.of(_way("example.org:444")) is not first
    assert memory.of(replace(_way("example.org"), key_type=KeyType.RSA)) is not first
    assert memory.of(replace(_way("example.org"), module=Module("other"))) is not first


def test_the_way_that_was_gone_longest_ago_is_forgotten() -> None:
    """However many ways there are, so many are remembered: those gone last."""
    memory = Memory(most=2)
    first, second = memory.of(_way("one.test")), memory.of(_way("two.test"))
    assert memory.of(_way("one.test")) is first
    memory.of(_way("three.test"))
    assert memory.of(_way("one.test")) is first
    assert memory.of(_way("two.test")) is not second


def _looked(memory: Memory, text: str) -> Remembered:
    """Look in a way: build a path there."""
    remembered = memory.of(_way(text))
    remembered.lineage.of((SUBJECT,), MODULE)
    memory.count(_way(text))
    return remembered


def test_no_more_octets_are_held_than_are_allowed() -> None:
    """Ways are forgotten also where their certificates are too many octets, and not before."""
    octets = len(SUBJECT.tbs_certificate_bytes)
    for most_octets, is_held in ((2 * octets, True), (2 * octets - 1, False)):
        memory = Memory(most_octets=most_octets)
        first, second = _looked(memory, "one.test"), _looked(memory, "two.test")
        assert _looked(memory, "two.test") is second
        assert (memory.of(_way("one.test")) is first) is is_held


LARGE = ROOT.leaf(*(f"{number}.{'x' * 50}.test" for number in range(600)))


def test_a_large_chain_is_not_held() -> None:
    """Its path is right, and built each time: a server may show another one each time."""
    assert len(LARGE.certificate.tbs_certificate_bytes) > LARGEST_CHAIN
    last = LastLineage()
    lineage = last.of((LARGE.certificate,), MODULE)
    assert lineage.path == (LARGE.certificate, ISSUER)
    assert last.of((LARGE.certificate,), MODULE) is not lineage
    assert last.octets == 0


def test_a_large_response_is_not_held() -> None:
    """It is examined each time, like one of many answers."""
    last = LastExamination()
    large = ROOT.answer(LEAF, certificates=[LARGE.certificate])
    assert last.of(large, SUBJECT, ISSUER) is not last.of(large, SUBJECT, ISSUER)
    assert last.of(large, SUBJECT, ISSUER) == examine(large, SUBJECT, ISSUER)


@pytest.mark.parametrize(("leaf", "is_held"), [(LEAF, True), (LARGE, False)])
def test_nothing_is_remembered_of_a_large_certificate(leaf: Credential, is_held: bool) -> None:
    """What functions say of certificates is remembered, and what they say of large ones is the same, told anew."""
    said = describe(leaf.certificate, 0)
    assert (describe(leaf.certificate, 0) is said) is is_held
    assert describe(leaf.certificate, 0) == said
