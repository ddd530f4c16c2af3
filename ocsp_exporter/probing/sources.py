"""The two sources that are asked over HTTP, as a keeper wants them: how each is fetched, judged, and put on disk."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.model import VERIFIED, Evidence, FetchKind, Problem, Source
from ocsp_exporter.probing import distribution_point, responder
from ocsp_exporter.probing.crl_reading import read_crl
from ocsp_exporter.probing.egress import FetchFailed, Request
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.keeper import Judgement
from ocsp_exporter.revocation import crl_verdict, response
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.crl import CertificateList, MalformedCRL
from ocsp_exporter.revocation.status import with_problems
from ocsp_exporter.revocation.validation import Origin, judge

#: What a question costs in memory beside its answer and the DER of its certificates (measured, and less what it counts
#: of an issuer that many share).
_BYTES_PER_QUESTION = 4000
#: Large CRLs that are fetched and read at a time: each takes up to twice its size, and that may be 64 MiB.
_MOST_LARGE = 8


@dataclass(frozen=True, slots=True)
class ResponderSource:
    """Responders, asked about one certificate at a time."""

    fetcher: Fetcher
    clock: Callable[[], float]
    kind: FetchKind = FetchKind.OCSP

    async def fetch(
        self, question: responder.Question, policy: Policy, before: responder.ResponderAnswer | None
    ) -> responder.ResponderAnswer:
        """Ask the responders that the question names. Raises FetchFailed."""

        def is_verified_now(answer: responder.ResponderAnswer) -> bool:
            return self.judge(question, answer, policy, self.clock()).is_usable

        confirmable = before if before and is_verified_now(before) else None
        return await responder.ask(self.fetcher, question, is_verified_now, confirmable)

    def judge(
        self, question: responder.Question, content: responder.ResponderAnswer, policy: Policy, now: float
    ) -> Judgement:
        """Say whether the answer is verified."""
        return _judgement(judge_answer(question, content, now, policy, Origin(Source.RESPONDER)), policy)

    def outdated(
        self, before: responder.ResponderAnswer, _content: responder.ResponderAnswer
    ) -> responder.ResponderAnswer:
        """Keep the later answer: a cache on the way was behind."""
        return before

    def delay(self, question: responder.Question) -> float:
        """Give for how many seconds a request would now wait for its turn."""
        return self.fetcher.delay(question.urls[0])

    def name(self, question: responder.Question) -> str:
        """Name the answer by the URLs and the certificate, whichever way it is asked for."""
        return _name(question.urls, question.subject, question.issuer)

    def encode(self, content: responder.ResponderAnswer) -> bytes | None:
        """Give the response."""
        return content.der

    async def decode(self, _question: responder.Question, encoded: bytes) -> responder.ResponderAnswer | None:
        """Take a response; None where it cannot be read."""
        try:
            response.parse(encoded)
        except response.MalformedResponse:
            return None
        return responder.ResponderAnswer(encoded)

    def settle(self, content: responder.ResponderAnswer) -> responder.ResponderAnswer:
        """Keep all of it."""
        return content

    def limit(self, _question: responder.Question) -> int:
        """Give the size of the largest response that is read."""
        return response.LARGEST_RESPONSE

    def refusal(self, question: responder.Question) -> FetchFailed | None:
        """Say why none of the responders may be asked."""
        return _refusal(self.fetcher, self.kind, question.urls, question.vouched_by)

    def weight(self, question: responder.Question) -> int:
        """Give about how many bytes of memory a question takes, with the certificates that it holds."""
        return _weight(question.subject, question.issuer)

    def size(self, content: responder.ResponderAnswer) -> int:
        """Give about how many bytes of memory a response takes."""
        return len(content.der)


@dataclass(frozen=True, slots=True)
class KeptCRL:
    """A CRL as it is held: its DER (None once it is on disk: it may have 64 MiB), and what was wrong with its fetch.

    `highest` is the highest cRLNumber seen of this CRL. `validators` are for asking whether it has changed.
    """

    crl: CertificateList
    der: bytes | None = None
    problems: tuple[Problem, ...] = ()
    validators: distribution_point.Validators = field(default_factory=dict)
    highest: int | None = None


def numbered_after(kept: KeptCRL, issuer: x509.Certificate, before: KeptCRL | None) -> KeptCRL:
    """Note whether the number of a CRL is lower than one seen before (RFC 5280, section 5.2.3).

    The number of a CRL that is not the issuer's own, or not a complete one, is of another series.
    """
    highest = before.highest if before else None
    number = kept.crl.number if crl_verdict.is_authentic(kept.crl, issuer) else None
    if number is None or highest is None or number >= highest:
        return replace(kept, highest=highest if number is None else number)
    return replace(kept, highest=highest, problems=(*kept.problems, Problem.NUMBER_WENT_BACKWARDS))


@dataclass(frozen=True, slots=True)
class CRLSource:
    """CRLs: one for many certificates."""

    fetcher: Fetcher
    clock: Callable[[], float]
    kind: FetchKind = FetchKind.CRL

    async def fetch(self, question: distribution_point.Question, policy: Policy, before: KeptCRL | None) -> KeptCRL:
        """Fetch the CRL from where the question says. Raises FetchFailed."""

        def is_usable(crl: CertificateList) -> bool:
            judged = self.judge(question, KeptCRL(crl), policy, self.clock())
            return judged.is_usable and crl_verdict.is_for(crl, is_authority=question.is_for_authority)

        # Of one that has ended, that it has not changed is no news.
        validators = before.validators if before and is_usable(before.crl) else distribution_point.NO_VALIDATORS
        async with _Place(_places(asyncio.get_running_loop())) as place:
            fetched = await distribution_point.ask(self.fetcher, question, validators, is_usable, place.take)
        if fetched is None and before is not None:
            return _without(before, Problem.NUMBER_WENT_BACKWARDS)
        if fetched is None:
            raise FetchFailed(Problem.HTTP_ERROR, "the server says that what was never fetched has not changed")
        kept = KeptCRL(fetched.crl, fetched.der, fetched.problems, fetched.validators)
        return numbered_after(kept, question.issuer, before)

    def judge(self, question: distribution_point.Question, content: KeptCRL, policy: Policy, now: float) -> Judgement:
        """Say whether the CRL can be relied on, whoever asks."""
        return _judgement(judge_crl(content, None, question.issuer, now, policy, Origin(Source.CRL)), policy)

    def outdated(self, before: KeptCRL, content: KeptCRL) -> KeptCRL:
        """Keep the later list, and tell of a number that went backwards."""
        told = {Problem.NUMBER_WENT_BACKWARDS}.intersection(content.problems)
        return replace(_without(before, Problem.NUMBER_WENT_BACKWARDS), problems=(*before.problems, *told))

    def delay(self, question: distribution_point.Question) -> float:
        """Give for how many seconds a request would now wait for its turn."""
        return self.fetcher.delay(question.urls[0])

    def name(self, question: distribution_point.Question) -> str:
        """Name the CRL by its URLs and its issuer."""
        return _name(question.urls, question.issuer)

    def encode(self, content: KeptCRL) -> bytes | None:
        """Give the CRL; not one whose number went backwards, for it must not make the higher one forgotten."""
        return None if Problem.NUMBER_WENT_BACKWARDS in content.problems else content.der

    async def decode(self, question: distribution_point.Question, encoded: bytes) -> KeptCRL | None:
        """Read a CRL, off the event loop where it is large; None where it cannot be read."""
        try:
            crl = await read_crl(encoded, question.issuer)
        except MalformedCRL:
            return None
        return numbered_after(KeptCRL(crl, encoded), question.issuer, None)

    def settle(self, content: KeptCRL) -> KeptCRL:
        """Let go of the bytes."""
        return replace(content, der=None)

    def limit(self, question: distribution_point.Question) -> int:
        """Give the size of the largest CRL that is taken."""
        return question.limit

    def refusal(self, question: distribution_point.Question) -> FetchFailed | None:
        """Say why the CRL may be fetched from none of its URLs."""
        return _refusal(self.fetcher, self.kind, question.urls, question.vouched_by)

    def weight(self, question: distribution_point.Question) -> int:
        """Give about how many bytes of memory a question takes, with the certificate that it holds."""
        return _weight(question.issuer)

    def size(self, content: KeptCRL) -> int:
        """Give about how many bytes of memory a CRL takes."""
        return len(content.crl.entries.records)


def judge_answer(
    question: responder.Question, answer: responder.ResponderAnswer, now: float, policy: Policy, origin: Origin
) -> Evidence:
    """Judge a responder's answer, and say what was wrong with its fetch beside that."""
    examination = answer.examination.of(
        answer.der, question.subject, question.issuer, policy.trusted, nonce=answer.nonce
    )
    return with_problems(judge(examination, answer.der, now, policy, origin), answer.problems)


