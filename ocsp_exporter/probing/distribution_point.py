"""A CRL, fetched from where a certificate or the operator says that it is (RFC 5280, section 4.2.1.13)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from cryptography import x509

from ocsp_exporter.model import MOST_SOURCE_URLS, FetchKind, Problem
from ocsp_exporter.probing.allowance import Allowance
from ocsp_exporter.probing.crl_reading import read_crl
from ocsp_exporter.probing.egress import Answer, FetchFailed, Request
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.revocation.crl import CertificateList, MalformedCRL

#: The one of RFC 2585 (section 4.2), and that from before it.
_CONTENT_TYPES = frozenset({"application/pkix-crl", "application/x-pkcs7-crl"})

#: The request headers of conditional GET, by URL: what one server says of its document tells another nothing.
Validators: TypeAlias = Mapping[str, Mapping[str, str]]
NO_VALIDATORS: Validators = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Question:
    """Whose CRL is asked for, and where; equal questions may share an answer.

    `urls` are of any scheme. `is_for_authority`: whether it is about certificates of CAs; None: about any, or that is
    not known. No more than `limit` bytes are taken. `timeout`: seconds for all that is sent; waiting for
    one's turn with a host and reading what came do not count.
    """

    issuer: x509.Certificate
    urls: tuple[str, ...]
    vouched_by: Voucher
    limit: int
    timeout: float = field(compare=False)
    is_for_authority: bool | None = None


@dataclass(frozen=True, slots=True)
class FetchedCRL:
    """A CRL that could be read, usable or not; `problems` are those of the way on which it came.

    `validators` are for asking whether it was modified: only of a CRL that is kept.
    """

    crl: CertificateList
    der: bytes = field(repr=False)
    problems: tuple[Problem, ...]
    validators: Validators


async def ask(
    fetcher: Fetcher,
    question: Question,
    validators: Validators,
    is_usable: Callable[[CertificateList], bool],
    before_large: Callable[[], Awaitable[None]] | None = None,
) -> FetchedCRL | None:
    """Ask one URL after the other until a CRL comes that `is_usable`; else return the first that could be read.

    `before_large`: as in a `Request`, for each of them. None: the one whose `validators` these are was not modified.
    Raises FetchFailed where there is no CRL at all, and tells of one that cannot be read before it tells of a server
    that gives none, and what went wrong first.
    """
    urls = [url for url in question.urls if url.lower().startswith(("http:", "https:"))][:MOST_SOURCE_URLS]
    if not urls:
        raise FetchFailed(Problem.UNSUPPORTED_SCHEME, f"no URL of a CRL is http or https: {question.urls}")
    fetched: list[FetchedCRL] = []
    failures: list[FetchFailed] = []
    allowance = Allowance(question.timeout)
    for position, url in enumerate(urls):
        headers = validators.get(url, {})
        request = Request(url, question.vouched_by, None, headers, question.limit, before_large=before_large)
        share = allowance.part(len(urls) - position)
        try:
            answer = await share.fetch(fetcher, FetchKind.CRL, request)
            found = await _read(answer, url, question.issuer)
        except FetchFailed as failed:
            failures.append(failed)
            continue
        finally:
            allowance.take_back(share)
        if found is None or is_usable(found.crl):
            return found
        fetched.append(found)
    if fetched:
        return fetched[0]
    raise min(failures, key=lambda failed: failed.problem not in _UNREADABLE)


_UNREADABLE = frozenset({Problem.MALFORMED, Problem.TOO_LARGE})


async def _read(answer: Answer, url: str, issuer: x509.Certificate) -> FetchedCRL | None:
    """Read what came from a URL, None where it was not modified. Raises FetchFailed."""
    if answer.is_unchanged:
        return None
    try:
        crl = await read_crl(answer.body, issuer)
    except MalformedCRL as malformed:
        raise FetchFailed(
            malformed.problem, f"{answer.url} answered with no CRL that can be read: {malformed}"
        ) from malformed
    problems = () if answer.content_type in _CONTENT_TYPES else (Problem.WRONG_CONTENT_TYPE,)
    return FetchedCRL(crl, answer.body, problems, {url: answer.validators} if answer.validators else NO_VALIDATORS)
