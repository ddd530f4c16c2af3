"""The ways in which a probe looks at its target: at which addresses, asking for which type of key. Pure."""

import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from ocsp_exporter.model import (
    AddressChoice,
    Failure,
    IPProtocol,
    KeyType,
    Module,
    ProbeFailed,
    Target,
    TargetForbidden,
)
from ocsp_exporter.probing.egress_policy import Voucher, is_within
from ocsp_exporter.probing.resolver import Address, Addresses, is_address

#: Whoever answers for a name must not choose how many connections a probe makes.
MOST_ADDRESSES = 32

_FAMILIES = {IPProtocol.IP4: socket.AF_INET, IPProtocol.IP6: socket.AF_INET6}


@dataclass(frozen=True, slots=True)
class Way:
    """One way of looking at a target. The addresses are tried in order; `deadline` is on the event loop's clock."""

    target: Target
    module: Module
    addresses: Addresses
    key_type: KeyType
    deadline: float

    @property
    def address(self) -> str | None:
        """The label for the address, None where the target's addresses are not told apart."""
        is_told = self.module.addresses is AddressChoice.ALL and self.addresses
        return self.addresses[0].text if is_told else None


def ways(target: Target, module: Module, addresses: Addresses, deadline: float) -> Iterator[Way]:
    """Give the ways of a probe, key type by key type at one address after the other, if each has a look of its own.

    Without any address these are still the ways of a probe that fails.
    """
    each_alone = module.addresses is AddressChoice.ALL and addresses
    for where in [(each,) for each in addresses] if each_alone else [addresses]:
        for key_type in module.key_types:
            yield Way(target, module, where, key_type, deadline)


def permitted(target: Target, addresses: Addresses) -> Addresses:
    """Give those of a target's addresses that whoever named it may have looked at. Raises TargetForbidden: none."""
    if target.within is None:
        return addresses
    found = tuple(each for each in addresses if is_within(target.within, each.host.partition("%")[0]))
    if not found:
        nor = "" if is_address(target.host) else ", nor is any of its addresses"
        raise TargetForbidden(f"{target.host} is not in probe_endpoint.allow_targets{nor}.")
    return found


def require_permission(target: Target) -> None:
    """Raise TargetForbidden unless a URL is one that whoever named it may have looked at.

    Of its host only an address counts, not those that it resolves to: what fetches looks names up itself, and keeps
    what it got for all.
    """
    if target.within is not None and not (is_address(target.host) and is_within(target.within, target.host)):
        raise TargetForbidden(f"{target.host} is not in probe_endpoint.allow_targets, and what is fetched has to be.")


def voucher_of(target: Target) -> Voucher:
    """Tell who answers for a target's URL: a client who may not name any target does so for its host alone."""
    return Voucher.OPERATOR if target.within is None else Voucher.CLIENT


def usable(module: Module, host: str, addresses: Addresses) -> Addresses:
    """Give the addresses of a host that the module goes to: in the order given, or by number if it goes to each.

    By number, because these are what is cut at `MOST_ADDRESSES`: from probe to probe the same ones. Raises ProbeFailed
    (`resolve`) where there is none.
    """
    family = _FAMILIES.get(module.ip_protocol)
    chosen = tuple(dict.fromkeys(each for each in addresses if family in (None, each.family)))
    if not chosen:
        wanted = {IPProtocol.IP4: "IPv4", IPProtocol.IP6: "IPv6"}[module.ip_protocol]
        raise ProbeFailed(
            Failure.RESOLVE, f"{host} has no {wanted} address; the module's ip_protocol is {module.ip_protocol}"
        )
    return tuple(sorted(chosen, key=_number)) if module.addresses is AddressChoice.ALL else chosen


def _number(address: Address) -> tuple[int, int, int]:
    parsed = ipaddress.ip_address(address.host.partition("%")[0])
    return parsed.version, int(parsed), address.scope_id
