"""What stands before every page where there is a web configuration: rate limit, login and headers."""

import time
from collections.abc import Callable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocsp_exporter.config.web import RateLimit, WebConfig
from ocsp_exporter.serving.authentication import Logins, NotChecked
from ocsp_exporter.serving.responses import sentence
from ocsp_exporter.serving.web_config import WebConfigFile


class Guard:
    """An application that lets through to another what the web configuration lets through at that moment."""

    def __init__(
        self, app: ASGIApp, web_config: WebConfigFile, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._web_config = web_config
        self._monotonic = monotonic
        self._logins = Logins()
        self._bucket: TokenBucket | None = None

    def close(self) -> None:
        """Let those who wait for their login be answered now."""
        self._logins.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        config = self._web_config.config
        host, _ = scope.get("client") or ("", 0)
        answer = await self._refusal(Headers(scope=scope), host, config) or self._app
        await answer(scope, receive, with_headers(send, config.headers))

    async def _refusal(self, headers: Headers, host: str, config: WebConfig) -> ASGIApp | None:
        if not self._has_token(config.rate_limit):
            return sentence("There are more requests than rate_limit allows; try again later.", 429)
        if not config.users:
            return None
        try:
            if await self._logins.allow(headers.get("authorization", ""), config.users, host):
                return None
        except NotChecked as reason:
            return sentence(str(reason), reason.status, {"Retry-After": "1"})
        return sentence("Log in with the name and password of a user.", 401, {"WWW-Authenticate": "Basic"})

    def _has_token(self, limit: RateLimit | None) -> bool:
        if limit is None:
            self._bucket = None
            return True
        if self._bucket is None or self._bucket.limit != limit:
            self._bucket = TokenBucket(limit, self._monotonic())
        return self._bucket.take(self._monotonic())


class TokenBucket:
    """As many tokens as the burst at first and at most, and one more each interval."""

    def __init__(self, limit: RateLimit, now: float) -> None:
        self.limit = limit
        self._tokens = float(limit.burst)
        self._then = now

    def take(self, now: float) -> bool:
        """Take a token, if there is one."""
        self._tokens = min(self.limit.burst, self._tokens + (now - self._then) / self.limit.interval)
        self._then = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    """Make a `send` that gives the response these headers, in place of such of the same name."""
    if not headers:
        return send

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(headers)
        await send(message)

    return send_with_headers
