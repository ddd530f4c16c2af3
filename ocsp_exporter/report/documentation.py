"""The part of `docs/verdicts.md` that comes from the table of advice: what each word of a verdict means."""

from ocsp_exporter.advice import CHAIN_ERRORS, FAILURES, PROBLEMS, RESPONSE_STATUSES, advise

_PROBLEMS = """## Problems

What is wrong with a piece of evidence: `ocsp_problem{problem="…"}`. Those about fetching (`unreachable` to
`wrong_content_type`) and `nonce_mismatch` belong to the CA's responder and CRL, `out_of_scope` and
`number_went_backwards` to CRLs alone.
"""

_RESPONSE_STATUSES = """
### What the responder says when it declines

The label `response_status` of `ocsp_response_info` beside the problem `unsuccessful`.
"""

_FAILURES = """
## Failures

Why a target could not be looked at, so that `ocsp_probe_success` is 0: `ocsp_probe_failure{failure="…"}`.
"""

_CHAIN_ERRORS = """
## Errors of the chain

Why `ocsp_chain_trusted` is 0: `ocsp_chain_error{error="…"}`. They do not keep the staple from being judged, and say
nothing about revocation.
"""


def verdicts() -> str:
    """Give the sections on problems, failures and errors of the chain, in Markdown."""
    problems = [f"### problem {word}\n\n{advise(word)}\n" for word in PROBLEMS]
    failures = [f"### failure {word}\n\n{advise(word)}\n" for word in FAILURES]
    statuses = [f"- `{word}`: {meaning}." for word, meaning in RESPONSE_STATUSES.items()]
    errors = [f"- `{word}`: {meaning}." for word, meaning in CHAIN_ERRORS.items()]
    parts = (_PROBLEMS, *problems, _RESPONSE_STATUSES, *statuses, _FAILURES, *failures, _CHAIN_ERRORS)
    return "\n".join((*parts, *errors, ""))
