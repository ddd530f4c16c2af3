"""DER → OCSP response, read eagerly and whole (RFC 6960, section 4.2.1). No clock, no trust."""

import warnings
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp

from ocsp_exporter.model import Problem, Reason, Revocation, Status
from ocsp_exporter.revocation import certificate, der

#: A larger response is not read: the largest in use, with two certificates, have some 10 KiB.
LARGEST_RESPONSE = 256 * 1024
#: Nor is one in which more than this is signed: one answer has some 300 octets, and a name or an extension takes
#: microseconds, however short it is.
LARGEST_SIGNED_PART = 16 * 1024
#: Nor is one that brings more certificates, copies aside: one is usual, three are many, and each may cost two
#: verifications.
MOST_CERTIFICATES = 8
#: Nor one that brings a larger certificate: those of responders have some 2 KiB, with the largest keys to come 8.
LARGEST_CERTIFICATE = 10 * 1024


class MalformedResponse(Exception):
    """The bytes are not an OCSP response that can be read whole. `problem` is `malformed` or `too_large`."""

    def __init__(self, reason: str, problem: Problem = Problem.MALFORMED) -> None:
        super().__init__(reason)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class SingleResponse:
    """What is said of one certificate. `hash_algorithm` None: a hash that is not known here.

    `status` is good, revoked or unknown. `critical` are the OIDs of its critical extensions.
    """

    hash_algorithm: hashes.HashAlgorithm | None
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial_number: int
    status: Status
    revocation: Revocation | None
    this_update: int
    next_update: int | None
    critical: frozenset[str]


@dataclass(frozen=True, slots=True)
class Response:
    """A successful BasicOCSPResponse. The responder is named by either `responder_name` or `responder_key_hash`.

    `nonce` None: it has none. `signed` is the DER of tbsResponseData, `algorithm` the AlgorithmIdentifier of its
    `signature`.
    """

    responder_name: certificate.Name | None
    responder_key_hash: bytes | None
    produced_at: int
    singles: tuple[SingleResponse, ...]
    certificates: tuple[x509.Certificate, ...]
    critical: frozenset[str]
    nonce: bytes | None
    signed: bytes
    algorithm: der.Element
    signature: bytes


@dataclass(frozen=True, slots=True)
class Unsuccessful:
    """A response without an answer. `response_status` is its OCSPResponseStatus in snake_case."""

    response_status: str


