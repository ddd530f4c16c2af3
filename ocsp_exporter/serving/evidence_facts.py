"""What a piece of evidence says, fact by fact, in words. Pure."""

from collections.abc import Callable

from ocsp_exporter.model import Evidence
from ocsp_exporter.quoting import printable
from ocsp_exporter.report import phrases, words
from ocsp_exporter.report.assessment import elapsed_life


def _moment(seconds: float | None, now: float) -> str:
    return "" if seconds is None else f"{words.utc(seconds)}, {words.relative(seconds, now)}"


def _life(evidence: Evidence, now: float) -> str:
    life = elapsed_life(evidence, now)
    return "" if life is None or not 0 <= life <= 1 else f"{life:.0%} has passed"


def _end(evidence: Evidence, now: float) -> str:
    is_stated = evidence.next_update is not None or evidence.this_update is None
    return _moment(evidence.next_update, now) if is_stated else "not stated"


def _signer(evidence: Evidence, _now: float) -> str:
    response = evidence.response
    if response is None or response.signer is None:
        return ""
    return phrases.SIGNERS[response.signer] + phrases.NOCHECK[response.nocheck]


def _revocation(evidence: Evidence, now: float) -> str:
    revocation = evidence.revocation
    return "" if revocation is None else f"{_moment(revocation.time, now)}, reason: {revocation.reason or 'none given'}"


def _crl(evidence: Evidence, _now: float) -> str:
    crl = evidence.crl
    if crl is None:
        return ""
    return f"number {crl.number if crl.number is not None else 'not stated'}, entries: {crl.entries}"


#: What is told of each piece of evidence: a title, and the text for it, empty where it does not say.
FACTS: tuple[tuple[str, Callable[[Evidence, float], str]], ...] = (
    ("revoked", _revocation),
    ("produced_at", lambda each, now: _moment(each.produced_at, now)),
    ("this_update", lambda each, now: _moment(each.this_update, now)),
    ("next_update", _end),
    ("life", _life),
    ("response", lambda each, _: each.response.response_status if each.response else ""),
    ("responder id", lambda each, _: printable(each.response.responder_id) if each.response else ""),
    ("signed by", _signer),
    ("signer ends", lambda each, now: _moment(each.signer_not_after, now)),
    ("signature", lambda each, _: printable(each.response.signature_algorithm) if each.response else ""),
    ("CertID hash", lambda each, _: printable(each.response.cert_id_hash) if each.response else ""),
    ("CRL", _crl),
    ("fetched", lambda each, now: _moment(each.fetched_at, now)),
)
