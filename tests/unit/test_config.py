import os
import re
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from ocsp_exporter.config import (
    BUILT_IN_MODULES,
    DEFAULT_CONFIG,
    Config,
    ConfigError,
    json_schema,
    load_config,
    parse_config,
    yaml_reader,
)
from ocsp_exporter.config.document import Fault
from ocsp_exporter.config.values import parse_duration, parse_size, show_duration, show_size
from ocsp_exporter.model import (
    AddressChoice,
    AllowedTargets,
    CertIDHash,
    ChainDepth,
    CRLQuery,
    CRLSettings,
    EgressPolicy,
    Follow,
    IPProtocol,
    KeyType,
    Module,
    ProberKind,
    RequestMethod,
    ResponderSettings,
    ScheduledTarget,
    StaplePolicy,
    StapleSettings,
    StartTLS,
    Target,
    TLSSettings,
    TLSVersion,
)
from tests.unit.config_faults import BUILT_IN, DURATION, FAULTS, KNOWN, NO_TARGET, TEXT, WHOLE

NOWHERE = Path("/nonexistent")
EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"


def parse(text: str) -> Config:
    """Read a configuration that names no files."""
    return parse_config(text, "f.yaml", NOWHERE)


def faults(text: str, folder: Path = NOWHERE) -> list[str]:
    """Give what is wrong with a configuration, line by line."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "f.yaml", folder)
    return str(caught.value).splitlines()


def certificate(name: str) -> x509.Certificate:
    """Make a certificate that signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(2027, 1, 1, tzinfo=UTC)
    )
    return builder.sign(key, SHA256())


def test_an_empty_file_is_all_defaults() -> None:
    """Without any key the built-in module is there, and no targets."""
    expected = Config(
        interval=60.0,
        concurrency=512,
        store_path=None,
        egress=EgressPolicy(),
        probe_endpoint_allowed=AllowedTargets(),
        probe_endpoint_concurrency=512,
        modules=BUILT_IN_MODULES,
        targets=(),
    )
    assert expected == DEFAULT_CONFIG
    empty_sections = "probe:\nstore:\negress:\nprobe_endpoint:\nmodules:\ntargets:\n"
    for text in ("", "\ufeff", "# nothing\n", "---\n", "null", empty_sections):
        assert parse(text) == expected


