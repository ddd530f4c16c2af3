"""One target, start to finish. The only reader of clocks in this folder."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from ocsp_exporter.model import (
    AddressChoice,
    Failure,
    Findings,
    Module,
    Phase,
    ProbeFailed,
    ProbeResult,
    ProberKind,
    Results,
    Target,
    TargetForbidden,
)
from ocsp_exporter.probing.crl_watch import CRLWatch
from ocsp_exporter.probing.handshake import KeyTypeRefused
from ocsp_exporter.probing.issuer_fetch import IssuerFetch
from ocsp_exporter.probing.look import Look
from ocsp_exporter.probing.opinions import Opinions
from ocsp_exporter.probing.remembered import Memory
from ocsp_exporter.probing.resolver import Addresses, Asker, Resolver
from ocsp_exporter.probing.responder_watch import ResponderWatch
from ocsp_exporter.probing.roots import system_roots
from ocsp_exporter.probing.staple_copy import StapleCopies
from ocsp_exporter.probing.staple_scan import Seen
from ocsp_exporter.probing.staple_watch import StapleWatch
from ocsp_exporter.probing.timing import Timing, by
from ocsp_exporter.probing.ways import MOST_ADDRESSES, Way, permitted, require_permission, usable, ways

logger = logging.getLogger(__name__)

#: Names of which it was said that they have too many addresses: so many are remembered, not to say it each minute.
_MOST_TOLD = 1000


class Prober:
    """Looks at targets. One for the whole process: it holds the name resolver. Used from one event loop.

    Where `issuers`, `opinions`, `crls` or `responders` is None, no issuer is fetched, no responder or CRL is asked, and
    no CRL or responder is watched by itself, whatever a module says.
    """

    def __init__(
        self,
        resolver: Resolver | None = None,
        clock: Callable[[], float] = time.time,
        issuers: IssuerFetch | None = None,
        opinions: Opinions | None = None,
        crls: CRLWatch | None = None,
        responders: ResponderWatch | None = None,
    ) -> None:
        self._resolver = resolver or Resolver()
        self._clock = clock
        self._issuers = issuers
        self._opinions = opinions
        self._crls = crls
        self._responders = responders
        self._staple_files = StapleWatch(clock)
        self._staple_copies = StapleCopies()
        self._memory = Memory()
        self._told: set[str] = set()
        system_roots()  # they are read once, so while there are surely files to be had

    async def probe(self, target: Target, module: Module, limit: float | None = None) -> Results:
        """Look at one target once, in every way that the module asks for, all at the same time.

        It takes at most the module's timeout and `limit` seconds. What fails in one way leaves the others alone;
        where the name does not resolve, there are no addresses to tell apart. Where the target is a glob, each file
        that it matches is the target of a result. Raises TargetForbidden and nothing else.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        deadline = begun + min(module.timeout, module.timeout if limit is None else limit)
        timing = Timing(loop.time)
        if module.prober is ProberKind.CRL:
            return _told((await self._watch(target, module, partial(self._look_at_crl, target, module, deadline)),))
        if module.prober is ProberKind.RESPONDER:
            return _told(await self._watch_responder(target, module, deadline))
        if module.prober is ProberKind.FILE:
            return _told(await self._watch_files(target, module, deadline))
        addresses: Addresses = ()
        failed = None
        try:
            with timing.of(Phase.RESOLVE):
                addresses = await self._addresses(target, module, deadline)
        except TargetForbidden:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is this one target's
            failed = _failed(target, error)
        looks = [
            self._look(way, begun, Timing(loop.time, dict(timing.phases)), failed)
            for way in ways(target, module, addresses, deadline)
        ]
        if len(looks) == 1:  # as nearly always; a task of its own takes 11 µs
            return _told(_settled((await looks[0],)))
        return _told(_settled(await asyncio.gather(*looks)))

    async def _watch_responder(self, target: Target, module: Module, deadline: float) -> Results:
        """Look at a responder by itself, at each address of its name if the module wants that.

        That the name does not resolve is the responder's fault, found wherever it is asked. Raises TargetForbidden.
        """
        require_permission(target)
        addresses: Addresses = ()
        if module.addresses is AddressChoice.ALL:
            with contextlib.suppress(ProbeFailed):
                addresses = await self._addresses(target, module, deadline)
        look = partial(self._look_at_responder, target, module, deadline)
        if not addresses:
            return (await self._watch(target, module, look),)
        looks = [self._watch(target, module, partial(look, each.host), each.text) for each in addresses]
        return tuple(await asyncio.gather(*looks))

    async def _look_at_crl(self, target: Target, module: Module, deadline: float) -> Findings | None:
        return await self._crls.look(target, module, deadline) if self._crls else None

    async def _look_at_responder(
        self, target: Target, module: Module, deadline: float, address: str | None = None
    ) -> Findings | None:
        return await self._responders.look(target, module, deadline, address) if self._responders else None

    async def _watch(
        self,
        target: Target,
        module: Module,
        look: Callable[[], Awaitable[Findings | None]],
        address: str | None = None,
    ) -> ProbeResult:
        """Look at a source by itself. `address` is the label, where there is one. Raises TargetForbidden."""
        require_permission(target)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        findings, failed = None, None
        try:
            findings = await look()
        except Exception as error:  # noqa: BLE001 -- likewise
            failed = _failed(target, error)
        return ProbeResult(
            target=target,
            module=module.name,
            obtained_at=self._clock(),
            duration=loop.time() - begun,
            phases={},
            findings=findings,
            failure=failed.failure if failed else None,
            detail=failed.detail if failed else "",
            address=address,
        )

    async def _watch_files(self, target: Target, module: Module, deadline: float) -> Results:
        """Look at the staple files that a target matches."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            seen = await self._staple_files.look(target, module, deadline)
        except Exception as error:  # noqa: BLE001 -- likewise
            seen = (Seen(target, None, _failed(target, error)),)
        obtained_at, duration = self._clock(), loop.time() - begun
        return tuple(
            ProbeResult(
                target=each.target,
                module=module.name,
                obtained_at=obtained_at,
                duration=duration,
                phases={},
                findings=each.findings,
                failure=each.failed.failure if each.failed else None,
                detail=each.failed.detail if each.failed else "",
            )
            for each in seen
        )

    def close(self) -> None:
        """Let go of the resolver's threads."""
        self._resolver.close()

    async def _addresses(self, target: Target, module: Module, deadline: float) -> Addresses:
        found = self._resolver.at_hand(target.host)
        if not found:
            asker = Asker.CLIENT if target.is_clients else Asker.OPERATOR
            looking_up = self._resolver.resolve(target.host, asker)
            found = await by(deadline, looking_up, Failure.RESOLVE, "the look-up of the name")
        if logger.isEnabledFor(logging.DEBUG):
            fields = {"target": target.name, "host": target.host, "addresses": ",".join(each.text for each in found)}
            logger.debug("resolved", extra={"fields": fields})
        addresses = usable(module, target.host, permitted(target, found))
        if len(addresses) > MOST_ADDRESSES and target.name not in self._told:
            if len(self._told) >= _MOST_TOLD:
                self._told.clear()
            self._told.add(target.name)
            counts = {"target": target.name, "addresses": len(addresses), "looked_at": MOST_ADDRESSES}
            logger.warning("too many addresses", extra={"fields": counts})
        return addresses[:MOST_ADDRESSES]

    async def _look(self, way: Way, begun: float, timing: Timing, failed: ProbeFailed | None) -> ProbeResult:
        """Look in one way, unless the probe has `failed` before."""
        findings = None
        if failed is None:
            try:
                findings = await Look(
                    way,
                    timing,
                    self._clock,
                    self._issuers,
                    self._opinions.asked_by(way.target) if self._opinions else None,
                    self._staple_copies,
                    self._memory.of(way),
                ).findings()
            except Exception as error:  # noqa: BLE001 -- likewise
                failed = _failed(way.target, error)
            finally:
                self._memory.count(way)
        several = len(way.module.key_types) > 1
        return ProbeResult(
            target=way.target,
            module=way.module.name,
            obtained_at=self._clock(),
            duration=timing.clock() - begun,
            phases=timing.phases,
            findings=findings,
            failure=failed.failure if failed else None,
            detail=failed.detail if failed else "",
            address=way.address,
            key_type=way.key_type if several else None,
            key_type_served=_served(failed) if several else None,
        )


