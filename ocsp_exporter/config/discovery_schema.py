"""The keys of the sections that say where targets are discovered; spelled as Prometheus spells them."""

import re
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, model_validator

from ocsp_exporter.config.document import Steps
from ocsp_exporter.config.files import check_key, read_certificates, read_private_key, read_regular_file
from ocsp_exporter.config.keys import Keys, seconds
from ocsp_exporter.config.module_schema import DEFAULT_MODULE
from ocsp_exporter.config.types import (
    Host,
    Items,
    Pause,
    PositiveDuration,
    Section,
    Version,
    folder_of,
    not_empty,
    text_of,
)
from ocsp_exporter.config.values import check_source_url
from ocsp_exporter.model import TLSVersion
from ocsp_exporter.quoting import quoted

_PATTERN: Final = re.compile(r"(?:[^*?\[\0]*/)?[^/\0]+\.(?:json|yml|yaml|JSON|YML|YAML)")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_MAX_SECRET: Final = 64 * 1024  # bytes

_SECRETS: Final = frozenset({"basic_auth", "authorization"})
_NO_SECRETS: Final = frozenset({"username", "password_file", "type", "credentials_file"})


def is_secret(steps: Steps) -> bool:
    """Tell whether what stands there in a configuration file may be a secret, and so is never shown."""
    at_login = len(steps) > 2 and steps[0] == "http_sd_configs" and steps[2] in _SECRETS  # noqa: PLR2004  # list, item
    return at_login and steps[-1] not in _NO_SECRETS


def _pattern(value: str) -> str:
    if not _PATTERN.fullmatch(value):
        raise ValueError(
            "expected the path of a file that ends in .json, .yml or .yaml, with wildcards in its last part only (got "
            f"{quoted(value)})"
        )
    return value


def _secret_file(value: object, info: ValidationInfo) -> Path:
    path = folder_of(info) / text_of(value)
    read_secret(path)
    return path


def _certificates_file(value: object, info: ValidationInfo) -> Path:
    read_certificates(text_of(value), folder_of(info))
    return folder_of(info) / text_of(value)


def _key_file(value: object, info: ValidationInfo) -> Path:
    read_private_key(text_of(value), folder_of(info))
    return folder_of(info) / text_of(value)


def read_secret(path: Path) -> str:
    """Read a password or a token, without the white space around it.

    Raises ValueError with a sentence that names the file, and nothing of what is in it.
    """
    try:
        return check_secret(read_regular_file(path, _MAX_SECRET).decode().strip())
    except OSError as error:
        fault = f"cannot be read: {error.strerror or error}"
    except UnicodeDecodeError:
        fault = "is not UTF-8"
    except ValueError as error:
        fault = str(error)
    raise ValueError(f"the file {quoted(str(path))} {fault}; expected a password or token on one line")


def check_secret(secret: str) -> str:
    """Give a secret back if a header can carry it. Raises ValueError with half a sentence."""
    if not secret:
        raise ValueError("is empty")
    if not secret.isprintable():
        raise ValueError("has a line break or an invisible character")
    return secret


def _token(value: str) -> str:
    if not _TOKEN.fullmatch(value) or value.lower() == "basic":
        raise ValueError(
            f"expected the name of a scheme such as Bearer; for Basic there is basic_auth (got {quoted(value)})"
        )
    return value


def _bearer(value: str) -> str:
    try:
        secret = check_secret(value)
        secret.encode("ascii")
    except ValueError:
        raise ValueError("expected a token: printable ASCII characters on one line (it is not shown here)") from None
    return secret


def _user(value: str) -> str:
    if ":" in value or not value.isprintable():
        raise ValueError(f"a user's name has no colon and no invisible character (got {quoted(value)})")
    return value


_CertificatesFile = Annotated[Path, PlainValidator(_certificates_file, json_schema_input_type=str)]
_KeyFile = Annotated[Path, PlainValidator(_key_file, json_schema_input_type=str)]
_SecretFile = Annotated[Path, PlainValidator(_secret_file, json_schema_input_type=str)]


