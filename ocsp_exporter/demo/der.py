"""The few DER encoders (X.690) that OCSP responses and CRLs need.

`cryptography` builds both too, but always with its own producedAt, one SingleResponse, extensions that are as they
should be, and a true signature; a lab needs the others as well.
"""

from datetime import UTC, datetime

from cryptography import x509

_LONG_FORM = 0x80


def tlv(tag: int, *contents: bytes) -> bytes:
    """Return one element: tag octet, length, contents."""
    value = b"".join(contents)
    if len(value) < _LONG_FORM:
        return bytes((tag, len(value))) + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8)
    return bytes((tag, _LONG_FORM | len(length))) + length + value


def sequence(*elements: bytes) -> bytes:
    """Return a SEQUENCE (OF)."""
    return tlv(0x30, *elements)


def explicit(number: int, *elements: bytes) -> bytes:
    """Return a constructed, context-specific element: EXPLICIT [number], or IMPLICIT over a SEQUENCE."""
    return tlv(0xA0 | number, *elements)


def integer(value: int) -> bytes:
    """Return an INTEGER; certificates with negative serial numbers exist."""
    bits = (~value if value < 0 else value).bit_length()
    return tlv(0x02, value.to_bytes(bits // 8 + 1, signed=True))


def enumerated(value: int) -> bytes:
    """Return an ENUMERATED of one octet, 0 to 127."""
    return tlv(0x0A, bytes((value,)))


def octet_string(value: bytes) -> bytes:
    """Return an OCTET STRING."""
    return tlv(0x04, value)


def bit_string(value: bytes) -> bytes:
    """Return a BIT STRING of whole octets."""
    return tlv(0x03, b"\0", value)


def null() -> bytes:
    """Return NULL."""
    return tlv(0x05)


def boolean(value: bool) -> bytes:
    """Return a BOOLEAN."""
    return tlv(0x01, b"\xff" if value else b"\0")


def utc_time(seconds: float) -> bytes:
    """Return a UTCTime, which has only the last two digits of the year; a fraction is dropped."""
    return tlv(0x17, datetime.fromtimestamp(int(seconds), UTC).strftime("%y%m%d%H%M%SZ").encode())


def generalized_time(seconds: float) -> bytes:
    """Return a GeneralizedTime of whole seconds UTC; a fraction is dropped (RFC 5280, section 4.1.2.5.2)."""
    return tlv(0x18, datetime.fromtimestamp(int(seconds), UTC).strftime("%Y%m%d%H%M%SZ").encode())


def object_identifier(oid: x509.ObjectIdentifier) -> bytes:
    """Return an OBJECT IDENTIFIER."""
    first, second, *others = (int(arc) for arc in oid.dotted_string.split("."))
    return tlv(0x06, *(_base128(arc) for arc in (first * 40 + second, *others)))


def _base128(value: int) -> bytes:
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(0x80 | value & 0x7F)
    return bytes(reversed(octets))
