"""A CRL read without keeping anybody waiting: a large one by a process of its own, since reading takes seconds."""

import asyncio
import logging
import os
import pickle
import sys
from functools import lru_cache
from typing import BinaryIO

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.model import Problem
from ocsp_exporter.revocation.crl import CertificateList, MalformedCRL, read

logger = logging.getLogger(__name__)

#: What is read at once, in some 3 ms. Most CRLs are smaller.
LARGEST_INLINE = 64 * 1024
#: Seconds for a worker, whatever the CRL: a million entries take two on a machine that does nothing else.
PATIENCE = 120.0
#: Workers at a time: each needs some 260 MB for a million entries (`python -m benchmarks.crl`).
_MOST_WORKERS = 2
_WORKER = "ocsp_exporter.probing.crl_worker"
_TOO_LARGE = Problem.TOO_LARGE
_LONGEST_LAMENT = 2000


async def read_crl(encoded: bytes, issuer: x509.Certificate, patience: float = PATIENCE) -> CertificateList:
    """Read a DER CertificateList and verify that `issuer` signed it: `crl.read`, beside the event loop.

    Raises MalformedCRL; `too_large` where reading it takes more time (`patience`, in seconds) or memory than there is.
    """
    if len(encoded) <= LARGEST_INLINE:
        return read(encoded, issuer)
    async with _workers(asyncio.get_running_loop()):
        result = await _read_by_worker(encoded, issuer.public_bytes(Encoding.DER), patience)
    if isinstance(result, MalformedCRL):
        raise result
    return result


@lru_cache(maxsize=1)
def _workers(_loop: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
    """Return what counts the workers of an event loop; there is one loop but in tests."""
    return asyncio.Semaphore(_MOST_WORKERS)


async def _read_by_worker(encoded: bytes, issuer: bytes, patience: float) -> CertificateList | MalformedCRL:
    # By files, which are written and read at once in a thread; in memory, for there may be no folder to write to.
    try:
        with _memory("crl") as source, _memory("entries") as output:
            await asyncio.to_thread(_write, source, issuer, encoded)
            lament = await _run((len(issuer), len(encoded)), source, output, patience)
            if lament is None:
                return await asyncio.to_thread(_load, output)
    except OSError as error:
        lament = f"it cannot be started: {error}"
    fields = {"octets": len(encoded), "detail": lament}
    logger.error("the process that reads a large CRL did not come to its end", extra={"fields": fields})
    return MalformedCRL(f"a CRL of {len(encoded)} bytes takes more time or memory to read than there is", _TOO_LARGE)


async def _run(sizes: tuple[int, int], source: BinaryIO, output: BinaryIO, patience: float) -> str | None:
    """Let a worker read from one file and write to the other; return what went wrong, None where it did its work.

    Raises OSError where there can be no worker.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", _WORKER, *map(str, sizes)),
        stdin=source,
        stdout=output,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        async with asyncio.timeout(patience):
            _, lament = await process.communicate()
    except TimeoutError:
        return f"it was not done after {patience:.0f} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return None
    return f"it ended with {process.returncode}: {lament.decode(errors='replace')[-_LONGEST_LAMENT:].strip()}"


def _memory(name: str) -> BinaryIO:
    return os.fdopen(os.memfd_create(name), "w+b")


def _write(file: BinaryIO, *contents: bytes) -> None:
    """Write these, and put the file where the reader shall begin."""
    file.writelines(contents)
    file.seek(0)


def _load(file: BinaryIO) -> CertificateList | MalformedCRL:
    file.seek(0)
    result: CertificateList | MalformedCRL = pickle.load(file)  # noqa: S301 -- our own process wrote it, not the CRL
    return result
