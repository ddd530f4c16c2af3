"""Parts of what a probe found, for tests that know that they are there."""

from ocsp_exporter.model import Findings, TLSFindings


def tls_of(findings: Findings | None) -> TLSFindings:
    """Give what the handshakes showed."""
    assert findings
    assert findings.tls
    return findings.tls


def counts_of(findings: Findings | None) -> tuple[int, int, int]:
    """Give how many handshakes were made, how many carried a staple, and how many different ones."""
    tls = tls_of(findings)
    return tls.handshakes, tls.stapled_handshakes, tls.distinct_staples
