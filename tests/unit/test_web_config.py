"""The web configuration file: what is read, what is refused, and what happens when it changes."""

import asyncio
import logging
import os
import re
import ssl
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from ocsp_exporter.config import ConfigError
from ocsp_exporter.config.web import (
    RateLimit,
    ServerTLS,
    WebConfig,
    files_named_in,
    parse_web_config,
    read_web_document,
)
from ocsp_exporter.config.web_schema import TLSServer
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import TLSVersion
from ocsp_exporter.serving import web_config as web_config_module
from ocsp_exporter.serving.web_config import WebConfigFile
from tests.unit.web_config_faults import FAULTS, GOOD_HASH

ROOT = Authority.root(1_800_000_000)
OWN, OTHER = ROOT.leaf("own.example"), ROOT.leaf("other.example")
TLS = "tls_server_config: {cert_file: own.pem, key_file: own.key}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with certificates and keys."""
    return fill(tmp_path_factory.mktemp("web"))


def fill(folder: Path) -> Path:
    """Write certificates and keys."""
    (folder / "root.pem").write_bytes(ROOT.certificate.public_bytes(Encoding.PEM))
    (folder / "own.pem").write_bytes(OWN.certificate_pem())
    (folder / "own.key").write_bytes(OWN.key_pem())
    (folder / "other.pem").write_bytes(OTHER.certificate_pem())
    (folder / "other.key").write_bytes(OTHER.key_pem())
    return folder


def parse(text: str, folder: Path = Path("/nonexistent")) -> WebConfig:
    """Read a web configuration."""
    return parse_web_config(read_web_document(text, "w.yml"), folder)


def faults(text: str, folder: Path = Path("/nonexistent")) -> list[str]:
    """Give what is wrong with a web configuration, line by line."""
    with pytest.raises(ConfigError) as caught:
        parse(text, folder)
    return str(caught.value).splitlines()


