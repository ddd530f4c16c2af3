"""The nouns of the exporter: frozen values and closed sets, without I/O, clock or logic.

Points in time are seconds since 1970 (UTC), as Prometheus publishes them; those that certificates and
responses state are whole seconds, and may lie before 1970 or in the year 9999. Durations are seconds.
The members of every enumeration here are a public contract: they are label values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

from cryptography import x509


class Source(StrEnum):
    """Where a piece of evidence came from."""

    STAPLE = "staple"
    RESPONDER = "responder"
    CRL = "crl"
    FILE = "file"


class Status(StrEnum):
    """What a source says of a certificate; the first three only ever from a verified answer."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    SERVER_FAILED = "server_failed"
    MISSING = "missing"
    INVALID = "invalid"


#: What only a verified answer says.
VERIFIED = frozenset({Status.GOOD, Status.REVOKED, Status.UNKNOWN})


class Problem(StrEnum):
    """One thing that is wrong with a piece of evidence, in the order in which it is looked for."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    BLOCKED_BY_EGRESS_POLICY = "blocked_by_egress_policy"
    UNSUPPORTED_SCHEME = "unsupported_scheme"
    HTTP_ERROR = "http_error"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    UNSUCCESSFUL = "unsuccessful"
    ISSUER_UNAVAILABLE = "issuer_unavailable"
    NO_MATCHING_RESPONSE = "no_matching_response"
    RESPONDER_UNIDENTIFIED = "responder_unidentified"
    RESPONDER_UNAUTHORIZED = "responder_unauthorized"
    RESPONDER_CERTIFICATE_EXPIRED = "responder_certificate_expired"
    SIGNATURE_ALGORITHM_UNSUPPORTED = "signature_algorithm_unsupported"
    SIGNATURE_INVALID = "signature_invalid"
    CRITICAL_EXTENSION = "critical_extension"
    OUT_OF_SCOPE = "out_of_scope"
    NONCE_MISMATCH = "nonce_mismatch"
    NUMBER_WENT_BACKWARDS = "number_went_backwards"
    NOT_YET_VALID = "not_yet_valid"
    PRODUCED_IN_FUTURE = "produced_in_future"
    EXPIRED = "expired"


class Failure(StrEnum):
    """Why a target could not be looked at at all."""

    RESOLVE = "resolve"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    STARTTLS = "starttls"
    NOT_TLS = "not_tls"
    TLS = "tls"
    NO_CERTIFICATE = "no_certificate"
    FILE = "file"
    INTERNAL = "internal"


class Reason(StrEnum):
    """Why a certificate was revoked: CRLReason of RFC 5280, section 5.3.1."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "key_compromise"
    CA_COMPROMISE = "ca_compromise"
    AFFILIATION_CHANGED = "affiliation_changed"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessation_of_operation"
    CERTIFICATE_HOLD = "certificate_hold"
    REMOVE_FROM_CRL = "remove_from_crl"
    PRIVILEGE_WITHDRAWN = "privilege_withdrawn"
    AA_COMPROMISE = "aa_compromise"


class StaplePolicy(StrEnum):
    """When a staple is demanded, in the NATS server's vocabulary."""

    AUTO = "auto"
    MUST = "must"
    ALWAYS = "always"
    NEVER = "never"


class Phase(StrEnum):
    """The parts of a probe that are timed by themselves."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    STARTTLS = "starttls"
    HANDSHAKE = "handshake"


class ChainError(StrEnum):
    """Why a chain does not verify to the module's roots, for this name, now."""

    SELF_SIGNED = "self_signed"
    UNKNOWN_ISSUER = "unknown_issuer"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    HOSTNAME_MISMATCH = "hostname_mismatch"
    OTHER = "other"


class Signer(StrEnum):
    """By what right somebody signed a response (RFC 6960, section 4.2.2.2)."""

    ISSUER = "issuer"
    DELEGATED = "delegated"
    TRUSTED = "trusted"


