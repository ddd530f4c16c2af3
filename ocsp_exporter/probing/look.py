"""One way of looking at a target: its handshakes, one after the other, and what they showed put together."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cryptography import x509

from ocsp_exporter.model import (
    CertificateFacts,
    Evidence,
    Failure,
    Findings,
    Handshake,
    Module,
    Phase,
    ProbeFailed,
    Source,
    StapleCopy,
    StartTLS,
    Status,
    TLSFindings,
)
from ocsp_exporter.probing.connecting import connect
from ocsp_exporter.probing.handshake import ChainChanged, Hello, Known, StapleUnreadable, shake_hands
from ocsp_exporter.probing.issuer_fetch import IssuerFetch
from ocsp_exporter.probing.opinions import Opinions
from ocsp_exporter.probing.remembered import Lineage, Remembered
from ocsp_exporter.probing.staple_copy import StapleCopies
from ocsp_exporter.probing.starttls import start_tls
from ocsp_exporter.probing.timing import Timing, by
from ocsp_exporter.probing.ways import Way
from ocsp_exporter.revocation import compliance
from ocsp_exporter.revocation.checks import policy_of
from ocsp_exporter.revocation.path import is_self_signed, issuer_on
from ocsp_exporter.revocation.validation import Origin, judge

logger = logging.getLogger(__name__)

#: Seconds between a handshake without its required staple and the next try: a lazy stapler is fetching it.
RETRY_PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class _View:
    """What one handshake showed: where its leaf comes from, and its staple judged (None: there was none)."""

    obtained_at: float
    handshake: Handshake
    lineage: Lineage
    staple: Evidence | None

    @property
    def path(self) -> tuple[x509.Certificate, ...]:
        """The path built by signature from the leaf."""
        return self.lineage.path

    @property
    def leaf(self) -> CertificateFacts:
        """What the leaf says of itself."""
        return self.lineage.facts[0]


@dataclass(frozen=True, slots=True)
class Look:
    """One look: the way, where its times go, the time of day, who fetches issuers, and who asks responders and CRLs.

    Of these two either may be None: nobody. `copies` compares staples with what is on disk. `remembered` is from the
    look in this way before.
    """

    way: Way
    timing: Timing
    clock: Callable[[], float]
    issuers: IssuerFetch | None
    opinions: Opinions | None
    copies: StapleCopies
    remembered: Remembered

    async def findings(self) -> Findings:
        """Make the handshakes that the module asks for, and more where a required staple is missing.

        Raises ProbeFailed where the first of them shows nothing.
        """
        staple = self.way.module.staple
        views = [await self._view()]
        for _ in range(staple.handshakes - 1):
            views += await self._further_view()
        counted = len(views)
        if _requires_staple(self.way.module, views):
            for _ in range(staple.retry_missing):
                if any(view.staple for view in views):
                    break
                await asyncio.sleep(min(RETRY_PAUSE, self._time_left()))
                views += await self._further_view()
        # Last, because a handshake has more need of the time that is left.
        views = [await self._with_issuer(view) for view in views]
        told, copy = await self._opinions_and_copy(_shown(views), views[:counted])
        return _conclude(self.way.module, views, counted, told, copy)

    async def _opinions_and_copy(
        self, shown: _View, counted: Sequence[_View]
    ) -> tuple[Sequence[Evidence], StapleCopy | None]:
        """Ask the others, and look at the server's own copy of its staple where the module names one."""
        file = self.way.module.staple.file
        if file is None:
            return await self._opinions_of(shown), None
        # Side by side: a responder that hangs takes all the time that is left.
        copying = self.copies.compare(file, [view.handshake for view in counted], self.way.deadline)
        return await asyncio.gather(self._opinions_of(shown), copying)

    async def _opinions_of(self, view: _View) -> Sequence[Evidence]:
        """Give what responders and CRLs say, where they are asked."""
        opinions = self.opinions
        return await opinions.about(view.lineage.subjects, self.way.deadline) if opinions else ()

    async def _further_view(self) -> list[_View]:
        """Give what another handshake shows, nothing where it fails or the time is over.

        It neither undoes what the first one showed, nor keeps the next one from being made.
        """
        with contextlib.suppress(ProbeFailed):
            return [await self._view()] if self._time_left() else []
        return []

    def _time_left(self) -> float:
        return max(0.0, self.way.deadline - asyncio.get_running_loop().time())

    async def _view(self) -> _View:
        try:
            handshake = await self._handshake(self._hello)
        except StapleUnreadable as unreadable:
            self._tell("the staple cannot be read, once more without", problem=unreadable.problem)
            # OpenSSL gave up before anything else could be seen: look at the rest without asking for a staple.
            handshake = await self._handshake(replace(self._hello, ask_for_staple=False))
            handshake = replace(handshake, staple_problem=unreadable.problem, complete=False)
        return self._regard(handshake, self.clock())

    @property
    def _hello(self) -> Hello:
        target, module = self.way.target, self.way.module
        return Hello(module.server_name or target.host, module.tls, self.way.key_type, module.send_server_name)

    async def _with_issuer(self, view: _View) -> _View:
        """Look where the certificate says for an issuer that is not at hand, if the module wants that."""
        leaf = view.path[0]
        if not (self.way.module.fetch_issuer and self.issuers) or len(view.path) > 1 or is_self_signed(leaf):
            return view
        issuer = await self.issuers.find(leaf, self.way.deadline)
        return self._regard(view.handshake, view.obtained_at, (issuer,)) if issuer else view

    async def _handshake(self, hello: Hello) -> Handshake:
        """Make a handshake in which the chain is verified, unless it turns out to be the one that was verified last."""
        trust, now = self.remembered.trust, self.clock()
        if known := trust.at(now, self._time_left(), hello):
            with contextlib.suppress(ChainChanged):
                return await self._shake_hands(hello, known)
            self._tell("the chain has changed, once more to verify it")
        handshake = await self._shake_hands(hello)
        trust.note(handshake, hello, begun=now, ended=self.clock())
        return handshake

    async def _shake_hands(self, hello: Hello, known: Known | None = None) -> Handshake:
        target, module, deadline = self.way.target, self.way.module, self.way.deadline
        with self.timing.of(Phase.CONNECT):
            connected = await connect(self.way.addresses, target.port, deadline)
        with connected:
            self._tell("connected", port=target.port)
            starttls = module.starttls if target.starttls is None else target.starttls
            began_in_clear = False
            if starttls is not StartTLS.NONE:
                with self.timing.of(Phase.STARTTLS):
                    starting = start_tls(connected, starttls, hello.server_name.rstrip("."))
                    began_in_clear = await by(deadline, starting, Failure.TIMEOUT, f"what {starttls} says before TLS")
                self._tell("TLS may start", starttls=starttls)
            try:
                with self.timing.of(Phase.HANDSHAKE):
                    handshake = await shake_hands(connected, hello, deadline, known)
            except ProbeFailed as failed:
                if began_in_clear and failed.failure is Failure.NOT_TLS:
                    # Whether it comes with the go-ahead or behind it is the network's whim, and not another failure.
                    raise ProbeFailed(Failure.STARTTLS, f"after the go-ahead: {failed.detail}") from failed
                raise
        self._tell(
            "handshake made",
            address=handshake.address,
            version=handshake.version,
            cipher=handshake.cipher,
            complete=handshake.complete,
            certificates=len(handshake.chain),
            staple_bytes=len(handshake.staple or b""),
            chain_errors=",".join(sorted(handshake.chain_errors)) or None,
        )
        return handshake

    def _regard(self, handshake: Handshake, now: float, fetched: tuple[x509.Certificate, ...] = ()) -> _View:
        """Build the path from the leaf with all that is at hand, and judge the staple."""
        lineage = self.remembered.lineage.of(handshake.chain, self.way.module, fetched)
        return _View(now, handshake, lineage, self._judge(handshake, lineage.path, now))

    def _judge(self, handshake: Handshake, path: tuple[x509.Certificate, ...], now: float) -> Evidence | None:
        """Return the verdict on the staple of one handshake, None where there was none."""
        if handshake.staple_problem:
            return Evidence(Source.STAPLE, 0, Status.INVALID, (handshake.staple_problem,))
        if handshake.staple is None:
            return None
        policy = policy_of(self.way.module)
        examination = self.remembered.staple.of(handshake.staple, path[0], issuer_on(path, 0), policy.trusted)
        return judge(examination, handshake.staple, now, policy, Origin(Source.STAPLE, 0, now))

    def _tell(self, message: str, **fields: object) -> None:
        about = {"target": self.way.target.name, "module": self.way.module.name, "key_type": self.way.key_type}
        logger.debug(message, extra={"fields": {**about, **fields}})


