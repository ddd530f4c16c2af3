"""Whether the exporter may go where a URL leads, or where somebody sends it who may not name any target. Pure.

The URLs stand in certificates, and those are chosen by whoever runs the endpoint: without rules he could have the
exporter ask services that only the exporter can reach.
"""

import ipaddress
import socket
from collections.abc import Iterator
from enum import Enum, auto
from typing import TypeAlias

from ocsp_exporter.model import EgressPolicy, Follow, IPNetwork

_IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Prefixes under which an IPv4 address is surely the end of an IPv6 one: compatible and mapped (RFC 4291, section
#: 2.5.5), translated (RFC 2765, section 2.1; RFC 6052, section 2.1). `::` leads to this machine, as 0.0.0.0 does.
_ENDING_IN_IPV4 = tuple(map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")))
_LOOPBACK = ipaddress.IPv6Address("::1")
#: For a NAT64 of one's own (RFC 8215), which may use any part of it: the IPv4 address stands behind 48, 56, 64 or 96
#: bits, but not in octet 8 (RFC 6052, section 2.2), and what follows it may be anything.
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
_PLACES_IN_LOCAL_NAT64 = ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))
_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")


class Voucher(Enum):
    """Who answers for a URL: `TRUST` is a trusted root in which the path of signatures from its certificate ends."""

    OPERATOR = auto()  # who wrote it
    CLIENT = auto()  # who asked for it at /probe, and may ask for some hosts only
    TRUST = auto()
    NOBODY = auto()


def objection(
    policy: EgressPolicy, host: str, address: str | None, vouched_by: Voucher, led_by: str | None = None
) -> str | None:
    """Say why a request to `host` may not be sent to `address`, None where it may.

    `address` None: a proxy will look the name up, and nothing is known of it here. `follow` is about the URLs in
    certificates only; `deny` holds for everybody. `led_by` is the address that redirected there, None: nobody did, or
    it is not known. Whoever it is, and most speak plain http, leads nobody to what he may not reach himself.
    """
    surely = tuple(_reached(ipaddress.ip_address(address))) if address else ()
    perhaps = tuple(_perhaps_reached(ipaddress.ip_address(address))) if address else ()
    denying = _first_holding(policy.denied, surely + perhaps)
    if denying:
        return f"{address} is in egress.deny ({denying})"
    if host.lower().rstrip(".") in policy.allowed_hosts or _first_holding(policy.allowed, surely):
        return None
    named = host if address in {None, host} else f"{host} ({address})"
    if address and led_by and _distance(address) < _distance(led_by):
        return f"{named} is not in egress.allow, and {led_by}, which redirects there, is farther away"
    if (
        vouched_by in {Voucher.OPERATOR, Voucher.CLIENT}
        or policy.follow is Follow.ANY
        or (policy.follow is Follow.TRUSTED and vouched_by is Voucher.TRUST)
    ):
        return None
    trust = " and no trusted root stands behind the URL" if policy.follow is Follow.TRUSTED else ""
    return f"{named} is not in egress.allow, egress.follow is {policy.follow}{trust}"


def is_within(networks: tuple[IPNetwork, ...], address: str) -> bool:
    """Tell whether an address is in one of the networks.

    An IPv6 address at whose end packets may reach IPv4 addresses counts as these: if all of them are.
    """
    return all(_first_holding(networks, (end,)) for end in _ends(address))


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


def _reached(address: _IPAddress) -> Iterator[_IPAddress]:
    """Yield an address, and the IPv4 address that packets sent to it will reach."""
    yield address
    if any(address in prefix for prefix in _ENDING_IN_IPV4) and address != _LOOPBACK:
        yield ipaddress.IPv4Address(address.packed[-4:])


def _perhaps_reached(address: _IPAddress) -> Iterator[_IPAddress]:
    """Yield the IPv4 addresses that packets sent to an address reach in some networks."""
    if isinstance(address, ipaddress.IPv6Address) and address.sixtofour:
        yield address.sixtofour
    if address in _LOCAL_NAT64:
        for place in _PLACES_IN_LOCAL_NAT64:
            found = ipaddress.IPv4Address(bytes(address.packed[octet] for octet in place))
            if found not in _THIS_NETWORK:  # where the prefix is longer there are zeros
                yield found


def _ends(address: str) -> tuple[_IPAddress, ...]:
    """Return the IPv4 addresses that packets to an address reach, surely or perhaps; itself where there are none."""
    parsed = ipaddress.ip_address(address)
    reached = (*_reached(parsed), *_perhaps_reached(parsed))
    return tuple(each for each in reached if isinstance(each, ipaddress.IPv4Address)) or (parsed,)


def _distance(address: str) -> int:
    """Tell how far away an address may be at least: on this machine, in a network that is not public, anywhere."""
    ends = _ends(address)
    if any(end.is_loopback or end.is_unspecified for end in ends):
        return 0
    return 2 if all(end.is_global for end in ends) else 1


def _first_holding(networks: tuple[IPNetwork, ...], addresses: tuple[_IPAddress, ...]) -> IPNetwork | None:
    return next((network for network in networks if any(address in network for address in addresses)), None)
