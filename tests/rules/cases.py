"""The table of alerts: for each rule what makes it fire, and a near miss that differs in as little as can be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from tests.rules.series import (
    CRL_FILE,
    DAY,
    EXPORTER,
    HEALTHY,
    NOT_REQUIRED,
    RESPONDER,
    STAPLE_FILE,
    Series,
    Value,
    delays,
    evidence,
    response,
    status,
)

HOUR = 3600


class About(Enum):
    """What an alert is about, which decides the labels that it keeps."""

    TARGET = "target"
    HOST = "host"
    EXPORTER = "exporter"
    TARGETS = "the targets of an exporter"


@dataclass(frozen=True, slots=True)
class Case:
    """One way to make an alert fire.

    What is shown of the subject is `of`, where `bad` or `near` replace some series. It fires with `severities`, and has
    `labels` besides those that follow from what it is about. It is bad for ten minutes longer than the rule waits, or
    for as many as it `lasts`; it is over as many minutes after the rule stopped to keep it as it `lingers`. Rules are
    evaluated once in `step` minutes.
    """

    name: str
    alert: str
    severities: tuple[str, ...]
    bad: Series
    near: Series
    labels: Mapping[str, str] = field(default_factory=dict)
    about: About = About.TARGET
    of: Series = field(default_factory=lambda: HEALTHY)
    lasts: int = 0
    lingers: int = 2
    step: int = 1


CRITICAL, WARNING, BOTH = ("critical",), ("warning",), ("critical", "warning")
STAPLE = {"source": "staple", "depth": "0"}


def problem(source: str, problem: str) -> str:
    """Return the series of a problem."""
    return f'ocsp_problem{{source="{source}", depth="0", problem="{problem}"}}'


def elapsed(source: str, share: float, life: int = 7 * DAY) -> dict[str, Value]:
    """Return a good piece of evidence of whose life a share is over."""
    return evidence(source, life, share)


def signed_until(end: int) -> dict[str, Value]:
    """Return the end of the responder's signer, in seconds since the beginning of the test."""
    return {'ocsp_signer_not_after_timestamp_seconds{source="responder", depth="0"}': end}


_EXPIRED: Series = {**status("staple", "invalid"), problem("staple", "expired"): 1}
_FORGED: Series = {**status("staple", "invalid"), problem("staple", "signature_invalid"): 1}
_ASKED_IN_VAIN: Series = {**status("responder", "server_failed"), problem("responder", "unreachable"): 1}
_NO_CRL: Series = {**status("crl", "server_failed"), problem("crl", "unreachable"): 1}
_NO_STAPLE: Series = {
    **status("staple", "missing"),
    "ocsp_probe_stapled_handshakes": 0,
    "ocsp_must_staple_compliant": 0,
}

