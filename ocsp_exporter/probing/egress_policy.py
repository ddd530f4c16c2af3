"""Whether the exporter may go where a URL leads. Pure.

The URLs stand in certificates, and those are chosen by whoever runs the endpoint: without rules he could have the
exporter ask services that only the exporter can reach.
"""

import ipaddress
import socket
from collections.abc import Iterator
from typing import TypeAlias

from ocsp_exporter.model import EgressPolicy, Follow, IPNetwork

_IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Prefixes under which an IPv4 address is the end of an IPv6 one: mapped (RFC 4291, section 2.5.5.2), and
#: translated by a NAT64 that is well known (RFC 6052, section 2.1) or local (RFC 8215).
_ENDING_IN_IPV4 = tuple(map(ipaddress.IPv6Network, ("::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")))


def objection(policy: EgressPolicy, host: str, address: str | None, *, vouched_for: bool) -> str | None:
    """Say why a request to `host` may not be sent to `address`, None where it may.

    `address` None: a proxy will look the name up, and nothing is known of it here. `vouched_for`: the URL stands
    in a certificate whose path of signatures ends in a root that is trusted.
    """
    forms = tuple(_forms(address)) if address else ()
    denying = _first_holding(policy.denied, forms)
    if denying:
        return f"{address} is in egress.deny ({denying})"
    if (
        policy.follow is Follow.ANY
        or (policy.follow is Follow.TRUSTED and vouched_for)
        or host.lower().rstrip(".") in policy.allowed_hosts
        or _first_holding(policy.allowed, forms)
    ):
        return None
    named = host if address in {None, host} else f"{host} ({address})"
    trust = " and no trusted root stands behind the URL" if policy.follow is Follow.TRUSTED else ""
    return f"{named} is not in egress.allow, egress.follow is {policy.follow}{trust}"


def literal_address(host: str) -> str | None:
    """Return the IP address that a URL's host is, None where it is a name.

    127.1, 0x7f000001 and 2130706433 are addresses too: to the resolver, and so to a proxy.
    """
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host.rstrip(".")))
    except OSError:
        return None


def _forms(text: str) -> Iterator[_IPAddress]:
    """Yield an address, and the IPv4 address that packets sent to it will reach."""
    address = ipaddress.ip_address(text)
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        if any(address in prefix for prefix in _ENDING_IN_IPV4):
            yield ipaddress.IPv4Address(address.packed[-4:])
        if address.sixtofour:
            yield address.sixtofour


def _first_holding(networks: tuple[IPNetwork, ...], addresses: tuple[_IPAddress, ...]) -> IPNetwork | None:
    return next((network for network in networks if any(address in network for address in addresses)), None)