def test_every_key_finds_its_place() -> None:
    """Each key of the file arrives in the value that is named for it."""
    config = parse(
        dedent("""\
            probe: {interval: 1h30m, concurrency: 7}
            store: {path: /var/lib/ocsp_exporter}
            egress:
              follow: listed
              allow: [10.0.0.0/8, "2001:db8::1", PKI.example.org., localhost]
              deny: [10.9.0.0/16]
              max_response_bytes: 1MiB
              max_crl_bytes: 2MiB
              requests_per_second_per_host: 0.5
              proxy_url: http://user:secret@proxy.example.org:3128
            probe_endpoint:
              allow_targets: ["*.Example.org.", 10.0.0.0/8, mx?.example.net, "2001:db8::1"]
              concurrency: 8
            modules:
              strict:
                starttls: xmpp-client
                prober: tls
                timeout: 500ms
                tls_config:
                  server_name: www.example.org
                  send_server_name: false
                  min_version: TLS11
                  max_version: TLS13
                  alpn: [h2]
                key_types: [ecdsa, any]
                addresses: all
                ip_protocol: ip6
                staple: {policy: always, handshakes: 3, retry_missing: 0}
                responder:
                  query: false
                  urls: ["http://ocsp.example.org", "https://[2001:db8::1]:8443/ocsp?a=b"]
                  method: post
                  nonce: true
                  hash: sha256
                  timeout: 3s
                  refresh: 2m
                crl:
                  query: always
                  urls: [http://crl.example.org/ca.crl]
                  timeout: 4s
                  refresh: 1d
                chain: all
                fetch_issuer: true
                clock_skew: 0s
                max_age_without_next_update: 1d
              plain:
            targets:
              - targets: [a.example, "b.example:8443"]
                module: strict
                interval: 5m
                labels: {team: web, area: "51", empty: ""}
              - targets: [a.example]
        """)
    )
    strict = Module(
        name="strict",
        timeout=0.5,
        starttls=StartTLS.XMPP_CLIENT,
        tls=TLSSettings(roots=None, min_version=TLSVersion.TLS11, max_version=TLSVersion.TLS13, alpn=("h2",)),
        server_name="www.example.org",
        send_server_name=False,
        key_types=(KeyType.ECDSA, KeyType.ANY),
        addresses=AddressChoice.ALL,
        ip_protocol=IPProtocol.IP6,
        staple=StapleSettings(policy=StaplePolicy.ALWAYS, handshakes=3, retry_missing=0),
        responder=ResponderSettings(
            query=False,
            urls=("http://ocsp.example.org", "https://[2001:db8::1]:8443/ocsp?a=b"),
            method=RequestMethod.POST,
            nonce=True,
            hash=CertIDHash.SHA256,
            timeout=3.0,
            refresh=120.0,
        ),
        crl=CRLSettings(query=CRLQuery.ALWAYS, urls=("http://crl.example.org/ca.crl",), timeout=4.0, refresh=86400.0),
        chain=ChainDepth.ALL,
        issuers=(),
        fetch_issuer=True,
        clock_skew=0.0,
        max_age_without_next_update=86400.0,
    )
    labels = (("area", "51"), ("team", "web"))
    assert config == Config(
        interval=5400.0,
        concurrency=7,
        store_path=Path("/var/lib/ocsp_exporter"),
        egress=EgressPolicy(
            follow=Follow.LISTED,
            allowed_hosts=frozenset({"pki.example.org", "localhost"}),
            allowed=(ip_network("10.0.0.0/8"), ip_network("2001:db8::1/128")),
            denied=(ip_network("10.9.0.0/16"),),
            max_response_bytes=1048576,
            max_crl_bytes=2097152,
            requests_per_second_per_host=0.5,
            proxy_url="http://user:secret@proxy.example.org:3128",
        ),
        probe_endpoint_allowed=AllowedTargets(
            names=("*.example.org", "mx?.example.net"),
            networks=(ip_network("10.0.0.0/8"), ip_network("2001:db8::1/128")),
        ),
        probe_endpoint_concurrency=8,
        modules={**BUILT_IN_MODULES, "strict": strict, "plain": Module("plain")},
        targets=(
            ScheduledTarget(Target("a.example", "a.example", 5222), strict, 300.0, labels),
            ScheduledTarget(Target("b.example:8443", "b.example", 8443), strict, 300.0, labels),
            ScheduledTarget(Target("a.example", "a.example", 443), Module("tls"), 5400.0, ()),
        ),
    )


def test_what_is_denied_by_default_is_as_documented() -> None:
    """Link-local, multicast and unspecified addresses, and those where clouds tell a machine its secrets."""
    denied = "169.254.0.0/16, fe80::/10, 100.100.100.200/32, 168.63.129.16/32, fd00:ec2::254/128"
    denied += ", 0.0.0.0/8, 224.0.0.0/4, ff00::/8"
    assert ", ".join(map(str, DEFAULT_CONFIG.egress.denied)) == denied
    assert parse("egress: {deny: []}").egress == EgressPolicy(denied=())


def test_the_password_of_the_proxy_is_not_shown() -> None:
    """Neither where the configuration is printed, nor in a fault."""
    config = parse("egress: {proxy_url: 'http://user:secret@proxy.example.org:3128'}")
    assert config.egress.proxy_url == "http://user:secret@proxy.example.org:3128"
    assert "secret" not in repr(config)
    (fault,) = faults("egress: {proxy_url: 'ftp://user:secret@proxy.example.org'}")
    assert "secret" not in fault


