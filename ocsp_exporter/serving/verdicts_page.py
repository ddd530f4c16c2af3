"""The page `/verdicts`: what the words of a verdict mean, and what to do about each."""

from collections.abc import Iterable

from ocsp_exporter.advice import CHAIN_ERRORS, FAILURES, PROBLEMS, RESPONSE_STATUSES, Advice
from ocsp_exporter.serving import templates

#: Where on the page a word is, the word, what it means, and what to do.
_Entry = tuple[str, str, str, str]


def render() -> bytes:
    """Give the page."""
    sections = {
        "Problems of evidence": _advised("problem", PROBLEMS.items()),
        "Failures to look": _advised("failure", FAILURES.items()),
        "What a responder says when it declines": _told(RESPONSE_STATUSES.items()),
        "Errors of the chain": _told(CHAIN_ERRORS.items()),
    }
    return templates.render("verdicts.html", sections=sections.items())


def _advised(kind: str, table: Iterable[tuple[str, Advice]]) -> list[_Entry]:
    return [(f"{kind}-{word}", word, advice.meaning, advice.action) for word, advice in table]


def _told(table: Iterable[tuple[str, str]]) -> list[_Entry]:
    return [("", word, f"{meaning[0].upper()}{meaning[1:]}.", "") for word, meaning in table]
