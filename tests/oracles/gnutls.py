"""Oracle two: GnuTLS's `ocsptool`, which shares no code with OpenSSL.

It verifies the signature and the signer's right, and prints the rest: which of the answers is about the
certificate and whether it is current is concluded here, from what it prints.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from cryptography import x509

from tests.oracles.questions import Level, Opinion, Question, command, output_of, written

_making_requests = Lock()


def ask(question: Question, folder: Path, now: float) -> Opinion:
    """Let GnuTLS judge a response; `folder` is for this question alone."""
    subject = question.subject
    if subject.issuer is None:
        return Opinion(Level.NOT_VERIFIED)  # it would not begin
    response = folder / "response.der"
    response.write_bytes(question.response)
    # A single signer can be named: the issuer (its delegates are found in the response), or one trusted locally.
    signer = written(folder / "signer.pem", *(question.trusted[:1] or (subject.issuer,)))
    output = output_of(
        command("ocsptool"),
        "--verify-response",
        # SHA-1 is accepted by us as well, and visible. (MD5 is not; no scenario has it.)
        "--verify-allow-broken",
        f"--load-response={response}",
        f"--load-signer={signer}",
    )
    if re.search(r"^(importing response: |error: |\tResponse Type: Unknown)", output, re.MULTILINE):
        return Opinion(Level.UNREADABLE)
    if "Response Status: Successful" not in output:
        return Opinion(Level.UNSUCCESSFUL)
    if "Verifying OCSP Response: Success." not in output:
        return Opinion(Level.NOT_VERIFIED)
    with _making_requests:  # so that the same one is made only once
        cert_id = _cert_id(subject.certificate, subject.issuer, question.hash_name)
    about = (single for single in _singles(output) if cert_id.items() <= single.items())
    return next((_judge(single, question, now) for single in about), Opinion(Level.NOT_VERIFIED))


def _judge(single: Mapping[str, str], question: Question, now: float) -> Opinion:
    """Compare the times that GnuTLS read with a clock (RFC 6960, section 3.2, 5 and 6)."""
    policy = question.subject.policy
    facts = {
        "this_update": _time(single.get("This Update")),
        "next_update": _time(single.get("Next Update")),
        "revocation_time": _time(single.get("Revocation time")),
    }
    begins, ends = facts["this_update"], facts["next_update"]
    if begins is None:
        return Opinion(Level.UNREADABLE)
    if ends is None:
        ends = begins + int(policy.max_age_without_next_update)
    if not begins - policy.clock_skew <= now <= ends + policy.clock_skew:
        return Opinion(Level.NOT_VERIFIED)
    return Opinion(Level(single["Certificate Status"]), facts)


@lru_cache
def _cert_id(subject: x509.Certificate, issuer: x509.Certificate, hash_name: str) -> Mapping[str, str]:
    """Return the CertID that a request would have, in GnuTLS's words. It makes SHA-1 only, so OpenSSL makes it."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        issuer_file, subject_file = written(folder / "issuer.pem", issuer), written(folder / "subject.pem", subject)
        request = folder / "request.der"
        about = ("-issuer", issuer_file, f"-{hash_name}", "-cert", subject_file)
        output_of(command("openssl"), "ocsp", *about, "-no_nonce", "-reqout", request)
        output = output_of(command("ocsptool"), "--request-info", f"--load-request={request}")
    return next(_singles(output))


def _singles(output: str) -> Iterator[Mapping[str, str]]:
    """Return the fields of each CertID and of the SingleResponse around it."""
    _head, *blocks = output.split("\t\tCertificate ID:\n")
    for block in blocks:
        yield dict(re.findall(r"^\t\t\t?([\w ]+): (.*)$", block, re.MULTILINE))


def _time(text: str | None) -> int | None:
    if text is None:
        return None
    return int(datetime.strptime(text, "%a %b %d %H:%M:%S UTC %Y").replace(tzinfo=UTC).timestamp())