def judge_crl(
    kept: KeptCRL,
    subject: x509.Certificate | None,
    issuer: x509.Certificate,
    now: float,
    policy: Policy,
    origin: Origin,
) -> Evidence:
    """Judge a CRL about a certificate (None: by itself), and say what was wrong with its fetch beside that."""
    return with_problems(crl_verdict.judge(kept.crl, subject, issuer, now, policy, origin), kept.problems)


def _judgement(evidence: Evidence, policy: Policy) -> Judgement:
    begins, ends = evidence.this_update, evidence.next_update
    if ends is None and begins is not None:
        ends = begins + int(policy.max_age_without_next_update)
    return Judgement(evidence.status in VERIFIED, begins, ends)


def _without(kept: KeptCRL, problem: Problem) -> KeptCRL:
    """Give a CRL without a problem; itself where it has none such."""
    if problem not in kept.problems:
        return kept
    return replace(kept, problems=tuple(each for each in kept.problems if each is not problem))


@lru_cache(maxsize=1)
def _places(_loop: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
    """Return what counts the large CRLs of an event loop that are fetched; there is one loop but in tests."""
    return asyncio.Semaphore(_MOST_LARGE)


class _Place:
    """A place among the large CRLs, from when one turns out to be large until it is read.

    Small ones, and servers that do not answer, need none: else a few of these would keep all the others from being
    fetched.
    """

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._is_taken = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._is_taken:
            self._places.release()

    async def take(self) -> None:
        """Wait for a place, unless there is one already."""
        if not self._is_taken:
            await self._places.acquire()
            self._is_taken = True


def _refusal(fetcher: Fetcher, kind: FetchKind, urls: tuple[str, ...], vouched_by: Voucher) -> FetchFailed | None:
    """Say why the first of some URLs may not be asked, if none of them may be."""
    first = None
    for url in urls:
        refused = fetcher.refusal(kind, Request(url, vouched_by))
        if refused is None:
            return None
        first = first or refused
    return first


def _weight(*certificates: x509.Certificate) -> int:
    return _BYTES_PER_QUESTION + sum(len(each.public_bytes(Encoding.DER)) for each in certificates)


def _name(urls: tuple[str, ...], *certificates: x509.Certificate) -> str:
    digest = sha256("\n".join(urls).encode("utf-8", "backslashreplace"))
    for each in certificates:
        digest.update(each.fingerprint(hashes.SHA256()))
    return digest.hexdigest()
