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


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"\x17\x0d700101000000Z", 0),
        (b"\x17\x0d491231235959Z", 2524607999),
        (b"\x17\x0d500101000000Z", -631152000),
        (b"\x18\x0f20500101000000Z", 2524608000),
        (b"\x18\x0f99991231235959Z", 253402300799),
        (b"\x18\x0f00010101000000Z", -62135596800),
        (b"\x17\x0d000229120000Z", 951825600),
    ],
)
def test_times_are_seconds_since_1970(octets: bytes, expected: int) -> None:
    """A UTCTime has the years from 1950 to 2049, a GeneralizedTime all from 1 on (RFC 5280, 4.1.2.5)."""
    assert der.time(der.parse(octets)) == expected


@pytest.mark.parametrize(
    "octets",
    [
        b"\x17\x0d010229120000Z",  # no leap year
        b"\x17\x0d701301000000Z",
        b"\x17\x0d700100000000Z",
        b"\x17\x0d700101240000Z",
        b"\x17\x0d700101006000Z",
        b"\x17\x0d700101000060Z",
        b"\x17\x0d7001010000000",
        b"\x17\x0d70 101000000Z",
        b"\x17\x0d700101+00000Z",
        b"\x17\x0f19700101000000Z",
        b"\x18\x0d700101000000Z",
        b"\x18\x0f00000101000000Z",
        b"\x18\x1119700101000000.0Z",
        b"\x17\x00",
        b"\x16\x0d700101000000Z",
    ],
)
def test_what_is_no_time_is_an_error(octets: bytes) -> None:
    """Nothing is guessed at."""
    with pytest.raises(der.DERError):
        der.time(der.parse(octets))


def test_a_known_number_of_parts_is_expected() -> None:
    """No more elements are made than may be there."""
    two = der.parse(bytes.fromhex("3004 0500 0500"))
    assert len(two.parts(2)) == 2
    one = der.parse(bytes.fromhex("3002 0500"))
    assert one.only_part().encoded == b"\x05\x00"
    for attempt in (lambda: two.parts(1), two.only_part, der.parse(b"\x30\x00").only_part):
        with pytest.raises(der.DERError):
            attempt()


@pytest.mark.parametrize("octets", ["0300", "030101", "030207ff", "040100"])
def test_a_signature_has_whole_octets(octets: str) -> None:
    """All bits of a BIT STRING are used; one with unused bits, or something else, is none."""
    assert der.whole_octets(der.parse(bytes.fromhex("030200ff"))) == b"\xff"
    with pytest.raises(der.DERError):
        der.whole_octets(der.parse(bytes.fromhex(octets)))
