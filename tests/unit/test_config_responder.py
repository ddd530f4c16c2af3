"""Modules that watch a responder by itself, and what may be wrong with them."""

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.config import Config, ConfigError, parse_config
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import (
    AddressChoice,
    CertIDHash,
    ExpectedAnswer,
    KnownAnswer,
    Module,
    ProberKind,
    Profile,
    ResponderSettings,
    Target,
)

CA = Authority.root(1_800_000_000.0)
URL = "http://ocsp.example/"
LEAF = CA.leaf(ocsp_urls=[URL], serial_number=0x1234)
OTHER = CA.leaf(serial_number=0x5678)
FOREIGN = CA.twin().leaf()

UNASKED = (
    "the prober responder needs a certificate_file, or known_answers with one that is good, revoked or unknown: "
    "what to ask about"
)
USELESS = "is of no use with the prober responder; leave it out"
#: What the prober needs at least.
NEEDED = "prober: responder, issuer_file: ca.pem, certificate_file: leaf.pem"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with the files that modules name."""
    pem = {
        "ca": CA.certificate.public_bytes(Encoding.PEM),
        "leaf": LEAF.certificate_pem(),
        "other": OTHER.certificate_pem(),
        "foreign": FOREIGN.certificate_pem(),
    }
    pem["two"] = pem["leaf"] + pem["ca"]
    pem["empty"] = b""
    for name, content in pem.items():
        (tmp_path / f"{name}.pem").write_bytes(content)
    return tmp_path


def module(keys: str, folder: Path) -> Module:
    """Read a module with these keys."""
    return parse_config(f"modules: {{a: {{{keys}}}}}", "f.yaml", folder).modules["a"]


def told(keys: str, folder: Path) -> str:
    """Read what is wrong with a module with these keys."""
    with pytest.raises(ConfigError) as caught:
        module(keys, folder)
    return str(caught.value)


def with_target(text: str, keys: str, folder: Path, more: str = "") -> Config:
    """Read a module with these keys, and a target."""
    return parse_config(
        f"modules: {{a: {{{keys}}}}}\ntargets: [{{targets: [{text}], module: a}}]\n{more}", "f.yaml", folder
    )


def test_every_key_finds_its_place(folder: Path) -> None:
    """Known answers are about serial numbers, wherever these stand; of the responder's keys some remain."""
    keys = f"""
        {NEEDED}, profile: public, addresses: all, timeout: 20s, clock_skew: 1m, max_age_without_next_update: 1h,
        responder: {{nonce: true, hash: sha256, timeout: 5s, trusted_certificates: [other.pem]}},
        known_answers: [
            {{serial: "0x9A", expect: revoked}}, {{serial: "154", expect: good}},
            {{certificate_file: other.pem, expect: unknown}}, {{serial: "1", expect: unauthorized}}]
    """
    assert module(keys, folder) == Module(
        "a",
        prober=ProberKind.RESPONDER,
        timeout=20.0,
        addresses=AddressChoice.ALL,
        issuers=(CA.certificate,),
        responder=ResponderSettings(nonce=True, hash=CertIDHash.SHA256, timeout=5.0, trusted=(OTHER.certificate,)),
        certificate=LEAF.certificate,
        known_answers=(
            KnownAnswer(154, ExpectedAnswer.REVOKED),
            KnownAnswer(154, ExpectedAnswer.GOOD),
            KnownAnswer(0x5678, ExpectedAnswer.UNKNOWN),
            KnownAnswer(1, ExpectedAnswer.UNAUTHORIZED),
        ),
        profile=Profile.PUBLIC,
        clock_skew=60.0,
        max_age_without_next_update=3600.0,
    )


def test_defaults_may_be_spelled_out(folder: Path) -> None:
    """What a key would be anyway changes nothing, and is no fault."""
    spelled = f"{NEEDED}, starttls: none, chain: leaf, responder: {{query: true, urls: [], method: auto, refresh: 1h}}"
    assert module(spelled, folder) == module(NEEDED, folder)
    assert module("certificate_file: null, known_answers: [], profile: private", folder) == Module("a")