ENDPOINTS = (
    Case(
        "any source says so, and the near miss is an endpoint of which nobody says anything",
        "OcspCertificateRevoked",
        CRITICAL,
        bad={**status("crl", "revoked"), 'ocsp_revoked{depth="0"}': 1},
        near={'ocsp_revoked{depth="0"}': None},
        labels={"depth": "0"},
    ),
    Case(
        "an intermediate certificate, too",
        "OcspCertificateRevoked",
        CRITICAL,
        bad={'ocsp_revoked{depth="1"}': 1},
        near={'ocsp_revoked{depth="1"}': 0},
        labels={"depth": "1"},
    ),
    Case(
        "staple and responder say it, which is one alert",
        "OcspCertificateUnknown",
        CRITICAL,
        bad={**status("staple", "unknown"), **status("responder", "unknown")},
        near={**status("staple", "invalid"), **status("responder", "server_failed")},
        labels={"depth": "0"},
    ),
    Case(
        "a file on a server's disk says it",
        "OcspCertificateUnknown",
        CRITICAL,
        bad=status("file", "unknown"),
        near=status("file", "invalid"),
        labels={"depth": "0"},
        of=STAPLE_FILE,
    ),
    Case(
        "a required staple is missing",
        "OcspMustStapleViolated",
        CRITICAL,
        bad=_NO_STAPLE,
        near={**_NO_STAPLE, **NOT_REQUIRED},
    ),
    Case(
        "a staple is required, and no source can be had",
        "OcspNoRevocationInformation",
        CRITICAL,
        bad={**_NO_STAPLE, **_ASKED_IN_VAIN, **_NO_CRL},
        near={**_NO_STAPLE, **_ASKED_IN_VAIN},
    ),
    Case(
        "nothing is known of a certificate of which nothing is demanded",
        "OcspNoRevocationInformation",
        (),
        bad={**_NO_STAPLE, **_ASKED_IN_VAIN, **_NO_CRL, **NOT_REQUIRED},
        near={},
    ),
    Case(
        "where it is required",
        "OcspStapleExpired",
        CRITICAL,
        bad=_EXPIRED,
        near=_FORGED,
        labels={**STAPLE, "problem": "expired"},
    ),
    Case(
        "where it is not required",
        "OcspStapleExpired",
        WARNING,
        bad={**_EXPIRED, **NOT_REQUIRED},
        near={**elapsed("staple", 1.0004), **NOT_REQUIRED},
        labels={**STAPLE, "problem": "expired"},
    ),
    Case(
        "where it is required",
        "OcspStapleInvalid",
        CRITICAL,
        bad=_FORGED,
        near=_EXPIRED,
        labels={**STAPLE, "status": "invalid"},
    ),
    Case(
        "where it is not required; the responder's refusal is one",
        "OcspStapleInvalid",
        WARNING,
        bad={**status("staple", "server_failed"), problem("staple", "unsuccessful"): 1, **NOT_REQUIRED},
        near={**status("responder", "invalid"), problem("responder", "signature_invalid"): 1, **NOT_REQUIRED},
        labels={**STAPLE, "status": "server_failed"},
    ),
    Case(
        "more than nine tenths, where it is required",
        "OcspStapleRefreshOverdue",
        BOTH,
        bad=elapsed("staple", 0.91),
        near=elapsed("staple", 0.74),
        labels=STAPLE,
    ),
    Case(
        "more than three quarters",
        "OcspStapleRefreshOverdue",
        WARNING,
        bad=elapsed("staple", 0.89),
        near={**elapsed("staple", 0.89), **status("staple", "revoked")},
        labels=STAPLE,
    ),
    Case(
        "more than nine tenths, where it is not required",
        "OcspStapleRefreshOverdue",
        WARNING,
        bad={**elapsed("staple", 0.95), **NOT_REQUIRED},
        near={**elapsed("crl", 0.95), **elapsed("responder", 0.95), **NOT_REQUIRED},
        labels=STAPLE,
    ),
    Case(
        "a file on a server's disk",
        "OcspStapleRefreshOverdue",
        WARNING,
        bad=elapsed("file", 0.95),
        near=elapsed("file", 0.5),
        labels={"source": "file", "depth": "0"},
        of=STAPLE_FILE,
    ),
    Case(
        "less than four hours, where it is required",
        "OcspStapleEndsSoon",
        CRITICAL,
        bad=elapsed("staple", 0.7, life=12 * HOUR),
        near=elapsed("staple", 0.6, life=12 * HOUR),
        labels=STAPLE,
    ),
    Case(
        "less than four hours, where it is not required; those of a short life begin with less",
        "OcspStapleEndsSoon",
        WARNING,
        bad={**elapsed("staple", 0.6, life=4 * HOUR), **NOT_REQUIRED},
        near={**elapsed("staple", 0.4, life=4 * HOUR), **NOT_REQUIRED},
        labels=STAPLE,
    ),
    Case(
        "less than four hours, of a file on a server's disk",
        "OcspStapleEndsSoon",
        WARNING,
        bad=elapsed("file", 0.9, life=24 * HOUR),
        near=elapsed("file", 0.8, life=24 * HOUR),
        labels={"source": "file", "depth": "0"},
        of=STAPLE_FILE,
    ),
    Case(
        "the responder's answer is newer by more than 0.6 of the staple's life",
        "OcspStapleRefresherStuck",
        WARNING,
        bad={"ocsp_staple_lag_seconds": 0.7 * 7 * DAY},
        near={"ocsp_staple_lag_seconds": 0.5 * 7 * DAY},
    ),
    Case(
        "it comes and goes where it is required; a near miss is a planned change, there and back",
        "OcspStapleFlapping",
        CRITICAL,
        bad={'ocsp_status{source="staple", depth="0", status="missing"}': (0, 0, 0, 1, 1)},
        near={'ocsp_status{source="staple", depth="0", status="missing"}': (*[0] * 30, *[1] * 30)},
        labels={**STAPLE, "status": "missing"},
        lasts=30,
        lingers=62,
    ),
    Case(
        "it comes and goes where it is not required",
        "OcspStapleFlapping",
        WARNING,
        bad={**NOT_REQUIRED, 'ocsp_source_applicable{source="staple", depth="0"}': (1, 1, 0, 0)},
        near={**NOT_REQUIRED, 'ocsp_source_applicable{source="staple", depth="0"}': (*[1] * 30, *[0] * 30)},
        labels=STAPLE,
        lasts=60,
        lingers=62,
    ),
    Case(
        "some handshakes of each probe carry one",
        "OcspStapleFlapping",
        WARNING,
        bad={**NOT_REQUIRED, "ocsp_probe_handshakes": 5, "ocsp_probe_stapled_handshakes": 3},
        near={**NOT_REQUIRED, "ocsp_probe_handshakes": 5, "ocsp_probe_stapled_handshakes": 5},
    ),
    Case(
        "the wire serves another one than the file holds",
        "OcspStapleNotReloaded",
        WARNING,
        bad={"ocsp_staple_file_matches": 0},
        near={"ocsp_staple_file_matches": 1},
    ),
    Case(
        "a file on a server's disk; the near miss is one of a certificate that is not watched",
        "OcspStapleFileInvalid",
        WARNING,
        bad={**status("file", "invalid"), problem("file", "expired"): 1},
        near={**status("file", "invalid"), problem("file", "issuer_unavailable"): 1},
        labels={"source": "file", "depth": "0", "status": "invalid"},
        of=STAPLE_FILE,
    ),
    Case(
        "one verified source contradicts another",
        "OcspSourcesDisagree",
        CRITICAL,
        bad={'ocsp_sources_agree{depth="0"}': 0},
        near={'ocsp_sources_agree{depth="0"}': None},
        labels={"depth": "0"},
    ),
    Case(
        "it could not be looked at; the near miss is one that could, whatever was found",
        "OcspTargetNotLookedAt",
        WARNING,
        bad={**dict.fromkeys(HEALTHY), "ocsp_probe_success": 0, 'ocsp_probe_failure{failure="refused"}': 1},
        near={**_FORGED, "ocsp_chain_trusted": 0},
    ),
)

