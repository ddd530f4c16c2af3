"""A small reader of DER (X.690): where an element lies, and what lies inside it.

For what `cryptography` does not give, or gives only where everything else can be read too: signature parameters,
signed parts, names and keys as they stand, serial numbers of any sign, and each extension by itself. Definite
lengths and low tag numbers, which is all that PKIX uses.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice

SEQUENCE = 0x30
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
BOOLEAN = 0x01
ENUMERATED = 0x0A
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18

_HIGH_TAG_NUMBER = 0x1F
_LONG_FORM = 0x80
_LONGEST_LENGTH = 4
# UUID-based arcs (X.667) have 128 bits; without a bound a long one costs quadratic time.
_LARGEST_ARC = 2**128

#: Certificates have a dozen. They are looked for by name again and again, and thousands of them fit in one.
MOST_EXTENSIONS = 100


class DERError(ValueError):
    """The bytes are not DER, or not of the expected shape."""


@dataclass(frozen=True, slots=True)
class Element:
    """One tag-length-value: `data[begin:end]` is all of it, `data[inside:end]` its content."""

    data: bytes
    tag: int
    begin: int
    inside: int
    end: int

    @property
    def content(self) -> bytes:
        """The content octets."""
        return self.data[self.inside : self.end]

    @property
    def encoded(self) -> bytes:
        """The element with its tag and length."""
        return self.data[self.begin : self.end]

    def children(self) -> Iterator["Element"]:
        """Yield the elements inside a constructed one. Raises DERError where the content is none."""
        position = self.inside
        while position < self.end:
            child = read_at(self.data, position, self.end)
            yield child
            position = child.end

    def parts(self, most: int) -> list["Element"]:
        """Return the elements inside. Raises DERError, also where there are more than `most` of them."""
        found = list(islice(self.children(), most + 1))
        if len(found) > most:
            raise DERError(f"there are more than {most} elements in one")
        return found

    def only_part(self) -> "Element":
        """Return the one element inside. Raises DERError where there are none or more."""
        found = self.parts(1)
        if not found:
            raise DERError("there is nothing in an element")
        return found[0]


def parse(data: bytes) -> Element:
    """Read the one element that `data` holds. Raises DERError, also where bytes follow it."""
    element = read_at(data, 0, len(data))
    if element.end != len(data):
        raise DERError("bytes follow the outermost element")
    return element


def expect(element: Element, tag: int) -> Element:
    """Return `element` if it has this tag. Raises DERError otherwise."""
    if element.tag != tag:
        raise DERError(f"expected tag {tag:#04x}, found {element.tag:#04x}")
    return element


def signed_parts(data: bytes) -> tuple[bytes, Element, bytes]:
    """Split a signed structure into what is signed, the AlgorithmIdentifier and the signature.

    Certificate, CertificateList (RFC 5280, sections 4.1 and 5.1) and BasicOCSPResponse (RFC 6960, section
    4.2.1) all begin this way. Raises DERError.
    """
    parts = expect(parse(data), SEQUENCE).parts(_MOST_IN_SIGNED)
    try:
        signed, algorithm, signature = parts[:3]
    except ValueError:
        raise DERError("a signed structure has three elements at least") from None
    return signed.encoded, expect(algorithm, SEQUENCE), whole_octets(signature)


#: A BasicOCSPResponse has certificates behind its signature, the others nothing.
_MOST_IN_SIGNED = 4


def whole_octets(element: Element) -> bytes:
    """Return the octets of a BIT STRING that has no unused bits, as a signature has none. Raises DERError."""
    octets = expect(element, BIT_STRING).content
    if not octets or octets[0] != 0:
        raise DERError("a signature has whole octets")
    return octets[1:]


@dataclass(frozen=True, slots=True)
class Extension:
    """One X.509 extension: its dotted OID, whether it is critical, and the octets of its value."""

    oid: str
    critical: bool
    value: bytes


def extensions(element: Element) -> tuple[Extension, ...]:
    """Read Extensions (RFC 5280, section 4.1), which certificates, responses and CRLs share.

    Raises DERError, also where there are more than `MOST_EXTENSIONS`.
    """
    return tuple(map(_extension, expect(element, SEQUENCE).parts(MOST_EXTENSIONS)))


def _extension(element: Element) -> Extension:
    parts = list(expect(element, SEQUENCE).children())
    if len(parts) not in (2, 3):
        raise DERError("an extension has an identifier, perhaps a criticality, and a value")
    critical = len(parts) > 2 and expect(parts[1], BOOLEAN).content != b"\x00"  # noqa: PLR2004 -- see above
    return Extension(object_identifier(parts[0]), critical, expect(parts[-1], OCTET_STRING).content)


def object_identifier(element: Element) -> str:
    """Return an OBJECT IDENTIFIER in dotted form. Raises DERError."""
    octets = expect(element, OBJECT_IDENTIFIER).content
    if not octets or octets[-1] & 0x80:
        raise DERError("an object identifier ends in the middle of an arc")
    arcs: list[int] = []
    value = 0
    for octet in octets:
        value = value << 7 | octet & 0x7F
        if value > _LARGEST_ARC:
            raise DERError("an arc of an object identifier is larger than any in use")
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def time(element: Element) -> int:
    """Return a UTCTime or GeneralizedTime in seconds since 1970, as RFC 5280 has them (section 4.1.2.5).

    That is in whole seconds and in UTC, told by a Z. Raises DERError.
    """
    octets = element.content
    digits = _DAY_DIGITS.get(element.tag)
    if digits is None or len(octets) != digits + len("HHMMSSZ"):
        raise DERError("a time is written otherwise than it should be")
    return day(octets[:digits]) + time_of_day(octets[digits:])


_DAY_DIGITS = {UTC_TIME: len("YYMMDD"), GENERALIZED_TIME: len("YYYYMMDD")}
_PIVOT = b"50"
_DAY = 86400
_YEAR_1970 = date(1970, 1, 1).toordinal()


def day(digits: bytes) -> int:
    """Return when the day YYMMDD (from 1950 on) or YYYYMMDD begins, in seconds since 1970. Raises DERError."""
    if len(digits) == len("YYMMDD"):
        digits = (b"19" if digits >= _PIVOT else b"20") + digits
    try:
        if digits.isdigit() and len(digits) == len("YYYYMMDD"):
            year, month, number = int(digits[:4]), int(digits[4:6]), int(digits[6:])
            return (date(year, month, number).toordinal() - _YEAR_1970) * _DAY
    except ValueError:
        pass
    raise DERError("there is no such day")


def time_of_day(octets: bytes) -> int:
    """Return the seconds since midnight at HHMMSSZ. Raises DERError."""
    digits = octets[:-1]
    if octets[-1:] == b"Z" and digits.isdigit() and len(digits) == len("HHMMSS"):
        hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:])
        if hours < 24 and minutes < 60 and seconds < 60:  # noqa: PLR2004 -- of a day, an hour and a minute
            return hours * 3600 + minutes * 60 + seconds
    raise DERError("there is no such time of day")


def read_at(data: bytes, position: int, limit: int) -> Element:
    """Read the element that begins at a position and ends at `limit` at the latest. Raises DERError."""
    if limit - position < 2:  # noqa: PLR2004 -- a tag and a length are two octets at least
        raise DERError("an element is cut off")
    tag, length = data[position], data[position + 1]
    if tag & _HIGH_TAG_NUMBER == _HIGH_TAG_NUMBER:
        raise DERError("high tag numbers are not used in PKIX")
    inside = position + 2
    if length & _LONG_FORM:
        octets = length & ~_LONG_FORM
        if not 1 <= octets <= _LONGEST_LENGTH or inside + octets > limit:
            raise DERError("a length is indefinite, too long or cut off")
        length = int.from_bytes(data[inside : inside + octets], "big")
        inside += octets
    if inside + length > limit:
        raise DERError("an element is longer than what holds it")
    return Element(data, tag, position, inside, inside + length)