@pytest.mark.parametrize(
    ("text", "size"), [("1B", 1), ("512B", 512), ("256KiB", 262144), ("64MiB", 67108864), ("1GiB", 1073741824)]
)
def test_sizes_have_binary_units(text: str, size: int) -> None:
    """What is read is shown in the same words."""
    assert parse(f"egress: {{max_response_bytes: {text}}}").egress.max_response_bytes == size
    assert show_size(size) == text


@pytest.mark.parametrize(
    ("text", "rate"), [("1", 1.0), ("0.5", 0.5), ("10.0", 10.0), ("1000000", 1000000.0), ("1.0e-3", 0.001)]
)
def test_a_rate_is_any_number_above_zero(text: str, rate: float) -> None:
    """Whole or not, and always read as what it says."""
    assert parse(f"egress: {{requests_per_second_per_host: {text}}}").egress.requests_per_second_per_host == rate


@pytest.mark.parametrize("word", list(CRLQuery))
def test_when_the_crl_is_asked_is_said_in_words(word: CRLQuery) -> None:
    """None of the words is one that YAML takes for true or false."""
    assert parse(f"modules: {{a: {{crl: {{query: {word}}}}}}}").modules["a"].crl == CRLSettings(query=word)


def test_the_store_is_in_the_folder_of_the_file(tmp_path: Path) -> None:
    """Wherever the exporter is started; a path from the root is taken as it is, and neither is looked at here."""
    (tmp_path / "f.yaml").write_text("store: {path: kept/here}")
    assert load_config(tmp_path / "f.yaml").store_path == tmp_path / "kept" / "here"
    (tmp_path / "f.yaml").write_text("store: {path: /nonexistent/store}")
    assert load_config(tmp_path / "f.yaml").store_path == Path("/nonexistent/store")
    assert not (tmp_path / "kept").exists()


def test_a_password_in_a_url_is_not_shown() -> None:
    """Neither where it is the only fault, nor where the URL has another one."""
    for url in ("http://user:secret@a", "http://user:se/cret@a", "ldap://user:secret@a", "http://user:secret@a /"):
        (fault,) = faults(f"modules: {{a: {{responder: {{urls: ['{url}']}}}}}}")
        assert "se" not in fault.partition("urls[0]: ")[2].replace("password", "").replace("user", "")


def test_a_module_replaces_the_built_in_one_of_its_name() -> None:
    """Nothing of the built-in module is left, and targets that name no module use the new one."""
    config = parse("modules: {tls: {timeout: 3s}}\ntargets: [{targets: [a]}]")
    assert config.modules == {**BUILT_IN_MODULES, "tls": Module("tls", timeout=3.0)}
    assert config.targets[0].module == Module("tls", timeout=3.0)
    assert parse("modules: {smtp: }").modules["smtp"] == Module("smtp")


def test_the_built_in_modules() -> None:
    """There is one for TLS, one for each protocol by its name, and one for NATS's leafnodes, which staple nothing."""
    assert list(BUILT_IN_MODULES) == [*BUILT_IN.split(", ")]
    for name, module in BUILT_IN_MODULES.items():
        match name:
            case "tls":
                assert module == Module("tls")
            case "nats-leafnode":
                never = StapleSettings(policy=StaplePolicy.NEVER)
                assert module == Module(name, starttls=StartTLS.NATS, staple=never)
            case _:
                assert module == Module(name, starttls=StartTLS(name))