class TLSVersion(StrEnum):
    """The TLS versions that a module may be limited to, in Prometheus's spelling; the lowest first."""

    TLS10 = "TLS10"
    TLS11 = "TLS11"
    TLS12 = "TLS12"
    TLS13 = "TLS13"


class KeyType(StrEnum):
    """Which of its certificates a server is asked for: one with such a key, or whichever it likes."""

    ANY = "any"
    RSA = "rsa"
    ECDSA = "ecdsa"


class AddressChoice(StrEnum):
    """Which of a target's addresses are looked at: the first that answers, as any client would, or each by itself."""

    FIRST = "first"
    ALL = "all"


class IPProtocol(StrEnum):
    """Which of a target's addresses there are for a module."""

    ANY = "any"
    IP4 = "ip4"
    IP6 = "ip6"


class ProberKind(StrEnum):
    """What a module looks at.

    A TLS endpoint, an OCSP responder by itself, a CRL by itself, or the files in which servers keep their staples.
    """

    TLS = "tls"
    RESPONDER = "responder"
    CRL = "crl"
    FILE = "file"


class StartTLS(StrEnum):
    """How TLS starts on a connection; all but the first begin in clear.

    `NATS_AUTO` finds out by itself whether the server says INFO first.
    """

    NONE = "none"
    SMTP = "smtp"
    LMTP = "lmtp"
    IMAP = "imap"
    POP3 = "pop3"
    FTP = "ftp"
    LDAP = "ldap"
    XMPP_CLIENT = "xmpp-client"
    XMPP_SERVER = "xmpp-server"
    POSTGRES = "postgres"
    MYSQL = "mysql"
    SIEVE = "sieve"
    NNTP = "nntp"
    IRC = "irc"
    NATS = "nats"
    NATS_AUTO = "nats-auto"


class RequestMethod(StrEnum):
    """How a responder is asked: by GET where the request is short, else by POST (`auto`), or by one of them alone."""

    AUTO = "auto"
    GET = "get"
    POST = "post"


class CertIDHash(StrEnum):
    """The hash of the CertID in a request (RFC 6960, section 4.1.1)."""

    SHA1 = "sha1"
    SHA256 = "sha256"


