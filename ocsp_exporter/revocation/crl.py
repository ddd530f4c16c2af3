"""DER → certificate revocation list, read whole (RFC 5280, section 5). No clock, no trust.

`cryptography` can read CRLs, too. Of one with a million entries it takes a second to give the signed part, and 85 ms
for every look-up: so here are an own reader and an index.
"""

import re
from binascii import a2b_base64
from collections import deque
from dataclasses import dataclass

from cryptography import x509

from ocsp_exporter.model import Problem
from ocsp_exporter.revocation import certificate, der, signature
from ocsp_exporter.revocation.crl_entries import Entries, ReadEntries, read_entries
from ocsp_exporter.revocation.extensions import may_sign_crls, point_names

#: A list that has more octets beside its entries is not read: the names of an issuing distribution point are all that
#: may be long.
LARGEST_BESIDE_ENTRIES = 64 * 1024
#: A longer cRLNumber is not allowed (RFC 5280, section 5.2.3).
_LONGEST_NUMBER = 20


class MalformedCRL(Exception):
    """The bytes are not a CRL that can be read whole. `problem` is `malformed` or `too_large`."""

    def __init__(self, reason: str, problem: Problem = Problem.MALFORMED) -> None:
        super().__init__(reason)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Scope:
    """What a list is limited to (RFC 5280, sections 5.2.4 and 5.2.5); by default it is complete.

    `names` are those of its distribution point, as `extensions.point_names` gives them; empty where it has none.
    `is_indirect`: there may be certificates of other issuers in it.
    """

    names: frozenset[bytes] = frozenset()
    only_user_certificates: bool = False
    only_authority_certificates: bool = False
    only_attribute_certificates: bool = False
    only_some_reasons: bool = False
    is_indirect: bool = False
    is_delta: bool = False


@dataclass(frozen=True, slots=True)
class CertificateList:
    """A CRL beside the issuer that it was read for. It holds neither the octets nor any object of `cryptography`.

    `number` None: it has none. `critical` are the OIDs of unknown critical extensions, its own and its entries'.
    `names_issuer`: it bears the issuer's name; `issuer_may_sign`: the issuer's key is for CRLs; `signature_problem`:
    what is wrong with the signature that the issuer's key should have made.
    """

    this_update: int
    next_update: int | None
    number: int | None
    scope: Scope
    critical: frozenset[str]
    names_issuer: bool
    issuer_may_sign: bool
    signature_problem: Problem | None
    entries: Entries


def read(encoded: bytes, issuer: x509.Certificate) -> CertificateList:
    """Read a DER CertificateList and verify that `issuer` signed it.

    Raises MalformedCRL and nothing else, whatever the bytes are, and takes time in proportion to their number: two
    seconds and 170 MB for a million entries.
    """
    try:
        return _read(encoded, issuer)
    except (ValueError, IndexError) as error:  # DERError is a ValueError
        raise MalformedCRL(str(error)) from error


def end_of(encoded: bytes) -> int | None:
    """Return the nextUpdate of a DER CertificateList, or its thisUpdate where it has none; None if it is not one.

    Of the entries nothing is read.
    """
    try:
        signed, _, _ = der.expect(der.parse(encoded), der.SEQUENCE).parts(3)
        *_, this_update, next_update = _times(_Fields(der.expect(signed, der.SEQUENCE).parts(_MOST_FIELDS)))
    except (ValueError, IndexError):
        return None
    return this_update if next_update is None else next_update


def _read(encoded: bytes, issuer: x509.Certificate) -> CertificateList:
    signed, algorithm, signed_by = der.expect(der.parse(encoded), der.SEQUENCE).parts(3)
    fields = _Fields(der.expect(signed, der.SEQUENCE).parts(_MOST_FIELDS))
    stated_algorithm, name, this_update, next_update = _times(fields)
    revoked = fields.take(der.SEQUENCE)
    extensions_field = fields.take(_EXTENSIONS)
    fields.expect_end()
    if len(encoded) - (revoked.end - revoked.begin if revoked else 0) > LARGEST_BESIDE_ENTRIES:
        raise MalformedCRL("a CRL has more beside its entries than any in use", Problem.TOO_LARGE)
    extensions = _list_extensions(extensions_field)
    problem = signature.problem(issuer, algorithm, der.whole_octets(signed_by), signed.encoded)
    if stated_algorithm.encoded != algorithm.encoded:  # section 5.1.1.2
        problem = problem or Problem.SIGNATURE_INVALID
    listed = read_entries(encoded, revoked.inside, revoked.end) if revoked else _NO_ENTRIES
    number = extensions.get(_CRL_NUMBER)
    return CertificateList(
        this_update=this_update,
        next_update=next_update,
        number=_number(der.parse(number.value)) if number else None,
        scope=_scope(extensions, listed),
        critical=listed.critical.union(each.oid for each in extensions.values() if each.critical) - _UNDERSTOOD,
        names_issuer=certificate.is_same_name(name, certificate.subject_field(issuer)),
        issuer_may_sign=may_sign_crls(issuer),
        signature_problem=problem,
        entries=listed.entries,
    )


