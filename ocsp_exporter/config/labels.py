"""The rules for the labels that operators give their targets: one set for static and discovered targets."""

import re
from typing import Final

from ocsp_exporter.quoting import quoted

_LABEL_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
#: Characters, of every label value that is published.
MAX_LABEL_VALUE: Final = 256

#: Every label name that the exporter's own metrics use, and those that Prometheus uses itself.
RESERVED_LABELS: Final = frozenset(
    {
        # of every series of a target
        *("target", "module", "address", "key_type"),
        # of single metrics about a target
        *("failure", "phase", "version", "cipher", "error", "depth", "subject", "issuer", "serial_number"),
        *("fingerprint_sha256", "public_key_algorithm", "source", "host", "status", "problem", "response_status"),
        *("responder_id", "signer", "cert_id_hash", "signature_algorithm", "reason", "method", "check"),
        # of the exporter's metrics about itself
        *("discovery", "kind", "result"),
        # of Prometheus; besides, every name that begins with two underscores
        *("job", "instance", "le", "quantile"),
    },
)


def is_label_name(name: str) -> bool:
    """Tell whether a label may be so called at all."""
    return _LABEL_NAME.fullmatch(name) is not None


def is_reserved(name: str) -> bool:
    """Tell whether the exporter or Prometheus uses a label so called itself."""
    return name in RESERVED_LABELS or name.startswith("__")


def check_label_name(name: str) -> str:
    """Give the name back if a target may carry a label so called. Raises ValueError with a sentence."""
    if not is_label_name(name):
        raise ValueError(
            f"a label name has only ASCII letters, digits, underscores, and begins with no digit (got {quoted(name)})"
        )
    if is_reserved(name):
        raise ValueError(
            f"the label name {quoted(name)} is reserved: the exporter or Prometheus uses it; choose another"
        )
    return name


def check_label_value(value: str) -> str:
    """Give the value back if it may be published. Raises ValueError with a sentence."""
    if len(value) > MAX_LABEL_VALUE:
        raise ValueError(f"a label value has at most {MAX_LABEL_VALUE} characters (got {len(value)})")
    return value
