"""One target, start to finish. The only reader of clocks in this folder."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

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
    ProbeResult,
    Source,
    StartTLS,
    Status,
    Target,
)
from ocsp_exporter.probing.connecting import connect
from ocsp_exporter.probing.handshake import StapleUnreadable, shake_hands
from ocsp_exporter.probing.issuer_fetch import IssuerFetch
from ocsp_exporter.probing.resolver import Resolver
from ocsp_exporter.probing.roots import by_subject, system_roots
from ocsp_exporter.probing.starttls import start_tls
from ocsp_exporter.revocation import compliance
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.facts import describe
from ocsp_exporter.revocation.path import build_path, is_self_signed
from ocsp_exporter.revocation.validation import Origin, validate

logger = logging.getLogger(__name__)

#: Seconds between a handshake without its required staple and the next try: a lazy stapler is fetching it.
RETRY_PAUSE = 0.5

T = TypeVar("T")


@dataclass(slots=True)
class _Timing:
    """How long each phase of the first handshake took, those under way when the probe failed included."""

    clock: Callable[[], float]
    phases: dict[Phase, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def of(self, phase: Phase) -> Iterator[None]:
        """Time the body as `phase`, unless that was timed before."""
        begun = self.clock()
        try:
            yield
        finally:
            self.phases.setdefault(phase, self.clock() - begun)


@dataclass(frozen=True, slots=True)
class _View:
    """What one handshake showed: the path built from its leaf, and its staple judged (None: there was none)."""

    obtained_at: float
    handshake: Handshake
    path: tuple[x509.Certificate, ...]
    staple: Evidence | None

    @property
    def leaf(self) -> CertificateFacts:
        """What the leaf says of itself."""
        return describe(self.path[0], 0)


class Prober:
    """Looks at targets. One for the whole process: it holds the name resolver. Used from one event loop.

    `issuers` None: no issuer is fetched, whatever a module says.
    """

    def __init__(
        self,
        resolver: Resolver | None = None,
        clock: Callable[[], float] = time.time,
        issuers: IssuerFetch | None = None,
    ) -> None:
        self._resolver = resolver or Resolver()
        self._clock = clock
        self._issuers = issuers
        system_roots()  # they are read once, so while there are surely files to be had

    async def probe(self, target: Target, module: Module, limit: float | None = None) -> ProbeResult:
        """Look at one target once, for at most the module's timeout and `limit` seconds. Never raises."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        deadline = begun + min(module.timeout, module.timeout if limit is None else limit)
        timing = _Timing(loop.time)
        findings, failed = None, None
        try:
            findings = await self._look(target, module, deadline, timing)
        except ProbeFailed as error:
            failed = error
        except Exception:  # whatever it is, it is this one target's
            logger.exception("a probe ended in an error of the exporter", extra={"target": target.name})
            failed = ProbeFailed(Failure.INTERNAL, "an error of the exporter; its log has more")
        return ProbeResult(
            target=target,
            module=module.name,
            obtained_at=self._clock(),
            duration=loop.time() - begun,
            phases=timing.phases,
            findings=findings,
            failure=failed.failure if failed else None,
            detail=failed.detail if failed else "",
        )

    def close(self) -> None:
        """Let go of the resolver's threads."""
        self._resolver.close()

    async def _look(self, target: Target, module: Module, deadline: float, timing: _Timing) -> Findings:
        """Make the handshakes that the module asks for, and more where a required staple is missing."""
        views = [await self._view(target, module, deadline, timing)]
        counted = 1
        with contextlib.suppress(ProbeFailed):  # a later handshake that fails does not undo what the first showed
            while counted < module.staple.handshakes:
                views.append(await self._view(target, module, deadline, timing))
                counted += 1
            if _requires_staple(module, views):
                for _ in range(module.staple.retry_missing):
                    if any(view.staple for view in views):
                        break
                    await asyncio.sleep(min(RETRY_PAUSE, max(0.0, deadline - asyncio.get_running_loop().time())))
                    views.append(await self._view(target, module, deadline, timing))
        # Last, because a handshake has more need of the time that is left.
        views = [await self._with_issuer(view, module, deadline) for view in views]
        return _conclude(module, views, counted)

    async def _view(self, target: Target, module: Module, deadline: float, timing: _Timing) -> _View:
        try:
            handshake = await self._handshake(target, module, deadline, timing)
        except StapleUnreadable as unreadable:
            # OpenSSL gave up before anything else could be seen: look at the rest without asking for a staple.
            handshake = await self._handshake(target, module, deadline, timing, ask_for_staple=False)
            handshake = replace(handshake, staple_problem=unreadable.problem, complete=False)
        return _regard(module, handshake, self._clock())

    async def _with_issuer(self, view: _View, module: Module, deadline: float) -> _View:
        """Look where the certificate says for an issuer that is not at hand, if the module wants that."""
        leaf = view.path[0]
        if not (module.fetch_issuer and self._issuers) or len(view.path) > 1 or is_self_signed(leaf):
            return view
        issuer = await self._issuers.find(leaf, deadline)
        return _regard(module, view.handshake, view.obtained_at, (issuer,)) if issuer else view

    async def _handshake(
        self, target: Target, module: Module, deadline: float, timing: _Timing, *, ask_for_staple: bool = True
    ) -> Handshake:
        with timing.of(Phase.RESOLVE):
            looking_up = self._resolver.resolve(target.host)
            addresses = await _by(deadline, looking_up, Failure.RESOLVE, "the look-up of the name")
        with timing.of(Phase.CONNECT):
            connected = await connect(addresses, target.port, deadline)
        with connected:
            server_name = module.server_name or target.host
            starttls = module.starttls if target.starttls is None else target.starttls
            if starttls is not StartTLS.NONE:
                with timing.of(Phase.STARTTLS):
                    starting = start_tls(connected, starttls, server_name)
                    await _by(deadline, starting, Failure.TIMEOUT, f"what {starttls} says before TLS")
            with timing.of(Phase.HANDSHAKE):
                return await shake_hands(connected, module.tls, server_name, deadline, ask_for_staple=ask_for_staple)


