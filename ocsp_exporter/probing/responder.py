"""A certificate's OCSP responder, asked over HTTP (RFC 6960, appendix A; RFC 5019, section 5)."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from cryptography import x509

from ocsp_exporter.model import MOST_SOURCE_URLS, CertIDHash, FetchKind, Problem, RequestMethod
from ocsp_exporter.probing.allowance import Allowance
from ocsp_exporter.probing.egress import Answer, FetchFailed, Request
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.last_examination import LastExamination
from ocsp_exporter.revocation.request import LONGEST_GET_URL, build, get_url

NONCE_OCTETS = 32  # RFC 9654, section 2.1
POST_HEADERS = {"Content-Type": "application/ocsp-request"}
_CONTENT_TYPE = "application/ocsp-response"
_TOO_MANY_REQUESTS, _UNAVAILABLE = 429, 503


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a certificate, where and how; equal questions may share an answer.

    `urls` are those of the responder, of any scheme. `nonce`: whether one is sent. `timeout`: seconds for all that is
    sent; waiting for one's turn with a host does not count.
    """

    subject: x509.Certificate
    issuer: x509.Certificate
    urls: tuple[str, ...]
    vouched_by: Voucher
    method: RequestMethod
    hash: CertIDHash
    nonce: bool
    timeout: float = field(compare=False)


@dataclass(frozen=True, slots=True)
class ResponderAnswer:
    """What came, good or bad. `nonce` is the one that was sent; `problems` are those of the way on which it came.

    `validators` are the headers with which `url` is asked whether it has a newer one. `examination` is the last one
    that was made of it: it is judged at each look.
    """

    der: bytes
    nonce: bytes | None = None
    problems: tuple[Problem, ...] = ()
    url: str = ""
    validators: Mapping[str, str] = field(default_factory=dict)
    examination: LastExamination = field(default_factory=LastExamination, compare=False, repr=False)


async def ask(
    fetcher: Fetcher,
    question: Question,
    is_verified: Callable[[ResponderAnswer], bool],
    before: ResponderAnswer | None = None,
) -> ResponderAnswer:
    """Ask one URL after the other until an answer comes that `is_verified`; else return the first that came.

    `before` is given back where the server says that it is still the answer. Raises FetchFailed where none came at
    all, and tells what went wrong first.
    """
    urls = [url for url in question.urls if url.lower().startswith(("http:", "https:"))][:MOST_SOURCE_URLS]
    if not urls:
        raise FetchFailed(Problem.UNSUPPORTED_SCHEME, f"no URL of a responder is http or https: {question.urls}")
    nonce = secrets.token_bytes(NONCE_OCTETS) if question.nonce else None
    encoded = build(question.subject, question.issuer, question.hash, nonce)
    answers: list[ResponderAnswer] = []
    failures: list[FetchFailed] = []
    allowance = Allowance(question.timeout)
    for position, url in enumerate(urls):
        share = allowance.part(len(urls) - position)
        for request in _requests(question, url, encoded, before):
            if share.left <= 0:
                break
            try:
                answer = _read(await share.fetch(fetcher, FetchKind.OCSP, request), request, nonce, before)
            except FetchFailed as failed:
                failures.append(failed)
                if not _may_be_mended(failed):
                    break
            else:
                if is_verified(answer):
                    return answer
                answers.append(answer)
        allowance.take_back(share)
    if answers:
        return answers[0]
    raise failures[0]


def _requests(question: Question, url: str, encoded: bytes, before: ResponderAnswer | None) -> tuple[Request, ...]:
    """Return what is sent to a URL: one request, or under `auto` a second one by the other method, should it help."""
    by_get = Request(get_url(url, encoded), question.vouched_by)
    if before and before.url == by_get.url:
        by_get = replace(by_get, headers=before.validators)
    by_post = Request(url, question.vouched_by, encoded, POST_HEADERS)
    match question.method:
        case RequestMethod.GET:
            return (by_get,)
        case RequestMethod.POST:
            return (by_post,)
        case RequestMethod.AUTO:
            return (by_get, by_post) if len(by_get.url.encode()) <= LONGEST_GET_URL else (by_post, by_get)


def _read(answer: Answer, request: Request, nonce: bytes | None, before: ResponderAnswer | None) -> ResponderAnswer:
    if answer.is_unchanged and before:  # nothing else is asked conditionally
        return before
    return ResponderAnswer(answer.body, nonce, problems_of(answer), request.url, answer.validators)


def problems_of(answer: Answer) -> tuple[Problem, ...]:
    """Return what is wrong with the way on which an answer of a responder came."""
    return () if answer.content_type == _CONTENT_TYPE else (Problem.WRONG_CONTENT_TYPE,)


def _may_be_mended(failed: FetchFailed) -> bool:
    """Tell whether the server may answer by the other method: it did answer, and does not ask to be left alone."""
    if failed.problem is Problem.HTTP_ERROR:
        return failed.status_code not in {_TOO_MANY_REQUESTS, _UNAVAILABLE}
    return failed.problem in {Problem.MALFORMED, Problem.TOO_LARGE}
