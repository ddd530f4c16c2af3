"""What was last found of the same bytes, whatever the time is.

Whoever asks has one of these for each thing that he asks about, and it holds the last one only. So what is held follows
what is watched, and who shows something new each time makes it no larger.
"""

from dataclasses import dataclass, field
from hashlib import sha256

from cryptography import x509

from ocsp_exporter.revocation.validation import Examination, examine

#: An examination with more answers or signers than this is made anew each time: it would take too much memory.
_MOST_HELD = 4
#: The same goes for larger responses: they have at most 2 KB as a rule, and uncommonly large certificates otherwise.
_LARGEST_HELD = 16 * 1024


@dataclass(frozen=True, slots=True)
class _Examined:
    """By what a response was examined. Its digest stands for it: it need not be held to be recognised."""

    digest: bytes
    subject: x509.Certificate
    issuer: x509.Certificate | None
    trusted: tuple[x509.Certificate, ...]
    nonce: bytes | None


@dataclass(slots=True, eq=False)
class LastExamination:
    """The last examination of a response, and of what: to parse one and verify its signature takes 0.2 ms or more."""

    _examined: _Examined | None = field(default=None, init=False)
    _examination: Examination | None = field(default=None, init=False)

    def of(
        self,
        encoded: bytes,
        subject: x509.Certificate,
        issuer: x509.Certificate | None,
        trusted: tuple[x509.Certificate, ...] = (),
        *,
        nonce: bytes | None = None,
    ) -> Examination:
        """Examine a response, unless the last one was the same in every respect; the arguments are `examine`'s."""
        examined = _Examined(sha256(encoded).digest(), subject, issuer, trusted, nonce)
        if self._examination is not None and examined == self._examined:
            return self._examination
        examination = examine(encoded, subject, issuer, trusted, nonce=nonce)
        is_small = len(encoded) <= _LARGEST_HELD and _has_few(examination)
        self._examined, self._examination = (examined, examination) if is_small else (None, None)
        return examination


def _has_few(examination: Examination) -> bool:
    said = examination.statement
    return said is None or max(len(said.answers), len(said.responders)) <= _MOST_HELD
