"""What is read of a CRL beside what the scenarios hold, and what reading one may cost."""

import pickle
from base64 import encodebytes

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from ocsp_exporter.demo import crl as encoding
from ocsp_exporter.demo import der
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import HOUR, WEEK, YEAR
from ocsp_exporter.demo.response import extension
from ocsp_exporter.model import CRLFacts, Problem, Reason, Revocation, Source, Status
from ocsp_exporter.revocation import der as reader
from ocsp_exporter.revocation.certificate import is_same_name
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.crl import (
    LARGEST_BESIDE_ENTRIES,
    CertificateList,
    MalformedCRL,
    Scope,
    pem_or_der,
    read,
)
from ocsp_exporter.revocation.crl_verdict import judge
from ocsp_exporter.revocation.validation import Origin

NOW = 1_800_000_000
CA = Authority.root(NOW, "Test CA")
REVOKED = {number: Revocation(NOW - number, Reason.SUPERSEDED) for number in range(1, 101)}


def _read(encoded: bytes) -> CertificateList:
    return read(encoded, CA.certificate)


def _problem(encoded: bytes) -> Problem:
    with pytest.raises(MalformedCRL) as malformed:
        _read(encoded)
    return malformed.value.problem


def test_a_crl_tells_its_times_its_number_and_how_many_it_lists() -> None:
    """All as it says, whether it has them or not."""
    full = _read(CA.crl(REVOKED, number=4711))
    assert (full.this_update, full.next_update) == (NOW - HOUR, NOW - HOUR + WEEK)
    assert (full.number, len(full.entries), full.scope) == (4711, 100, Scope())
    bare = _read(CA.crl(version=None, next_update=None))
    assert (bare.next_update, bare.number, len(bare.entries)) == (None, None, 0)
    assert bare.entries.find(1) is None


def test_its_scope_is_read() -> None:
    """Every field of the issuing distribution point by itself."""
    name = encoding.full_name(encoding.url_name("http://a.example"), encoding.url_name("http://b.example"))
    point = encoding.issuing_distribution_point
    expected = {
        point(name): Scope(names=frozenset({b"\x86\x10http://a.example", b"\x86\x10http://b.example"})),
        point(only_user=True): Scope(only_user_certificates=True),
        point(only_authority=True): Scope(only_authority_certificates=True),
        point(only_some_reasons=b"\x06\x40"): Scope(only_some_reasons=True),
        point(indirect=True): Scope(is_indirect=True),
        point(only_attribute=True): Scope(only_attribute_certificates=True),
        encoding.delta_indicator(1): Scope(is_delta=True),
        encoding.number(5): Scope(),
    }
    for each, scope in expected.items():
        assert _read(CA.crl(number=None, extensions=[each])).scope == scope


def test_lengths_may_be_written_longer_than_they_need() -> None:
    """As everybody reads them: 5 entries whose lengths are in the long form are the same as 5 others."""
    short = [encoding.entry(number, Revocation(NOW, None)) for number in range(5)]
    long = [each[:1] + b"\x81" + each[1:2] + b"\x02\x81" + each[3:] for each in short]
    long = [each[:2] + bytes((each[2] + 1,)) + each[3:] for each in long]
    assert _read(CA.crl(entries=long)).entries == _read(CA.crl(entries=short)).entries


def test_what_is_kept_is_small_and_goes_from_process_to_process() -> None:
    """29 octets for each entry, and no certificate; what cannot be read goes with its problem."""
    crl = _read(CA.crl(REVOKED))
    pickled = pickle.dumps(crl)
    assert len(pickled) < 29 * 100 + 1000
    assert pickle.loads(pickled) == crl  # noqa: S301 -- made above
    again = pickle.loads(pickle.dumps(MalformedCRL("too large", Problem.TOO_LARGE)))  # noqa: S301 -- made right here
    assert (str(again), again.problem) == ("too large", Problem.TOO_LARGE)