class ExpectedAnswer(StrEnum):
    """What a responder is known to say of a serial number; `unauthorized` is an answer that is not signed."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    UNAUTHORIZED = "unauthorized"


class Profile(StrEnum):
    """Which rules a responder is held to: those for all, or besides those that public CAs have given themselves."""

    PRIVATE = "private"
    PUBLIC = "public"


class Check(StrEnum):
    """One rule that a responder is held to; the rules themselves stand in `revocation.conformance`."""

    GET = "get"
    POST = "post"
    PERCENT_ENCODED_GET = "percent_encoded_get"
    CONTENT_TYPE = "content_type"
    CACHE_HEADERS = "cache_headers"
    RESPONSE_SIZE = "response_size"
    KNOWN_ANSWERS = "known_answers"
    UNASSIGNED_SERIAL_NOT_GOOD = "unassigned_serial_not_good"
    SHA256_CERT_ID = "sha256_cert_id"
    NONCE_ECHOED = "nonce_echoed"
    SIGNER_NOCHECK = "signer_nocheck"
    SIGNER_OUTLIVES_RESPONSE = "signer_outlives_response"
    VALIDITY_INTERVAL = "validity_interval"
    UPDATED_IN_TIME = "updated_in_time"


class CRLQuery(StrEnum):
    """When the CRL is asked; `fallback`: where there is no responder, or it gave no verified answer."""

    NEVER = "never"
    FALLBACK = "fallback"
    ALWAYS = "always"


class ChainDepth(StrEnum):
    """Which certificates of the path are checked: the leaf, or all but the root."""

    LEAF = "leaf"
    ALL = "all"


class FetchKind(StrEnum):
    """What is fetched over HTTP beside the probes."""

    OCSP = "ocsp"
    CRL = "crl"
    ISSUER = "issuer"


class StoreResult(StrEnum):
    """How a request to the store of evidence ended; what was corrupt, foreign or old is removed and was no hit."""

    HIT = "hit"
    MISS = "miss"
    CORRUPT = "corrupt"
    FOREIGN = "foreign"
    OLD = "old"
    WRITTEN = "written"
    FAILED = "failed"


class DiscoveryKind(StrEnum):
    """Where targets come from: the configuration itself, files that it names, or URLs that it names."""

    STATIC = "static"
    FILE = "file"
    HTTP = "http"


class Omission(StrEnum):
    """Why something of what was discovered is left out: a target, a label, or the end of a value."""

    INVALID_TARGET = "invalid_target"
    DUPLICATE_TARGET = "duplicate_target"
    TOO_MANY_TARGETS = "too_many_targets"
    UNKNOWN_MODULE = "unknown_module"
    INVALID_INTERVAL = "invalid_interval"
    INVALID_LABEL = "invalid_label"
    RESERVED_LABEL = "reserved_label"
    TOO_MANY_LABELS = "too_many_labels"
    LONG_LABEL_VALUE = "long_label_value"


class Follow(StrEnum):
    """Whose URLs are fetched beside those that are allowed by name or address.

    Of certificates whose path of signatures ends in a root that the module trusts, nobody's, or everybody's.
    """

    TRUSTED = "trusted"
    LISTED = "listed"
    ANY = "any"


IPNetwork: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """Where the URLs in certificates may send the exporter, and how much it takes from there.

    `allowed_hosts` are names in lower case without a dot at the end. `denied` beats all else; by default it holds
    what is link-local, multicast, unspecified, or serves a cloud's instance metadata. `proxy_url` None: none.
    """

    follow: Follow = Follow.TRUSTED
    allowed_hosts: frozenset[str] = frozenset()
    allowed: tuple[IPNetwork, ...] = ()
    denied: tuple[IPNetwork, ...] = (
        ip_network("169.254.0.0/16"),
        ip_network("fe80::/10"),
        ip_network("100.100.100.200/32"),
        ip_network("168.63.129.16/32"),
        ip_network("fd00:ec2::254/128"),
        ip_network("0.0.0.0/8"),
        ip_network("224.0.0.0/4"),
        ip_network("ff00::/8"),
    )
    max_response_bytes: int = 256 * 1024
    max_crl_bytes: int = 64 * 1024 * 1024
    requests_per_second_per_host: float = 10.0
    proxy_url: str | None = field(default=None, repr=False)  # a password may be in it


@dataclass(frozen=True, slots=True)
class AllowedTargets:
    """What `/probe` may be asked for; without names and networks anything.

    `names` are host names in lower case in which `*` stands for any characters and `?` for one. What has none of these
    names has to have an address in one of the `networks`.
    """

    names: tuple[str, ...] = ()
    networks: tuple[IPNetwork, ...] = ()


class TargetForbidden(Exception):
    """A target has no address at which it may be looked at: see `Target.within`. The text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is looked at.

    `name` is the text exactly as given and the `target` label; it is empty where the module itself names what is
    looked at. `host` is a host name or an IP address without brackets. `starttls` None: as the module says. `location`
    is the URL, or the absolute path of a file, of what is looked at by itself, or the absolute glob of such files; a
    file has neither host nor port. None where a TLS endpoint is looked at. `within`: the networks that hold all
    addresses at which it may be looked at, None where whoever named it may name any. `is_clients`: a client of /probe
    named it, and not the operator.
    """

    name: str
    host: str
    port: int
    starttls: StartTLS | None = None
    location: str | None = None
    within: tuple[IPNetwork, ...] | None = None
    is_clients: bool = field(default=False, compare=False)

    @property
    def title(self) -> str:
        """What people are to read: its name, or what the module itself names."""
        return self.name or self.location or ""

    @property
    def is_file(self) -> bool:
        """Whether it is a file of this machine, or several."""
        return self.location is not None and self.location.startswith("/")


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What is shown to a server that asks who we are: the certificate, what follows it, and its key.

    `key` is PKCS #8 in DER, not encrypted; as octets it makes two of the same file equal.
    """

    chain: tuple[x509.Certificate, ...]
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TLSSettings:
    """How to shake hands; equal settings share one TLS context.

    `roots` None: the system's roots. `alpn` are the protocols that are offered, the preferred one first; none: the
    extension is not sent.
    """

    roots: tuple[x509.Certificate, ...] | None = None
    min_version: TLSVersion = TLSVersion.TLS12
    max_version: TLSVersion = TLSVersion.TLS13
    alpn: tuple[str, ...] = ()
    client_certificate: ClientCertificate | None = None

    def __hash__(self) -> int:
        """Leave the roots out: there may be hundreds, and each handshake looks its context up by these settings."""
        return hash((self.min_version, self.max_version, self.alpn))