class TestReading:
    """What a file says."""

    def test_without_keys_there_is_nothing_before_the_pages(self) -> None:
        """An empty file, or one of empty sections, is plain HTTP for everybody."""
        nothing = WebConfig(tls=None, headers={}, users={}, rate_limit=None, remarks=())
        empty = "tls_server_config: {}\nhttp_server_config: {headers: }\nbasic_auth_users:\nrate_limit:\n"
        for text in ("", "# nothing\n", "{}", empty, "rate_limit: {interval: 0s, burst: 5}"):
            assert parse(text) == nothing

    def test_every_key_finds_its_place(self, folder: Path) -> None:
        """Each key of the file arrives in the value that is named for it, in OpenSSL's names."""
        config = parse(
            f"""\
            tls_server_config:
              cert_file: own.pem
              key_file: {folder}/own.key
              client_auth_type: RequireAndVerifyClientCert
              client_ca_file: root.pem
              client_allowed_sans: [prometheus.example.org, 10.0.0.1]
              min_version: TLS11
              max_version: TLS12
              cipher_suites:
                - TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
                - TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA
              prefer_server_cipher_suites: false
              curve_preferences: [CurveP384]
            http_server_config:
              http2: false
              headers:
                Content-Security-Policy: default-src 'none'
                X-Frame-Options: deny
                X-Content-Type-Options: nosniff
                X-XSS-Protection: ""
                Strict-Transport-Security: max-age=31536000
            basic_auth_users: {{alice: {GOOD_HASH}}}
            rate_limit: {{interval: 1m1.5s, burst: 20}}
            """,
            folder,
        )
        key = OWN.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        assert config == WebConfig(
            tls=ServerTLS(
                chain=(OWN.certificate,),
                key=key,
                verify_clients=ssl.CERT_REQUIRED,
                client_roots=(ROOT.certificate,),
                allowed_sans=frozenset({"prometheus.example.org", "10.0.0.1"}),
                min_version=TLSVersion.TLS11,
                max_version=TLSVersion.TLS12,
                ciphers=("ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES256-SHA"),
                prefer_server_ciphers=False,
                curve="secp384r1",
            ),
            headers={
                "Content-Security-Policy": "default-src 'none'",
                "X-Frame-Options": "deny",
                "X-Content-Type-Options": "nosniff",
                "Strict-Transport-Security": "max-age=31536000",
            },
            users={"alice": GOOD_HASH},
            rate_limit=RateLimit(61.5, 20),
            remarks=(),
        )

    def test_certificates_and_key_may_stand_in_the_file_itself(self, folder: Path) -> None:
        """PEM as text means the same as a file with it."""

        def block(content: bytes) -> str:
            return "|\n" + "".join(f"    {line}\n" for line in content.decode().splitlines())

        text = (
            f"tls_server_config:\n  cert: {block(OWN.certificate_pem())}  key: {block(OWN.key_pem())}"
            f"  client_auth_type: VerifyClientCertIfGiven\n  client_ca: {block((folder / 'root.pem').read_bytes())}"
        )
        inline = parse(text).tls
        named = parse(
            "tls_server_config: {cert_file: own.pem, key_file: own.key, client_ca_file: root.pem, "
            "client_auth_type: VerifyClientCertIfGiven}",
            folder,
        ).tls
        assert inline == named
        assert faults(text.replace("  client_auth_type", "  cert_file: own.pem\n  client_auth_type"), folder) == [
            "w.yml:2:3: tls_server_config.cert: cert and cert_file say the same in two ways; give one of them"
        ]

    def test_a_key_in_the_file_itself_is_that_of_the_certificate(self) -> None:
        """A key of another certificate is refused, and the place where the certificate stands is named."""
        text = f"tls_server_config:\n  cert: {OWN.certificate_pem().decode()!r}\n  key: {OTHER.key_pem().decode()!r}\n"
        text = text.replace("'", '"')
        assert faults(text) == [
            "w.yml:3:3: tls_server_config.key: this key is not that of the first certificate in cert"
        ]

    def test_a_list_of_cipher_suites_for_tls_13_alone_leaves_the_older_versions_out(self, folder: Path) -> None:
        """Without a cipher suite for TLS 1.2 only TLS 1.3 can be spoken; with one it can."""
        alone = "tls_server_config: {cert_file: own.pem, key_file: own.key, cipher_suites: [TLS_AES_128_GCM_SHA256%s]}"
        only = parse(alone % "", folder).tls
        both = parse(alone % ", TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", folder).tls
        assert only
        assert both
        assert (only.min_version, only.ciphers) == (TLSVersion.TLS13, ())
        assert (both.min_version, both.ciphers) == (TLSVersion.TLS12, ("ECDHE-ECDSA-AES128-GCM-SHA256",))

    @pytest.mark.parametrize(
        ("keys", "remark"),
        [
            (
                "http_server_config: {http2: true}",
                "1:22: http_server_config.http2: HTTP/2 is not spoken here; clients get HTTP/1.1, as without this key",
            ),
            (
                TLS.replace("}", ", client_auth_type: RequestClientCert}"),
                (
                    "1:60: tls_server_config.client_auth_type: a certificate that nobody verifies is not asked for: "
                    "this is NoClientCert"
                ),
            ),
            (
                TLS.replace("}", ", client_auth_type: VerifyClientCertIfGiven}"),
                (
                    "1:60: tls_server_config.client_auth_type: without client_ca_file every client is let in for whose "
                    "certificate a root of this system vouches"
                ),
            ),
            (
                TLS.replace("}", ", cipher_suites: [TLS_AES_128_GCM_SHA256]}"),
                (
                    "1:60: tls_server_config.cipher_suites: TLS 1.3 has all of its cipher suites, whichever of them "
                    "stand here, as in Go"
                ),
            ),
            (
                TLS.replace("}", ", curve_preferences: [CurveP256, X25519]}"),
                "1:60: tls_server_config.curve_preferences: only the first is offered, CurveP256: TLS here takes one",
            ),
        ],
    )
    def test_what_is_not_followed_to_the_letter_is_told(self, folder: Path, keys: str, remark: str) -> None:
        """A key that means something else here than to the toolkit is accepted with a remark."""
        assert [str(each) for each in parse(keys, folder).remarks] == [f"w.yml:{remark}"]

    @pytest.mark.parametrize(("template", "bad", "fault", "good"), FAULTS)
    def test_each_fault_has_its_sentence(self, folder: Path, template: str, bad: str, fault: str, good: str) -> None:
        """A fault is told with its place, and its good twin is accepted."""
        expected = f"w.yml:{fault}".replace("w.yml::", "w.yml:1:1:").replace("FOLDER", str(folder))
        assert faults(template % bad, folder) == [expected]
        parse(template % good, folder)

    def test_all_faults_are_told_at_once(self) -> None:
        """Faults of the text, of values and of what they mean for each other come together, in the text's order."""
        text = "rate_limit: {burst: x}\ntls_server_config:\n  min_version: TLS13\n  max_version: TLS12\nusers: 7\n"
        assert [fault.split(": ")[:2] for fault in faults(text)] == [
            ["w.yml:1:14", "rate_limit.burst"],
            *3 * [["w.yml:2:1", "tls_server_config"]],
            ["w.yml:5:1", "users"],
        ]

    def test_nothing_that_is_read_shows_a_secret(self, folder: Path) -> None:
        """The representation of a configuration has neither hashes nor keys."""
        shown = repr(parse(f"{TLS}basic_auth_users: {{a: {GOOD_HASH}}}\n", folder))
        assert "own.example" in shown
        assert GOOD_HASH not in shown
        assert "key=" not in shown

    def test_the_files_that_are_named_are_known_although_there_are_faults(self, folder: Path) -> None:
        """What a faulty file names is to be watched too; what is no name is passed over."""
        text = 'tls_server_config: {cert_file: gone.pem, key_file: /gone.key, client_ca_file: [a], foo: "own.pem"}'
        named = files_named_in(read_web_document(text, "w.yml"), folder)
        assert named == (folder / "gone.pem", Path("/gone.key"))

    @settings(max_examples=300)
    @given(st.data())
    def test_whatever_stands_there_is_read_or_refused(self, data: st.DataObject) -> None:
        """Of any values in any place comes a configuration, or a ConfigError, and nothing else."""
        values = st.recursive(
            st.sampled_from(
                [
                    "''",
                    "a",
                    "1",
                    "true",
                    "TLS13",
                    "TLS10",
                    "NoClientCert",
                    "X25519",
                    "TLS_AES_128_GCM_SHA256",
                    "1s",
                    "0",
                ]
            ),
            lambda inner: st.lists(inner, max_size=2).map(lambda items: f"[{', '.join(items)}]"),
        )
        keys = st.sampled_from([*TLSServer.model_fields, "http2", "headers", "interval", "burst", "a"])
        section = st.dictionaries(keys, values, max_size=6).map(
            lambda entries: f"{{{', '.join(f'{key}: {value}' for key, value in entries.items())}}}"
        )
        names = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")
        text = "".join(f"{name}: {data.draw(section | values)}\n" for name in names)
        with suppress(ConfigError):
            assert isinstance(parse(text), WebConfig)