AUTHORITIES = (
    Case(
        "one for a host, from what is fetched of it",
        "OcspResponderDown",
        WARNING,
        bad={'ocsp_exporter_host_up{kind="ocsp", host="ocsp.example.org"}': 0},
        near={'ocsp_exporter_host_up{kind="issuer", host="ocsp.example.org"}': 0},
        labels={"kind": "ocsp", "host": "ocsp.example.org"},
        about=About.EXPORTER,
        of=EXPORTER,
    ),
    Case(
        "watched by itself, and silent by both methods; the near miss is silent by one",
        "OcspResponderDown",
        CRITICAL,
        bad={'ocsp_responder_up{method="get"}': 0, 'ocsp_responder_up{method="post"}': 0},
        near={'ocsp_responder_up{method="get"}': 0},
        of=RESPONDER,
    ),
    Case(
        "one of its addresses is silent",
        "OcspResponderDown",
        WARNING,
        bad={
            **dict.fromkeys(('ocsp_responder_up{method="get"}', 'ocsp_responder_up{method="post"}')),
            'ocsp_responder_up{method="get", address="192.0.2.1"}': 1,
            'ocsp_responder_up{method="get", address="192.0.2.2"}': 0,
        },
        near={
            **dict.fromkeys(('ocsp_responder_up{method="get"}', 'ocsp_responder_up{method="post"}')),
            'ocsp_responder_up{method="get", address="192.0.2.1"}': 1,
            'ocsp_responder_up{method="get", address="192.0.2.2"}': 1,
            'ocsp_responder_up{method="post", address="192.0.2.2"}': 0,
        },
        labels={"address": "192.0.2.2"},
        of=RESPONDER,
    ),
    Case(
        "all of its addresses are silent, which is one alert",
        "OcspResponderDown",
        CRITICAL,
        bad={
            **dict.fromkeys(('ocsp_responder_up{method="get"}', 'ocsp_responder_up{method="post"}')),
            'ocsp_responder_up{method="get", address="192.0.2.1"}': 0,
            'ocsp_responder_up{method="get", address="192.0.2.2"}': 0,
        },
        near={},
        of=RESPONDER,
    ),
    Case(
        "more than two seconds on average; the near miss is slow once in a while",
        "OcspResponderSlow",
        WARNING,
        bad={'ocsp_responder_request_duration_seconds{method="post"}': 3},
        near={'ocsp_responder_request_duration_seconds{method="post"}': (9, 0.1, 0.1, 0.1, 0.1)},
        lasts=40,
        lingers=17,
        of=RESPONDER,
    ),
    Case(
        "it says something else than is known",
        "OcspResponderNotConforming",
        CRITICAL,
        bad={'ocsp_responder_conforms{check="known_answers"}': 0},
        near={'ocsp_responder_conforms{check="known_answers"}': None},
        labels={"check": "known_answers"},
        of=RESPONDER,
    ),
    Case(
        "another rule",
        "OcspResponderNotConforming",
        WARNING,
        bad={'ocsp_responder_conforms{check="nonce_echoed"}': 0},
        near={'ocsp_responder_conforms{check="nonce_echoed"}': 1},
        labels={"check": "nonce_echoed"},
        of=RESPONDER,
    ),
    Case(
        "what it says does not verify; the near miss is nobody's fault but the endpoint's",
        "OcspResponderAnswerInvalid",
        CRITICAL,
        bad={**status("responder", "invalid"), problem("responder", "signature_invalid"): 1},
        near={**status("responder", "invalid"), problem("responder", "issuer_unavailable"): 1},
        labels={"source": "responder", "host": "ocsp.example.org"},
        about=About.HOST,
    ),
    Case(
        "it refuses, while its last answer holds; the near miss is one that is down",
        "OcspResponderAnswerInvalid",
        CRITICAL,
        bad={problem("responder", "unsuccessful"): 1},
        near=_ASKED_IN_VAIN,
        labels={"source": "responder", "host": "ocsp.example.org"},
        about=About.HOST,
    ),
    Case(
        "more than 0.98 of its life",
        "OcspResponderAnswerExpiring",
        BOTH,
        bad=elapsed("responder", 0.985),
        near=elapsed("responder", 0.94),
        labels={"source": "responder", "host": "ocsp.example.org"},
        about=About.HOST,
    ),
    Case(
        "more than 0.95 of its life; the near miss is a staple of that age",
        "OcspResponderAnswerExpiring",
        WARNING,
        bad=elapsed("responder", 0.96),
        near=elapsed("staple", 0.96),
        labels={"source": "responder", "host": "ocsp.example.org"},
        about=About.HOST,
    ),
    Case(
        "less than a day and a half, though it is renewed every two weeks",
        "OcspResponderSignerExpiring",
        BOTH,
        bad=signed_until(38 * HOUR),
        near=signed_until(20 * DAY),
        labels={"responder_id": "CN=Responder", "signer": "delegated"},
        about=About.HOST,
        lasts=200,
    ),
    Case(
        "less than two days, of which nothing is known before",
        "OcspResponderSignerExpiring",
        WARNING,
        bad=signed_until(40 * HOUR),
        near=signed_until(15 * DAY),
        labels={"responder_id": "CN=Responder", "signer": "delegated"},
        about=About.HOST,
    ),
    Case(
        "less than two weeks; the near miss is another one than signed two weeks ago",
        "OcspResponderSignerExpiring",
        WARNING,
        bad=signed_until(30 * DAY),
        near={
            'ocsp_signer_not_after_timestamp_seconds{source="responder", depth="0"}': lambda t: t - t % DAY + 3 * DAY
        },
        labels={"responder_id": "CN=Responder", "signer": "delegated"},
        about=About.HOST,
        lasts=17 * 24 * 60,
        lingers=60,
        step=60,
    ),
    Case(
        "where no responder is asked, that of the staple",
        "OcspResponderSignerExpiring",
        WARNING,
        bad={
            **dict.fromkeys(series for series in HEALTHY if 'source="responder"' in series),
            **dict.fromkeys(response("staple")),
            **response("staple", "keyHash=00ff", "issuer"),
            'ocsp_signer_not_after_timestamp_seconds{source="staple", depth="0"}': 10 * DAY,
        },
        near={'ocsp_signer_not_after_timestamp_seconds{source="staple", depth="0"}': 10 * DAY},
        labels={"responder_id": "keyHash=00ff", "signer": "issuer"},
        about=About.HOST,
    ),
    Case(
        "its clock is behind",
        "OcspResponderClockSkewed",
        WARNING,
        bad={"ocsp_responder_clock_skew_seconds": -90},
        near={"ocsp_responder_clock_skew_seconds": 50},
        of=RESPONDER,
    ),
    Case(
        "one for a host, from what is fetched of it",
        "OcspCrlServerDown",
        WARNING,
        bad={'ocsp_exporter_host_up{kind="crl", host="crl.example.org"}': 0},
        near={'ocsp_exporter_host_up{kind="ocsp", host="ocsp.example.org"}': 0},
        labels={"kind": "crl", "host": "crl.example.org"},
        about=About.EXPORTER,
        of=EXPORTER,
    ),
    Case(
        "more than 0.98 of its life",
        "OcspCrlExpiring",
        BOTH,
        bad=elapsed("crl", 0.99),
        near=elapsed("crl", 0.94),
        labels={"source": "crl", "host": "crl.example.org"},
        about=About.HOST,
    ),
    Case(
        "more than 0.95 of the life of a file that is watched by itself, which is told by its path",
        "OcspCrlExpiring",
        WARNING,
        bad=elapsed("crl", 0.96),
        near=elapsed("crl", 0.9),
        labels={"source": "crl", "host": "www.example.org:443"},
        about=About.HOST,
        of=CRL_FILE,
    ),
    Case(
        "it has ended; the near miss is one for other certificates",
        "OcspCrlInvalid",
        CRITICAL,
        bad={**status("crl", "invalid"), problem("crl", "expired"): 1},
        near={**status("crl", "invalid"), problem("crl", "out_of_scope"): 1},
        labels={"source": "crl", "host": "crl.example.org"},
        about=About.HOST,
    ),
    Case(
        "an older one came back",
        "OcspCrlInvalid",
        CRITICAL,
        bad={problem("crl", "number_went_backwards"): 1},
        near={problem("crl", "wrong_content_type"): 1},
        labels={"source": "crl", "host": "crl.example.org"},
        about=About.HOST,
    ),
)

