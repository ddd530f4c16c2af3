"""What the tests of rules begin with is what the exporter publishes."""

import re

import pytest

from ocsp_exporter.metrics import METRICS
from ocsp_exporter.serving.own_metrics import OWN_METRICS
from tests.rules.series import CRL_FILE, EXPORTER, HEALTHY, NOT_APPLICABLE, RESPONDER, STAPLE_FILE, Series

LABELS = {metric.name: set(metric.labels) for metric in METRICS}
OWN_LABELS = {metric.name: set(metric.labels) for metric in OWN_METRICS}
#: In a series an empty label is none.
MAY_BE_EMPTY = {"host"}


def labels_of(series: str) -> tuple[str, set[str]]:
    """Return the name of a series and the names of its labels."""
    name, _, labels = series.partition("{")
    return name, set(re.findall(r'(\w+)="', labels))


@pytest.mark.parametrize("shown", [HEALTHY, NOT_APPLICABLE, RESPONDER, CRL_FILE, STAPLE_FILE])
def test_series_of_targets_have_the_labels_of_their_metrics(shown: Series) -> None:
    """Each is of a metric that there is, and has all of its labels and no others."""
    for name, labels in map(labels_of, shown):
        assert labels - LABELS[name] == set(), name
        assert LABELS[name] - labels <= MAY_BE_EMPTY, name


def test_series_of_the_exporter_have_the_labels_of_their_metrics() -> None:
    """So have those that are not about targets; of what is built in only the name matters."""
    for name, labels in map(labels_of, EXPORTER):
        base = re.sub(r"_(bucket|count|sum)$", "", name)
        if name not in {"up", "ocsp_exporter_build_info"}:
            assert labels - {"le"} == OWN_LABELS[base], name


def test_a_healthy_endpoint_shows_nearly_everything() -> None:
    """What is not among its series is there for what is wrong, or only where a module asks for it."""
    missing = set(LABELS) - {labels_of(series)[0] for series in HEALTHY}
    assert missing == {
        "ocsp_probe_failure",
        "ocsp_key_type_served",
        "ocsp_chain_error",
        "ocsp_certificate_info",
        "ocsp_staple_file_matches",
        "ocsp_problem",
        "ocsp_revocation_timestamp_seconds",
        "ocsp_responder_up",
        "ocsp_responder_http_status",
        "ocsp_responder_request_duration_seconds",
        "ocsp_responder_response_bytes",
        "ocsp_responder_conforms",
        "ocsp_responder_clock_skew_seconds",
    }
