"""The checks behind the rules in `conformance`, one by one. Pure.

Each looks at all that was asked of a responder in a probe, and says whether that conforms to its rule, with what it
saw; None where no answer came by which that could be told.
"""

from ocsp_exporter.model import Evidence, ExpectedAnswer, KnownAnswer, Problem, RequestMethod, Signer, Status
from ocsp_exporter.revocation import response
from ocsp_exporter.revocation.exchange import Exchange, Hearing
from ocsp_exporter.revocation.http_headers import kept_until
from ocsp_exporter.revocation.request import LONGEST_GET_URL

#: Whether it conforms, None where that cannot be told, and what was seen.
Judgement = tuple[bool | None, str]

#: The largest response that Apache httpd 2.4 staples, in octets (mod_ssl, MAX_STAPLING_DER).
LARGEST_RESPONSE = 10_240
#: Seconds that an answer may have been on its way since the time left was reckoned.
_ON_ITS_WAY = 5.0

#: Wrong answers of which each is told.
_MOST_TOLD = 3

_HOUR, _DAY = 3_600, 86_400


def by_get(hearing: Hearing) -> Judgement:
    """A verified answer comes by GET, in whichever way the request stands in the URL.

    And what else is asked by GET is not answered with an answer to another question, as by a cache that confuses them.
    """
    if hearing.get and not hearing.get.is_verified and len(hearing.get.url.encode()) > LONGEST_GET_URL:
        return None, f"the URL has more than {LONGEST_GET_URL} octets, so clients ask by POST"
    if hearing.plain_get and hearing.plain_get.is_verified:
        return True, f"{hearing.plain_get.said}, if nothing in the URL is percent-encoded"
    return _by(hearing, hearing.get, RequestMethod.GET)


def by_post(hearing: Hearing) -> Judgement:
    """Likewise by POST."""
    return _by(hearing, hearing.post, RequestMethod.POST)


def _by(hearing: Hearing, exchange: Exchange | None, method: RequestMethod) -> Judgement:
    if exchange is None:
        return None, "not asked in time"
    if not exchange.is_verified:
        return (False if exchange.was_sent else None), exchange.said
    if any(each.is_about_another for each in hearing.all_by(method)):
        return False, f"{exchange.said}, but another question was answered with what answers this one"
    return True, exchange.said


def percent_encoded_get(hearing: Hearing) -> Judgement:
    """A verified answer comes by GET where the request has something to percent-encode.

    Whether that is what is wrong shows where the same request brings one without the encoding.
    """
    encoded, plain = hearing.encoded_get, hearing.plain_get
    if encoded and encoded.is_verified:
        return True, "understood"
    if encoded and plain and plain.is_verified:
        return False, f"{encoded.said}; {plain.said} where the same stands there plainly"
    return None, "not asked" if encoded is None else encoded.said


def content_type(hearing: Hearing) -> Judgement:
    """All that can be read as a response has the right content type."""
    came = [each for each in hearing.all_by(*RequestMethod) if each.came]
    responses = [each for each in came if Problem.MALFORMED not in each.evidence.problems]
    wrong = [each for each in responses if Problem.WRONG_CONTENT_TYPE in each.evidence.problems]
    if wrong:
        named = wrong[0].headers.get("content-type", "")
        return False, f"{named or 'none'}, by {wrong[0].method.upper()}"
    return (True, "application/ocsp-response") if responses else (None, "no response came")


def cache_headers(hearing: Hearing) -> Judgement:
    """No cache is told to keep the answer to the GET for longer than it holds."""
    exchange = next((each for each in (hearing.get, hearing.plain_get) if each and each.is_verified), None)
    if exchange is None:
        return None, "no response came by GET, which alone is kept in caches"
    end = exchange.evidence.next_update
    if end is None:
        return None, "the response has no nextUpdate"
    kept = tuple(kept_until(exchange.headers, exchange.at))
    for said, until in kept:
        if until > end + _ON_ITS_WAY:
            return False, f"{said} lets caches keep it for {_span(until - end)} longer than it holds"
    return True, ", ".join(said for said, _ in kept) or "caches are told nothing"


def response_size(hearing: Hearing) -> Judgement:
    """No answer about the certificate is larger than servers staple."""
    sizes = [len(each.evidence.der or b"") for each in hearing.verified]
    if not sizes:
        return None, "no response was verified"
    return max(sizes) <= LARGEST_RESPONSE, f"{max(sizes):,} octets"


def known_answers(hearing: Hearing) -> Judgement:
    """Each known answer is given, by each method that brings answers."""
    if not hearing.known:
        return None, "none are configured"
    settled = [(known, exchange) for known, exchange in hearing.known if exchange and exchange.is_settled]
    wrong = [_answer(known, exchange) for known, exchange in settled if not _is_expected(known, exchange)]
    if wrong:
        more = f"; and {len(wrong) - _MOST_TOLD} more" if len(wrong) > _MOST_TOLD else ""
        return False, "; ".join(wrong[:_MOST_TOLD]) + more
    unsettled = len(hearing.known) - len(settled)
    if unsettled:
        return None, f"no answer to {unsettled} of {len(hearing.known)} questions"
    return True, f"all {len(hearing.known)} answers are as expected"


def _is_expected(known: KnownAnswer, exchange: Exchange) -> bool:
    if known.expected is ExpectedAnswer.UNAUTHORIZED:
        return _is_unauthorized(exchange.evidence)
    return exchange.evidence.status.value == known.expected.value


