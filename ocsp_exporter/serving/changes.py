"""How the state of a target changes from one probe to the next. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from ocsp_exporter.model import Findings, ProbeResult, ResponderFindings, Results
from ocsp_exporter.report.assessment import Level, assess

#: The state of an address, a key type or a file that there is no more.
GONE = "gone"


@dataclass(frozen=True, slots=True)
class Change:
    """A state, in the words of `state_of`, that another one took the place of.

    `way` says which of the ways of looking at the target it is about, or which of the files that it matches. `before`
    None: the first look. `level` is that of the new state `after`, None where that is `GONE`.
    """

    at: float
    way: tuple[tuple[str, str], ...]
    before: str | None
    after: str
    level: Level | None
    detail: str = ""


def changes(results: Results, before: Results) -> tuple[Change, ...]:
    """Give what a probe changed, with the results of the probe before it (none: it was the first)."""
    states_before = {result.way: state_of(result) for result in before}
    changed = [
        _change(result, state_before, state)
        for result in results
        if (state := state_of(result)) != (state_before := states_before.pop(result.way, None))
    ]
    at = results[0].obtained_at
    return (*changed, *(Change(at, way, state, GONE, None) for way, state in states_before.items()))


def _change(result: ProbeResult, before: str | None, after: str) -> Change:
    level = assess(result, result.obtained_at).level
    return Change(result.obtained_at, result.way, before, after, level, result.detail)


def state_of(result: ProbeResult) -> str:
    """Say in a few words how a target is: `staple=invalid(expired)`, `non_compliant`, `failed=timeout`.

    Of a responder by itself also by what it is not up, and which rules it does not keep: `down(get)`, `violates(get)`.
    """
    if result.key_type_served is False:
        return "key_type_not_served"
    if result.findings is None:
        return f"failed={result.failure}"
    words = []
    for evidence in result.findings.evidence:
        problems = f"({','.join(evidence.problems)})" if evidence.problems else ""
        depth = f"[{evidence.depth}]" if evidence.depth else ""
        words.append(f"{evidence.source}{depth}={evidence.status}{problems}")
    words += _faults(result.findings)
    return " ".join(words) or assess(result, result.obtained_at).level


def _faults(findings: Findings) -> Iterator[str]:
    """Yield what is wrong beside the evidence."""
    if findings.tls and findings.tls.compliant is False:
        yield "non_compliant"
    if findings.tls and findings.tls.copy and findings.tls.copy.matches is False:
        yield "not_as_in_file"
    if not all(findings.agreement.values()):
        yield "contradictory"
    if findings.responder:
        yield from _responder(findings.responder)


def _responder(responder: ResponderFindings) -> Iterator[str]:
    down = [each.method for each in responder.methods if each.up is False]
    violated = [each.check for each in responder.checks if each.conforms is False]
    return (f"{word}({','.join(which)})" for word, which in (("down", down), ("violates", violated)) if which)
