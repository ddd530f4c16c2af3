"""A tiny certificate authority: every argument has a default, and each can be changed alone.

Nothing here reads a clock. Times are seconds since 1970; where none is given, certificates and answers are
such as to be current at the authority's `now`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import EllipsisType
from typing import Self, TypedDict, Unpack

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from ocsp_exporter.demo import crl
from ocsp_exporter.demo.certificate import (
    DAY,
    HOUR,
    WEEK,
    YEAR,
    CertificateOptions,
    Credential,
    authority_extensions,
    common_name,
    issue,
    location_extensions,
    responder_extensions,
    server_extensions,
)
from ocsp_exporter.demo.response import (
    PrivateKey,
    Signing,
    cert_id,
    cert_status,
    responder_by_key,
    response_data,
    signed_response,
    single_response,
    usual_signing,
)
from ocsp_exporter.model import Reason, Revocation, Status

#: What an answer is about: a certificate of this authority, or any serial number.
Subject = Credential | x509.Certificate | int


class SingleOptions(TypedDict, total=False):
    """What can be changed about a SingleResponse: see `Authority.single`."""

    status: Status
    this_update: float
    next_update: float | None
    revocation_time: float
    reason: Reason | None
    hash_algorithm: hashes.HashAlgorithm
    single_extensions: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA: `root` makes one, and its methods others. `chain` is what follows its leaves, without the root."""

    now: float
    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @classmethod
    def root(cls, now: float, name: str = "Test Root CA", **options: Unpack[CertificateOptions]) -> Self:
        """Make a CA that signs itself."""
        options = {"not_before": now - YEAR, "not_after": now + 10 * YEAR, **options}
        made = issue(common_name(name), authority_extensions(), options)
        return cls(now, made.certificate, made.key)

    def twin(self, **options: Unpack[CertificateOptions]) -> Self:
        """Make a root of the same name with another key: an impostor."""
        options = {"not_before": self.now - YEAR, "not_after": self.now + 10 * YEAR, **options}
        made = issue(self.certificate.subject, authority_extensions(), options)
        return replace(self, certificate=made.certificate, key=made.key, chain=())

    def intermediate(self, name: str = "Test Issuing CA", **options: Unpack[CertificateOptions]) -> Self:
        """Make a CA below this one."""
        options = {"not_before": self.now - YEAR, "not_after": self.now + 5 * YEAR, **options}
        made = self._issue(name, authority_extensions(), options)
        return replace(self, certificate=made.certificate, key=made.key, chain=(made.certificate, *self.chain))

    def leaf(
        self,
        *names: str,
        must_staple: bool = False,
        ocsp_urls: Sequence[str] = (),
        crl_urls: Sequence[str] = (),
        issuer_urls: Sequence[str] = (),
        **options: Unpack[CertificateOptions],
    ) -> Credential:
        """Issue a server's certificate for host names and IP addresses, by default this machine's own.

        `must_staple` adds the TLS feature status_request (RFC 7633).
        """
        names = names or ("localhost", "127.0.0.1", "::1")
        extensions = server_extensions(names, must_staple=must_staple)
        return self._issue(names[0], (*extensions, *location_extensions(ocsp_urls, crl_urls, issuer_urls)), options)

    def delegate(
        self,
        name: str = "Test OCSP Responder",
        *,
        ocsp_signing: bool = True,
        nocheck: bool = True,
        **options: Unpack[CertificateOptions],
    ) -> Credential:
        """Issue a certificate to an OCSP responder; without `ocsp_signing` it may not answer."""
        return self._issue(name, responder_extensions(ocsp_signing=ocsp_signing, nocheck=nocheck), options)

    def single(  # noqa: PLR0913  the fields of a SingleResponse, each with a default
        self,
        subject: Subject,
        *,
        status: Status = Status.GOOD,
        this_update: float | None = None,
        next_update: float | EllipsisType | None = ...,
        revocation_time: float | None = None,
        reason: Reason | None = None,
        hash_algorithm: hashes.HashAlgorithm | None = None,
        single_extensions: Sequence[bytes] = (),
    ) -> bytes:
        """Return the DER of a SingleResponse.

        By default this_update was an hour ago, next_update is a week later (None: there is none), the CertID
        uses SHA-1, and what is revoked was revoked a day ago for no stated reason.
        """
        if this_update is None:
            this_update = self.now - HOUR
        if isinstance(next_update, EllipsisType):
            next_update = this_update + WEEK
        if revocation_time is None:
            revocation_time = self.now - DAY
        revocation = Revocation(int(revocation_time), reason) if status is Status.REVOKED else None
        return single_response(
            cert_id(_serial_number(subject), self.certificate, hash_algorithm or hashes.SHA1()),  # noqa: S303  RFC 5019
            cert_status(status, revocation),
            this_update,
            next_update,
            single_extensions,
        )

    def answer(  # noqa: PLR0913  the fields of a BasicOCSPResponse, each with a default
        self,
        subject: Subject,
        *,
        produced_at: float | None = None,
        signer: Credential | None = None,
        responder_id: Callable[[x509.Certificate], bytes] = responder_by_key,
        certificates: Sequence[x509.Certificate] | None = None,
        signing_key: PrivateKey | None = None,
        signing: Signing | None = None,
        extensions: Sequence[bytes] = (),
        also: Sequence[bytes] = (),
        **single: Unpack[SingleOptions],
    ) -> bytes:
        """Return the DER of an OCSPResponse about `subject`; for the other options see `single`.

        By default it was produced at this_update or now, whichever is earlier. `signer` None: this authority
        itself; `certificates` None: the signer's, where it is a delegate. `signing_key` forges: the response
        still says that `signer` signed it. `also` are further SingleResponses.
        """
        if produced_at is None:
            produced_at = min(single.get("this_update", self.now - HOUR), self.now)
        if certificates is None:
            certificates = () if signer is None else (signer.certificate,)
        signer = signer or Credential(self.certificate, self.key)
        singles = (self.single(subject, **single), *also)
        data = response_data(responder_id(signer.certificate), produced_at, singles, extensions)
        return signed_response(data, signing_key or signer.key, signing, certificates)

    def crl(  # noqa: PLR0913  the fields of a CertificateList, each with a default
        self,
        revoked: Mapping[int, Revocation] | None = None,
        *,
        this_update: float | None = None,
        next_update: float | EllipsisType | None = ...,
        number: int | None = 1,
        entries: Sequence[bytes] = (),
        extensions: Sequence[bytes] = (),
        version: int | None = 1,
        issuer: bytes | None = None,
        signing_key: PrivateKey | None = None,
        signing: Signing | None = None,
        stated_algorithm: bytes | None = None,
    ) -> bytes:
        """Return the DER of a CRL over serial numbers, by default an hour old and valid for a week.

        `next_update` or `number` None: it has none. `entries` and `extensions` are further ones in DER; `version` None
        is v1, which has no extensions. `issuer` is a Name, by default this authority's. `signing_key` forges;
        `stated_algorithm` is an AlgorithmIdentifier to be signed that is another than that of the signature.
        """
        this_update = self.now - HOUR if this_update is None else this_update
        if isinstance(next_update, EllipsisType):
            next_update = this_update + WEEK
        numbers = () if number is None else (crl.number(number),)
        usual = (*numbers, crl.authority_key_identifier(self.key)) if version is not None else ()
        key = signing_key or self.key
        signing = signing or usual_signing(key)
        tbs = crl.TBSCertList(
            issuer or self.certificate.subject.public_bytes(),
            this_update,
            next_update,
            (*(crl.entry(serial_number, each) for serial_number, each in (revoked or {}).items()), *entries),
            (*usual, *extensions),
            version,
        )
        return crl.signed_list(tbs.encoded(stated_algorithm or signing.algorithm), key, signing)

    def _issue(self, name: str, extensions: Sequence[x509.ExtensionType], options: CertificateOptions) -> Credential:
        options = {"not_before": self.now - DAY, "not_after": self.now + YEAR, **options}
        made = issue(common_name(name), extensions, options, (self.certificate.subject, self.key))
        return replace(made, chain=self.chain)


def unsuccessful(status: ocsp.OCSPResponseStatus = ocsp.OCSPResponseStatus.TRY_LATER) -> bytes:
    """Return the DER of an OCSPResponse that is only an error, which nobody signs."""
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(serialization.Encoding.DER)


def _serial_number(subject: Subject) -> int:
    match subject:
        case Credential(certificate=certificate):
            return certificate.serial_number
        case x509.Certificate():
            return subject.serial_number
        case _:
            return subject
