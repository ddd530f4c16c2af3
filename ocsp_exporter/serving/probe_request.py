"""What is asked of `/probe`: the parameters of a request, read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import Final

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from ocsp_exporter.config import DEFAULT_MODULE
from ocsp_exporter.model import AllowedTargets, Module, ProberKind, Target
from ocsp_exporter.quoting import quoted
from ocsp_exporter.target import TargetError, parse_host, read_target

_PARAMETERS: Final = ("target", "module", "hostname", "debug", "format")
_WRONG = 400
_FORBIDDEN = 403


class Form(StrEnum):
    """What a probe is answered with: its metrics, all that it found, or what there is to find a fault with."""

    PROMETHEUS = "prometheus"
    JSON = "json"
    DEBUG = "debug"


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """A request that makes sense and is allowed, if the target's addresses are. `ignored` parameters are not known."""

    target: Target
    module: Module
    form: Form
    ignored: tuple[str, ...] = ()


def read_request(parameters: QueryParams, modules: Mapping[str, Module], allowed: AllowedTargets) -> ProbeRequest:
    """Read a request. Raises HTTPException (400, 403) with a sentence.

    Parameters that are not known are ignored, as blackbox_exporter ignores them.
    """
    for name in _PARAMETERS:
        if len(parameters.getlist(name)) > 1:
            raise HTTPException(_WRONG, f"Parameter {name} was given more than once; give it once.")
    module = _module(parameters, modules)
    target = _target(parameters.get("target", ""), module)
    return ProbeRequest(
        target=_permitted(target, allowed),
        module=module,
        form=_form(parameters),
        ignored=tuple(name for name in parameters if name not in _PARAMETERS),
    )


def _module(parameters: QueryParams, modules: Mapping[str, Module]) -> Module:
    name = parameters.get("module") or DEFAULT_MODULE
    if name not in modules:
        raise HTTPException(_WRONG, f"Unknown module {name!r}: known are {', '.join(sorted(modules))}.")
    module = modules[name]
    hostname = parameters.get("hostname")
    if not hostname:
        return module
    if module.prober is not ProberKind.TLS:
        raise HTTPException(_WRONG, f"Parameter hostname is of no use with the prober {module.prober}; leave it out.")
    try:
        return replace(module, server_name=parse_host(hostname))
    except ValueError as fault:
        raise HTTPException(_WRONG, f"Parameter hostname {quoted(hostname)}: {fault}.") from fault


def _target(text: str, module: Module) -> Target:
    if not text and module.prober is not ProberKind.RESPONDER:
        raise HTTPException(_WRONG, "Parameter target is missing: ask for /probe?target=HOST:PORT.")
    try:
        target = read_target(text, module)
    except TargetError as fault:
        raise HTTPException(_WRONG, str(fault)) from fault
    if target.is_file:
        raise HTTPException(_WRONG, "Files are looked at only where the configuration names them as targets.")
    return target


def _permitted(target: Target, allowed: AllowedTargets) -> Target:
    """Give the target as it may be looked at: where its name is not allowed, at addresses that are.

    What the module itself names was named by the operator.
    """
    if not target.name:
        return target
    target = replace(target, is_clients=True)
    names, networks = allowed.names, allowed.networks
    host = target.host.lower().rstrip(".")
    if not (names or networks) or (_is_name(host) and any(fnmatchcase(host, name) for name in names)):
        return target
    if not networks:
        raise HTTPException(_FORBIDDEN, f"{target.host} is not in probe_endpoint.allow_targets.")
    return replace(target, within=networks)


def _is_name(host: str) -> bool:
    """Tell whether a host is a name: of addresses only networks are told, and the name `*` is not meant to be one."""
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _form(parameters: QueryParams) -> Form:
    debug, form = parameters.get("debug") or "false", parameters.get("format") or Form.PROMETHEUS
    if debug not in {"true", "false"}:
        raise HTTPException(_WRONG, f"Parameter debug is true or false, not {debug!r}.")
    if form not in {Form.PROMETHEUS, Form.JSON}:
        raise HTTPException(_WRONG, f"Parameter format is prometheus or json, not {form!r}.")
    if debug == "true" and form == Form.JSON:
        raise HTTPException(_WRONG, "Parameters debug and format=json ask for different pages; give one of them.")
    return Form.DEBUG if debug == "true" else Form(form)