@dataclass(frozen=True, slots=True)
class StapleSettings:
    """What is demanded of staples, and how many handshakes are made to see them.

    `file` is the absolute path of the server's own copy, with which its staples are compared; None: with nothing.
    """

    policy: StaplePolicy = StaplePolicy.AUTO
    handshakes: int = 1
    retry_missing: int = 2
    file: str | None = None


#: Of the URLs that name a source so many are asked at most: certificates have one or two, hostile ones hundreds.
MOST_SOURCE_URLS = 4
#: Seconds between two fetches of the same at least, however short-lived evidence is and whatever fails.
SHORTEST_REST = 120.0


@dataclass(frozen=True, slots=True)
class ResponderSettings:
    """Whether and how a certificate's responder is asked for a second opinion.

    `urls` replace those of the certificate. `refresh` is the longest time for which an answer is not asked for again.
    Those `trusted` may sign for any issuer (RFC 6960, section 4.2.2.2, first case).
    """

    query: bool = True
    urls: tuple[str, ...] = ()
    method: RequestMethod = RequestMethod.AUTO
    nonce: bool = False
    hash: CertIDHash = CertIDHash.SHA1
    timeout: float = 10.0
    refresh: float = 3600.0
    trusted: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """What a responder has to say of a serial number of its CA."""

    serial_number: int
    expected: ExpectedAnswer


@dataclass(frozen=True, slots=True)
class CRLSettings:
    """Whether and how a certificate's CRL is asked; `urls` and `refresh` as for the responder."""

    query: CRLQuery = CRLQuery.FALLBACK
    urls: tuple[str, ...] = ()
    timeout: float = 30.0
    refresh: float = 3600.0


@dataclass(frozen=True, slots=True)
class Module:
    """A named recipe for looking at a target.

    `server_name` None: the target's host. Without `send_server_name` the certificate is looked at for that name, and
    the server is not told it. A target is looked at once for each of `key_types`, and under `addresses` `all` at each
    address. `issuers` are certificates beside the chain sent and the roots in which an issuer is looked for; with
    `fetch_issuer` it is then looked for where the certificate says that it is (caIssuers). `chain`: for which
    certificates responder and CRL are asked. `certificates` are absolute globs of files with the certificates that
    staple files are about, and their issuers. A responder by itself is asked about `certificate`, or without one about
    the first of the `known_answers`; then the one of `issuers` is its CA.
    """

    name: str
    prober: ProberKind = ProberKind.TLS
    timeout: float = 10.0
    starttls: StartTLS = StartTLS.NONE
    tls: TLSSettings = TLSSettings()
    server_name: str | None = None
    send_server_name: bool = True
    key_types: tuple[KeyType, ...] = (KeyType.ANY,)
    addresses: AddressChoice = AddressChoice.FIRST
    ip_protocol: IPProtocol = IPProtocol.ANY
    staple: StapleSettings = StapleSettings()
    issuers: tuple[x509.Certificate, ...] = ()
    fetch_issuer: bool = False
    responder: ResponderSettings = ResponderSettings()
    crl: CRLSettings = CRLSettings()
    chain: ChainDepth = ChainDepth.LEAF
    certificates: tuple[str, ...] = ()
    certificate: x509.Certificate | None = None
    known_answers: tuple[KnownAnswer, ...] = ()
    profile: Profile = Profile.PRIVATE
    clock_skew: float = 300.0
    max_age_without_next_update: float = 86400.0