def test_a_target_takes_port_and_protocol_of_its_module_unless_it_says_otherwise() -> None:
    """The port defaults to that of the module's protocol; a scheme in front beats both."""
    config = parse("""
        modules: {relay: {starttls: smtp}}
        targets: [{targets: [a, "b:587", "imap://c"], module: relay}, {targets: [d], module: nats-leafnode}]
    """)
    assert [each.target for each in config.targets] == [
        Target("a", "a", 25),
        Target("b:587", "b", 587),
        Target("imap://c", "c", 143, StartTLS.IMAP),
        Target("d", "d", 4222),
    ]
    assert config.targets[0].module == Module("relay", starttls=StartTLS.SMTP)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1ms", 0.001),
        ("10s", 10.0),
        ("5m", 300.0),
        ("24h", 86400.0),
        ("1d", 86400.0),
        ("2w", 1209600.0),
        ("1y", 31536000.0),
        ("1h30m", 5400.0),
        ("1m0s500ms", 60.5),
        ('"10s"', 10.0),
        ("100y", 3153600000.0),
    ],
)
def test_durations_are_spelled_as_in_prometheus(text: str, seconds: float) -> None:
    """Units go from large to small, each at most once."""
    assert parse(f"probe: {{interval: {text}}}").interval == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0s"), (0.5, "500ms"), (10.0, "10s"), (60.0, "1m"), (90.0, "90s"), (5400.0, "90m"), (86400.0, "24h")],
)
def test_durations_are_shown_in_their_largest_unit(seconds: float, text: str) -> None:
    """What is shown is read back as the same duration."""
    assert show_duration(seconds) == text
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("template", "bad", "fault", "good"), FAULTS, ids=[f"{row[0]} | {row[1]}"[:90] for row in FAULTS]
)
def test_a_fault_is_named_with_its_place(template: str, bad: str, fault: str, good: str) -> None:
    """The fault, and nothing besides, is reported in the writer's own words; the good twin is accepted."""
    parse(template % good)
    assert faults(template % bad) == f"f.yaml:{fault}".splitlines()


@pytest.mark.parametrize(
    ("bad", "place", "good"),
    [
        ("probe: [\n", "2:1", "probe: {\n}"),
        ("a: b: c\n", "1:5", "probe: {}"),
        ("probe: {}\n  modules: {}", "2:3", "probe: {}\nmodules: {}"),
        ("probe: 'a", "1:10", "probe: {}"),
        ("%YAML 9.0\n---\n", "1:1", "%YAML 1.1\n---\n"),
    ],
)
def test_what_is_not_yaml_is_placed(bad: str, place: str, good: str) -> None:
    """The library's own words follow the place where it stopped."""
    parse(good)
    (fault,) = faults(bad)
    assert fault.startswith(f"f.yaml:{place}: not YAML: ")


def test_a_tab_is_named() -> None:
    """A tab that indents is the commonest mistake of all, and cannot be seen."""
    parse("probe:\n  interval: 1s\n")
    (fault,) = faults("probe:\n\tinterval: 1s\n")
    assert fault.startswith("f.yaml:2:1: not YAML: ")
    assert fault.endswith("; a tab does not indent, use spaces")


@pytest.mark.parametrize(
    ("bad", "fault", "good"),
    [
        ("probe: {}\n---\nprobe: {}", "2:1: a second document begins here; a file holds one", "---\nprobe: {}\n...\n"),
        ("probe: {}\n# a\x07", "2:4: the character U+0007 may not stand in YAML text", "probe: {}\n# a\t"),
        ("# \ud800", "1:3: the character U+D800 may not stand in YAML text", "# \U00010000"),
        ("modules: " + "[" * 100, "1:41: nested deeper than 32 levels", "modules: {a: {staple: {policy: auto}}}"),
        ("[" * 1_000_000, "1:33: nested deeper than 32 levels", "{}"),
        ("? " * 1000, "1:65: nested deeper than 32 levels", "{}"),
    ],
    ids=["two documents", "control character", "surrogate", "deep", "very deep", "deep keys"],
)
def test_what_cannot_be_read_to_the_end_is_one_fault(bad: str, fault: str, good: str) -> None:
    """Reading stops where it must, and says why."""
    parse(good)
    assert faults(bad) == [f"f.yaml:{fault}"]


def test_aliases_may_repeat_but_not_explode() -> None:
    """Nine levels of ten aliases each are a thousand million values from one line each; sharing a module is fine."""
    config = parse("modules: {a: &a {timeout: 1s}, b: *a, c: *a}")
    assert config.modules["c"] == Module("c", timeout=1.0)
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10)
    )
    assert faults(bomb) == ["f.yaml:6:20: aliases repeat more than 100000 values"]


