"""The protocols of chats: IRC, and XMPP for clients and between servers."""

import re

from ocsp_exporter.probing.starttls.conversation import MAX_LINE, Conversation, failed
from ocsp_exporter.quoting import quoted

# Tags and a prefix may stand in front of a command, which is a word or a number.
_IRC_LINE = re.compile(r"(?:@\S+ +)?(?::\S+ +)?([A-Za-z]+|[0-9]{3})(?: |$)")
_IRC_REFUSALS = {
    "691",  # ERR_STARTTLS
    "421",  # unknown command
    "451",  # not registered
    "ERROR",
}

_TLS = "urn:ietf:params:xml:ns:xmpp-tls"
_XMPP_GOODBYE = b"</stream:stream>"
# Comments, declarations, CDATA and processing instructions but for the first have no place in a stream: RFC 6120,
# section 11.1. So the first `>` outside of quotes ends a tag.
_TAG = re.compile(
    r"\s*<(?P<end>/?)(?:[\w-]+:)?(?P<name>[\w-]+)(?P<attributes>(?:\s+[\w:-]+\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))*)\s*(?P<empty>/?)>"
)
_XML_DECLARATION = re.compile(r"\s*<\?xml\s[^<>]*\?>")
_MAX_TAGS = 500
_MAX_QUOTED = 16  # times that > may stand within the quotes of one tag


async def irc(talk: Conversation) -> None:
    """IRC: the extension `tls` of IRCv3 (ircv3.net/specs/deprecated/tls), reply 670 or 691."""
    await talk.send(b"STARTTLS\r\n")
    while True:
        line = await talk.line()
        parts = _IRC_LINE.match(line)
        if not parts:
            raise failed(f"expected a message of IRC: {quoted(line)}")
        if parts[1] == "670":
            return
        if parts[1].upper() in _IRC_REFUSALS:
            raise talk.refused(line, b"QUIT\r\n")


async def xmpp_client(talk: Conversation) -> None:
    """XMPP as a client: RFC 6120, sections 4.2, 4.3 and 5.4."""
    await _xmpp(talk, "jabber:client")


async def xmpp_server(talk: Conversation) -> None:
    """XMPP as a server: the same stream in the name space of servers (RFC 6120, section 4.8.2)."""
    await _xmpp(talk, "jabber:server")


async def _xmpp(talk: Conversation, name_space: str) -> None:
    # A host's name has no character that means something in XML.
    await talk.send(
        f"<?xml version='1.0'?><stream:stream to='{talk.server_name}' version='1.0' xmlns='{name_space}' "
        "xmlns:stream='http://etherx.jabber.org/streams'>".encode()
    )
    tag = await _tag(talk, declaration=True)
    if tag["name"] != "stream":
        raise failed(f"expected the beginning of a stream: {quoted(tag[0])}")
    if not await _offers_tls(talk):
        raise talk.refused("its stream's features do not offer starttls", _XMPP_GOODBYE)
    await talk.send(f"<starttls xmlns='{_TLS}'/>".encode())
    answer = await _tag(talk)
    if answer["name"] != "proceed" or answer["end"] or not _is_about_tls(answer):
        raise talk.refused(answer[0], _XMPP_GOODBYE)
    if not answer["empty"]:
        end = await _tag(talk)
        if not (end["end"] and end["name"] == "proceed"):
            raise failed(f"expected nothing within proceed: {quoted(end[0])}")


async def _offers_tls(talk: Conversation) -> bool:
    """Read the features of the stream, and say whether starttls is among them."""
    tag = await _tag(talk)
    if tag["name"] != "features" or tag["end"]:
        reason = "" if tag["empty"] else (await _tag(talk))[0]
        raise talk.refused(tag[0] + reason, _XMPP_GOODBYE)
    offered = False
    for _ in range(_MAX_TAGS):
        if tag["name"] == "features" and (tag["end"] or tag["empty"]):
            return offered
        tag = await _tag(talk)
        offered = offered or (tag["name"] == "starttls" and not tag["end"] and _is_about_tls(tag))
    raise failed(f"the features of the stream have more than {_MAX_TAGS} tags")


def _is_about_tls(tag: re.Match[str]) -> bool:
    return bool(re.search(rf"\sxmlns\s*=\s*[\"']{_TLS}[\"']", tag["attributes"]))


async def _tag(talk: Conversation, *, declaration: bool = False) -> re.Match[str]:
    """Read the next tag, passing over text in front of it; with `declaration` also over the XML declaration."""
    text = ""
    for _ in range(_MAX_QUOTED):
        text += (await talk.through(b">", MAX_LINE)).decode("utf-8", "backslashreplace")
        if declaration and _XML_DECLARATION.fullmatch(text):
            text, declaration = "", False
        elif tag := _TAG.fullmatch(text[max(text.find("<"), 0) :]):
            return tag
        elif text.count('"') % 2 == 0 == text.count("'") % 2:
            break
    raise failed(f"expected a tag of XML: {quoted(text)}")
