"""The one table of the keys of a web configuration file, as Prometheus's exporter-toolkit defines them.

Each value is checked by itself; what values mean for each other is checked in `web`.
"""

import re
from typing import Annotated, Final, Self

from cryptography import x509
from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from ocsp_exporter.config.files import certificates_in, check_key, private_key_in
from ocsp_exporter.config.keys import Keys
from ocsp_exporter.config.tls_names import CIPHER_SUITES, CLIENT_AUTH_TYPES, CURVES, TLS13_CIPHER_SUITES
from ocsp_exporter.config.types import Certificates, DistinctItems, Items, PrivateKey, Section, Version, not_empty
from ocsp_exporter.model import TLSVersion
from ocsp_exporter.quoting import quoted

_ANY_CLIENT_CERT: Final = ("RequireAnyClientCert", "RequireClientCert")

# As htpasswd and its like write them; the letter is the writer's, and the hash the same.
_BCRYPT: Final = re.compile(r"\$2[aby]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_GO_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_GO_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ns|us|µs|ms|s|m|h)")
_HEADER_VALUE: Final = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")


def _expected(what: str) -> PydanticCustomError:
    return PydanticCustomError("expected", "{what}", {"what": f"expected {what}"})


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "expected text")
    return value


def _certificates(value: object) -> tuple[x509.Certificate, ...]:
    return certificates_in(_text(value))


def _private_key(value: object) -> bytes:
    return private_key_in(_text(value))


def _client_auth_type(value: str) -> str:
    if value in _ANY_CLIENT_CERT:
        raise ValueError(
            f"{value} lets everybody in who makes a certificate of their own, and is not supported; use "
            "RequireAndVerifyClientCert with client_ca_file"
        )
    if value not in CLIENT_AUTH_TYPES:
        raise _expected(f"one of {', '.join(CLIENT_AUTH_TYPES)}")
    return value


def _cipher_suite(value: str) -> str:
    if value not in CIPHER_SUITES and value not in TLS13_CIPHER_SUITES:
        raise ValueError(f"unknown or insecure cipher suite {quoted(value)}; known are {', '.join(CIPHER_SUITES)}")
    return value


def _curve(value: str) -> str:
    if value not in CURVES:
        raise ValueError(f"unknown curve {quoted(value)}; known are {', '.join(CURVES)}")
    return value


def _header_value(value: str) -> str:
    if not _HEADER_VALUE.fullmatch(value):
        raise ValueError("the value of a header has ASCII characters only, on one line, and no blanks around it")
    return value


def _frame_options(value: str) -> str:
    if value not in {"", "deny", "sameorigin"}:
        raise _expected("deny or sameorigin")
    return value


def _content_type_options(value: str) -> str:
    if value not in {"", "nosniff"}:
        raise _expected("nosniff")
    return value


def _user_name(value: str) -> str:
    if ":" in value:
        raise ValueError("a user's name has no colon: basic authentication puts one between name and password")
    return value


def _bcrypt_hash(value: object) -> str:
    if not isinstance(value, str) or not _BCRYPT.fullmatch(value):
        raise ValueError(
            "expected the bcrypt hash of a password, in quotes, such as `htpasswd -nBC 10 NAME` makes (it is not "
            "shown here)"
        )
    return value


def _go_duration(value: object) -> float:
    if value in (0, "0") and not isinstance(value, bool):
        return 0.0
    parts = list(_GO_DURATION.finditer(value)) if isinstance(value, str) else []
    if not parts or "".join(part[0] for part in parts) != value:
        raise _expected("a duration such as 100ms, 1s or 1m30s, or 0")
    return sum(float(part[1]) * _GO_UNITS[part[2]] for part in parts)


InlineCertificates = Annotated[tuple[x509.Certificate, ...], PlainValidator(_certificates, json_schema_input_type=str)]
InlineKey = Annotated[bytes, PlainValidator(_private_key, json_schema_input_type=str)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]


class TLSServer(Keys):
    """How the exporter shows itself, and who may come. Without keys: plain HTTP."""

    cert: InlineCertificates | None = None
    cert_file: Certificates | None = None
    key: InlineKey | None = Field(default=None, repr=False)
    key_file: PrivateKey | None = Field(default=None, repr=False)
    client_auth_type: Annotated[str, AfterValidator(_client_auth_type)] = "NoClientCert"
    client_ca: InlineCertificates | None = None
    client_ca_file: Certificates | None = None
    client_allowed_sans: Annotated[list[str], AfterValidator(not_empty)] | None = None
    min_version: Version = TLSVersion.TLS12
    max_version: Version = TLSVersion.TLS13
    cipher_suites: Items[Annotated[str, AfterValidator(_cipher_suite)]] = Field(default=[])
    prefer_server_cipher_suites: bool = True
    curve_preferences: DistinctItems[Annotated[str, AfterValidator(_curve)]] = Field(default=[])

    @field_validator("key", "key_file")
    @classmethod
    def _key_of_certificate(cls, key: bytes | None, info: ValidationInfo) -> bytes | None:
        source = "cert_file" if info.data.get("cert_file") else "cert"
        certificates = info.data.get(source)
        if key is not None and certificates:
            check_key(key, certificates[0], source)
        return key


class Headers(Keys):
    """Headers of every response; an empty one is not sent."""

    content_security_policy: HeaderValue = Field(default="", alias="Content-Security-Policy")
    x_frame_options: Annotated[str, AfterValidator(_frame_options)] = Field(default="", alias="X-Frame-Options")
    x_content_type_options: Annotated[str, AfterValidator(_content_type_options)] = Field(
        default="", alias="X-Content-Type-Options"
    )
    x_xss_protection: HeaderValue = Field(default="", alias="X-XSS-Protection")
    strict_transport_security: HeaderValue = Field(default="", alias="Strict-Transport-Security")


class HTTPServer(Keys):
    """How HTTP is spoken."""

    http2: bool | None = None
    headers: Section[Headers] = Headers()


class RateLimit(Keys):
    """How many requests are answered: one each `interval` in the long run, and `burst` at once."""

    interval: Annotated[float, PlainValidator(_go_duration, json_schema_input_type=str)] = 0.0
    burst: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _something_gets_through(self) -> Self:
        if self.interval and not self.burst:
            raise ValueError("without a burst of 1 or more no request would be answered")
        return self


class WebFile(Keys):
    """The web configuration: TLS, login, headers. Every key may be left out."""

    tls_server_config: Section[TLSServer] = TLSServer()
    http_server_config: Section[HTTPServer] = HTTPServer()
    basic_auth_users: Section[
        dict[
            Annotated[str, AfterValidator(_user_name)],
            Annotated[str, PlainValidator(_bcrypt_hash, json_schema_input_type=str)],
        ]
    ] = Field(default={}, repr=False)
    rate_limit: Section[RateLimit] = RateLimit()
