"""Client certificates in a configuration: two files that belong together, of which one is a secret."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from ocsp_exporter.config import Config, ConfigError, parse_config
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import rsa_key
from ocsp_exporter.model import ClientCertificate, Module, TLSSettings

CA = Authority.root(1_800_000_000).intermediate()
OWN, OTHER = CA.leaf("own.example"), CA.leaf("other.example")
RSA = CA.leaf("rsa.example", key=rsa_key())

BOTH = "modules: {a: {tls_config: {cert_file: %s, key_file: %s}}}"
KEY = "f.yaml:1:48: modules.a.tls_config.key_file: "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with certificates and keys, and with what is neither."""
    (tmp_path / "own.pem").write_bytes(OWN.certificate_pem())
    (tmp_path / "own.key").write_bytes(OWN.key_pem())
    (tmp_path / "rsa.pem").write_bytes(RSA.certificate_pem())
    (tmp_path / "rsa.key").write_bytes(RSA.key_pem())
    (tmp_path / "one.pem").write_bytes(OWN.certificate_pem() + OWN.key_pem())
    (tmp_path / "sec1.key").write_bytes(
        b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        + OWN.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    (tmp_path / "other.key").write_bytes(OTHER.key_pem())
    (tmp_path / "encrypted.key").write_bytes(
        OWN.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )
    exchange = x25519.X25519PrivateKey.generate()
    (tmp_path / "exchange.key").write_bytes(exchange.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "cut.key").write_bytes(OWN.key_pem()[:-40])
    (tmp_path / "garbage.key").write_bytes(b"\x30\x82garbage")
    (tmp_path / "empty.key").touch()
    return tmp_path


def parse(folder: Path, certificate: str = "own.pem", key: str = "own.key") -> Config:
    """Read a configuration with these two files."""
    return parse_config(BOTH % (certificate, key), "f.yaml", folder)


def faults(folder: Path, certificate: str = "own.pem", key: str = "own.key") -> list[str]:
    """Give what is wrong with such a configuration."""
    with pytest.raises(ConfigError) as caught:
        parse(folder, certificate, key)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("certificate", "key"), [("own.pem", "own.key"), ("one.pem", "one.pem"), ("own.pem", "sec1.key")]
)
def test_certificate_and_key_are_read(folder: Path, certificate: str, key: str) -> None:
    """From two files or one, the key as PKCS #8 or as older tools write it; what follows the certificate comes too."""
    client = parse(folder, certificate, key).modules["a"].tls.client_certificate
    assert client is not None
    assert client.chain == (OWN.certificate, *OWN.chain)
    assert len(client.chain) == 2
    assert load_der_private_key(client.key, None).public_key() == OWN.key.public_key()


def test_the_same_files_are_equal_settings(folder: Path) -> None:
    """So that a target is the same one after the configuration was read again, and shares its TLS context."""
    (first, second), third = (parse(folder).modules["a"] for _ in range(2)), parse(folder, "rsa.pem", "rsa.key")
    assert (first, hash(first.tls)) == (second, hash(second.tls))
    assert first != third.modules["a"]


def test_without_the_files_there_is_no_client_certificate(folder: Path) -> None:
    """Nor where both are null."""
    assert parse(folder, "null", "null").modules["a"] == Module("a")


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("absent.key", "cannot be read: No such file or directory"),
        ("empty.key", "is empty"),
        ("garbage.key", "has no private key that can be read"),
        ("cut.key", "has no private key that can be read"),
        ("own.pem", "has no private key that can be read"),
        ("encrypted.key", "is encrypted"),
        ("exchange.key", "has a key that cannot sign"),
    ],
)
def test_a_file_without_a_key_is_a_fault_at_its_place(folder: Path, key: str, why: str) -> None:
    """The fault names the file, what is wrong with it and what was expected."""
    expected = f'the file "{folder}/{key}" {why}; expected a private key, in PEM and not encrypted'
    assert faults(folder, key=key) == [KEY + expected]


@pytest.mark.parametrize("key", ["other.key", "rsa.key"])
def test_the_key_of_another_certificate_is_a_fault_at_its_place(folder: Path, key: str) -> None:
    """Whether the keys are of one kind or not; each is fine with its own certificate."""
    assert faults(folder, key=key) == [KEY + "this key is not that of the first certificate in cert_file"]
    parse(folder, "rsa.pem", "rsa.key")


@pytest.mark.parametrize(
    ("present", "absent", "value"), [("cert_file", "key_file", "own.pem"), ("key_file", "cert_file", "own.key")]
)
def test_one_without_the_other_is_a_fault(folder: Path, present: str, absent: str, value: str) -> None:
    """It would be of no use, and the server would refuse."""
    with pytest.raises(ConfigError) as caught:
        parse_config(f"modules: {{a: {{tls_config: {{{present}: {value}}}}}}}", "f.yaml", folder)
    assert str(caught.value) == (
        f"f.yaml:1:15: modules.a.tls_config: {present} is of no use without {absent}; a client certificate takes both"
    )


def test_a_bad_certificate_is_the_only_fault(folder: Path) -> None:
    """Whether the key belongs to it cannot be said then."""
    (fault,) = faults(folder, certificate="own.key")
    assert fault.startswith("f.yaml:1:28: modules.a.tls_config.cert_file: ")


def test_the_key_is_never_shown(folder: Path) -> None:
    """Neither as octets nor as text, where the configuration is printed or has faults."""
    config = parse(folder, "one.pem", "one.pem")
    client = config.modules["a"].tls.client_certificate
    assert client is not None
    secret = OWN.key_pem().splitlines()[1].decode()
    shown = [
        repr(config),
        str(config.modules["a"]),
        *faults(folder, "rsa.pem", "one.pem"),
        *faults(folder, key="cut.key"),
    ]
    for text in shown:
        assert secret not in text
        assert repr(client.key)[2:-1] not in text
        assert "key=" not in text
    assert "ClientCertificate(chain=" in repr(TLSSettings(client_certificate=ClientCertificate((), b"secret")))
