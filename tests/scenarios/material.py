"""The certificates that scenarios are made of, and how a response is built from a scenario's options."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.demo import der
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import CertificateOptions, Credential, common_name, issue, rsa_key
from ocsp_exporter.demo.response import ECDSA_SHA256, PrivateKey, responder_by_key, response_data, signed_response
from ocsp_exporter.model import Evidence
from ocsp_exporter.revocation import der as reader
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.validation import validate

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True)
class Material:
    """A CA, those around it, and a leaf; everything that is current is current at `now`.

    `slack` is how far times that are near the border of what is tolerated keep from it, in seconds: judges who
    read a clock themselves look some moments after `now`.
    """

    now: float
    slack: float = 0.0

    @cached_property
    def authority(self) -> Authority:
        """The CA in question."""
        return Authority.root(self.now, "Scenario CA")

    @cached_property
    def renamed(self) -> Authority:
        """A CA with the key of the one in question and another name."""
        return Authority.root(self.now, "Renamed CA", key=self.authority.key)

    @cached_property
    def twin(self) -> Authority:
        """A CA with the name of the one in question and another key."""
        return self.authority.twin()

    @cached_property
    def stranger(self) -> Authority:
        """Another CA."""
        return Authority.root(self.now, "Stranger CA")

    @cached_property
    def expired_stranger(self) -> Credential:
        """A stranger whose certificate ended a day ago."""
        expired = Authority.root(self.now, "Expired stranger", not_after=self.now - DAY)
        return Credential(expired.certificate, expired.key)

    @cached_property
    def below(self) -> Authority:
        """A CA below the one in question."""
        return self.authority.intermediate("CA below")

    @cached_property
    def leaf(self) -> Credential:
        """The certificate in question."""
        return self.authority.leaf("leaf.example", must_staple=True)

    @cached_property
    def other_leaf(self) -> Credential:
        """Another certificate of the same CA."""
        return self.authority.leaf("other.example")

    @cached_property
    def delegate(self) -> Credential:
        """A responder to which the CA delegated the signing of responses."""
        return self.authority.delegate()

    @cached_property
    def old_delegate(self) -> Credential:
        """That responder with its former certificate, which ended a day ago."""
        return self.authority.delegate(key=self.delegate.key, not_before=self.now - 9 * DAY, not_after=self.now - DAY)

    def with_key(self, kind: str) -> Authority:
        """The CA in question, had it a key of this kind."""
        return Authority.root(self.now, "Scenario CA", key=signing_key(kind))

    def delegate_that(self, *extensions: x509.ExtensionType) -> Credential:
        """A delegate of the CA with just these extensions."""
        options: CertificateOptions = {"not_before": self.now - DAY, "not_after": self.now + DAY}
        by = (self.authority.certificate.subject, self.authority.key)
        return issue(common_name("Peculiar responder"), extensions, options, by)

    def delegate_signed_as(self, algorithm: bytes) -> Credential:
        """The delegate, with a certificate signed by ECDSA with SHA-256 that names this algorithm in what is signed."""
        return self._delegate_with(2, algorithm)

    def delegate_extended_by(self, *extensions: bytes) -> Credential:
        """The delegate, with a certificate that has just these extensions, in DER."""
        return self._delegate_with(-1, der.explicit(3, der.sequence(*extensions)))

    def _delegate_with(self, position: int, field: bytes) -> Credential:
        tbs, algorithm, _signature = reader.parse(self.delegate.certificate.public_bytes(Encoding.DER)).children()
        fields = [each.encoded for each in tbs.children()]
        fields[position] = field
        signed = der.sequence(*fields)
        encoded = der.sequence(signed, algorithm.encoded, der.bit_string(ECDSA_SHA256.sign(self.authority.key, signed)))
        return Credential(x509.load_der_x509_certificate(encoded), self.delegate.key)


@lru_cache(maxsize=32)
def signing_key(kind: str, _number: int = 0) -> PrivateKey:
    """Make a key once for each number: an RSA key takes as long as a hundred responses."""
    match kind:
        case "rsa":
            return rsa_key()
        case "p384":
            return ec.generate_private_key(ec.SECP384R1())
        case "p521":
            return ec.generate_private_key(ec.SECP521R1())
        case "ed25519":
            return ed25519.Ed25519PrivateKey.generate()
        case "ed448":
            return ed448.Ed448PrivateKey.generate()
        case _:
            return ec.generate_private_key(ec.SECP256R1())


Options = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """What a response is judged by: the arguments of `validate` besides the bytes and the time."""

    certificate: x509.Certificate
    issuer: x509.Certificate | None
    policy: Policy
    nonce: bytes | None = None

    def judge(self, response: bytes, now: float) -> Evidence:
        """Judge a response at a time."""
        return validate(response, self.certificate, self.issuer, now, self.policy, nonce=self.nonce)


def build(material: Material, options: Options) -> tuple[bytes, Subject]:
    """Return a response made with a scenario's options, and what it is to be judged by.

    Values may be functions of the material. Options of their own meaning: `by` is the authority that answers,
    `about` what it answers about, `without_single` leaves that out, `reshape` changes tbsResponseData before it
    is signed, `mangle` the response afterwards; `subject`, `issuer`, `policy` and `nonce` are what it is judged
    by. All others are those of `Authority.answer`.
    """
    given = {
        key: value(material) if callable(value) and key not in _FUNCTIONS else value for key, value in options.items()
    }
    authority: Authority = given.pop("by", material.authority)
    subject = Subject(
        given.pop("subject", material.leaf.certificate),
        given.pop("issuer", authority.certificate),
        given.pop("policy", Policy()),
        given.pop("nonce", None),
    )
    mangle: Callable[[bytes], bytes] = given.pop("mangle", _unchanged)
    return mangle(_answer(authority, given.pop("about", subject.certificate), given)), subject


#: Options whose values are functions of something else than the material.
_FUNCTIONS = {"mangle"}


def _unchanged(data: bytes) -> bytes:
    return data


def _answer(authority: Authority, about: x509.Certificate | Credential, options: dict[str, Any]) -> bytes:
    reshape: Callable[[bytes], bytes] | None = options.pop("reshape", None)
    without_single = options.pop("without_single", False)
    if reshape is None and not without_single:
        return authority.answer(about, **options)
    single = authority.single(about, hash_algorithm=options.get("hash_algorithm"))
    singles: Sequence[bytes] = () if without_single else (single,)
    data = response_data(responder_by_key(authority.certificate), authority.now - HOUR, singles)
    return signed_response((reshape or _unchanged)(data), authority.key)


def judge(material: Material, options: Options) -> Evidence:
    """Build a response and judge it at the material's own time."""
    encoded, subject = build(material, options)
    return subject.judge(encoded, material.now)
