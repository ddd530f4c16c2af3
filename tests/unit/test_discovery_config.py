"""Where targets are discovered, in a configuration: what is read, what is refused, and what is never shown."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.config import Config, ConfigError, parse_config
from ocsp_exporter.config.discovery import ClientTLS, FileDiscovery, HTTPDiscovery, Login
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import TLSVersion

CA = Authority.root(1_800_000_000)
OWN, OTHER = CA.leaf("own.example"), CA.leaf("other.example")

SECONDS = "expected a duration such as 500ms, 10s, 5m or 1h30m"
PATTERN = "expected the path of a file that ends in .json, .yml or .yaml, with wildcards in its last part only"
KNOWN_OF_BASIC = "known here are username, password, password_file"
KNOWN_OF_AUTHORIZATION = "known here are type, credentials, credentials_file"
NOT_SHOWN = "(got what is not shown here)"
NEITHER_NOR = "expected either credentials or credentials_file"
MODULES = (
    "known are a, tls, smtp, lmtp, imap, pop3, ftp, ldap, xmpp-client, xmpp-server, postgres, mysql, sieve, nntp, irc, "
    "nats, nats-auto, nats-leafnode"
)
HTTP_URL = "expected a URL that begins with http:// or https:// and a host"
NO_USER = "a user name or password has no place in this URL (it is not shown here, for a password may be in it)"
BAD_USER = "a user's name has no colon and no invisible character"
TWO_PASSWORDS = "password and password_file say the same in two ways; give one of them"
SCHEME = "expected the name of a scheme such as Bearer; for Basic there is basic_auth"
NO_KEY = "cert_file is of no use without key_file; a client certificate takes both"
OTHER_KEY = "this key is not that of the first certificate in cert_file"
IN_TLS = "known here are ca_file, cert_file, key_file, server_name, insecure_skip_verify, min_version"
BAD_CREDENTIALS = "expected a token: printable ASCII characters on one line (it is not shown here)"
FILES = "file_sd_configs: [{files: [%s]}]"
MORE = "file_sd_configs: [{files: [a.yml], %s}]"
URL = "http_sd_configs: [{url: %s}]"
LOGIN = "http_sd_configs: [{url: http://h, %s}]"
TLS = "http_sd_configs: [{url: http://h, tls_config: {%s}}]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with certificates, keys and secrets, good and bad."""
    (tmp_path / "ca.pem").write_bytes(CA.certificate.public_bytes(Encoding.PEM))
    (tmp_path / "own.pem").write_bytes(OWN.certificate_pem())
    (tmp_path / "own.key").write_bytes(OWN.key_pem())
    (tmp_path / "other.key").write_bytes(OTHER.key_pem())
    (tmp_path / "secret").write_text(" hunter2\n")
    (tmp_path / "empty").write_text("")
    (tmp_path / "two-lines").write_text("hunter2\nhunter3\n")
    (tmp_path / "bytes").write_bytes(b"hunter2\xff")
    return tmp_path


def parse(text: str, folder: Path) -> Config:
    """Read a configuration."""
    return parse_config(text, "f.yaml", folder)


def test_files_have_their_keys(folder: Path) -> None:
    """Each arrives where it belongs; paths are relative to the configuration, and what is left out has its default."""
    text = """
probe: {interval: 2m}
file_sd_configs:
- {files: ["a/*.yaml", /b.JSON], module: smtp, interval: 1h, refresh_interval: 10s}
- {files: [c.yml]}
"""
    assert parse(text, folder).file_discoveries == (
        FileDiscovery((f"{folder}/a/*.yaml", "/b.JSON"), "smtp", 3600.0, 10.0),
        FileDiscovery((f"{folder}/c.yml",), "tls", 120.0, 300.0),
    )


def test_the_folder_itself_is_no_pattern(tmp_path: Path) -> None:
    """Whatever it is called."""
    (tmp_path / "a*[b]").mkdir()
    (found,) = parse("file_sd_configs: [{files: [c.yml]}]", tmp_path / "a*[b]").file_discoveries
    assert found.files == (f"{tmp_path}/a[*][[]b]/c.yml",)


