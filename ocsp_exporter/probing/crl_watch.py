"""A CRL watched by itself, at a URL or in a file: for CAs that publish nothing else."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509

from ocsp_exporter.model import Applicability, Evidence, Failure, Findings, Module, ProbeFailed, Source, Status, Target
from ocsp_exporter.probing.crl_reading import read_crl
from ocsp_exporter.probing.files import FileUnusable, Version, read_regular_file, version_of
from ocsp_exporter.probing.opinions import Opinions
from ocsp_exporter.probing.sources import KeptCRL, judge_crl, numbered_after
from ocsp_exporter.probing.timing import by
from ocsp_exporter.revocation.checks import policy_of
from ocsp_exporter.revocation.crl import MalformedCRL, pem_or_der
from ocsp_exporter.revocation.validation import Origin

#: Files whose CRLs are remembered: not to be read again at each probe.
_MOST_FILES = 1000


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of a version of a file: a CRL, or None with the problem that it has."""

    version: Version
    kept: KeptCRL | None
    malformed: MalformedCRL | None = None


class CRLWatch:
    """Looks at CRLs. Used from one event loop; `clock` is the time of day, `largest` the bytes of the largest file."""

    def __init__(self, opinions: Opinions, largest: int, clock: Callable[[], float] = time.time) -> None:
        self._opinions = opinions
        self._largest = largest
        self._clock = clock
        self._files: dict[tuple[str, x509.Certificate], _Read] = {}

    async def look(self, target: Target, module: Module, deadline: float) -> Findings:
        """Judge the CRL at a target's location by `deadline`, on the loop's clock. Raises ProbeFailed."""
        if target.is_file:
            reading = self._of_file(target, module)
            evidence = await by(deadline, reading, Failure.TIMEOUT, "the reading of the file")
        else:
            told = await self._opinions.of_crl(target, module, deadline)
            if told is None:
                raise ProbeFailed(Failure.TIMEOUT, "the CRL did not come in time; the next probe may find it")
            evidence = told
        return Findings(
            tls=None,
            certificates=(),
            applicability=(Applicability(Source.CRL, 0, applicable=True, host=target.host),),
            evidence=(evidence,),
            revoked={},
        )

    async def _of_file(self, target: Target, module: Module) -> Evidence:
        [issuer] = module.issuers
        path = target.location or ""
        try:
            read = await self._read(path, issuer)
        except FileUnusable as unusable:
            raise ProbeFailed(Failure.FILE, str(unusable)) from unusable
        now = self._clock()
        if read.kept is None:
            problems = (read.malformed.problem,) if read.malformed else ()
            return Evidence(Source.CRL, 0, Status.INVALID, problems, fetched_at=now)
        return judge_crl(read.kept, None, issuer, now, policy_of(module), Origin(Source.CRL, 0, now))

    async def _read(self, path: str, issuer: x509.Certificate) -> _Read:
        """Read a file unless this version of it was read before. Raises FileUnusable."""
        before = self._files.pop((path, issuer), None)
        version = await asyncio.to_thread(version_of, path)
        read = before if before and before.version == version else await self._read_anew(path, issuer, version, before)
        if len(self._files) >= _MOST_FILES:
            del self._files[next(iter(self._files))]  # the one that was asked for least recently
        self._files[path, issuer] = read
        return read

    async def _read_anew(self, path: str, issuer: x509.Certificate, version: Version, before: _Read | None) -> _Read:
        content = await asyncio.to_thread(read_regular_file, path, self._largest)
        try:
            crl = await read_crl(pem_or_der(content), issuer)
        except MalformedCRL as malformed:
            return _Read(version, None, malformed)
        return _Read(version, numbered_after(KeptCRL(crl), before.kept if before else None))
