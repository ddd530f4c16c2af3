"""The table of demo endpoints: a row for each state of health, with what the exporter is to say of it."""

from collections.abc import Callable
from dataclasses import dataclass

from ocsp_exporter.demo.authority import Authority, unsuccessful
from ocsp_exporter.demo.certificate import DAY, HOUR, Credential
from ocsp_exporter.model import Problem, Reason, Status

#: How long before the lab's start the revoked certificate was revoked.
REVOKED_FOR = 3 * DAY


@dataclass(frozen=True, slots=True)
class Cast:
    """Who signs in the lab: the root, the issuing CA, a CA of the same name with another key, and delegates."""

    root: Authority
    authority: Authority
    twin: Authority
    delegate: Credential
    unauthorized: Credential
    started_at: float


@dataclass(frozen=True, slots=True)
class Expected:
    """What the exporter says of an endpoint under the policy `auto`.

    `status` None: the staple does not apply, and has no status. `compliant` None: nothing is demanded.
    `reason` is that of the revocation.
    """

    status: Status | None
    problems: tuple[Problem, ...] = ()
    compliant: bool | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class State:
    """A row: what an endpoint is called, what it shows in one sentence, and what is to be said of it.

    `staple` makes the staple for a certificate at a time. `recorded` is what the CA's responder says; its CRL lists
    what is revoked. `names_responder` and `names_crl`: whether the certificate says where they are.
    """

    name: str
    shows: str
    expected: Expected
    staple: Callable[[Cast, Credential, float], bytes | None]
    must_staple: bool = True
    names_responder: bool = True
    names_crl: bool = True
    recorded: Status = Status.GOOD


def _fresh(cast: Cast, leaf: Credential, now: float) -> bytes:
    return cast.authority.answer(leaf, this_update=now - HOUR, produced_at=now - HOUR)


def _none(_cast: Cast, _leaf: Credential, _now: float) -> None:
    return None


def _revoked(cast: Cast, leaf: Credential, now: float) -> bytes:
    return cast.authority.answer(
        leaf,
        status=Status.REVOKED,
        revocation_time=cast.started_at - REVOKED_FOR,
        reason=Reason.KEY_COMPROMISE,
        this_update=now - HOUR,
        produced_at=now - HOUR,
    )


def _unknown(cast: Cast, leaf: Credential, now: float) -> bytes:
    return cast.authority.answer(leaf, status=Status.UNKNOWN, this_update=now - HOUR, produced_at=now - HOUR)


def _expired(cast: Cast, leaf: Credential, now: float) -> bytes:
    begun = now - 8 * DAY
    return cast.authority.answer(leaf, this_update=begun, next_update=now - DAY, produced_at=begun)


def _overdue(cast: Cast, leaf: Credential, now: float) -> bytes:
    begun = now - 6 * DAY
    return cast.authority.answer(leaf, this_update=begun, next_update=now + DAY, produced_at=begun)


def _early(cast: Cast, leaf: Credential, now: float) -> bytes:
    return cast.authority.answer(leaf, this_update=now + DAY, produced_at=now - HOUR)


def _of_another(cast: Cast, leaf: Credential, now: float) -> bytes:
    # Another serial number would be plainer, but OpenSSL 4 as a server sends no such staple: it compares the
    # serial number and the hash of the issuer's name, and only the hash of the issuer's key remains to differ.
    signer = Credential(cast.authority.certificate, cast.authority.key)
    return cast.twin.answer(leaf, signer=signer, certificates=(), this_update=now - HOUR, produced_at=now - HOUR)


def _forged(cast: Cast, leaf: Credential, now: float) -> bytes:
    return cast.authority.answer(leaf, signing_key=cast.twin.key, this_update=now - HOUR, produced_at=now - HOUR)


def _try_later(_cast: Cast, _leaf: Credential, _now: float) -> bytes:
    return unsuccessful()


def _delegated(cast: Cast, leaf: Credential, now: float) -> bytes:
    return cast.authority.answer(leaf, signer=cast.delegate, this_update=now - HOUR, produced_at=now - HOUR)


