"""The certificates that a CRL lists: read in one pass over its octets, and kept as sorted records in one `bytes`.

A list may have a million entries (49 MB). An object for each would take longer to make, and 500 octets; a record is
29. So the loop below does what der.py does elsewhere, in place, and leaves to der.py what is uncommon.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from struct import Struct
from typing import Final

from ocsp_exporter.model import Reason, Revocation
from ocsp_exporter.revocation import der

#: Size of the serial number and its octets; time and reason in one number. Records of one serial number are adjacent
#: when sorted, the earliest first.
_RECORD: Final = Struct(">B20sQ")
_KEY: Final = Struct(">B20s")
#: A longer serial number, which RFC 5280 does not allow (section 4.1.2.2) and CAs have used, is kept as a digest.
_LONGEST_SERIAL: Final = 20
_DIGESTED: Final = 0xFF

#: CRLReason (RFC 5280, section 5.3.1). Of entries of one time a hold, which may lapse, is to come last.
_REASONS: Final = {
    0: Reason.UNSPECIFIED,
    1: Reason.KEY_COMPROMISE,
    2: Reason.CA_COMPROMISE,
    3: Reason.AFFILIATION_CHANGED,
    4: Reason.SUPERSEDED,
    5: Reason.CESSATION_OF_OPERATION,
    9: Reason.PRIVILEGE_WITHDRAWN,
    10: Reason.AA_COMPROMISE,
    6: Reason.CERTIFICATE_HOLD,
}
_REMOVE_FROM_CRL: Final = 8
#: What the last octet of a record means, by position: no reason, or one of those above.
_NOTES: Final = (None, *_REASONS.values())
_REASON_BITS: Final = 8
#: Records count the seconds from the year 1 on, so that they sort by time.
_SECONDS_BEFORE_1970: Final = -der.day(b"00010101")


@dataclass(frozen=True, slots=True)
class Entries:
    """A sorted index of what is revoked, by serial number; `len` is the number of entries.

    An entry that takes a certificate off the list (`remove_from_crl`) is not among them: in a complete list it says
    that the certificate is not revoked.
    """

    records: bytes = field(repr=False)

    def __len__(self) -> int:
        return len(self.records) // _RECORD.size

    def find(self, serial_number: int) -> Revocation | None:
        """Return when and why a serial number was revoked, the earliest time if it is listed again; None if it is not.

        In the time of some 20 comparisons per million entries.
        """
        bits = (~serial_number if serial_number < 0 else serial_number).bit_length()
        octets = serial_number.to_bytes(bits // 8 + 1, signed=True)
        key = _KEY.pack(*_key(octets))
        position = bisect_left(range(len(self)), key, key=self._key_at)
        if position == len(self) or self._key_at(position) != key:
            return None
        *_, note = _RECORD.unpack_from(self.records, position * _RECORD.size)
        seconds, reason = note >> _REASON_BITS, _NOTES[note % (1 << _REASON_BITS)]
        return Revocation(seconds - _SECONDS_BEFORE_1970, reason)

    def _key_at(self, position: int) -> bytes:
        begin = position * _RECORD.size
        return self.records[begin : begin + _KEY.size]


@dataclass(frozen=True, slots=True)
class ReadEntries:
    """What was read: the index, the unknown critical extensions of entries, and whether any entry names its issuer.

    Of the critical extensions the first few are told.
    """

    entries: Entries
    critical: frozenset[str]
    name_issuers: bool


def read_entries(data: bytes, begin: int, end: int) -> ReadEntries:
    """Read the entries between two positions (RFC 5280, section 5.1.2.6).

    Raises ValueError (of which DERError is one) or IndexError where those are not entries, and nothing else.
    """
    notes = _Notes()
    records = list(_records(data, begin, end, notes))
    records.sort()
    return ReadEntries(Entries(b"".join(records)), frozenset(notes.critical), notes.name_issuers)


_LONG_FORM: Final = 0x80
_PADDING: Final = b"\x00\xff"
_SEQUENCE, _INTEGER = der.SEQUENCE, der.INTEGER
_UTC_TIME: Final = bytes((der.UTC_TIME, len("YYMMDDHHMMSSZ")))
_GENERALIZED_TIME: Final = bytes((der.GENERALIZED_TIME, len("YYYYMMDDHHMMSSZ")))


def _records(data: bytes, position: int, end: int, notes: "_Notes") -> Iterator[bytes]:
    """Yield the record of each entry: SEQUENCE { serial number, time, perhaps extensions }.

    It looks where things should be: if anything is shorter or longer than it says, then a tag is not there, a time is
    none, the end of the entry is missed, or the data end (IndexError).
    """
    pack, days, times = _RECORD.pack, _Days(), _Times()
    while position < end:
        length, inside = data[position + 1], position + 2
        ends = inside + length
        if length >= _LONG_FORM:
            element = der.read_at(data, position, end)
            inside, ends = element.inside, element.end
        if data[position] != _SEQUENCE or data[inside] != _INTEGER or ends > end:
            raise der.DERError("an entry of a CRL begins otherwise than it should")
        size, at = data[inside + 1], inside + 2
        if 0 < size <= _LONGEST_SERIAL:
            octets = data[at : at + size]
            at += size
            if octets[0] in _PADDING and size > 1:
                _require_shortest(octets)
        else:
            element = der.read_at(data, inside, ends)
            at = element.end
            _require_shortest(element.content)
            size, octets = _key(element.content)
        kind = data[at : at + 2]
        if kind == _UTC_TIME:
            note = days[data[at + 2 : at + 8]] + times[data[at + 8 : at + 15]]
            at += 15
        elif kind == _GENERALIZED_TIME:
            note = days[data[at + 2 : at + 10]] + times[data[at + 10 : at + 17]]
            at += 17
        else:
            raise der.DERError("an entry of a CRL has no time where it should be")
        reason = notes[data[at:ends]] if at != ends else 0
        if reason != _REMOVED:
            yield pack(size, octets, note + reason)
        position = ends


def _key(serial_number: bytes) -> tuple[int, bytes]:
    """Return how a serial number stands in a record, from its content octets, which tell its sign."""
    if len(serial_number) > _LONGEST_SERIAL:
        return _DIGESTED, sha256(serial_number).digest()[:_LONGEST_SERIAL]
    return len(serial_number), serial_number


def _require_shortest(octets: bytes) -> None:
    """A number has one encoding (X.690, section 8.3.2), so that it is found by its octets. Raises DERError."""
    number = int.from_bytes(octets[:2], signed=True)
    if not octets or (len(octets) > 1 and -(1 << 7) <= number < 1 << 7):
        raise der.DERError("a serial number has more octets than it needs, or none")


#: So many times or extensions are remembered; only a hostile list has more different ones.
_MOST_REMEMBERED: Final = 1 << 16


class _Days(dict[bytes, int]):
    """When each day begins, as it counts in a record."""

    def __missing__(self, digits: bytes) -> int:
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        begins = self[digits] = (der.day(digits) + _SECONDS_BEFORE_1970) << _REASON_BITS
        return begins


class _Times(dict[bytes, int]):
    """The times of a day, of which there are 86400, as they count in a record."""

    def __missing__(self, octets: bytes) -> int:
        seconds = self[octets] = der.time_of_day(octets) << _REASON_BITS
        return seconds


_REMOVED: Final = -1
_REASON_CODE: Final = "2.5.29.21"
_CERTIFICATE_ISSUER: Final = "2.5.29.29"
_INVALIDITY_DATE: Final = "2.5.29.24"
_MOST_CRITICAL: Final = 16
#: Of one entry: a certificate issuer's name is all that may be long.
_LARGEST_EXTENSIONS: Final = 8 * 1024


class _Notes(dict[bytes, int]):
    """What the extensions of entries come to: a position in `_NOTES`, or `_REMOVED`. Most are one of ten."""

    def __init__(self) -> None:
        super().__init__()
        self.critical: set[str] = set()
        self.name_issuers = False

    def __missing__(self, encoded: bytes) -> int:
        without_date = _without_invalidity_date(encoded)
        if without_date in self:
            return self[without_date]
        if len(encoded) > _LARGEST_EXTENSIONS:
            raise der.DERError("the extensions of an entry are longer than any in use")
        note = 0
        extensions = der.extensions(der.parse(encoded))
        if len({extension.oid for extension in extensions}) < len(extensions):
            raise der.DERError("an entry of a CRL has the same extension twice")
        for extension in extensions:
            if extension.oid == _REASON_CODE:
                note = _read_reason(der.expect(der.parse(extension.value), der.ENUMERATED).content)
            elif extension.oid == _CERTIFICATE_ISSUER:
                self.name_issuers = True
            elif extension.critical and extension.oid != _INVALIDITY_DATE and len(self.critical) < _MOST_CRITICAL:
                self.critical.add(extension.oid)
        if len(self) < _MOST_REMEMBERED:
            # What precedes an invalidity date is what is seen again; its size shows that it was one.
            ends_in_date = extensions and extensions[-1].oid == _INVALIDITY_DATE
            self[without_date if ends_in_date and len(extensions[-1].value) == _DATE_SIZE else encoded] = note
        return note


_DATE_SIZE: Final = len(_GENERALIZED_TIME) + len("YYYYMMDDHHMMSSZ")
#: An extension with an invalidity date (RFC 5280, section 5.3.2), but for the date itself.
_BEFORE_DATE: Final = bytes.fromhex("3018 0603551d18 0411")


def _without_invalidity_date(encoded: bytes) -> bytes:
    """Leave out an invalidity date that comes last: it has nothing to say here, and makes extensions different."""
    ends = len(encoded) - len(_BEFORE_DATE) - _DATE_SIZE
    is_last = ends > 0 and encoded[ends : ends + len(_BEFORE_DATE)] == _BEFORE_DATE
    if is_last and encoded[1] == len(encoded) - 2 < _LONG_FORM:
        return bytes((encoded[0], ends - 2)) + encoded[2:ends]
    return encoded


def _read_reason(octets: bytes) -> int:
    """Return what a CRLReason comes to; revoked for a reason that is not assigned is revoked. Raises DERError."""
    _require_shortest(octets)
    number = int.from_bytes(octets, signed=True)
    if number == _REMOVE_FROM_CRL:
        return _REMOVED
    return _NOTES.index(_REASONS[number]) if number in _REASONS else 0
