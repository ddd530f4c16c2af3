"""The scenarios of CRLs: each bad one beside a good twin that differs from it in one option.

What is expected is written down here by hand, from the sections of RFC 5280 that the rows name.
"""

from collections.abc import Callable, Mapping
from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.demo import crl, der
from ocsp_exporter.demo.response import (
    ECDSA_SHA256,
    ED448,
    ED25519,
    RSA_PSS_SHA256,
    RSA_SHA256,
    Signing,
    ecdsa,
    extension,
    rsa_pkcs1,
)
from ocsp_exporter.model import Problem, Reason, Revocation, Status
from ocsp_exporter.revocation.checks import Policy
from tests.scenarios.crl_material import POINT, CRLMaterial, point, url
from tests.scenarios.material import DAY, HOUR, MINUTE, signing_key
from tests.scenarios.table import Scenario, Value

_MALFORMED = (Problem.MALFORMED,)
_TOO_LARGE = (Problem.TOO_LARGE,)
_FORGED = (Problem.SIGNATURE_INVALID,)
_CRITICAL = (Problem.CRITICAL_EXTENSION,)
_OUT_OF_SCOPE = (Problem.OUT_OF_SCOPE,)
_EXPIRED = (Problem.EXPIRED,)

#: 2026-12-01 12:00:00 UTC, and as UTCTime and GeneralizedTime say it.
_REVOKED_AT = 1796126400
_AT = b"261201120000Z"
_OTHER_SERIAL = 4711
_STRANGE = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")


def _same(data: bytes) -> bytes:
    return data


def _replaced(old: bytes, new: bytes, data: bytes) -> bytes:
    """Replace octets that must be there once."""
    assert data.count(old) == 1
    return data.replace(old, new)


# --- Readable -----------------------------------------------------------------------------------------------


def _unreadable(name: str, mangle: Callable[[bytes], bytes], rule: str = "5.1") -> Scenario:
    return Scenario(name, rule, "mangle", mangle, _same, _MALFORMED)


def _entry(*, serial: bytes = b"\x02\x01\x05", time: bytes = b"\x17\x0d" + _AT, rest: bytes = b"") -> bytes:
    return der.sequence(serial, time, rest)


def _odd_entry(name: str, bad: bytes, rule: str = "5.1.2.6", twin: bytes = _entry()) -> Scenario:
    return Scenario(f"an entry {name}", rule, "entries", [bad], [twin], _MALFORMED)


def _with_extensions(*extensions: bytes) -> bytes:
    return _entry(rest=der.sequence(*extensions))


def _reason(value: bytes) -> bytes:
    return _with_extensions(extension(x509.ObjectIdentifier("2.5.29.21"), value))


def _odd_extensions(name: str, bad: Value, twin: Value, rule: str) -> Scenario:
    return Scenario(name, rule, "extensions", bad, twin, _MALFORMED, shared={"number": None})


_POINT_OID = x509.ObjectIdentifier("2.5.29.28")
_NAMED = der.explicit(0, crl.full_name(crl.url_name(POINT)))
_VERSION = bytes.fromhex("020101")

