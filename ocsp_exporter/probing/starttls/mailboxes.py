"""The protocols of mailboxes: IMAP, POP3, ManageSieve."""

import re

from ocsp_exporter.probing.starttls.conversation import MAX_LINE, Conversation, failed
from ocsp_exporter.quoting import quoted

_IMAP_GOODBYE = b"a2 LOGOUT\r\n"
_POP3_GOODBYE = b"QUIT\r\n"
_SIEVE_GOODBYE = b"LOGOUT\r\n"
_SIEVE_STATUS = re.compile(r"(OK|NO|BYE)( |$)", re.IGNORECASE)
_SIEVE_LITERAL = re.compile(r"\{([0-9]{1,5})\}$")


async def imap(talk: Conversation) -> None:
    """IMAP: RFC 3501, sections 6.2.1 and 7.1; RFC 2595, section 3.1.

    After the greeting PREAUTH it is too late for TLS.
    """
    greeting = await talk.line()
    if not re.match(r"\* OK( |$)", greeting, re.IGNORECASE):
        raise talk.refused(greeting, _IMAP_GOODBYE)
    await talk.send(b"a1 STARTTLS\r\n")
    answer = await talk.line()
    while answer.startswith("* "):
        answer = await talk.line()
    if not re.match(r"a1 OK( |$)", answer, re.IGNORECASE):
        raise talk.refused(answer, _IMAP_GOODBYE)


async def pop3(talk: Conversation) -> None:
    """POP3: RFC 2595, section 4; RFC 1939, section 3."""
    for command in (b"", b"STLS\r\n"):
        await talk.send(command)
        answer = await talk.line()
        if not re.match(r"\+OK( |$)", answer):
            raise talk.refused(answer, _POP3_GOODBYE)


async def sieve(talk: Conversation) -> None:
    """ManageSieve: RFC 5804, sections 1.7 and 2.2."""
    capabilities = await _sieve_answer(talk)
    if not any(re.match(r'"STARTTLS"', line, re.IGNORECASE) for line in capabilities):
        raise talk.refused("its capabilities do not offer STARTTLS", _SIEVE_GOODBYE)
    await talk.send(b"STARTTLS\r\n")
    await _sieve_answer(talk)


async def _sieve_answer(talk: Conversation) -> list[str]:
    """Read the lines up to the one that says OK; a literal, which may follow that too, is read over."""
    lines = []
    while not _SIEVE_STATUS.match(line := await talk.line()):
        if not line.startswith('"'):
            raise failed(f"expected a capability: {quoted(line)}")
        lines.append(line)
        await _sieve_literal(talk, line)
    if not line.upper().startswith("OK"):
        raise talk.refused(line, _SIEVE_GOODBYE)
    await _sieve_literal(talk, line)
    return lines


async def _sieve_literal(talk: Conversation, line: str) -> None:
    """Read what the end of a line announces (RFC 5804, section 4, literal-s2c), and the rest of the line behind it."""
    if literal := _SIEVE_LITERAL.search(line):
        await talk.exactly(min(int(literal[1]), MAX_LINE))
        await talk.line()
