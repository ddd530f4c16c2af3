"""Responders of a CA: `openssl ocsp`, `cfssl`, and one of ours that says whatever a test wants. Servers before one."""

import base64
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.model import Reason, Revocation, Status
from tests.peers.daemons import HOST, PATIENCE, find, run
from tests.peers.servers import der, pem, write

#: Certificates that a responder knows: None for those that are good.
Known = Mapping[Credential, Revocation | None]


@contextmanager
def openssl_ocsp(
    folder: Path,
    port: int,
    authority: Authority,
    leaves: Sequence[Credential] | Known,
    signer: Credential | None = None,
    options: Sequence[str] = ("-ndays", "7"),
) -> Iterator[None]:
    """Answer for a CA on a port while the block lasts: leaves are good unless they are revoked, all others unknown.

    `signer` None: the CA signs the answers itself. `options` are further ones of the command.
    """
    known = leaves if isinstance(leaves, Mapping) else dict.fromkeys(leaves)
    ca, certificate, key = _signing_files(folder, authority, signer)
    index = write(folder / "index.txt", "".join(_line(*each) for each in known.items()).encode())
    command = [find("openssl"), "ocsp", "-port", str(port), "-index", str(index), "-CA", str(ca)]
    command += ["-rsigner", str(certificate), "-rkey", str(key), "-ignore_err", *options]
    if signer is None:
        # Go takes a certificate in the answer for a delegated responder's, which the CA's own is not.
        command += ["-resp_no_certs"]
    # OpenSSL 3.0 spins for ever if somebody only connects to see whether it listens.
    with run(command, folder, [port], ready="waiting for OCSP client connections"):
        yield


@contextmanager
def cfssl_ocspserve(
    folder: Path, port: int, authority: Authority, known: Mapping[Credential, Status], signer: Credential | None = None
) -> Iterator[None]:
    """Answer for a CA on a port while the block lasts, from answers that were signed beforehand.

    What is revoked was so at the beginning of the year 2024 because its key was compromised.
    """
    program = find("cfssl")
    ca, certificate, key = _signing_files(folder, authority, signer)
    command = [program, "ocspsign", "-ca", str(ca), "-responder", str(certificate), "-responder-key", str(key)]
    command += ["-reason", "1", "-revoked-at", f"{datetime.fromtimestamp(CFSSL_REVOKED_AT, UTC):%Y-%m-%d}"]
    answers = []
    for number, (leaf, status) in enumerate(known.items()):
        subject = write(folder / f"{number}.pem", pem(der(leaf.certificate)))
        about = [*command, "-cert", str(subject), "-status", status]
        printed = subprocess.run(about, cwd=folder, capture_output=True, check=True, timeout=PATIENCE)
        answers.append(base64.b64decode(json.loads(printed.stdout)["ocspResponse"]))
    with cfssl_serving(folder, port, answers):
        yield


@contextmanager
def cfssl_serving(folder: Path, port: int, answers: Sequence[bytes]) -> Iterator[None]:
    """Give these answers on a port, each to who asks for it, while the block lasts."""
    lines = "".join(f"{base64.b64encode(each).decode()}\n" for each in answers)
    responses = write(folder / "responses", lines.encode())
    command = [find("cfssl"), "ocspserve", "-address", HOST, "-port", str(port), "-responses", str(responses)]
    with run(command, folder, [port]):
        yield


CFSSL_REVOKED_AT = 1_704_067_200


@contextmanager
def caching_proxy(folder: Path, port: int, upstream: int) -> Iterator[None]:
    """Keep an nginx on a port, while the block lasts, that keeps for an hour what the responder on another answers."""
    with nginx_before(folder, {(HOST, port): (upstream, ["proxy_cache responses;", "proxy_cache_valid 200 1h;"])}):
        yield


@contextmanager
def nginx_before(folder: Path, servers: Mapping[tuple[str, int], tuple[int, Sequence[str]]]) -> Iterator[None]:
    """Keep an nginx before responders while the block lasts.

    `servers` say at which address and port it listens, at which port of this machine the responder behind that is, and
    which directives hold on the way there; the cache `responses` is there to be used.
    """
    temporary = [f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    configuration = [
        "daemon off;",
        "user root;",  # where it is not root it stays who it is, and says so
        f"pid {folder}/nginx.pid;",
        "error_log stderr notice;",
        "events { worker_connections 64; }",
        "http {",
        "access_log off;",
        *temporary,
        f"proxy_cache_path {folder}/cache keys_zone=responses:1m;",
        *(
            f"server {{ listen {host}:{port}; location / {{ proxy_pass http://{HOST}:{behind}; {' '.join(more)} }} }}"
            for (host, port), (behind, more) in servers.items()
        ),
        "}",
    ]
    path = write(folder / "cache.conf", "\n".join(configuration).encode())
    ports = [port for host, port in servers if host == HOST]
    with run([find("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(path)], folder, ports):
        yield


@contextmanager
def apache_before(folder: Path, port: int, behind: int, encoded_slashes: str) -> Iterator[None]:
    """Keep an Apache httpd before the responder on another port while the block lasts, with AllowEncodedSlashes so."""
    program = find("apache2")
    modules = Path("/usr/lib/apache2/modules")
    configuration = [
        f"ServerRoot {folder}",
        "ServerName localhost",
        f"PidFile {folder}/apache2.pid",
        f"Listen {HOST}:{port}",
        "ErrorLog /dev/stderr",
        *(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in ("mpm_event", "authz_core", "proxy")),
        f"LoadModule proxy_http_module {modules}/mod_proxy_http.so",
        f"AllowEncodedSlashes {encoded_slashes}",
        f"ProxyPass / http://{HOST}:{behind}/ nocanon",
    ]
    path = write(folder / "apache2.conf", "\n".join([*configuration, ""]).encode())
    with run([program, "-f", str(path), "-D", "FOREGROUND"], folder, [port]):
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


def _signing_files(folder: Path, authority: Authority, signer: Credential | None) -> tuple[Path, Path, Path]:
    """Write the CA's certificate, the signer's, and its key."""
    signer = signer or Credential(authority.certificate, authority.key)
    return (
        write(folder / "ca.pem", pem(der(authority.certificate))),
        write(folder / "responder.pem", pem(der(signer.certificate))),
        write(folder / "responder.key.pem", signer.key_pem()),
    )


#: CRLReason of RFC 5280, section 5.3.1, in the words of OpenSSL's index.
_REASONS = {Reason.KEY_COMPROMISE: "keyCompromise", Reason.CERTIFICATE_HOLD: "certificateHold"}


def _line(leaf: Credential, revocation: Revocation | None) -> str:
    """Return the line that OpenSSL's own CA would have written of a certificate."""
    certificate = leaf.certificate
    serial_number = f"{certificate.serial_number:X}"
    revoked = ""
    if revocation:
        reason = f",{_REASONS[revocation.reason]}" if revocation.reason else ""
        revoked = f"{datetime.fromtimestamp(revocation.time, UTC):%y%m%d%H%M%SZ}{reason}"
    fields = (
        "R" if revocation else "V",
        f"{certificate.not_valid_after_utc:%y%m%d%H%M%SZ}",
        revoked,
        serial_number.zfill(len(serial_number) + len(serial_number) % 2),
        "unknown",
        f"/CN={serial_number}",  # no two lines may have the same name
    )
    return "\t".join(fields) + "\n"
