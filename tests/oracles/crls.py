"""The oracle for CRLs: `openssl verify -crl_check`, or `openssl crl -verify` for one by itself, at a time that we say.

`openssl crl` verifies the signature alone, so that of CRLs by themselves it is asked about those.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.model import Evidence, Problem, Status
from tests.oracles.differences import Difference
from tests.oracles.questions import Level, Opinion, command, output_of, written
from tests.scenarios.crl_material import CRLMaterial, CRLSubject, build_crl
from tests.scenarios.crl_table import BY_ITSELF, CRL_SCENARIOS

NOW = 1_800_000_000
_GOOD, _REVOKED, _NOT_VERIFIED = Level.GOOD, Level.REVOKED, Level.NOT_VERIFIED


@dataclass(frozen=True, slots=True)
class Question:
    """One CRL and what it is judged by."""

    name: str
    crl: bytes
    subject: CRLSubject


def questions() -> Iterator[Question]:
    """Build every scenario and its twin, but for those of a CRL by itself that are not about its signature."""
    material = CRLMaterial(now=NOW)
    for scenario in CRL_SCENARIOS:
        if scenario not in BY_ITSELF or scenario.problems == (Problem.SIGNATURE_INVALID,):
            for side, options in (("bad", scenario.bad_options), ("twin", scenario.twin_options)):
                yield Question(f"{scenario.name}: {side}", *build_crl(material, options))


def opinion_of(evidence: Evidence) -> Opinion:
    """Express our own verdict in terms that both share."""
    if {Problem.MALFORMED, Problem.TOO_LARGE} & set(evidence.problems):
        return Opinion(Level.UNREADABLE)
    return Opinion(Level.NOT_VERIFIED if evidence.status is Status.INVALID else Level(evidence.status))


def ask(question: Question, folder: Path) -> Opinion:
    """Let OpenSSL judge a CRL; `folder` is for this question alone."""
    crl = folder / "crl.der"
    crl.write_bytes(question.crl)
    issuer = written(folder / "issuer.pem", question.subject.issuer)
    if "Unable to load CRL" in output_of(command("openssl"), "crl", "-in", crl, "-inform", "DER", "-noout"):
        return Opinion(Level.UNREADABLE)
    if question.subject.certificate is None:
        output = output_of(command("openssl"), "crl", "-in", crl, "-inform", "DER", "-noout", "-CAfile", issuer)
        return Opinion(Level.GOOD if "verify OK" in output else Level.NOT_VERIFIED)
    subject = folder / "subject.der"
    subject.write_bytes(question.subject.certificate.public_bytes(Encoding.DER))
    arguments = ("-crl_check", "-CRLfile", crl, "-CAfile", issuer, "-no-CApath", "-no-CAstore", "-partial_chain")
    output = output_of(command("openssl"), "verify", *arguments, "-attime", str(NOW), subject)
    if re.search(r": OK$", output, re.MULTILINE):
        return Opinion(Level.GOOD)
    return Opinion(Level.REVOKED if "certificate revoked" in output else Level.NOT_VERIFIED)


def _each(names: Iterable[str], theirs: Level, why: str) -> Mapping[str, Difference]:
    return dict.fromkeys(names, Difference(theirs, why))


#: Where our verdicts are known to differ from OpenSSL's, and why.
DIFFERENCES: Mapping[str, Difference] = {
    **_each(
        ("octets behind the end: bad",),
        _GOOD,
        "it reads one element of a file and leaves the rest; a CertificateList is the whole of what is fetched"
        " (RFC 2585, 4.2)",
    ),
    **_each(
        ("of a version to come: bad", "of version 1, told: bad"),
        _GOOD,
        "it takes any version; there is one that is told (RFC 5280, 5.1.2.1)",
    ),
    **_each(
        ("in a month that does not exist: bad",),
        _NOT_VERIFIED,
        "it reads the times of a list when it needs them (RFC 5280, 5.1.2.4)",
    ),
    **_each(
        (
            "an entry in second 60: bad",
            "an entry on the 29th of February of a common year: bad",
            "an entry in a time without seconds: bad",
            "an entry in a time with an offset: bad",
            "an entry in a time with fractions: bad",
            "an entry in a time without Z: bad",
            "an entry in the year 0: bad",
            "an entry in a time that is no digits: bad",
        ),
        _GOOD,
        "it does not read the times of entries; those that are none are none that a CA states (RFC 5280, 5.1.2.6)",
    ),
    **_each(
        (
            "an entry with the same extension twice: bad",
            "an entry whose reason is an INTEGER: bad",
            "an entry whose reason has too many octets: bad",
            "an entry whose reason has no octets: bad",
        ),
        _GOOD,
        "it looks only at the entry of the certificate in question; a list with an entry that is none is not relied on"
        " (RFC 5280, 5.3.1)",
    ),
    **_each(
        ("an entry with extensions longer than any: bad", "with more beside its entries than any has: bad"),
        _GOOD,
        "it sets no bound; ours keep a hostile list from costing more than others (RFC 5280, 5.2 sets none)",
    ),
    **_each(
        ("with the same extension twice: bad", "whose number has 21 octets: bad"),
        _GOOD,
        "it does not look at the number; two of them, or one that is too long, are not allowed (RFC 5280, 5.2.3)",
    ),
    **_each(
        (
            "whose distribution point has a field that is not known: bad",
            "whose distribution point is named twice: bad",
        ),
        _GOOD,
        "it takes an issuing distribution point that it cannot read for none, and so the list for complete"
        " (RFC 5280, 5.2.5)",
    ),
    **_each(
        ("whose distribution point has a name without a name: bad",),
        _NOT_VERIFIED,
        "it says that such a list is out of scope; there it may not be (RFC 5280, 4.2.1.6 and 5.2.5)",
    ),
    **_each(
        ("signed with an algorithm without a name: bad",),
        Level.UNREADABLE,
        "it does not read such a list; what is wrong with it is its signature (RFC 5280, 4.1.1.2)",
    ),
    **_each(
        ("with another algorithm in what is signed: bad",),
        _GOOD,
        "it does not compare the algorithm in what is signed with that of the signature (RFC 5280, 5.1.1.2)",
    ),
    **_each(
        ("a critical extension that looks like a number: twin",),
        _NOT_VERIFIED,
        "it does not know a number that is critical; we do read it (RFC 5280, 5.2.3)",
    ),
    **_each(
        ("an unknown critical extension of an entry that is otherwise like one before: twin",),
        _NOT_VERIFIED,
        "it does not know a critical invalidity date, which changes nothing about what is revoked (RFC 5280, 5.3.2)",
    ),
    **_each(
        ("in which an entry names its issuer, though it is not said to be indirect: bad",),
        _GOOD,
        "it takes such entries for the CRL issuer's own; whose they are is not known (RFC 5280, 5.3.3)",
    ),
    **_each(
        ("a delta: bad",),
        _GOOD,
        "without `-extended_crl` it takes a delta for a complete list, so that whatever was revoked before is good"
        " (RFC 5280, 5.2.4)",
    ),
    **_each(
        (
            "named after another CA, for a certificate without distribution points: twin",
            "named after its CA, for a certificate with other distribution points: twin",
        ),
        _NOT_VERIFIED,
        "it knows no CRL that has a name for a certificate that names none (RFC 5280, the end of 6.3.3)",
    ),
    **_each(
        ("expired beyond the clock skew: twin", "from a future beyond the clock skew: twin"),
        _NOT_VERIFIED,
        "it tolerates no clock skew (RFC 5280, 6.3.3 sets none)",
    ),
    **_each(
        ("old, and without next_update: bad", "older than the operator allows, and without next_update: bad"),
        _GOOD,
        "a list without next_update holds for ever there, and as long as the operator says here (RFC 5280, 5.1.2.5"
        " demands one)",
    ),
    **_each(
        ("revoked, and taken off the list in another entry: bad",),
        _GOOD,
        "of several entries it takes the first; one that says revoked is what matters (RFC 5280, 5.3.1)",
    ),
    **_each(
        ("on hold, as an old CRL says: bad",),
        _REVOKED,
        "it says that the list has expired and that the certificate is revoked; a hold lapses with the news of it"
        " (RFC 5280, 5.3.1)",
    ),
}
