"""What is fuzzed with the coverage of our own code as a guide: a check of any bytes, and what to begin with."""

import base64
import contextlib
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.config import ConfigError, json_schema, parse_config
from ocsp_exporter.demo import der as encoding
from ocsp_exporter.demo.response import extension, identifier, rsa_pss
from ocsp_exporter.model import Status
from ocsp_exporter.revocation import certificate, der, signature
from ocsp_exporter.revocation.bundle import encoded_in
from ocsp_exporter.revocation.certificate_index import CertificateIndex, Known
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.crl import MalformedCRL, read
from ocsp_exporter.revocation.crl_verdict import judge
from ocsp_exporter.revocation.extensions import (
    distribution_points,
    is_authority,
    issuer_urls,
    may_sign_crls,
    may_sign_responses,
)
from ocsp_exporter.revocation.facts import describe
from ocsp_exporter.revocation.staple_file import response_in
from ocsp_exporter.revocation.validation import examine, validate
from ocsp_exporter.revocation.validation import judge as verdict
from tests.property.strategies import CERTIFICATES, MATERIAL, NOW, RESPONSES
from tests.scenarios.crl_material import CRLMaterial, build_crl
from tests.scenarios.crl_table import CRL_SCENARIOS
from tests.scenarios.material import signing_key


@dataclass(frozen=True, slots=True)
class Target:
    """`check` raises where something does not hold; `seeds` are real inputs, `words` are worth putting into others."""

    check: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    words: tuple[str, ...] = ()


# --- DER ----------------------------------------------------------------------------------------------------


def _walk(element: der.Element, levels: int = 20) -> None:
    assert element.begin < element.inside <= element.end <= len(element.data)
    for look in (der.object_identifier, der.extensions, der.time, der.whole_octets):
        with contextlib.suppress(der.DERError):
            look(element)
    with contextlib.suppress(der.DERError):
        for child in element.children():
            assert element.inside <= child.begin < child.end <= element.end
            if levels:
                _walk(child, levels - 1)


def _any_der(data: bytes) -> None:
    """Any bytes are read or are DERError, and each element lies within what holds it."""
    with contextlib.suppress(der.DERError):
        _walk(der.parse(data))
    with contextlib.suppress(der.DERError):
        der.signed_parts(data)


# --- Extensions of certificates -----------------------------------------------------------------------------

#: AIA, CRL distribution points, TLS feature, extended key usage, key usage, basic constraints.
_READ = ("1.3.6.1.5.5.7.1.1", "2.5.29.31", "1.3.6.1.5.5.7.1.24", "2.5.29.37", "2.5.29.15", "2.5.29.19")
_LEAF = MATERIAL.authority.leaf(
    "leaf.example",
    must_staple=True,
    ocsp_urls=["http://ocsp.example/a", "ldap://ocsp.example"],
    crl_urls=["http://crl.example/b"],
    issuer_urls=["http://ca.example/c"],
).certificate
_EXTENSIONS = 0xA3


def _certificate_with(*extensions: bytes) -> bytes:
    tbs, *others = der.parse(_LEAF.public_bytes(Encoding.DER)).children()
    fields = [field.encoded for field in tbs.children() if field.tag != _EXTENSIONS]
    fields.append(encoding.explicit(3, encoding.sequence(*extensions)))
    return encoding.sequence(encoding.sequence(*fields), *(each.encoded for each in others))


def _any_extension(data: bytes) -> None:
    """A certificate with any octets in an extension, which the first one chooses, can be asked everything."""
    chosen, value = x509.ObjectIdentifier(_READ[data[0] % len(_READ)] if data else _READ[0]), data[1:]
    parsed = certificate.parse(_certificate_with(extension(chosen, value)))
    assert parsed is not None
    facts = describe(parsed, 0)
    urls = (*facts.ocsp_urls, *facts.crl_urls, *issuer_urls(parsed))
    assert all(url.isascii() for url in urls)
    assert sum(map(len, urls)) <= 4 * len(value), "no octet is told more than once"
    may_sign_responses(parsed)
    may_sign_crls(parsed)
    is_authority(parsed)
    assert sum(len(name) for point in distribution_points(parsed) for name in point.names | point.issuers) <= len(value)


def _real_extensions() -> Iterator[bytes]:
    for each in (_LEAF, MATERIAL.delegate.certificate, *CERTIFICATES):
        *_, last = der.parse(each.tbs_certificate_bytes).children()
        for found in der.extensions(next(last.children())):
            if found.oid in _READ:
                yield bytes((_READ.index(found.oid),)) + found.value


# --- Parameters of RSASSA-PSS -------------------------------------------------------------------------------

_PSS = "1.2.840.113549.1.1.10"
_RSA = signing_key("rsa").public_key()
_SIGNED = b"what is signed"