def parse(encoded: bytes) -> Response | Unsuccessful:
    """Read a DER OCSPResponse. Raises MalformedResponse and nothing else, whatever the bytes are."""
    if len(encoded) > LARGEST_RESPONSE:
        raise MalformedResponse("the response is larger than any in use", Problem.TOO_LARGE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd names and the like: tolerated here
            response = ocsp.load_der_ocsp_response(encoded)
            if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
                return Unsuccessful(response.response_status.name.lower())
            return _read(response, encoded)
    except MalformedResponse:
        raise
    except Exception as error:  # cryptography raises many kinds, some of them late; all mean the same here
        raise MalformedResponse(str(error)) from error


def end_of(encoded: bytes) -> int | None:
    """Return the last nextUpdate in a DER OCSPResponse, or thisUpdate where there is none; None if it has no answer."""
    try:
        response = parse(encoded)
    except MalformedResponse:
        return None
    singles = () if isinstance(response, Unsuccessful) else response.singles
    return max(((single.next_update or single.this_update) for single in singles), default=None)


def _read(response: ocsp.OCSPResponse, encoded: bytes) -> Response:
    basic = _basic_response(encoded)
    signed, algorithm, signature = der.signed_parts(basic)
    if len(signed) > LARGEST_SIGNED_PART:
        raise MalformedResponse("more is signed than in any response in use", Problem.TOO_LARGE)
    extensions, critical_of_singles = _extensions(signed)
    singles = [
        _single(single, critical_of_single)
        for single, critical_of_single in zip(response.responses, critical_of_singles, strict=True)
    ]
    return Response(
        responder_name=_responder_name(response, signed),
        responder_key_hash=response.responder_key_hash,
        produced_at=_seconds(response.produced_at_utc),
        singles=tuple(singles),
        certificates=_certificates(basic),
        critical=_critical(extensions),
        nonce=_nonce(extensions),
        signed=signed,
        algorithm=algorithm,
        signature=signature,
    )


_BY_NAME = 0xA1


def _responder_name(response: ocsp.OCSPResponse, signed: bytes) -> certificate.Name | None:
    """Return the name in the ResponderID, None where it is a key hash."""
    by_name = next((field for field in der.parse(signed).children() if field.tag == _BY_NAME), None)
    if by_name is None or response.responder_key_hash is not None:
        return None
    return certificate.read_name(lambda: cast("x509.Name", response.responder_name), next(by_name.children()))


_REASONS = {
    x509.ReasonFlags.unspecified: Reason.UNSPECIFIED,
    x509.ReasonFlags.key_compromise: Reason.KEY_COMPROMISE,
    x509.ReasonFlags.ca_compromise: Reason.CA_COMPROMISE,
    x509.ReasonFlags.affiliation_changed: Reason.AFFILIATION_CHANGED,
    x509.ReasonFlags.superseded: Reason.SUPERSEDED,
    x509.ReasonFlags.cessation_of_operation: Reason.CESSATION_OF_OPERATION,
    x509.ReasonFlags.certificate_hold: Reason.CERTIFICATE_HOLD,
    x509.ReasonFlags.remove_from_crl: Reason.REMOVE_FROM_CRL,
    x509.ReasonFlags.privilege_withdrawn: Reason.PRIVILEGE_WITHDRAWN,
    x509.ReasonFlags.aa_compromise: Reason.AA_COMPROMISE,
}
_STATUSES = {
    ocsp.OCSPCertStatus.GOOD: Status.GOOD,
    ocsp.OCSPCertStatus.REVOKED: Status.REVOKED,
    ocsp.OCSPCertStatus.UNKNOWN: Status.UNKNOWN,
}


def _single(single: ocsp.OCSPSingleResponse, critical: frozenset[str]) -> SingleResponse:
    return SingleResponse(
        hash_algorithm=_hash_algorithm(single),
        issuer_name_hash=single.issuer_name_hash,
        issuer_key_hash=single.issuer_key_hash,
        serial_number=single.serial_number,
        status=_STATUSES[single.certificate_status],
        revocation=_revocation(single),
        this_update=_seconds(single.this_update_utc),
        next_update=None if single.next_update_utc is None else _seconds(single.next_update_utc),
        critical=critical,
    )


def _hash_algorithm(single: ocsp.OCSPSingleResponse) -> hashes.HashAlgorithm | None:
    """Return the hash of the CertID; an unknown one spoils this single response only, not its neighbours."""
    try:
        return single.hash_algorithm
    except UnsupportedAlgorithm:
        return None


def _revocation(single: ocsp.OCSPSingleResponse) -> Revocation | None:
    if single.revocation_time_utc is None:
        return None
    reason = None if single.revocation_reason is None else _REASONS[single.revocation_reason]
    return Revocation(_seconds(single.revocation_time_utc), reason)


def _seconds(moment: datetime) -> int:
    """Whole seconds since 1970: arithmetic on dates near the year 9999 would overflow."""
    return int(moment.timestamp())


_RESPONSE_BYTES = 0xA0
_CERTIFICATES = 0xA0
_SINGLE_EXTENSIONS = 0xA1
_RESPONSE_EXTENSIONS = 0xA1
#: certID, certStatus, thisUpdate; what follows is optional and tagged.
_MANDATORY_IN_SINGLE = 3


def _basic_response(encoded: bytes) -> bytes:
    """Return the DER of the BasicOCSPResponse inside an OCSPResponse."""
    _status, response_bytes = der.parse(encoded).children()
    (sequence,) = der.expect(response_bytes, _RESPONSE_BYTES).children()
    _response_type, octets = sequence.children()
    return der.expect(octets, der.OCTET_STRING).content


def _certificates(basic: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates that came along; one that cannot be read is as good as absent.

    Each by itself: `cryptography` takes quadratic time for all of them.
    """
    *_, last = der.parse(basic).children()
    if last.tag != _CERTIFICATES:
        return ()
    certificates = dict.fromkeys(element.encoded for element in next(last.children()).children())
    if len(certificates) > MOST_CERTIFICATES or any(len(each) > LARGEST_CERTIFICATE for each in certificates):
        raise MalformedResponse("the response brings more or larger certificates than any in use", Problem.TOO_LARGE)
    return tuple(found for found in map(certificate.parse, certificates) if found is not None)


def _extensions(signed: bytes) -> tuple[tuple[der.Extension, ...], tuple[frozenset[str], ...]]:
    """Return the extensions of the response, and the OIDs of the critical ones of each of its single responses.

    Read here because `cryptography` gives the latter only where there is exactly one single response, and of the
    former none where one of them cannot be read.
    """
    fields = list(der.parse(signed).children())
    # version [0], responderID [1] or [2], producedAt, responses, responseExtensions [1]: only the last list and
    # what may follow it are of interest, and the responses are the one untagged SEQUENCE.
    position = next(index for index, field in enumerate(fields) if field.tag == der.SEQUENCE)
    singles = tuple(
        _critical(_extensions_in(list(single.children())[_MANDATORY_IN_SINGLE:], _SINGLE_EXTENSIONS))
        for single in fields[position].children()
    )
    return _extensions_in(fields[position + 1 :], _RESPONSE_EXTENSIONS), singles


def _extensions_in(fields: list[der.Element], tag: int) -> tuple[der.Extension, ...]:
    return tuple(
        extension for field in fields if field.tag == tag for extension in der.extensions(next(field.children()))
    )


def _critical(extensions: tuple[der.Extension, ...]) -> frozenset[str]:
    return frozenset(extension.oid for extension in extensions if extension.critical)


_NONCE = "1.3.6.1.5.5.7.48.1.2"


def _nonce(extensions: tuple[der.Extension, ...]) -> bytes | None:
    """Return the nonce (RFC 9654, section 2.1).

    Its octets stand in an OCTET STRING of their own; old responders left that out, which RFC 2560 did not demand.
    """
    value = next((extension.value for extension in extensions if extension.oid == _NONCE), None)
    if value is None:
        return None
    try:
        return der.expect(der.parse(value), der.OCTET_STRING).content
    except der.DERError:
        return value
