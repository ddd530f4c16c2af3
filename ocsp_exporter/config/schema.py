"""The one table of the keys that a configuration file may hold, in the shape of the file.

A key is a field: its type, its default (taken from `model` where that has one) and a sentence for the JSON
Schema. Each value is checked by itself; what values mean for each other is checked in `config`.
"""

from functools import cache
from typing import Any, Final

from pydantic import Field

from ocsp_exporter import model
from ocsp_exporter.config.discovery_schema import HTTPSD, FileSD
from ocsp_exporter.config.keys import Keys, seconds, size
from ocsp_exporter.config.module_schema import DEFAULT_MODULE, Module
from ocsp_exporter.config.types import (
    Folder,
    Following,
    Items,
    LabelName,
    LabelValue,
    ModuleName,
    Network,
    NetworkOrHost,
    NetworkOrName,
    PositiveDuration,
    ProxyURL,
    Section,
    Size,
)

_EGRESS: Final = model.EgressPolicy()


class Probe(Keys):
    """The workers, which look at the targets below on the exporter's own schedule."""

    interval: PositiveDuration = seconds(60.0, "How often each target is looked at.")
    concurrency: int = Field(default=512, ge=1, description="How many probes of the workers may run at a time.")


class Store(Keys):
    """Where what was fetched is kept."""

    path: Folder | None = Field(
        default=None,
        description="The folder, relative to this file, in which answers of responders and CRLs survive a restart; it "
        "is made if need be. Absent: they are kept in memory only.",
    )


class Egress(Keys):
    """Where the URLs in certificates may send the exporter."""

    follow: Following = Field(
        default=_EGRESS.follow,
        description="trusted: to the URLs of certificates whose signatures lead to a trusted root; listed: only where "
        "allow says; any: everywhere.",
    )
    allow: Items[NetworkOrHost] = Field(
        default=[], description="Networks (CIDR), addresses and host names that are always allowed."
    )
    deny: list[Network] = Field(
        default=list(_EGRESS.denied),
        description="Networks (CIDR) and addresses that are never connected to, whatever else is said here.",
        json_schema_extra={"default": [str(network) for network in _EGRESS.denied]},
    )
    max_response_bytes: Size = size(
        _EGRESS.max_response_bytes, "An answer larger than this is refused, unless it is a CRL."
    )
    max_crl_bytes: Size = size(_EGRESS.max_crl_bytes, "A CRL larger than this is refused.")
    requests_per_second_per_host: float = Field(
        default=_EGRESS.requests_per_second_per_host,
        gt=0,
        description="How many requests a second one host gets at most; further ones wait for their turn.",
    )
    proxy_url: ProxyURL | None = Field(
        default=_EGRESS.proxy_url,
        description="The HTTP proxy to go through, which then looks names up; absent: none, nor the environment's.",
    )


class ProbeEndpoint(Keys):
    """The page /probe, which looks at a target whenever Prometheus asks."""

    allow_targets: Items[NetworkOrName] = Field(
        default=[],
        description="What it may be asked for: host names, in which * stands for anything, networks (CIDR) and "
        "addresses; none: anything. A host of another name is looked at only at its addresses in these networks.",
    )
    concurrency: int = Field(
        default=512, ge=1, description="How many probes of /probe may run at a time; beyond that it answers 503."
    )


class TargetGroup(Keys):
    """Targets that the workers look at in the same way."""

    targets: Items[str] = Field(
        description="HOST, HOST:PORT or [IPv6]:PORT, with or without https://, tls:// or a protocol such as smtp:// in "
        "front; the port defaults to the protocol's. With the prober responder: its URL, or nothing for the one in the "
        "certificate; crl: a URL, or the path of a file; file: the absolute path of a staple file, or a glob of such "
        "paths."
    )
    module: str = Field(default=DEFAULT_MODULE, description="The module to look with.")
    interval: PositiveDuration | None = Field(default=None, description="How often; absent: as probe.interval says.")
    labels: Section[dict[LabelName, LabelValue]] = Field(
        default_factory=dict, description="Labels for all series of these targets."
    )


class File(Keys):
    """Configuration of ocsp_exporter. Every key may be left out."""

    probe: Section[Probe] = Field(default_factory=Probe, description="The workers.")
    store: Section[Store] = Field(default_factory=Store, description="Where what was fetched is kept.")
    egress: Section[Egress] = Field(
        default_factory=Egress, description="Where the URLs in certificates may send the exporter."
    )
    probe_endpoint: Section[ProbeEndpoint] = Field(default_factory=ProbeEndpoint, description="The page /probe.")
    modules: Section[dict[ModuleName, Section[Module]]] = Field(
        default_factory=dict, description="Recipes by name; one named as a built-in module replaces that."
    )
    targets: Items[TargetGroup] = Field(default_factory=list, description="What the workers look at.")
    file_sd_configs: Items[FileSD] = Field(
        default=[], description="Files that list more of it, in Prometheus's format; they are watched."
    )
    http_sd_configs: Items[HTTPSD] = Field(
        default=[],
        description="URLs where more of it is listed, in Prometheus's format; they are asked again and again.",
    )


@cache
def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of the configuration file; shared, so not to be changed."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **File.model_json_schema()}
