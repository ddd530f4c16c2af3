"""The second and third opinion on a path's certificates: what the responder and the CRL say beside the staple."""

import asyncio
import time
from collections.abc import Callable, Sequence
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
from ocsp_exporter.revocation.checks import policy_of
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
        self._largest_crl = egress.max_crl_bytes
        self._responders = Keeper(ResponderSource(fetcher, clock), store, clock, patience)
        self._crls = Keeper(CRLSource(fetcher, clock), store, clock, patience)

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
        said = await self._responder(subject, deadline)
        if query is CRLQuery.NEVER or _may_yet_answer(subject, said) or (said and said.status in VERIFIED):
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
        kept = await self._responders.get(Inquiry(question, subject.policy, settings.refresh), deadline)

        def judge(fetched: Fetched[responder.ResponderAnswer]) -> Evidence:
            origin = Origin(Source.RESPONDER, subject.depth, fetched.fetched_at)
            return judge_answer(question, fetched.content, self._clock(), subject.policy, origin)

        return _shown(kept, judge, Source.RESPONDER, subject.depth)

    async def _crl(self, subject: Subject, deadline: float) -> Evidence | None:
        settings = subject.module.crl
        named = subject.crl_urls
        if not named:
            return None
        issuer, problem = subject.issuer, subject.obstacle(named)
        if issuer is None or problem:
            return subject.without(Source.CRL, problem or Problem.ISSUER_UNAVAILABLE)
        question = self._crl_question(issuer, askable(named), subject.voucher(settings.urls), subject.module)
        return await self._ask_crl(question, subject.certificate, subject.depth, subject.module, deadline)

    async def of_crl(self, target: Target, module: Module, deadline: float) -> Evidence | None:
        """Return what is known by `deadline` of the CRL at a target's URL, by itself; None where nothing is yet."""
        [issuer] = module.issuers
        question = self._crl_question(issuer, (target.location or "",), Voucher.OPERATOR, module)
        return await self._ask_crl(question, None, 0, module, deadline)

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
        kept = await self._crls.get(Inquiry(question, policy, module.crl.refresh), deadline)

        def judge(fetched: Fetched[KeptCRL]) -> Evidence:
            origin = Origin(Source.CRL, depth, fetched.fetched_at)
            return judge_crl(fetched.content, certificate, question.issuer, self._clock(), policy, origin)

        return _shown(kept, judge, Source.CRL, depth)


def _may_yet_answer(subject: Subject, said: Evidence | None) -> bool:
    """Tell whether the responder was asked and has not answered: then it is too early to ask the CRL in its place."""
    settings = subject.module.responder
    return said is None and settings.query and bool(subject.responder_urls)


def _shown(kept: Kept[T], judge: Callable[[Fetched[T]], Evidence], source: Source, depth: int) -> Evidence | None:
    """Return the evidence to show of what is kept; None where nothing is known yet."""
    usable = judge(kept.usable) if kept.usable else None
    if kept.problem:
        failed = Evidence(source, depth, status_of((kept.problem,)) or Status.INVALID, (kept.problem,))
        return beside_what_is_kept(failed, usable)
    if kept.latest is None or kept.latest is kept.usable:
        return usable
    return beside_what_is_kept(judge(kept.latest), usable)
