"""The HTTP client behind every fetch: it goes only where the policy lets it, takes no more than is good, and ends.

A name is looked up once, its addresses are judged, and the connection is made to one of those that passed, so that
no second look-up can lead elsewhere. httpx's transport is used and not its client, which would keep cookies, send
the user name in a URL, decompress, and ask the environment for a proxy.
"""

import asyncio
import contextlib
import os
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import httpx
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.model import EgressPolicy, ProbeFailed, Problem
from ocsp_exporter.probing.egress_policy import Voucher, literal_address, objection
from ocsp_exporter.probing.resolver import Asker, Resolver
from ocsp_exporter.probing.roots import system_roots

MOST_REDIRECTS = 3
#: An answer of more bytes than this is large.
LARGE = 1024 * 1024
_MOST_ADDRESSES = 8
_MOST_CONNECTIONS = 1024
#: Seconds for which an idle connection is kept: less than servers usually wait before they close it themselves.
_KEPT_IDLE = 3.0
_OK, _NOT_MODIFIED = 200, 304
_LONGEST_VALIDATOR = 1024
_SEE_OTHER = 303
_LARGEST_PORT = 65535

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Request:
    """What to fetch. `content` None: by GET, otherwise it is sent by POST.

    A root that vouches for the URL vouches for where it redirects to as well; the operator, who wrote the URL, for no
    more than a root where that leads to another host; a client of /probe for no other host at all. Nobody is redirected
    to what is nearer than who redirects him. No more than `limit` bytes are taken, and no more than the policy's
    `max_response_bytes` where that is None. `address` is the one of the host's addresses to connect to, judged as any;
    None: the first that answers. A proxy, which looks names up, cannot be told so. `before_large` is awaited once more
    than `LARGE` bytes have come, before the rest is taken.
    """

    url: str
    vouched_by: Voucher = Voucher.NOBODY
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None
    address: str | None = None
    before_large: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came, by status 200, or 304 without a body where the request was conditional.

    `url` is where it came from, after all redirects. The names of `headers` are in lower case. `took`: the seconds for
    all of it, from the look-up of the name to the end of the body.
    """

    url: str
    status_code: int
    headers: Mapping[str, str]
    body: bytes
    took: float = 0.0

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters; empty where none is stated."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def validators(self) -> Mapping[str, str]:
        """The headers of a request that asks whether this has changed (RFC 9110, section 13.1); empty: none can."""
        conditions = {"If-None-Match": self.headers.get("etag"), "If-Modified-Since": self.headers.get("last-modified")}
        return {name: value for name, value in conditions.items() if value and _can_be_sent(value)}

    @property
    def is_unchanged(self) -> bool:
        """Whether what was asked for is still what it was."""
        return self.status_code == _NOT_MODIFIED


def _can_be_sent(value: str) -> bool:
    """Tell whether what a server wrote in a header can be written back to it."""
    return len(value) <= _LONGEST_VALIDATOR and value.isascii() and value.isprintable()


class FetchFailed(Exception):
    """Nothing usable came. `detail` is a sentence for people; `status_code` and `headers` are of an answer refused.

    `retry_after`: the seconds for which asking that host again is of no use, None where nothing speaks against it.
    `took`: the seconds until it failed, None where it was not even tried.
    """

    took: float | None = None

    def __init__(
        self,
        problem: Problem,
        detail: str,
        status_code: int | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{problem}: {detail}")
        self.problem = problem
        self.detail = detail
        self.status_code = status_code
        self.headers = headers
        self.retry_after = retry_after


class Egress:
    """Fetches over HTTP, from one event loop.

    `tls` None: https servers are verified by the system's roots. With the policy's proxy, that looks names up:
    then only the addresses that stand in URLs themselves are judged here, and the rest is for the proxy to guard.
    """

    def __init__(self, policy: EgressPolicy, resolver: Resolver, tls: ssl.SSLContext | None = None) -> None:
        self._policy = policy
        self._resolver = resolver
        self._tls = tls
        # With TLS and without, each made at the first fetch that needs it.
        self._transports: dict[bool, httpx.AsyncHTTPTransport] = {}

    async def fetch(self, request: Request, deadline: float) -> Answer:
        """Return what the request's URL leads to by `deadline`, on the loop's clock. Raises FetchFailed."""
        clock = asyncio.get_running_loop().time
        self._transport(tls=request.url.lower().startswith("https:"))  # to make it takes longer than most answers do
        begun = clock()
        try:
            answer = await self._follow_by(deadline, request)
        except FetchFailed as failed:
            failed.took = clock() - begun
            raise
        return replace(answer, took=clock() - begun)

    def require_permission(self, request: Request) -> None:
        """Raise FetchFailed for what is not permitted, as far as that is clear without looking a name up."""
        self._require_permission(_parse(request.url), request)

    async def close(self) -> None:
        """Close all connections. No fetch may be under way."""
        for transport in self._transports.values():
            await transport.aclose()

    async def _follow_by(self, deadline: float, request: Request) -> Answer:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._follow(request, deadline)
        except TimeoutError as error:
            raise FetchFailed(Problem.TIMEOUT, f"{request.url} did not answer in time") from error

    async def _follow(self, request: Request, deadline: float) -> Answer:
        url = _parse(request.url)
        address: str | None = None
        for _ in range(MOST_REDIRECTS + 1):
            with _failures_told(url):
                response, address = await self._send(url, request, deadline, address)
                try:
                    if not response.has_redirect_location:
                        return await self._take(url, request, response)
                finally:
                    await response.aclose()
            before, url = url, _parse(response.headers["location"], url)
            if response.status_code == _SEE_OTHER:
                request = replace(request, content=None)
            if url.host != before.host:
                request = replace(request, address=None)
            if request.vouched_by is Voucher.CLIENT and url.host != before.host:
                told = f"{before} redirects to {url}, and only what was asked for may be asked"
                raise FetchFailed(Problem.BLOCKED_BY_EGRESS_POLICY, told, response.status_code)
            if request.vouched_by is Voucher.OPERATOR and url.host != before.host:
                request = replace(request, vouched_by=Voucher.TRUST)  # he wrote the first URL, and not this one
        told = f"{request.url} redirects more than {MOST_REDIRECTS} times"
        raise FetchFailed(Problem.HTTP_ERROR, told, response.status_code)

    async def _send(
        self, url: httpx.URL, request: Request, deadline: float, led_by: str | None
    ) -> tuple[httpx.Response, str | None]:
        """Send to the first address that may be asked and answers; each has its share of the time that is left.

        Give the address, too, None where only the proxy knows it; `led_by` is that which redirected to the URL.
        """
        self._require_permission(url, request, led_by)
        transport = self._transport(tls=url.scheme == "https")
        if self._policy.proxy_url is not None:
            return await transport.handle_async_request(_message(url, request)), literal_address(url.host)
        addresses = await self._permitted_addresses(url, request, led_by)
        unreachable: httpx.TransportError | None = None
        for position, address in enumerate(addresses):
            now = asyncio.get_running_loop().time()
            patience = (deadline - now) / (len(addresses) - position)
            try:
                return await transport.handle_async_request(_message(url, request, address, patience)), address
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                unreachable = unreachable or error
        raise unreachable or httpx.ConnectError("there is no address to connect to")

    async def _permitted_addresses(self, url: httpx.URL, request: Request, led_by: str | None) -> list[str]:
        host = _ascii_host(url)
        addresses = [request.address] if request.address else await self._addresses(host)
        objections = [objection(self._policy, host, address, request.vouched_by, led_by) for address in addresses]
        permitted = [address for address, told in zip(addresses, objections, strict=True) if told is None]
        if not permitted:
            raise FetchFailed(Problem.BLOCKED_BY_EGRESS_POLICY, f"{url} may not be asked: {objections[0]}")
        return permitted[:_MOST_ADDRESSES]

    async def _addresses(self, host: str) -> list[str]:
        try:
            found = await self._resolver.resolve(host, Asker.SOURCE)
        except ProbeFailed as error:
            raise FetchFailed(Problem.UNREACHABLE, error.detail) from error
        return list(dict.fromkeys(address.host for address in found))

    def _require_permission(self, url: httpx.URL, request: Request, led_by: str | None = None) -> None:
        """Judge a URL as it stands, so that a forbidden name is not even looked up, nor a proxy asked for it."""
        address = literal_address(url.host)
        told = objection(self._policy, _ascii_host(url), address, request.vouched_by, led_by)
        may_lead_to_allowed = address is None and self._policy.allowed and self._policy.proxy_url is None
        if told and not may_lead_to_allowed:
            raise FetchFailed(Problem.BLOCKED_BY_EGRESS_POLICY, f"{url} may not be asked: {told}")

    async def _take(self, url: httpx.URL, request: Request, response: httpx.Response) -> Answer:
        """Read an answer, if it is one that can be used and ends in time."""
        headers = MappingProxyType(dict(response.headers))
        is_conditional = any(name.lower().startswith("if-") for name in request.headers)
        if response.status_code != _OK and not (is_conditional and response.status_code == _NOT_MODIFIED):
            said = f"{response.status_code} {response.reason_phrase}".rstrip()
            raise FetchFailed(Problem.HTTP_ERROR, f"{url} answered {said}", response.status_code, headers)
        encoding = headers.get("content-encoding", "")
        if encoding.strip().lower() not in {"", "identity"}:
            told = f"{url} answered in the encoding {encoding!r}, though only identity was accepted"
            raise FetchFailed(Problem.MALFORMED, told, response.status_code, headers)
        limit = self._policy.max_response_bytes if request.limit is None else request.limit
        body = bytearray()
        before_large = request.before_large
        async for chunk in response.aiter_raw():
            body += chunk
            if before_large and len(body) > LARGE:
                await before_large()
                before_large = None
            if len(body) > limit:
                told = f"{url} answered with more than {limit} bytes"
                raise FetchFailed(Problem.TOO_LARGE, told, response.status_code, headers)
        return Answer(str(url), response.status_code, headers, bytes(body))

    def _transport(self, *, tls: bool) -> httpx.AsyncHTTPTransport:
        if tls not in self._transports:
            # The system's roots take 20 ms, and most URLs in certificates are plain: these need none, and get none.
            context = (self._tls or _system_tls()) if tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._transports[tls] = httpx.AsyncHTTPTransport(
                verify=context,
                trust_env=False,
                limits=httpx.Limits(max_connections=_MOST_CONNECTIONS, keepalive_expiry=_KEPT_IDLE),
                proxy=self._policy.proxy_url,
            )
        return self._transports[tls]


def origin_of(text: str) -> str:
    """Return a URL's scheme and host, with the port where that is not the scheme's default: `http://ca.example:8080`.

    Raises FetchFailed for what cannot be asked.
    """
    url = _parse(text)
    host = _ascii_host(url).lower()
    host = f"[{host}]" if ":" in host else host
    port = "" if url.port in {None, _DEFAULT_PORTS[url.scheme]} else f":{url.port}"
    return f"{url.scheme}://{host}{port}"


def _parse(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """Read a URL, or what a redirect at `base` leads to."""
    try:
        url = httpx.URL(text) if base is None else base.join(text)
        host = url.host  # read here: a name that only looks like an encoded one is a ValueError, too
    except (httpx.InvalidURL, ValueError) as error:  # a bracketed host at fault is a ValueError of urllib
        raise FetchFailed(Problem.UNREACHABLE, f"{text!r} is not a URL that can be asked: {error}") from error
    if url.scheme not in _DEFAULT_PORTS:
        raise FetchFailed(Problem.UNSUPPORTED_SCHEME, f"{text!r} is neither http nor https")
    if url.port is not None and url.port > _LARGEST_PORT:
        raise FetchFailed(Problem.UNREACHABLE, f"{text!r} is not a URL that can be asked: there is no such port")
    if not host:
        raise FetchFailed(Problem.UNREACHABLE, f"{text!r} is not a URL that can be asked: it names no host")
    return url.copy_with(userinfo=b"", fragment=None)


def _ascii_host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii")


def _message(
    url: httpx.URL, request: Request, address: str | None = None, patience: float | None = None
) -> httpx.Request:
    """Put a request as it is sent: to `address`, and in all that the server sees to the URL's host."""
    headers = httpx.Headers({"Host": url.netloc.decode("ascii"), "Accept": "*/*", "User-Agent": "ocsp_exporter"})
    headers.update(request.headers)
    headers["Accept-Encoding"] = "identity"
    extensions: dict[str, object] = {"timeout": {"connect": patience}}
    if address is not None and url.scheme == "https":
        extensions["sni_hostname"] = _ascii_host(url)
        # The pool knows connections by address. One whose certificate was checked for a name is for no other.
        headers["Connection"] = "close"
    return httpx.Request(
        "GET" if request.content is None else "POST",
        url if address is None else url.copy_with(host=address),
        headers=headers,
        content=request.content,
        extensions=extensions,
    )


@contextlib.contextmanager
def _failures_told(url: httpx.URL) -> Iterator[None]:
    """Say what went wrong on the way in our own words. Raises FetchFailed."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise FetchFailed(Problem.TIMEOUT, f"{url} could not be connected to in time") from error
    except httpx.ProtocolError as error:
        raise FetchFailed(Problem.HTTP_ERROR, f"{url} did not answer as HTTP demands: {error}") from error
    except (httpx.TransportError, OSError) as error:
        raise FetchFailed(Problem.UNREACHABLE, f"{url} cannot be reached: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """Return what the system or OpenSSL said first, before libraries put it in their own words."""
    said = str(error) or type(error).__name__
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case ssl.SSLCertVerificationError():
                return cause.verify_message
            case ssl.SSLError():
                said = str(cause.reason or said)
            case OSError(errno=int(number)) if number > 0:
                said = os.strerror(number)
        cause = cause.__cause__ or cause.__context__
    return said


def _system_tls() -> ssl.SSLContext:
    roots = b"".join(root.public_bytes(Encoding.DER) for root in system_roots())
    return ssl.create_default_context(cadata=roots)
