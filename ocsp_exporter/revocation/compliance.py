"""What follows from the evidence: Must-Staple compliance, applicability, and what all sources say together."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from urllib.parse import urlsplit

from ocsp_exporter.model import VERIFIED, Applicability, CertificateFacts, Evidence, Source, StaplePolicy, Status

#: What a policy accepts where it requires a staple.
_ACCEPTED = {
    StaplePolicy.AUTO: VERIFIED,
    StaplePolicy.MUST: frozenset({Status.GOOD}),
    StaplePolicy.ALWAYS: frozenset({Status.GOOD}),
    StaplePolicy.NEVER: VERIFIED,
}
_FORBIDS_REVOKED = {StaplePolicy.MUST, StaplePolicy.ALWAYS}


def is_staple_required(policy: StaplePolicy, *, must_staple: bool) -> bool:
    """Tell whether the policy requires a staple for a certificate with or without the TLS feature (RFC 7633)."""
    return policy is StaplePolicy.ALWAYS or (must_staple and policy is not StaplePolicy.NEVER)


def is_compliant(
    policy: StaplePolicy, statuses: Iterable[Status], *, required: bool, revoked: bool | None
) -> bool | None:
    """Judge the staples of a probe; None where the policy demands nothing.

    `statuses` has one of the staple of each handshake that counts (`missing` where there was none), retries
    left out: they gather evidence and never rescue compliance. `revoked`: what all sources say of the leaf.
    """
    forbidden = bool(revoked) and policy in _FORBIDS_REVOKED
    if not required and not forbidden:
        return None
    return not forbidden and all(status in _ACCEPTED[policy] for status in statuses)


def is_revoked(evidence: Iterable[Evidence]) -> Mapping[int, bool]:
    """Tell for each depth whether its certificate is revoked; a depth of which nothing verified is known is left out.

    True where any source says so authentically, False where one says good and none says revoked.
    """
    statuses: dict[int, set[Status]] = {}
    for each in evidence:
        statuses.setdefault(each.depth, set()).add(each.status)
    return {
        depth: Status.REVOKED in said
        for depth, said in statuses.items()
        if Status.REVOKED in said or Status.GOOD in said
    }


def agreement(evidence: Iterable[Evidence]) -> Mapping[int, bool]:
    """Tell for each depth at which two sources or more are verified whether none contradicts another."""
    verified: dict[int, list[Evidence]] = {}
    for each in evidence:
        if each.status in VERIFIED:
            verified.setdefault(each.depth, []).append(each)
    return {
        depth: not any(_contradicts(one, other) for one, other in permutations(sources, 2))
        for depth, sources in verified.items()
        if len(sources) > 1
    }


#: A CA may take so many seconds to say everywhere that a certificate is revoked (CA/B Baseline Requirements, 4.9.7).
REVOCATION_GRACE = 86400


def _contradicts(good: Evidence, other: Evidence) -> bool:
    """Tell whether evidence that says good was issued long after the other's revocation, or OCSP says unknown.

    A CRL lists who is revoked and not who exists: its silence contradicts no `unknown`.
    """
    if good.status is not Status.GOOD or good.this_update is None:
        return False
    if other.status is Status.UNKNOWN:
        return good.source is not Source.CRL
    return other.revocation is not None and good.this_update > other.revocation.time + REVOCATION_GRACE


def staple_lag(evidence: Iterable[Evidence]) -> int | None:
    """Return by how many seconds the responder's this_update is after the staple's, both being authentic."""
    begun = {each.source: each.this_update for each in evidence if each.depth == 0 and each.authentic}
    staple, responder = begun.get(Source.STAPLE), begun.get(Source.RESPONDER)
    return None if staple is None or responder is None else responder - staple


def staple_applicability(*, required: bool, sent: bool) -> Applicability:
    """Tell whether the staple applies: if one is required or was sent."""
    return Applicability(Source.STAPLE, 0, required or sent)


def applicability(
    certificate: CertificateFacts, responder_urls: Sequence[str] = (), crl_urls: Sequence[str] = ()
) -> tuple[Applicability, ...]:
    """Tell whether responder and CRL apply: if the certificate names one by http(s), or the operator does."""
    return (
        _by_url(Source.RESPONDER, certificate.depth, responder_urls or certificate.ocsp_urls),
        _by_url(Source.CRL, certificate.depth, crl_urls or certificate.crl_urls),
    )


def _by_url(source: Source, depth: int, urls: Iterable[str]) -> Applicability:
    host = next((host for url in urls if (host := _http_host(url))), "")
    return Applicability(source, depth, bool(host), host)


def _http_host(url: str) -> str:
    """Return the host of an http(s) URL, empty for any other text: a certificate may say anything."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return ""
    return host if host and parts.scheme in {"http", "https"} else ""


def shown_staple(staples: Iterable[Evidence]) -> Evidence | None:
    """Return the staple to show of those that a probe saw: the worst, and of several such the oldest.

    Revoked first, for it is known; what some clients are told is not hidden behind what others are.
    """
    return min(staples, key=lambda each: (_SHOWN_FIRST.index(each.status), each.this_update or 0), default=None)


_SHOWN_FIRST = (
    Status.REVOKED,
    Status.INVALID,
    Status.SERVER_FAILED,
    Status.MISSING,
    Status.UNKNOWN,
    Status.GOOD,
)
