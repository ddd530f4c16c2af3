"""One staple file: read when it changes, matched with its certificate, and judged at each look. Waits for the disk."""

from dataclasses import dataclass, replace

from ocsp_exporter.model import Applicability, CertificateFacts, Findings, Problem, Source
from ocsp_exporter.probing.files import Version, read_version
from ocsp_exporter.revocation import compliance
from ocsp_exporter.revocation.certificate_index import CertificateIndex, Match
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.facts import describe
from ocsp_exporter.revocation.response import LARGEST_RESPONSE, SingleResponse
from ocsp_exporter.revocation.staple_file import response_in
from ocsp_exporter.revocation.validation import Examination, Origin, examine, judge

#: Bytes of the largest file that is read: the largest response, written as text.
LARGEST_FILE = 2 * LARGEST_RESPONSE


@dataclass(frozen=True, slots=True)
class StapleFile:
    """What can be said of a version of a file whatever the time is.

    `is_settled` False: it had only just been written when it was read, and is to be read again. `index` is where its
    certificate was looked for. `answers` are all that the response has, whomever they are about.
    """

    version: Version
    is_settled: bool
    encoded: bytes
    index: CertificateIndex
    match: Match
    examination: Examination
    answers: tuple[SingleResponse, ...]
    certificates: tuple[CertificateFacts, ...]

    @property
    def may_be_half_written(self) -> bool:
        """Whether it cannot be understood, and was written so recently that this says nothing."""
        return not self.is_settled and Problem.MALFORMED in self.examination.problems

    @property
    def is_without_certificate(self) -> bool:
        """Whether its certificate, or the issuer of that, is what is missing."""
        return Problem.ISSUER_UNAVAILABLE in self.examination.problems

    def findings(self, policy: Policy, now: float) -> Findings:
        """Judge the response as of `now`."""
        evidence = judge(self.examination, self.encoded, now, policy, Origin(Source.FILE, 0, now))
        evidence = evidence if self.encoded else replace(evidence, der=None)
        return Findings(
            tls=None,
            certificates=self.certificates,
            applicability=(Applicability(Source.FILE, 0, applicable=True),),
            evidence=(evidence,),
            revoked=compliance.is_revoked((evidence,)),
        )


def read_staple(
    path: str, version: Version, before: StapleFile | None, index: CertificateIndex, policy: Policy, now: float
) -> StapleFile:
    """Read a file of which a version was seen, unless that was read `before`. Raises FileUnusable.

    Where the certificates at hand are others than before, its own is looked for again.
    """
    if before and before.is_settled and before.version == version:
        return before if before.index is index else _matched(path, before, index, policy)
    if version.size > LARGEST_FILE:
        content, examination = b"", Examination((Problem.TOO_LARGE,))
    else:
        content, version = read_version(path, LARGEST_FILE)
        content = response_in(content)
        examination = examine(content, None, None)
    answers = examination.statement.answers if examination.statement else ()
    file = StapleFile(version, not version.is_young(now), content, index, Match(), examination, answers, ())
    return _matched(path, file, index, policy)


def _matched(path: str, file: StapleFile, index: CertificateIndex, policy: Policy) -> StapleFile:
    """Look for the certificate that a file is for, and examine the response again if that is another than before."""
    match = index.match(path.rpartition("/")[2], file.answers)
    if match == file.match:
        return replace(file, index=index)
    examination = file.examination
    if examination.statement:
        examination = examine(file.encoded, match.subject, match.issuer, policy.trusted)
    return replace(
        file,
        index=index,
        match=match,
        examination=examination,
        certificates=tuple(
            describe(each, depth) for depth, each in enumerate((match.subject, match.issuer)) if each is not None
        ),
    )
