"""Basic authentication (RFC 7617) with bcrypt: slow by intent, so off the event loop, and once for each login."""

import asyncio
import binascii
import hmac
import secrets
from collections.abc import Mapping
from ipaddress import IPv4Address, ip_address
from typing import Final

import bcrypt

from ocsp_exporter.serving.threads import in_thread
from ocsp_exporter.serving.turns import TooMany, Turns

#: Beyond so many passwords that wait to be checked, one after the other, more are refused; and beyond so many that came
#: from one address, about as many as are checked in half a second.
_MOST_WAITING: Final = 100
_MOST_OF_ONE: Final = 10
_ENDING: Final = "The exporter is shutting down."
#: What bcrypt reads of a password; htpasswd and Go leave the rest unread too.
_MOST_BYTES: Final = 72


class NotChecked(Exception):
    """A password was not checked, as the exporter is too busy or about to end; the text is a sentence for people."""

    def __init__(self, text: str, status: int = 503) -> None:
        super().__init__(text)
        self.status = status


class Logins:
    """Checks who may come. Used from one event loop.

    A login that was right is remembered, not its password, until the user's hash is another. The check of others takes
    as long for users that there are as for such as there are not. One password is checked at a time, by a thread that
    does not delay the exporter's end, and those that came from one address wait for each other before others wait for
    them: guessing keeps nobody out but the neighbours.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._known: dict[str, bytes] = {}
        self._checks: dict[bytes, asyncio.Task[bool]] = {}
        self._turns = Turns(_MOST_WAITING, _MOST_OF_ONE)
        self._closed = False

    def close(self) -> None:
        """Let those who wait be answered now, and whoever comes later."""
        self._closed = True
        for check in self._checks.values():
            check.cancel()

    async def allow(self, authorization: str, users: Mapping[str, str], host: str = "") -> bool:
        """Tell whether an Authorization header has the name of a user, and the password of the user's bcrypt hash.

        `host` is the address from which it came. Raises NotChecked.
        """
        user, password = _credentials(authorization) or (None, b"")
        if user is None:
            return False
        expected = users.get(user) or _nobodys(users)
        proof = hmac.digest(self._key, expected.encode() + password, "sha256")
        if hmac.compare_digest(self._known.get(user, b""), proof):
            return True
        if self._closed:
            raise NotChecked(_ENDING)
        # Prometheus's scrapes come together; one check is for all of them.
        checking = self._checks.get(proof)
        if checking is None:
            checking = self._checks[proof] = asyncio.create_task(self._check(password, expected, _neighbourhood(host)))
            checking.add_done_callback(lambda _: self._checks.pop(proof))
        await asyncio.wait({checking})
        if checking.cancelled():
            raise NotChecked(_ENDING)
        is_right = checking.result() and user in users
        if is_right:
            self._known[user] = proof
        return is_right

    async def _check(self, password: bytes, expected: str, who: str) -> bool:
        """Check a password when its turn comes."""
        try:
            async with self._turns.taken(who):
                return await in_thread(lambda: bcrypt.checkpw(password, expected.encode()))
        except TooMany as reason:
            whose, status = (" from your address", 429) if reason.of_one else ("", 503)
            raise NotChecked(f"Too many logins{whose} wait to be checked; try again later.", status) from None


def _neighbourhood(host: str) -> str:
    """Give what a client cannot change as it likes: its address, of IPv6 the network of 64 bits."""
    try:
        address = ip_address(host)
    except ValueError:  # none: it came by a Unix socket
        return host
    if isinstance(address, IPv4Address):
        return host
    return str(address.ipv4_mapped or address.packed[:8].hex())


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