class FileSD(Keys):
    """Files that list targets; they are watched."""

    files: Annotated[Items[Annotated[str, AfterValidator(_pattern)]], AfterValidator(not_empty)] = Field(
        description="Files in Prometheus's format, .json, .yml or .yaml, relative to this file; wildcards in the last "
        "part of the path."
    )
    module: str = Field(
        default=DEFAULT_MODULE, description="The module to look with; the label __param_module of a group overrides it."
    )
    interval: PositiveDuration | None = Field(
        default=None,
        description="How often; absent: as probe.interval says. The label __scrape_interval__ of a group overrides it.",
    )
    refresh_interval: Pause = seconds(
        300.0, "When the files are read again at the latest; what changes is read within seconds."
    )


class BasicAuth(Keys):
    """A user name and a password."""

    username: Annotated[str, AfterValidator(_user)] = Field(description="The user's name.")
    password: str | None = Field(default=None, description="The password.", repr=False)
    password_file: _SecretFile | None = Field(
        default=None, description="The file, relative to this one, that holds the password; read at each request."
    )

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password is not None and self.password_file:
            raise ValueError("password and password_file say the same in two ways; give one of them")
        return self


class Authorization(Keys):
    """A header Authorization."""

    type: Annotated[str, AfterValidator(_token)] = Field(default="Bearer", description="The scheme.")
    credentials: Annotated[str, AfterValidator(_bearer)] | None = Field(
        default=None, description="What follows the scheme, such as a token.", repr=False
    )
    credentials_file: _SecretFile | None = Field(
        default=None, description="The file, relative to this one, that holds it; read at each request."
    )

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if (self.credentials is None) is (self.credentials_file is None):
            raise ValueError("expected either credentials or credentials_file")
        return self


class ClientTLSConfig(Keys):
    """How TLS is spoken with the server of a list. The files are relative to this one, and read at each request."""

    ca_file: _CertificatesFile | None = Field(
        default=None, description="Certificates of the trusted roots, PEM; absent: the system's."
    )
    cert_file: _CertificatesFile | None = Field(
        default=None, description="The certificate to show to the server, and what leads to its root; PEM."
    )
    key_file: _KeyFile | None = Field(default=None, description="The key of cert_file, PEM, not encrypted.")
    server_name: Host | None = Field(
        default=None, description="The name asked for (SNI) and looked for in the certificate; absent: the URL's host."
    )
    insecure_skip_verify: bool = Field(default=False, description="Take any certificate of the server for good.")
    min_version: Version = Field(default=TLSVersion.TLS12, description="The lowest TLS version offered.")

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.cert_file is None) is not (self.key_file is None):
            present, absent = ("cert_file", "key_file") if self.cert_file else ("key_file", "cert_file")
            raise ValueError(f"{present} is of no use without {absent}; a client certificate takes both")
        if self.cert_file and self.key_file:
            [certificate, *_] = read_certificates(str(self.cert_file), Path())
            check_key(read_private_key(str(self.key_file), Path()), certificate)
        return self


class HTTPSD(Keys):
    """A URL where targets are listed; it is asked again and again."""

    url: Annotated[str, AfterValidator(check_source_url)] = Field(
        description="Where a list in Prometheus's format is: http or https, application/json."
    )
    module: str = Field(
        default=DEFAULT_MODULE, description="The module to look with; the label __param_module of a group overrides it."
    )
    interval: PositiveDuration | None = Field(
        default=None,
        description="How often; absent: as probe.interval says. The label __scrape_interval__ of a group overrides it.",
    )
    refresh_interval: Pause = seconds(60.0, "How often the list is asked for.")
    basic_auth: BasicAuth | None = Field(default=None, description="The user name and password to log in with.")
    authorization: Authorization | None = Field(default=None, description="Another header Authorization to send.")
    tls_config: Section[ClientTLSConfig] = Field(
        default_factory=ClientTLSConfig, description="How TLS is spoken, and whom to trust."
    )
    follow_redirects: bool = Field(default=True, description="Go where the server says that the list has moved.")

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if self.basic_auth and self.authorization:
            raise ValueError("basic_auth and authorization exclude each other; give one of them")
        return self
