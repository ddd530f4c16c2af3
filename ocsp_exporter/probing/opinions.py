"""The second and third opinion on a path's certificates: what the responder and the CRL say beside the staple."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from typing import TypeVar

from cryptography import x509

from ocsp_exporter.model import VERIFIED, CRLQuery, EgressPolicy, Evidence, Module, Problem, Source, Status, Target
from ocsp_exporter.probing import distribution_point, responder
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.keeper import QUEUE_PATIENCE, Fetched, Inquiry, Keeper, Kept
from ocsp_exporter.probing.sources import CRLSource, KeptCRL, ResponderSource, judge_answer, judge_crl
from ocsp_exporter.probing.store import Store
from ocsp_exporter.probing.subject import Subject, askable
from ocsp_exporter.probing.ways import voucher_of
from ocsp_exporter.revocation.checks import policy_of
from ocsp_exporter.revocation.extensions import is_authority
from ocsp_exporter.revocation.status import beside_what_is_kept, status_of
from ocsp_exporter.revocation.validation import Origin

T = TypeVar("T")


class Opinions:
    """Asks responders and CRLs. One for the whole process, used from one event loop; `clock` is the time of day."""

    def __init__(
        self,
        fetcher: Fetcher,
        store: Store,
        egress: EgressPolicy,
        clock: Callable[[], float] = time.time,
        patience: float = QUEUE_PATIENCE,
    ) -> None:
        self._clock = clock
        # Who waits as long as it takes will not look again, and is to be told of what did not come.
        self._is_only_look = math.isinf(patience)
        self._largest_crl = egress.max_crl_bytes
        self._responders = Keeper(ResponderSource(fetcher, clock), store, clock, patience)
        self._crls = Keeper(CRLSource(fetcher, clock), store, clock, patience)
        self._is_stored = True

    def asked_by(self, target: Target) -> "Opinions":
        """Give these as whoever named a target may have them: for a client who may not name any the disk has nothing.

        Else he could fill it, whatever he finds within the networks where he may look.
        """
        if target.within is None:
            return self
        same = copy(self)
        same._is_stored = False  # noqa: SLF001 -- its own
        return same

    async def about(self, subjects: Sequence[Subject], deadline: float) -> tuple[Evidence, ...]:
        """Return what is known by `deadline`, on the loop's clock, of some certificates of a path.

        A source that was not asked, or of which nothing is known yet, is left out. Never raises.
        """
        if len(subjects) == 1:  # as nearly always; a task of its own takes 11 µs
            return tuple(await self._about(subjects[0], deadline))
        found = await asyncio.gather(*(self._about(subject, deadline) for subject in subjects))
        return tuple(evidence for each in found for evidence in each)

    async def close(self) -> None:
        """End what is under way."""
        await self._responders.close()
        await self._crls.close()

    async def _about(self, subject: Subject, deadline: float) -> list[Evidence]:
        query = subject.module.crl.query
        if query is CRLQuery.ALWAYS:
            both = await asyncio.gather(self._responder(subject, deadline), self._crl(subject, deadline))
            return [evidence for evidence in both if evidence]
        # A responder that hangs must leave the CRL time to take its place.
        left = max(0.0, deadline - asyncio.get_running_loop().time())
        said = await self._responder(subject, deadline - (0.0 if query is CRLQuery.NEVER else left / 3))
        if query is CRLQuery.NEVER or (said and said.status in VERIFIED):
            return [said] if said else []
        crl = await self._crl(subject, deadline)
        return [evidence for evidence in (said, crl) if evidence]

    async def _responder(self, subject: Subject, deadline: float) -> Evidence | None:
        settings = subject.module.responder
        if not settings.query or not subject.responder_urls:
            return None
        question = subject.question
        if isinstance(question, Problem):
            return subject.without(Source.RESPONDER, question)
        kept = await self._responders.get(
            Inquiry(question, subject.policy, settings.refresh, self._is_stored), deadline
        )
        if self._is_only_look and not kept.is_known:
            return subject.without(Source.RESPONDER, Problem.TIMEOUT)

        def judge(fetched: Fetched[responder.ResponderAnswer]) -> Evidence:
            origin = Origin(Source.RESPONDER, subject.depth, fetched.fetched_at)
            return judge_answer(question, fetched.content, self._clock(), subject.policy, origin)

        return _shown(kept, judge, Source.RESPONDER, subject.depth)

    async def _crl(self, subject: Subject, deadline: float) -> Evidence | None:
        named = subject.crl_urls
        if not named:
            return None
        issuer, problem = subject.issuer, subject.obstacle(named)
        if issuer is None or problem:
            return subject.without(Source.CRL, problem or Problem.ISSUER_UNAVAILABLE)
        configured = subject.configured(subject.module.crl.urls)
        question = replace(
            self._crl_question(issuer, askable(named), subject.voucher(configured), subject.module),
            is_for_authority=is_authority(subject.certificate),
        )
        told = await self._ask_crl(question, subject.certificate, subject.depth, subject.module, deadline)
        return told or (subject.without(Source.CRL, Problem.TIMEOUT) if self._is_only_look else None)

    async def of_crl(self, target: Target, module: Module, deadline: float) -> Evidence | None:
        """Return what is known by `deadline` of the CRL at a target's URL, by itself; None where nothing is yet."""
        [issuer] = module.issuers
        question = self._crl_question(issuer, (target.location or "",), voucher_of(target), module)
        return await self.asked_by(target)._ask_crl(question, None, 0, module, deadline)  # noqa: SLF001 -- likewise

    def _crl_question(
        self, issuer: x509.Certificate, urls: tuple[str, ...], voucher: Voucher, module: Module
    ) -> distribution_point.Question:
        return distribution_point.Question(issuer, urls, voucher, self._largest_crl, module.crl.timeout)

    async def _ask_crl(
        self,
        question: distribution_point.Question,
        certificate: x509.Certificate | None,
        depth: int,
        module: Module,
        deadline: float,
    ) -> Evidence | None:
        policy = policy_of(module)
        # Who looks at the CRL alone has nothing else to wait for.
        patience = math.inf if certificate is None else None
        kept = await self._crls.get(Inquiry(question, policy, module.crl.refresh, self._is_stored), deadline, patience)

        def judge(fetched: Fetched[KeptCRL]) -> Evidence:
            origin = Origin(Source.CRL, depth, fetched.fetched_at)
            return judge_crl(fetched.content, certificate, question.issuer, self._clock(), policy, origin)

        return _shown(kept, judge, Source.CRL, depth)


def _shown(kept: Kept[T], judge: Callable[[Fetched[T]], Evidence], source: Source, depth: int) -> Evidence | None:
    """Return the evidence to show of what is kept; None where nothing is known yet."""
    usable = judge(kept.usable) if kept.usable else None
    if kept.problem:
        failed = Evidence(source, depth, status_of((kept.problem,)) or Status.INVALID, (kept.problem,))
        return beside_what_is_kept(failed, usable)
    if kept.latest is None or kept.latest is kept.usable:
        return usable
    return beside_what_is_kept(judge(kept.latest), usable)