def test_urls_have_their_keys(folder: Path) -> None:
    """Likewise; there is one kind of login, whichever way it is written."""
    text = """
http_sd_configs:
- url: https://sd.example:8443/t?a=b
  module: imap
  interval: 5m
  refresh_interval: 1s
  basic_auth: {username: me, password: "hunter2: ä"}
  tls_config: {ca_file: ca.pem, cert_file: own.pem, key_file: own.key, server_name: x.example, min_version: TLS13}
  follow_redirects: false
- {url: http://a, authorization: {type: Token, credentials_file: secret}, tls_config: {insecure_skip_verify: true}}
- {url: http://b, basic_auth: {username: me, password_file: secret}}
- {url: http://c, authorization: {credentials: abc}, basic_auth: null}
- {url: http://d, tls_config: }
"""
    plain = ClientTLS(None, None, None, None, insecure_skip_verify=False, min_version=TLSVersion.TLS12)
    anybody = ClientTLS(None, None, None, None, insecure_skip_verify=True, min_version=TLSVersion.TLS12)
    files = (folder / "ca.pem", folder / "own.pem", folder / "own.key")
    strict = ClientTLS(*files, "x.example", insecure_skip_verify=False, min_version=TLSVersion.TLS13)
    secret = folder / "secret"

    def usual(url: str, login: Login | None, tls: ClientTLS = plain) -> HTTPDiscovery:
        return HTTPDiscovery(url, "tls", 60.0, 60.0, login, tls, follow_redirects=True)

    first = Login("Basic", "me", "hunter2: ä", None)
    assert parse(text, folder).http_discoveries == (
        HTTPDiscovery("https://sd.example:8443/t?a=b", "imap", 300.0, 1.0, first, strict, follow_redirects=False),
        usual("http://a", Login("Token", None, "", secret), anybody),
        usual("http://b", Login("Basic", "me", "", secret)),
        usual("http://c", Login("Bearer", None, "abc", None)),
        usual("http://d", None),
    )


def test_a_source_is_called_without_its_query() -> None:
    """There may be a secret in it."""
    (found,) = parse("http_sd_configs: [{url: 'http://h:1/a?token=hunter2#b'}]", Path()).http_discoveries
    assert found.name == "http://h:1/a"


