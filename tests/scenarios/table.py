"""The scenarios: each bad response beside a good twin that differs from it in one option.

What is expected is written down here by hand, from the RFCs that the rows name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, OCSPExtensionOID

from ocsp_exporter.demo import der
from ocsp_exporter.demo.authority import unsuccessful
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.demo.response import (
    ED448,
    ED25519,
    Signing,
    ecdsa,
    extension,
    identifier,
    key_hash,
    name_hash,
    nonce,
    responder_by_key,
    responder_by_name,
    rsa_pkcs1,
    rsa_pss,
)
from ocsp_exporter.model import Problem, Reason, Signer, Status
from ocsp_exporter.revocation.checks import Policy
from tests.scenarios.material import DAY, HOUR, MINUTE, Material, signing_key

Value = Any  # an argument, or a function of the Material that gives it


@dataclass(frozen=True)
class Scenario:
    """A bad response and its good twin, which differ in the option `differs` and have `shared` in common.

    `expected` and `problems` are the verdict on the bad one, `good` that on its twin.
    """

    name: str
    rule: str
    differs: str
    bad: Value
    twin: Value
    problems: tuple[Problem, ...] = ()
    expected: Status = Status.INVALID
    good: Status = Status.GOOD
    shared: Mapping[str, Value] = field(default_factory=dict)
    signer: Signer = Signer.ISSUER
    reason: Reason | None = None

    @property
    def bad_options(self) -> Mapping[str, Value]:
        """The options of the bad response."""
        return {**self.shared, self.differs: self.bad}

    @property
    def twin_options(self) -> Mapping[str, Value]:
        """The options of its good twin."""
        return {**self.shared, self.differs: self.twin}


def _same(data: bytes) -> bytes:
    return data


def _replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Replace octets that must be there, by as many others."""

    def replace(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new)

    return replace


def _flipped(find: Callable[[bytes], int]) -> Callable[[bytes], bytes]:
    """Change one bit of the octet at the position that `find` gives."""

    def flip(data: bytes) -> bytes:
        changed = bytearray(data)
        changed[find(data)] ^= 1
        return bytes(changed)

    return flip


def _flipped_in(part: bytes) -> Callable[[bytes], bytes]:
    """Change one bit of the last place where these octets stand."""
    return _flipped(lambda data: data.rindex(part))


def _with_unreadable(text: bytes) -> Callable[[bytes], bytes]:
    """Make the last place where this text stands one that is not UTF-8."""

    def spoil(data: bytes) -> bytes:
        position = data.rindex(text)
        return data[:position] + b"\xff" + data[position + 1 :]

    return spoil


# --- Readable -----------------------------------------------------------------------------------------------


def _malformed(name: str, mangle: Callable[[bytes], bytes], rule: str = "RFC 6960, 4.2.1") -> Scenario:
    return Scenario(name, rule, "mangle", mangle, _same, (Problem.MALFORMED,))


def _this_update(material: Material) -> bytes:
    return der.generalized_time(material.now - HOUR)[2:]


_BASIC = bytes.fromhex("06092b0601050507300101")

