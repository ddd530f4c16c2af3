"""The table of protocols and real servers: which of them staples, and how. `docs/protocols.md` is written from it.

The tests hold every row against the server itself, and where WRITE_PROTOCOLS names a file they write
the page to it, with the versions of the servers that ran.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Stapling(StrEnum):
    """Where the staple comes from that a server sends."""

    NONE = "none"
    FILE = "good, from a file"
    FETCHED = "good, fetched by the server"
    NOT_HERE = "none on this port"


@dataclass(frozen=True, slots=True)
class Row:
    """A protocol as users write it (https and tls: TLS at once), a server, and its stapling."""

    protocol: str
    server: str
    stapling: Stapling


#: All that runs on loopback in the tests; those of NATS_SERVER only where that is set.
ROWS = (
    Row("https", "nginx", Stapling.FILE),
    Row("https", "HAProxy", Stapling.FILE),
    Row("https", "Apache, mod_ssl", Stapling.FETCHED),
    Row("https", "Apache, mod_md", Stapling.FETCHED),
    Row("https", "Caddy", Stapling.FETCHED),
    Row("smtp", "Postfix", Stapling.NONE),
    Row("smtp", "Exim", Stapling.FILE),
    Row("lmtp", "Dovecot", Stapling.NONE),
    Row("imap", "Dovecot", Stapling.NONE),
    Row("pop3", "Dovecot", Stapling.NONE),
    Row("sieve", "Dovecot", Stapling.NONE),
    Row("ftp", "ProFTPD", Stapling.FETCHED),
    Row("ldap", "OpenLDAP", Stapling.NONE),
    Row("xmpp-client", "Prosody", Stapling.NONE),
    Row("xmpp-server", "Prosody", Stapling.NONE),
    Row("postgres", "PostgreSQL", Stapling.NONE),
    Row("mysql", "MariaDB", Stapling.NONE),
    Row("irc", "InspIRCd", Stapling.NONE),
    Row("nats", "NATS 2.9, client port", Stapling.FETCHED),
    Row("nats", "NATS 2.9, leafnode port", Stapling.FETCHED),
    Row("tls", "NATS 2.9, route port", Stapling.FETCHED),
    Row("tls", "NATS 2.9, gateway port", Stapling.FETCHED),
    Row("tls", "NATS 2.9, https monitoring port", Stapling.FETCHED),
    Row("tls", "NATS 2.9, websocket port", Stapling.NOT_HERE),
    Row("nats", "NATS 2.10 and later, client port", Stapling.FETCHED),
    Row("tls", "NATS 2.10 and later, client port, handshake_first", Stapling.FETCHED),
    Row("nats-auto", "NATS 2.10 and later, client port, handshake_first: auto", Stapling.FETCHED),
    Row("nats", "NATS 2.10 and later, leafnode port", Stapling.NOT_HERE),
    Row("tls", "NATS 2.10 and later, route port", Stapling.FETCHED),
    Row("tls", "NATS 2.10 and later, gateway port", Stapling.FETCHED),
    Row("tls", "NATS 2.10 and later, https monitoring port", Stapling.FETCHED),
    Row("tls", "NATS 2.10 and later, websocket port", Stapling.FETCHED),
)

_HEAD = """# Protocols

<!-- Written by `make docs-protocols`, which runs the servers. Do not edit: change tests/peers/protocols.py. -->

What the tests ran: real servers on the loopback address, with certificates of a test CA. The protocol is a target's
scheme, such as `smtp://mx.example.org`, and the name of the built-in module that has it as its `starttls`; `https`
and `tls` mean TLS at once, and `nats-auto` is for modules only. NNTP is tested against scripted servers only.
[NATS](nats.md) has a page of its own.

| protocol | server | version | staple seen |
| --- | --- | --- | --- |
"""

_TAIL = """
A server without stapling is still worth a look: its certificate, its chain, and whether it demands a staple
(must-staple) that the server cannot give. Under the policy `auto` such a server is a violation only if its
certificate demands one.
"""


def page(versions: Mapping[Row, str]) -> str:
    """Give `docs/protocols.md` with the versions of the servers that ran."""
    rows = [
        f"| `{row.protocol}` | {row.server} | {versions[row]} | {row.stapling} |\n" for row in ROWS if row in versions
    ]
    return "".join((_HEAD, *rows, _TAIL))


def rows_of(markdown: str) -> Iterable[tuple[str, str, str]]:
    """Yield protocol, server and staple of each row of the page."""
    for line in markdown.splitlines():
        if line.startswith("| `"):
            protocol, server, _, stapling = (cell.strip() for cell in line.strip("|").split("|"))
            yield protocol.strip("`"), server, stapling
