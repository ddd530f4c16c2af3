"""What holds for every CRL: nothing but what was signed is believed, and what is in it is found."""

import contextlib
from collections.abc import Sequence

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from ocsp_exporter.demo import crl, der
from ocsp_exporter.model import VERIFIED, Reason, Revocation
from ocsp_exporter.revocation import der as reader
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.crl import MalformedCRL, pem_or_der, read
from ocsp_exporter.revocation.crl_entries import read_entries
from ocsp_exporter.revocation.crl_verdict import judge
from tests.fuzz.mutating import mutated
from tests.fuzz.targets import CRLS, TARGETS
from tests.property.strategies import MATERIAL, NOW, any_bytes, certificates, policies, times

AUTHORITY = MATERIAL.authority
LEAF = MATERIAL.leaf.certificate
without_deadline = settings(deadline=None, max_examples=300)

changed_crls = st.builds(mutated, st.randoms(use_true_random=False), st.sampled_from(CRLS))

# --- Any bytes ----------------------------------------------------------------------------------------------


@given(any_bytes | changed_crls, certificates, st.none() | certificates, times, policies)
@without_deadline
def test_reading_raises_only_its_own_error_and_judging_never_does(
    data: bytes, issuer: x509.Certificate, subject: x509.Certificate | None, now: float, policy: Policy
) -> None:
    """Any bytes, certificates, time and policy give a verdict or MalformedCRL; a verified one is authentic."""
    with contextlib.suppress(MalformedCRL):
        evidence = judge(read(data, issuer), subject, issuer, now, policy)
        assert evidence.authentic or evidence.status not in VERIFIED


@given(any_bytes | changed_crls)
@without_deadline
def test_what_is_believed_was_signed(data: bytes) -> None:
    """A change of a CRL is believed only if it lies outside of what is signed."""
    TARGETS["crl"].check(data)


@given(any_bytes | any_bytes.map(lambda data: b"-----BEGIN X509 CRL-----" + data + b"-----END X509 CRL-----"))
@without_deadline
def test_reading_a_file_raises_only_its_own_error(data: bytes) -> None:
    """Any bytes are DER, PEM or MalformedCRL."""
    with contextlib.suppress(MalformedCRL):
        pem_or_der(data)


# --- What is signed -----------------------------------------------------------------------------------------


def test_no_bit_of_what_is_signed_can_be_changed() -> None:
    """The CRL is verified, and with any one bit of its TBSCertList flipped it is not."""
    encoded = AUTHORITY.crl({1: Revocation(int(NOW), Reason.SUPERSEDED)})
    assert _is_verified(encoded)
    signed, *_ = reader.parse(encoded).children()
    for position in range(signed.begin, signed.end):
        for bit in range(8):
            changed = bytearray(encoded)
            changed[position] ^= 1 << bit
            assert not _is_verified(bytes(changed))


def _is_verified(encoded: bytes) -> bool:
    try:
        found = read(encoded, AUTHORITY.certificate)
    except MalformedCRL:
        return False
    return judge(found, LEAF, AUTHORITY.certificate, NOW, Policy()).status in VERIFIED


# --- The index ----------------------------------------------------------------------------------------------

#: Few of each size, so that they meet; of every size and sign, too.
_serials = (
    st.integers(-3, 3)
    | st.integers(-(2**16), 2**16)
    | st.sampled_from(
        [sign * 2**bits + more for bits in (7, 8, 159, 160, 255) for sign in (-1, 1) for more in (-1, 0, 1)]
    )
    | st.integers(-(2**260), 2**260)
)
#: From the year 1000 on: strftime, which the encoder uses, gives earlier ones fewer digits.
_moments = st.integers(-30610224000, 253402300799) | st.integers(1_700_000_000, 1_700_000_003)
_reasons = st.sampled_from([None, *Reason])
_entries = st.lists(st.tuples(_serials, _moments, _reasons), max_size=40)


def _encoded(serial_number: int, moment: int, reason: Reason | None) -> bytes:
    """Return an entry whose time is a GeneralizedTime, which any year fits."""
    stated = () if reason is None else (der.sequence(crl.reason_code(reason)),)
    return der.sequence(der.integer(serial_number), der.generalized_time(moment), *stated)


@given(_entries, st.lists(_serials, max_size=10))
@without_deadline
def test_what_is_found_is_what_a_dict_would_hold(
    listed: Sequence[tuple[int, int, Reason | None]], others: list[int]
) -> None:
    """Of every serial number the earliest revocation, at one time the one that lasts; a removed entry is none."""
    expected: dict[int, list[Revocation]] = {}
    for serial_number, moment, reason in listed:
        if reason is not Reason.REMOVE_FROM_CRL:
            expected.setdefault(serial_number, []).append(Revocation(moment, reason))
    data = b"".join(_encoded(*each) for each in listed)
    entries = read_entries(b"\0" + data + b"\0", 1, len(data) + 1).entries
    assert len(entries) == sum(map(len, expected.values()))
    for serial_number in {*expected, *others, *(number for number, _, _ in listed)}:
        found, revocations = entries.find(serial_number), expected.get(serial_number, [])
        earliest = min((each.time for each in revocations), default=None)
        assert (found and found.time) == earliest
        candidates = [each for each in revocations if each.time == earliest]
        assert found in candidates or not candidates
        holds = [each.reason is Reason.CERTIFICATE_HOLD for each in candidates]
        assert found is None or (found.reason is Reason.CERTIFICATE_HOLD) is all(holds)


@pytest.mark.parametrize("serial", [1, -1, 2**159, 2**300])
def test_nothing_is_found_in_an_empty_list(serial: int) -> None:
    """Nor in one that holds another; the one that it holds is found."""
    assert read_entries(b"", 0, 0).entries.find(serial) is None
    data = _encoded(serial, 0, None)
    entries = read_entries(data, 0, len(data)).entries
    assert entries.find(serial + 1) is None
    assert entries.find(serial) == Revocation(0, None)