@pytest.mark.parametrize(
    ("template", "bad", "fault", "good"),
    [
        ("file_sd_configs: [%s]", "{}", "1:19: file_sd_configs[0].files: this key is missing", "{files: [a.json]}"),
        (
            FILES,
            "",
            "1:20: file_sd_configs[0].files: expected a list of one at least",
            "a.yml",
        ),
        (
            FILES,
            "a.txt",
            f'1:28: file_sd_configs[0].files[0]: {PATTERN} (got "a.txt")',
            "a.yaml",
        ),
        (
            FILES,
            "'*/a.yml'",
            f'1:28: file_sd_configs[0].files[0]: {PATTERN} (got "*/a.yml")',
            "a/*.yml",
        ),
        (
            FILES,
            ".yml",
            f'1:28: file_sd_configs[0].files[0]: {PATTERN} (got ".yml")',
            "a.yml",
        ),
        (
            MORE,
            "refresh_interval: 999ms",
            "1:36: file_sd_configs[0].refresh_interval: expected a duration of 1s or more (got 999ms)",
            "refresh_interval: 1s",
        ),
        (
            MORE,
            "refresh_interval: 60",
            f"1:36: file_sd_configs[0].refresh_interval: {SECONDS} (got 60)",
            "refresh_interval: 60s",
        ),
        (
            MORE,
            "url: a",
            "1:36: file_sd_configs[0].url: unknown key; known here are files, module, interval, refresh_interval",
            "interval: 1s",
        ),
        (
            "modules: {a: }\nfile_sd_configs: [{files: [a.yml], module: %s}]",
            "b",
            f'2:36: file_sd_configs[0].module: unknown module "b"; {MODULES}',
            "a",
        ),
        (
            "modules: {a: }\nhttp_sd_configs: [{url: http://h, module: %s}]",
            "b",
            f'2:35: http_sd_configs[0].module: unknown module "b"; {MODULES}',
            "tls",
        ),
        ("http_sd_configs: [%s]", "{}", "1:19: http_sd_configs[0].url: this key is missing", "{url: http://h}"),
        (
            URL,
            "file:///etc/targets.json",
            f'1:20: http_sd_configs[0].url: {HTTP_URL} (got "file:///etc/targets.json")',
            "https://h/targets",
        ),
        (
            URL,
            "http://me:hunter2@h",
            f"1:20: http_sd_configs[0].url: {NO_USER}",
            "http://h",
        ),
        (LOGIN, "basic_auth: {}", "1:35: http_sd_configs[0].basic_auth.username: this key is missing", "basic_auth: "),
        (
            LOGIN,
            "basic_auth: {username: 'a:b'}",
            f'1:48: http_sd_configs[0].basic_auth.username: {BAD_USER} (got "a:b")',
            "basic_auth: {username: a}",
        ),
        (
            LOGIN,
            "basic_auth: {username: a, password: b, password_file: secret}",
            f"1:35: http_sd_configs[0].basic_auth: {TWO_PASSWORDS}",
            "basic_auth: {username: a, password: b}",
        ),
        (
            LOGIN,
            "basic_auth: {username: a}, authorization: {credentials: b}",
            "1:19: http_sd_configs[0]: basic_auth and authorization exclude each other; give one of them",
            "basic_auth: {username: a}",
        ),
        (
            LOGIN,
            "basic_auth: {username: a, pasword: hunter2}",
            "1:61: http_sd_configs[0].basic_auth.pasword: unknown key; " + KNOWN_OF_BASIC,
            "basic_auth: {username: a, password: hunter2}",
        ),
        (
            LOGIN,
            "authorization: {credential: hunter2}",
            "1:51: http_sd_configs[0].authorization.credential: unknown key; " + KNOWN_OF_AUTHORIZATION,
            "authorization: {credentials: hunter2}",
        ),
        (
            LOGIN,
            "authorization: {type: Bearer}",
            f"1:35: http_sd_configs[0].authorization: {NEITHER_NOR}",
            "authorization: {credentials: a}",
        ),
        (
            LOGIN,
            "authorization: {credentials: a, credentials_file: secret}",
            f"1:35: http_sd_configs[0].authorization: {NEITHER_NOR}",
            "authorization: {credentials_file: secret}",
        ),
        (
            LOGIN,
            "authorization: {type: basic, credentials: a}",
            f'1:51: http_sd_configs[0].authorization.type: {SCHEME} (got "basic")',
            "authorization: {type: Token, credentials: a}",
        ),
        (
            TLS,
            "cert_file: own.pem",
            f"1:35: http_sd_configs[0].tls_config: {NO_KEY}",
            "cert_file: own.pem, key_file: own.key",
        ),
        (
            TLS,
            "cert_file: own.pem, key_file: other.key",
            f"1:35: http_sd_configs[0].tls_config: {OTHER_KEY}",
            "cert_file: own.pem, key_file: own.key",
        ),
        (
            TLS,
            "min_version: SSLv3",
            "1:48: http_sd_configs[0].tls_config.min_version: expected TLS10, TLS11, TLS12 or TLS13 (got SSLv3)",
            "min_version: TLS10",
        ),
        (
            TLS,
            "max_version: TLS13",
            f"1:48: http_sd_configs[0].tls_config.max_version: unknown key; {IN_TLS}",
            "server_name: a.example",
        ),
    ],
)
def test_a_fault_is_named_with_its_place(folder: Path, template: str, bad: str, fault: str, good: str) -> None:
    """Every value is checked before anything is asked for; its good twin passes."""
    with pytest.raises(ConfigError) as caught:
        parse(template % bad, folder)
    assert str(caught.value) == f"f.yaml:{fault}"
    parse(template % good, folder)


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        (
            "basic_auth: hunter2",
            f"1:35: http_sd_configs[0].basic_auth: expected a mapping of keys to values {NOT_SHOWN}",
        ),
        (
            "basic_auth: {username: a, password: 4711}",
            "1:61: http_sd_configs[0].basic_auth.password: expected text; put it in quotes if it is meant so "
            + NOT_SHOWN,
        ),
        (
            "basic_auth: {username: a, password: !hunter2 b}",
            f"1:61: http_sd_configs[0].basic_auth.password: expected text in quotes {NOT_SHOWN}",
        ),
        (
            "authorization: {credentials: 'hunter\\u0007'}".replace("'", '"'),
            f"1:51: http_sd_configs[0].authorization.credentials: {BAD_CREDENTIALS}",
        ),
        (
            "authorization: {credentials: hünter2}",
            f"1:51: http_sd_configs[0].authorization.credentials: {BAD_CREDENTIALS}",
        ),
    ],
)
def test_a_secret_is_shown_in_no_fault(folder: Path, keys: str, fault: str) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(ConfigError) as caught:
        parse(LOGIN % keys, folder)
    assert str(caught.value) == f"f.yaml:{fault}"


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("absent", "cannot be read: No such file or directory"),
        ("empty", "is empty"),
        ("two-lines", "has a line break or an invisible character"),
        ("bytes", "is not UTF-8"),
    ],
)
def test_a_file_with_a_secret_is_looked_at(folder: Path, name: str, fault: str) -> None:
    """It has one line, and nothing of it is shown."""
    with pytest.raises(ConfigError) as caught:
        parse(LOGIN % f"basic_auth: {{username: a, password_file: {name}}}", folder)
    assert str(caught.value) == (
        f'f.yaml:1:61: http_sd_configs[0].basic_auth.password_file: the file "{folder}/{name}" {fault}; expected a '
        "password or token on one line"
    )
    parse(LOGIN % "basic_auth: {username: a, password_file: secret}", folder)


def test_what_is_printed_has_no_secret(folder: Path) -> None:
    """Neither the configuration nor a part of it shows one."""
    text = "http_sd_configs: [{url: http://a, basic_auth: {username: a, password: hunter2}}]"
    assert "hunter2" not in repr(parse(text, folder))
