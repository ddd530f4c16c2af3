"""Evidence as the bytes that it came in, for those who want to see for themselves. Pure."""

import re
from collections.abc import Iterable

from ocsp_exporter.model import Evidence, ProbeResult

MEDIA_TYPE = "application/ocsp-response"

_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")
_LONGEST = 100


def find(
    results: Iterable[ProbeResult], way: Iterable[tuple[str, str]], source: str, depth: str
) -> tuple[ProbeResult, Evidence] | None:
    """Give the evidence of a source about the certificate at a depth, and its result; None where there are no bytes.

    `way` is what tells the result from the others of the same target, in its order.
    """
    wanted = tuple(way)
    for result in results:
        if result.way == wanted and result.findings:
            for evidence in result.findings.evidence:
                if evidence.source == source and str(evidence.depth) == depth and evidence.der:
                    return result, evidence
    return None


def file_name(result: ProbeResult, evidence: Evidence) -> str:
    """Give a name for a file of the bytes: letters, digits, and characters that are safe in shells and headers."""
    depth = f"depth-{evidence.depth}" if evidence.depth else ""
    parts = (evidence.source, result.target.name, *(value for _, value in result.variant), depth)
    name = "-".join(_UNSAFE.sub("_", part).strip("_") for part in parts if part)
    return f"{name[:_LONGEST]}.der"


def command(name: str) -> str:
    """Give the command that shows what is in the file of that name, without judging it."""
    return f"openssl ocsp -respin {name} -noverify -resp_text"