EXPORTERS = (
    Case(
        "the last load failed",
        "OcspExporterReloadFailed",
        WARNING,
        bad={"ocsp_exporter_config_last_reload_successful": 0},
        near={"ocsp_exporter_config_last_reload_successful": 1},
        about=About.EXPORTER,
        of=EXPORTER,
    ),
    Case(
        "no success for more than an hour; the near miss are failures beside successes",
        "OcspExporterDiscoveryStuck",
        WARNING,
        bad={'ocsp_exporter_discovery_last_success_timestamp_seconds{discovery="file"}': 0},
        near={'ocsp_exporter_discovery_failures_total{discovery="file"}': lambda second: second // 120},
        labels={"discovery": "file"},
        about=About.EXPORTER,
        of=EXPORTER,
        lasts=85,
    ),
    Case(
        "it never succeeded; the near miss is one that is not used",
        "OcspExporterDiscoveryStuck",
        WARNING,
        bad={'ocsp_exporter_discovery_failures_total{discovery="http"}': 3},
        near={'ocsp_exporter_discovery_failures_total{discovery="http"}': 0},
        labels={"discovery": "http"},
        about=About.EXPORTER,
        of=EXPORTER,
    ),
    Case(
        "older than three intervals",
        "OcspExporterResultsStale",
        WARNING,
        bad={"ocsp_probe_timestamp_seconds": lambda second: second - 200.0},
        near={"ocsp_probe_timestamp_seconds": lambda second: second - 170.0},
        about=About.TARGETS,
    ),
    Case(
        "half a minute late or later, more than one in ten",
        "OcspExporterFallingBehind",
        WARNING,
        bad=delays(60),
        near=delays(30),
        about=About.EXPORTER,
        of=EXPORTER,
        lasts=45,
        lingers=17,
    ),
)

CASES = (*ENDPOINTS, *AUTHORITIES, *EXPORTERS)
