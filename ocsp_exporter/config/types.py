"""The types of values in a configuration file: how each is checked, and what it is read into."""

import glob
from pathlib import Path
from typing import Annotated, Final, TypeVar

from cryptography import x509
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from ocsp_exporter.config.files import CertificateFile, read_certificate, read_certificates, read_private_key
from ocsp_exporter.config.labels import check_label_name, check_label_value
from ocsp_exporter.config.values import (
    DURATION_PATTERN,
    SIZE_PATTERN,
    check_alpn,
    check_proxy_url,
    check_source_url,
    parse_duration,
    parse_network,
    parse_network_or_host,
    parse_network_or_name,
    parse_serial_number,
    parse_size,
)
from ocsp_exporter.model import (
    MOST_SOURCE_URLS,
    SHORTEST_REST,
    AddressChoice,
    CertIDHash,
    ChainDepth,
    CRLQuery,
    ExpectedAnswer,
    Follow,
    IPNetwork,
    IPProtocol,
    KeyType,
    ProberKind,
    Profile,
    RequestMethod,
    StaplePolicy,
    StartTLS,
    TLSVersion,
)
from ocsp_exporter.target import parse_host

#: The kind of fault to whose sentence the writer's words are to be added; a ValueError's has them already.
_EXPECTED: Final = "expected"

#: Seconds. Nobody is asked for a list of targets again sooner.
_SHORTEST_PAUSE: Final = 1.0

T = TypeVar("T")


def text_of(value: object) -> str:
    """Give the text that a value is; anything else is a fault."""
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "expected text")
    return value


def _duration(value: object) -> float:
    try:
        return parse_duration(value if isinstance(value, str) else "")
    except ValueError as error:
        raise PydanticCustomError(_EXPECTED, "{why}", {"why": str(error)}) from None


def _positive_duration(value: object) -> float:
    duration = _duration(value)
    if not duration:
        raise PydanticCustomError(_EXPECTED, "expected a duration longer than 0s")
    return duration


def _refresh(value: object) -> float:
    duration = _duration(value)
    if duration < SHORTEST_REST:
        raise PydanticCustomError(_EXPECTED, "expected 2m or more: nothing is fetched oftener than that")
    return duration


def _pause(value: object) -> float:
    duration = _duration(value)
    if duration < _SHORTEST_PAUSE:
        raise PydanticCustomError(_EXPECTED, "expected a duration of 1s or more")
    return duration


def _size(value: object) -> int:
    try:
        return parse_size(value if isinstance(value, str) else "")
    except ValueError as error:
        raise PydanticCustomError(_EXPECTED, "{why}", {"why": str(error)}) from None


def _network(value: object) -> IPNetwork:
    return parse_network(text_of(value))


def _network_or_host(value: object) -> IPNetwork | str:
    return parse_network_or_host(text_of(value))


def _network_or_name(value: object) -> IPNetwork | str:
    return parse_network_or_name(text_of(value))


def _folder_path(value: object, info: ValidationInfo) -> Path:
    name = text_of(value)
    if not name or "\0" in name:
        raise PydanticCustomError(_EXPECTED, "expected the path of a folder")
    return folder_of(info) / name


def _file_path(value: object, info: ValidationInfo) -> str:
    name = text_of(value)
    if not name or "\0" in name:
        raise PydanticCustomError(_EXPECTED, "expected the path of a file")
    return str(folder_of(info).absolute() / name)


def _file_glob(value: object, info: ValidationInfo) -> str:
    name = text_of(value)
    if not name or "\0" in name or name.endswith("/"):
        raise PydanticCustomError(_EXPECTED, "expected the path of a file, or a glob of such paths")
    # What is special in a glob may stand in the name of the folder.
    return str(Path(glob.escape(str(folder_of(info).absolute())), name))


def _certificates(value: object, info: ValidationInfo) -> tuple[x509.Certificate, ...]:
    return read_certificates(text_of(value), folder_of(info))


def _certificate(value: object, info: ValidationInfo) -> CertificateFile:
    return read_certificate(text_of(value), folder_of(info))


def _serial_number(value: object) -> int:
    text = text_of(value)
    try:
        return parse_serial_number(text)
    except ValueError as error:
        raise PydanticCustomError(_EXPECTED, "{why}", {"why": str(error)}) from None


def _private_key(value: object, info: ValidationInfo) -> bytes:
    return read_private_key(text_of(value), folder_of(info))


def folder_of(info: ValidationInfo) -> Path:
    """Give the folder of the configuration file, to which the names of files are relative."""
    if not isinstance(info.context, Path):
        raise TypeError("the folder of the configuration file is the context of its validation")
    return info.context