def test_the_verdict_carries_what_the_crl_says_and_where_it_came_from() -> None:
    """Its facts, its times, the end of its signer's certificate, and the revocation of the subject."""
    leaf = CA.leaf("leaf.example")
    encoded = CA.crl({leaf.certificate.serial_number: Revocation(NOW - 9, Reason.KEY_COMPROMISE)}, number=7)
    evidence = judge(_read(encoded), leaf.certificate, CA.certificate, NOW, Policy(), Origin(Source.CRL, 2, 12.5))
    assert (evidence.source, evidence.depth, evidence.fetched_at) == (Source.CRL, 2, 12.5)
    assert (evidence.status, evidence.authentic) == (Status.REVOKED, True)
    assert evidence.revocation == Revocation(NOW - 9, Reason.KEY_COMPROMISE)
    assert (evidence.this_update, evidence.next_update) == (NOW - HOUR, NOW - HOUR + WEEK)
    assert evidence.crl == CRLFacts(number=7, entries=1)
    assert evidence.signer_not_after == NOW + 10 * YEAR
    assert (evidence.produced_at, evidence.response, evidence.der) == (None, None, None)


def test_the_signer_is_told_only_if_it_signed() -> None:
    """A forged CRL has no signer whose certificate could end."""
    forged = judge(_read(CA.crl(signing_key=CA.twin().key)), None, CA.certificate, NOW, Policy())
    assert (forged.signer_not_after, forged.authentic) == (None, False)
    assert judge(_read(CA.crl()), None, CA.certificate, NOW, Policy()).signer_not_after == NOW + 10 * YEAR


# --- Names --------------------------------------------------------------------------------------------------

UTF8, PRINTABLE, TELETEX, BMP = 0x0C, 0x13, 0x14, 0x1E


def _name(*attributes: tuple[x509.ObjectIdentifier, int, bytes]) -> reader.Element:
    parts = [
        der.tlv(0x31, der.sequence(der.object_identifier(oid), der.tlv(tag, text))) for oid, tag, text in attributes
    ]
    return reader.parse(der.sequence(*parts))


COUNTRY = (NameOID.COUNTRY_NAME, PRINTABLE, b"AT")
ONE = _name(COUNTRY, (NameOID.COMMON_NAME, UTF8, b"Test CA"))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (_name(COUNTRY, (NameOID.COMMON_NAME, PRINTABLE, b"Test CA")), True),
        (_name((NameOID.COUNTRY_NAME, UTF8, b"at"), (NameOID.COMMON_NAME, UTF8, b" test  ca ")), True),
        (
            _name(COUNTRY, (NameOID.COMMON_NAME, BMP, "Test CA".encode("utf-16-be"))),
            True,
        ),
        (_name(COUNTRY, (NameOID.COMMON_NAME, TELETEX, b"Test CA")), True),
        (_name(COUNTRY, (NameOID.COMMON_NAME, UTF8, b"TestCA")), False),
        (_name(COUNTRY, (NameOID.ORGANIZATION_NAME, UTF8, b"Test CA")), False),
        (_name((NameOID.COMMON_NAME, UTF8, b"Test CA"), COUNTRY), False),
        (_name(COUNTRY), False),
        (_name(), False),
        (reader.parse(bytes.fromhex("3003310130")), False),
    ],
)
def test_a_name_is_the_same_however_it_is_written(other: reader.Element, expected: bool) -> None:
    """Type, case and spacing of its text do not matter (RFC 5280, 7.1); what it says and the order of its parts do."""
    assert is_same_name(ONE, other) is expected
    assert is_same_name(other, ONE) is expected
    assert is_same_name(other, other)


def test_text_that_cannot_be_read_is_the_same_as_itself_only() -> None:
    """It is compared by its octets."""
    odd, other = (_name((NameOID.COMMON_NAME, UTF8, octets)) for octets in (b"\xff", b"\xfe"))
    assert is_same_name(odd, odd)
    assert not is_same_name(odd, other)


def test_a_crl_bears_its_issuers_name_however_that_is_written() -> None:
    """A CA whose certificate was renewed may have been written otherwise before."""
    printable = _name((NameOID.COMMON_NAME, PRINTABLE, b"TEST CA")).encoded
    assert _read(CA.crl(issuer=printable)).names_issuer
    assert not _read(CA.crl(issuer=_name((NameOID.COMMON_NAME, PRINTABLE, b"TEST CB")).encoded)).names_issuer


# --- Files --------------------------------------------------------------------------------------------------


def _pem(encoded: bytes, label: bytes = b"X509 CRL") -> bytes:
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label, encodebytes(encoded), label)


