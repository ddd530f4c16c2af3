"""The keys of a module in a configuration file, section by section."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from ocsp_exporter import model
from ocsp_exporter.config.files import check_issued, check_key
from ocsp_exporter.config.keys import Keys, seconds
from ocsp_exporter.config.source_schema import CRL, KnownAnswer, Responder
from ocsp_exporter.config.types import (
    ALPN,
    Certificate,
    Certificates,
    Choice,
    Depth,
    DistinctItems,
    Duration,
    FileGlob,
    FilePath,
    Host,
    Items,
    Key,
    Policy,
    PositiveDuration,
    PrivateKey,
    Probing,
    Protocol,
    Rules,
    Section,
    Start,
    Version,
    not_empty,
)
from ocsp_exporter.model import ExpectedAnswer, ProberKind, TLSVersion

#: The module of targets that name none.
DEFAULT_MODULE: Final = "tls"

_MODULE: Final = model.Module(DEFAULT_MODULE)


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
    file: FilePath | None = Field(
        default=_MODULE.staple.file,
        description="The server's own copy of its staple, relative to this file, to compare with what it serves.",
    )


class Module(Keys):
    """A named recipe for looking at a target."""

    prober: Probing = Field(
        default=_MODULE.prober,
        description="tls: make TLS handshakes with the target; responder: watch an OCSP responder by itself, the "
        "target being its URL, or empty for the one in the certificate; crl: watch a CRL by itself, the target being "
        "its URL or the absolute path of its file; file: watch the staples in files, the target being a path or a "
        "glob.",
    )
    timeout: PositiveDuration = seconds(_MODULE.timeout, "When a probe is given up.")
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
    responder: Section[Responder] = Field(
        default_factory=Responder, description="How the OCSP responder is asked, and whose responses are accepted."
    )
    crl: Section[CRL] = Field(default_factory=CRL, description="Whether and how the CRL is asked.")
    chain: Depth = Field(
        default=_MODULE.chain,
        description="Which certificates responder and CRL are asked about: the leaf, or all but the root.",
    )
    certificate_file: Certificate | None = Field(
        default=None,
        description="The certificate about which the prober responder asks, PEM, relative to this file.",
    )
    known_answers: Items[KnownAnswer] = Field(
        default=[],
        description="What the responder is known to say of certificates of its CA; the prober responder asks for each.",
    )
    profile: Rules = Field(
        default=_MODULE.profile,
        description="private: hold the responder to the rules for all; public: and to those of public CAs.",
    )
    certificates: Items[FileGlob] = Field(
        default=list(_MODULE.certificates),
        description="Globs, relative to this file, of files with the certificates that staple files are about, and "
        "with their issuers; PEM or DER. They are read again when they change.",
    )
    issuer_file: Certificates | None = Field(
        default=None,
        description="Certificates of issuers, PEM, relative to this file, for servers that do not send theirs.",
    )
    fetch_issuer: bool = Field(
        default=_MODULE.fetch_issuer,
        description="Fetch an issuer that is not at hand from where the certificate says that it is (caIssuers); only "
        "where egress.follow is any or egress.allow names the host.",
    )
    clock_skew: Duration = seconds(
        _MODULE.clock_skew,
        "By how much clocks may differ before evidence is not yet valid or expired.",
    )
    max_age_without_next_update: Duration = seconds(
        _MODULE.max_age_without_next_update,
        "The age at which evidence that states no nextUpdate is expired.",
    )

    @model_validator(mode="after")
    def _keys_of_the_prober(self) -> Self:
        foreign = _changed(self, KEYS_OF[self.prober])
        if self.prober in _KEYS_OF_RESPONDER:
            foreign += [f"responder.{name}" for name in _changed(self.responder, _KEYS_OF_RESPONDER[self.prober])]
        if foreign:
            raise ValueError(f"{', '.join(foreign)} is of no use with the prober {self.prober}; leave it out")
        return self

    @model_validator(mode="after")
    def _issuer_of_the_crl(self) -> Self:
        if self.prober is ProberKind.CRL and len(self.issuer_file or ()) != 1:
            raise ValueError("the prober crl needs an issuer_file with one certificate: that of the CRL's issuer")
        return self

    @model_validator(mode="after")
    def _subject_of_the_responder(self) -> Self:
        if self.prober is not ProberKind.RESPONDER:
            return self
        if len(self.issuer_file or ()) != 1:
            raise ValueError("the prober responder needs an issuer_file with one certificate: that of its CA")
        if not self.certificate_file and {each.expect for each in self.known_answers} <= {ExpectedAnswer.UNAUTHORIZED}:
            raise ValueError(
                "the prober responder needs a certificate_file, or known_answers with one that is good, revoked or "
                "unknown: what to ask about"
            )
        for file in (self.certificate_file, *(each.certificate_file for each in self.known_answers)):
            if file and self.issuer_file:
                check_issued(file, self.issuer_file[0])
        return self

    @model_validator(mode="after")
    def _certificates_of_the_files(self) -> Self:
        if self.prober is ProberKind.FILE and not self.certificates:
            raise ValueError(
                "the prober file needs certificates: globs of files with the certificates that the staples are about, "
                "and with their issuers"
            )
        return self

    @model_validator(mode="after")
    def _one_copy_for_one_certificate(self) -> Self:
        if self.staple.file is not None and len(self.key_types) > 1:
            raise ValueError(
                "staple.file holds one staple, and each of several key_types has its own; write a module for each"
            )
        return self


def _changed(keys: Keys, known: Collection[str]) -> list[str]:
    """Give the keys beside `known` that were given another value than their default, which may be spelled out."""
    return [
        name
        for name, field in type(keys).model_fields.items()
        if name not in known and getattr(keys, name) != field.get_default(call_default_factory=True)
    ]


_KEYS_OF_ALL: Final = frozenset({"prober", "timeout", "issuer_file", "clock_skew", "max_age_without_next_update"})
#: What is of use of the key responder where that is not asked as a source beside others: one that is watched by itself
#: is asked anew in each probe by both methods, and for files it is only said whose responses are accepted.
_KEYS_OF_RESPONDER: Final[Mapping[ProberKind, frozenset[str]]] = MappingProxyType(
    {
        ProberKind.RESPONDER: frozenset({"nonce", "hash", "timeout", "trusted_certificates"}),
        ProberKind.FILE: frozenset({"trusted_certificates"}),
    }
)
#: The keys of a module that mean something to its prober.
KEYS_OF: Final[Mapping[ProberKind, frozenset[str]]] = MappingProxyType(
    {
        ProberKind.TLS: frozenset(Module.model_fields)
        - {"certificate_file", "known_answers", "profile", "certificates"},
        ProberKind.RESPONDER: _KEYS_OF_ALL | {"certificate_file", "known_answers", "profile", "responder", "addresses"},
        ProberKind.CRL: _KEYS_OF_ALL | {"crl"},
        ProberKind.FILE: _KEYS_OF_ALL | {"certificates", "responder"},
    }
)
