"""What the words of a verdict mean in a phrase, wherever people read one."""

from collections.abc import Mapping
from types import MappingProxyType

from ocsp_exporter.model import Check, Evidence, Signer, Source, Status
from ocsp_exporter.revocation.conformance import RULE_OF

_STATUSES: Mapping[Status, str] = MappingProxyType(
    {
        Status.GOOD: "verified; not revoked",
        Status.REVOKED: "verified; this certificate must not be trusted any more",
        Status.UNKNOWN: "verified; the responder does not know this certificate",
        Status.SERVER_FAILED: "there is no answer in it",
        Status.MISSING: "there is none, which is not the same as good",
        Status.INVALID: "not to be relied on; what it states is shown, and not believed",
    }
)


def status_of(evidence: Evidence) -> str:
    """Return what the status of a piece of evidence means."""
    if evidence.status is Status.SERVER_FAILED and evidence.der is None:
        return "it was not to be had"
    if evidence.status is Status.MISSING and evidence.source is not Source.STAPLE:
        return "nobody was asked, which is not the same as good"
    return _STATUSES[evidence.status]


#: By right of the signer.
SIGNERS: Mapping[Signer, str] = MappingProxyType(
    {
        Signer.ISSUER: "the issuer itself",
        Signer.DELEGATED: "a responder that the issuer delegated",
        Signer.TRUSTED: "a responder trusted locally",
    }
)

#: What follows a signer, by whether the delegate's certificate has id-pkix-ocsp-nocheck; None: no delegate signed.
NOCHECK: Mapping[bool | None, str] = MappingProxyType(
    {None: "", True: ", not to be checked itself (nocheck)", False: ", without nocheck"}
)


def rule_of(check: Check) -> str:
    """Return what a responder does that conforms to a rule, and what that rests on."""
    rule = RULE_OF[check]
    return f"{rule.demand}. ({rule.source})"