def test_a_file_holds_der_or_pem() -> None:
    """Of several in PEM the first, whatever stands around it."""
    one, other = CA.crl(number=1), CA.crl(number=2)
    assert pem_or_der(one) == one
    assert pem_or_der(_pem(one)) == one
    assert pem_or_der(b"Issuer: CN=Test CA\r\n" + _pem(one).replace(b"\n", b"\r\n") + _pem(other)) == one


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        _pem(b"x", b"CERTIFICATE"),
        _pem(CA.crl())[:-30],
        _pem(CA.crl()).replace(b"MI", b"M", 1),
    ],
    ids=["nothing", "HTML", "a certificate", "cut off", "no base64"],
)
def test_a_file_that_is_neither_is_malformed(content: bytes) -> None:
    """And says what it should have been."""
    with pytest.raises(MalformedCRL, match="PEM") as malformed:
        _read(pem_or_der(content))
    assert malformed.value.problem is Problem.MALFORMED


# --- What it may cost ---------------------------------------------------------------------------------------

MEBI = 2**20


def _in_the_list(content: bytes) -> bytes:
    return CA.crl(entries=[content])


def _beside_it(content: bytes) -> bytes:
    return CA.crl(extensions=[extension(x509.ObjectIdentifier("1.2.3"), content)])


def _as_the_name(content: bytes) -> bytes:
    return CA.crl(issuer=der.sequence(content))


def _as_the_algorithm(content: bytes) -> bytes:
    return der.sequence(der.sequence(), der.sequence(content), der.bit_string(b""))


@pytest.mark.parametrize("unit", ["0500", "3000", "3080", "ff", "1f", "3003020100", "00"])
@pytest.mark.parametrize("place", [bytes, _in_the_list, _beside_it, _as_the_name, _as_the_algorithm])
def test_megabytes_of_anything_cost_little(unit: str, place: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elements are not made of what nobody will look at: wherever it stands, it is refused after a few."""
    assert callable(place)
    octets = bytes.fromhex(unit)
    encoded = place(octets * (MEBI // len(octets)))
    made: list[None] = []

    def counted(*position: object) -> reader.Element:
        made.append(None)
        return read_at(*position)  # type: ignore[arg-type]  # whatever it is given

    read_at = reader.read_at
    monkeypatch.setattr(reader, "read_at", counted)
    assert _problem(encoded) in {Problem.MALFORMED, Problem.TOO_LARGE}
    assert len(made) < 100


def test_what_stands_beside_the_entries_is_bounded_and_they_are_not() -> None:
    """By size, before anything of it is read; the entries may be as many as there are."""
    filler = extension(x509.ObjectIdentifier("1.2.3"), bytes(LARGEST_BESIDE_ENTRIES))
    assert _problem(CA.crl(extensions=[filler])) is Problem.TOO_LARGE
    entries = [encoding.entry(number, Revocation(NOW, None)) for number in range(LARGEST_BESIDE_ENTRIES // 16)]
    assert len(_read(CA.crl(entries=entries)).entries) == LARGEST_BESIDE_ENTRIES // 16


def test_a_serial_number_that_is_listed_very_often_is_found_as_fast() -> None:
    """The earliest of its entries, without a look at the others."""
    entries = [encoding.entry(7, Revocation(NOW - number, None)) for number in range(5000)]
    crl = _read(CA.crl(entries=[encoding.entry(6, Revocation(NOW, None)), *entries]))
    assert crl.entries.find(7) == Revocation(NOW - 4999, None)
    assert crl.entries.find(6) == Revocation(NOW, None)
    assert crl.entries.find(8) is None


@pytest.mark.parametrize(
    ("ended", "status", "problems"),
    [(NOW - HOUR + 1, Status.GOOD, ()), (NOW - HOUR - 1, Status.INVALID, (Problem.OUT_OF_SCOPE,))],
)
def test_silence_about_what_had_expired_says_nothing(
    ended: float, status: Status, problems: tuple[Problem, ...]
) -> None:
    """A CA may leave out what has expired (RFC 5280, section 3.3): what is still listed is revoked all the same."""
    leaf = CA.leaf(not_before=NOW - WEEK, not_after=ended)
    silent = judge(_read(CA.crl()), leaf.certificate, CA.certificate, NOW, Policy())
    assert (silent.status, silent.problems, silent.authentic) == (status, problems, True)
    listed = _read(CA.crl({leaf.certificate.serial_number: Revocation(NOW - WEEK, Reason.SUPERSEDED)}))
    assert judge(listed, leaf.certificate, CA.certificate, NOW, Policy()).status is Status.REVOKED
