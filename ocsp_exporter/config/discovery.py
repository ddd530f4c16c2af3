"""Where targets are discovered, as a configuration says."""

import glob
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ocsp_exporter.config.discovery_schema import HTTPSD, FileSD
from ocsp_exporter.model import TLSVersion


@dataclass(frozen=True, slots=True)
class FileDiscovery:
    """Files that list targets.

    `files` are absolute paths, the last part of which may be a pattern. The targets are looked at with `module` (its
    name) once per `interval`, where the files say nothing else. Each `refresh_interval` all is read again, changed or
    not.
    """

    files: tuple[str, ...]
    module: str
    interval: float
    refresh_interval: float

    @property
    def name(self) -> str:
        """What it is called in the log."""
        return ",".join(self.files)


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks. `user` is sent with the secret (basic authentication), or where it is None the scheme's name is.

    `secret_file` is read each time, and then in place of `secret`.
    """

    scheme: str
    user: str | None
    secret: str = field(repr=False)
    secret_file: Path | None


@dataclass(frozen=True, slots=True)
class ClientTLS:
    """How a server is asked over https. The files, None: the system's roots and no certificate, are read each time."""

    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None
    server_name: str | None
    insecure_skip_verify: bool
    min_version: TLSVersion


@dataclass(frozen=True, slots=True)
class HTTPDiscovery:
    """A URL where targets are listed; asked each `refresh_interval`. `module` and `interval` as for files."""

    url: str
    module: str
    interval: float
    refresh_interval: float
    login: Login | None
    tls: ClientTLS
    follow_redirects: bool

    @property
    def name(self) -> str:
        """What it is called in the log: the URL, without a query, in which there may be a secret."""
        return urlsplit(self.url)._replace(query="", fragment="").geturl()


def file_discovery(keys: FileSD, interval: float, folder: Path) -> FileDiscovery:
    """Make of keys what they say; `interval` where they say none, `folder` that of the configuration file."""
    here = Path(glob.escape(str(folder.absolute())))
    return FileDiscovery(
        files=tuple(str(here / pattern) for pattern in keys.files),
        module=keys.module,
        interval=keys.interval or interval,
        refresh_interval=keys.refresh_interval,
    )


def http_discovery(keys: HTTPSD, interval: float) -> HTTPDiscovery:
    """Make of keys what they say; `interval` where they say none."""
    tls = keys.tls_config
    return HTTPDiscovery(
        url=keys.url,
        module=keys.module,
        interval=keys.interval or interval,
        refresh_interval=keys.refresh_interval,
        login=_login(keys),
        tls=ClientTLS(
            ca_file=tls.ca_file,
            cert_file=tls.cert_file,
            key_file=tls.key_file,
            server_name=tls.server_name,
            insecure_skip_verify=tls.insecure_skip_verify,
            min_version=tls.min_version,
        ),
        follow_redirects=keys.follow_redirects,
    )


def _login(keys: HTTPSD) -> Login | None:
    if basic := keys.basic_auth:
        return Login("Basic", basic.username, basic.password or "", basic.password_file)
    if other := keys.authorization:
        return Login(other.type, None, other.credentials or "", other.credentials_file)
    return None