async def _by(deadline: float, work: Coroutine[object, object, T], failure: Failure, what: str) -> T:
    """Await `work` until `deadline` on the loop's clock. Raises ProbeFailed with `failure` when it is past."""
    try:
        async with asyncio.timeout_at(deadline):
            return await work
    except TimeoutError as error:
        raise ProbeFailed(failure, f"{what} did not end in time") from error


def _regard(module: Module, handshake: Handshake, now: float, fetched: tuple[x509.Certificate, ...] = ()) -> _View:
    """Build the path from the leaf with all that is at hand, and judge the staple."""
    leaf, *others = handshake.chain
    path = build_path(leaf, (*others, *module.issuers, *fetched), by_subject(module.tls.roots))
    return _View(now, handshake, path, _judge(module, handshake, path, now))


def _judge(module: Module, handshake: Handshake, path: tuple[x509.Certificate, ...], now: float) -> Evidence | None:
    """Return the verdict on the staple of one handshake, None where there was none."""
    if handshake.staple_problem:
        return Evidence(Source.STAPLE, 0, Status.INVALID, (handshake.staple_problem,))
    if handshake.staple is None:
        return None
    # A self-signed leaf is its own issuer.
    issuer = path[1] if len(path) > 1 else path[0] if is_self_signed(path[0]) else None
    policy = Policy(module.clock_skew, module.max_age_without_next_update, module.trusted_responders)
    return validate(handshake.staple, path[0], issuer, now, policy, Origin(Source.STAPLE, 0, now))


def _requires_staple(module: Module, views: Sequence[_View]) -> bool:
    """Tell whether a staple is required: behind one address there may be servers with different certificates."""
    policy = module.staple.policy
    return any(compliance.is_staple_required(policy, must_staple=view.leaf.must_staple) for view in views)


def _conclude(module: Module, views: Sequence[_View], counted: int) -> Findings:
    """Put together what the handshakes showed; the first `counted` of them are judged by the staple policy."""
    required = _requires_staple(module, views)
    staples = [view.staple for view in views if view.staple]
    evidence = compliance.shown_staple(staples)
    # What is shown belongs together: the session and the certificate are those of the staple.
    shown = next((view for view in views if view.staple is evidence), views[0])
    if evidence is None and required:
        evidence = Evidence(Source.STAPLE, 0, Status.MISSING)
    revoked = compliance.is_revoked(staples)
    return Findings(
        session=shown.handshake,
        handshakes=len(views),
        stapled_handshakes=len(staples),
        distinct_staples=len({(staple.der, staple.problems if staple.der is None else ()) for staple in staples}),
        certificates=tuple(describe(each, depth) for depth, each in enumerate(shown.path)),
        applicability=compliance.applicability(shown.leaf, required=required, sent=bool(staples)),
        evidence=(evidence,) if evidence else (),
        staple_required=required,
        compliant=compliance.is_compliant(
            module.staple.policy,
            [view.staple.status if view.staple else Status.MISSING for view in views[:counted]],
            required=required,
            revoked=revoked.get(0),
        ),
        revoked=revoked,
    )