def _times(fields: "_Fields") -> tuple[der.Element, der.Element, int, int | None]:
    """Take the fields up to the entries: the algorithm, the issuer's name, thisUpdate and nextUpdate."""
    version = fields.take(der.INTEGER)
    if version and version.content != _VERSION_2:
        raise der.DERError("a CRL of a version that is not known")
    algorithm, name, begins = fields.need(der.SEQUENCE), fields.need(der.SEQUENCE), fields.need(*_TIMES)
    ends = fields.take(*_TIMES)
    return algorithm, name, der.time(begins), der.time(ends) if ends else None


_NO_ENTRIES = ReadEntries(Entries(b""), frozenset(), name_issuers=False)
_VERSION_2 = b"\x01"
_MOST_FIELDS = 7
_TIMES = (der.UTC_TIME, der.GENERALIZED_TIME)
_EXTENSIONS = 0xA0

_CRL_NUMBER = "2.5.29.20"
_DELTA_CRL_INDICATOR = "2.5.29.27"
_ISSUING_DISTRIBUTION_POINT = "2.5.29.28"
#: What may be critical: what is read here, and what names the issuer or its key, which the signature shows.
_UNDERSTOOD = frozenset(
    {
        _CRL_NUMBER,
        _DELTA_CRL_INDICATOR,
        _ISSUING_DISTRIBUTION_POINT,
        "2.5.29.18",  # issuer alternative name
        "2.5.29.35",  # authority key identifier
    }
)


class _Fields:
    """The fields of a SEQUENCE, in their order, of which some are optional."""

    def __init__(self, elements: list[der.Element]) -> None:
        self._left = deque(elements)

    def take(self, *tags: int) -> der.Element | None:
        """Return the next field if it has one of these tags."""
        return self._left.popleft() if self._left and self._left[0].tag in tags else None

    def need(self, *tags: int) -> der.Element:
        """Return the next field. Raises DERError where it has another tag, or there is none."""
        field = self.take(*tags)
        if field is None:
            raise der.DERError("a field of a CRL is missing, or something else")
        return field

    def expect_end(self) -> None:
        """Raise DERError where there are more fields."""
        if self._left:
            raise der.DERError("a CRL has a field that is not known, or in the wrong place")


def _list_extensions(field: der.Element | None) -> dict[str, der.Extension]:
    if field is None:
        return {}
    extensions = der.extensions(field.only_part())
    found = {extension.oid: extension for extension in extensions}
    if len(found) < len(extensions):
        raise der.DERError("a CRL has the same extension twice")
    return found


def _number(element: der.Element) -> int:
    octets = der.expect(element, der.INTEGER).content
    if not 0 < len(octets) <= _LONGEST_NUMBER:
        raise der.DERError("a cRLNumber has more octets than it may, or none")
    return int.from_bytes(octets, signed=True)


_POINT_NAME, _ONLY_REASONS = 0xA0, 0x83
_ONLY_USER, _ONLY_AUTHORITY, _INDIRECT, _ONLY_ATTRIBUTE = 0x81, 0x82, 0x84, 0x85
_FLAGS = frozenset({_ONLY_USER, _ONLY_AUTHORITY, _INDIRECT, _ONLY_ATTRIBUTE})


def _scope(extensions: dict[str, der.Extension], listed: ReadEntries) -> Scope:
    point = extensions.get(_ISSUING_DISTRIBUTION_POINT)
    fields = der.expect(der.parse(point.value), der.SEQUENCE).parts(len(_FLAGS) + 2) if point else []
    by_tag = {field.tag: field for field in fields}
    if len(by_tag) < len(fields) or not by_tag.keys() <= {_POINT_NAME, _ONLY_REASONS, *_FLAGS}:
        raise der.DERError("an issuing distribution point has a field that is not known, or the same one twice")
    flags = {tag for tag in by_tag.keys() & _FLAGS if _is_true(by_tag[tag])}
    names = point_names(by_tag[_POINT_NAME].only_part()) if _POINT_NAME in by_tag else None
    if names is not None and not names:
        raise der.DERError("an issuing distribution point has a name without a name in it")
    return Scope(
        names=names or frozenset(),
        only_user_certificates=_ONLY_USER in flags,
        only_authority_certificates=_ONLY_AUTHORITY in flags,
        only_attribute_certificates=_ONLY_ATTRIBUTE in flags,
        only_some_reasons=_ONLY_REASONS in by_tag,
        is_indirect=_INDIRECT in flags or listed.name_issuers,
        is_delta=_DELTA_CRL_INDICATOR in extensions,
    )


def _is_true(field: der.Element) -> bool:
    if len(field.content) != 1:
        raise der.DERError("a truth value has one octet")
    return field.content != b"\x00"


_PEM = re.compile(rb"-----BEGIN X509 CRL-----([^-]*)-----END X509 CRL-----")


def pem_or_der(content: bytes) -> bytes:
    """Return the DER of a CRL as files hold it: the first one in PEM, or DER as it is. Raises MalformedCRL.

    Over HTTP a CRL is DER (RFC 5280, section 4.2.1.13), and is not put through this.
    """
    if content[:1] == bytes((der.SEQUENCE,)):
        return content
    found = _PEM.search(content)
    if found is None:
        raise MalformedCRL("neither a CRL in DER nor one in PEM (BEGIN X509 CRL)")
    try:
        return a2b_base64(found[1])
    except ValueError as error:
        raise MalformedCRL(f"the PEM of a CRL is no base64: {error}") from error
