"""Basic authentication (RFC 7617) with bcrypt: slow by intent, so off the event loop, and once for each login."""

import asyncio
import binascii
import hmac
import secrets
from collections.abc import Mapping
from typing import Final

import bcrypt

from ocsp_exporter.serving.threads import in_thread

#: Beyond so many passwords that wait to be checked, one after the other, more are refused.
_MOST_WAITING: Final = 100
_ENDING: Final = "The exporter is shutting down."
#: What bcrypt reads of a password; htpasswd and Go leave the rest unread too.
_MOST_BYTES: Final = 72


class NotChecked(Exception):
    """A password was not checked, as the exporter is too busy or about to end; the text is a sentence for people."""


class Logins:
    """Checks who may come. Used from one event loop.

    A login that was right is remembered, not its password, until the user's hash is another. The check of others takes
    as long for users that there are as for such as there are not. One password is checked at a time, by a thread that
    does not delay the exporter's end.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._known: dict[str, bytes] = {}
        self._checks: set[asyncio.Task[bool]] = set()
        self._one = asyncio.Lock()
        self._closed = False

    def close(self) -> None:
        """Let those who wait be answered now, and whoever comes later."""
        self._closed = True
        for check in self._checks:
            check.cancel()

    async def allow(self, authorization: str, users: Mapping[str, str]) -> bool:
        """Tell whether an Authorization header has the name of a user, and the password of the user's bcrypt hash.

        Raises NotChecked.
        """
        user, password = _credentials(authorization) or (None, b"")
        if user is None:
            return False
        expected = users.get(user) or _nobodys(users)
        proof = hmac.digest(self._key, expected.encode() + password, "sha256")
        if self._knows(user, proof):
            return True
        if self._closed:
            raise NotChecked(_ENDING)
        if len(self._checks) >= _MOST_WAITING:
            raise NotChecked("Too many logins wait to be checked; try again later.")
        checking = asyncio.create_task(self._check(user, password, expected, proof))
        self._checks.add(checking)
        try:
            await asyncio.wait({checking})
        finally:
            self._checks.discard(checking)
            checking.cancel()
        if checking.cancelled():
            raise NotChecked(_ENDING)
        return checking.result() and user in users

    async def _check(self, user: str, password: bytes, expected: str, proof: bytes) -> bool:
        """Check a password when its turn comes."""
        async with self._one:
            # Prometheus's scrapes come together; the first of them answers for all.
            if self._knows(user, proof):
                return True
            right = await in_thread(lambda: bcrypt.checkpw(password, expected.encode()))
            if right:
                self._known[user] = proof
            return right

    def _knows(self, user: str, proof: bytes) -> bool:
        return hmac.compare_digest(self._known.get(user, b""), proof)


def _credentials(authorization: str) -> tuple[str, bytes] | None:
    """Read name and password, at most as much of it as counts; None where there is no such thing in the header."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = binascii.a2b_base64(encoded.strip(), strict_mode=True).partition(b":")
        return (user.decode(), password[:_MOST_BYTES]) if colon else None
    except ValueError:
        return None


def _nobodys(users: Mapping[str, str]) -> str:
    """Make a hash that no password is known to have, as costly to check as the costliest of the users'."""
    cost = max((hashed[4:6] for hashed in users.values()), default="10")
    return f"$2b${cost}${'.' * 53}"
