"""What scenarios of CRLs are made of, and how a CRL is built from a scenario's options."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ReasonFlags

from ocsp_exporter.demo import der
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import CertificateOptions, Credential, common_name, issue
from ocsp_exporter.demo.response import ECDSA_SHA256
from ocsp_exporter.model import Evidence, Source, Status
from ocsp_exporter.revocation import certificate
from ocsp_exporter.revocation import der as reader
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.crl import MalformedCRL, read
from ocsp_exporter.revocation.crl_verdict import judge as judge_crl
from tests.scenarios.material import DAY, Material, Options

POINT = "http://crl.example/ca.crl"
_SERIAL_NUMBER = 1  # its position in TBSCertificate, behind the version


def url(text: str) -> x509.UniformResourceIdentifier:
    """Return a GeneralName that is a URL."""
    return x509.UniformResourceIdentifier(text)


def point(
    *names: x509.GeneralName,
    reasons: frozenset[ReasonFlags] | None = None,
    issuers: list[x509.GeneralName] | None = None,
) -> x509.DistributionPoint:
    """Return a distribution point with these names."""
    return x509.DistributionPoint(list(names) or None, None, reasons, issuers)


class CRLMaterial(Material):
    """A CA, those around it, and a leaf that names a CRL."""

    @cached_property
    def leaf(self) -> Credential:
        """The certificate in question; its CRL is at `POINT`."""
        return self.leaf_with(point(url(POINT)))

    def leaf_with(self, *points: x509.DistributionPoint, serial_number: int | None = None) -> Credential:
        """A leaf with these distribution points."""
        options: CertificateOptions = {"extensions": [x509.CRLDistributionPoints(points)] if points else []}
        if serial_number is not None:
            options["serial_number"] = serial_number
        return self.authority.leaf("leaf.example", **options)

    def leaf_numbered(self, serial_number: int) -> x509.Certificate:
        """A leaf with a serial number of any sign and length."""
        return self._leaf_with(_SERIAL_NUMBER, der.integer(serial_number))

    def leaf_pointing(self, value: bytes) -> x509.Certificate:
        """A leaf with these octets for its distribution points."""
        return self._leaf_with_only(x509.UnrecognizedExtension(x509.CRLDistributionPoints.oid, value))

    def leaf_constrained(self, value: bytes) -> x509.Certificate:
        """A leaf with these octets for its basic constraints."""
        return self._leaf_with_only(x509.UnrecognizedExtension(x509.BasicConstraints.oid, value))

    def _leaf_with_only(self, extension: x509.ExtensionType) -> x509.Certificate:
        options: CertificateOptions = {"not_before": self.now - DAY, "not_after": self.now + DAY}
        by = (self.authority.certificate.subject, self.authority.key)
        return issue(common_name("leaf.example"), [extension], options, by).certificate

    def _leaf_with(self, position: int, field: bytes) -> x509.Certificate:
        tbs, algorithm, _signature = reader.parse(self.leaf.certificate.public_bytes(Encoding.DER)).children()
        fields = [each.encoded for each in tbs.children()]
        fields[position] = field
        signed = der.sequence(*fields)
        signature = der.bit_string(ECDSA_SHA256.sign(self.authority.key, signed))
        made = certificate.parse(der.sequence(signed, algorithm.encoded, signature))
        assert made is not None
        return made

    @cached_property
    def authority_below(self) -> x509.Certificate:
        """The certificate of a CA below the one in question, with the same distribution point."""
        made = self.authority.intermediate(extensions=[x509.CRLDistributionPoints([point(url(POINT))])])
        return made.certificate

    def authority_that(self, *extensions: x509.ExtensionType) -> Authority:
        """The CA in question, had its certificate just these extensions."""
        options: CertificateOptions = {
            "not_before": self.now - DAY,
            "not_after": self.now + DAY,
            "key": self.authority.key,
        }
        made = issue(common_name("Scenario CA"), extensions, options)
        return Authority(self.now, made.certificate, made.key)


@dataclass(frozen=True)
class CRLSubject:
    """What a CRL is judged by: the arguments of `judge` besides the CRL and the time."""

    certificate: x509.Certificate | None
    issuer: x509.Certificate
    policy: Policy


#: Options whose values are functions of something else than the material.
_FUNCTIONS = {"mangle"}


def build_crl(material: CRLMaterial, options: Options) -> tuple[bytes, CRLSubject]:
    """Return a CRL made with a scenario's options, and what it is to be judged by.

    Values may be functions of the material. Options of their own meaning: `by` is the authority whose CRL it is,
    `mangle` changes it afterwards; `subject`, `issuer` and `policy` are what it is judged by. All others are those of
    `Authority.crl`.
    """
    given: dict[str, Any] = {
        key: value(material) if callable(value) and key not in _FUNCTIONS else value for key, value in options.items()
    }
    by: Authority = given.pop("by", material.authority)
    subject = given.pop("subject", material.leaf)
    about = subject.certificate if isinstance(subject, Credential) else subject
    judged_by = CRLSubject(about, given.pop("issuer", by.certificate), given.pop("policy", Policy()))
    mangle: Callable[[bytes], bytes] = given.pop("mangle", lambda data: data)
    return mangle(by.crl(**given)), judged_by


def judge(material: CRLMaterial, options: Options) -> Evidence:
    """Build a CRL and judge it at the material's own time; what cannot be read is invalid."""
    encoded, subject = build_crl(material, options)
    return judged(encoded, subject, material.now)


def judged(encoded: bytes, subject: CRLSubject, now: float) -> Evidence:
    """Read a CRL and judge it; what cannot be read is invalid."""
    try:
        crl = read(encoded, subject.issuer)
    except MalformedCRL as malformed:
        return Evidence(Source.CRL, 0, Status.INVALID, (malformed.problem,))
    return judge_crl(crl, subject.certificate, subject.issuer, now, subject.policy)
