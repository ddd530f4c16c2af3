"""A CRL watched by itself, at a URL or in a file: for CAs that publish nothing else."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from cryptography import x509

from ocsp_exporter.model import (
    Applicability,
    Evidence,
    Failure,
    Findings,
    Module,
    ProbeFailed,
    Problem,
    Source,
    Status,
    Target,
)
from ocsp_exporter.probing.crl_reading import read_crl
from ocsp_exporter.probing.disk import Disk
from ocsp_exporter.probing.files import FileUnusable, Version, read_regular_file, version_of
from ocsp_exporter.probing.opinions import Opinions
from ocsp_exporter.probing.sources import KeptCRL, judge_crl, numbered_after
from ocsp_exporter.probing.timing import by
from ocsp_exporter.revocation.checks import policy_of
from ocsp_exporter.revocation.crl import MalformedCRL, pem_or_der
from ocsp_exporter.revocation.validation import Origin

#: Files whose CRLs are remembered: not to be read again at each probe.
_MOST_FILES = 1000

#: Seconds for which a CRL is not tried again that took more time or memory to read than there was.
_TRIED_AGAIN_AFTER = 300.0

#: The path of a file, and whose CRL is looked for in it.
_Place = tuple[str, x509.Certificate]


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of a version of a file: a CRL, or the problem that it has.

    `last` is the last CRL that was read there, of this version or of an earlier one. `at` is when it was read.
    """

    version: Version
    found: KeptCRL | Problem
    last: KeptCRL | None
    at: float

    def is_of(self, version: Version, now: float) -> bool:
        """Tell whether reading this version again would bring nothing else."""
        may_be_ours = self.found is Problem.TOO_LARGE  # for the time and memory that there was
        return self.version == version and not (may_be_ours and now > self.at + _TRIED_AGAIN_AFTER)


class CRLWatch:
    """Looks at CRLs. Used from one event loop; `clock` is the time of day, `largest` the bytes of the largest file."""

    def __init__(self, opinions: Opinions, largest: int, clock: Callable[[], float] = time.time) -> None:
        self._opinions = opinions
        self._largest = largest
        self._clock = clock
        self._files: dict[_Place, _Read] = {}
        self._readings: dict[_Place, asyncio.Task[_Read]] = {}
        self._versions: Disk[Version] = Disk()
        self._contents: Disk[bytes] = Disk()

    async def close(self) -> None:
        """End what is under way."""
        readings = tuple(self._readings.values())
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)

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
        try:
            read = await self._read((target.location or "", issuer))
        except FileUnusable as unusable:
            raise ProbeFailed(Failure.FILE, str(unusable)) from unusable
        now = self._clock()
        if isinstance(read.found, Problem):
            return Evidence(Source.CRL, 0, Status.INVALID, (read.found,), fetched_at=now)
        return judge_crl(read.found, None, issuer, now, policy_of(module), Origin(Source.CRL, 0, now))

    async def _read(self, place: _Place) -> _Read:
        """Read a file, for all who look at it now; it may outlive the probe and serve the next. Raises FileUnusable."""
        reading = self._readings.get(place)
        if reading is None:
            reading = self._readings[place] = asyncio.create_task(self._read_if_changed(place))
            reading.add_done_callback(lambda _: self._readings.pop(place))
        return await asyncio.shield(reading)

    async def _read_if_changed(self, place: _Place) -> _Read:
        path, issuer = place
        before = self._files.get(place)
        version = await self._versions.run(path, partial(version_of, path))
        if before is None or not before.is_of(version, self._clock()):
            content = await self._contents.run(path, partial(read_regular_file, path, self._largest))
            last = before.last if before else None
            found = await _found(content, issuer, last)
            before = _Read(version, found, last if isinstance(found, Problem) else found, self._clock())
        self._files.pop(place, None)
        if len(self._files) >= _MOST_FILES:
            del self._files[next(iter(self._files))]  # the one that was asked for least recently
        self._files[place] = before
        return before


async def _found(content: bytes, issuer: x509.Certificate, last: KeptCRL | None) -> KeptCRL | Problem:
    try:
        crl = await read_crl(pem_or_der(content), issuer)
    except MalformedCRL as malformed:
        return malformed.problem
    return numbered_after(KeptCRL(crl), issuer, last)