@pytest.mark.parametrize(
    ("bad", "fault", "good"),
    [
        (
            "prober: responder, certificate_file: leaf.pem",
            "the prober responder needs an issuer_file with one certificate: that of its CA",
            NEEDED,
        ),
        (
            "prober: responder, certificate_file: leaf.pem, issuer_file: two.pem",
            "the prober responder needs an issuer_file with one certificate: that of its CA",
            NEEDED,
        ),
        (
            "prober: responder, issuer_file: ca.pem",
            UNASKED,
            'prober: responder, issuer_file: ca.pem, known_answers: [{serial: "1", expect: revoked}]',
        ),
        (
            'prober: responder, issuer_file: ca.pem, known_answers: [{serial: "1", expect: unauthorized}]',
            UNASKED,
            f'{NEEDED}, known_answers: [{{serial: "1", expect: unauthorized}}]',
        ),
        (
            f"{NEEDED}, starttls: smtp, crl: {{query: never}}",
            f"starttls, crl {USELESS}",
            NEEDED,
        ),
        (
            f"{NEEDED}, responder: {{query: false, urls: [{URL}], method: get, refresh: 5m, nonce: true}}",
            f"responder.query, responder.urls, responder.method, responder.refresh {USELESS}",
            f"{NEEDED}, responder: {{nonce: true}}",
        ),
        (
            "certificate_file: leaf.pem, profile: public",
            "certificate_file, profile is of no use with the prober tls; leave it out",
            NEEDED,
        ),
        (
            'prober: crl, issuer_file: ca.pem, known_answers: [{serial: "1", expect: good}]',
            "known_answers is of no use with the prober crl; leave it out",
            "prober: crl, issuer_file: ca.pem",
        ),
    ],
)
def test_what_is_missing_or_of_no_use_is_told(folder: Path, bad: str, fault: str, good: str) -> None:
    """A key that would change nothing is a fault, and so is the want of one; the good twin has neither."""
    assert told(bad, folder) == f"f.yaml:1:11: modules.a: {fault}"
    module(good, folder)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent", "cannot be read: No such file or directory"),
        ("empty", "is empty"),
        ("two", "has 2 certificates"),
    ],
)
def test_a_file_without_just_one_certificate_is_a_fault_at_its_key(folder: Path, name: str, why: str) -> None:
    """It names the file, what is wrong with it, and what was expected."""
    fault = f'the file "{folder}/{name}.pem" {why}; expected one certificate, in PEM or DER'
    at_module = told(NEEDED.replace("leaf", name), folder)
    assert at_module == f"f.yaml:1:55: modules.a.certificate_file: {fault}"
    at_answer = told(f"{NEEDED}, known_answers: [{{certificate_file: {name}.pem, expect: good}}]", folder)
    assert at_answer == f"f.yaml:1:100: modules.a.known_answers[0].certificate_file: {fault}"


@pytest.mark.parametrize(
    "keys",
    [
        NEEDED.replace("leaf", "foreign"),
        f"{NEEDED}, known_answers: [{{certificate_file: foreign.pem, expect: revoked}}]",
    ],
)
def test_a_certificate_of_another_ca_is_a_fault(folder: Path, keys: str) -> None:
    """Though that CA bears the same name: what counts is the signature."""
    assert told(keys, folder) == (
        f'f.yaml:1:11: modules.a: the file "{folder}/foreign.pem" has the certificate of "CN=localhost", which the CA '
        '"CN=Test Root CA", as its certificate was given, did not issue; expected a certificate of that CA'
    )
    module(keys.replace("foreign", "leaf"), folder)


