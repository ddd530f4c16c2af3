"""`openssl ocsp` as a CA's responder."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from tests.peers.daemons import find, run
from tests.peers.servers import der, pem, write


@contextmanager
def openssl_ocsp(folder: Path, port: int, authority: Authority, leaves: Sequence[Credential]) -> Iterator[None]:
    """Answer for a CA on a port while the block lasts: the leaves are good, all others unknown."""
    ca = write(folder / "responder.pem", pem(der(authority.certificate)))
    key = write(folder / "responder.key.pem", Credential(authority.certificate, authority.key).key_pem())
    index = write(folder / "index.txt", "".join(map(_line, leaves)).encode())
    command = [find("openssl"), "ocsp", "-port", str(port), "-index", str(index), "-CA", str(ca)]
    command += ["-rsigner", str(ca), "-rkey", str(key), "-ndays", "7", "-ignore_err"]
    # OpenSSL 3.0 spins for ever if somebody only connects to see whether it listens.
    with run(command, folder, [port], ready="waiting for OCSP client connections"):
        yield


def _line(leaf: Credential) -> str:
    """Return the line that OpenSSL's own CA would have written of a valid certificate."""
    certificate = leaf.certificate
    serial_number = f"{certificate.serial_number:X}"
    fields = (
        "V",
        f"{certificate.not_valid_after_utc:%y%m%d%H%M%SZ}",
        "",
        serial_number.zfill(len(serial_number) + len(serial_number) % 2),
        "unknown",
        f"/CN={serial_number}",  # no two lines may have the same name
    )
    return "\t".join(fields) + "\n"
