"""What is asked: every scenario and its twin, as files that a command can read, and the answers compared."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.model import Evidence, Problem, Status
from tests.scenarios.material import Material, Subject, build
from tests.scenarios.table import SCENARIOS

#: How long after they were built the scenarios hold for a judge who reads a clock, in seconds.
SLACK = 120.0


class Level(StrEnum):
    """How much of a verdict every implementation can express."""

    UNREADABLE = "unreadable"
    UNSUCCESSFUL = "unsuccessful"
    NOT_VERIFIED = "not verified"
    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


VERIFIED = frozenset({Level.GOOD, Level.REVOKED, Level.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Opinion:
    """A verdict. `facts` are what a verified answer says beside it; each implementation tells some of them."""

    level: Level
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """One response and what it is judged by; `hash_name` is the hash of its CertID."""

    name: str
    response: bytes
    subject: Subject
    hash_name: str
    has_next_update: bool

    @property
    def trusted(self) -> tuple[x509.Certificate, ...]:
        """The responders trusted locally."""
        return self.subject.policy.trusted


def questions(now: float) -> Iterator[Question]:
    """Build every scenario and its twin for a judge who will look between now and `SLACK` seconds later."""
    material = Material(now=now, slack=SLACK)
    for scenario in SCENARIOS:
        for side, options in (("bad", scenario.bad_options), ("twin", scenario.twin_options)):
            response, subject = build(material, options)
            hash_algorithm = options.get("hash_algorithm")
            yield Question(
                name=f"{scenario.name}: {side}",
                response=response,
                subject=subject,
                hash_name=hash_algorithm.name if hash_algorithm else "sha1",
                has_next_update=options.get("next_update", ...) is not None,
            )


def opinion_of(evidence: Evidence) -> Opinion:
    """Express our own verdict in terms that all share."""
    if {Problem.MALFORMED, Problem.TOO_LARGE} & set(evidence.problems):
        return Opinion(Level.UNREADABLE)
    match evidence.status:
        case Status.SERVER_FAILED:
            return Opinion(Level.UNSUCCESSFUL)
        case Status.GOOD | Status.REVOKED | Status.UNKNOWN:
            revocation = evidence.revocation
            facts = {
                "this_update": evidence.this_update,
                "next_update": evidence.next_update,
                "revocation_time": revocation.time if revocation else None,
                "reason": revocation.reason if revocation else None,
            }
            return Opinion(Level(evidence.status), facts)
        case _:
            return Opinion(Level.NOT_VERIFIED)


def agree(ours: Opinion, theirs: Opinion) -> bool:
    """Tell whether two verdicts are the same; of the facts those that both tell."""
    told = ours.facts.keys() & theirs.facts.keys()
    return ours.level is theirs.level and all(ours.facts[fact] == theirs.facts[fact] for fact in told)


def written(path: Path, *certificates: x509.Certificate) -> Path:
    """Write certificates in PEM."""
    path.write_bytes(b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates))
    return path


def command(name: str) -> str:
    """Return the path of a command; where there is none the test is skipped, or fails if CI demands it."""
    path = shutil.which(name)
    if path is None and os.environ.get("OCSP_EXPORTER_REQUIRE_PEERS") == "1":
        pytest.fail(f"{name} is not installed")
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def output_of(*arguments: str | Path) -> str:
    """Run a command and return all that it printed, in English; it does not fail, whatever it thinks."""
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    done = subprocess.run(
        list(map(str, arguments)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=30,
        check=False,
        env=environment,
    )
    return done.stdout.decode(errors="replace")
