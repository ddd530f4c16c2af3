"""The tables on the dashboard of one target: everything that is a list, as of now."""

from grafana_foundation_sdk.models import dashboard

from dashboards.generate import look
from dashboards.generate.panels import grid
from dashboards.generate.parts import Column
from dashboards.generate.promql import IDENTITY, ONE, any_of, series, status_code

_EVIDENCE = f"{IDENTITY}, source, depth"
_CERTIFICATE = f"{IDENTITY}, depth"


def problems() -> dashboard.Panel:
    """Tell all that is wrong now."""
    problems = any_of(
        series("ocsp_problem", ONE),
        f'label_replace({series("ocsp_chain_error", ONE)}, "problem", "chain: $1", "error", "(.*)")',
        f'label_replace({series("ocsp_probe_failure", ONE)}, "problem", "not looked at: $1", "failure", "(.*)")',
    )
    return grid(
        "Problems now",
        "Everything that is wrong with the evidence, why the chain does not verify, and why the target could not be "
        "looked at. Empty is good. docs/verdicts.md says what each means and what to do.",
        [f"max by ({_EVIDENCE}, problem) (\n{problems}\n)"],
        [
            Column("source", "Source", width=110),
            Column("depth", "Depth", width=70),
            Column("problem", "Problem"),
            Column("module", "Module"),
            Column("address", "Address"),
            Column("key_type", "Key type"),
        ],
        empty=look.NOTHING,
    )


def evidence() -> dashboard.Panel:
    """Tell what the evidence of each source says of itself."""

    def when(name: str) -> str:
        return f"max by ({_EVIDENCE}) ({series(name, ONE)}) * 1000"

    info = series("ocsp_response_info", ONE)
    return grid(
        "Evidence",
        "What each source's evidence says of itself, believed or not, and when it was obtained.",
        [
            status_code(ONE, _EVIDENCE),
            when("ocsp_this_update_timestamp_seconds"),
            when("ocsp_next_update_timestamp_seconds"),
            when("ocsp_produced_at_timestamp_seconds"),
            when("ocsp_source_fetched_timestamp_seconds"),
            when("ocsp_signer_not_after_timestamp_seconds"),
            f"max by ({_EVIDENCE}, signer, responder_id) ({info})",
        ],
        [
            Column("source", "Source", width=100),
            Column("depth", "Depth", width=70),
            Column("Value #A", "Status", mappings=look.mappings(look.STATUS_CODE_WORDS), width=105),
            Column("Value #B", "thisUpdate", unit="dateTimeAsIso", width=155),
            Column("Value #C", "nextUpdate", unit="dateTimeAsIso", width=155),
            Column("Value #D", "producedAt", unit="dateTimeAsIso", width=155),
            Column("Value #E", "Obtained", unit="dateTimeAsIso", width=155),
            Column("Value #F", "Signer ends", unit="dateTimeAsIso", width=155),
            Column("signer", "Signed by", width=90),
            Column("responder_id", "Responder ID"),
            Column("module", "Module", width=90),
            Column("address", "Address"),
            Column("key_type", "Key type"),
        ],
    )


def certificates() -> dashboard.Panel:
    """Tell of which certificates all this is said."""
    info = series("ocsp_certificate_info", ONE)
    ends = series("ocsp_certificate_not_after_timestamp_seconds", ONE)
    return grid(
        "Certificates",
        "The certificates that are checked, the leaf at depth 0.",
        [
            f"max by ({_CERTIFICATE}, subject, issuer, serial_number, public_key_algorithm) ({info})",
            f"max by ({_CERTIFICATE}) ({ends}) * 1000",
        ],
        [
            Column("depth", "Depth", width=70),
            Column("subject", "Subject"),
            Column("issuer", "Issuer"),
            Column("Value #B", "Ends", unit="dateTimeAsIso", width=165),
            Column("public_key_algorithm", "Key", width=120),
            Column("serial_number", "Serial number"),
            Column("module", "Module"),
            Column("address", "Address"),
            Column("key_type", "Key type"),
        ],
    )


def session() -> dashboard.Panel:
    """Tell what the handshake showed."""

    def fact(name: str) -> str:
        return f"min by ({IDENTITY}) ({series(name, ONE)})"

    info = series("ocsp_tls_info", ONE)
    return grid(
        "TLS",
        "What the handshake negotiated, whether it completed and the server asked for a client certificate, whether "
        "the certificate has the TLS feature (Must-Staple), and whether the policy requires a staple here.",
        [
            f"max by ({IDENTITY}, version, cipher) ({info})",
            fact("ocsp_tls_handshake_complete"),
            fact("ocsp_tls_client_certificate_requested"),
            fact("ocsp_must_staple"),
            fact("ocsp_staple_required"),
        ],
        [
            Column("version", "Version", width=80),
            Column("cipher", "Cipher"),
            Column("Value #B", "Completed", mappings=look.mappings(look.YES_NO), width=90),
            Column("Value #C", "Client cert.", mappings=look.mappings(look.YES_NO), width=100),
            Column("Value #D", "Must-Staple", mappings=look.mappings(look.YES_NO), width=100),
            Column("Value #E", "Required", mappings=look.mappings(look.YES_NO), width=90),
            Column("module", "Module", width=90),
            Column("address", "Address"),
            Column("key_type", "Key type"),
        ],
    )


def revocation() -> dashboard.Panel:
    """Tell when and why the certificate was revoked."""
    revocation = series("ocsp_revocation_timestamp_seconds", ONE)
    return grid(
        "Revocation",
        "When and why the certificate was revoked, by each source that says so. Empty is good.",
        [f"max by ({_EVIDENCE}, reason) ({revocation}) * 1000"],
        [
            Column("source", "Source", width=110),
            Column("depth", "Depth", width=70),
            Column("Value", "Revoked at", unit="dateTimeAsIso", width=180),
            Column("reason", "Reason"),
            Column("address", "Address"),
            Column("key_type", "Key type"),
        ],
        empty=look.NOTHING,
    )
