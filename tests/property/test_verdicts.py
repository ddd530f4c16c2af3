"""What holds for every verdict: it rests on what was signed, on no order, and on one span of time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ocsp_exporter.demo import der as encoding
from ocsp_exporter.demo.response import responder_by_key, responder_by_name, response_data, signed_response
from ocsp_exporter.model import VERIFIED, Reason, Status
from ocsp_exporter.revocation import der
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.response import Response, parse
from ocsp_exporter.revocation.validation import validate
from tests.property.strategies import MATERIAL, NOW

AUTHORITY = MATERIAL.authority
LEAF = MATERIAL.leaf.certificate
HOUR = 3600
T = TypeVar("T")
DAY = 24 * HOUR


def _is_verified(encoded: bytes) -> bool:
    return validate(encoded, LEAF, AUTHORITY.certificate, NOW, Policy()).status in VERIFIED


# --- What is signed -----------------------------------------------------------------------------------------

SIGNED = {
    "by the issuer": AUTHORITY.answer(LEAF),
    "by a delegate": AUTHORITY.answer(LEAF, signer=MATERIAL.delegate),
    "revoked": AUTHORITY.answer(LEAF, status=Status.REVOKED, reason=Reason.KEY_COMPROMISE),
}


def _signed_part(encoded: bytes) -> tuple[int, bytes]:
    """Return where tbsResponseData begins, and its octets."""
    response = parse(encoded)
    assert isinstance(response, Response)
    return encoded.index(response.signed), response.signed


@pytest.mark.parametrize("name", SIGNED)
def test_no_bit_of_what_is_signed_can_be_changed(name: str) -> None:
    """The response is verified, and with any one bit of tbsResponseData flipped it is not."""
    encoded = SIGNED[name]
    assert _is_verified(encoded)
    begin, signed = _signed_part(encoded)
    for position in range(begin, begin + len(signed)):
        for bit in range(8):
            changed = bytearray(encoded)
            changed[position] ^= 1 << bit
            assert not _is_verified(bytes(changed))


@given(st.sampled_from(list(SIGNED.values())), st.data())
@settings(deadline=None, max_examples=400)
def test_nothing_can_be_put_into_or_taken_out_of_what_is_signed(encoded: bytes, data: st.DataObject) -> None:
    """Octets inserted, deleted or replaced within tbsResponseData are never believed, whether lengths fit or not."""
    begin, signed = _signed_part(encoded)
    position = data.draw(st.integers(0, len(signed)))
    removed = data.draw(st.integers(0, min(8, len(signed) - position)))
    inserted = data.draw(st.binary(max_size=8))
    changed = signed[:position] + inserted + signed[position + removed :]
    assume(changed != signed)
    assert not _is_verified(encoded[:begin] + changed + encoded[begin + len(signed) :])
    assert not _is_verified(_around(encoded, changed))


@given(st.sampled_from(list(SIGNED.values())), st.data())
@settings(deadline=None, max_examples=200)
def test_no_field_of_what_is_signed_can_be_left_out_or_repeated(encoded: bytes, data: st.DataObject) -> None:
    """Well-formed changes, with all lengths right, are not believed either."""
    _begin, signed = _signed_part(encoded)
    fields = [child.encoded for child in der.parse(signed).children()]
    chosen = data.draw(st.lists(st.sampled_from(fields), max_size=5))
    assume(chosen != fields)
    assert not _is_verified(_around(encoded, encoding.sequence(*chosen)))


def _around(encoded: bytes, signed: bytes) -> bytes:
    """Return the response with another tbsResponseData, all lengths around it made right."""
    status, response_bytes = der.parse(encoded).children()
    (sequence,) = response_bytes.children()
    kind, octets = sequence.children()
    _signed, *others = der.parse(octets.content).children()
    basic = encoding.sequence(signed, *(other.encoded for other in others))
    inner = encoding.sequence(kind.encoded, encoding.octet_string(basic))
    return encoding.sequence(status.encoded, encoding.explicit(0, inner))


def test_the_same_put_together_again_is_verified() -> None:
    """The good twin of the above: it is the change that is not believed, not the putting together."""
    for encoded in SIGNED.values():
        assert _around(encoded, _signed_part(encoded)[1]) == encoded
        assert _is_verified(encoded)


# --- Order --------------------------------------------------------------------------------------------------

_hours = st.integers(-72, 72).map(lambda hours: NOW + hours * HOUR)


@st.composite
def _singles(draw: st.DrawFn) -> bytes:
    status = draw(st.sampled_from((Status.GOOD, Status.REVOKED, Status.UNKNOWN)))
    reason = draw(st.sampled_from((None, Reason.KEY_COMPROMISE, Reason.CERTIFICATE_HOLD)))
    return AUTHORITY.single(
        draw(st.sampled_from((MATERIAL.leaf, MATERIAL.leaf, MATERIAL.other_leaf))),
        status=status,
        this_update=draw(_hours),
        next_update=draw(st.none() | _hours),
        reason=reason,
        hash_algorithm=draw(st.sampled_from((hashes.SHA1(), hashes.SHA256()))),  # noqa: S303 -- usual in a CertID
    )


def _two_orders(each: st.SearchStrategy[T], most: int) -> st.SearchStrategy[tuple[list[T], list[T]]]:
    """Draw a list and the same one in another order."""
    lists = st.lists(each, min_size=2, max_size=most)
    return lists.flatmap(lambda drawn: st.tuples(st.just(drawn), st.permutations(drawn)))


@given(_two_orders(_singles(), 5))
@settings(deadline=None, max_examples=300)
def test_the_order_of_the_answers_does_not_matter(orders: tuple[list[bytes], list[bytes]]) -> None:
    """Of several answers about a certificate the same one counts, wherever it stands."""

    def evidence(singles: Sequence[bytes]) -> object:
        tbs = response_data(responder_by_key(AUTHORITY.certificate), NOW, singles)
        judged = validate(signed_response(tbs, AUTHORITY.key), LEAF, AUTHORITY.certificate, NOW, Policy())
        return judged.status, judged.problems, judged.this_update, judged.next_update, judged.revocation

    one, other = orders
    assert evidence(one) == evidence(other)


_OLD_DELEGATE = AUTHORITY.delegate(key=MATERIAL.delegate.key, not_before=NOW - 3 * DAY, not_after=NOW - 2 * DAY)
_COMPANIONS = (
    MATERIAL.delegate.certificate,
    _OLD_DELEGATE.certificate,
    AUTHORITY.delegate(key=MATERIAL.delegate.key, ocsp_signing=False).certificate,
    MATERIAL.twin.delegate(key=MATERIAL.delegate.key).certificate,
    AUTHORITY.delegate().certificate,
    MATERIAL.other_leaf.certificate,
    MATERIAL.stranger.certificate,
)


@given(_two_orders(st.sampled_from(_COMPANIONS), 7), st.booleans())
@example(([_COMPANIONS[0], _COMPANIONS[1]], [_COMPANIONS[1], _COMPANIONS[0]]), True)
@example(([_COMPANIONS[0], _COMPANIONS[1]], [_COMPANIONS[1], _COMPANIONS[0]]), False)
@settings(deadline=None, max_examples=300)
def test_the_order_of_the_certificates_does_not_matter(
    orders: tuple[list[x509.Certificate], list[x509.Certificate]], by_name: bool
) -> None:
    """Of several certificates that the responder's name or key fits the same one counts, wherever it stands."""

    def evidence(certificates: Sequence[x509.Certificate]) -> object:
        encoded = AUTHORITY.answer(
            LEAF,
            signer=MATERIAL.delegate,
            responder_id=responder_by_name if by_name else responder_by_key,
            certificates=certificates,
        )
        judged = validate(encoded, LEAF, AUTHORITY.certificate, NOW, Policy())
        return judged.status, judged.problems, judged.signer_not_after, judged.response

    one, other = orders
    assert evidence(one) == evidence(other)


