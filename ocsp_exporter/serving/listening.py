"""Sockets to listen on: for addresses, or such as systemd has opened."""

import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Final

_ADDRESS = re.compile(r"(?:\[(?P<ipv6>[^\]]*)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT = 65535

#: The first descriptor that systemd passes: SD_LISTEN_FDS_START.
_FIRST_DESCRIPTOR: Final = 3


class ListenError(Exception):
    """An address cannot be listened on; the text is a sentence for people."""


def bind(addresses: Sequence[str], option: str = "--web.listen-address") -> list[socket.socket]:
    """Give listening sockets for addresses such as `:10960` (all interfaces), `127.0.0.1:0` and `[::1]:10960`.

    Raises ListenError for the first that is malformed or cannot be bound; then none is left open. `option` is where
    another may be chosen.
    """
    with ExitStack() as bound:
        sockets = [bound.enter_context(each) for address in addresses for each in _bind(address, option)]
        bound.pop_all()
    return sockets


def _bind(address: str, option: str) -> Iterator[socket.socket]:
    malformed = ListenError(f"Cannot listen on {address!r}: an address is HOST:PORT, [IPv6]:PORT or :PORT.")
    match = _ADDRESS.fullmatch(address)
    if not match or int(match["port"]) > _HIGHEST_PORT:
        raise malformed
    host, port = match["ipv6"] or match["host"], int(match["port"])
    try:
        if not host:
            both = socket.has_dualstack_ipv6()
            yield socket.create_server(
                ("", port), family=socket.AF_INET6 if both else socket.AF_INET, dualstack_ipv6=both
            )
            return
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, where in dict.fromkeys((family, where) for family, _, _, _, where in found):
            yield socket.create_server(where[:2], family=family)
    except UnicodeError as fault:  # a label of the host name is empty or too long
        raise malformed from fault
    except OSError as fault:
        # create_server adds the address to its text, in its own words; the resolver's codes are negative.
        reason = os.strerror(fault.errno) if fault.errno and fault.errno > 0 else fault.strerror
        raise ListenError(f"Cannot listen on {address!r}: {reason}. Choose another: {option}.") from fault


def passed_sockets(environ: Mapping[str, str] = os.environ) -> list[socket.socket]:
    """Give the listening sockets that systemd has opened for this process, TCP or Unix.

    sd_listen_fds(3) says how. Raises ListenError.
    """
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdecimal() or not int(count):
        raise ListenError("--web.systemd-socket: systemd has passed no socket; it does so with a unit of type socket.")
    with ExitStack() as opened:
        numbers = range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + int(count))
        sockets = [opened.enter_context(_listening(number)) for number in numbers]
        opened.pop_all()
    return sockets


def _listening(number: int) -> socket.socket:
    refusal = ListenError(f"--web.systemd-socket: descriptor {number} does not listen; with ListenStream= one does.")
    try:
        passed = socket.socket(fileno=number)
    except OSError as error:
        raise refusal from error
    if passed.type is not socket.SOCK_STREAM or not passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        passed.close()
        raise refusal
    passed.set_inheritable(False)
    return passed


def address_of(listening: socket.socket) -> str:
    """Write where a socket listens, as people do."""
    name = listening.getsockname()
    if listening.family == socket.AF_UNIX:
        return f"unix:{name}"
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
