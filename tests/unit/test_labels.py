import pytest

from ocsp_exporter.config.labels import RESERVED_LABELS, check_label_name

PUBLISHED = """target module address key_type failure phase version cipher error depth subject issuer serial_number
fingerprint_sha256 public_key_algorithm source host status problem response_status responder_id signer cert_id_hash
signature_algorithm reason method check discovery kind result"""


@pytest.mark.parametrize("name", [*PUBLISHED.split(), "job", "instance", "le", "quantile", "__name__", "__x"])
def test_names_in_use_are_reserved(name: str) -> None:
    """A target's own label cannot shadow one of the exporter's or of Prometheus; one letter more is free."""
    assert check_label_name(f"x{name}") == f"x{name}"
    with pytest.raises(ValueError, match="is reserved"):
        check_label_name(name)


def test_nothing_else_is_reserved() -> None:
    """Names are taken from operators only for a reason."""
    assert set(PUBLISHED.split()) | {"job", "instance", "le", "quantile"} == RESERVED_LABELS
