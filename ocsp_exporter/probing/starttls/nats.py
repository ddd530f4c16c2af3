"""NATS: the server says INFO first, and TLS starts right behind it, before any CONNECT.

docs.nats.io/reference/reference-protocols/nats-protocol, "INFO".
"""

import json

from ocsp_exporter.model import Failure, ProbeFailed
from ocsp_exporter.probing.starttls.conversation import MAX_TOTAL, Conversation, failed
from ocsp_exporter.quoting import quoted

#: Seconds that a server is given for its INFO before it is taken for one that waits for TLS (`handshake_first`).
PATIENCE = 0.2

#: Octets: an INFO lists the URLs of the whole cluster.
_MAX_INFO = MAX_TOTAL


async def nats(talk: Conversation) -> None:
    """NATS that says INFO first. Raises ProbeFailed, `not_tls` where INFO says that there is no TLS."""
    line = await talk.line(_MAX_INFO)
    verb, _, text = line.partition(" ")
    if verb.upper() != "INFO":
        raise talk.refused(line)
    try:
        info = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise failed(f"the server's INFO is not JSON: {quoted(text)}") from error
    if not isinstance(info, dict):
        raise failed(f"the server's INFO is not an object: {quoted(text)}")
    if info.get("tls_required") is not True and info.get("tls_available") is not True:
        raise ProbeFailed(Failure.NOT_TLS, "the server's INFO says neither tls_required nor tls_available")


async def nats_auto(talk: Conversation) -> None:
    """NATS that says INFO first, or waits for TLS: silence for PATIENCE means the latter."""
    if await talk.is_spoken_to(PATIENCE):
        await nats(talk)
