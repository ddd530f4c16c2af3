"""A NATS server with TLS on every port that it has, and stapling as it is told."""

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from tests.peers.daemons import HOST, free_port, run
from tests.peers.servers import Site, der, files_of, pem, write


@dataclass(frozen=True, slots=True)
class NATSPorts:
    """Where a NATS server listens, by the name of the port in its own documentation."""

    client: int
    cluster: int
    gateway: int
    leafnodes: int
    https: int
    websocket: int


@dataclass(frozen=True, slots=True)
class NATS:
    """A running NATS server."""

    ports: NATSPorts
    store: Path
    leaf: Credential

    @property
    def staple_file(self) -> Path:
        """Where it keeps the staple of its certificate."""
        return self.store / "ocsp" / hashlib.sha256(der(self.leaf.certificate)).hexdigest()


def version(program: str) -> str:
    """Return a server's version, such as 2.9.10."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[-1].removeprefix("v")


@contextmanager
def nats_server(
    program: str,
    folder: Path,
    leaf: Credential,
    root: Authority,
    *,
    mode: str = "",
    url: str = "",
    client_tls: str = "",
    tls: bool = True,
) -> Iterator[NATS]:
    """Run a server, whose path is `program`, while the block lasts.

    `mode` is that of its `ocsp` block, which is left out where it is empty; `url` replaces the responder's that the
    certificate names. `client_tls` are more lines of the client port's `tls` block, which `tls` False leaves out.
    """
    files = files_of(folder, Site(leaf))
    # 2.9 takes the last one of ca_file, where there is a ca_file, for the issuer of its own certificate.
    roots = write(folder / "roots.pem", b"".join(pem(der(each)) for each in (root.certificate, *leaf.chain)))
    ports = NATSPorts(*(free_port() for _ in fields(NATSPorts)))
    store = folder / "store"
    own = f'cert_file: "{files.certificates}"\n key_file: "{files.key}"\n timeout: 10\n'
    mutual = f'{own} ca_file: "{roots}"\n'
    url = f'\n url: "{url}"' if url else ""
    configuration = [
        'server_name: "test"',
        f'listen: "{HOST}:{ports.client}"',
        f'store_dir: "{store}"',
        "accounts { SYS { users: [{user: sys, password: sys}] } }",
        "system_account: SYS",
    ]
    if tls:
        configuration += [
            f'https: "{HOST}:{ports.https}"',
            f"tls {{\n {own} {client_tls}\n}}",
            f'cluster {{\n name: "c"\n listen: "{HOST}:{ports.cluster}"\n tls {{\n {mutual} }}\n}}',
            f'gateway {{\n name: "c"\n listen: "{HOST}:{ports.gateway}"\n tls {{\n {mutual} }}\n}}',
            f'leafnodes {{\n listen: "{HOST}:{ports.leafnodes}"\n tls {{\n {own} }}\n}}',
            f'websocket {{\n listen: "{HOST}:{ports.websocket}"\n tls {{\n {own} }}\n}}',
        ]
    if mode:
        configuration += [f"ocsp {{\n mode: {mode}{url}\n}}"]
    path = write(folder / "nats.conf", "\n".join(configuration).encode())
    listening = [getattr(ports, each.name) for each in fields(NATSPorts)] if tls else [ports.client]
    with run([program, "-c", str(path)], folder, listening):
        yield NATS(ports, store, leaf)
