"""The one table of the keys that a configuration file may hold, in the shape of the file.

A key is a field: its type, its default (taken from `model` where that has one) and a sentence for the JSON
Schema. Each value is checked by itself; what values mean for each other is checked in `config`.
"""

from functools import cache
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ocsp_exporter import model
from ocsp_exporter.config.files import check_key
from ocsp_exporter.config.keys import Keys
from ocsp_exporter.config.types import (
    ALPN,
    Certificates,
    Choice,
    DistinctItems,
    Duration,
    Following,
    Host,
    Items,
    Key,
    LabelName,
    LabelValue,
    ModuleName,
    Network,
    NetworkOrHost,
    Policy,
    PositiveDuration,
    PrivateKey,
    Protocol,
    ProxyURL,
    Section,
    Size,
    Start,
    TargetText,
    Version,
    not_empty,
)
from ocsp_exporter.config.values import (
    show_duration,
    show_size,
)
from ocsp_exporter.model import (
    TLSVersion,
)

#: The module of targets that name none.
DEFAULT_MODULE: Final = "tls"

_MODULE: Final = model.Module(DEFAULT_MODULE)
_EGRESS: Final = model.EgressPolicy()


def _seconds(default: float, description: str) -> Any:  # noqa: ANN401  # as pydantic's own Field
    """Make a field for a duration, whose default the JSON Schema shows as it is written."""
    return Field(default=default, description=description, json_schema_extra={"default": show_duration(default)})


class Probe(Keys):
    """The workers, which look at the targets below on the exporter's own schedule."""

    interval: PositiveDuration = _seconds(60.0, "How often each target is looked at.")
    concurrency: int = Field(default=512, ge=1, description="How many probes of the workers may run at a time.")


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
    max_response_bytes: Size = Field(
        default=_EGRESS.max_response_bytes,
        description="An answer larger than this is refused.",
        json_schema_extra={"default": show_size(_EGRESS.max_response_bytes)},
    )
    proxy_url: ProxyURL | None = Field(
        default=_EGRESS.proxy_url,
        description="The HTTP proxy to go through, which then looks names up; absent: none, nor the environment's.",
    )


class ProbeEndpoint(Keys):
    """The page /probe, which looks at a target whenever Prometheus asks."""

    concurrency: int = Field(
        default=512, ge=1, description="How many probes of /probe may run at a time; beyond that it answers 503."
    )


class TLSConfig(Keys):
    """How TLS is spoken, and whom to trust."""

    ca_file: Certificates | None = Field(
        default=_MODULE.tls.roots,
        description="Certificates of the trusted roots, PEM, relative to this file; absent: the system's.",
    )
    server_name: Host | None = Field(
        default=_MODULE.server_name,
        description="The name asked for (SNI) and looked for in the certificate; absent: the target's host.",
    )
    send_server_name: bool = Field(
        default=_MODULE.send_server_name,
        description="Ask for the name (SNI); false: look at what is served without, for the same name.",
    )
    cert_file: Certificates | None = Field(
        default=None,
        description="The certificate to show to servers that ask for one, and what leads to its root; PEM, relative "
        "to this file.",
    )
    key_file: PrivateKey | None = Field(
        default=None, description="The key of cert_file, PEM, not encrypted, relative to this file.", repr=False
    )
    min_version: Version = Field(
        default=_MODULE.tls.min_version,
        description="The lowest TLS version offered; below TLS12 also what has to be tolerated for its sake: SHA-1, "
        "short keys, servers without secure renegotiation.",
    )
    max_version: Version = Field(default=_MODULE.tls.max_version, description="The highest TLS version offered.")
    alpn: DistinctItems[ALPN] = Field(
        default=list(_MODULE.tls.alpn),
        description="Application protocols to offer (ALPN), such as h2, the preferred one first; none: no offer.",
        max_length=16,
    )

    @field_validator("key_file")
    @classmethod
    def _key_of_certificate(cls, key: bytes | None, info: ValidationInfo) -> bytes | None:
        certificates = info.data.get("cert_file")
        if key is not None and certificates:
            check_key(key, certificates[0])
        return key

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.cert_file is None) is not (self.key_file is None):
            present, absent = ("cert_file", "key_file") if self.cert_file else ("key_file", "cert_file")
            raise ValueError(f"{present} is of no use without {absent}; a client certificate takes both")
        return self

    @model_validator(mode="after")
    def _versions_in_order(self) -> Self:
        versions = list(TLSVersion)
        if versions.index(self.min_version) > versions.index(self.max_version):
            raise ValueError(f"min_version {self.min_version} is above max_version {self.max_version}")
        return self


