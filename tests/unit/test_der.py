"""The reader of DER: each fault beside a good twin."""

import pytest

from ocsp_exporter.revocation import der


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("3000", ""),  # nothing at all
        ("3000", "30"),  # no length
        ("300101", "300201"),  # longer than the data
        ("3000", "300000"),  # octets behind
        ("3000", "3080"),  # an indefinite length
        ("308100", "3081"),  # a length cut off
        ("30820000", "308200"),  # a length cut off
        ("308400000000", "30850000000000"),  # a length of five octets
        ("308400000000", "3084ffffffff"),  # a length beyond the data
        ("3e00", "3f00"),  # a high tag number, constructed
        ("1e00", "1f00"),  # a high tag number
    ],
)
def test_one_element_is_read_whole(good: str, bad: str) -> None:
    """An element has a tag, a definite length and all of its content, and nothing follows it."""
    assert der.parse(bytes.fromhex(good)).encoded == bytes.fromhex(good)
    with pytest.raises(der.DERError):
        der.parse(bytes.fromhex(bad))


def test_an_element_knows_where_it_lies() -> None:
    """Content and encoding are slices of the data, inside nested elements, too, and with a length in long form."""
    data = bytes.fromhex("30810a 3003020105 0403010203")
    outer = der.parse(data)
    inner, octets = outer.children()
    assert outer.content == data[3:]
    assert inner.encoded == bytes.fromhex("3003020105")
    (number,) = inner.children()
    assert (number.tag, number.content) == (der.INTEGER, b"\x05")
    assert (octets.tag, octets.content) == (der.OCTET_STRING, b"\x01\x02\x03")


def test_a_child_does_not_reach_beyond_its_parent() -> None:
    """A child that is longer than what holds it is a fault even where the data go on."""
    fits, _next = der.parse(bytes.fromhex("3006 3002 0200 0500")).children()
    reaches_beyond, _next = der.parse(bytes.fromhex("3006 3002 0202 0500")).children()
    assert len(list(fits.children())) == 1
    with pytest.raises(der.DERError):
        list(reaches_beyond.children())


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("06032a0304", "1.2.3.4"),
        ("0603550403", "2.5.4.3"),
        ("06092b0601050507300101", "1.3.6.1.5.5.7.48.1.1"),
        ("0603883703", "2.999.3"),
        ("060100", "0.0"),
        ("060127", "0.39"),
        ("060128", "1.0"),
        ("06017f", "2.47"),
    ],
)
def test_object_identifiers(octets: str, expected: str) -> None:
    """The first octets hold two arcs, of which the first is at most 2 (X.690, 8.19)."""
    assert der.object_identifier(der.parse(bytes.fromhex(octets))) == expected


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("06012a", "0600"),  # empty
        ("06012a", "0601aa"),  # ends in the middle of an arc
        ("06012a", "04012a"),  # another type
        ("06132a" + "83" + "ff" * 16 + "7f", "06142a" + "87" + "ff" * 17 + "7f"),  # an arc beyond 128 bits
    ],
)
def test_object_identifiers_that_are_none(good: str, bad: str) -> None:
    """An arc larger than any in use is refused: reading a very long one takes quadratic time."""
    assert der.object_identifier(der.parse(bytes.fromhex(good)))
    with pytest.raises(der.DERError):
        der.object_identifier(der.parse(bytes.fromhex(bad)))


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("30093007060355040304 00", [("2.5.4.3", False, b"")]),
        ("300c300a06035504030101ff0400", [("2.5.4.3", True, b"")]),
        ("300c300a0603550403010100 0400", [("2.5.4.3", False, b"")]),
        ("300c300a060355040301010104 00", [("2.5.4.3", True, b"")]),
        ("3000", []),
    ],
)
def test_extensions(octets: str, expected: list[tuple[str, bool, bytes]]) -> None:
    """Criticality is FALSE where it is left out (RFC 5280, 4.1); anything but zero is TRUE, to be on the safe side."""
    read = der.extensions(der.parse(bytes.fromhex(octets)))
    assert [(each.oid, each.critical, each.value) for each in read] == expected


@pytest.mark.parametrize(
    "octets",
    [
        "040130",  # no SEQUENCE
        "30020500",  # no SEQUENCE inside
        "300730050603550403",  # without a value
        "30083006060355040301",  # cut off
        "300c300a06035504030201ff0400",  # an INTEGER for the criticality
        "3009300706035504030500",  # NULL for the value
    ],
)
def test_extensions_that_are_none(octets: str) -> None:
    """Whatever else the octets are, they are DERError."""
    with pytest.raises(der.DERError):
        der.extensions(der.parse(bytes.fromhex(octets)))


def test_more_extensions_than_any_in_use_are_refused() -> None:
    """Up to the limit all are read."""
    one = bytes.fromhex("300706035504030400")

    def several(number: int) -> der.Element:
        content = one * number
        return der.parse(b"\x30\x82" + len(content).to_bytes(2, "big") + content)

    assert len(der.extensions(several(der.MOST_EXTENSIONS))) == der.MOST_EXTENSIONS
    with pytest.raises(der.DERError):
        der.extensions(several(der.MOST_EXTENSIONS + 1))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("300a 3000 30020600 03020001", "3006 3000 30020600"),  # two elements
        ("300a 3000 30020600 03020001", "300a 3000 30020600 03020101"),  # a bit left over
        ("300a 3000 30020600 03020001", "3008 3000 30020600 0300"),  # a bit string without octets
        ("300a 3000 30020600 03020001", "300a 3000 30020600 04020001"),  # an OCTET STRING for the signature
        ("300a 3000 30020600 03020001", "300a 3000 04020600 03020001"),  # no SEQUENCE for the algorithm
        ("300a 3000 30020600 03020001", "310a 3000 30020600 03020001"),  # no SEQUENCE around it all
    ],
)
def test_the_parts_of_a_signed_structure(good: str, bad: str) -> None:
    """What is signed, the algorithm and a signature of whole octets, in this order."""
    signed, algorithm, signature = der.signed_parts(bytes.fromhex(good))
    assert (signed, algorithm.encoded, signature) == (b"\x30\x00", bytes.fromhex("30020600"), b"\x01")
    with pytest.raises(der.DERError):
        der.signed_parts(bytes.fromhex(bad))
