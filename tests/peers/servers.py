"""TLS servers of four makes, all told in the same way what to show.

Each is a function of a folder and some sites, and serves them while its block lasts: `with nginx(folder, sites)
as ports` gives the port of each site.
"""

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.demo.certificate import Credential
from tests.peers.daemons import HOST, find, free_port, run


@dataclass(frozen=True, slots=True)
class Site:
    """What a server shows and demands.

    `sent` are the DER of the certificates to send, the leaf first; None: those of the credential. `staple` None: none
    is sent, unless the server is to ask the certificate's responder itself (`fetch_staple`, nginx only).
    `client_ca`: a client certificate of this CA is demanded. `second`: another credential with a key of another kind,
    and the staple that belongs to it, beside the first; only HAProxy can be given both staples.
    """

    credential: Credential
    staple: bytes | None = None
    sent: tuple[bytes, ...] | None = None
    fetch_staple: bool = False
    client_ca: x509.Certificate | None = None
    second: "Site | None" = None


Serve = Callable[[Path, Sequence[Site]], AbstractContextManager[list[int]]]


@dataclass(frozen=True, slots=True)
class Files:
    """A site in a folder, and its port.

    `certificates` begin with the leaf, `chain` is the rest of them, `both` certificates and key in one file.
    """

    port: int
    certificates: Path
    key: Path
    both: Path
    chain: Path | None
    staple: Path | None
    client_ca: Path | None
    second: "Files | None"

    @property
    def of_each(self) -> "list[Files]":
        """The files of the site and of its second credential."""
        return [self, *(self.second.of_each if self.second else [])]


def files_of(folder: Path, site: Site) -> Files:
    """Write what a site shows into a folder, and choose its port."""
    port = free_port()
    second = files_of(folder, site.second) if site.second else None  # whose port is not used

    def put(name: str, content: bytes | None) -> Path | None:
        return write(folder / f"{port}.{name}", content) if content else None

    own = (site.credential.certificate, *site.credential.chain)
    leaf, *chain = map(pem, site.sent or [der(certificate) for certificate in own])
    certificates, key = leaf + b"".join(chain), site.credential.key_pem()
    return Files(
        port,
        certificates=write(folder / f"{port}.certificates.pem", certificates),
        key=write(folder / f"{port}.key.pem", key),
        both=write(folder / f"{port}.pem", certificates + key),
        chain=put("chain.pem", b"".join(chain)),
        # HAProxy looks for the staple in a file of this name, beside the certificate.
        staple=put("pem.ocsp", site.staple),
        client_ca=put("client-ca.pem", pem(der(site.client_ca)) if site.client_ca else None),
        second=second,
    )


def der(certificate: x509.Certificate) -> bytes:
    """Return the octets of a certificate."""
    return certificate.public_bytes(Encoding.DER)


def pem(certificate: bytes) -> bytes:
    """Return the octets of a certificate, readable or not, as servers read them."""
    return ssl.DER_cert_to_PEM_cert(certificate).encode()


def write(path: Path, content: bytes) -> Path:
    """Write a file and return its path."""
    path.write_bytes(content)
    return path


