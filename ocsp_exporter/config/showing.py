"""A configuration as it is shown to people: as it was written, with every default, and without secrets."""

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from ocsp_exporter.config.module_schema import KEYS_OF, Module
from ocsp_exporter.config.schema import json_schema
from ocsp_exporter.model import ProberKind
from ocsp_exporter.quoting import without_userinfo

#: What stands in the place of a secret, as in Prometheus.
SECRET: Final = "<secret>"  # noqa: S105 - the word that hides them

#: Keys whose values are secrets, unless they name a file. Rather one too many than one too few.
_SECRET_KEY: Final = re.compile(r"(?i)pass(word|wd|phrase)|secret|token|credential|api_?key(?!_file)")

_DUMPER: Final[type[yaml.SafeDumper]] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def complete(written: Mapping[str, object]) -> dict[str, object]:
    """Give a valid configuration as written, with the defaults of the keys that are left out, and without secrets.

    Keys that are null by default are left out.
    """
    completed = _complete(written, json_schema())
    assert isinstance(completed, dict)  # noqa: S101 - the top of the schema is a mapping
    return completed


def as_yaml(shown: Mapping[str, object]) -> str:
    """Give what is shown as YAML, in ASCII."""
    return yaml.dump(dict(shown), Dumper=_DUMPER, sort_keys=False, width=120)


def _complete(value: object, schema: Mapping[str, Any]) -> object:
    if isinstance(value, str):
        return without_userinfo(value)
    schema = _resolved(schema)
    if isinstance(value, list):
        return [_complete(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    others = schema.get("additionalProperties") or {}
    keys: dict[str, Any] = {
        **_keys(schema, value),
        **{key: others for key in value if key not in schema.get("properties", {})},
    }
    completed = {key: _entry(key, value.get(key), keys[key]) for key in keys}
    return {key: entry for key, entry in completed.items() if entry is not None}


def _keys(schema: Mapping[str, Any], value: Mapping[str, object]) -> dict[str, Any]:
    """Give the keys that may stand in a mapping, each with its schema."""
    keys = schema.get("properties", {})
    if schema.get("title") == Module.__name__:
        known = KEYS_OF[ProberKind(str(value.get("prober") or ProberKind.TLS))]
        return {key: each for key, each in keys.items() if key in known}
    return dict(keys)


def _entry(key: str, value: object, schema: Mapping[str, Any]) -> object:
    if value is None:
        value = schema.get("default", {} if "properties" in _resolved(schema) else None)
    if _SECRET_KEY.search(key) and not key.endswith("_file") and not isinstance(value, dict) and value is not None:
        return SECRET
    if key == "url" and isinstance(value, str):
        # What follows the question mark may be a token; elsewhere URLs are those of others, or public.
        path, mark, _ = value.partition("?")
        value = path + mark + ("***" if mark else "")
    return _complete(value, schema)


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference, and of several schemas give the one of a mapping or list, for only they are looked into."""
    if "$ref" in schema:
        return _resolved(json_schema()["$defs"][schema["$ref"].removeprefix("#/$defs/")])
    several = [_resolved(each) for each in schema.get("anyOf", ())]
    return next((each for each in several if each.get("type") in {"object", "array"}), schema)
