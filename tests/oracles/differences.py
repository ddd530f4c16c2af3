"""Where our verdicts are known to differ from the oracles', and why. A row that no longer differs fails the test.

Most differ because the oracle checks less; the others are ours for the reasons that the rows name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.oracles.questions import Level

_UNREADABLE, _UNSUCCESSFUL, _NOT_VERIFIED = Level.UNREADABLE, Level.UNSUCCESSFUL, Level.NOT_VERIFIED
_GOOD, _REVOKED, _UNKNOWN = Level.GOOD, Level.REVOKED, Level.UNKNOWN


@dataclass(frozen=True, slots=True)
class Difference:
    """What the oracle says instead, and why we do not."""

    theirs: Level
    why: str


def _each(names: Iterable[str], theirs: Level, why: str) -> Mapping[str, Difference]:
    return dict.fromkeys(names, Difference(theirs, why))


#: What both oracles leave out or do otherwise.
_BOTH: Mapping[str, Difference] = {
    **_each(
        ("more answers than any response has: bad", "more certificates than any response has: bad"),
        _GOOD,
        "they set no bound; ours keep a hostile response from costing more than others (RFC 6960, 4.2.1 sets none)",
    ),
    **_each(
        (
            "an unknown critical extension of the response: bad",
            "an unknown critical extension of the answer: bad",
            "an unknown critical extension of the answer, of several: bad",
            "a critical extension that looks like a nonce: bad",
            "a critical extension that looks like an extended revoked definition: bad",
            "a critical extension that looks like a reference to a CRL: bad",
            "a critical extension that looks like an archive cutoff: bad",
            "a critical extension that looks like signed certificate timestamps: bad",
        ),
        _GOOD,
        "they do not look at critical extensions; an unknown one forbids relying on it (RFC 5280, 4.2; RFC 6960, 4.4)",
    ),
    **_each(
        ("a delegate whose key may not make signatures: bad",),
        _GOOD,
        "they do not look at the delegate's key usage; without digitalSignature its key may not sign responses"
        " (RFC 5280, 4.2.1.3)",
    ),
    **_each(
        ("a delegate of the same name whose key did not sign comes first: twin",),
        _NOT_VERIFIED,
        "they try the first certificate of the responder's name only; that one that may sign did sign is what matters"
        " (RFC 6960, 4.2.2.2 and 4.2.2.3)",
    ),
    **_each(
        ("a delegate whose certificate was renewed, beside only the old one: twin",),
        _NOT_VERIFIED,
        "they try the first certificate of the responder's key only, which has ended; the same key has a valid one, too"
        " (RFC 6960, 4.2.2.2 and 4.2.2.3)",
    ),
    **_each(
        ("produced_at beyond the clock skew: bad",),
        _GOOD,
        "they do not look at produced_at; what was signed in the future was not signed yet (RFC 6960, 2.4)",
    ),
    **_each(
        ("a delegate that has expired: twin", "a delegate that is not valid yet: twin"),
        _NOT_VERIFIED,
        "they tolerate no clock skew in the delegate's dates; we tolerate as much as in the answer's"
        " (RFC 6960, 4.2.2.2 sets none)",
    ),
    **_each(
        ("a responder trusted locally that has expired: bad",),
        _GOOD,
        "they do not look at the dates of one trusted explicitly; a certificate is for its dates (RFC 5280, 4.1.2.5)",
    ),
    **_each(
        ("revoked, as an old answer says: bad",),
        _NOT_VERIFIED,
        "a revocation is for ever, but for a hold: no later answer can take it back (RFC 5280, 3.3 and 5.3.1)",
    ),
    **_each(
        ("revoked, by a delegate that has expired since: bad",),
        _NOT_VERIFIED,
        "a revocation is for ever, and the delegate was valid when it said so (RFC 6960, 4.2.2.2)",
    ),
    **_each(
        ("good, and also revoked: bad", "good, and also unknown: bad"),
        _GOOD,
        "of several answers about a certificate they take the first; we the worst of those that are current, so that"
        " the order does not matter (RFC 6960, 4.2.1 sets none)",
    ),
    **_each(
        ("unknown, and also revoked: bad",),
        _UNKNOWN,
        "of several answers about a certificate they take the first; we the worst of those that are current"
        " (RFC 6960, 4.2.1 sets none)",
    ),
    **_each(
        (
            "expired, and also expired: twin",
            "expired, and also revoked in an old answer: bad",
            "expired, and also revoked in an old answer: twin",
            "revoked in an old answer, and good in one that has not begun: bad",
            "revoked in an old answer, and good in one that has not begun: twin",
        ),
        _NOT_VERIFIED,
        "of several answers about a certificate they take the first, which has ended; we one that is current, else"
        " a revocation (RFC 6960, 4.2.1 sets none)",
    ),
}

OPENSSL: Mapping[str, Difference] = {
    **_BOTH,
    **_each(
        ("octets behind the end: bad", "larger than any response: bad"),
        _GOOD,
        "`-respin` reads one element of a file and leaves the rest; an OCSPResponse is the whole of a staple"
        " (RFC 6066, 8)",
    ),
    **_each(
        (
            "only a certificate that cannot be read in the response: bad",
            "only a certificate that cannot be read in the response: twin",
            "a delegate whose name cannot be read: bad",
        ),
        _UNREADABLE,
        "it refuses the whole response for a certificate beside it; those are only a help (RFC 6960, 4.2.1)",
    ),
    **_each(
        ("a response status that is not assigned (4): bad", "a response status that is not assigned (7): bad"),
        _UNSUCCESSFUL,
        "it takes any number for a status; there are six (RFC 6960, 4.2.1)",
    ),
    **_each(
        ("revoked: privilege_withdrawn: bad", "revoked: aa_compromise: bad"),
        _REVOKED,
        "it has no name for the last two reasons (RFC 5280, 5.3.1)",
    ),
    **_each(
        ("with another nonce than was sent, not wrapped: twin",),
        _NOT_VERIFIED,
        "it compares what is around the octets too, which an older standard did not demand (RFC 2560, 4.4.1)",
    ),
}

_FIXED_PSS = (
    "it does not read the parameters of RSASSA-PSS and takes them for SHA-256 with a salt of 32 octets (RFC 4055, 3.1)"
)

GNUTLS: Mapping[str, Difference] = {
    **_BOTH,
    **_each(
        ("signed by nobody at hand, by key: bad", "signed by nobody at hand, by name: bad"),
        _GOOD,
        "it takes the issuer for the responder where no certificate in the response is named as such; the ResponderID"
        " names whose key to use (RFC 6960, 3.2, 3 and 4.2.2.3)",
    ),
    **_each(
        ("a time in second 60: bad",),
        _GOOD,
        "it takes a leap second for the second after it; such a time is none that a CA states, and is not read here"
        " (RFC 5280, 4.1.2.5.2)",
    ),
    **_each(
        ("a delegate whose key usage cannot be read: bad",),
        _GOOD,
        "it does not look at the delegate's key usage; what cannot be read may forbid it (RFC 5280, 4.2.1.3)",
    ),
    **_each(
        (
            "forged with another key: RSASSA-PSS with sha1: twin",
            "forged with another key: RSASSA-PSS with sha384: twin",
            "forged with another key: RSASSA-PSS with sha512: twin",
            "forged with another key: RSASSA-PSS without salt: twin",
        ),
        _NOT_VERIFIED,
        _FIXED_PSS,
    ),
    **_each(("RSASSA-PSS whose salt is longer than stated: bad",), _GOOD, _FIXED_PSS),
    **_each(
        ("ended before 1970: twin",),
        _GOOD,
        "it prints times before 1970 as 1970; GeneralizedTime has years from 0000 on (RFC 5280, 4.1.2.5.2)",
    ),
    **_each(
        (
            "with another nonce than was sent: bad",
            "with another nonce than was sent, or else none: bad",
            "with a nonce that is longer than the one sent: bad",
            "with a nonce, though another was sent, or else none: bad",
        ),
        _GOOD,
        "it cannot be told what was sent, and compares nonces only where it asks itself (RFC 9654, 2.1)",
    ),
    **_each(
        (
            "with no octets for a nonce: bad",
            "with another nonce than was sent, not wrapped: bad",
            "with another nonce than was sent, not wrapped: twin",
        ),
        _UNREADABLE,
        "it cannot print a nonce of no octets, nor one without an OCTET STRING around it, which an older standard did"
        " not demand (RFC 2560, 4.4.1)",
    ),
}

#: What the tables were made with: the oracles of Debian 12. Others may differ less, and then their rows are skipped.
VERSIONS: Mapping[str, str] = {"openssl": "OpenSSL 3.0.", "gnutls": "ocsptool 3.7."}

DIFFERENCES: Mapping[str, Mapping[str, Difference]] = {"openssl": OPENSSL, "gnutls": GNUTLS}