@contextmanager
def nginx(folder: Path, sites: Sequence[Site]) -> Iterator[list[int]]:
    """One nginx of two workers with a server for each site."""
    files = [files_of(folder, site) for site in sites]
    temporary = [f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    servers = [_nginx_server(site, each) for site, each in zip(sites, files, strict=True)]
    configuration = [
        "daemon off;",
        "worker_processes 2;",
        f"pid {folder}/nginx.pid;",
        "error_log stderr notice;",
        "events { worker_connections 64; }",
        "http {",
        "access_log off;",
        *temporary,
        *servers,
        "}",
    ]
    path = write(folder / "nginx.conf", "\n".join(configuration).encode())
    ports = [each.port for each in files]
    with run([find("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(path)], folder, ports):
        yield ports


def _nginx_server(site: Site, files: Files) -> str:
    lines = [
        "server {",
        f"listen {HOST}:{files.port} ssl;",
        *(f"ssl_certificate {each.certificates}; ssl_certificate_key {each.key};" for each in files.of_each),
        "ssl_protocols TLSv1.2 TLSv1.3;",
        'return 200 "hello\\n";',
    ]
    if files.staple or site.fetch_staple:
        lines += ["ssl_stapling on;"]
    if files.staple:
        lines += [f"ssl_stapling_file {files.staple};"]
    if files.client_ca:
        lines += ["ssl_verify_client on;", f"ssl_client_certificate {files.client_ca};"]
    return "\n".join([*lines, "}"])


@contextmanager
def haproxy(folder: Path, sites: Sequence[Site]) -> Iterator[list[int]]:
    """One HAProxy with a listening socket for each site. It refuses to load many a bad staple, and sends none."""
    files = [files_of(folder, site) for site in sites]
    configuration = [
        "defaults",
        "mode http",
        *(f"timeout {each} 5s" for each in ("client", "server", "connect")),
        "frontend sites",
        *map(_haproxy_bind, files),
        "http-request return status 200",
        "",
    ]
    path = write(folder / "haproxy.cfg", "\n".join(configuration).encode())
    ports = [each.port for each in files]
    with run([find("haproxy"), "-db", "-f", str(path)], folder, ports):
        yield ports


def _haproxy_bind(files: Files) -> str:
    demand = f" verify required ca-file {files.client_ca}" if files.client_ca else ""
    certificates = " ".join(f"crt {each.both}" for each in files.of_each)
    return f"bind {HOST}:{files.port} ssl {certificates} ssl-min-ver TLSv1.2{demand}"


@contextmanager
def s_server(folder: Path, sites: Sequence[Site]) -> Iterator[list[int]]:
    """One `openssl s_server` for each site; it shakes hands with one client after the other."""
    with ExitStack() as stack:
        yield [stack.enter_context(_s_server(folder, site)) for site in sites]


@contextmanager
def _s_server(folder: Path, site: Site) -> Iterator[int]:
    files = files_of(folder, site)
    command = [find("openssl"), "s_server", "-www", "-accept", f"{HOST}:{files.port}"]
    command += ["-cert", str(files.certificates), "-key", str(files.key)]
    if files.chain:
        command += ["-cert_chain", str(files.chain)]
    if files.second:
        command += ["-dcert", str(files.second.certificates), "-dkey", str(files.second.key)]
        command += ["-dcert_chain", str(files.second.chain)]
    if files.staple:
        command += ["-status_file", str(files.staple)]
    if files.client_ca:
        command += ["-Verify", "5", "-verifyCAfile", str(files.client_ca), "-verify_return_error"]
    with run(command, folder, [files.port]):
        yield files.port


@contextmanager
def gnutls_serv(folder: Path, sites: Sequence[Site]) -> Iterator[list[int]]:
    """One `gnutls-serv` for each site. It staples whatever is in the file, and its TLS is not OpenSSL's."""
    with ExitStack() as stack:
        yield [stack.enter_context(_gnutls_serv(folder, site)) for site in sites]


@contextmanager
def _gnutls_serv(folder: Path, site: Site) -> Iterator[int]:
    files = files_of(folder, site)
    command = [find("gnutls-serv"), "--http", "--port", str(files.port), "--priority", "NORMAL"]
    for each in files.of_each:
        command += ["--x509certfile", str(each.certificates), "--x509keyfile", str(each.key)]
    if files.staple:
        command += ["--ocsp-response", str(files.staple), "--ignore-ocsp-response-errors"]
    if files.client_ca:
        command += ["--require-client-cert", "--verify-client-cert", "--x509cafile", str(files.client_ca)]
    else:
        command += ["--disable-client-cert"]
    with run(command, folder, [files.port]):
        yield files.port