def _unauthorized(cast: Cast, leaf: Credential, now: float) -> bytes:
    return cast.authority.answer(leaf, signer=cast.unauthorized, this_update=now - HOUR, produced_at=now - HOUR)


#: Each bad state differs in one thing from `must-staple-good`.
STATES = (
    State(
        "good",
        "A staple that says good; the certificate does not demand one.",
        Expected(Status.GOOD),
        _fresh,
        must_staple=False,
    ),
    State(
        "not-stapled",
        "The certificate names a responder and demands no staple, and none is sent: allowed, and nothing is known.",
        Expected(None),
        _none,
        must_staple=False,
    ),
    State(
        "must-staple-good",
        "A staple that says good, as the certificate demands.",
        Expected(Status.GOOD, compliant=True),
        _fresh,
    ),
    State(
        "must-staple-without-staple",
        "The certificate demands a staple and none is sent: strict clients refuse the connection.",
        Expected(Status.MISSING, compliant=False),
        _none,
    ),
    State(
        "revoked",
        "The staple says that the certificate was revoked three days before the start, for key compromise.",
        Expected(Status.REVOKED, compliant=True, reason=Reason.KEY_COMPROMISE),
        _revoked,
        recorded=Status.REVOKED,
    ),
    State(
        "unknown",
        "The staple says that the CA does not know the certificate.",
        Expected(Status.UNKNOWN, compliant=True),
        _unknown,
        recorded=Status.UNKNOWN,
    ),
    State(
        "expired-staple",
        "The staple's next_update passed a day ago: the server's refresher is stuck.",
        Expected(Status.INVALID, (Problem.EXPIRED,), compliant=False),
        _expired,
    ),
    State(
        "refresh-overdue",
        "The staple is still good, but six of its seven days are over and no newer one came.",
        Expected(Status.GOOD, compliant=True),
        _overdue,
    ),
    State(
        "not-yet-valid",
        "The staple's this_update lies a day ahead: somebody's clock is wrong.",
        Expected(Status.INVALID, (Problem.NOT_YET_VALID,), compliant=False),
        _early,
    ),
    State(
        "other-certificate",
        "The staple is of another certificate: its number and its CA's name are the same, the CA's key is not.",
        Expected(Status.INVALID, (Problem.NO_MATCHING_RESPONSE,), compliant=False),
        _of_another,
    ),
    State(
        "forged-signature",
        "The staple names the CA as its signer, but another key signed it.",
        Expected(Status.INVALID, (Problem.SIGNATURE_INVALID,), compliant=False),
        _forged,
    ),
    State(
        "try-later",
        "The staple is the responder's error tryLater, stored by a server that does not look.",
        Expected(Status.SERVER_FAILED, (Problem.UNSUCCESSFUL,), compliant=False),
        _try_later,
    ),
    State(
        "delegated-responder",
        "The staple says good and is signed by a responder to which the CA delegated that.",
        Expected(Status.GOOD, compliant=True),
        _delegated,
    ),
    State(
        "unauthorized-delegate",
        "The staple is signed with a certificate of the CA that may not sign OCSP responses.",
        Expected(Status.INVALID, (Problem.RESPONDER_UNAUTHORIZED,), compliant=False),
        _unauthorized,
    ),
    State(
        "without-ocsp",
        "The certificate names no source and demands no staple: not applicable, and never an alarm.",
        Expected(None),
        _none,
        must_staple=False,
        names_responder=False,
        names_crl=False,
    ),
    State(
        "crl-only",
        "The certificate names a CRL and no responder, as most public ones do today; the CRL does not list it.",
        Expected(None),
        _none,
        must_staple=False,
        names_responder=False,
    ),
    State(
        "good-staple-though-revoked",
        "The staple says good, an hour old; responder and CRL say that the certificate was revoked three days ago.",
        Expected(Status.GOOD, compliant=True),
        _fresh,
        recorded=Status.REVOKED,
    ),
)
