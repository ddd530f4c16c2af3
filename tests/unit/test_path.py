"""The path from the leaf upwards, built by signature from whatever the server sent."""

import random
from collections.abc import Callable, Mapping, Sequence

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import CertificateOptions, authority_extensions, issue
from ocsp_exporter.model import ChainDepth
from ocsp_exporter.revocation import signature
from ocsp_exporter.revocation.certificate import Name, parse
from ocsp_exporter.revocation.facts import describe
from ocsp_exporter.revocation.path import (
    LONGEST_PATH,
    MOST_TRIED,
    build_path,
    checked_depths,
    find_issuer,
    issuer_on,
)

NOW = 1_800_000_000.0
ROOT = Authority.root(NOW, "Root CA")
UPPER = ROOT.intermediate("Upper CA")
LOWER = UPPER.intermediate("Lower CA")
LEAF = LOWER.leaf("leaf.example").certificate
TWIN = LOWER.twin()
STRANGER = Authority.root(NOW, "Stranger CA")
OTHER_LEAF = LOWER.leaf("other.example").certificate
#: The lower CA's name and key, certified by another root.
CROSS = issue(
    LOWER.certificate.subject,
    authority_extensions(),
    {"not_before": NOW - 1, "not_after": NOW + 1, "key": LOWER.key},
    (STRANGER.certificate.subject, STRANGER.key),
)

root, upper, lower, twin, stranger, cross = (each.certificate for each in (ROOT, UPPER, LOWER, TWIN, STRANGER, CROSS))
WHOLE = (LEAF, lower, upper, root)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ((lower, upper, root), WHOLE),
        ((root, upper, lower), WHOLE),
        ((upper, lower, root), WHOLE),
        ((lower, lower, upper, upper, root, root), WHOLE),
        ((LEAF, lower, LEAF, upper, root), WHOLE),
        ((stranger, OTHER_LEAF, lower, twin, upper, root), WHOLE),
        ((twin, lower, upper, root), WHOLE),
        ((lower, upper), (LEAF, lower, upper)),
        ((lower, root), (LEAF, lower)),
        ((upper, root), (LEAF,)),
        ((twin, upper, root), (LEAF,)),
        ((), (LEAF,)),
        ((LEAF,), (LEAF,)),
        ((cross, stranger), (LEAF, cross, stranger)),
    ],
    ids=[
        "in order",
        "reversed",
        "mixed",
        "each twice",
        "with the leaf again",
        "among others",
        "behind a CA of the same name with another key",
        "without the root",
        "with a gap",
        "without the issuer",
        "with a CA of the issuer's name and another key instead",
        "nothing else",
        "only the leaf again",
        "the issuer certified by another root",
    ],
)
def test_the_path_is_built_by_signature(
    sent: Sequence[x509.Certificate], expected: tuple[x509.Certificate, ...]
) -> None:
    """The leaf is never lost, every next certificate signed the one before, and nothing else is taken."""
    assert build_path(LEAF, sent, {}) == expected


def test_any_of_several_issuers_that_verifies_is_taken() -> None:
    """A cross-signed CA has two certificates for one key; the verdict on a staple is the same with either."""
    for sent in ((lower, cross, upper, root, stranger), (cross, lower, upper, root, stranger)):
        path = build_path(LEAF, sent, {})
        assert path[0] is LEAF
        assert path[1] in {lower, cross}
        assert path[-1] in {root, stranger}


def test_the_roots_complete_what_was_sent() -> None:
    """A root that the server does not send is found among the trusted ones, of the right name and key only."""
    impostor = ROOT.twin().certificate
    assert build_path(LEAF, (lower, upper), _by_subject(impostor, stranger, root)) == WHOLE
    assert build_path(LEAF, (lower, upper), _by_subject(impostor, stranger)) == (LEAF, lower, upper)


def _by_subject(*roots: x509.Certificate) -> Mapping[Name, Sequence[x509.Certificate]]:
    return {each.subject: [other for other in roots if other.subject == each.subject] for each in roots}


def test_a_self_signed_leaf_is_a_path_of_its_own() -> None:
    """Nothing is looked for above one that signed itself; one that only bears its own name goes on."""
    assert build_path(root, (lower, upper, root), {}) == (root,)
    assert build_path(twin, (lower,), {}) == (twin,)


def test_two_authorities_that_certify_each_other_make_no_endless_path() -> None:
    """A circle ends where a certificate would come again."""
    one, two = Authority.root(NOW, "One"), Authority.root(NOW, "Two")

    def certified(subject: Authority, by: Authority) -> x509.Certificate:
        options: CertificateOptions = {"not_before": NOW - 1, "not_after": NOW + 1, "key": subject.key}
        signer = (by.certificate.subject, by.key)
        return issue(subject.certificate.subject, authority_extensions(), options, signer).certificate

    circle = (certified(one, two), certified(two, one))
    leaf = one.leaf("leaf.example").certificate
    assert build_path(leaf, circle, {}) == (leaf, *circle)


