"""A responder watched by itself: asked anew in each probe, in all the ways in which clients ask, and examined."""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from ocsp_exporter.model import (
    Applicability,
    CertIDHash,
    Evidence,
    ExpectedAnswer,
    Findings,
    MethodFindings,
    Module,
    Profile,
    RequestMethod,
    ResponderFindings,
    Source,
    Status,
    Target,
)
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.questioning import Questioner
from ocsp_exporter.probing.ways import voucher_of
from ocsp_exporter.revocation.certificate import Numbered, Subject, serial_number
from ocsp_exporter.revocation.compliance import is_revoked
from ocsp_exporter.revocation.conformance import judge
from ocsp_exporter.revocation.exchange import Exchange, Hearing
from ocsp_exporter.revocation.extensions import is_authority
from ocsp_exporter.revocation.facts import describe
from ocsp_exporter.revocation.http_headers import clock_skew

_GET: Final = RequestMethod.GET
_POST: Final = RequestMethod.POST

#: The first that there is stands in for a certificate: what a responder says of it is the more to be relied on.
_ASKED_FIRST = (ExpectedAnswer.GOOD, ExpectedAnswer.REVOKED, ExpectedAnswer.UNKNOWN, ExpectedAnswer.UNAUTHORIZED)
_UNASSIGNED_BITS = 127
#: What a cache before one of the methods still says must hide nothing.
_WORST_FIRST = (Status.REVOKED, Status.UNKNOWN, Status.GOOD)


class ResponderWatch:
    """Looks at responders. Used from one event loop; `clock` is the time of day."""

    def __init__(self, fetcher: Fetcher, clock: Callable[[], float] = time.time) -> None:
        self._fetcher = fetcher
        self._clock = clock

    async def look(self, target: Target, module: Module, deadline: float, address: str | None = None) -> Findings:
        """Examine the responder at a target's location by `deadline`, on the loop's clock, at one address if given.

        Whatever the responder does is a finding.
        """
        # Who gives a URL has written it; that in the certificate was written by the CA that the operator names.
        vouched_by = voucher_of(target) if target.name else Voucher.TRUST
        url = target.location or ""
        questioner = Questioner(self._fetcher, self._clock, module, url, vouched_by, address, deadline)
        hearing = await _hear(questioner)
        evidence = tuple(_shown(module, hearing))
        certificate = module.certificate
        return Findings(
            tls=None,
            certificates=(describe(certificate, 0),) if certificate else (),
            applicability=(Applicability(Source.RESPONDER, 0, applicable=True, host=target.host),),
            evidence=evidence,
            revoked=is_revoked(evidence),
            responder=ResponderFindings(
                url=url,
                methods=(_taken(_GET, hearing.get), _taken(_POST, hearing.post)),
                checks=judge(hearing, module.profile),
                clock_skew=_clock_skew(hearing),
            ),
        )


async def _hear(questioner: Questioner) -> Hearing:
    """Ask about the certificate by both methods and, if anything comes, all else that the checks need."""
    module = questioner.module
    subject = _subject(questioner)
    by_get, by_post = await asyncio.gather(questioner.ask(subject, _GET), questioner.ask(subject, _POST))
    hearing = Hearing(by_get, by_post, is_authority=bool(module.certificate and is_authority(module.certificate)))
    if by_get and "%" in _request_in(by_get):
        hearing = replace(hearing, encoded_get=by_get, plain_get=await _plainly(questioner, subject, by_get))
    about = [each for each in (by_post, by_get, hearing.plain_get) if each]
    answered = [each for each in about if each.is_verified] or [each for each in about if each.came]
    if not answered:
        return hearing
    if hearing.plain_get and hearing.plain_get.is_verified:
        questioner = replace(questioner, escaped=False)
    return await _hear_more(questioner, subject, hearing, tuple(dict.fromkeys(each.method for each in answered)))


async def _hear_more(
    questioner: Questioner, subject: Subject, hearing: Hearing, methods: tuple[RequestMethod, ...]
) -> Hearing:
    """Ask what remains to be asked, by those methods that bring anything, the more direct one first."""
    module = questioner.module
    known = module.known_answers
    asked = {each.method: each for each in (hearing.get, hearing.post) if each}

    async def about(number: int, method: RequestMethod) -> Exchange | None:
        if number == serial_number(subject) and asked[method].is_verified:
            return asked[method]
        return await questioner.ask(Numbered(number, questioner.issuer), method)

    async def about_nobody() -> Exchange | None:
        # Only public CAs are bound to know what they did not assign.
        return await about(_unassigned_number(), methods[0]) if module.profile is Profile.PUBLIC else None

    (hearing, nobody, nonce), answers = await asyncio.gather(
        asyncio.gather(
            _by_sha256(questioner, subject, hearing, methods[0]),
            about_nobody(),
            _by_nonce(questioner, subject, hearing, methods[0]),
        ),
        asyncio.gather(*(about(each.serial_number, method) for each in known for method in methods)),
    )
    answered = zip((each for each in known for _ in methods), answers, strict=True)
    return replace(hearing, unassigned=nobody, nonce=nonce, known=tuple(answered))


