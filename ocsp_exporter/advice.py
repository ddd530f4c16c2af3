"""What each problem and failure means, and what to do about it, in words for an operator.

One table for the terminal report and the documentation. Every member of `Problem`, `Failure` and
`ChainError` has an entry; a test holds that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ocsp_exporter.model import ChainError, Failure, Problem, Status


@dataclass(frozen=True, slots=True)
class Advice:
    """What a word means, and what to do; each one or two sentences."""

    meaning: str
    action: str


def advise(word: Problem | Failure) -> str:
    """Return what a word means and what to do about it, in one paragraph."""
    advice = PROBLEMS[word] if isinstance(word, Problem) else FAILURES[word]
    return f"{advice.meaning} {advice.action}"


def place_of(word: Problem | Failure) -> str:
    """Return where a word is explained at length: a page of the project's documentation, and the place in it."""
    kind = "problem" if isinstance(word, Problem) else "failure"
    return f"docs/verdicts.md#{kind}-{word}"


#: By problem. "Evidence" is a staple, a responder's answer, a CRL or a staple file.
PROBLEMS: Mapping[Problem, Advice] = MappingProxyType(
    {
        Problem.UNREACHABLE: Advice(
            "No connection to the server that publishes this evidence could be made.",
            "Check its name, address and firewalls from the machine on which the exporter runs.",
        ),
        Problem.TIMEOUT: Advice(
            "The server that publishes this evidence did not answer in time.",
            "Ask it by hand with `openssl ocsp` or curl; if it is only slow, raise the source's timeout.",
        ),
        Problem.BLOCKED_BY_EGRESS_POLICY: Advice(
            "The certificate's URL leads where the exporter may not go, so nothing was asked.",
            "Give the root of a CA of your own as the module's ca_file; else, if the address is right, add its host or "
            "network to egress.allow. What is in egress.deny is never asked.",
        ),
        Problem.UNSUPPORTED_SCHEME: Advice(
            "The certificate names this source only by URLs that are neither http nor https (often ldap).",
            "Have the CA publish an http URL, or give the source's http URL in the module.",
        ),
        Problem.HTTP_ERROR: Advice(
            "The server that publishes this evidence answered with an HTTP error.",
            "Look into the server's own log, and at proxies and redirects on the way to it.",
        ),
        Problem.WRONG_CONTENT_TYPE: Advice(
            "The answer came with another content type than the standard demands; strict clients refuse it.",
            "Have the server send application/ocsp-response for OCSP and application/pkix-crl for CRLs.",
        ),
        Problem.TOO_LARGE: Advice(
            "The evidence is larger than clients accept; OpenSSL's take staples up to 16 KiB on TLS 1.2.",
            "Have the responder leave out certificates that clients have or do not need, and answers about other ones.",
        ),
        Problem.MALFORMED: Advice(
            "The bytes are not a readable OCSP response or CRL; many clients break the connection off.",
            "Look at what is sent: a cut-off file, PEM in place of DER, an error page saved as a staple?",
        ),
        Problem.UNSUCCESSFUL: Advice(
            "The responder declined to answer; in a staple, its refusal was passed on in place of an answer.",
            "Find the reason in the responder's log, and let servers staple nothing rather than an error.",
        ),
        Problem.ISSUER_UNAVAILABLE: Advice(
            "The certificate of the issuer was not at hand, so the evidence could not be verified.",
            "Have the server send its intermediate certificates, or give the issuer in the module's issuer_file. For a "
            "staple file, have the module's certificates match the file with its certificate, and that of the issuer.",
        ),
        Problem.NO_MATCHING_RESPONSE: Advice(
            "The evidence is about another certificate: serial number or issuer differ.",
            "Was the certificate renewed while the old staple stayed? Fetch the staple anew and reload the server. "
            "A responder or cache that sends it mixes up what it was asked.",
        ),
        Problem.RESPONDER_UNIDENTIFIED: Advice(
            "No certificate at hand matches the responder named in the answer.",
            "Have the responder include its signing certificate in its answers, and check that it serves this CA.",
        ),
        Problem.RESPONDER_UNAUTHORIZED: Advice(
            "The answer is signed by someone whom the issuer has not authorised to sign it.",
            "The signer must be the issuer itself, or hold a certificate signed directly by the issuer "
            "with the extended key usage OCSPSigning.",
        ),
        Problem.RESPONDER_CERTIFICATE_EXPIRED: Advice(
            "The certificate that signed the answer was not within its dates.",
            "Renew the responder's signing certificate and restart the responder.",
        ),
        Problem.SIGNATURE_ALGORITHM_UNSUPPORTED: Advice(
            "The evidence is signed with an algorithm that cannot be checked here.",
            "Have the responder sign with RSA or ECDSA and SHA-256 or better, as clients expect.",
        ),
        Problem.SIGNATURE_INVALID: Advice(
            "The signature is wrong: the evidence was altered, or signed with another key than the named signer's.",
            "Check that the responder uses the CA's present key; otherwise treat it as a forgery and find out "
            "where the server got it.",
        ),
        Problem.CRITICAL_EXTENSION: Advice(
            "The evidence carries a critical extension that is not understood, so it must not be relied on.",
            "Have the CA leave the extension out or mark it as not critical.",
        ),
        Problem.OUT_OF_SCOPE: Advice(
            "The CRL does not cover this certificate: other distribution point, kind or reasons, indirect, or delta. "
            "Or it is not listed and had expired before: a CA may leave out what has expired.",
            "Check the certificate's distribution point; it must name a complete CRL of its own issuer.",
        ),
        Problem.NONCE_MISMATCH: Advice(
            "The answer carries another nonce than was sent, so it answers somebody else's question.",
            "Look for a cache or proxy before the responder that mixes up requests.",
        ),
        Problem.NUMBER_WENT_BACKWARDS: Advice(
            "The CRL's number is lower than that of one seen before.",
            "Look for a mirror or publisher that brought an older CRL back.",
        ),
        Problem.NOT_YET_VALID: Advice(
            "The evidence's this_update lies in the future.",
            "Compare the clocks of the responder and of this machine.",
        ),
        Problem.PRODUCED_IN_FUTURE: Advice(
            "The evidence says that it was produced in the future.",
            "Compare the clocks of the responder and of this machine.",
        ),
        Problem.EXPIRED: Advice(
            "The evidence is past its next_update, or states none and is too old: clients no longer accept it.",
            "The refresh is stuck: find out why the server gets no new staple (responder, DNS, firewall, cron job), "
            "or why the CA publishes nothing newer; fetch one and reload the server.",
        ),
    }
)

