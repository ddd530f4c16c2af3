"""YAML text → Config, or every fault in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from ocsp_exporter.config import discovery_schema, module_schema, schema, showing, source_schema, yaml_reader
from ocsp_exporter.config.discovery import FileDiscovery, HTTPDiscovery, file_discovery, http_discovery
from ocsp_exporter.config.document import Document, Fault, Steps, show_steps
from ocsp_exporter.config.reading import ConfigError, check, in_order, read_text
from ocsp_exporter.model import (
    AddressChoice,
    AllowedTargets,
    ClientCertificate,
    CRLSettings,
    EgressPolicy,
    IPNetwork,
    KnownAnswer,
    Module,
    ProberKind,
    ResponderSettings,
    ScheduledTarget,
    StaplePolicy,
    StapleSettings,
    StartTLS,
    TLSSettings,
)
from ocsp_exporter.quoting import printable, quoted
from ocsp_exporter.target import TargetError, read_target

_MAX_SHOWN: Final = 20  # names in a sentence

#: The modules that need no configuration, by name.
BUILT_IN_MODULES: Final[Mapping[str, Module]] = MappingProxyType(
    {
        module.name: module
        for module in (
            Module(module_schema.DEFAULT_MODULE),
            *(Module(each.value, starttls=each) for each in StartTLS if each is not StartTLS.NONE),
            # Newer NATS servers staple nothing on the port for leafnodes.
            Module("nats-leafnode", starttls=StartTLS.NATS, staple=StapleSettings(policy=StaplePolicy.NEVER)),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration, complete and valid. `interval` is in seconds; a module's key is its name.

    `store_path` None: what was fetched is kept in memory only. `written` is the whole as it stands in the file, its
    secrets too; people are shown what `show_config` makes of it.
    """

    interval: float
    concurrency: int
    store_path: Path | None
    egress: EgressPolicy
    probe_endpoint_allowed: AllowedTargets
    probe_endpoint_concurrency: int
    modules: Mapping[str, Module]
    targets: tuple[ScheduledTarget, ...]
    file_discoveries: tuple[FileDiscovery, ...] = ()
    http_discoveries: tuple[HTTPDiscovery, ...] = ()
    written: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)


def load_config(path: Path) -> Config:
    """Read the file at `path`; files that it names are relative to its folder. Raises ConfigError."""
    return parse_config(read_text(path), str(path), path.parent)


def parse_config(text: str, name: str, folder: Path) -> Config:
    """Read a configuration; `name` is its file's in the faults, `folder` where the files that it names are.

    Raises ConfigError, and reads the files of certificates that are named in it.
    """
    document = yaml_reader.read(text, name, is_secret=discovery_schema.is_secret)
    file, faults = check(document, schema.File, folder)
    faults += filter(None, _relations(document))
    if not faults:
        faults += filter(None, _faults_of_responders(document, file))
    if faults:
        raise ConfigError(in_order(faults))
    return _build(file, folder, document.value)


