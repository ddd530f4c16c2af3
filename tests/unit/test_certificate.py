"""What is read from certificates, however odd they are."""

import warnings

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ocsp_exporter.demo import der as encoding
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import issue
from ocsp_exporter.demo.response import extension
from ocsp_exporter.model import Problem, Status
from ocsp_exporter.revocation.certificate import Numbered, parse, serial_number
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.der import MOST_EXTENSIONS
from ocsp_exporter.revocation.extensions import (
    DistributionPoint,
    crl_urls,
    distribution_points,
    has_must_staple,
    is_authority,
    may_sign_crls,
    may_sign_responses,
    ocsp_urls,
)
from ocsp_exporter.revocation.facts import describe
from ocsp_exporter.revocation.validation import validate
from tests.unit.certificates import EXTENSIONS, SERIAL_NUMBER, SUBJECT, changed

NOW = 1_800_000_000.0
CA = Authority.root(NOW, "Test CA")


@pytest.mark.parametrize(
    ("serial", "shown"), [(1, "01"), (0x8000, "8000"), (2**159 + 1, "8" + "0" * 38 + "1"), (0, "00"), (-1, "-01")]
)
def test_any_serial_number_is_read_and_matched_without_a_warning(serial: int, shown: str) -> None:
    """Zero and negative serial numbers are no fault of the staple; cryptography warns of them at every look."""
    leaf = changed(CA.leaf().certificate, SERIAL_NUMBER, lambda _: encoding.integer(serial))
    assert serial_number(leaf) == serial
    assert describe(leaf, 0).serial_number == shown
    assert validate(CA.answer(serial), leaf, CA.certificate, NOW, Policy()).status is Status.GOOD
    assert validate(CA.answer(serial + 1), leaf, CA.certificate, NOW, Policy()).status is Status.INVALID


def test_a_response_is_judged_by_the_serial_number_alone() -> None:
    """One about this number of this issuer is verified; one about another number, or of a twin of the CA, is not."""
    subject = Numbered(0x1234, CA.certificate)
    good = validate(CA.answer(0x1234), subject, CA.certificate, NOW, Policy())
    assert (good.status, good.problems, good.authentic) == (Status.GOOD, (), True)
    other = validate(CA.answer(0x1235), subject, CA.certificate, NOW, Policy())
    assert (other.status, other.problems) == (Status.INVALID, (Problem.NO_MATCHING_RESPONSE,))
    twin = validate(CA.twin().answer(0x1234), subject, CA.certificate, NOW, Policy())
    assert Problem.NO_MATCHING_RESPONSE in twin.problems


def test_an_odd_name_is_read_without_a_warning() -> None:
    """A country of three letters is no fault of the staple; cryptography warns of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "XXX", _validate=False)])
    leaf = changed(CA.leaf().certificate, SUBJECT, lambda _: name.public_bytes())
    assert describe(leaf, 0).subject == "C=XXX"


@pytest.mark.parametrize(
    "data", [b"", b"\x30\x00", b"<html>", bytes(10_000), CA.certificate.public_bytes(Encoding.DER)[:-1]]
)
def test_what_is_no_certificate_is_none(data: bytes) -> None:
    """Reading never raises; the whole certificate is read, the cut one is not."""
    assert parse(data) is None
    assert parse(CA.certificate.public_bytes(Encoding.DER)) == CA.certificate


def test_a_leaf_tells_what_it_demands_and_where_its_status_is() -> None:
    """URLs are listed as they stand, of any scheme, those of the CA's certificate left out."""
    leaf = CA.leaf(
        must_staple=True,
        ocsp_urls=["http://one.example/", "ldap://two.example"],
        crl_urls=["http://three.example/crl"],
        issuer_urls=["http://four.example/ca"],
    ).certificate
    assert has_must_staple(leaf)
    assert ocsp_urls(leaf) == ("http://one.example/", "ldap://two.example")
    assert crl_urls(leaf) == ("http://three.example/crl",)
    plain = CA.leaf().certificate
    assert not has_must_staple(plain)
    assert ocsp_urls(plain) == crl_urls(plain) == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3003020105", True),
        ("3006020105020111", True),
        ("3003020111", False),  # status_request_v2 alone
        ("3000", False),
        ("020105", False),  # no SEQUENCE
        ("30030201", False),  # cut off
        ("", False),
    ],
)
def test_the_tls_feature_is_read_as_far_as_it_can_be(value: str, expected: bool) -> None:
    """Only a readable extension that names status_request (RFC 7633) demands a staple."""
    oid = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24")
    leaf = _with_extensions(CA.leaf().certificate, extension(oid, bytes.fromhex(value)))
    assert has_must_staple(leaf) is expected


def test_an_extension_that_cannot_be_read_does_not_hide_the_others() -> None:
    """Each extension is read by itself: cryptography gives none where one is odd."""
    odd = extension(x509.ObjectIdentifier("2.5.29.17"), b"\xff\xff")
    feature = extension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24"), bytes.fromhex("3003020105"))
    leaf = _with_extensions(CA.leaf().certificate, odd, feature)
    with pytest.raises(ValueError, match="parsing asn1"):
        _ = leaf.extensions
    assert has_must_staple(leaf)