@dataclass(frozen=True, slots=True)
class ScheduledTarget:
    """A target that the workers look at once per `interval`, with its operator's own labels, sorted by name."""

    target: Target
    module: Module
    interval: float
    labels: tuple[tuple[str, str], ...] = ()


class ProbeFailed(Exception):
    """A target could not be looked at. `detail` is for the log and for people, never for a label."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(f"{failure}: {detail}")
        self.failure = failure
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Handshake:
    """What one TLS handshake with a target brought.

    `chain` holds the certificates as sent that could be parsed, the leaf first. `staple` None: none was
    sent, or it could not be taken off the wire; then `staple_problem` says why. `complete` False: the
    handshake call failed after the certificate had come. `chain_errors` is empty where the chain verifies.
    `digest` is the SHA-256 of the certificates as sent, None where not all could be parsed; `group` the one with which
    keys were exchanged, in OpenSSL's name, None where there was none.
    """

    address: str
    chain: tuple[x509.Certificate, ...]
    staple: bytes | None
    staple_problem: Problem | None
    version: str
    cipher: str
    complete: bool
    client_certificate_requested: bool
    chain_errors: frozenset[ChainError]
    digest: bytes | None
    group: str | None


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says of itself, ready to be shown.

    `depth` is the position on the path built by signature from the leaf. Names are RFC 4514 text, serial
    number and fingerprint lower-case hex. `ocsp_urls` and `crl_urls` are as the certificate lists them,
    of any scheme. `must_staple`: it has the TLS feature status_request (RFC 7633).
    """

    depth: int
    subject: str
    issuer: str
    serial_number: str
    fingerprint_sha256: str
    public_key_algorithm: str
    not_before: int
    not_after: int
    must_staple: bool
    ocsp_urls: tuple[str, ...]
    crl_urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Revocation:
    """When and why a certificate was revoked. `reason` None: the evidence gives none."""

    time: int
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class ResponseFacts:
    """What an OCSP response says of itself, believed or not.

    `response_status` is the outer OCSPResponseStatus in snake_case. The others are empty (`signer` None)
    where they are not known: `responder_id` is RFC 4514 text or `keyHash=` and hex, `cert_id_hash` a name
    such as `sha1`, `signature_algorithm` such as `ecdsa-with-SHA256`. `nocheck`: the delegate's certificate has
    id-pkix-ocsp-nocheck; None where no delegate signed.
    """

    response_status: str
    responder_id: str = ""
    signer: Signer | None = None
    cert_id_hash: str = ""
    signature_algorithm: str = ""
    nocheck: bool | None = None


