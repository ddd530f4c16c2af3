"""A TCP connection to the first of a target's addresses that answers."""

import asyncio
import logging
import socket

from ocsp_exporter.model import Failure, ProbeFailed
from ocsp_exporter.probing.readiness import finish_connecting
from ocsp_exporter.probing.resolver import Address, Addresses, failure_of

logger = logging.getLogger(__name__)


async def connect(addresses: Addresses, port: int, deadline: float) -> socket.socket:
    """Return a connected, non-blocking socket; the caller closes it.

    The addresses are tried in order, as any client would, each for its share of the time left until `deadline`
    (on the event loop's clock). Raises ProbeFailed with the reason of the first one.
    """
    first_failure: ProbeFailed | None = None
    for position, address in enumerate(addresses):
        now = asyncio.get_running_loop().time()
        until = now + (deadline - now) / (len(addresses) - position)
        try:
            return await _connect(address, port, until)
        except ProbeFailed as failed:
            fields = {"failure": failed.failure, "detail": failed.detail}
            logger.debug("cannot connect to an address", extra={"fields": fields})
            first_failure = first_failure or failed
    raise first_failure or ProbeFailed(Failure.RESOLVE, "there is no address to connect to")


async def _connect(address: Address, port: int, until: float) -> socket.socket:
    where = f"{address.host} port {port}"
    try:
        made = socket.socket(address.family, socket.SOCK_STREAM)
    except OSError as error:
        raise ProbeFailed(failure_of(error, Failure.UNREACHABLE), f"no socket for {where}: {error}") from error
    try:
        made.setblocking(False)
        # A handshake is a few small messages, each waiting for the other side.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout_at(until):
            await finish_connecting(made, address.with_port(port))
    except BaseException as error:
        made.close()
        if isinstance(error, TimeoutError):  # ours, or the system's own after minutes
            raise ProbeFailed(Failure.TIMEOUT, f"{where} did not answer in time") from error
        if isinstance(error, ConnectionRefusedError):
            raise ProbeFailed(Failure.REFUSED, f"{where} refused the connection") from error
        if isinstance(error, OSError):
            failure = failure_of(error, Failure.UNREACHABLE)
            raise ProbeFailed(failure, f"{where} cannot be reached: {error.strerror}") from error
        raise
    return made
