"""What a hostile response may cost, counted in work; the time it takes is told by `python -m tests.fuzz.worst_case`."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from ocsp_exporter.demo import der as encoding
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.response import extension, responder_by_key, response_data, signed_response
from ocsp_exporter.model import Problem, Status
from ocsp_exporter.revocation import certificate, signature
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.response import (
    LARGEST_CERTIFICATE,
    LARGEST_RESPONSE,
    LARGEST_SIGNED_PART,
    MOST_CERTIFICATES,
    Response,
    parse,
)
from ocsp_exporter.revocation.validation import validate

P = ParamSpec("P")
T = TypeVar("T")

NOW = 1_800_000_000.0
CA = Authority.root(NOW, "Test CA")
LEAF = CA.leaf("leaf.example").certificate
OTHER = CA.leaf("other.example").certificate


def _problems(encoded: bytes) -> tuple[Problem, ...]:
    return validate(encoded, LEAF, CA.certificate, NOW, Policy()).problems


@pytest.mark.parametrize(
    "encoded",
    [
        bytes(8 * 2**20),
        b"\x30" * (8 * 2**20),
        bytes.fromhex("30840080000030840080000030") * 2**16,
        CA.answer(LEAF) + bytes(LARGEST_RESPONSE),
    ],
    ids=["zeros", "tags", "lengths", "a response and zeros"],
)
def test_megabytes_are_not_even_read(encoded: bytes) -> None:
    """The size is looked at first."""
    assert _problems(encoded) == (Problem.TOO_LARGE,)


@pytest.mark.parametrize("unit", ["3080", "3000", "a000", "0500", "ff", "1f", "30820001"])
def test_whatever_fills_the_greatest_size_is_malformed(unit: str) -> None:
    """Nothing that is not a response is taken for one because it is long."""
    octets = bytes.fromhex(unit)
    assert _problems(octets * (LARGEST_RESPONSE // len(octets))) == (Problem.MALFORMED,)


def test_deep_nesting_is_malformed() -> None:
    """The readers do not recurse into what they do not expect."""
    nested = b""
    for _ in range(4000):
        nested = encoding.sequence(nested)
    assert _problems(nested) == (Problem.MALFORMED,)
    assert _problems(encoding.sequence(encoding.enumerated(0), encoding.explicit(0, nested))) == (Problem.MALFORMED,)


def _signed_part(encoded: bytes) -> int:
    parsed = parse(encoded)
    assert isinstance(parsed, Response)
    return len(parsed.signed)


def _answers(number: int) -> bytes:
    return CA.answer(LEAF, also=[CA.single(OTHER)] * number)


def _extensions(number: int) -> bytes:
    # Values of some octets, so that the bound is that of the size, not that of the number.
    return CA.answer(LEAF, extensions=[extension(x509.ObjectIdentifier("1.2.3"), bytes(200))] * number)


def _names(number: int) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")] * number)
    return CA.answer(LEAF, responder_id=lambda _: encoding.explicit(1, name.public_bytes()))


@pytest.mark.parametrize(("build", "few", "many"), [(_answers, 100, 200), (_extensions, 60, 90), (_names, 1000, 1600)])
def test_more_is_signed_than_in_any_response(build: Callable[[int], bytes], few: int, many: int) -> None:
    """Answers, extensions and names cost microseconds each, so that their octets are bounded all together."""
    assert _signed_part(build(few)) <= LARGEST_SIGNED_PART
    assert Problem.TOO_LARGE not in _problems(build(few))
    assert _problems(build(many)) == (Problem.TOO_LARGE,)


def test_a_response_that_brings_a_large_certificate_is_too_large() -> None:
    """What is larger than anything in use is called so, and nothing else; one of usual size is read."""
    large = CA.leaf(extensions=[x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), bytes(LARGEST_CERTIFICATE))])
    assert _problems(CA.answer(LEAF, certificates=[large.certificate, OTHER])) == (Problem.TOO_LARGE,)
    parsed = parse(CA.answer(LEAF, certificates=[OTHER]))
    assert isinstance(parsed, Response)
    assert parsed.certificates == (OTHER,)


def _counting(calls: list[None], function: Callable[P, T]) -> Callable[P, T]:
    def counted(*arguments: P.args, **options: P.kwargs) -> T:
        calls.append(None)
        return function(*arguments, **options)

    return counted


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Count the signatures that are checked."""
    calls: list[None] = []
    monkeypatch.setattr(signature, "verify", _counting(calls, signature.verify))
    return calls


def test_many_delegates_of_one_key_cost_two_signatures_each(verifications: list[None]) -> None:
    """All bear the responder's key, none was signed by the issuer: the response's signature and theirs are checked."""
    twin = CA.twin()
    impostor = twin.delegate()
    impostors = [twin.delegate(key=impostor.key).certificate for _ in range(MOST_CERTIFICATES)]
    encoded = CA.answer(LEAF, signer=impostor, certificates=impostors)
    verifications.clear()
    assert _problems(encoded) == (Problem.RESPONDER_UNAUTHORIZED,)
    assert len(verifications) == 2 * MOST_CERTIFICATES


def test_the_same_certificate_again_and_again_costs_as_much_as_once(verifications: list[None]) -> None:
    """Copies are looked at once."""
    delegate = CA.delegate()
    encoded = CA.answer(LEAF, signer=delegate, certificates=[delegate.certificate] * MOST_CERTIFICATES)
    assert _problems(encoded) == ()
    assert len(verifications) == 2


def test_many_answers_about_a_certificate_cost_one_hash_of_its_issuer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The issuer's name can be as long as a certificate, and the answers a hundred."""
    hashed: list[None] = []
    monkeypatch.setattr(certificate, "issuer_name_hash", _counting(hashed, certificate.issuer_name_hash))
    monkeypatch.setattr(certificate, "key_hash", _counting(hashed, certificate.key_hash))
    singles = [CA.single(LEAF, hash_algorithm=digest) for digest in (hashes.SHA256(), hashes.SHA512())] * 40
    tbs = response_data(responder_by_key(CA.certificate), NOW, singles)
    evidence = validate(signed_response(tbs, CA.key), LEAF, CA.certificate, NOW, Policy())
    assert evidence.status is Status.GOOD
    assert len(hashed) == 1 + 2 + 2  # the responder's key, and both hashes with both functions