def test_all_faults_come_at_once_in_the_order_of_the_text() -> None:
    """What is wrong with the YAML, the keys, the values and between values is one list."""
    text = dedent("""\
        probe:
          interval: 10
          concurrency: 010
        targets:
          - targets: ["a b", c, c]
            module: web
            labels: {team: 1, team: 2}
          - targets:
            - c
            modul: tls
        prob: {}
    """)
    assert faults(text) == [
        f"f.yaml:2:3: probe.interval: {DURATION} (got 10)",
        f"f.yaml:3:3: probe.concurrency: {WHOLE} (got 010)",
        'f.yaml:5:15: targets[0].targets[0]: target "a b": it has white space or an invisible character; ' + NO_TARGET,
        "f.yaml:5:25: targets[0].targets[2]: the same target, module and labels as targets[0].targets[1] on line 5",
        'f.yaml:6:5: targets[0].module: unknown module "web"; known are ' + BUILT_IN,
        f"f.yaml:7:14: targets[0].labels.team: {TEXT} (got 1)",
        "f.yaml:7:23: targets[0].labels.team: this key stands here twice, first on line 7",
        "f.yaml:10:5: targets[1].modul: unknown key; known here are targets, module, interval, labels",
        f"f.yaml:11:1: prob: unknown key; {KNOWN}",
    ]


def test_faults_are_values_too() -> None:
    """A fault carries its parts, for whoever shows it otherwise than as a line."""
    with pytest.raises(ConfigError) as caught:
        parse("probe:\n  interval: 10")
    assert caught.value.faults == (Fault("f.yaml", 2, 3, "probe.interval", f"{DURATION} (got 10)"),)


FILES = "modules: {a: {tls_config: {ca_file: %s}, issuer_file: %s}}"


def test_certificates_are_read_from_the_folder_of_the_file(tmp_path: Path) -> None:
    """PEM with one certificate or more, with text around them or without, or one in DER; by any path."""
    root, other = certificate("root"), certificate("other")
    (tmp_path / "root.pem").write_bytes(b"# the root\n" + root.public_bytes(Encoding.PEM))
    (tmp_path / "both.pem").write_bytes(root.public_bytes(Encoding.PEM) + other.public_bytes(Encoding.PEM))
    (tmp_path / "other.der").write_bytes(other.public_bytes(Encoding.DER))
    (tmp_path / "f.yaml").write_text(FILES % ("both.pem", "other.der"))
    module = load_config(tmp_path / "f.yaml").modules["a"]
    assert module.tls.roots == (root, other)
    assert module.issuers == (other,)
    module = parse_config(FILES % ("root.pem", tmp_path / "root.pem"), "f.yaml", tmp_path).modules["a"]
    assert module.tls.roots == (root,)
    assert module.issuers == (root,)
    assert parse_config(FILES % ("null", "null"), "f.yaml", tmp_path).modules["a"] == Module("a")
    text = "modules: {a: {responder: {trusted_certificates: [both.pem, other.der]}}}"
    assert parse_config(text, "f.yaml", tmp_path).modules["a"] == Module(
        "a", responder=ResponderSettings(trusted=(root, other, other))
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with everything that is no file of certificates."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = certificate("root").public_bytes(Encoding.PEM)
    (tmp_path / "good.pem").write_bytes(pem)
    (tmp_path / "empty.pem").touch()
    (tmp_path / "garbage.pem").write_bytes(b"\x30\x82garbage")
    (tmp_path / "cut.pem").write_bytes(pem + pem[:200])
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "directory.pem").mkdir()
    os.mkfifo(tmp_path / "fifo.pem")
    with (tmp_path / "huge.pem").open("wb") as huge:
        huge.truncate(1 << 40)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent.pem", "cannot be read: No such file or directory"),
        ("good.pem/root.pem", "cannot be read: Not a directory"),
        ("empty.pem", "is empty"),
        ("garbage.pem", "has no certificate that can be read"),
        ("cut.pem", "has a certificate that is damaged or cut off"),
        ("key.pem", "has no certificate that can be read"),
        ("directory.pem", "is not a regular file"),
        ("fifo.pem", "is not a regular file"),
        ("huge.pem", "has more than 8 MiB"),
    ],
)
def test_a_file_without_certificates_is_a_fault_at_its_key(folder: Path, name: str, why: str) -> None:
    """The fault names the file, what is wrong with it and what was expected; a FIFO is not waited for."""
    expected = f'the file "{folder}/{name}" {why}; expected certificates, in PEM or one in DER'
    assert faults(FILES % (name, "good.pem"), folder) == [f"f.yaml:1:28: modules.a.tls_config.ca_file: {expected}"]
    assert faults(FILES % ("good.pem", name), folder)[0].startswith("f.yaml:1:")
    parse_config(FILES % ("good.pem", "good.pem"), "f.yaml", folder)
    text = "modules: {a: {responder: {trusted_certificates: [%s]}}}"
    place = "f.yaml:1:50: modules.a.responder.trusted_certificates[0]"
    assert faults(text % name, folder) == [f"{place}: {expected}"]
    parse_config(text % "good.pem", "f.yaml", folder)


