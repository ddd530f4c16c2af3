"""What was asked of a responder by itself, and what came of it: the nouns of its examination. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ocsp_exporter.model import VERIFIED, Evidence, KnownAnswer, Problem, RequestMethod

_REFUSALS = range(400, 500)
_TOO_MANY_REQUESTS = 429
_REFUSED_HERE = frozenset({Problem.BLOCKED_BY_EGRESS_POLICY, Problem.UNSUPPORTED_SCHEME})
#: Outer statuses that say nothing of what was asked (RFC 6960, section 2.3).
_PASSING = {"try_later", "internal_error"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its outcome.

    `evidence` is what came, judged by what was asked for, or the problem for which nothing came; `detail` says in
    words how that was. `at` is when it ended, in seconds since 1970, `took` for how many seconds it went on.
    `status_code` is that of HTTP. The names of `headers` are in lower case. None: there is none.
    """

    method: RequestMethod
    url: str
    evidence: Evidence
    at: float
    status_code: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    took: float | None = None
    detail: str = ""

    @property
    def was_sent(self) -> bool:
        """Whether the exporter's own policy let it ask: else nothing is known of the responder."""
        return not _REFUSED_HERE.intersection(self.evidence.problems)

    @property
    def is_verified(self) -> bool:
        """Whether it brought an answer that can be relied on, whatever it says."""
        return self.evidence.status in VERIFIED

    @property
    def came(self) -> bool:
        """Whether anything came by HTTP status 200."""
        return self.evidence.der is not None

    @property
    def is_about_another(self) -> bool:
        """Whether an answer came, and to another question."""
        return Problem.NO_MATCHING_RESPONSE in self.evidence.problems

    @property
    def is_settled(self) -> bool:
        """Whether the responder took up what was asked: it answered, or refused for a reason that will not pass."""
        if self.came:
            response = self.evidence.response
            return response is None or response.response_status not in _PASSING
        return self.status_code in _REFUSALS and self.status_code != _TOO_MANY_REQUESTS

    @property
    def said(self) -> str:
        """What came of it in a few words: a status, and why it is no better."""
        if self.is_verified:
            return self.evidence.status
        if Problem.UNSUCCESSFUL in self.evidence.problems and self.evidence.response:
            return self.evidence.response.response_status
        if self.came:
            return f"{self.evidence.status} ({', '.join(self.evidence.problems)})"
        return f"HTTP {self.status_code}" if self.status_code else self.detail or ", ".join(self.evidence.problems)


@dataclass(frozen=True, slots=True)
class Hearing:
    """All that was asked of a responder in one probe; None: that was not asked, or not in time.

    `get` and `post` are about the certificate, or the first known answer. So are `encoded_get`, perhaps the same as
    `get`, in whose URL something is percent-encoded, and `plain_get`, the same again with nothing encoded, should the
    former have failed; `sha256`, whose CertID has that hash, and `nonce`. `unassigned` is about a serial number that no
    CA has assigned, `known` about each known answer, by each method. `is_authority`: the certificate is one of a CA.
    """

    get: Exchange | None
    post: Exchange | None
    encoded_get: Exchange | None = None
    plain_get: Exchange | None = None
    sha256: Exchange | None = None
    nonce: Exchange | None = None
    unassigned: Exchange | None = None
    known: tuple[tuple[KnownAnswer, Exchange | None], ...] = ()
    is_authority: bool = False

    @property
    def verified(self) -> tuple[Exchange, ...]:
        """What was verified of the answers about the certificate."""
        return tuple(each for each in (self.get, self.plain_get, self.post) if each and each.is_verified)

    def all_by(self, *methods: RequestMethod) -> Iterator[Exchange]:
        """Yield all exchanges by some methods, each once."""
        about = (self.get, self.encoded_get, self.plain_get, self.post, self.sha256, self.nonce, self.unassigned)
        told: set[int] = set()
        for each in (*about, *(exchange for _, exchange in self.known)):
            if each and each.method in methods and id(each) not in told:
                told.add(id(each))
                yield each