async def _plainly(
    questioner: Questioner, subject: Subject, encoded: Exchange, algorithm: CertIDHash | None = None
) -> Exchange | None:
    """Ask once more what was refused, with nothing percent-encoded: whether it is that which is not understood."""
    if encoded.is_verified or not encoded.is_settled:
        return None
    return await replace(questioner, escaped=False).ask(subject, _GET, algorithm)


async def _by_sha256(questioner: Questioner, subject: Subject, hearing: Hearing, method: RequestMethod) -> Hearing:
    """Ask with such a CertID unless that was done: by GET where the request by GET had nothing to percent-encode."""
    if not hearing.verified or questioner.module.responder.hash is CertIDHash.SHA256:
        return replace(hearing, sha256=next(iter(hearing.verified), None))
    if hearing.encoded_get or not hearing.get or not hearing.get.is_verified:
        return replace(hearing, sha256=await questioner.ask(subject, method, CertIDHash.SHA256))
    encoded = await questioner.ask(subject, _GET, CertIDHash.SHA256)
    plain = await _plainly(questioner, subject, encoded, CertIDHash.SHA256) if encoded else None
    return replace(hearing, sha256=plain or encoded, encoded_get=encoded, plain_get=plain)


async def _by_nonce(
    questioner: Questioner, subject: Subject, hearing: Hearing, method: RequestMethod
) -> Exchange | None:
    """Ask with a nonce, if the module wants that."""
    if not hearing.verified or not questioner.module.responder.nonce:
        return None
    return await questioner.ask(subject, method, with_nonce=True)


def _subject(questioner: Questioner) -> Subject:
    """Return the module's certificate, or the first known answer about a certificate that exists."""
    module = questioner.module
    if module.certificate:
        return module.certificate
    first = min(module.known_answers, key=lambda known: _ASKED_FIRST.index(known.expected))
    return Numbered(first.serial_number, questioner.issuer)


def _request_in(exchange: Exchange) -> str:
    return exchange.url.rpartition("/")[2]


def _unassigned_number() -> int:
    """Return a serial number of which it is as good as sure that nobody ever assigned it."""
    return secrets.randbits(_UNASSIGNED_BITS) | 1 << (_UNASSIGNED_BITS - 1)


def _shown(module: Module, hearing: Hearing) -> Iterator[Evidence]:
    """Yield the evidence to show: the worst that is verified, else the first that came, else why none did.

    What is said of a number alone is shown only where it should be good: a revocation that is known is no news.
    """
    expected = {known.expected for known in module.known_answers}
    if module.certificate is None and ExpectedAnswer.GOOD not in expected:
        return
    asked = [each for each in (hearing.get, hearing.post, hearing.plain_get) if each]
    yield from (each.evidence for each in sorted(asked, key=_rank)[:1])


def _rank(exchange: Exchange) -> tuple[int, bool]:
    """Put what is verified first, the worst of that before the rest, and what came before what did not."""
    status = exchange.evidence.status
    return _WORST_FIRST.index(status) if exchange.is_verified else len(_WORST_FIRST), not exchange.came


def _taken(method: RequestMethod, exchange: Exchange | None) -> MethodFindings:
    if exchange is None:
        return MethodFindings(method, None, said="not asked in time")
    return MethodFindings(
        method=method,
        up=exchange.is_verified if exchange.was_sent else None,
        http_status=exchange.status_code,
        duration=exchange.took if exchange.status_code is not None else None,
        size=len(exchange.evidence.der) if exchange.evidence.der is not None else None,
        said=exchange.said,
    )


def _clock_skew(hearing: Hearing) -> float | None:
    """Return by how much the responder's clock is ahead; what is posted is answered by itself rather than a cache."""
    asked = [each for each in (hearing.post, hearing.get) if each and each.status_code is not None]
    skews = [clock_skew(each.headers, each.at) for each in asked]
    return next((skew for skew in skews if skew is not None), None)
