"""A module as it is in effect, for people: by the keys of the configuration, and without secrets."""

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Final

import yaml
from cryptography import x509

from ocsp_exporter.config.module_schema import KEYS_OF
from ocsp_exporter.config.showing import SECRET
from ocsp_exporter.config.values import show_duration
from ocsp_exporter.model import KnownAnswer, Module
from ocsp_exporter.quoting import without_userinfo

#: Where a field of the model is not called as the key is.
_KEYS: Final = {"issuers": "issuer_file", "trusted": "trusted_certificates", "certificate": "certificate_file"}
_OF_TLS: Final = {"name", "tls", "server_name", "send_server_name"}


def show_module(module: Module) -> str:
    """Give a module in YAML, defaults included; of certificates their subjects (RFC 4514), durations as `1h`."""
    shown = {"prober": module.prober.value, "tls_config": _tls(module), **dict(_fields(module, _OF_TLS))}
    known = {key: value for key, value in shown.items() if key in KEYS_OF[module.prober]}
    return yaml.safe_dump(known, sort_keys=False, width=120)


def _tls(module: Module) -> dict[str, object]:
    settings, client = module.tls, module.tls.client_certificate
    return {
        "ca_file": None if settings.roots is None else _shown(settings.roots),
        "server_name": module.server_name,
        "send_server_name": module.send_server_name,
        "cert_file": _shown(client.chain) if client else None,
        "key_file": SECRET if client else None,
        **dict(_fields(settings, {"roots", "client_certificate"})),
    }


def _fields(value: object, others: Iterable[str] = ()) -> Iterator[tuple[str, object]]:
    """Give what a dataclass holds but for the `others`; what its repr does not show is a secret."""
    for each in fields(value) if is_dataclass(value) else ():
        if each.name not in others:
            key = _KEYS.get(each.name, each.name)
            yield key, _shown(getattr(value, each.name)) if each.repr else SECRET


def _shown(value: object) -> object:  # noqa: PLR0911 -- one for each kind of value
    match value:
        case None | bool() | int():
            return value
        case float():
            return show_duration(value)
        case str():  # a member of an enumeration too
            return without_userinfo(str(value))
        case tuple():
            return [_shown(item) for item in value]
        case KnownAnswer(serial_number, expected):
            return {"serial": hex(serial_number), "expect": expected.value}
        case x509.Certificate():
            return value.subject.rfc4514_string()
        case _:
            return dict(_fields(value)) if is_dataclass(value) else SECRET
