"""Foreign text where people read it: on one line, short if need be, and unable to steer a terminal or to hide."""

import re
from typing import Final

#: What stands before the host in a URL.
_USERINFO: Final = re.compile(r"(?<=://)[^/?#\s]*@")
_SCHEME: Final = re.compile(r"[A-Za-z0-9+.-]+://")


def printable(text: str, limit: int | None = None) -> str:
    r"""Give `text` with what cannot be seen written as an escape such as `\n`, cut to about `limit` characters."""
    cut = text if limit is None or len(text) <= limit else text[:limit] + "…"
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)


def quoted(text: str) -> str:
    """Give `text` printable, in double quotes and short enough for a sentence."""
    return f'"{printable(text, 80)}"'


def without_userinfo(text: str) -> str:
    """Give `text` without the user names and passwords that stand in its URLs."""
    return _USERINFO.sub("***@", text)


def without_secrets(url: str) -> str:
    """Give what was meant to be a URL without what may be a password, wherever the writer's mistake put it."""
    before, at, after = url.rpartition("@")
    if not at:
        return url
    scheme = _SCHEME.match(before)
    return (scheme[0] if scheme else "") + "***@" + after