def test_more_extensions_than_any_certificate_has_are_not_read() -> None:
    """Thousands of extensions fit into a certificate, and each is looked for by name."""
    filler = extension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"")
    feature = extension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24"), bytes.fromhex("3003020105"))
    leaf = CA.leaf().certificate
    assert has_must_staple(_with_extensions(leaf, *[filler] * (MOST_EXTENSIONS - 1), feature))
    assert not has_must_staple(_with_extensions(leaf, *[filler] * MOST_EXTENSIONS, feature))


def _with_extensions(certificate: x509.Certificate, *extensions: bytes) -> x509.Certificate:
    return changed(certificate, EXTENSIONS, lambda _: encoding.explicit(3, encoding.sequence(*extensions)))


_SIGNING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
_ANY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
_BOTH = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.OCSP_SIGNING])
_MAY_SIGN = x509.KeyUsage(True, *[False] * 8)  # digitalSignature
_MAY_ENCIPHER = x509.KeyUsage(False, False, True, *[False] * 6)


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ((_SIGNING,), True),
        ((_BOTH,), True),
        ((_SIGNING, _MAY_SIGN), True),
        ((_SIGNING, _MAY_ENCIPHER), False),
        ((_ANY,), False),
        ((_MAY_SIGN,), False),
        ((), False),
    ],
)
def test_a_delegate_has_ocsp_signing_and_may_make_signatures(
    extensions: tuple[x509.ExtensionType, ...], expected: bool
) -> None:
    """The purpose must be named (RFC 6960, 4.2.2.2); a key usage, if there is one, must allow signatures."""
    made = issue(CA.certificate.subject, extensions, {"not_before": NOW - 1, "not_after": NOW + 1})
    assert may_sign_responses(made.certificate) is expected


_KEY_USAGE = x509.ObjectIdentifier("2.5.29.15")
_BASIC_CONSTRAINTS = x509.ObjectIdentifier("2.5.29.19")
_CRL_DISTRIBUTION_POINTS = x509.ObjectIdentifier("2.5.29.31")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), True),  # no limit to the use of the key
        (("03020102",), True),  # cRLSign
        (("03020106",), True),  # keyCertSign and cRLSign
        (("03020204",), False),  # keyCertSign
        (("03020780",), False),  # digitalSignature
        (("0303078080",), False),  # what stands in further octets is something else
        (("0301",), False),
        (("030100",), False),
        (("040102",), False),
        (("03020102", "03020102"), False),
    ],
)
def test_a_ca_may_sign_crls_unless_its_key_usage_says_otherwise(values: tuple[str, ...], expected: bool) -> None:
    """One that cannot be read, or stands there twice, allows nothing (RFC 5280, 4.2.1.3)."""
    usages = [extension(_KEY_USAGE, bytes.fromhex(value), critical=True) for value in values]
    assert may_sign_crls(_with_extensions(CA.certificate, *usages)) is expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), False),
        (("3000",), False),
        (("30030101ff",), True),
        (("30060101ff020100",), True),
        (("3003010100",), False),
        (("3003020100",), False),
        (("0101ff",), None),
        (("30",), None),
        (("3000", "3000"), None),
    ],
)
def test_a_ca_is_one_by_its_basic_constraints(values: tuple[str, ...], expected: bool | None) -> None:
    """Where those cannot be read nobody knows (RFC 5280, 4.2.1.9)."""
    constraints = [extension(_BASIC_CONSTRAINTS, bytes.fromhex(value), critical=True) for value in values]
    assert is_authority(_with_extensions(CA.leaf().certificate, *constraints)) is expected


def test_a_distribution_point_tells_its_names_reasons_and_issuers() -> None:
    """As encoded, so that they can be compared; its URLs also as text."""
    relative = x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, "1")])
    here, there = (x509.UniformResourceIdentifier(url) for url in ("http://a.example", "ldap://b.example"))
    reasons = frozenset({x509.ReasonFlags.key_compromise})
    points = [
        x509.DistributionPoint([here, there], None, None, None),
        x509.DistributionPoint([here], None, reasons, None),
        x509.DistributionPoint(None, relative, None, None),
        x509.DistributionPoint(None, None, None, [x509.DNSName("c.example")]),
    ]
    leaf = CA.leaf(extensions=[x509.CRLDistributionPoints(points)]).certificate
    one, two = b"\x86\x10http://a.example", b"\x86\x10ldap://b.example"
    assert distribution_points(leaf) == (
        DistributionPoint(("http://a.example", "ldap://b.example"), frozenset({one, two})),
        DistributionPoint(("http://a.example",), frozenset({one}), has_reasons=True),
        DistributionPoint((), frozenset({bytes.fromhex("a10a 3008 0603550403 0c0131")})),
        DistributionPoint(issuers=frozenset({b"\x82\x09c.example"})),
    )
    assert crl_urls(leaf) == ("http://a.example", "ldap://b.example", "http://a.example")


@pytest.mark.parametrize("value", ["", "30", "30033001a0", "3004 3002 a000", "3006 3004 a002 8200"])
def test_distribution_points_that_cannot_be_read_are_none(value: str) -> None:
    """All of them, for what one of them says may be about the others; one that can be read is there."""
    leaf = CA.leaf().certificate
    assert distribution_points(_with_extensions(leaf, extension(_CRL_DISTRIBUTION_POINTS, bytes.fromhex(value)))) == ()
    good = extension(_CRL_DISTRIBUTION_POINTS, bytes.fromhex("3008 3006 a004 a002 8600"))
    assert distribution_points(_with_extensions(leaf, good)) == (DistributionPoint(("",), frozenset({b"\x86\x00"})),)
