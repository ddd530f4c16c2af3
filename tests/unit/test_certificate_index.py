"""Which certificate a staple file is for."""

from collections.abc import Iterable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.revocation.certificate_index import CertificateIndex, Known, Match
from ocsp_exporter.revocation.response import Response, SingleResponse, parse

NOW = 1_800_000_000
ROOT = Authority.root(NOW)
AUTHORITY = ROOT.intermediate()
LEAF, OTHER = AUTHORITY.leaf(), AUTHORITY.leaf()
ANSWER = AUTHORITY.answer(LEAF)


def index_of(*certificates: x509.Certificate | Credential | Authority) -> CertificateIndex:
    """Index some certificates."""
    return CertificateIndex(known(certificates))


def known(certificates: Iterable[x509.Certificate | Credential | Authority]) -> list[Known]:
    """Read what certificates are looked for by."""
    return [Known.of(each if isinstance(each, x509.Certificate) else each.certificate) for each in certificates]


def answers(encoded: bytes) -> tuple[SingleResponse, ...]:
    """Give the answers in a response."""
    response = parse(encoded)
    assert isinstance(response, Response)
    return response.singles


@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256(), hashes.SHA384()])  # noqa: S303 -- usual
def test_a_response_leads_to_its_certificate_and_its_issuer(algorithm: hashes.HashAlgorithm) -> None:
    """Serial number and both hashes of the issuer are compared, with the hash that the response uses."""
    encoded = AUTHORITY.answer(LEAF, hash_algorithm=algorithm)
    everything = index_of(OTHER, ROOT, LEAF, AUTHORITY)
    assert everything.match("a.ocsp", answers(encoded)) == Match(LEAF.certificate, AUTHORITY.certificate)
    assert index_of(OTHER, ROOT, AUTHORITY).match("a.ocsp", answers(encoded)) == Match()


def test_the_same_serial_number_of_another_issuer_is_another_certificate() -> None:
    """Neither another name nor another key of the issuer is taken for the right one."""
    twin = AUTHORITY.twin()
    namesakes = [
        twin.leaf(serial_number=LEAF.certificate.serial_number),
        ROOT.leaf(serial_number=LEAF.certificate.serial_number),
    ]
    assert index_of(*namesakes, twin, ROOT, AUTHORITY).match("", answers(ANSWER)) == Match()
    found = index_of(*namesakes, twin, ROOT, AUTHORITY, LEAF).match("", answers(ANSWER))
    assert found == Match(LEAF.certificate, AUTHORITY.certificate)


def test_without_its_issuer_a_certificate_is_found_by_the_rest() -> None:
    """Then nothing can be verified, and it is known whose staple that is; one whose issuer is at hand goes before."""
    assert index_of(LEAF).match("", answers(ANSWER)) == Match(LEAF.certificate, None)
    namesake = AUTHORITY.twin().leaf(serial_number=LEAF.certificate.serial_number)
    assert index_of(namesake, LEAF, AUTHORITY).match("", answers(ANSWER)).subject == LEAF.certificate


@pytest.mark.parametrize("name", ["{sha256}", "ocsp-{sha1}.json", "{sha256}.der"])
def test_the_name_of_the_file_goes_before_its_content(name: str) -> None:
    """NATS and mod_md name a file by the certificate that it is for, whatever is in it."""
    [of_leaf] = known([LEAF])
    named = name.format(sha256=of_leaf.sha256, sha1=of_leaf.sha1)
    about_another = answers(AUTHORITY.answer(OTHER))
    everything = index_of(LEAF, OTHER, AUTHORITY)
    for content in (about_another, ()):
        assert everything.match(named, content) == Match(LEAF.certificate, AUTHORITY.certificate)
    for unknown in (
        named.replace(of_leaf.sha256, f"0{of_leaf.sha256}").replace(of_leaf.sha1, f"{of_leaf.sha1}0"),
        named.replace(of_leaf.sha256, "0" * 64).replace(of_leaf.sha1, "0" * 40),
    ):
        assert everything.match(unknown, about_another) == Match(OTHER.certificate, AUTHORITY.certificate)


def test_several_answers_are_about_several_certificates() -> None:
    """The first of which everything is at hand counts; an answer with a hash that nobody knows is passed over."""
    encoded = AUTHORITY.answer(OTHER, also=[AUTHORITY.single(LEAF)])
    assert index_of(LEAF, AUTHORITY).match("", answers(encoded)).subject == LEAF.certificate
    assert index_of(LEAF, OTHER, AUTHORITY).match("", answers(encoded)).subject == OTHER.certificate


def test_a_root_is_its_own_issuer() -> None:
    """A certificate that signed itself needs no other."""
    answer = ROOT.answer(ROOT.certificate)
    assert index_of(ROOT).match("", answers(answer)) == Match(ROOT.certificate, ROOT.certificate)


def test_an_issuer_that_is_gone_is_found_no_more() -> None:
    """What was found before is used again only as long as it is there."""
    leaf, issuer = known([LEAF, AUTHORITY])
    before = CertificateIndex([leaf, issuer])
    assert before.match("", answers(ANSWER)).issuer
    assert CertificateIndex([leaf, issuer], before).match("", answers(ANSWER)).issuer == AUTHORITY.certificate
    assert CertificateIndex([leaf], before).match("", answers(ANSWER)) == Match(LEAF.certificate, None)
