"""The parts of `docs/verdicts.md` and `docs/responders.md` that come from tables in the code.

What each word of a verdict means, and what a responder that is watched by itself is held to.
"""

from ocsp_exporter.advice import CHAIN_ERRORS, FAILURES, PROBLEMS, RESPONSE_STATUSES, advise
from ocsp_exporter.revocation.conformance import RULES

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


_RULES = """## The rules

What `ocsp_responder_conforms{check="…"}` is about, and what each rule rests on. Where no answer came by which it could
be told, there is no such series. Those marked with * bind public CAs alone, and are looked at with `profile: public`.

| check | a responder that conforms | source |
| --- | --- | --- |
"""


def rules() -> str:
    """Give the table of the rules for responders, in Markdown."""
    rows = [f"| `{rule.check}`{'*' if rule.public else ''} | {rule.demand}. | {rule.source} |\n" for rule in RULES]
    return _RULES + "".join(rows)
