"""One request to a responder that is watched by itself, and what came of it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509

from ocsp_exporter.model import CertIDHash, Evidence, FetchKind, Module, RequestMethod, Source, Status
from ocsp_exporter.probing.egress import Answer, FetchFailed, Request
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.responder import NONCE_OCTETS, POST_HEADERS, problems_of
from ocsp_exporter.revocation.certificate import Subject
from ocsp_exporter.revocation.checks import policy_of
from ocsp_exporter.revocation.exchange import Exchange
from ocsp_exporter.revocation.request import build, get_url
from ocsp_exporter.revocation.status import status_of, with_problems
from ocsp_exporter.revocation.validation import Origin, validate


@dataclass(frozen=True, slots=True)
class Questioner:
    """Asks one responder in one probe.

    `url` is the responder's, for which `vouched_by` answers; `address` the one of its host's to connect to, None: any.
    `deadline` is on the event loop's clock, `clock` the time of day. Unless requests are `escaped`, nothing in them is
    percent-encoded by GET.
    """

    fetcher: Fetcher
    clock: Callable[[], float]
    module: Module
    url: str
    vouched_by: Voucher
    address: str | None
    deadline: float
    escaped: bool = True

    @property
    def issuer(self) -> x509.Certificate:
        """The CA for which the responder answers."""
        [issuer] = self.module.issuers
        return issuer

    async def ask(
        self,
        subject: Subject,
        method: RequestMethod,
        algorithm: CertIDHash | None = None,
        *,
        with_nonce: bool = False,
    ) -> Exchange | None:
        """Ask about `subject` by GET or POST; None where the turn of this request did not come in time.

        `algorithm` None: the module's. Never raises for what the responder does.
        """
        nonce = secrets.token_bytes(NONCE_OCTETS) if with_nonce else None
        encoded = build(subject, self.issuer, algorithm or self.module.responder.hash, nonce)
        if method is RequestMethod.GET:
            sent = Request(get_url(self.url, encoded, escaped=self.escaped), self.vouched_by, address=self.address)
        else:
            sent = Request(self.url, self.vouched_by, encoded, POST_HEADERS, address=self.address)
        try:
            answer = await self.fetcher.fetch(FetchKind.OCSP, sent, self.module.responder.timeout, self.deadline)
        except TimeoutError:
            return None
        except FetchFailed as failed:
            return self._failed(sent, method, failed)
        return self._answered(sent, method, answer, subject, nonce)

    def _answered(
        self, sent: Request, method: RequestMethod, answer: Answer, subject: Subject, nonce: bytes | None
    ) -> Exchange:
        now = self.clock()
        origin = Origin(Source.RESPONDER, fetched_at=now)
        evidence = validate(answer.body, subject, self.issuer, now, policy_of(self.module), origin, nonce=nonce)
        return Exchange(
            method=method,
            url=sent.url,
            evidence=with_problems(evidence, problems_of(answer)),
            at=now,
            status_code=answer.status_code,
            headers=answer.headers,
            took=answer.took,
        )

    def _failed(self, sent: Request, method: RequestMethod, failed: FetchFailed) -> Exchange:
        status = status_of((failed.problem,)) or Status.INVALID
        return Exchange(
            method=method,
            url=sent.url,
            evidence=Evidence(Source.RESPONDER, 0, status, (failed.problem,)),
            at=self.clock(),
            # While a host is left alone nothing is sent, and what is told is how it failed before.
            status_code=failed.status_code if failed.took is not None else None,
            headers=failed.headers,
            took=failed.took,
            detail=self._without_url(failed.detail.replace(sent.url, self.url)),
        )

    def _without_url(self, detail: str) -> str:
        """Leave out the URL at the beginning: all know whose it is, and by GET it has the whole request in it."""
        first, _, rest = detail.partition(" ")
        return rest if first.startswith(self.url.rstrip("/")) else detail