def test_the_configuration_file_itself_may_be_unreadable(tmp_path: Path) -> None:
    """Then the fault names the file, and a place where there is one."""
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfprobe: {}\n# \xc3\xa4\n")
    assert load_config(path) == DEFAULT_CONFIG
    for content, fault in {
        b"probe: {}\n# \xc3\xa4 \xff\n": f"{path}:2:5: not UTF-8: the byte 0xff; save the file as UTF-8",
        "probe: {}".encode("utf-16"): f"{path}:1:1: not UTF-8: the byte 0xff; save the file as UTF-8",
        b"probes: {}": f"{path}:1:1: probes: unknown key; {KNOWN}",
    }.items():
        path.write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        assert str(caught.value) == fault
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    for unreadable, fault in {
        path: f"{path}: has more than 64 MiB",
        tmp_path: f"{tmp_path}: cannot be read: Is a directory",
        tmp_path / "absent": f"{tmp_path}/absent: cannot be read: No such file or directory",
    }.items():
        with pytest.raises(ConfigError) as caught:
            load_config(unreadable)
        assert str(caught.value) == fault


def keys_of(schema: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    """Give the keys of a mapping, each with what it may hold, through references."""
    found = top["$defs"][schema["$ref"].removeprefix("#/$defs/")] if "$ref" in schema else schema
    properties: dict[str, Any] = found.get("properties", {})
    return properties


def check_spelled_out(written: dict[str, Any], schema: dict[str, Any], defaults: bool) -> None:
    """Hold a written mapping against the table: every key is there, if `defaults` at its default."""
    keys = keys_of(schema, json_schema())
    assert list(written) == list(keys)
    for key, value in written.items():
        if isinstance(value, dict) and key != "labels":
            check_spelled_out(value, keys[key], defaults)
        elif defaults and isinstance(value, str) and value.endswith("iB"):
            assert parse_size(value) == parse_size(keys[key]["default"])
        elif defaults and isinstance(value, str) and value[0].isdigit():
            assert parse_duration(value) == parse_duration(keys[key]["default"])
        elif defaults:
            assert value == keys[key]["default"]


def test_the_example_spells_out_every_key_at_its_default() -> None:
    """config.example.yaml cannot fall behind the code: neither a key nor a default."""
    config = load_config(EXAMPLE)
    assert config.modules == BUILT_IN_MODULES
    assert (config.interval, config.concurrency, config.probe_endpoint_concurrency) == (60.0, 512, 512)
    assert (config.egress, config.store_path) == (EgressPolicy(), None)
    schema = json_schema()
    written = yaml.safe_load(EXAMPLE.read_text())
    assert list(written) == list(schema["properties"])
    for section in ("probe", "store", "egress", "probe_endpoint"):
        check_spelled_out(written[section], schema["properties"][section], defaults=True)
    check_spelled_out(written["modules"]["tls"], schema["properties"]["modules"]["additionalProperties"], defaults=True)
    for section in ("targets", "file_sd_configs", "http_sd_configs"):
        check_spelled_out(written[section][0], schema["properties"][section]["items"], defaults=False)
    check_spelled_out(written["http_sd_configs"][0]["tls_config"], schema["$defs"]["ClientTLSConfig"], defaults=True)
    for login in ("BasicAuth", "Authorization"):
        for key in schema["$defs"][login]["properties"]:
            assert re.search(rf"#.*\b{key}: ", EXAMPLE.read_text()), key


def test_the_schema_explains_every_key() -> None:
    """An editor shows a sentence for each key, and refuses what the exporter refuses."""
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for mapping in (schema, *(kind for kind in schema["$defs"].values() if kind["type"] == "object")):
        assert mapping["additionalProperties"] is False
        for key in mapping["properties"].values():
            kind = schema["$defs"][key["$ref"].removeprefix("#/$defs/")] if "$ref" in key else {}
            assert (kind | key)["description"].endswith(".")
    module = schema["$defs"]["Module"]["properties"]
    assert (module["timeout"]["default"], module["timeout"]["type"]) == ("10s", "string")
    assert re.fullmatch(module["timeout"]["pattern"], "1h30m")
    assert not re.fullmatch(module["timeout"]["pattern"], "90 minutes")


YAML_LIKE = st.text(alphabet="abt:-?,[]{}&*!|>'\"%@`#~<= \n\t\\0159.ä\u2028\ufeff\ud800")
KEYS = st.sampled_from(sorted({key for row in FAULTS for key in re.findall("[a-z_]+", row[0])}))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | KEYS | st.sampled_from(["1s", "a:443"])
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS | st.text(), inner), max_leaves=30)