def _is_unauthorized(evidence: Evidence) -> bool:
    return evidence.response is not None and evidence.response.response_status == "unauthorized"


def _answer(known: KnownAnswer, exchange: Exchange) -> str:
    return f"{exchange.said} for {known.serial_number:#x} by {exchange.method.upper()}, where {known.expected} is right"


def unassigned_serial_not_good(hearing: Hearing) -> Judgement:
    """The answer about a serial number that nobody assigned is not good; `unauthorized` or an HTTP 404 will do."""
    exchange = hearing.unassigned
    if exchange is None or not exchange.is_settled:
        return None, exchange.said if exchange else "not asked"
    if exchange.evidence.status is Status.GOOD:
        return False, "good, for a random serial number of 127 bits"
    if exchange.came and not exchange.is_verified and not _is_unauthorized(exchange.evidence):
        return None, exchange.said
    return True, exchange.said


def sha256_cert_id(hearing: Hearing) -> Judgement:
    """The answer to a request by SHA-256 has a CertID that whoever asked so finds, by SHA-256 too."""
    exchange = hearing.sha256
    if exchange is None or not exchange.is_settled:
        return None, exchange.said if exchange else "not asked"
    if not exchange.is_verified:
        return False, exchange.said
    used = _cert_id_hashes(exchange.evidence)
    return "sha256" in used, f"{exchange.said}, with a CertID made with {' and '.join(sorted(used))}"


def _cert_id_hashes(evidence: Evidence) -> set[str]:
    parsed = response.parse(evidence.der or b"")
    singles = () if isinstance(parsed, response.Unsuccessful) else parsed.singles
    return {single.hash_algorithm.name for single in singles if single.hash_algorithm}


def nonce_echoed(hearing: Hearing) -> Judgement:
    """The answer to a request with a nonce has the same."""
    exchange = hearing.nonce
    if exchange is None or not exchange.is_settled:
        return None, exchange.said if exchange else "not asked"
    if Problem.NONCE_MISMATCH in exchange.evidence.problems:
        return False, "another nonce than was sent"
    if not exchange.is_verified:
        return False, exchange.said
    parsed = response.parse(exchange.evidence.der or b"")
    if isinstance(parsed, response.Unsuccessful) or parsed.nonce is None:
        return False, "no nonce"
    return True, "the nonce that was sent"


def signer_nocheck(hearing: Hearing) -> Judgement:
    """Delegates that sign have id-pkix-ocsp-nocheck; the CA itself need not."""
    facts = [each.evidence.response for each in hearing.verified if each.evidence.response]
    delegated = [each for each in facts if each.signer is Signer.DELEGATED]
    if not delegated:
        return None, "no delegate of the CA signed"
    has_it = all(each.nocheck for each in delegated)
    return has_it, "the delegate's certificate has it" if has_it else "the delegate's certificate is without it"


def signer_outlives_response(hearing: Hearing) -> Judgement:
    """Who signed, the CA itself included, has a certificate that ends no sooner than the answer."""
    ends = [(each.evidence.signer_not_after, each.evidence.next_update) for each in hearing.verified]
    lefts = [signer_end - end for signer_end, end in ends if signer_end is not None and end is not None]
    if not lefts:
        return None, "no response with a nextUpdate was verified"
    left = min(lefts)
    return left >= 0, f"the signer's certificate ends {_span(abs(left))} {'after' if left >= 0 else 'before'} it"


def validity_interval(hearing: Hearing) -> Judgement:
    """The answer about a subscriber's certificate holds for as long as public CAs have agreed, and states its end."""
    if hearing.is_authority:
        return None, "the certificate is one of a CA"
    verified = [each.evidence for each in hearing.verified]
    if not verified:
        return None, "no response was verified"
    if any(each.next_update is None for each in verified):
        return False, "no nextUpdate"
    lives = [_life(each) for each in verified]
    outside = next((life for life in lives if not 8 * _HOUR <= life <= 10 * _DAY), None)
    return outside is None, _span(lives[0] if outside is None else outside)


def updated_in_time(hearing: Hearing) -> Judgement:
    """What is served now is not older than public CAs have agreed; of CAs' certificates that may be a year."""
    if hearing.is_authority:
        return None, "the certificate is one of a CA"
    late = [each.at - due for each in hearing.verified if (due := _update_due(each.evidence)) is not None]
    if not late:
        return None, "no response with a nextUpdate was verified"
    latest = max(late)
    return latest <= 0, f"newer is due {_span(abs(latest))} from now" if latest <= 0 else f"overdue for {_span(latest)}"


def _update_due(evidence: Evidence) -> float | None:
    """Return when newer has to be there, in seconds since 1970."""
    begin, end = evidence.this_update, evidence.next_update
    if begin is None or end is None:
        return None
    life = _life(evidence)
    return begin + life / 2 if life < 16 * _HOUR else min(end - 8 * _HOUR, begin + 4 * _DAY)


def _life(evidence: Evidence) -> int:
    return (evidence.next_update or 0) - (evidence.this_update or 0)


def _span(seconds: float) -> str:
    """Write a duration in the unit in which rules are written."""
    if seconds >= 2 * _DAY:
        return f"{seconds / _DAY:.1f} d"
    return f"{seconds / _HOUR:.1f} h" if seconds >= 2 * _HOUR else f"{seconds / 60:.1f} min"
