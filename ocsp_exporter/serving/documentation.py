"""`docs/metrics.md`, written from the tables of metrics."""

from collections.abc import Iterable
from enum import StrEnum

from ocsp_exporter.metrics import METRICS, TARGET_LABELS
from ocsp_exporter.model import (
    ChainError,
    Check,
    DiscoveryKind,
    Failure,
    FetchKind,
    KeyType,
    Omission,
    Phase,
    Problem,
    Reason,
    RequestMethod,
    Signer,
    Source,
    Status,
    StoreResult,
)
from ocsp_exporter.serving.own_metrics import DISCOVERY_OMISSIONS, OWN_METRICS

_CLOSED_SETS: tuple[tuple[str, Iterable[StrEnum]], ...] = (
    ("source", Source),
    ("status", Status),
    ("problem", Problem),
    ("failure", Failure),
    ("reason", Reason),
    ("phase", Phase),
    ("error", ChainError),
    ("signer", Signer),
    ("key_type", KeyType),
    ("method", (RequestMethod.GET, RequestMethod.POST)),
    ("check", Check),
    ("kind", FetchKind),
    ("result", StoreResult),
    ("discovery", DiscoveryKind),
    (f"reason` of `{DISCOVERY_OMISSIONS.name}", Omission),
)

_OF_TARGETS = f"""# Metrics

<!-- Written by `ocsp-exporter docs metrics`. Do not edit: change the tables in the code and run it again. -->

## Of each target

On `/metrics` for the targets that the exporter probes itself, on `/probe` for the target that was asked for.

- Every series has the labels {" and ".join(f"`{name}`" for name in TARGET_LABELS)}, on `/metrics` also the labels \
that the configuration gives the target.
- Under `addresses: all` they also have `address`, and where a module asks for several `key_types` also `key_type`: an \
address that is gone takes its series along. Where the name does not resolve there is one result without `address`.
- Of a key type that the server has not, `ocsp_key_type_served` 0 is all that is published.
- All are gauges. Times are seconds since 1970 (UTC). What does not exist is absent, never 0.
- A probe that failed publishes only `ocsp_probe_*`.
- `depth` is the position on the path from the leaf certificate, which is `0`.
- Label values are cut at 256 characters, but for `target`, which is the text exactly as given.
"""

_OF_THE_EXPORTER = """
## Of the exporter itself

On `/metrics` only, beside the usual `process_*`, `python_info` and `python_gc_*`.
"""

_OF_LABELS = """
## Values of labels

These labels take no other values; those of a revocation's `reason` and of `signer` may also be empty.
"""


def markdown() -> str:
    """Give `docs/metrics.md`: every metric with its labels and meaning, and the closed sets of label values."""
    targets = [(f"`{row.name}`", _code(row.labels), row.help) for row in METRICS]
    own = [(f"`{row.name}`", row.kind, _code(row.labels), row.help) for row in OWN_METRICS]
    values = [(f"`{label}`", _code(members)) for label, members in _CLOSED_SETS]
    return "\n".join(
        (
            _OF_TARGETS,
            *_table(("metric", "more labels", "meaning"), targets),
            _OF_THE_EXPORTER,
            *_table(("metric", "type", "labels", "meaning"), own),
            _OF_LABELS,
            *_table(("label", "values"), values),
            "",
        )
    )


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]