@settings(deadline=None)
@given(YAML_LIKE | st.text() | TREES.map(lambda tree: yaml.safe_dump(tree, allow_unicode=True)))
def test_any_text_is_a_configuration_or_a_config_error(text: str) -> None:
    """Nothing but ConfigError is raised; reading twice gives equal values, or the same faults."""

    def outcome() -> Config | tuple[Fault, ...]:
        try:
            return parse(text)
        except ConfigError as error:
            assert len(str(error).splitlines()) == len(error.faults) > 0  # noqa: PT017  # both outcomes are right
            return error.faults

    assert outcome() == outcome()


@settings(deadline=None)
@given(YAML_LIKE | TREES.map(yaml.safe_dump))
def test_without_libyaml_any_text_is_read_too(text: str) -> None:
    """PyYAML's own parser, where it was built without libyaml, raises nothing of its own either."""
    fast, slow = yaml_reader.read(text, "f.yaml"), yaml_reader.read(text, "f.yaml", yaml.SafeLoader)
    if not fast.faults and not slow.faults:
        assert repr(fast.value) == repr(slow.value)


def test_a_crl_is_watched_by_itself(folder: Path) -> None:
    """A module with the prober crl names the one issuer, and its targets are URLs or files."""
    text = "modules: {my-crl: {prober: crl, issuer_file: good.pem}}\ntargets: [{targets: [%s], module: my-crl}]"
    config = parse_config(text % "http://ca.example/ca.crl", "f.yaml", folder)
    assert config.modules["my-crl"].prober is ProberKind.CRL
    assert config.targets[0].target.location == "http://ca.example/ca.crl"

    with pytest.raises(ConfigError, match=r"f.yaml:2:22: targets\[0\].targets\[0\]: target .*neither an http\(s\) URL"):
        parse_config(text % "ca.example", "f.yaml", folder)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("prober: crl", "the prober crl needs an issuer_file with one certificate: that of the CRL's issuer"),
        ("prober: crl, issuer_file: two.pem", "the prober crl needs an issuer_file with one certificate: that of"),
        (
            "prober: crl, issuer_file: good.pem, starttls: smtp, chain: all",
            "starttls, chain is of no use with the prober crl; leave it out",
        ),
    ],
)
def test_what_the_prober_crl_has_no_use_for_is_told(folder: Path, keys: str, told: str) -> None:
    """A key that would change nothing is a fault, and so is the want of an issuer; the good twin has neither."""
    two = certificate("root").public_bytes(Encoding.PEM) + certificate("other").public_bytes(Encoding.PEM)
    (folder / "two.pem").write_bytes(two)
    with pytest.raises(ConfigError, match=f"f.yaml:1:11: modules.a: {re.escape(told)}"):
        parse_config(f"modules: {{a: {{{keys}}}}}", "f.yaml", folder)
    parse_config("modules: {a: {prober: crl, issuer_file: good.pem, timeout: 5s, crl: {}}}", "f.yaml", folder)