READABLE = (
    _malformed("no octets at all", lambda _: b""),
    _malformed("octets that are no DER", lambda _: b"<html>Service unavailable</html>"),
    _malformed("cut off in the middle", lambda data: data[: len(data) // 2]),
    _malformed("cut off by one octet", lambda data: data[:-1]),
    _malformed("octets behind the end", lambda data: data + b"\0"),
    _malformed("successful without an answer", lambda _: bytes.fromhex("30030a0100")),
    _malformed("a response status that is not assigned (4)", lambda _: bytes.fromhex("30030a0104")),
    _malformed("a response status that is not assigned (7)", lambda _: bytes.fromhex("30030a0107")),
    _malformed("a response type other than basic", _replaced(_BASIC, _BASIC[:-1] + b"\x09")),
    Scenario(
        "a month that does not exist",
        "RFC 5280, 4.1.2.5.2",
        "reshape",
        lambda m: _replaced(_this_update(m), _this_update(m)[:4] + b"13" + _this_update(m)[6:]),
        lambda _: _same,
        (Problem.MALFORMED,),
    ),
    Scenario(
        "a time with fractions of a second",
        "RFC 5280, 4.1.2.5.2",
        "reshape",
        lambda m: _replaced(_this_update(m), _this_update(m)[:12] + b".5Z"),
        lambda _: _same,
        (Problem.MALFORMED,),
    ),
    *(
        Scenario(
            f"a time {what}",
            "RFC 5280, 4.1.2.5.2",
            "reshape",
            lambda m, change=change: _replaced(_this_update(m), change(_this_update(m))),
            lambda _: _same,
            (Problem.MALFORMED,),
        )
        for what, change in (
            ("without Z", lambda time: time[:14] + b"0"),
            ("in second 60", lambda time: time[:12] + b"60Z"),
            ("with an offset", lambda time: time[:10] + b"+0100"),
        )
    ),
    Scenario("larger than any response", "", "mangle", lambda data: data + bytes(2**18), _same, (Problem.TOO_LARGE,)),
    Scenario(
        "more answers than any response has",
        "",
        "also",
        lambda m: [m.authority.single(m.other_leaf)] * 200,
        lambda m: [m.authority.single(m.other_leaf)] * 100,
        (Problem.TOO_LARGE,),
    ),
    Scenario(
        "more certificates than any response has",
        "",
        "certificates",
        lambda m: [m.authority.leaf(f"{number}.example").certificate for number in range(9)],
        lambda m: [m.authority.leaf(f"{number}.example").certificate for number in range(8)],
        (Problem.TOO_LARGE,),
    ),
)

# --- Successful ---------------------------------------------------------------------------------------------


def _unsuccessful(status: ocsp.OCSPResponseStatus) -> Scenario:
    return Scenario(
        f"the outer status {status.name.lower()}",
        "RFC 6960, 2.3 and 4.2.1",
        "mangle",
        lambda _: unsuccessful(status),
        _same,
        (Problem.UNSUCCESSFUL,),
        Status.SERVER_FAILED,
    )


SUCCESSFUL = tuple(
    _unsuccessful(status) for status in ocsp.OCSPResponseStatus if status is not ocsp.OCSPResponseStatus.SUCCESSFUL
)

# --- The answers themselves ---------------------------------------------------------------------------------

ANSWERS = (
    Scenario("unknown", "RFC 6960, 2.2", "status", Status.UNKNOWN, Status.GOOD, expected=Status.UNKNOWN),
    Scenario(
        "revoked for no stated reason", "RFC 6960, 2.2", "status", Status.REVOKED, Status.GOOD, expected=Status.REVOKED
    ),
    *(
        Scenario(
            f"revoked: {reason}",
            "RFC 5280, 5.3.1",
            "reason",
            reason,
            None,
            expected=Status.REVOKED,
            good=Status.REVOKED,
            shared={"status": Status.REVOKED},
            reason=reason,
        )
        for reason in Reason
    ),
)

# --- About this certificate ---------------------------------------------------------------------------------

_NOT_OURS = (Problem.NO_MATCHING_RESPONSE,)

ABOUT = (
    Scenario(
        "about another certificate of the same CA",
        "RFC 6960, 3.2, 1",
        "about",
        lambda m: m.other_leaf,
        lambda m: m.leaf,
        _NOT_OURS,
    ),
    Scenario(
        "about the same serial number of a CA with another key",
        "RFC 6960, 4.1.1",
        "issuer",
        lambda m: m.twin.certificate,
        lambda m: m.authority.certificate,
        (Problem.NO_MATCHING_RESPONSE, Problem.RESPONDER_UNIDENTIFIED),
    ),
    Scenario(
        "about the same serial number of a CA with another name",
        "RFC 6960, 4.1.1",
        "by",
        lambda m: m.renamed,
        lambda m: m.authority,
        _NOT_OURS,
        shared={"subject": lambda m: m.leaf.certificate},
    ),
    Scenario("about nothing", "RFC 6960, 3.2, 1", "without_single", True, False, _NOT_OURS),
    Scenario(
        "with a CertID of a hash that nobody knows",
        "RFC 6960, 4.1.1",
        "reshape",
        lambda _: _replaced(bytes.fromhex("06052b0e03021a"), bytes.fromhex("06052b0e03027f")),
        lambda _: _same,
        _NOT_OURS,
    ),
    *(
        Scenario(
            f"with a CertID of {digest.name} in which the hash of the issuer's {part} differs",
            "RFC 6960, 4.1.1; RFC 9919",
            "reshape",
            change,
            lambda _: _same,
            _NOT_OURS,
            shared={"hash_algorithm": digest},
        )
        for digest in (hashes.SHA1(), hashes.SHA224(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512())  # noqa: S303 -- usual here
        for part, change in (
            ("name", lambda m, digest=digest: _flipped_in(name_hash(m.authority.certificate, digest))),
            ("key", lambda m, digest=digest: _flipped_in(key_hash(m.authority.certificate, digest))),
        )
    ),
    Scenario(
        "several answers, none about this certificate",
        "RFC 6960, 3.2, 1",
        "also",
        (),
        lambda m: [m.authority.single(m.leaf)],
        _NOT_OURS,
        shared={"about": lambda m: m.other_leaf},
    ),
)

# --- The responder and its right ----------------------------------------------------------------------------

_UNIDENTIFIED = (Problem.RESPONDER_UNIDENTIFIED,)
_UNAUTHORIZED = (Problem.RESPONDER_UNAUTHORIZED,)


def _bystander(name: Callable[[x509.Certificate], bytes]) -> Value:
    """Name somebody else as the responder."""
    return lambda m: lambda _: name(m.stranger.certificate)


def _delegates(
    name: str, bad: Value, problems: tuple[Problem, ...] = _UNAUTHORIZED, twin: Value = lambda m: m.delegate
) -> Scenario:
    return Scenario(name, "RFC 6960, 4.2.2.2", "signer", bad, twin, problems, signer=Signer.DELEGATED)


def _key_usage(*, digital_signature: bool) -> x509.KeyUsage:
    return x509.KeyUsage(digital_signature, not digital_signature, *[False] * 7)


_KEY_USAGE = x509.ObjectIdentifier("2.5.29.15")
_STRANGE = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")
_MAY_SIGN = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
_SIGNS_RESPONSES = extension(_MAY_SIGN.oid, _MAY_SIGN.public_bytes())

RESPONDER = (
    Scenario(
        "signed by nobody at hand, by key",
        "RFC 6960, 4.2.2.3",
        "responder_id",
        _bystander(responder_by_key),
        lambda _: responder_by_key,
        _UNIDENTIFIED,
    ),
    Scenario(
        "signed by nobody at hand, by name",
        "RFC 6960, 4.2.2.3",
        "responder_id",
        _bystander(responder_by_name),
        lambda _: responder_by_name,
        _UNIDENTIFIED,
    ),
    _delegates("a delegate without id-kp-OCSPSigning", lambda m: m.authority.delegate(ocsp_signing=False)),
    _delegates("a delegate of another CA", lambda m: m.stranger.delegate()),
    _delegates("a delegate of a CA of the same name with another key", lambda m: m.twin.delegate()),
    _delegates("a delegate of a CA below the issuer", lambda m: m.below.delegate()),
    _delegates("another server's certificate of the same CA", lambda m: m.other_leaf),
    _delegates("the very certificate in question", lambda m: m.leaf),
    _delegates(
        "a delegate that may do anything but sign OCSP responses by name",
        lambda m: m.delegate_that(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])),
        twin=lambda m: m.delegate_that(_MAY_SIGN),
    ),
    _delegates(
        "a delegate whose key may not make signatures",
        lambda m: m.delegate_that(_MAY_SIGN, _key_usage(digital_signature=False)),
        twin=lambda m: m.delegate_that(_MAY_SIGN, _key_usage(digital_signature=True)),
    ),
    _delegates(
        "a delegate whose certificate has an unknown critical extension",
        lambda m: m.delegate_extended_by(_SIGNS_RESPONSES, extension(_STRANGE, der.null(), critical=True)),
        twin=lambda m: m.delegate_extended_by(_SIGNS_RESPONSES, extension(_STRANGE, der.null())),
    ),
    _delegates(
        "a delegate whose key usage cannot be read",
        lambda m: m.delegate_extended_by(_SIGNS_RESPONSES, extension(_KEY_USAGE, der.null())),
        twin=lambda m: m.delegate_extended_by(_SIGNS_RESPONSES, extension(_KEY_USAGE, bytes.fromhex("03020780"))),
    ),
    _delegates(
        "a delegate with the extended key usage twice",
        lambda m: m.delegate_extended_by(_SIGNS_RESPONSES, _SIGNS_RESPONSES),
        twin=lambda m: m.delegate_extended_by(_SIGNS_RESPONSES),
    ),
    _delegates(
        "a delegate whose certificate names one algorithm and was signed with another",
        lambda m: m.delegate_signed_as(identifier("1.2.840.10045.4.3.3")),
        twin=lambda m: m.delegate_signed_as(identifier("1.2.840.10045.4.3.2")),
    ),
    _delegates("a CA of the same name with another key", lambda m: Credential(m.twin.certificate, m.twin.key)),
    Scenario(
        "a delegate whose certificate is not in the response",
        "RFC 6960, 4.2.2.2",
        "certificates",
        (),
        lambda m: (m.delegate.certificate,),
        _UNIDENTIFIED,
        shared={"signer": lambda m: m.delegate},
        signer=Signer.DELEGATED,
    ),
    Scenario(
        "only a certificate that cannot be read in the response",
        "RFC 6960, 4.2.1",
        "certificates",
        lambda m: (m.stranger.certificate,),
        lambda m: (m.stranger.certificate, m.delegate.certificate),
        _UNIDENTIFIED,
        shared={"signer": lambda m: m.delegate, "mangle": _with_unreadable(b"Stranger CA")},
        signer=Signer.DELEGATED,
    ),
    Scenario(
        "only other certificates in the response",
        "RFC 6960, 4.2.1",
        "certificates",
        lambda m: (m.stranger.certificate, m.leaf.certificate),
        lambda m: (m.stranger.certificate, m.leaf.certificate, m.delegate.certificate),
        _UNIDENTIFIED,
        shared={"signer": lambda m: m.delegate},
        signer=Signer.DELEGATED,
    ),
    Scenario(
        "a delegate whose name cannot be read",
        "RFC 5280, 4.1.2.6",
        "mangle",
        _with_unreadable(b"Test OCSP Responder"),
        _same,
        _UNIDENTIFIED,
        shared={"signer": lambda m: m.delegate, "responder_id": lambda _: responder_by_name},
        signer=Signer.DELEGATED,
    ),
    Scenario(
        "a delegate of the same name whose key did not sign comes first",
        "RFC 6960, 4.2.2.2",
        "certificates",
        lambda m: (m.authority.delegate().certificate,),
        lambda m: (m.authority.delegate().certificate, m.delegate.certificate),
        (Problem.SIGNATURE_INVALID,),
        shared={"signer": lambda m: m.delegate, "responder_id": lambda _: responder_by_name},
        signer=Signer.DELEGATED,
    ),
    Scenario(
        "a stranger who is not trusted locally",
        "RFC 6960, 4.2.2.2, first case",
        "policy",
        Policy(),
        lambda m: Policy(trusted=(m.stranger.certificate,)),
        _UNIDENTIFIED,
        shared={"signer": lambda m: Credential(m.stranger.certificate, m.stranger.key), "certificates": ()},
        signer=Signer.TRUSTED,
    ),
    Scenario(
        "a stranger who brings a certificate and is not trusted locally",
        "RFC 6960, 4.2.2.2, first case",
        "policy",
        Policy(),
        lambda m: Policy(trusted=(m.stranger.certificate,)),
        _UNAUTHORIZED,
        shared={"signer": lambda m: Credential(m.stranger.certificate, m.stranger.key)},
        signer=Signer.TRUSTED,
    ),
    Scenario(
        "an issuer that could not be found",
        "RFC 6960, 3.2",
        "issuer",
        None,
        lambda m: m.authority.certificate,
        (Problem.ISSUER_UNAVAILABLE,),
    ),
)

# --- The signature ------------------------------------------------------------------------------------------

_FORGED = (Problem.SIGNATURE_INVALID,)


def _signed(kind: str, name: str, signing: Signing) -> Scenario:
    """Somebody else's key of the same kind, beside the right one."""
    return Scenario(
        f"forged with another key: {name}",
        "RFC 6960, 3.2, 2",
        "signing_key",
        lambda _: signing_key(kind, 1),
        lambda _: signing_key(kind),
        _FORGED,
        shared={
            "by": lambda m: m.with_key(kind),
            "subject": lambda m: m.leaf.certificate,
            "signing": signing,
        },
    )


SIGNATURE = (
    *(
        _signed(kind, f"{name} on {kind}", ecdsa(oid, digest))
        for kind in ("p256", "p384", "p521")
        for name, oid, digest in (
            ("ecdsa-with-SHA256", "1.2.840.10045.4.3.2", hashes.SHA256()),
            ("ecdsa-with-SHA384", "1.2.840.10045.4.3.3", hashes.SHA384()),
            ("ecdsa-with-SHA512", "1.2.840.10045.4.3.4", hashes.SHA512()),
        )
    ),
    _signed("p256", "ecdsa-with-SHA1", ecdsa("1.2.840.10045.4.1", hashes.SHA1())),  # noqa: S303 -- accepted, and visible
    _signed("ed25519", "Ed25519", ED25519),
    _signed("ed448", "Ed448", ED448),
    *(
        _signed("rsa", name, rsa_pkcs1(oid, digest))
        for name, oid, digest in (
            ("sha1WithRSAEncryption", "1.2.840.113549.1.1.5", hashes.SHA1()),  # noqa: S303 -- accepted, and visible
            ("sha224WithRSAEncryption", "1.2.840.113549.1.1.14", hashes.SHA224()),
            ("sha256WithRSAEncryption", "1.2.840.113549.1.1.11", hashes.SHA256()),
            ("sha384WithRSAEncryption", "1.2.840.113549.1.1.12", hashes.SHA384()),
            ("sha512WithRSAEncryption", "1.2.840.113549.1.1.13", hashes.SHA512()),
        )
    ),
    *(
        _signed("rsa", f"RSASSA-PSS with {digest.name}", rsa_pss(digest))
        for digest in (hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512())  # noqa: S303 -- accepted, and visible
    ),
    _signed("rsa", "RSASSA-PSS without salt", rsa_pss(hashes.SHA256(), 0)),
    Scenario(
        "one bit of the signature changed",
        "RFC 6960, 3.2, 2",
        "mangle",
        _flipped(lambda data: len(data) - 1),
        _same,
        _FORGED,
        shared={"by": lambda m: m.with_key("ed25519"), "subject": lambda m: m.leaf.certificate},
    ),
    Scenario(
        "the status changed after signing",
        "RFC 6960, 3.2, 2",
        "mangle",
        _replaced(bytes.fromhex("8200180f"), bytes.fromhex("8000180f")),
        _replaced(bytes.fromhex("8200180f"), bytes.fromhex("8200180f")),
        _FORGED,
        good=Status.UNKNOWN,
        shared={
            "status": Status.UNKNOWN,
            "by": lambda m: m.with_key("ed25519"),
            "subject": lambda m: m.leaf.certificate,
        },
    ),
    Scenario(
        "RSASSA-PSS whose salt is longer than stated",
        "RFC 4055, 3.1",
        "signing",
        rsa_pss(hashes.SHA256(), 32, 20),
        rsa_pss(hashes.SHA256(), 32, 32),
        _FORGED,
        shared={"by": lambda m: m.with_key("rsa"), "subject": lambda m: m.leaf.certificate},
    ),
    Scenario(
        "another algorithm stated than used",
        "RFC 6960, 4.2.1",
        "signing",
        ecdsa("1.2.840.10045.4.3.3", hashes.SHA256()),
        ecdsa("1.2.840.10045.4.3.2", hashes.SHA256()),
        _FORGED,
    ),
    Scenario(
        "an algorithm stated that is for other keys",
        "RFC 6960, 4.2.1",
        "signing",
        Signing(identifier("1.2.840.113549.1.1.11", der.null()), lambda _key, _data: bytes(256)),
        ecdsa("1.2.840.10045.4.3.2", hashes.SHA256()),
        _FORGED,
    ),
    Scenario(
        "Ed25519 stated and Ed448 used",
        "RFC 8410, 3",
        "signing",
        Signing(ED25519.algorithm, ED448.sign),
        ED448,
        _FORGED,
        shared={"by": lambda m: m.with_key("ed448"), "subject": lambda m: m.leaf.certificate},
    ),
    Scenario(
        "a signature algorithm that nobody knows",
        "RFC 6960, 4.3",
        "signing",
        ecdsa("1.2.840.10045.4.3.99", hashes.SHA256()),
        ecdsa("1.2.840.10045.4.3.2", hashes.SHA256()),
        (Problem.SIGNATURE_ALGORITHM_UNSUPPORTED,),
    ),
)

# --- Critical extensions ------------------------------------------------------------------------------------

_CRITICAL = (Problem.CRITICAL_EXTENSION,)


def _extension(oid: str, *, critical: bool = True) -> list[bytes]:
    return [extension(x509.ObjectIdentifier(oid), der.octet_string(bytes(8)), critical=critical)]


EXTENSIONS = (
    Scenario(
        "an unknown critical extension of the response",
        "RFC 6960, 4.4",
        "extensions",
        _extension(_STRANGE.dotted_string),
        _extension(_STRANGE.dotted_string, critical=False),
        _CRITICAL,
    ),
    Scenario(
        "an unknown critical extension of the answer",
        "RFC 6960, 4.4",
        "single_extensions",
        _extension(_STRANGE.dotted_string),
        _extension(_STRANGE.dotted_string, critical=False),
        _CRITICAL,
    ),
    Scenario(
        "an unknown critical extension of the answer, of several",
        "RFC 6960, 4.4",
        "single_extensions",
        _extension(_STRANGE.dotted_string),
        (),
        _CRITICAL,
        shared={
            "also": lambda m: [m.authority.single(m.other_leaf, single_extensions=_extension(_STRANGE.dotted_string))]
        },
    ),
    *(
        Scenario(
            f"a critical extension that looks like {name}",
            "RFC 6960, 4.4",
            place,
            _extension(f"{oid}.1"),
            _extension(oid),
            _CRITICAL,
        )
        for name, oid, place in (
            ("a nonce", "1.3.6.1.5.5.7.48.1.2", "extensions"),
            ("an extended revoked definition", "1.3.6.1.5.5.7.48.1.9", "extensions"),
            ("a reference to a CRL", "1.3.6.1.5.5.7.48.1.3", "single_extensions"),
            ("an archive cutoff", "1.3.6.1.5.5.7.48.1.6", "single_extensions"),
            ("signed certificate timestamps", "1.3.6.1.4.1.11129.2.4.5", "single_extensions"),
        )
    ),
)

# --- The nonce ----------------------------------------------------------------------------------------------

_SENT = bytes(range(32))


def _nonces(name: str, bad: Sequence[bytes], twin: Sequence[bytes]) -> Scenario:
    return Scenario(name, "RFC 9654, 2.1", "extensions", bad, twin, (Problem.NONCE_MISMATCH,), shared={"nonce": _SENT})


NONCE = (
    _nonces("with another nonce than was sent", [nonce(bytes(32))], [nonce(_SENT)]),
    _nonces("with another nonce than was sent, or else none", [nonce(bytes(32))], []),
    _nonces("with a nonce that is longer than the one sent", [nonce(_SENT + b"\0")], [nonce(_SENT)]),
    _nonces("with no octets for a nonce", [nonce(b"")], [nonce(_SENT)]),
    _nonces(
        "with another nonce than was sent, not wrapped",
        [extension(OCSPExtensionOID.NONCE, bytes(32))],
        [extension(OCSPExtensionOID.NONCE, _SENT)],
    ),
    Scenario(
        "with a nonce, though another was sent, or else none",
        "RFC 9654, 2.1",
        "nonce",
        _SENT,
        None,
        (Problem.NONCE_MISMATCH,),
        shared={"extensions": [nonce(bytes(32))]},
    ),
    Scenario(
        "with another nonce, expired, and signed by another key: all are told",
        "RFC 6960, 3.2",
        "nonce",
        _SENT,
        None,
        (Problem.SIGNATURE_INVALID, Problem.NONCE_MISMATCH, Problem.EXPIRED),
        good=Status.INVALID,
        shared={
            "extensions": [nonce(bytes(32))],
            "signing_key": lambda m: m.twin.key,
            "this_update": lambda m: m.now - 2 * DAY,
            "next_update": lambda m: m.now - DAY,
        },
    ),
)

# --- Times --------------------------------------------------------------------------------------------------

_SKEW = 5 * MINUTE
_EXPIRED = (Problem.EXPIRED,)


def _times(
    name: str, differs: str, bad: Value, twin: Value, problems: tuple[Problem, ...], **shared: Value
) -> Scenario:
    return Scenario(name, "RFC 6960, 2.4 and 3.2", differs, bad, twin, problems, shared=shared)


def _at(seconds: float) -> Value:
    return lambda m: m.now + seconds


def _up_to(seconds: float, *, behind: bool = False) -> Value:
    """The last moment that lies no more than so many seconds ahead, or behind."""
    return lambda m: m.now + (seconds - m.slack) * (-1 if behind else 1)


def _beyond(seconds: float, *, behind: bool = False) -> Value:
    """The first whole second that lies more than so many seconds ahead, or behind."""
    return lambda m: m.now + (seconds + 1 + m.slack) * (-1 if behind else 1)


TIMES = (
    _times("this_update beyond the clock skew", "this_update", _beyond(_SKEW), _up_to(_SKEW), (Problem.NOT_YET_VALID,)),
    _times(
        "this_update ahead, without tolerance",
        "this_update",
        _beyond(0),
        _up_to(0),
        (Problem.NOT_YET_VALID,),
        policy=Policy(clock_skew=0),
    ),
    _times(
        "produced_at beyond the clock skew", "produced_at", _beyond(_SKEW), _up_to(_SKEW), (Problem.PRODUCED_IN_FUTURE,)
    ),
    _times(
        "next_update passed beyond the clock skew",
        "next_update",
        _beyond(_SKEW, behind=True),
        _up_to(_SKEW, behind=True),
        _EXPIRED,
    ),
    _times(
        "next_update passed, without tolerance",
        "next_update",
        _beyond(0, behind=True),
        _up_to(0, behind=True),
        _EXPIRED,
        policy=Policy(clock_skew=0),
    ),
    _times(
        "without next_update, older than allowed",
        "this_update",
        _beyond(DAY + _SKEW, behind=True),
        _up_to(DAY + _SKEW, behind=True),
        _EXPIRED,
        next_update=None,
    ),
    _times(
        "without next_update, older than a policy allows",
        "policy",
        lambda m: Policy(max_age_without_next_update=HOUR - _SKEW - 1 - m.slack),
        lambda m: Policy(max_age_without_next_update=HOUR - _SKEW + m.slack),
        _EXPIRED,
        next_update=None,
    ),
    _times("ended before 1970", "next_update", -DAY, _at(DAY), _EXPIRED, this_update=-2 * DAY),
    _times(
        "valid until the end of the year 9999, begun then too",
        "this_update",
        253402300799 - HOUR,
        _at(0),
        (Problem.NOT_YET_VALID,),
        next_update=253402300799,
    ),
    _times(
        "next_update passed, or else beyond the end of the leaf itself",
        "next_update",
        _at(-DAY),
        _at(400 * DAY),
        _EXPIRED,
        subject=lambda m: m.authority.leaf("brief.example", not_after=m.now + DAY).certificate,
        this_update=_at(-2 * DAY),
    ),
    Scenario(
        "next_update passed, or else beyond the end of the delegate",
        "RFC 6960, 4.2.2.2",
        "next_update",
        _at(-DAY),
        _at(400 * DAY),
        _EXPIRED,
        shared={
            "signer": lambda m: m.authority.delegate(not_after=m.now + DAY),
            "this_update": _at(-2 * DAY),
        },
        signer=Signer.DELEGATED,
    ),
    _times("next_update before this_update", "next_update", _at(-2 * HOUR), _at(DAY), _EXPIRED),
    Scenario(
        "a delegate that has expired",
        "RFC 6960, 4.2.2.2",
        "signer",
        lambda m: m.authority.delegate(not_after=_beyond(_SKEW, behind=True)(m)),
        lambda m: m.authority.delegate(not_after=_up_to(_SKEW, behind=True)(m)),
        (Problem.RESPONDER_CERTIFICATE_EXPIRED,),
        signer=Signer.DELEGATED,
    ),
    Scenario(
        "a delegate that is not valid yet",
        "RFC 6960, 4.2.2.2",
        "signer",
        lambda m: m.authority.delegate(not_before=_beyond(_SKEW)(m)),
        lambda m: m.authority.delegate(not_before=_up_to(_SKEW)(m)),
        (Problem.RESPONDER_CERTIFICATE_EXPIRED,),
        signer=Signer.DELEGATED,
    ),
    Scenario(
        "a delegate whose certificate was renewed, beside only the old one",
        "RFC 6960, 4.2.2.2",
        "certificates",
        lambda m: [m.old_delegate.certificate],
        lambda m: [m.old_delegate.certificate, m.delegate.certificate],
        (Problem.RESPONDER_CERTIFICATE_EXPIRED,),
        shared={"signer": lambda m: m.delegate},
        signer=Signer.DELEGATED,
    ),
    Scenario(
        "a responder trusted locally that has expired",
        "RFC 6960, 4.2.2.2",
        "policy",
        lambda m: Policy(trusted=(m.expired_stranger.certificate,)),
        lambda m: Policy(trusted=(m.expired_stranger.certificate,), clock_skew=2 * DAY),
        (Problem.RESPONDER_CERTIFICATE_EXPIRED,),
        shared={"signer": lambda m: m.expired_stranger},
        signer=Signer.TRUSTED,
    ),
    Scenario(
        "expired and forged: both are told",
        "RFC 6960, 3.2",
        "signing_key",
        lambda m: m.twin.key,
        lambda m: m.authority.key,
        (Problem.SIGNATURE_INVALID, Problem.EXPIRED),
        good=Status.INVALID,
        shared={"next_update": _at(-DAY), "this_update": _at(-2 * DAY)},
    ),
)

# --- Revocation outlives its evidence -----------------------------------------------------------------------

_REVOKED = {"status": Status.REVOKED}

REVOKED = (
    Scenario(
        "revoked, as an old answer says",
        "RFC 6960, 2.2",
        "next_update",
        _at(-DAY),
        _at(DAY),
        _EXPIRED,
        Status.REVOKED,
        Status.REVOKED,
        {**_REVOKED, "this_update": _at(-2 * DAY)},
    ),
    Scenario(
        "on hold, as an old answer says",
        "RFC 5280, 5.3.1",
        "next_update",
        _at(-DAY),
        _at(DAY),
        _EXPIRED,
        Status.INVALID,
        Status.REVOKED,
        {**_REVOKED, "this_update": _at(-2 * DAY), "reason": Reason.CERTIFICATE_HOLD},
        reason=Reason.CERTIFICATE_HOLD,
    ),
    Scenario(
        "revoked, as an answer says that has not begun",
        "RFC 6960, 3.2, 5",
        "this_update",
        _at(DAY),
        _at(0),
        (Problem.NOT_YET_VALID,),
        Status.INVALID,
        Status.REVOKED,
        _REVOKED,
    ),
    Scenario(
        "revoked, forged",
        "RFC 6960, 3.2, 2",
        "signing_key",
        lambda m: m.twin.key,
        lambda m: m.authority.key,
        _FORGED,
        Status.INVALID,
        Status.REVOKED,
        _REVOKED,
    ),
    Scenario(
        "revoked, by a delegate that has expired since",
        "RFC 6960, 4.2.2.2",
        "signer",
        lambda m: m.authority.delegate(not_after=m.now - 30 * MINUTE),
        lambda m: m.authority.delegate(),
        (Problem.RESPONDER_CERTIFICATE_EXPIRED,),
        Status.REVOKED,
        Status.REVOKED,
        _REVOKED,
        Signer.DELEGATED,
    ),
    Scenario(
        "revoked, by a delegate that had expired when it said so",
        "RFC 6960, 4.2.2.2",
        "signer",
        lambda m: m.authority.delegate(not_after=m.now - 2 * HOUR),
        lambda m: m.authority.delegate(),
        (Problem.RESPONDER_CERTIFICATE_EXPIRED,),
        Status.INVALID,
        Status.REVOKED,
        _REVOKED,
        Signer.DELEGATED,
    ),
)

# --- Several answers about the same certificate -------------------------------------------------------------


def _also(**single: Value) -> Value:
    """Add another answer about the certificate in question."""
    return lambda m: [
        m.authority.single(m.leaf, **{key: value(m) if callable(value) else value for key, value in single.items()})
    ]


_NONE: Value = ()

SEVERAL = (
    Scenario(
        "good, and also revoked in an answer that has ended",
        "RFC 6960, 4.2.1",
        "also",
        _also(status=Status.REVOKED, this_update=_at(-3 * DAY), next_update=_at(-2 * DAY)),
        _NONE,
        expected=Status.GOOD,
    ),
    Scenario(
        "good, and also revoked",
        "RFC 6960, 4.2.1",
        "also",
        _also(status=Status.REVOKED),
        _NONE,
        expected=Status.REVOKED,
    ),
    Scenario(
        "good, and also unknown",
        "RFC 6960, 4.2.1",
        "also",
        _also(status=Status.UNKNOWN),
        _NONE,
        expected=Status.UNKNOWN,
    ),
    Scenario(
        "unknown, and also revoked",
        "RFC 6960, 4.2.1",
        "also",
        _also(status=Status.REVOKED),
        _NONE,
        expected=Status.REVOKED,
        good=Status.UNKNOWN,
        shared={"status": Status.UNKNOWN},
    ),
    Scenario(
        "expired, and also expired",
        "RFC 6960, 4.2.1",
        "also",
        _also(this_update=_at(-3 * DAY), next_update=_at(-2 * DAY)),
        _also(),
        _EXPIRED,
        shared={"this_update": _at(-2 * DAY), "next_update": _at(-DAY)},
    ),
    Scenario(
        "expired, and also revoked in an old answer",
        "RFC 6960, 4.2.1",
        "also",
        _also(status=Status.REVOKED, this_update=_at(-3 * DAY), next_update=_at(-2 * DAY)),
        _also(),
        _EXPIRED,
        Status.REVOKED,
        shared={"this_update": _at(-2 * DAY), "next_update": _at(-DAY)},
    ),
    Scenario(
        "revoked in an old answer, and good in one that has not begun",
        "RFC 6960, 4.2.1",
        "also",
        _also(this_update=_at(DAY)),
        _also(),
        _EXPIRED,
        Status.REVOKED,
        shared={"status": Status.REVOKED, "this_update": _at(-2 * DAY), "next_update": _at(-DAY)},
    ),
    Scenario(
        "good, beside another certificate that is revoked, forged",
        "RFC 6960, 4.2.1",
        "signing_key",
        lambda m: m.twin.key,
        lambda m: m.authority.key,
        _FORGED,
        shared={"also": lambda m: [m.authority.single(m.other_leaf, status=Status.REVOKED)]},
    ),
)

SCENARIOS: tuple[Scenario, ...] = (
    *READABLE,
    *SUCCESSFUL,
    *ANSWERS,
    *ABOUT,
    *RESPONDER,
    *SIGNATURE,
    *EXTENSIONS,
    *NONCE,
    *TIMES,
    *REVOKED,
    *SEVERAL,
)
