"""Oracle one: `openssl ocsp`."""

import re
from datetime import UTC, datetime
from pathlib import Path

from ocsp_exporter.model import CertIDHash, Reason
from ocsp_exporter.revocation.request import build
from tests.oracles.questions import Level, Opinion, Question, command, output_of, written

#: CRLReason of RFC 5280, section 5.3.1, in OpenSSL's words.
_REASONS = {
    "unspecified": Reason.UNSPECIFIED,
    "keyCompromise": Reason.KEY_COMPROMISE,
    "cACompromise": Reason.CA_COMPROMISE,
    "affiliationChanged": Reason.AFFILIATION_CHANGED,
    "superseded": Reason.SUPERSEDED,
    "cessationOfOperation": Reason.CESSATION_OF_OPERATION,
    "certificateHold": Reason.CERTIFICATE_HOLD,
    "removeFromCRL": Reason.REMOVE_FROM_CRL,
}

#: What it says of bytes, of a response inside and of a time that it cannot read.
_UNREADABLE = ("Error reading OCSP response", "Error parsing response", ":error in thisupdate field:")


def ask(question: Question, folder: Path) -> Opinion:
    """Let OpenSSL judge a response by its own clock; `folder` is for this question alone."""
    subject = question.subject
    response = folder / "response.der"
    response.write_bytes(question.response)
    if _is_to_another_request(question, response, folder):
        return Opinion(Level.NOT_VERIFIED)
    arguments: list[str | Path] = [command("openssl"), "ocsp", "-respin", response, "-no_nonce"]
    if subject.issuer is not None:
        issuer = written(folder / "issuer.pem", subject.issuer)
        arguments += ["-issuer", issuer, "-CAfile", issuer]
    arguments += [f"-{question.hash_name}", "-cert", written(folder / "subject.pem", subject.certificate)]
    arguments += ["-no-CApath", "-no-CAstore", "-partial_chain"]
    arguments += ["-validity_period", str(int(subject.policy.clock_skew))]
    if not question.has_next_update:
        oldest = subject.policy.max_age_without_next_update + subject.policy.clock_skew
        arguments += ["-status_age", str(int(oldest))]
    if question.trusted:
        arguments += ["-VAfile", written(folder / "trusted.pem", *question.trusted)]
    return _read(output_of(*arguments))


def _is_to_another_request(question: Question, response: Path, folder: Path) -> bool:
    """Let OpenSSL compare the nonces. It draws those that it sends itself, so it is told what we would have sent."""
    subject = question.subject
    if subject.nonce is None or subject.issuer is None:
        return False
    request = folder / "request.der"
    request.write_bytes(build(subject.certificate, subject.issuer, CertIDHash(question.hash_name), subject.nonce))
    return "Nonce Verify error" in output_of(command("openssl"), "ocsp", "-respin", response, "-reqin", request)


def _read(output: str) -> Opinion:
    if any(complaint in output for complaint in _UNREADABLE):
        return Opinion(Level.UNREADABLE)
    if "Responder Error:" in output:
        return Opinion(Level.UNSUCCESSFUL)
    status = re.search(r"^(?:.*: )?(good|revoked|unknown)$", output, re.MULTILINE)
    is_verified = "Response verify OK" in output and "WARNING: Status times invalid." not in output
    if status is None or not is_verified:
        return Opinion(Level.NOT_VERIFIED)
    reason = _field("Reason", output)
    facts = {
        "this_update": _time(_field("This Update", output)),
        "next_update": _time(_field("Next Update", output)),
        "revocation_time": _time(_field("Revocation Time", output)),
        "reason": reason if reason is None else _REASONS.get(reason, reason),
    }
    return Opinion(Level(status[1]), facts)


def _field(name: str, output: str) -> str | None:
    found = re.search(rf"^\t{name}: (.*)$", output, re.MULTILINE)
    return found[1] if found else None


def _time(text: str | None) -> int | None:
    if text is None:
        return None
    return int(datetime.strptime(text, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC).timestamp())
