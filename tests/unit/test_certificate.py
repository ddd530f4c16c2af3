"""What is read from certificates, however odd they are, and the path built of them."""

import pytest

from ocsp_exporter.demo import der as encoding
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import Status
from ocsp_exporter.revocation.certificate import describe, serial_number
from ocsp_exporter.revocation.validation import Policy, validate
from tests.unit.certificates import SERIAL_NUMBER, changed

NOW = 1_800_000_000.0
CA = Authority.root(NOW, "Path CA")


@pytest.mark.parametrize(
    ("serial", "shown"), [(1, "1"), (0x8000, "8000"), (2**159 + 1, "8" + "0" * 38 + "1"), (0, "0"), (-1, "-1")]
)
def test_any_serial_number_is_read_and_matched_without_a_warning(serial: int, shown: str) -> None:
    """Zero and negative serial numbers are no fault of the staple; cryptography warns of them at every look."""
    leaf = changed(CA.leaf().certificate, SERIAL_NUMBER, lambda _: encoding.integer(serial))
    assert serial_number(leaf) == serial
    assert describe(leaf, 0).serial_number == shown
    assert validate(CA.answer(serial), leaf, CA.certificate, NOW, Policy()).status is Status.GOOD
    assert validate(CA.answer(serial + 1), leaf, CA.certificate, NOW, Policy()).status is Status.INVALID