def _requires_staple(module: Module, views: Sequence[_View]) -> bool:
    """Tell whether a staple is required: behind one address there may be servers with different certificates."""
    policy = module.staple.policy
    return any(compliance.is_staple_required(policy, must_staple=view.leaf.must_staple) for view in views)


def _shown(views: Sequence[_View]) -> _View:
    """Return what is shown: the session, certificate and path are those of the staple that is."""
    staple = compliance.shown_staple(view.staple for view in views if view.staple)
    return next((view for view in views if view.staple is staple), views[0])


def _conclude(
    module: Module, views: Sequence[_View], counted: int, told: Sequence[Evidence], copy: StapleCopy | None
) -> Findings:
    """Put together what the handshakes and the other sources showed.

    The first `counted` of the handshakes are judged by the staple policy.
    """
    required = _requires_staple(module, views)
    staples = [view.staple for view in views if view.staple]
    shown = _shown(views)
    staple = shown.staple or (Evidence(Source.STAPLE, 0, Status.MISSING) if required else None)
    evidence = (*((staple,) if staple else ()), *told)
    revoked = compliance.is_revoked((*staples, *told))
    certificates = shown.lineage.facts
    tls = TLSFindings(
        session=shown.handshake,
        handshakes=len(views),
        stapled_handshakes=len(staples),
        distinct_staples=len({(staple.der, staple.problems if staple.der is None else ()) for staple in staples}),
        staple_required=required,
        compliant=compliance.is_compliant(
            module.staple.policy,
            [view.staple.status if view.staple else Status.MISSING for view in views[:counted]],
            required=required,
            revoked=revoked.get(0),
        ),
        copy=copy,
    )
    return Findings(
        tls=tls,
        certificates=certificates,
        applicability=(
            compliance.staple_applicability(required=required, sent=bool(staples)),
            *shown.lineage.applicability,
        ),
        evidence=evidence,
        revoked=revoked,
        agreement=compliance.agreement(evidence),
        staple_lag=compliance.staple_lag(evidence),
    )