#: By failure of a whole probe.
FAILURES: Mapping[Failure, Advice] = MappingProxyType(
    {
        Failure.RESOLVE: Advice(
            "The host name has no address.",
            "Check the spelling, and ask the same name on this machine: `getent ahosts NAME`.",
        ),
        Failure.REFUSED: Advice(
            "The connection was refused: the host is there, and nothing listens on that port.",
            "Check that the service runs and that the port is right.",
        ),
        Failure.UNREACHABLE: Advice(
            "The host or network cannot be reached.",
            "Check routes and firewalls between this machine and the target.",
        ),
        Failure.TIMEOUT: Advice(
            "The target did not finish within the time allowed.",
            "A firewall that drops packets looks like this. If the target is only slow, raise the module's timeout.",
        ),
        Failure.STARTTLS: Advice(
            "The plain-text conversation that should lead to TLS failed.",
            "Check that the service offers STARTTLS, and that the module or scheme names its protocol.",
        ),
        Failure.NOT_TLS: Advice(
            "What listens there does not speak TLS.",
            "Check the port; a service that begins in plain text needs its own scheme or STARTTLS.",
        ),
        Failure.TLS: Advice(
            "The TLS handshake failed before a certificate came.",
            "Compare TLS versions and server names: `openssl s_client -connect HOST:PORT -servername NAME -status`.",
        ),
        Failure.NO_CERTIFICATE: Advice(
            "The target showed no certificate that can be read.",
            "Check which certificate the service is configured with.",
        ),
        Failure.FILE: Advice(
            "A file that is needed for this target cannot be read, or none matches its glob.",
            "Check its path, and that the exporter's user may read it and the folders on the way to it.",
        ),
        Failure.INTERNAL: Advice(
            "The exporter itself made an error.",
            "Please report it together with the log around that moment.",
        ),
    }
)

#: By error of the chain of certificates; they do not stop the staple from being judged.
CHAIN_ERRORS: Mapping[ChainError, str] = MappingProxyType(
    {
        ChainError.SELF_SIGNED: "the chain ends in a self-signed certificate that is not among the trusted roots",
        ChainError.UNKNOWN_ISSUER: "an issuer is missing: neither sent by the server nor among the trusted roots",
        ChainError.EXPIRED: "a certificate has expired",
        ChainError.NOT_YET_VALID: "a certificate is not valid yet",
        ChainError.HOSTNAME_MISMATCH: "the certificate is for another name",
        ChainError.OTHER: "the chain does not verify",
    }
)

#: By outer status of an OCSP response (RFC 6960, section 4.2.1).
RESPONSE_STATUSES: Mapping[str, str] = MappingProxyType(
    {
        "malformed_request": "the responder could not read the request",
        "internal_error": "the responder had an internal error",
        "try_later": "the responder was overloaded or could not reach its own data; servers put this in a staple "
        "when they failed to fetch one",
        "sig_required": "the responder answers signed requests only",
        "unauthorized": "the responder does not answer for this certificate; a new one may not be known to it yet",
    }
)

#: What to do about a status that is bad of itself, without a problem that would explain it. `missing` is about a
#: staple that is required.
STATUS_ACTIONS: Mapping[Status, str] = MappingProxyType(
    {
        Status.REVOKED: "Replace certificate and key: clients that look refuse this one. "
        "Only a certificate_hold can be undone, by the CA.",
        Status.UNKNOWN: "Ask the CA whether this certificate is its own. "
        "A new one may not have reached the responder yet, and a server may be asking another CA's responder.",
        Status.MISSING: "Turn stapling on, and see in the server's log whether it reaches the responder. "
        "Some servers staple only after the first handshakes: have them fetch the staple at their start.",
    }
)

#: What to do about a server that does not serve the staple that is in its file.
COPY_ACTION = (
    "Have whoever writes the file reload the server afterwards. If it sends none at all, see its log: HAProxy stops "
    "some minutes before a staple ends."
)

#: What to do about good evidence that should have been replaced by now.
REFRESH_ACTION = (
    "See why nothing newer is fetched or published (responder, DNS, firewall, cron job): clients refuse this evidence "
    "once it ends."
)