class Staple(Keys):
    """What is demanded of staples."""

    policy: Policy = Field(
        default=_MODULE.staple.policy,
        description="auto: a staple is required where the certificate has the TLS feature (must-staple); must: and it "
        "has to say good; always: for every certificate; never: nothing about staples is a violation.",
    )
    handshakes: int = Field(default=_MODULE.staple.handshakes, ge=1, le=1000, description="Handshakes in each probe.")
    retry_missing: int = Field(
        default=_MODULE.staple.retry_missing,
        ge=0,
        le=1000,
        description="Further handshakes when a required staple is missing, for servers that fetch it when first asked.",
    )


class Responder(Keys):
    """Whose OCSP responses are accepted."""

    trusted_certificates: Items[Certificates] = Field(
        default=[],
        description="Files with certificates, PEM, relative to this file, of responders that may answer for every "
        "issuer (RFC 6960, section 4.2.2.2, first case).",
    )


class Module(Keys):
    """A named recipe for looking at a target."""

    prober: Literal["tls"] = Field(default="tls", description="tls: make TLS handshakes with the target.")
    timeout: PositiveDuration = _seconds(_MODULE.timeout, "When a probe is given up.")
    starttls: Start = Field(
        default=_MODULE.starttls,
        description="How TLS starts: at once (none), or after a few words of this protocol in clear. A target's scheme "
        "overrides it.",
    )
    tls_config: Section[TLSConfig] = Field(
        default_factory=TLSConfig, description="How TLS is spoken, and whom to trust."
    )
    key_types: Annotated[DistinctItems[Key], AfterValidator(not_empty)] = Field(
        default=list(_MODULE.key_types),
        description="Which certificates to ask for: any (the server chooses), rsa, ecdsa; of several each by itself, "
        "and the label key_type tells them apart.",
    )
    addresses: Choice = Field(
        default=_MODULE.addresses,
        description="first: the first address that answers; all: each by itself, and the label address tells them "
        "apart.",
    )
    ip_protocol: Protocol = Field(
        default=_MODULE.ip_protocol, description="Which of a target's addresses to look at: any, ip4 or ip6."
    )
    staple: Section[Staple] = Field(default_factory=Staple, description="What is demanded of staples.")
    responder: Section[Responder] = Field(default_factory=Responder, description="Whose OCSP responses are accepted.")
    issuer_file: Certificates | None = Field(
        default=None,
        description="Certificates of issuers, PEM, relative to this file, for servers that do not send theirs.",
    )
    fetch_issuer: bool = Field(
        default=_MODULE.fetch_issuer,
        description="Fetch an issuer that is not at hand from where the certificate says that it is (caIssuers); only "
        "where egress.follow is any or egress.allow names the host.",
    )
    clock_skew: Duration = _seconds(
        _MODULE.clock_skew,
        "By how much clocks may differ before evidence is not yet valid or expired.",
    )
    max_age_without_next_update: Duration = _seconds(
        _MODULE.max_age_without_next_update,
        "The age at which evidence that states no nextUpdate is expired.",
    )


class TargetGroup(Keys):
    """Targets that the workers look at in the same way."""

    targets: Items[TargetText] = Field(
        description="HOST, HOST:PORT or [IPv6]:PORT, with or without https://, tls:// or a protocol such as smtp:// in "
        "front; the port defaults to the protocol's."
    )
    module: str = Field(default=DEFAULT_MODULE, description="The module to look with.")
    interval: PositiveDuration | None = Field(default=None, description="How often; absent: as probe.interval says.")
    labels: Section[dict[LabelName, LabelValue]] = Field(
        default_factory=dict, description="Labels for all series of these targets."
    )


class File(Keys):
    """Configuration of ocsp_exporter. Every key may be left out."""

    probe: Section[Probe] = Field(default_factory=Probe, description="The workers.")
    egress: Section[Egress] = Field(
        default_factory=Egress, description="Where the URLs in certificates may send the exporter."
    )
    probe_endpoint: Section[ProbeEndpoint] = Field(default_factory=ProbeEndpoint, description="The page /probe.")
    modules: Section[dict[ModuleName, Section[Module]]] = Field(
        default_factory=dict, description="Recipes by name; one named as a built-in module replaces that."
    )
    targets: Items[TargetGroup] = Field(default_factory=list, description="What the workers look at.")


@cache
def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of the configuration file; shared, so not to be changed."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **File.model_json_schema()}