def _distinct(items: list[T]) -> list[T]:
    twice = next((item for position, item in enumerate(items) if item in items[:position]), None)
    if twice is not None:
        raise ValueError(f"{twice} stands here twice")
    return items


def not_empty(items: list[T]) -> list[T]:
    """Refuse an empty list."""
    if not items:
        raise ValueError("expected a list of one at least")
    return items


def _host(value: str) -> str:
    try:
        return parse_host(value)
    except ValueError as error:
        raise PydanticCustomError(_EXPECTED, "expected a host name: {why}", {"why": str(error)}) from None


def _module_name(value: str) -> str:
    if not value or not all(c.isascii() and (c.isalnum() or c in "_.-") for c in value):
        raise ValueError("a module's name has only ASCII letters, digits and _ . -")
    return check_label_value(value)


_DurationText = Annotated[str, StringConstraints(pattern=DURATION_PATTERN, min_length=1)]
_SizeText = Annotated[str, StringConstraints(pattern=SIZE_PATTERN)]
Duration = Annotated[float, PlainValidator(_duration, json_schema_input_type=_DurationText)]
PositiveDuration = Annotated[float, PlainValidator(_positive_duration, json_schema_input_type=_DurationText)]
Refresh = Annotated[float, PlainValidator(_refresh, json_schema_input_type=_DurationText)]
Pause = Annotated[float, PlainValidator(_pause, json_schema_input_type=_DurationText)]
Size = Annotated[int, PlainValidator(_size, json_schema_input_type=_SizeText)]
Network = Annotated[IPNetwork, PlainValidator(_network, json_schema_input_type=str)]
NetworkOrHost = Annotated[IPNetwork | str, PlainValidator(_network_or_host, json_schema_input_type=str)]
NetworkOrName = Annotated[IPNetwork | str, PlainValidator(_network_or_name, json_schema_input_type=str)]
ProxyURL = Annotated[str, AfterValidator(check_proxy_url)]
Folder = Annotated[Path, PlainValidator(_folder_path, json_schema_input_type=str)]
FilePath = Annotated[str, PlainValidator(_file_path, json_schema_input_type=str)]
FileGlob = Annotated[str, PlainValidator(_file_glob, json_schema_input_type=str)]
Certificates = Annotated[tuple[x509.Certificate, ...], PlainValidator(_certificates, json_schema_input_type=str)]
Certificate = Annotated[CertificateFile, PlainValidator(_certificate, json_schema_input_type=str)]
SerialNumber = Annotated[int, PlainValidator(_serial_number, json_schema_input_type=str)]
PrivateKey = Annotated[bytes, PlainValidator(_private_key, json_schema_input_type=str)]
ALPN = Annotated[str, AfterValidator(check_alpn)]
Host = Annotated[str, AfterValidator(_host)]
ModuleName = Annotated[str, AfterValidator(_module_name)]
LabelName = Annotated[str, AfterValidator(check_label_name)]
LabelValue = Annotated[str, AfterValidator(check_label_value)]
# Strictness would ask for the member of the enumeration itself.
Policy = Annotated[StaplePolicy, Field(strict=False)]
Following = Annotated[Follow, Field(strict=False)]
Version = Annotated[TLSVersion, Field(strict=False)]
Start = Annotated[StartTLS, Field(strict=False)]
Key = Annotated[KeyType, Field(strict=False)]
Choice = Annotated[AddressChoice, Field(strict=False)]
Protocol = Annotated[IPProtocol, Field(strict=False)]
Probing = Annotated[ProberKind, Field(strict=False)]
Method = Annotated[RequestMethod, Field(strict=False)]
Hash = Annotated[CertIDHash, Field(strict=False)]
Query = Annotated[CRLQuery, Field(strict=False)]
Expected = Annotated[ExpectedAnswer, Field(strict=False)]
Rules = Annotated[Profile, Field(strict=False)]
Depth = Annotated[ChainDepth, Field(strict=False)]
#: Of a section, all of whose keys are commented out, YAML leaves nothing: that means its defaults.
Section = Annotated[T, BeforeValidator(lambda value: {} if value is None else value)]
Items = Annotated[list[T], BeforeValidator(lambda value: [] if value is None else value)]
SourceURLs = Annotated[Items[Annotated[str, AfterValidator(check_source_url)]], Field(max_length=MOST_SOURCE_URLS)]
DistinctItems = Annotated[Items[T], AfterValidator(_distinct)]