def _any_pss_parameters(data: bytes) -> None:
    """With any octets for its parameters, a signature that nobody made is invalid or unsupported."""
    assert isinstance(_RSA, rsa.RSAPublicKey)
    try:
        signature.verify(_RSA, der.parse(identifier(_PSS, data)), bytes(_RSA.key_size // 8), _SIGNED)
    except (signature.SignatureInvalid, signature.SignatureUnsupported):
        return
    raise AssertionError("a signature of zeros was accepted")


def _real_pss_parameters() -> Iterator[bytes]:
    for digest in (hashes.SHA1(), hashes.SHA256(), hashes.SHA512()):  # noqa: S303 -- accepted, and visible
        for salt in (0, 20, 64):
            _oid, *parameters = der.parse(rsa_pss(digest, salt).algorithm).children()
            yield b"".join(each.encoded for each in parameters)


# --- Responses ----------------------------------------------------------------------------------------------


def _any_response(data: bytes) -> None:
    """Any bytes give a verdict, and nothing is verified without an issuer."""
    leaf, issuer = MATERIAL.leaf.certificate, MATERIAL.authority.certificate
    validate(data, leaf, issuer, NOW, Policy(trusted=(MATERIAL.stranger.certificate,)))
    assert validate(data, leaf, None, NOW, Policy()).status in {Status.INVALID, Status.SERVER_FAILED}


# --- CRLs ---------------------------------------------------------------------------------------------------

_CRL_MATERIAL = CRLMaterial(now=NOW)
_ISSUER = _CRL_MATERIAL.authority.certificate
#: Longer ones are not worth their time: what they show is their size.
_LONGEST_CRL = 4096
CRLS = tuple(
    encoded
    for scenario in CRL_SCENARIOS
    for options in (scenario.bad_options, scenario.twin_options)
    if len(encoded := build_crl(_CRL_MATERIAL, options)[0]) <= _LONGEST_CRL
)


def _signed_list(encoded: bytes) -> bytes | None:
    """Return the signed part, None where there is none."""
    try:
        return der.signed_parts(encoded)[0]
    except der.DERError:
        return None


_SIGNED_LISTS = frozenset(map(_signed_list, CRLS))


def _any_crl(data: bytes) -> None:
    """Any bytes are a CRL, which gives a verdict, or are none; and nothing is authentic but what was signed."""
    try:
        found = read(data, _ISSUER)
    except MalformedCRL:
        return
    for subject in (None, _CRL_MATERIAL.leaf.certificate):
        if judge(found, subject, _ISSUER, NOW, Policy()).authentic:
            assert _signed_list(data) in _SIGNED_LISTS, "a changed TBSCertList was believed"


# --- Staple files and certificates on disk -------------------------------------------------------------------

_INDEX = CertificateIndex(map(Known.of, (*CERTIFICATES, MATERIAL.authority.certificate, MATERIAL.leaf.certificate)))


def _any_file(data: bytes) -> None:
    """Any content is a response for a certificate at hand or none, and only for one whose CertID or digest it bears."""
    for encoded in encoded_in(data):
        certificate.read(encoded)
    response = response_in(data)
    said = examine(response, None, None).statement
    match = _INDEX.match(data[:100].decode("latin-1"), said.answers if said else ())
    assert match.subject or not match.issuer
    examined = examine(response, match.subject, match.issuer)
    evidence = verdict(examined, response, NOW, Policy())
    assert evidence.status in {Status.INVALID, Status.SERVER_FAILED} or match.issuer


def _real_files() -> Iterator[bytes]:
    for response in RESPONSES:
        yield response
        yield b"-----BEGIN OCSP RESPONSE-----\n%b-----END OCSP RESPONSE-----\n" % base64.encodebytes(response)
        stored = base64.urlsafe_b64encode(response).rstrip(b"=").decode()
        yield json.dumps({"response": stored, "status": "good"}).encode()
    yield b"".join(each.public_bytes(Encoding.PEM) for each in CERTIFICATES[:3])


# --- The configuration --------------------------------------------------------------------------------------

_EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
#: Files that the fuzzer happens to name shall not be those of this machine.
_OTHER_FILES = re.compile(r"/|\.\.")


def _any_config(data: bytes) -> None:
    """Any text is a configuration, each time the same, or has faults: each in one printable line, within the text."""
    text = data.decode("utf-8", "replace")
    if "_file" in text and _OTHER_FILES.search(text):
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            config = parse_config(text, "a.yaml", Path(folder))
        except ConfigError as error:
            faults = error.faults
        else:
            assert parse_config(text, "a.yaml", Path(folder)) == config
            return
    assert faults
    for fault in faults:
        # libyaml counts a line break at the end of a text that lacks it.
        assert 1 <= fault.line <= len(_LINE_BREAK.split(text)) + 1, fault
        assert fault.column >= 1, fault
        assert str(fault).isprintable(), fault
        assert len(str(fault)) <= _LONGEST_FAULT, fault


_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_LONGEST_FAULT = 2000
#: The example without its remarks, as a whole and section by section.
_SECTIONS = re.sub(r"(?m)^ *#.*\n", "", _EXAMPLE.read_text("utf-8"))
_CONFIGS = (
    _SECTIONS,
    *re.split(r"\n(?=\w)", _SECTIONS),
    "targets: [{targets: [a, 'b:1'], labels: &l {x: y}}, {targets: [c], labels: *l}]\n",
)


def _schema_words(schema: object) -> Iterator[str]:
    """Yield the keys and the words that a configuration may have."""
    match schema:
        case Mapping():
            properties = schema.get("properties")
            if isinstance(properties, Mapping):
                yield from (f"{key}: " for key in properties)
            for value in schema.values():
                yield from _schema_words(value)
        case list():
            for value in schema:
                yield from [value] if isinstance(value, str) else _schema_words(value)


TARGETS: Mapping[str, Target] = {
    "der": Target(_any_der, (*RESPONSES, *(each.public_bytes(Encoding.DER) for each in CERTIFICATES))),
    "extensions": Target(_any_extension, tuple(dict.fromkeys(_real_extensions()))),
    "pss": Target(_any_pss_parameters, tuple(_real_pss_parameters())),
    "response": Target(_any_response, RESPONSES),
    "crl": Target(_any_crl, CRLS),
    "file": Target(_any_file, tuple(_real_files()), ("-----BEGIN OCSP RESPONSE-----", '"response"', "-----END ")),
    "config": Target(
        _any_config,
        tuple(each.encode() for each in _CONFIGS),
        tuple(dict.fromkeys(_schema_words(json_schema()))),
    ),
}
