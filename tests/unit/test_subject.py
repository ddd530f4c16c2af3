"""Whom one may ask about a certificate, and who vouches for that."""

import pytest
from cryptography import x509

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import Module, Problem, Source, Status, TLSSettings
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.subject import Subject, askable
from tests.unit.results import NOW

ROOT = Authority.root(NOW, "Root")
CA = ROOT.intermediate("CA")
LEAF = CA.leaf("leaf.example")
#: What anybody can make who has a certificate: another one, signed with its key.
SOLD = Authority(NOW, LEAF.certificate, LEAF.key).leaf("sold.example")
STRANGER = Authority.root(NOW, "Stranger")

PATH = (LEAF.certificate, CA.certificate, ROOT.certificate)
TRUSTING = Module("trusting", tls=TLSSettings(roots=(ROOT.certificate,)))
WARY = Module("wary", tls=TLSSettings(roots=(STRANGER.certificate,)))
KNOWING = Module("knowing", tls=TLSSettings(roots=()), issuers=(CA.certificate,))
URL = "http://ocsp.example/"


def subject(path: tuple[x509.Certificate, ...] = PATH, module: Module = TRUSTING, depth: int = 0) -> Subject:
    """Look at a certificate of a path."""
    return Subject(path, depth, module)


def renewed(authority: Authority, by: Authority) -> Authority:
    """Another certificate for the name and key of an authority, signed by somebody else."""
    return by.intermediate(authority.certificate.subject.rfc4514_string().removeprefix("CN="), key=authority.key)


@pytest.mark.parametrize(
    ("path", "module", "expected"),
    [
        (PATH, TRUSTING, Voucher.TRUST),
        (PATH, KNOWING, Voucher.TRUST),
        (PATH, WARY, Voucher.NOBODY),
        (PATH[:2], TRUSTING, Voucher.NOBODY),
        (PATH[:1], TRUSTING, Voucher.NOBODY),
        ((ROOT.certificate,), TRUSTING, Voucher.TRUST),
        ((STRANGER.certificate,), TRUSTING, Voucher.NOBODY),
        # A root that another one has signed, as servers send it.
        ((*PATH[:2], renewed(ROOT, STRANGER).certificate), TRUSTING, Voucher.TRUST),
        ((*PATH[:2], renewed(ROOT, STRANGER).certificate), KNOWING, Voucher.TRUST),
        ((*PATH[:2], Authority.root(NOW, "Root").certificate), TRUSTING, Voucher.NOBODY),
        # The name and the key of a root in what somebody else has signed: they are no secret.
        ((renewed(ROOT, STRANGER).certificate,), TRUSTING, Voucher.NOBODY),
        ((renewed(ROOT, STRANGER).certificate, STRANGER.certificate), TRUSTING, Voucher.NOBODY),
        ((renewed(CA, STRANGER).certificate, STRANGER.certificate), KNOWING, Voucher.NOBODY),
        ((CA.certificate,), KNOWING, Voucher.TRUST),
        # Signatures lead to the root, but through one who is no CA.
        ((SOLD.certificate, *PATH), TRUSTING, Voucher.NOBODY),
    ],
)
def test_a_root_vouches_for_what_it_signed_through_cas(
    path: tuple[x509.Certificate, ...], module: Module, expected: Voucher
) -> None:
    """Whether a root or an issuer of the module's stands above, by name and key; URLs of the operator need neither."""
    assert subject(path, module).voucher(()) is expected
    assert subject(path, module).voucher((URL,)) is Voucher.OPERATOR


def test_only_the_web_is_askable_and_not_all_of_it() -> None:
    """The first four URLs that are http or https and not too long, each once."""
    assert askable(["ldap://a/", "HTTP://b/", "https://c/", "http://d/" + "x" * 2048, "HTTP://b/"]) == (
        "HTTP://b/",
        "https://c/",
    )
    assert askable([f"http://{number}/" for number in range(9)]) == tuple(f"http://{number}/" for number in range(4))


@pytest.mark.parametrize(
    ("path", "urls", "problem", "status"),
    [
        (PATH, (URL,), None, None),
        (PATH, ("ldap://ca.example/cn=CA",), Problem.UNSUPPORTED_SCHEME, Status.MISSING),
        (PATH[:1], (URL,), Problem.ISSUER_UNAVAILABLE, Status.INVALID),
        (PATH[:1], ("ldap://ca.example/cn=CA",), Problem.UNSUPPORTED_SCHEME, Status.MISSING),
        ((ROOT.certificate,), (URL,), None, None),
    ],
)
def test_what_stands_in_the_way_of_asking(
    path: tuple[x509.Certificate, ...], urls: tuple[str, ...], problem: Problem | None, status: Status | None
) -> None:
    """A URL that can be asked, and the issuer, without whom nothing can be verified; a root is its own."""
    asked = subject(path)
    assert asked.obstacle(urls) is problem
    if problem:
        evidence = asked.without(Source.CRL, problem)
        assert (evidence.status, evidence.problems, evidence.depth) == (status, (problem,), 0)