class Changing:
    """A web configuration file that changes, and the clock of its reader."""

    def __init__(self, folder: Path, text: str) -> None:
        self.path = fill(folder) / "web.yml"
        self.path.write_text(text)
        self.now = 0.0
        self.file = WebConfigFile(self.path, lambda: self.now)

    def config(self) -> WebConfig:
        """Look for changes, and give what holds now."""
        self.file.look()
        return self.file.config

    def context(self) -> ssl.SSLContext:
        """Look for changes, and give what holds now for new connections."""
        self.file.look()
        return self.file.context()

    def put(self, name: str, content: bytes) -> None:
        """Replace a file as a whole, as whoever renews certificates should."""
        new = self.path.with_name("new")
        new.write_bytes(content)
        new.rename(self.path.with_name(name))


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Listen to what the reader logs."""
    caplog.set_level(logging.INFO, "ocsp_exporter")
    return caplog


def told(log: pytest.LogCaptureFixture) -> list[str]:
    """Give what was logged since the last call: the message, and the fault if there is one."""
    lines = [f"{record.message} {vars(record).get('fields', {}).get('fault', '')}".strip() for record in log.records]
    log.clear()
    return lines


REFUSED = "web configuration refused, the last good one stays"


class TestChanges:
    """A file that changes while the exporter runs."""

    def test_a_changed_file_counts(self, tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
        """The requests after the next look have the new users; without a change nothing is read again."""
        changing = Changing(tmp_path, f"basic_auth_users: {{alice: {GOOD_HASH}}}\n")
        before = changing.config()
        assert changing.config() is before
        changing.put("web.yml", f"basic_auth_users: {{bob: {GOOD_HASH}}}\n".encode())
        assert list(before.users) == ["alice"]
        assert list(changing.config().users) == ["bob"]
        assert told(log) == ["web configuration loaded"]

    def test_a_changed_certificate_counts(self, tmp_path: Path) -> None:
        """A new certificate of the same key makes a new context for the connections to come."""
        changing = Changing(tmp_path, TLS)
        before = changing.context()
        assert changing.context() is before
        changing.put("own.pem", ROOT.leaf("renewed.example", key=OWN.key).certificate_pem())
        assert changing.context() is not before

    def test_a_certificate_without_its_key_changes_nothing(self, tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
        """Between certificate and key the old pair holds, which is told once; with the key the new pair does."""
        changing = Changing(tmp_path, TLS)
        before = changing.context()
        changing.put("own.pem", OTHER.certificate_pem())
        assert [changing.context() for _ in range(3)] == 3 * [before]
        place = f"{changing.path}:1:41: tls_server_config.key_file"
        assert told(log) == [f"{REFUSED} {place}: this key is not that of the first certificate in cert_file"]
        changing.put("own.key", OTHER.key_pem())
        assert changing.context() is not before
        assert told(log) == ["web configuration loaded"]

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("basic_auth_users: {alice: secret}", ":1:20: basic_auth_users.alice: expected the bcrypt hash of"),
            ("basic_auth_users: {alice", ":2:1: not YAML: "),
            ("", ": is empty, as a file is that is being written"),
            ("# all out\n", ": is empty, as a file is that is being written"),
            (None, ": cannot be read: No such file or directory"),
            (TLS, ": tls_server_config: TLS begins and ends with the exporter: start it again"),
        ],
    )
    def test_a_fault_keeps_the_last_good_configuration(
        self, tmp_path: Path, log: pytest.LogCaptureFixture, text: str | None, fault: str
    ) -> None:
        """Nobody is let in, and nobody shut out, by a file that is broken, half-written or gone; it is told once."""
        good = f"basic_auth_users: {{alice: {GOOD_HASH}}}\n"
        changing = Changing(tmp_path, good)
        before = changing.config()
        if text is None:
            changing.path.unlink()
        else:
            changing.put("web.yml", text.encode())
        assert [changing.config() for _ in range(3)] == 3 * [before]
        [line] = told(log)
        assert line.startswith(f"{REFUSED} {changing.path}{fault}")
        assert "secret" not in line
        changing.put("web.yml", good.replace("alice", "bob").encode())
        assert list(changing.config().users) == ["bob"]

    def test_tls_does_not_end_while_the_exporter_runs(self, tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
        """A file without TLS, where there was some, is refused: connections would fall silent or be in clear."""
        changing = Changing(tmp_path, TLS)
        before = changing.context()
        changing.put("web.yml", b"rate_limit:\n")
        assert changing.context() is before
        assert [line.split(": ", 1)[1] for line in told(log)] == [
            "tls_server_config: TLS begins and ends with the exporter: start it again"
        ]

    def test_a_file_that_was_named_and_missing_counts_when_it_comes(self, tmp_path: Path) -> None:
        """What a faulty configuration names is watched too."""
        changing = Changing(tmp_path, TLS)
        before = changing.context()
        changing.put("web.yml", TLS.replace("own", "coming").encode())
        assert changing.context() is before
        changing.put("coming.pem", OTHER.certificate_pem())
        changing.put("coming.key", OTHER.key_pem())
        assert changing.context() is not before

    def test_what_kept_us_from_reading_may_be_over_without_a_change(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
    ) -> None:
        """After a fault the files are read again some seconds later, changed or not, and it is not told again."""
        changing = Changing(tmp_path, "rate_limit:\n")
        before = changing.config()
        changing.put("web.yml", b"http_server_config:\n")
        with monkeypatch.context() as patched:
            patched.setattr(Path, "open", _out_of_files)
            assert changing.config() is before
            assert told(log) == [f"{REFUSED} {changing.path}: cannot be read: Too many open files"]
            changing.now = 10.0
            assert changing.config() is before
        changing.now = 19.0
        assert changing.config() is before
        changing.now = 20.0
        assert changing.config() is not before
        assert told(log) == ["web configuration loaded"]

    def test_a_certificate_that_openssl_does_not_take_is_a_fault(self, tmp_path: Path) -> None:
        """What only OpenSSL finds wrong is told with its reason."""
        weak = ROOT.leaf("weak.example", key=_short_key())
        (fill(tmp_path) / "own.pem").write_bytes(weak.certificate_pem())
        (tmp_path / "own.key").write_bytes(weak.key_pem())
        (tmp_path / "web.yml").write_text(TLS)
        with pytest.raises(ConfigError) as caught:
            WebConfigFile(tmp_path / "web.yml")
        assert str(caught.value) == (
            f"{tmp_path / 'web.yml'}: tls_server_config: OpenSSL does not take it: EE_KEY_TOO_SMALL"
        )

    async def test_changes_are_looked_for_beside_all_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
    ) -> None:
        """Again and again, in a thread: where the disk hangs, what was last good holds; nor does an error end it."""
        monkeypatch.setattr(web_config_module, "_LOOK_EVERY", 0.01)
        changing = Changing(tmp_path, "rate_limit:\n")
        look, release, looks = changing.file.look, threading.Event(), 0

        def slow() -> None:
            nonlocal looks
            looks += 1
            release.wait()
            if looks == 2:
                raise ZeroDivisionError
            look()

        monkeypatch.setattr(changing.file, "look", slow)
        before = changing.file.config
        following = asyncio.create_task(changing.file.follow())
        changing.put("web.yml", b"http_server_config:\n")
        await asyncio.sleep(0.1)
        assert (changing.file.config is before, looks) == (True, 1)
        release.set()
        async with asyncio.timeout(20):
            while looks < 4:  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.01)
        assert changing.file.config is not before
        following.cancel()
        await asyncio.wait([following])
        assert told(log) == [
            "web configuration loaded",
            "looking at the web configuration ended in an error of the exporter",
        ]

    def test_remarks_are_logged(self, tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
        """What is not followed to the letter is logged when it is asked for, and when it changes."""
        changing = Changing(tmp_path, "http_server_config: {http2: true}\n")
        changing.file.log_remarks()
        changing.put("web.yml", b"http_server_config:\n  http2: true\n")
        changing.config()
        remarks = [re.sub("HTTP/2.*", "", str(vars(record)["fields"].get("remark", ""))) for record in log.records]
        place = f"{changing.path}:%s: http_server_config.http2: "
        assert remarks == [place % "1:22", "", place % "2:3"]


def _out_of_files(*_arguments: object) -> None:
    raise OSError(24, os.strerror(24))


def _short_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