STAPLE_FILES = (
    "modules: {my-staples: {prober: file, certificates: [%s]}}\ntargets: [{targets: [%s], module: my-staples}]"
)


def test_staple_files_are_watched_by_themselves(folder: Path) -> None:
    """A module with the prober file names its certificates relative to its own folder, and its targets absolutely."""
    config = parse_config(STAPLE_FILES % ('"certs/*.pem", /etc/ca.pem', '"/srv/a b/**/*.ocsp", /c'), "f.yaml", folder)
    module = config.modules["my-staples"]
    assert module.prober is ProberKind.FILE
    assert module.certificates == (f"{folder}/certs/*.pem", "/etc/ca.pem")
    assert [each.target for each in config.targets] == [
        Target("/srv/a b/**/*.ocsp", "", 0, location="/srv/a b/**/*.ocsp"),
        Target("/c", "", 0, location="/c"),
    ]
    assert all(each.target.is_file for each in config.targets)

    with pytest.raises(ConfigError, match=r"f.yaml:2:22: targets\[0\].targets\[0\]: .* that is not an absolute path; "):
        parse_config(STAPLE_FILES % ("a.pem", "staples/*"), "f.yaml", folder)


def test_the_folder_of_the_configuration_is_no_glob(tmp_path: Path) -> None:
    """What is special in a glob may stand in the name of that folder."""
    folder = tmp_path / "[a]*"
    folder.mkdir()
    config = parse_config(STAPLE_FILES % ('"?.pem"', "/a"), "f.yaml", folder)
    assert config.modules["my-staples"].certificates == (f"{tmp_path}/[[]a][*]/?.pem",)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("prober: file", "the prober file needs certificates: globs of files with the certificates that the staples"),
        (
            "prober: file, certificates: [a], staple: {policy: must}, crl: {query: never}",
            "staple, crl is of no use with the prober file; leave it out",
        ),
        (
            "prober: file, certificates: [a], responder: {query: false, trusted_certificates: [good.pem]}",
            "responder.query is of no use with the prober file; leave it out",
        ),
        ("certificates: [a]", "certificates is of no use with the prober tls; leave it out"),
        ("staple: {file: a}, key_types: [rsa, ecdsa]", "staple.file holds one staple, and each of several key_types"),
    ],
)
def test_what_staple_files_have_no_use_for_is_told(folder: Path, keys: str, told: str) -> None:
    """A key that would change nothing is a fault; its default may be spelled out, and the good twin has neither."""
    with pytest.raises(ConfigError, match=f"f.yaml:1:11: modules.a: {re.escape(told)}"):
        parse_config(f"modules: {{a: {{{keys}}}}}", "f.yaml", folder)
    good = "prober: file, certificates: [a], issuer_file: good.pem, timeout: 5s, clock_skew: 0s, chain: leaf"
    trusted = "responder: {query: true, trusted_certificates: [good.pem]}"
    module = parse_config(f"modules: {{a: {{{good}, {trusted}}}}}", "f.yaml", folder).modules["a"]
    assert len(module.responder.trusted) == 1


def test_a_copy_to_compare_with_is_one_file(folder: Path) -> None:
    """Its path is relative to the configuration's folder; what the file holds is nobody's matter yet."""
    module = parse_config("modules: {a: {staple: {file: '*.ocsp'}}}", "f.yaml", folder).modules["a"]
    assert module.staple == StapleSettings(file=f"{folder}/*.ocsp")
