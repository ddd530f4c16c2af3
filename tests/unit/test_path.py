"""The path from a leaf upwards."""

from cryptography import x509

from ocsp_exporter.demo.certificate import YEAR, Credential, common_name, issue
from ocsp_exporter.revocation.certificate import MOST_CANDIDATES, build_path
from ocsp_exporter.revocation.signature import signed_by

_NOW = 1_800_000_000


def _credential(name: str, issuer: Credential | None = None) -> Credential:
    by = (issuer.certificate.subject, issuer.key) if issuer else None
    return issue(common_name(name), (), {"not_before": _NOW, "not_after": _NOW + YEAR}, by)


def _certificates(name: str, count: int) -> list[x509.Certificate]:
    return [_credential(name).certificate for _ in range(count)]


def test_the_issuer_is_found_among_many_of_other_names() -> None:
    """A server that sends a whole bundle of roots has its issuer found, wherever it stands."""
    issuer = _credential("issuer")
    leaf = _credential("leaf", issuer).certificate
    assert build_path(leaf, [*_certificates("other", 50), issuer.certificate], {}) == (leaf, issuer.certificate)


def test_few_signatures_are_tried_however_many_certificates_are_sent() -> None:
    """Hundreds of certificates of the issuer's name do not keep the exporter busy."""
    issuer = _credential("issuer")
    leaf = _credential("leaf", issuer).certificate
    before = signed_by.cache_info().misses
    assert build_path(leaf, [*_certificates("issuer", 50), issuer.certificate], {}) == (leaf,)
    assert signed_by.cache_info().misses - before <= MOST_CANDIDATES
