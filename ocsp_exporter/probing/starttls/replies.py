"""The protocols that answer with three digits: SMTP, LMTP, FTP, NNTP."""

import re

from ocsp_exporter.probing.starttls.conversation import Conversation, failed
from ocsp_exporter.quoting import quoted

_REPLY = re.compile(r"([2-5][0-9]{2})([ -]|$)(.*)")
_QUIT = b"QUIT\r\n"


async def smtp(talk: Conversation) -> None:
    """SMTP: RFC 3207, section 4, with the replies of RFC 5321, section 4.2."""
    await _mail(talk, "EHLO")


async def lmtp(talk: Conversation) -> None:
    """LMTP: as SMTP, and it begins with LHLO (RFC 2033, section 4.1)."""
    await _mail(talk, "LHLO")


async def ftp(talk: Conversation) -> None:
    """FTP: RFC 4217, section 4, with the replies of RFC 959, section 4.2."""
    await _expect(talk, "220", await _ftp_reply(talk))
    await talk.send(b"AUTH TLS\r\n")
    await _expect(talk, "234", await _ftp_reply(talk))


async def nntp(talk: Conversation) -> None:
    """NNTP: RFC 4642, section 2.2, with the greetings of RFC 3977, section 5.1."""
    greeting = await talk.line()
    if not greeting.startswith(("200", "201")):
        raise talk.refused(greeting, _QUIT)
    await talk.send(b"STARTTLS\r\n")
    await _expect(talk, "382", [await talk.line()])


async def _mail(talk: Conversation, hello: str) -> None:
    await _expect(talk, "220", await _mail_reply(talk))
    await talk.send(f"{hello} {talk.client_name()}\r\n".encode())
    greeting = await _mail_reply(talk)
    await _expect(talk, "250", greeting)
    if not any(line[4:].upper().split()[:1] == ["STARTTLS"] for line in greeting[1:]):
        raise talk.refused(f"its answer to {hello} does not offer STARTTLS", _QUIT)
    await talk.send(b"STARTTLS\r\n")
    await _expect(talk, "220", await _mail_reply(talk))


async def _expect(talk: Conversation, code: str, reply: list[str]) -> None:
    if not re.match(rf"{code}( |-|$)", reply[0]):
        raise talk.refused(reply[0], _QUIT)


async def _mail_reply(talk: Conversation) -> list[str]:
    """Read the lines of a reply, each of which has the code, and the last one no hyphen behind it."""
    lines = [await _first_line(talk)]
    while lines[-1][3:4] == "-":
        lines.append(await talk.line())
        if not _REPLY.fullmatch(lines[-1]) or lines[-1][:3] != lines[0][:3]:
            raise failed(f"a line within a reply is not one: {quoted(lines[-1])}")
    return lines


async def _ftp_reply(talk: Conversation) -> list[str]:
    """Read the lines of a reply, which may have anything between the first one and the last."""
    lines = [await _first_line(talk)]
    if lines[0][3:4] == "-":
        while lines[-1][:4].rstrip() != lines[0][:3]:
            lines.append(await talk.line())
    return lines


async def _first_line(talk: Conversation) -> str:
    line = await talk.line()
    if not _REPLY.fullmatch(line):
        raise failed(f"expected a reply that begins with three digits: {quoted(line)}")
    return line