def test_a_path_ends_at_its_greatest_length() -> None:
    """Beyond ten certificates it is not followed; up to there it is."""
    authorities = [ROOT]
    for number in range(LONGEST_PATH + 2):
        authorities.append(authorities[-1].intermediate(f"CA {number}"))
    leaf = authorities[-1].leaf("leaf.example").certificate
    chain = [authority.certificate for authority in reversed(authorities)]
    assert build_path(leaf, chain, {}) == (leaf, *chain[: LONGEST_PATH - 1])
    assert build_path(leaf, chain[:3], {}) == (leaf, *chain[:3])


@pytest.mark.parametrize("shuffle", [lambda _: None, random.Random(1).shuffle, list.reverse])  # noqa: S311 -- not for secrets
def test_a_hundred_certificates_do_not_lose_the_leaf_or_its_issuers(
    shuffle: Callable[[list[x509.Certificate]], None],
) -> None:
    """The path is found among a hundred, in any order, since names tell where to look first."""
    others = [STRANGER.leaf(f"{number}.example").certificate for number in range(97)]
    sent = [lower, upper, root, *others]
    shuffle(sent)
    assert build_path(LEAF, sent, {}) == WHOLE


def test_what_a_hostile_chain_costs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two hundred certificates whose names lead nowhere only so many signatures are checked, and the leaf stays."""
    checked = []
    fresh = Authority.root(NOW, "Fresh CA").leaf("leaf.example").certificate
    sent = [STRANGER.leaf(f"{number}.hostile.example").certificate for number in range(200)]

    def refuse(*_: object) -> None:
        checked.append(1)
        raise signature.SignatureInvalid("not this one")

    monkeypatch.setattr(signature, "verify", refuse)
    assert build_path(fresh, sent, {}) == (fresh,)
    assert len(checked) == MOST_TRIED


@given(st.permutations([lower, upper, root, twin, stranger, OTHER_LEAF, lower, root]))
@settings(deadline=None, max_examples=100)
def test_the_order_of_what_was_sent_does_not_matter(sent: list[x509.Certificate]) -> None:
    """Whatever the order, with duplicates, a twin and strangers between: the path is the same."""
    assert build_path(LEAF, sent, {}) == WHOLE


def test_an_issuer_whose_name_is_written_otherwise_is_found() -> None:
    """The key is what counts: names that are equal may be encoded differently; a name without the key is nothing."""
    renamed = issue(
        x509.Name.from_rfc4514_string("CN=LOWER ca"),
        authority_extensions(),
        {"not_before": NOW - 1, "not_after": NOW + 1, "key": LOWER.key},
    ).certificate
    assert find_issuer(LEAF, (stranger, renamed)) == renamed
    assert find_issuer(LEAF, (stranger, twin)) is None
    assert find_issuer(LEAF, (twin, lower, renamed)) == lower


def test_an_unusable_key_among_the_candidates_does_no_harm() -> None:
    """A certificate whose key nobody can use signs nothing, and the path goes past it."""
    odd = lower.public_bytes(Encoding.DER).replace(
        bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d03017f")
    )
    unusable = parse(odd)
    assert unusable is not None
    assert build_path(LEAF, (unusable, lower, upper, root), {}) == WHOLE


def test_a_name_that_cannot_be_read_does_not_lose_the_certificate() -> None:
    """Old CAs use characters that cryptography does not accept: the issuer is found by signature all the same."""
    encoded = lower.public_bytes(Encoding.DER)
    assert encoded.count(b"Lower CA") == 1
    odd = parse(encoded.replace(b"Lower CA", b"Low\xe9r CA"))
    assert odd is not None
    assert build_path(LEAF, (twin, odd, upper), {}) == (LEAF, odd)
    assert describe(odd, 1).subject.startswith("#30")
    assert describe(lower, 1).subject == "CN=Lower CA"


def test_every_certificate_but_the_root_is_checked() -> None:
    """With `chain: all`; otherwise the leaf alone, even where it is a root itself."""
    root = Authority.root(NOW)
    middle = root.intermediate()
    path = (middle.leaf().certificate, middle.certificate, root.certificate)

    assert checked_depths(path, ChainDepth.ALL) == (0, 1)
    assert checked_depths(path[:2], ChainDepth.ALL) == (0, 1)
    assert checked_depths(path, ChainDepth.LEAF) == (0,)
    assert checked_depths(path[2:], ChainDepth.ALL) == (0,)


def test_the_issuer_on_a_path_is_the_next_or_itself() -> None:
    """Above the end of a path there is nobody, but a root issued itself."""
    root = Authority.root(NOW)
    path = (root.leaf().certificate, root.certificate)

    assert issuer_on(path, 0) is root.certificate
    assert issuer_on(path, 1) is root.certificate
    assert issuer_on(path[:1], 0) is None
