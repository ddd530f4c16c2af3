"""What was last found of the same bytes, whatever the time is: between two probes nothing of it changes as a rule.

Whoever asks has one of these for each thing that he asks about, and it holds the last one only. So what is held follows
what is watched, and who shows something new each time makes it no larger.
"""

from dataclasses import dataclass, field
from hashlib import sha256

from cryptography import x509

from ocsp_exporter.model import CertificateFacts, Module
from ocsp_exporter.probing.roots import by_subject
from ocsp_exporter.probing.ways import Way
from ocsp_exporter.revocation.facts import describe
from ocsp_exporter.revocation.path import build_path
from ocsp_exporter.revocation.validation import Examination, examine

#: Ways of looking of which anything is remembered; that which was gone longest ago is forgotten first.
MOST_WAYS = 65_536

#: An examination with more answers or signers than this is made anew each time: it would take too much memory.
_MOST_HELD = 4


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
    """The last examination of a response, and of what: to parse one and verify its signature takes 0.4 ms."""

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
        self._examined, self._examination = (examined, examination) if _is_small(examination) else (None, None)
        return examination


def _is_small(examination: Examination) -> bool:
    said = examination.statement
    return said is None or max(len(said.answers), len(said.responders)) <= _MOST_HELD


@dataclass(frozen=True, slots=True)
class Lineage:
    """The path from a leaf upwards, and what its certificates say of themselves."""

    path: tuple[x509.Certificate, ...] = ()
    facts: tuple[CertificateFacts, ...] = ()


@dataclass(slots=True, eq=False)
class LastLineage:
    """The last path that was built, and from what: to compare names and look signatures up takes 0.1 ms."""

    _built_from: tuple[object, ...] = field(default=(), init=False)
    _lineage: Lineage = field(default=Lineage(), init=False)

    def of(
        self, chain: tuple[x509.Certificate, ...], module: Module, fetched: tuple[x509.Certificate, ...] = ()
    ) -> Lineage:
        """Build the path from the leaf with all that is at hand, unless that was the same the last time."""
        built_from = (chain, module.issuers, module.tls.roots, fetched)
        if built_from != self._built_from:
            leaf, *others = chain
            path = build_path(leaf, (*others, *module.issuers, *fetched), by_subject(module.tls.roots))
            self._lineage = Lineage(path, tuple(describe(each, depth) for depth, each in enumerate(path)))
            self._built_from = built_from
        return self._lineage


@dataclass(slots=True, eq=False)
class Remembered:
    """What one way of looking showed last."""

    lineage: LastLineage = field(default_factory=LastLineage)
    staple: LastExamination = field(default_factory=LastExamination)


class Memory:
    """What each way of looking showed last; targets of the same host and port share it. Used from one event loop."""

    def __init__(self, most: int = MOST_WAYS) -> None:
        self._most = most
        self._ways: dict[tuple[object, ...], Remembered] = {}  # the one that was gone last is the last

    def of(self, way: Way) -> Remembered:
        """Return what is remembered of a way, to be read and written."""
        target, module = way.target, way.module
        key = (target.host, target.port, module.name, way.address, way.key_type)
        remembered = self._ways.pop(key, None) or Remembered()
        if len(self._ways) >= self._most:
            del self._ways[next(iter(self._ways))]
        self._ways[key] = remembered
        return remembered
