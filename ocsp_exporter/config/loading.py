"""YAML text → Config, or every fault in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ocsp_exporter.config import module_schema, schema, source_schema, yaml_reader
from ocsp_exporter.config.document import Document, Fault, Steps, show_steps
from ocsp_exporter.model import (
    AddressChoice,
    ClientCertificate,
    CRLSettings,
    EgressPolicy,
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

_MAX_BYTES: Final = 64 * 1024 * 1024
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

#: What pydantic finds, in words of ours; {} is filled from what it says. Any other kind keeps pydantic's words.
_SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "string_type": "expected text; put it in quotes if it is meant so",
        "bool_type": "expected true or false",
        "int_type": "expected a whole number",
        "float_type": "expected a number",
        "model_type": "expected a mapping of keys to values",
        "dict_type": "expected a mapping of keys to values",
        "list_type": "expected a list",
        "enum": "expected {expected}",
        "literal_error": "expected {expected}",
        "greater_than": "expected more than {gt:g}",
        "greater_than_equal": "expected {ge} or more",
        "less_than_equal": "expected {le} or less",
        "too_long": "expected a list of {max_length} at most",
    },
)


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration, complete and valid. `interval` is in seconds; a module's key is its name.

    `store_path` None: what was fetched is kept in memory only.
    """

    interval: float
    concurrency: int
    store_path: Path | None
    egress: EgressPolicy
    probe_endpoint_concurrency: int
    modules: Mapping[str, Module]
    targets: tuple[ScheduledTarget, ...]


class ConfigError(ValueError):
    """A configuration with faults, all of which it carries, in the order of the text: one on each line of its text."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def load_config(path: Path) -> Config:
    """Read the file at `path`; files that it names are relative to its folder. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError((Fault(str(path), 0, 0, "", f"cannot be read: {reason}"),)) from None
    if len(content) > _MAX_BYTES:
        raise ConfigError((Fault(str(path), 0, 0, "", f"has more than {_MAX_BYTES // 1024 // 1024} MiB"),))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = len(content[content.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8")) + 1
        message = f"not UTF-8: the byte 0x{content[error.start]:02x}; save the file as UTF-8"
        raise ConfigError((Fault(str(path), line, column, "", message),)) from None
    return parse_config(text, str(path), path.parent)


def parse_config(text: str, name: str, folder: Path) -> Config:
    """Read a configuration; `name` is its file's in the faults, `folder` where the files that it names are.

    Raises ConfigError, and reads the files of certificates that are named in it.
    """
    document = yaml_reader.read(text, name)
    faults = list(document.faults)
    file = schema.File()
    try:
        file = schema.File.model_validate({} if document.value is None else document.value, context=folder)
    except ValidationError as error:
        found = (_fault(document, detail) for detail in error.errors(include_url=False, include_input=False))
        faults += filter(None, found)
    faults += filter(None, _relations(document))
    if not faults:
        faults += filter(None, _faults_of_responders(document, file))
    if faults:
        raise ConfigError(tuple(sorted(faults, key=lambda fault: (fault.line, fault.column))))
    return _build(file)


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of the configuration file, for editors; shared, so not to be changed."""
    return schema.json_schema()


def _fault(document: Document, detail: ErrorDetails) -> Fault | None:
    """Translate what pydantic found, None where the reader found fault with the same value."""
    kind, steps, context = detail["type"], detail["loc"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return document.fault(steps, f"unknown key; known here are {', '.join(schema.known_keys(steps[:-1]))}")
    if kind == "missing":
        return document.fault(steps, "this key is missing")
    if steps and steps[-1] == "[key]":  # pydantic's way of saying that it is the key that is wrong
        steps = steps[:-1]
    if kind == "value_error":
        return document.fault(steps, str(context["error"]))
    sentence = _SENTENCES[kind].format(**context).replace("'", "") if kind in _SENTENCES else detail["msg"]
    return document.fault(steps, sentence, got=True)


def _relations(document: Document) -> Iterator[Fault | None]:
    """Check what values mean for each other, looking only at such as have the right type."""
    modules = _dict(_dict(document.value).get("modules"))
    known = dict.fromkeys([*modules, *BUILT_IN_MODULES])
    seen: dict[object, Steps] = {}
    for position, group in enumerate(_list(_dict(document.value).get("targets"))):
        at: Steps = ("targets", position)
        module = _dict(group).get("module", module_schema.DEFAULT_MODULE)
        if isinstance(module, str) and module not in known:
            shown = ", ".join(printable(name, 80) for name in islice(known, _MAX_SHOWN))
            yield document.fault((*at, "module"), f"unknown module {quoted(module)}; known are {shown}")
        # To Prometheus a label with an empty value is none.
        labels = frozenset((key, str(value)) for key, value in _dict(_dict(group).get("labels")).items() if value)
        for index, target in enumerate(_list(_dict(group).get("targets"))):
            steps: Steps = (*at, "targets", index)
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


def _build(file: schema.File) -> Config:
    interval = file.probe.interval
    modules = dict(BUILT_IN_MODULES) | {name: _module(name, keys) for name, keys in file.modules.items()}
    return Config(
        interval=interval,
        concurrency=file.probe.concurrency,
        store_path=file.store.path,
        egress=_egress(file.egress),
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
        ),
        issuers=keys.issuer_file or (),
        fetch_issuer=keys.fetch_issuer,
        responder=_responder(keys.responder),
        crl=CRLSettings(
            query=keys.crl.query, urls=tuple(keys.crl.urls), timeout=keys.crl.timeout, refresh=keys.crl.refresh
        ),
        chain=keys.chain,
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
DEFAULT_CONFIG: Final = _build(schema.File())
