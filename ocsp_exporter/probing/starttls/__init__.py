"""From a connection in clear to the moment when TLS starts: one coroutine for each protocol, in one table."""

import socket
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from ocsp_exporter.model import StartTLS
from ocsp_exporter.probing.starttls.binary import ldap, mysql, postgres
from ocsp_exporter.probing.starttls.chats import irc, xmpp_client, xmpp_server
from ocsp_exporter.probing.starttls.conversation import Conversation
from ocsp_exporter.probing.starttls.mailboxes import imap, pop3, sieve
from ocsp_exporter.probing.starttls.nats import nats, nats_auto
from ocsp_exporter.probing.starttls.replies import ftp, lmtp, nntp, smtp

#: What is said before TLS, by protocol: a coroutine that returns when TLS is to start.
PROTOCOLS: Final[Mapping[StartTLS, Callable[[Conversation], Awaitable[None]]]] = MappingProxyType(
    {
        StartTLS.SMTP: smtp,
        StartTLS.LMTP: lmtp,
        StartTLS.IMAP: imap,
        StartTLS.POP3: pop3,
        StartTLS.FTP: ftp,
        StartTLS.LDAP: ldap,
        StartTLS.XMPP_CLIENT: xmpp_client,
        StartTLS.XMPP_SERVER: xmpp_server,
        StartTLS.POSTGRES: postgres,
        StartTLS.MYSQL: mysql,
        StartTLS.SIEVE: sieve,
        StartTLS.NNTP: nntp,
        StartTLS.IRC: irc,
        StartTLS.NATS: nats,
        StartTLS.NATS_AUTO: nats_auto,
    }
)


async def start_tls(connected: socket.socket, protocol: StartTLS, server_name: str) -> bool:
    """Bring a connected, non-blocking socket to where the ClientHello comes next; `protocol` is not NONE.

    Tells whether the server said anything in clear. Raises ProbeFailed where it does not agree (`starttls`), or has
    no TLS by its own word (`not_tls`).
    """
    talk = Conversation(connected, server_name)
    await PROTOCOLS[protocol](talk)
    talk.end()
    return talk.has_begun
