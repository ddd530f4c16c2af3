"""What each way of looking showed last, and what follows from it whatever the time is.

Between two probes nothing of it changes as a rule. Only the last of everything is held, so that it follows what is
watched, and who shows something new each time makes it no larger.
"""

import math
from bisect import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography import x509

from ocsp_exporter.model import Applicability, CertificateFacts, Handshake, KeyType, Module
from ocsp_exporter.probing.handshake import Hello, Known
from ocsp_exporter.probing.last_examination import LastExamination
from ocsp_exporter.probing.roots import by_subject, turning_points, turning_points_of_roots
from ocsp_exporter.probing.subject import Subject, subjects_of
from ocsp_exporter.probing.ways import Way
from ocsp_exporter.revocation import compliance
from ocsp_exporter.revocation.facts import describe
from ocsp_exporter.revocation.path import build_path

#: Ways of looking of which anything is remembered, and the octets of certificates; that which was gone longest ago is
#: forgotten first.
MOST_WAYS = 65_536
MOST_OCTETS = 256 * 1024 * 1024
#: Larger chains are looked at anew each time: they have less than 8 KiB as a rule, and a server may send 100.
LARGEST_CHAIN = 32 * 1024


@dataclass(frozen=True, slots=True)
class Lineage:
    """The path from a leaf upwards, what its certificates say of themselves, and whom to ask about which of them."""

    path: tuple[x509.Certificate, ...] = ()
    facts: tuple[CertificateFacts, ...] = ()
    subjects: tuple[Subject, ...] = ()
    applicability: tuple[Applicability, ...] = ()


@dataclass(slots=True, eq=False)
class LastLineage:
    """The last path that was built, and from what: to build it takes 46 µs, all signatures known."""

    _built_from: tuple[object, ...] = field(default=(), init=False)
    _lineage: Lineage = field(default=Lineage(), init=False)
    octets: int = field(default=0, init=False)

    def of(
        self, chain: tuple[x509.Certificate, ...], module: Module, fetched: tuple[x509.Certificate, ...] = ()
    ) -> Lineage:
        """Build the path from the leaf with all that is at hand, unless that was the same the last time."""
        built_from = (chain, module, fetched)
        if built_from == self._built_from:
            return self._lineage
        lineage, octets = _build(chain, module, fetched), _octets(chain)
        is_small = octets <= LARGEST_CHAIN
        self._built_from, self._lineage, self.octets = (built_from, lineage, octets) if is_small else ((), Lineage(), 0)
        return lineage


def _octets(chain: Iterable[x509.Certificate]) -> int:
    """Return how much there is of certificates, to some octets."""
    return sum(len(each.tbs_certificate_bytes) for each in chain)


def _build(chain: tuple[x509.Certificate, ...], module: Module, fetched: tuple[x509.Certificate, ...]) -> Lineage:
    leaf, *others = chain
    path = build_path(leaf, (*others, *module.issuers, *fetched), by_subject(module.tls.roots))
    facts = tuple(describe(each, depth) for depth, each in enumerate(path))
    subjects = subjects_of(path, module)
    applicability = tuple(
        applicability
        for each in subjects
        for applicability in compliance.applicability(
            facts[each.depth], each.configured(module.responder.urls), each.configured(module.crl.urls)
        )
    )
    return Lineage(path, facts, subjects, applicability)


@dataclass(slots=True, eq=False)
class LastTrust:
    """What OpenSSL said last of a server's chain: to have one verified takes 0.14 ms.

    It says the same until a certificate that was sent, or a root, begins or ceases to be valid.
    """

    _hello: Hello | None = field(default=None, init=False)
    _known: Known | None = field(default=None, init=False)
    _begins: float = field(default=math.inf, init=False)
    _ends: float = field(default=-math.inf, init=False)
    _took: float = field(default=math.inf, init=False)
    _is_steady: bool = field(default=False, init=False)

    def at(self, now: float, left: float, hello: Hello) -> Known | None:
        """Return what is known of the server for a handshake that begins now, and has so many seconds left.

        None where its last two chains differed, and the next one may, too; where there would be no time for another
        handshake; and where we show a certificate, whose chain OpenSSL completes with the roots.
        """
        holds = (
            self._is_steady
            and self._begins <= now
            and now + left < self._ends
            and self._took < left / _AS_LONG
            and hello.settings.client_certificate is None
            and hello == self._hello
        )
        return self._known if holds else None

    def note(self, handshake: Handshake, hello: Hello, begun: float, ended: float) -> None:
        """Remember a handshake in which the chain was verified; `begun` and `ended` are times of day."""
        before, self._known = self._known, None
        turns = sorted((*turning_points(handshake.chain), *turning_points_of_roots(hello.settings.roots)))
        position = bisect(turns, begun)
        is_held = handshake.digest is not None and _octets(handshake.chain) <= LARGEST_CHAIN
        if handshake.digest is None or not is_held or position != bisect(turns, ended):
            self._is_steady = False
            return
        self._is_steady = before is not None and before.digest == handshake.digest
        # The same objects as long as they are the same certificates: others hold them, too.
        chain = before.chain if before and self._is_steady else handshake.chain
        self._known = Known(handshake.digest, chain, handshake.chain_errors, handshake.group)
        self._hello, self._took = hello, ended - begun
        self._begins = turns[position - 1] + _NEAR if position else -math.inf
        self._ends = turns[position] - _NEAR if position < len(turns) else math.inf


#: A handshake is to have so many times as long as the last one took: it may turn out that another one is needed.
_AS_LONG = 4
#: Seconds around such a moment in which the chain is verified each time.
_NEAR = 2.0


@dataclass(slots=True, eq=False)
class Remembered:
    """What one way of looking showed last."""

    trust: LastTrust = field(default_factory=LastTrust)
    lineage: LastLineage = field(default_factory=LastLineage)
    staple: LastExamination = field(default_factory=LastExamination)


class Memory:
    """What each way of looking showed last; targets of the same host and port share it. Used from one event loop."""

    def __init__(self, most: int = MOST_WAYS, most_octets: int = MOST_OCTETS) -> None:
        self._most = most
        self._most_octets = most_octets
        self._ways: dict[_Key, Remembered] = {}  # the one that was gone last is the last
        self._octets: dict[_Key, int] = {}
        self._all_octets = 0

    def of(self, way: Way) -> Remembered:
        """Return what is remembered of a way, to be read and written. When the look is over, it is to be counted."""
        key = _key(way)
        remembered = self._ways.pop(key, None) or Remembered()
        if len(self._ways) >= self._most:
            self._forget_one()
        self._ways[key] = remembered
        return remembered

    def count(self, way: Way) -> None:
        """Count what a look at a way has left here, and forget others where it is too much."""
        key = _key(way)
        if key not in self._ways:  # forgotten meanwhile
            return
        octets = self._ways[key].lineage.octets
        self._all_octets += octets - self._octets.get(key, 0)
        self._octets[key] = octets
        while self._all_octets > self._most_octets:
            self._forget_one()

    def _forget_one(self) -> None:
        key = next(iter(self._ways))
        del self._ways[key]
        self._all_octets -= self._octets.pop(key, 0)


_Key: TypeAlias = tuple[str, int, str, str | None, KeyType]


def _key(way: Way) -> _Key:
    target = way.target
    return target.host, target.port, way.module.name, way.address, way.key_type