LARGEST = 2**159 - 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("4660", 0x1234),
        ("0x1234", 0x1234),
        ("0X00ff", 255),
        (str(LARGEST), LARGEST),
        (hex(LARGEST), LARGEST),
    ],
)
def test_a_serial_number_is_hexadecimal_or_decimal(folder: Path, text: str, number: int) -> None:
    """Of at most 20 octets, as RFC 5280 has it."""
    [known] = module(f'{NEEDED}, known_answers: [{{serial: "{text}", expect: good}}]', folder).known_answers
    assert known.serial_number == number


@pytest.mark.parametrize("text", ["0", "-1", "0x0", "0x", "12ab", "12:34", " 1", "1_0", str(LARGEST + 1), "9" * 60])
def test_what_is_no_serial_number_is_told(folder: Path, text: str) -> None:
    """With what was written, and what is accepted."""
    fault = 'expected a serial number as "0x1234" or in decimal, above 0 and of at most 20 octets'
    keys = f'{NEEDED}, known_answers: [{{serial: "{text}", expect: good}}]'
    assert told(keys, folder) == f'f.yaml:1:100: modules.a.known_answers[0].serial: {fault} (got "{text}")'


@pytest.mark.parametrize(
    ("known", "fault"),
    [
        ("{serial: 1, expect: good}", ".serial: expected text; put it in quotes if it is meant so (got 1)"),
        ('{serial: "1"}', ".expect: this key is missing"),
        ('{serial: "1", expect: bad}', ".expect: expected good, revoked, unknown or unauthorized (got bad)"),
        ("{expect: good}", ": a known answer is about either a certificate_file or a serial; give one of them"),
        (
            '{serial: "1", certificate_file: other.pem, expect: good}',
            ": a known answer is about either a certificate_file or a serial; give one of them",
        ),
        ('{number: "1", expect: good}', ".number: unknown key; known here are certificate_file, serial, expect"),
    ],
)
def test_a_known_answer_says_what_of_whom(folder: Path, known: str, fault: str) -> None:
    """One certificate or number, and one answer."""
    assert f"modules.a.known_answers[0]{fault}" in told(f"{NEEDED}, known_answers: [{known}]", folder)


def test_the_target_is_a_url_or_that_in_the_certificate(folder: Path) -> None:
    """Its name is the text as given; where nobody names a responder, the fault stands at the target."""
    [written] = with_target("https://a.example:8443/ocsp", NEEDED, folder).targets
    assert written.target == Target(
        "https://a.example:8443/ocsp", "a.example", 8443, location="https://a.example:8443/ocsp"
    )
    [own] = with_target('""', NEEDED, folder).targets
    assert own.target == Target("", "ocsp.example", 80, location=URL)
    empty = r"f.yaml:2:22: targets\[0\].targets\[0\]: the target is empty, and the module names no certificate in which"
    for keys in (
        NEEDED.replace("leaf", "other"),
        'prober: responder, issuer_file: ca.pem, known_answers: [{serial: "1", expect: good}]',
    ):
        with pytest.raises(ConfigError, match=empty):
            with_target('""', keys, folder)
        with_target(URL, keys, folder)
    with pytest.raises(ConfigError, match=r'target "ocsp.example": that is no http\(s\) URL'):
        with_target("ocsp.example", NEEDED, folder)


def test_a_proxy_goes_to_no_address_in_particular(folder: Path) -> None:
    """Each address by itself, which a proxy would not be told of, is refused where there is one."""
    proxy = "egress: {proxy_url: http://proxy.example:3128}"
    fault = (
        "f.yaml:1:83: modules.a.addresses: expected first: egress.proxy_url names a proxy, which looks names up, and "
        "goes to any address (got all)"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(fault)}$"):
        with_target(URL, f"{NEEDED}, addresses: all", folder, proxy)
    with_target(URL, f"{NEEDED}, addresses: first", folder, proxy)
    with_target(URL, f"{NEEDED}, addresses: all", folder)