@dataclass(frozen=True, slots=True)
class CRLFacts:
    """What a CRL says of itself: its cRLNumber (None: it has none), and of how many certificates it is a list."""

    number: int | None
    entries: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one source says of one certificate, judged.

    `authentic`: it is about this certificate and was signed by one who may, whatever the time is. Times are
    as the evidence states them, None where it does not; `revocation` is set only where the evidence says
    revoked. `signer_not_after` is the end of the certificate that signed. `fetched_at` is when it was
    obtained, None where nothing was. `der` are the bytes themselves, None where there are none or where they are not
    kept, as a CRL's are not.
    """

    source: Source
    depth: int
    status: Status
    problems: tuple[Problem, ...] = ()
    authentic: bool = False
    produced_at: int | None = None
    this_update: int | None = None
    next_update: int | None = None
    revocation: Revocation | None = None
    response: ResponseFacts | None = None
    crl: CRLFacts | None = None
    signer_not_after: int | None = None
    fetched_at: float | None = None
    der: bytes | None = None


@dataclass(frozen=True, slots=True)
class Applicability:
    """Whether a source applies to a certificate. `host` is that of its first URL, empty where there is none."""

    source: Source
    depth: int
    applicable: bool
    host: str = ""


@dataclass(frozen=True, slots=True)
class StapleCopy:
    """What the comparison of a server's staples with its own copy on disk came to.

    `matches` None: one of both could not be had; then `detail` says for people why.
    """

    matches: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TLSFindings:
    """What the handshakes of a probe showed, evidence aside.

    `session` is the handshake whose TLS facts are shown. `stapled_handshakes` of `handshakes` carried a
    staple, `distinct_staples` of them different ones. `compliant` None: the policy demands nothing here. `copy` None:
    the module names no file to compare with.
    """

    session: Handshake
    handshakes: int
    stapled_handshakes: int
    distinct_staples: int
    staple_required: bool
    compliant: bool | None
    copy: StapleCopy | None = None


@dataclass(frozen=True, slots=True)
class MethodFindings:
    """How a responder took the request by one method, GET or POST.

    `up`: it answered with HTTP status 200 and what could be verified; None where it was not asked, or not in time.
    `http_status` None: it said nothing, or was not asked. `duration` in seconds, from the look-up of the name; `size`
    in bytes of the answer, None where none came. `said`: in few words what came of it.
    """

    method: RequestMethod
    up: bool | None
    http_status: int | None = None
    duration: float | None = None
    size: int | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class CheckFindings:
    """Whether a responder conforms to a rule, None where that could not be judged; `seen`: what that rests on."""

    check: Check
    conforms: bool | None
    seen: str


@dataclass(frozen=True, slots=True)
class ResponderFindings:
    """What was found at a responder that was looked at by itself, evidence aside.

    `checks` are those of the module's profile. `clock_skew` is its Date minus our clock, in seconds, None where it
    states none.
    """

    url: str
    methods: tuple[MethodFindings, ...]
    checks: tuple[CheckFindings, ...]
    clock_skew: float | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What a probe found at a target that could be looked at; `tls` None: no handshakes belong to it.

    `responder` None: it was not a responder by itself that was looked at.

    `revoked` has an entry for each depth at which it is known, `agreement` for each at which two sources or more are
    verified. `staple_lag` is how many seconds the responder's this_update is after the staple's.
    """

    tls: TLSFindings | None
    certificates: tuple[CertificateFacts, ...]
    applicability: tuple[Applicability, ...]
    evidence: tuple[Evidence, ...]
    revoked: Mapping[int, bool]
    agreement: Mapping[int, bool] = field(default_factory=dict)
    staple_lag: int | None = None
    responder: ResponderFindings | None = None


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one way of looking at a target brought: `findings`, or a `failure` with its `detail` for people.

    `target` is what was looked at: of a glob each file that it matched.
    `address` is set where each address is looked at by itself, `key_type` where several are asked for: they tell the
    results of one probe from each other. `key_type_served`: whether the server has a certificate of that type, None
    where that is not known or not asked. False: so there is nothing to find, and neither findings nor failure.
    `obtained_at` is when the look ended, `duration` how long it took.
    """

    target: Target
    module: str
    obtained_at: float
    duration: float
    phases: Mapping[Phase, float]
    findings: Findings | None = None
    failure: Failure | None = None
    detail: str = ""
    address: str | None = None
    key_type: KeyType | None = None
    key_type_served: bool | None = None

    @property
    def variant(self) -> tuple[tuple[str, str], ...]:
        """The labels that tell this result from the others of the same probe; none where there are no others."""
        labels = (("address", self.address), ("key_type", self.key_type))
        return tuple((name, str(value)) for name, value in labels if value is not None)

    @property
    def way(self) -> tuple[tuple[str, str], ...]:
        """What tells this result from the others of the same probe: the file, where it is one, and the variant."""
        return (*((("file", self.target.name),) if self.target.is_file else ()), *self.variant)


#: What a probe of one target yields: a result for each way of looking at it, never none.
Results: TypeAlias = tuple[ProbeResult, ...]
