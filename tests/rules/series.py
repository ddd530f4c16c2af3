"""What the exporter publishes of endpoints in good health, as the beginning of every test of a rule."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ocsp_exporter.model import Status

DAY = 24 * 3600

#: What a series shows: a number; None: nothing; some numbers, over and over; or a function of the seconds since the
#: beginning.
Value: TypeAlias = float | tuple[float, ...] | Callable[[int], float] | None

#: Series without the labels of their target, in Prometheus's notation, and what they show.
Series: TypeAlias = Mapping[str, Value]

SOURCES = ("staple", "responder", "crl")


def just_now(second: int) -> float:
    """Return a time that is always now."""
    return float(second)


def status(source: str, status: str, depth: int = 0) -> dict[str, Value]:
    """Return a StateSet: 1 for one status and 0 for the others."""
    return {
        f'ocsp_status{{source="{source}", depth="{depth}", status="{each}"}}': int(each == status) for each in Status
    }


def evidence(source: str, life: int = 7 * DAY, elapsed: float = 0.2) -> dict[str, Value]:
    """Return what is published of a good piece of evidence: how long it lives, and what share of that is over."""
    of = f'{{source="{source}", depth="0"}}'
    return {
        **status(source, "good"),
        f"ocsp_source_fetched_timestamp_seconds{of}": just_now,
        f"ocsp_this_update_timestamp_seconds{of}": 1_000_000,
        f"ocsp_next_update_timestamp_seconds{of}": 1_000_000 + life,
        f"ocsp_next_update_remaining_seconds{of}": round(life * (1 - elapsed)),
        f"ocsp_signer_not_after_timestamp_seconds{of}": 300 * DAY,
    }


def response(source: str, responder_id: str = "CN=Responder", signer: str = "delegated") -> dict[str, Value]:
    """Return what a response says of itself."""
    labels = (
        f'source="{source}", depth="0", response_status="successful", responder_id="{responder_id}", '
        f'signer="{signer}", cert_id_hash="sha1", signature_algorithm="ecdsa-with-SHA256"'
    )
    return {
        f"ocsp_response_info{{{labels}}}": 1,
        f'ocsp_produced_at_timestamp_seconds{{source="{source}", depth="0"}}': 1_000_000,
    }


#: What is published of every target that could be looked at.
_LOOKED_AT: Series = {
    "ocsp_probe_success": 1,
    "ocsp_probe_duration_seconds": 0.2,
    "ocsp_probe_timestamp_seconds": just_now,
    "ocsp_probe_interval_seconds": 60,
    'ocsp_probe_phase_duration_seconds{phase="handshake"}': 0.1,
}
_HANDSHAKE: Series = {
    **_LOOKED_AT,
    "ocsp_probe_handshakes": 1,
    "ocsp_probe_stapled_handshakes": 1,
    "ocsp_probe_distinct_staples": 1,
    "ocsp_tls_handshake_complete": 1,
    "ocsp_tls_client_certificate_requested": 0,
    'ocsp_tls_info{version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384"}': 1,
    "ocsp_chain_trusted": 1,
    'ocsp_certificate_not_after_timestamp_seconds{depth="0"}': 60 * DAY,
    "ocsp_must_staple": 1,
    "ocsp_staple_required": 1,
    "ocsp_must_staple_compliant": 1,
}

#: An endpoint that must staple and does: staple, responder and CRL are good and agree.
HEALTHY: Series = {
    **_HANDSHAKE,
    'ocsp_source_applicable{source="staple", depth="0"}': 1,
    'ocsp_source_applicable{source="responder", depth="0", host="ocsp.example.org"}': 1,
    'ocsp_source_applicable{source="crl", depth="0", host="crl.example.org"}': 1,
    **evidence("staple"),
    **response("staple"),
    **evidence("responder", elapsed=0.1),
    **response("responder"),
    **evidence("crl", elapsed=0.5),
    'ocsp_revoked{depth="0"}': 0,
    'ocsp_sources_agree{depth="0"}': 1,
    "ocsp_staple_lag_seconds": 3600,
    'ocsp_crl_number{depth="0"}': 7,
    'ocsp_crl_entries{depth="0"}': 1000,
}

#: In place of the same series of a healthy endpoint: one that need not staple, and does.
NOT_REQUIRED: Series = {"ocsp_must_staple": 0, "ocsp_staple_required": 0, "ocsp_must_staple_compliant": None}

#: An endpoint whose certificate names no source and demands no staple: OCSP does not apply to it.
NOT_APPLICABLE: Series = {
    **_HANDSHAKE,
    **NOT_REQUIRED,
    "ocsp_probe_stapled_handshakes": 0,
    "ocsp_probe_distinct_staples": 0,
    **{f'ocsp_source_applicable{{source="{source}", depth="0"}}': 0 for source in SOURCES},
}

#: A responder that is watched by itself.
RESPONDER: Series = {
    **_LOOKED_AT,
    'ocsp_source_applicable{source="responder", depth="0", host="ocsp.example.org"}': 1,
    **evidence("responder"),
    **response("responder"),
    'ocsp_responder_up{method="get"}': 1,
    'ocsp_responder_up{method="post"}': 1,
    'ocsp_responder_http_status{method="get"}': 200,
    'ocsp_responder_http_status{method="post"}': 200,
    'ocsp_responder_request_duration_seconds{method="get"}': 0.1,
    'ocsp_responder_request_duration_seconds{method="post"}': 0.2,
    'ocsp_responder_conforms{check="known_answers"}': 1,
    'ocsp_responder_conforms{check="nonce_echoed"}': 1,
    "ocsp_responder_clock_skew_seconds": -2,
}

#: A CRL in a file, watched by itself.
CRL_FILE: Series = {
    **_LOOKED_AT,
    'ocsp_source_applicable{source="crl", depth="0"}': 1,
    **evidence("crl"),
}

#: A staple in a file on a server's disk.
STAPLE_FILE: Series = {**_LOOKED_AT, **evidence("file"), **response("file")}


def delays(bound: float) -> dict[str, Value]:
    """Return a histogram of delays, all of them below one of its bounds; one probe each second."""
    name = "ocsp_exporter_probe_schedule_delay_seconds"
    bounds = (0.01, 0.1, 1, 10, 30, 60, 300)
    return {
        **{f'{name}_bucket{{le="{each:g}"}}': (_passing if each >= bound else 0) for each in bounds},
        f'{name}_bucket{{le="+Inf"}}': _passing,
        f"{name}_count": _passing,
        f"{name}_sum": _passing,
    }


def _passing(second: int) -> float:
    return float(second)


#: What the exporter publishes of itself, and Prometheus of its scrape.
EXPORTER: Series = {
    "up": 1,
    "ocsp_exporter_build_info": 1,
    "ocsp_exporter_config_last_reload_successful": 1,
    'ocsp_exporter_discovery_last_success_timestamp_seconds{discovery="file"}': just_now,
    'ocsp_exporter_discovery_failures_total{discovery="file"}': 0,
    'ocsp_exporter_host_up{kind="ocsp", host="ocsp.example.org"}': 1,
    'ocsp_exporter_host_up{kind="crl", host="crl.example.org"}': 1,
    **delays(0.1),
}