def _failed(target: Target, error: Exception) -> ProbeFailed:
    """Give the failure that an error stands for, and log it with its place in the code where it is ours."""
    if isinstance(error, ProbeFailed):
        return error
    fields = {"target": target.name}
    logger.error("a probe ended in an error of the exporter", exc_info=error, extra={"fields": fields})
    return ProbeFailed(Failure.INTERNAL, "an error of the exporter; its log has more")


def _served(failed: ProbeFailed | None) -> bool | None:
    if failed is None:
        return True
    return False if isinstance(failed, KeyTypeRefused) else None


def _settled(results: Sequence[ProbeResult]) -> Results:
    """Decide what it means that a key type was refused: it is absent if the same server has a certificate of another.

    Otherwise the refusal is a failure like any: nobody gets anything from that server.
    """
    answering = {result.address for result in results if result.findings}

    def settle(result: ProbeResult) -> ProbeResult:
        if result.key_type_served is not False:
            return result
        if result.address in answering:
            return replace(result, failure=None, detail="")
        return replace(result, key_type_served=None)

    return tuple(map(settle, results))


def _told(results: Results) -> Results:
    """Log what each way of looking brought, piece by piece."""
    for result in results if logger.isEnabledFor(logging.DEBUG) else ():
        about = {"target": result.target.name, "module": result.module, **dict(result.variant)}
        if result.failure:
            why = {"failure": result.failure, "detail": result.detail}
            logger.debug("the target could not be looked at", extra={"fields": {**about, **why}})
        for evidence in result.findings.evidence if result.findings else ():
            fetched_at = evidence.fetched_at
            said = {
                "source": evidence.source,
                "depth": evidence.depth,
                "status": evidence.status,
                "problems": ",".join(evidence.problems) or None,
                "age": None if fetched_at is None else round(result.obtained_at - fetched_at, 3),
            }
            logger.debug("evidence judged", extra={"fields": {**about, **said}})
    return results
