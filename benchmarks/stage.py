"""What the comparison looks at: an nginx that staples, and the responder of its certificate, both on this machine."""

import contextlib
import http.client
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.demo.authority import Authority

HOST = "127.0.0.1"
#: Seconds that a server may take to listen, and to end.
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder for files, the trusted root as a file in it, and the nginx that speaks TLS as localhost.

    It does so at its port of all addresses of this machine, with one process.
    """

    folder: Path
    root: Path
    port: int
    server: int
    counting_port: int

    def accepted(self) -> int:
        """Read how many connections the server has taken on which nothing was requested: for probes, and to begin."""
        connection = http.client.HTTPConnection(HOST, self.counting_port)
        connection.request("GET", "/", headers={"Connection": "close"})
        _, _, numbers, _ = connection.getresponse().read().split(b"\n", 3)
        connection.close()
        accepted, _, requests = map(int, numbers.split())
        return accepted - requests


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """Serve while the block lasts: a P-256 leaf below an intermediate, with a staple and a responder that says good."""
    authority = Authority.root(time.time())
    intermediate = authority.intermediate()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        responder = stack.enter_context(_responder())
        leaf = intermediate.leaf(ocsp_urls=[f"http://{HOST}:{responder.server_port}/"])
        responder.answer = intermediate.answer(leaf)
        root, port, counting_port = folder / "root.pem", free_port(), free_port()
        root.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
        (folder / "certificates.pem").write_bytes(leaf.certificate_pem())
        (folder / "key.pem").write_bytes(leaf.key_pem())
        (folder / "staple.der").write_bytes(responder.answer)
        (folder / "nginx.conf").write_text(_nginx(folder, port, counting_port))
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin") or "nginx"
        server = stack.enter_context(run([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")], folder, port))
        yield Stage(folder, root, port, server.pid, counting_port)


def free_port() -> int:
    """Return a port of the loopback address that is free now."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def log_of(folder: Path, port: int) -> Path:
    """Give the file with what a server that was run has said."""
    return folder / f"server-{port}.log"


@contextlib.contextmanager
def run(command: Sequence[str], folder: Path, port: int, core: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in the foreground while the block lasts, which begins when its port takes connections.

    All its threads are kept on one core, if that is given; it knows of no other, and does not prepare for more.
    """
    kept = [] if core is None else ["taskset", "--cpu-list", str(core)]
    with (
        log_of(folder, port).open("wb") as log,
        subprocess.Popen(  # noqa: S603 -- programs that this benchmark names
            [*kept, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            _await_listening(process, port, Path(log.name))
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE)
            process.kill()


def _await_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} does not listen on port {port}:\n{log.read_text()}")


def _nginx(folder: Path, port: int, counting_port: int) -> str:
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 4096; }}
http {{
access_log off;
{temporary}
server {{
    listen {port} ssl backlog=4096; server_name localhost; allow 127.0.0.0/8; deny all;
    ssl_certificate {folder}/certificates.pem; ssl_certificate_key {folder}/key.pem;
    ssl_stapling on; ssl_stapling_file {folder}/staple.der;
    location / {{ return 204; }}
}}
server {{ listen {HOST}:{counting_port}; location / {{ stub_status; }} }}
}}
"""


class _Responder(ThreadingHTTPServer):
    """Gives the same answer to whoever asks; its nonce is missing, as it is from most."""

    answer = b""
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: _Responder

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/ocsp-response")
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    do_POST = do_GET  # noqa: N815 -- the name that the library calls

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _responder() -> Iterator[_Responder]:
    with _Responder((HOST, 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
