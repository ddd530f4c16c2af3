"""What a responder is held to: one table, a row a rule. Pure.

To add a rule is to add a member of `model.Check`, a function among the checks, and its row here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ocsp_exporter.model import Check, CheckFindings, Profile
from ocsp_exporter.revocation import conformance_checks as checks
from ocsp_exporter.revocation.exchange import Hearing


@dataclass(frozen=True, slots=True)
class Rule:
    """What is demanded by whom, and the function that tells whether a responder does it.

    `demand` is what a responder does that conforms, one sentence without its end. `public`: public CAs alone are bound.
    """

    check: Check
    demand: str
    source: str
    judge: Callable[[Hearing], checks.Judgement]
    public: bool = False


RULES: tuple[Rule, ...] = (
    Rule(
        Check.GET,
        "It answers requests by GET, each with an answer of its own",
        "RFC 6960, appendix A.1; RFC 9919, section 6; CA/B Baseline Requirements, 4.9.9",
        checks.by_get,
    ),
    Rule(
        Check.POST,
        "It answers requests by POST, each with an answer of its own",
        "RFC 6960, appendix A.1",
        checks.by_post,
    ),
    Rule(
        Check.PERCENT_ENCODED_GET,
        "It understands + / and = of the base64 percent-encoded in the URL, as clients send them",
        "RFC 6960, appendix A.1; RFC 9919, section 6",
        checks.percent_encoded_get,
    ),
    Rule(
        Check.CONTENT_TYPE,
        "Every response has the content type application/ocsp-response",
        "RFC 6960, appendix A.2; RFC 9919, section 6",
        checks.content_type,
    ),
    Rule(
        Check.CACHE_HEADERS,
        "What Cache-Control and Expires let caches do ends with the response's nextUpdate",
        "RFC 9919, section 7.2",
        checks.cache_headers,
    ),
    Rule(
        Check.RESPONSE_SIZE,
        f"Its responses have at most {checks.LARGEST_RESPONSE:,} octets: larger ones Apache httpd does not staple",
        "mod_ssl of Apache httpd 2.4; RFC 9919, section 1",
        checks.response_size,
    ),
    Rule(
        Check.KNOWN_ANSWERS,
        "It says of every serial number in known_answers what is known of it, by GET and by POST",
        "RFC 6960, sections 2.2 and 2.3",
        checks.known_answers,
    ),
    Rule(
        Check.UNASSIGNED_SERIAL_NOT_GOOD,
        "It does not say good of a serial number that its CA never assigned: whoever forges a certificate invents one",
        "CA/B Baseline Requirements, 4.9.9; RFC 6960, section 2.2, leaves it open",
        checks.unassigned_serial_not_good,
        public=True,  # a private one may know its CRL alone, as ADCS does
    ),
    Rule(
        Check.SHA256_CERT_ID,
        "It answers a request whose CertID is made with SHA-256 by a response with such a CertID",
        "RFC 9919, section 3.1.1; RFC 6960, section 3.2, 1",
        checks.sha256_cert_id,
    ),
    Rule(
        Check.NONCE_ECHOED,
        "It puts the nonce of a request into the response; looked at where responder.nonce is true",
        "RFC 9654, section 2.1",
        checks.nonce_echoed,
    ),
    Rule(
        Check.SIGNER_NOCHECK,
        "A delegate that signs has a certificate with id-pkix-ocsp-nocheck, for nobody else vouches for the delegate",
        "RFC 6960, section 4.2.2.2.1; RFC 9919, section 3.2.2; CA/B Baseline Requirements, 7.1.2.8.6",
        checks.signer_nocheck,
    ),
    Rule(
        Check.SIGNER_OUTLIVES_RESPONSE,
        "The certificate that signs ends after the response's nextUpdate, until which clients keep the response",
        "RFC 6960, section 4.2.2.2",
        checks.signer_outlives_response,
    ),
    Rule(
        Check.VALIDITY_INTERVAL,
        "From thisUpdate to nextUpdate it is at least 8 hours and at most 10 days",
        "CA/B Baseline Requirements, 4.9.9",
        checks.validity_interval,
        public=True,
    ),
    Rule(
        Check.UPDATED_IN_TIME,
        "Newer is there before half of an interval below 16 hours, else 8 hours before nextUpdate and 4 days after "
        "thisUpdate",
        "CA/B Baseline Requirements, 4.9.9",
        checks.updated_in_time,
        public=True,
    ),
)


#: The rule behind each check.
RULE_OF: Mapping[Check, Rule] = MappingProxyType({rule.check: rule for rule in RULES})


def judge(hearing: Hearing, profile: Profile) -> tuple[CheckFindings, ...]:
    """Make every check of a profile, in the order of the table."""
    return tuple(_judged(rule, hearing) for rule in rules_of(profile))


def rules_of(profile: Profile) -> Iterable[Rule]:
    """Return the rules that bind a CA of a profile."""
    return (rule for rule in RULES if profile is Profile.PUBLIC or not rule.public)


def _judged(rule: Rule, hearing: Hearing) -> CheckFindings:
    conforms, seen = rule.judge(hearing)
    return CheckFindings(rule.check, conforms, seen)
