"""Responders of a CA: `openssl ocsp`, and one of ours that says whatever a test wants."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from tests.peers.daemons import HOST, find, run
from tests.peers.servers import der, pem, write


@contextmanager
def openssl_ocsp(folder: Path, port: int, authority: Authority, leaves: Sequence[Credential]) -> Iterator[None]:
    """Answer for a CA on a port while the block lasts: the leaves are good, all others unknown."""
    ca = write(folder / "responder.pem", pem(der(authority.certificate)))
    key = write(folder / "responder.key.pem", Credential(authority.certificate, authority.key).key_pem())
    index = write(folder / "index.txt", "".join(map(_line, leaves)).encode())
    command = [find("openssl"), "ocsp", "-port", str(port), "-index", str(index), "-CA", str(ca)]
    command += ["-rsigner", str(ca), "-rkey", str(key), "-ndays", "7", "-ignore_err"]
    # Go takes a certificate in the answer for a delegated responder's, which the CA's own is not.
    command += ["-resp_no_certs"]
    # OpenSSL 3.0 spins for ever if somebody only connects to see whether it listens.
    with run(command, folder, [port], ready="waiting for OCSP client connections"):
        yield


@contextmanager
def scripted(answer: Callable[[], bytes | None]) -> Iterator[str]:
    """Answer every request with what `answer` gives (None: 503) while the block lasts, at the URL that is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answer()
            self.send_response(200 if body else 503)
            self.send_header("Content-Type", "application/ocsp-response")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


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