def show_config(config: Config) -> bytes:
    """Give a configuration as YAML for people: every key that has a value, defaults included, and no secret."""
    shown = showing.complete(config.written)
    named = shown.get("modules")
    built_in = [name for name in BUILT_IN_MODULES if name not in (named if isinstance(named, dict) else {})]
    return f"# Modules built in beside these: {', '.join(built_in)}.\n{showing.as_yaml(shown)}".encode()


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of the configuration file, for editors; shared, so not to be changed."""
    return schema.json_schema()


def _relations(document: Document) -> Iterator[Fault | None]:
    """Check what values mean for each other, looking only at such as have the right type."""
    modules = _dict(_dict(document.value).get("modules"))
    known = dict.fromkeys([*modules, *BUILT_IN_MODULES])
    for section in ("targets", "file_sd_configs", "http_sd_configs"):
        for position, group in enumerate(_list(_dict(document.value).get(section))):
            module = _dict(group).get("module")
            if isinstance(module, str) and module not in known:
                shown = ", ".join(printable(name, 80) for name in islice(known, _MAX_SHOWN))
                steps = (section, position, "module")
                yield document.fault(steps, f"unknown module {quoted(module)}; known are {shown}")
    yield from _target_relations(document, modules)


def _target_relations(document: Document, modules: dict[str, object]) -> Iterator[Fault | None]:
    seen: dict[object, Steps] = {}
    for position, group in enumerate(_list(_dict(document.value).get("targets"))):
        module = _dict(group).get("module", module_schema.DEFAULT_MODULE)
        # To Prometheus a label with an empty value is none.
        labels = frozenset((key, str(value)) for key, value in _dict(_dict(group).get("labels")).items() if value)
        for index, target in enumerate(_list(_dict(group).get("targets"))):
            steps: Steps = ("targets", position, "targets", index)
            if isinstance(target, str) and (fault := _target_fault(target, _dict(modules.get(str(module))))):
                yield document.fault(steps, fault)
            first = seen.setdefault((target, str(module), labels), steps) if isinstance(target, str) else steps
            if first != steps:
                where = f"{show_steps(first)} on line {document.line(first)}"
                yield document.fault(steps, f"the same target, module and labels as {where}")


def _target_fault(text: str, module: dict[str, object]) -> str:
    """Return what is wrong with the text of a target for a module as it stands in the file; nothing if that is right.

    Which protocol it begins with changes nothing about that, only the port.
    """
    prober = next((each for each in ProberKind if each == module.get("prober")), ProberKind.TLS)
    if not text and prober is ProberKind.RESPONDER:
        return ""  # what that leads to stands in a certificate
    try:
        read_target(text, Module("", prober))
    except TargetError as error:
        return str(error)
    return ""


def _faults_of_responders(document: Document, file: schema.File) -> Iterator[Fault | None]:
    """Check what responders that are watched by themselves need, once their certificates have been read."""
    responders = {name: keys for name, keys in file.modules.items() if keys.prober is ProberKind.RESPONDER}
    for name, keys in responders.items():
        if file.egress.proxy_url and keys.addresses is AddressChoice.ALL:
            told = "expected first: egress.proxy_url names a proxy, which looks names up, and goes to any address"
            yield document.fault(("modules", name, "addresses"), told, got=True)
    for position, group in enumerate(file.targets):
        for index, text in enumerate(group.targets):
            if group.module in responders and not text:
                try:
                    read_target(text, _module(group.module, responders[group.module]))
                except TargetError as error:
                    yield document.fault(("targets", position, "targets", index), str(error))


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _build(file: schema.File, folder: Path, written: object) -> Config:
    interval = file.probe.interval
    modules = dict(BUILT_IN_MODULES) | {name: _module(name, keys) for name, keys in file.modules.items()}
    return Config(
        interval=interval,
        concurrency=file.probe.concurrency,
        store_path=file.store.path,
        egress=_egress(file.egress),
        probe_endpoint_allowed=_allowed(file.probe_endpoint.allow_targets),
        probe_endpoint_concurrency=file.probe_endpoint.concurrency,
        modules=MappingProxyType(modules),
        targets=tuple(
            ScheduledTarget(
                target=read_target(target, modules[group.module]),
                module=modules[group.module],
                interval=group.interval or interval,
                labels=tuple(sorted((name, value) for name, value in group.labels.items() if value)),
            )
            for group in file.targets
            for target in group.targets
        ),
        file_discoveries=tuple(file_discovery(keys, interval, folder) for keys in file.file_sd_configs),
        http_discoveries=tuple(http_discovery(keys, interval) for keys in file.http_sd_configs),
        written=_dict(written),
    )


def _allowed(entries: list[IPNetwork | str]) -> AllowedTargets:
    return AllowedTargets(
        names=tuple(entry for entry in entries if isinstance(entry, str)),
        networks=tuple(entry for entry in entries if not isinstance(entry, str)),
    )


def _egress(keys: schema.Egress) -> EgressPolicy:
    return EgressPolicy(
        follow=keys.follow,
        allowed_hosts=frozenset(entry for entry in keys.allow if isinstance(entry, str)),
        allowed=tuple(entry for entry in keys.allow if not isinstance(entry, str)),
        denied=tuple(keys.deny),
        max_response_bytes=keys.max_response_bytes,
        max_crl_bytes=keys.max_crl_bytes,
        requests_per_second_per_host=keys.requests_per_second_per_host,
        proxy_url=keys.proxy_url,
    )


def _module(name: str, keys: module_schema.Module) -> Module:
    return Module(
        name=name,
        prober=keys.prober,
        timeout=keys.timeout,
        starttls=keys.starttls,
        tls=_tls(keys.tls_config),
        server_name=keys.tls_config.server_name,
        send_server_name=keys.tls_config.send_server_name,
        key_types=tuple(keys.key_types),
        addresses=keys.addresses,
        ip_protocol=keys.ip_protocol,
        staple=StapleSettings(
            policy=keys.staple.policy,
            handshakes=keys.staple.handshakes,
            retry_missing=keys.staple.retry_missing,
            file=keys.staple.file,
        ),
        issuers=keys.issuer_file or (),
        fetch_issuer=keys.fetch_issuer,
        responder=_responder(keys.responder),
        crl=CRLSettings(
            query=keys.crl.query, urls=tuple(keys.crl.urls), timeout=keys.crl.timeout, refresh=keys.crl.refresh
        ),
        chain=keys.chain,
        certificates=tuple(keys.certificates),
        certificate=keys.certificate_file.certificate if keys.certificate_file else None,
        known_answers=tuple(KnownAnswer(each.serial_number, each.expect) for each in keys.known_answers),
        profile=keys.profile,
        clock_skew=keys.clock_skew,
        max_age_without_next_update=keys.max_age_without_next_update,
    )


def _responder(keys: source_schema.Responder) -> ResponderSettings:
    return ResponderSettings(
        query=keys.query,
        urls=tuple(keys.urls),
        method=keys.method,
        nonce=keys.nonce,
        hash=keys.hash,
        timeout=keys.timeout,
        refresh=keys.refresh,
        trusted=tuple(chain.from_iterable(keys.trusted_certificates)),
    )


def _tls(keys: module_schema.TLSConfig) -> TLSSettings:
    chain, key = keys.cert_file, keys.key_file
    return TLSSettings(
        roots=keys.ca_file,
        client_certificate=ClientCertificate(chain, key) if chain and key else None,
        min_version=keys.min_version,
        max_version=keys.max_version,
        alpn=tuple(keys.alpn),
    )


#: What holds without a configuration file.
DEFAULT_CONFIG: Final = _build(schema.File(), Path(), None)