# --- Time ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Times:
    """The times of a response, in seconds from NOW; `delegate` are the dates of the one who signed."""

    begins: int
    lasts: int | None
    produced: int
    delegate: tuple[int, int] | None


_past, _future = st.integers(-3 * DAY, -1), st.integers(1, 3 * DAY)
_times = st.builds(Times, _past, st.none() | st.integers(0, 3 * DAY), _past, st.none() | st.tuples(_past, _future))


@given(_times, st.integers(0, 600), st.integers(0, DAY), st.floats(-8 * DAY, 8 * DAY))
@settings(deadline=None, max_examples=200)
def test_a_response_is_good_on_exactly_one_span_of_time(times: Times, skew: int, oldest: int, elsewhere: float) -> None:
    """It is good from when all of it has begun until any of it has ended, with clock skew, and at no other time."""
    begins, delegate = NOW + times.begins, times.delegate
    stated = None if times.lasts is None else begins + times.lasts
    signer = delegate and AUTHORITY.delegate(not_before=NOW + delegate[0], not_after=NOW + delegate[1])
    encoded = AUTHORITY.answer(
        LEAF, this_update=begins, next_update=stated, produced_at=NOW + times.produced, signer=signer
    )
    starts = [begins, NOW + times.produced]
    ends = [begins + oldest if stated is None else stated]
    if delegate:
        starts.append(NOW + delegate[0])
        ends.append(NOW + delegate[1])
    first, last = max(starts) - skew, min(ends) + skew
    policy = Policy(clock_skew=skew, max_age_without_next_update=oldest)

    def is_good(now: float) -> bool:
        return validate(encoded, LEAF, AUTHORITY.certificate, now, policy).status is Status.GOOD

    assert is_good(first) is is_good(last) is (first <= last)
    assert is_good((first + last) / 2) is (first <= last)
    assert not is_good(math.nextafter(first, -math.inf))
    assert not is_good(math.nextafter(last, math.inf))
    assert is_good(NOW + elsewhere) is (first <= NOW + elsewhere <= last)