READABLE = (
    _unreadable("no octets at all", lambda _: b""),
    _unreadable("octets that are no DER", lambda _: b"<html>Not found</html>"),
    _unreadable("PEM where DER is due", lambda _: b"-----BEGIN X509 CRL-----\n", "4.2.1.13"),
    _unreadable("cut off in the middle", lambda data: data[: len(data) // 2]),
    _unreadable("cut off by one octet", lambda data: data[:-1]),
    _unreadable("octets behind the end", lambda data: data + b"\0"),
    _unreadable("a certificate", lambda _: CRLMaterial(0.0).authority.certificate.public_bytes(Encoding.DER)),
    Scenario("of a version to come", "5.1.2.1", "version", 2, 1, _MALFORMED),
    Scenario("of version 1, told", "5.1.2.1", "version", 0, 1, _MALFORMED),
    Scenario(
        "in a month that does not exist",
        "5.1.2.4",
        "mangle",
        partial(_replaced, b"\x17\x0d270115070000Z", b"\x17\x0d271315070000Z"),
        _same,
        _MALFORMED,
    ),
    *(
        _odd_entry(name, _entry(time=bad), "5.1.2.6", _entry(time=twin))
        for name, bad, twin in (
            ("without a time", b"", b"\x17\x0d" + _AT),
            ("in second 60", b"\x17\x0d261201120060Z", b"\x17\x0d261201120059Z"),
            ("on the 29th of February of a common year", b"\x17\x0d270229120000Z", b"\x17\x0d280229120000Z"),
            ("in a time without seconds", b"\x17\x0b2612011200Z", b"\x17\x0d" + _AT),
            ("in a time with an offset", b"\x17\x11261201120000+0100", b"\x17\x0d" + _AT),
            ("in a time with fractions", b"\x18\x1120261201120000.5Z", b"\x18\x0f20" + _AT),
            ("in a time without Z", b"\x18\x0e20" + _AT[:-1], b"\x18\x0f20" + _AT),
            ("in the year 0", b"\x18\x0f00001201120000Z", b"\x18\x0f00011201120000Z"),
            ("in a time that is no digits", b"\x17\x0d2612 1120000Z", b"\x17\x0d" + _AT),
        )
    ),
    _odd_entry("without a serial number", _entry(serial=b"")),
    _odd_entry("with a serial number of no octets", _entry(serial=b"\x02\x00")),
    _odd_entry("with a positive number longer than it needs", _entry(serial=b"\x02\x02\x00\x05")),
    _odd_entry(
        "with a negative number longer than it needs",
        _entry(serial=b"\x02\x02\xff\x85"),
        twin=_entry(serial=b"\x02\x02\xff\x05"),
    ),
    _odd_entry("with a long number longer than it needs", _entry(serial=b"\x02\x1e" + bytes(29) + b"\x05")),
    _odd_entry("that is no SEQUENCE", b"\x31" + _entry()[1:]),
    _odd_entry("longer than the list", _entry()[:1] + b"\x13" + _entry()[2:]),
    _odd_entry("shorter than what is in it", _entry()[:1] + b"\x11" + _entry()[2:]),
    _odd_entry("with something behind its time", _entry(rest=b"\x05\x00"), "5.3"),
    _odd_entry("with something behind its extensions", _entry(rest=b"\x30\x00\x05\x00"), "5.3"),
    _odd_entry(
        "with the same extension twice",
        _with_extensions(*[crl.reason_code(Reason.SUPERSEDED)] * 2),
        "4.2",
        _with_extensions(crl.reason_code(Reason.SUPERSEDED)),
    ),
    _odd_entry("whose reason is an INTEGER", _reason(b"\x02\x01\x01"), "5.3.1", _reason(b"\x0a\x01\x01")),
    _odd_entry("whose reason has too many octets", _reason(b"\x0a\x02\x00\x01"), "5.3.1", _reason(b"\x0a\x01\x01")),
    _odd_entry("whose reason has no octets", _reason(b"\x0a\x00"), "5.3.1", _reason(b"\x0a\x01\x01")),
    _odd_entry(
        "with extensions longer than any",
        _with_extensions(extension(_STRANGE, bytes(8192))),
        "",
        _with_extensions(extension(_STRANGE, bytes(8000))),
    ),
    _odd_extensions("with the same extension twice", [crl.number(1), crl.number(1)], [crl.number(1)], "5.2"),
    _odd_extensions(
        "whose number has 21 octets",
        [crl.number(2**160 - 1)],
        [crl.number(2**159 - 1)],
        "5.2.3",
    ),
    _odd_extensions(
        "whose distribution point has a field that is not known",
        [extension(_POINT_OID, der.sequence(_NAMED, der.tlv(0x86, b"\xff")), critical=True)],
        [extension(_POINT_OID, der.sequence(_NAMED, der.tlv(0x84, b"\x00")), critical=True)],
        "5.2.5",
    ),
    _odd_extensions(
        "whose distribution point has a name without a name",
        [crl.issuing_distribution_point(crl.full_name())],
        [crl.issuing_distribution_point()],
        "5.2.5",
    ),
    _odd_extensions(
        "whose distribution point is named twice",
        [extension(_POINT_OID, der.sequence(_NAMED, _NAMED), critical=True)],
        [extension(_POINT_OID, der.sequence(_NAMED), critical=True)],
        "5.2.5",
    ),
    Scenario(
        "with more beside its entries than any has",
        "",
        "extensions",
        [extension(_STRANGE, bytes(2**16))],
        [extension(_STRANGE, bytes(2**15))],
        _TOO_LARGE,
    ),
)

# --- The issuer's right, and its signature ------------------------------------------------------------------


def _key_usage(*, crl_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(False, False, False, False, False, True, crl_sign, False, False)


_MD5 = "1.2.840.113549.1.1.4"
_CA = x509.BasicConstraints(ca=True, path_length=None)
_KEY_USAGE = x509.ObjectIdentifier("2.5.29.15")

SIGNED = (
    Scenario(
        "by a CA whose key may not sign CRLs",
        "6.3.3 (f)",
        "by",
        lambda m: m.authority_that(_CA, _key_usage(crl_sign=False)),
        lambda m: m.authority_that(_CA, _key_usage(crl_sign=True)),
        (Problem.RESPONDER_UNAUTHORIZED,),
    ),
    Scenario(
        "by a CA whose key usage cannot be read",
        "6.3.3 (f)",
        "by",
        lambda m: m.authority_that(_CA, x509.UnrecognizedExtension(_KEY_USAGE, b"\x04\x01\x02")),
        lambda m: m.authority_that(_CA),
        (Problem.RESPONDER_UNAUTHORIZED,),
    ),
    Scenario(
        "forged by a twin of the CA",
        "6.3.3 (g)",
        "signing_key",
        lambda m: m.twin.key,
        lambda m: m.authority.key,
        _FORGED,
    ),
    Scenario(
        "with a serial number changed after signing",
        "6.3.3 (g)",
        "mangle",
        partial(_replaced, b"\x02\x02\x12\x67\x17", b"\x02\x02\x12\x66\x17"),
        _same,
        _FORGED,
        shared={"revoked": {_OTHER_SERIAL: Revocation(_REVOKED_AT, None)}},
    ),
    Scenario(
        "with another algorithm in what is signed",
        "5.1.1.2",
        "stated_algorithm",
        ecdsa("1.2.840.10045.4.3.3", hashes.SHA384()).algorithm,
        ECDSA_SHA256.algorithm,
        _FORGED,
    ),
    Scenario(
        "signed with an algorithm that nobody trusts",
        "6.3.3 (g)",
        "signing",
        rsa_pkcs1(_MD5, hashes.SHA256()),
        RSA_SHA256,
        (Problem.SIGNATURE_ALGORITHM_UNSUPPORTED,),
        shared={"by": lambda m: m.with_key("rsa"), "subject": None},
    ),
    Scenario(
        "signed with an algorithm without a name",
        "6.3.3 (g)",
        "signing",
        Signing(der.sequence(), ECDSA_SHA256.sign),
        ECDSA_SHA256,
        (Problem.SIGNATURE_ALGORITHM_UNSUPPORTED,),
    ),
    Scenario(
        "signed with an algorithm for another kind of key",
        "6.3.3 (g)",
        "signing",
        Signing(RSA_SHA256.algorithm, ECDSA_SHA256.sign),
        ECDSA_SHA256,
        _FORGED,
    ),
    *(
        Scenario(
            f"forged with another key: {name}",
            "6.3.3 (g)",
            "signing_key",
            signing_key(kind, 1),
            signing_key(kind),
            _FORGED,
            shared={"by": lambda m, kind=kind: m.with_key(kind), "subject": None, "signing": signing},
        )
        for name, kind, signing in (
            ("ecdsa-with-SHA384", "p384", ecdsa("1.2.840.10045.4.3.3", hashes.SHA384())),
            ("sha256WithRSAEncryption", "rsa", RSA_SHA256),
            ("RSASSA-PSS", "rsa", RSA_PSS_SHA256),
            ("ED25519", "ed25519", ED25519),
            ("ED448", "ed448", ED448),
        )
    ),
)

# --- Critical extensions ------------------------------------------------------------------------------------

_INVALIDITY_DATE = x509.ObjectIdentifier("2.5.29.24")

CRITICAL = (
    Scenario(
        "an unknown critical extension",
        "5.2",
        "extensions",
        [extension(_STRANGE, der.null(), critical=True)],
        [extension(_STRANGE, der.null())],
        _CRITICAL,
    ),
    Scenario(
        "a critical pointer to delta CRLs, which are not looked at",
        "5.2.6",
        "extensions",
        [extension(x509.ObjectIdentifier("2.5.29.46"), der.sequence(), critical=True)],
        [extension(x509.ObjectIdentifier("2.5.29.46"), der.sequence())],
        _CRITICAL,
    ),
    Scenario(
        "an unknown critical extension of an entry about another certificate",
        "5.3",
        "entries",
        [_with_extensions(extension(_STRANGE, der.null(), critical=True))],
        [_with_extensions(extension(_STRANGE, der.null()))],
        _CRITICAL,
    ),
    Scenario(
        "an unknown critical extension of an entry that is otherwise like one before",
        "5.3",
        "entries",
        [_with_extensions(extension(_STRANGE, der.null(), critical=each)) for each in (False, True)],
        [_with_extensions(extension(_INVALIDITY_DATE, der.null(), critical=each)) for each in (False, True)],
        _CRITICAL,
    ),
    Scenario(
        "an unknown critical extension of an entry that is taken off the list",
        "5.3",
        "entries",
        [_with_extensions(crl.reason_code(Reason.REMOVE_FROM_CRL), extension(_STRANGE, b"", critical=True))],
        [_with_extensions(crl.reason_code(Reason.REMOVE_FROM_CRL), extension(_STRANGE, b""))],
        _CRITICAL,
    ),
    Scenario(
        "an unknown critical extension before an invalidity date",
        "5.3",
        "entries",
        [_with_extensions(extension(_STRANGE, b"", critical=True), crl.invalidity_date(_REVOKED_AT))],
        [_with_extensions(extension(_STRANGE, b""), crl.invalidity_date(_REVOKED_AT))],
        _CRITICAL,
    ),
    Scenario(
        "a critical extension that looks like a number",
        "5.2.3",
        "extensions",
        [extension(x509.ObjectIdentifier("2.5.29.20.1"), der.integer(1), critical=True)],
        [extension(x509.ObjectIdentifier("2.5.29.20"), der.integer(1), critical=True)],
        _CRITICAL,
        shared={"number": None},
    ),
)

# --- Scope --------------------------------------------------------------------------------------------------

_HERE = crl.full_name(crl.url_name(POINT))


def _scoped(name: str, bad: Value, twin: Value, rule: str = "5.2.5; 6.3.3 (b)", **shared: Value) -> Scenario:
    return Scenario(name, rule, "extensions", bad, twin, _OUT_OF_SCOPE, shared=shared)


def _limited(name: str, bad: bytes, twin: bytes, **shared: Value) -> Scenario:
    return _scoped(name, [bad], [twin], **shared)


def _asked_by(name: str, bad: Value, twin: Value, names: bytes = _HERE) -> Scenario:
    """A CRL of the distribution point `names`, and certificates that it is about or not."""
    shared = {"extensions": [crl.issuing_distribution_point(names)]}
    return Scenario(name, "6.3.3 (b) (2) (i)", "subject", bad, twin, _OUT_OF_SCOPE, shared=shared)


def _own_name(material: CRLMaterial) -> x509.DirectoryName:
    return x509.DirectoryName(material.authority.certificate.subject)


def _with(*points: x509.DistributionPoint) -> Value:
    return lambda m: m.leaf_with(*points)


_ELSEWHERE = "http://crl.example/other.crl"
_SOME = frozenset({x509.ReasonFlags.key_compromise})
_RELATIVE = x509.DistributionPoint(
    None, x509.RelativeDistinguishedName([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CRL 1")]), None, None
)

SCOPE = (
    Scenario(
        "of a CA with another name and the same key",
        "6.3.3 (b) (1)",
        "by",
        lambda m: m.renamed,
        lambda m: m.authority,
        _OUT_OF_SCOPE,
        shared={"issuer": lambda m: m.authority.certificate},
    ),
    Scenario(
        "of a CA with another name and another key, whose signature says nothing",
        "6.3.3 (b) (1)",
        "by",
        lambda m: m.stranger,
        lambda m: m.authority,
        _OUT_OF_SCOPE,
        shared={"issuer": lambda m: m.authority.certificate},
    ),
    Scenario(
        "for a certificate that the same key signed under another name",
        "6.3.3 (b) (1)",
        "by",
        lambda m: m.renamed,
        lambda m: m.authority,
        _OUT_OF_SCOPE,
    ),
    _limited(
        "indirect",
        crl.issuing_distribution_point(indirect=True),
        crl.issuing_distribution_point(),
    ),
    Scenario(
        "in which an entry names its issuer, though it is not said to be indirect",
        "5.3.3",
        "entries",
        lambda m: [_with_extensions(crl.certificate_issuer(crl.directory_name(m.stranger.certificate.subject)))],
        [_with_extensions()],
        _OUT_OF_SCOPE,
    ),
    _scoped("a delta", [crl.delta_indicator(1)], [], "5.2.4"),
    _limited(
        "for some reasons",
        crl.issuing_distribution_point(only_some_reasons=b"\x06\x40"),
        crl.issuing_distribution_point(),
    ),
    _limited(
        "for CAs only, and a leaf",
        crl.issuing_distribution_point(only_authority=True),
        crl.issuing_distribution_point(only_user=True),
    ),
    _limited(
        "for others than CAs only, and a CA",
        crl.issuing_distribution_point(only_user=True),
        crl.issuing_distribution_point(only_authority=True),
        subject=lambda m: m.authority_below,
    ),
    _limited(
        "for attribute certificates only",
        crl.issuing_distribution_point(only_attribute=True),
        crl.issuing_distribution_point(),
    ),
    _limited(
        "of another distribution point",
        crl.issuing_distribution_point(crl.full_name(crl.url_name(_ELSEWHERE))),
        crl.issuing_distribution_point(crl.full_name(crl.url_name(_ELSEWHERE), crl.url_name(POINT))),
    ),
    _limited(
        "of a distribution point that is written otherwise",
        crl.issuing_distribution_point(crl.full_name(crl.url_name("http://CRL.example/ca.crl"))),
        crl.issuing_distribution_point(_HERE),
    ),
    _limited(
        "of another distribution point, which is not said critically",
        crl.issuing_distribution_point(crl.full_name(crl.url_name(_ELSEWHERE)), critical=False),
        crl.issuing_distribution_point(_HERE, critical=False),
    ),
    _asked_by("for a certificate without distribution points", _with(), _with(point(url(POINT)))),
    _asked_by(
        "for a certificate whose other distribution points are none of it",
        _with(point(url(_ELSEWHERE))),
        _with(point(url(_ELSEWHERE)), point(url("ldap://crl.example"), url(POINT))),
    ),
    _asked_by(
        "for a certificate whose distribution point is for some reasons",
        _with(point(url(POINT), reasons=_SOME)),
        _with(point(url(_ELSEWHERE), reasons=_SOME), point(url(POINT))),
    ),
    _asked_by(
        "for a certificate whose CRL is signed by somebody else",
        lambda m: m.leaf_with(point(url(POINT), issuers=[x509.DirectoryName(m.stranger.certificate.subject)])),
        lambda m: m.leaf_with(point(url(POINT), issuers=[_own_name(m)])),
    ),
    Scenario(
        "for a certificate whose distribution point is named after who signs it, and that is somebody else",
        "6.3.3 (b) (2) (i)",
        "subject",
        lambda m: m.leaf_with(point(issuers=[x509.DirectoryName(m.stranger.certificate.subject), url(POINT)])),
        lambda m: m.leaf_with(point(issuers=[_own_name(m), url(POINT)])),
        _OUT_OF_SCOPE,
        shared={"extensions": [crl.issuing_distribution_point(_HERE)]},
    ),
    Scenario(
        "named after another CA, for a certificate without distribution points",
        "6.3.3, at its end",
        "extensions",
        lambda m: [crl.issuing_distribution_point(crl.full_name(crl.directory_name(m.stranger.certificate.subject)))],
        lambda m: [crl.issuing_distribution_point(crl.full_name(crl.directory_name(m.authority.certificate.subject)))],
        _OUT_OF_SCOPE,
        shared={"subject": _with()},
    ),
    Scenario(
        "named after its CA, for a certificate with other distribution points",
        "6.3.3 (b) (2) (i)",
        "subject",
        lambda m: m.leaf,
        _with(),
        _OUT_OF_SCOPE,
        shared={
            "extensions": lambda m: [
                crl.issuing_distribution_point(crl.full_name(crl.directory_name(m.authority.certificate.subject)))
            ]
        },
    ),
    _limited(
        "of a distribution point of another relative name",
        crl.issuing_distribution_point(crl.relative_name("CRL 2")),
        crl.issuing_distribution_point(crl.relative_name("CRL 1")),
        subject=_with(_RELATIVE),
    ),
    _asked_by(
        "for a certificate whose distribution points cannot be read",
        lambda m: m.leaf_pointing(b"\x30\x03\x30\x01\xa0"),
        lambda m: m.leaf,
    ),
    Scenario(
        "for others than CAs, and a certificate of which nobody can tell",
        "6.3.3 (b) (2) (ii)",
        "subject",
        lambda m: m.leaf_constrained(b"\x01\x01\xff"),
        lambda m: m.leaf_constrained(b"\x30\x00"),
        _OUT_OF_SCOPE,
        shared={"extensions": [crl.issuing_distribution_point(only_user=True)]},
    ),
)

# --- Time ---------------------------------------------------------------------------------------------------


def _at(seconds: float) -> Value:
    return lambda m: m.now + seconds


_SKEW = 5 * MINUTE

TIME = (
    Scenario(
        "expired", "6.3.3 (a)", "next_update", _at(-DAY), _at(DAY), _EXPIRED, shared={"this_update": _at(-2 * DAY)}
    ),
    Scenario(
        "expired beyond the clock skew",
        "6.3.3 (a)",
        "next_update",
        _at(-_SKEW - 1),
        _at(-_SKEW),
        _EXPIRED,
        shared={"this_update": _at(-2 * DAY)},
    ),
    Scenario("from the future", "5.1.2.4", "this_update", _at(DAY), _at(-DAY), (Problem.NOT_YET_VALID,)),
    Scenario(
        "from a future beyond the clock skew",
        "5.1.2.4",
        "this_update",
        _at(_SKEW + 1),
        _at(_SKEW),
        (Problem.NOT_YET_VALID,),
    ),
    Scenario(
        "old, and without next_update",
        "5.1.2.5",
        "this_update",
        _at(-DAY - _SKEW - 1),
        _at(-DAY - _SKEW),
        _EXPIRED,
        shared={"next_update": None},
    ),
    Scenario(
        "older than the operator allows, and without next_update",
        "5.1.2.5",
        "policy",
        Policy(max_age_without_next_update=HOUR - 1, clock_skew=0),
        Policy(max_age_without_next_update=HOUR, clock_skew=0),
        _EXPIRED,
        shared={"next_update": None},
    ),
    Scenario(
        "that ended before 2000, though it lasts until after 2049 as another writes it",
        "5.1.2.5",
        "next_update",
        915148800,  # 1999-01-01, a UTCTime
        2556144000,  # 2051-01-01, a GeneralizedTime
        _EXPIRED,
        shared={"this_update": 883612800},  # 1998-01-01
    ),
)

# --- What it says -------------------------------------------------------------------------------------------

_SERIAL = 0x1234
_AGO = Revocation(_REVOKED_AT, None)


def _lists(name: str, entries: Value, reason: Reason | None = None, serial: int = _SERIAL, **shared: Value) -> Scenario:
    """A CRL that lists the certificate, and one that does not."""
    subject: Value = lambda m: m.leaf_with(serial_number=serial)  # noqa: E731 -- as all values here
    return Scenario(
        name,
        "5.3",
        "entries",
        entries,
        [],
        (),
        Status.REVOKED,
        Status.GOOD,
        {"subject": subject, **shared},
        reason=reason,
    )


def _listed(serial: int = _SERIAL, reason: Reason | None = None, at: int = _REVOKED_AT, *extensions: bytes) -> bytes:
    return crl.entry(serial, Revocation(at, reason), extensions)


_REASON_7 = extension(x509.ObjectIdentifier("2.5.29.21"), der.enumerated(7))
#: A serial number of 32 octets that RFC 5280 does not allow; the other differs in the last one only.
_LONG = int.from_bytes(range(1, 33))

_OTHERS: Mapping[int, Revocation] = dict.fromkeys(
    (1, _SERIAL - 1, _SERIAL + 1, _SERIAL << 8, _SERIAL << 160, 2**159 - 1), _AGO
)

SAYS = (
    *(
        _lists(f"revoked: {reason}", [_listed(reason=reason)], reason)
        for reason in Reason
        if reason is not Reason.REMOVE_FROM_CRL
    ),
    _lists("revoked, for no reason that is given", [_listed()]),
    _lists("revoked, for a reason that is not assigned", [_listed(_SERIAL, None, _REVOKED_AT, _REASON_7)]),
    _lists("revoked, among others", [_listed(reason=Reason.SUPERSEDED)], Reason.SUPERSEDED, revoked=_OTHERS),
    _lists(
        "revoked, with an invalidity date",
        [_listed(_SERIAL, Reason.KEY_COMPROMISE, _REVOKED_AT, crl.invalidity_date(0))],
        Reason.KEY_COMPROMISE,
    ),
    _lists("revoked, in version 1", [_listed()], version=None),
    _lists("revoked in the year 2051, as a clock may say", [_listed(at=2556144000)]),
    _lists(
        "revoked, and taken off the list in another entry",
        [_listed(reason=Reason.REMOVE_FROM_CRL), _listed(reason=Reason.SUPERSEDED)],
        Reason.SUPERSEDED,
    ),
    _lists(
        "revoked twice: the earlier entry counts",
        [_listed(reason=Reason.SUPERSEDED), _listed(reason=Reason.KEY_COMPROMISE, at=_REVOKED_AT - 1)],
        Reason.KEY_COMPROMISE,
    ),
    _lists(
        "revoked twice at one time: what lasts counts",
        [_listed(reason=Reason.CERTIFICATE_HOLD), _listed(reason=Reason.AA_COMPROMISE)],
        Reason.AA_COMPROMISE,
    ),
    Scenario(
        "revoked, and another one taken off the list",
        "5.3.1",
        "entries",
        [_listed(reason=Reason.CERTIFICATE_HOLD)],
        [_listed(reason=Reason.REMOVE_FROM_CRL)],
        (),
        Status.REVOKED,
        shared={"subject": lambda m: m.leaf_with(serial_number=_SERIAL)},
        reason=Reason.CERTIFICATE_HOLD,
    ),
    *(
        Scenario(
            f"revoked, whose serial number {what}",
            "4.1.2.2; 5.1.2.6",
            "revoked",
            {bad: _AGO},
            {twin: _AGO},
            (),
            Status.REVOKED,
            shared={"subject": lambda m, serial=bad: m.leaf_numbered(serial)},
        )
        for what, bad, twin in (
            ("is negative", -1, 255),
            ("is negative, and long", -(2**159), 2**159),
            ("is positive, and the negative one has the same octets", 255, -1),
            ("is zero", 0, 1),
            ("is one of 128", 128, -128),
            ("has 20 octets", 2**159 - 1, 2**159 - 2),
            ("has 21 octets", 2**159, 2**159 + 1),
            ("has 32 octets", _LONG, _LONG + 1),
            ("has 32 octets, and is negative", -_LONG, _LONG),
        )
    ),
    Scenario(
        "revoked, as an old CRL says",
        "5.3.1",
        "next_update",
        _at(-DAY),
        _at(DAY),
        _EXPIRED,
        Status.REVOKED,
        Status.REVOKED,
        {
            "this_update": _at(-2 * DAY),
            "entries": [_listed(reason=Reason.SUPERSEDED)],
            "subject": lambda m: m.leaf_with(serial_number=_SERIAL),
        },
        reason=Reason.SUPERSEDED,
    ),
    Scenario(
        "on hold, as an old CRL says",
        "5.3.1",
        "next_update",
        _at(-DAY),
        _at(DAY),
        _EXPIRED,
        Status.INVALID,
        Status.REVOKED,
        {
            "this_update": _at(-2 * DAY),
            "entries": [_listed(reason=Reason.CERTIFICATE_HOLD)],
            "subject": lambda m: m.leaf_with(serial_number=_SERIAL),
        },
    ),
    Scenario(
        "revoked, as a forged CRL says",
        "6.3.3 (g)",
        "signing_key",
        lambda m: m.twin.key,
        lambda m: m.authority.key,
        _FORGED,
        good=Status.REVOKED,
        shared={
            "entries": [_listed(reason=Reason.SUPERSEDED)],
            "subject": lambda m: m.leaf_with(serial_number=_SERIAL),
        },
    ),
)

# --- By itself ----------------------------------------------------------------------------------------------


def _alone(
    name: str, bad: Value, twin: Value, problems: tuple[Problem, ...] = _OUT_OF_SCOPE, **more: Value
) -> Scenario:
    return Scenario(f"by itself, {name}", "6.3.3", "extensions", bad, twin, problems, shared={"subject": None, **more})


BY_ITSELF = (
    _alone("a delta", [crl.delta_indicator(1)], []),
    _alone(
        "indirect, and not a part of the list",
        [crl.issuing_distribution_point(_HERE, indirect=True)],
        [crl.issuing_distribution_point(_HERE, only_authority=True, only_some_reasons=b"\x06\x40")],
    ),
    _alone(
        "with an unknown critical extension",
        [extension(_STRANGE, der.null(), critical=True)],
        [extension(_STRANGE, der.null())],
        _CRITICAL,
    ),
    Scenario(
        "by itself, expired",
        "6.3.3 (a)",
        "next_update",
        _at(-DAY),
        _at(DAY),
        _EXPIRED,
        shared={"subject": None, "this_update": _at(-2 * DAY), "entries": [_listed()]},
    ),
    Scenario(
        "by itself, forged",
        "6.3.3 (g)",
        "signing_key",
        lambda m: m.twin.key,
        lambda m: m.authority.key,
        _FORGED,
        shared={"subject": None, "entries": [_listed()]},
    ),
)

CRL_SCENARIOS: tuple[Scenario, ...] = (*READABLE, *SIGNED, *CRITICAL, *SCOPE, *TIME, *SAYS, *BY_ITSELF)
