"""The exporter behind a web configuration, asked by curl and by Prometheus."""

import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import DAY, Credential, common_name, issue
from tests.peers.daemons import HOST, PATIENCE, Daemon, find, free_port, until
from tests.peers.exporter import started_exporter
from tests.peers.prometheus import running_prometheus
from tests.peers.servers import der, pem, write

USER, PASSWORD = "prometheus", "correct horse: battery"
#: The contract, from SIGTERM to the end.
ENDS_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Guarded:
    """An exporter behind a web configuration, in a folder with what its clients need."""

    folder: Path
    daemon: Daemon
    port: int
    health_port: int

    def curl(self, path: str, *options: str, scheme: str = "https") -> tuple[int, str]:
        """Return curl's exit code, 0 where there was an answer, and the code of the answer."""
        command = [find("curl"), "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]
        command += ["--cacert", "root.pem", *options, f"{scheme}://localhost:{self.port}{path}"]
        done = subprocess.run(command, cwd=self.folder, text=True, capture_output=True, check=False, timeout=PATIENCE)
        return done.returncode, done.stdout

    def shown(self) -> bytes:
        """Return the certificate that a new connection shows, in DER."""
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((HOST, self.port)))

    def until_logged(self, text: str, times: int) -> None:
        """Wait until that stands in the log so many times."""
        until(lambda: self.daemon.log.count(text) == times, lambda: self.daemon.log)


@contextmanager
def guarded(folder: Path, web: object) -> Iterator[Guarded]:
    """Run the exporter with a web configuration while the block lasts, and expect no error in its log."""
    write(folder / "web.yml", yaml.safe_dump(web).encode())
    port, health_port = free_port(), free_port()
    arguments = ["--web.config.file", "web.yml", "--web.listen-address", f"{HOST}:{port}"]
    arguments += ["--web.health-listen-address", f"{HOST}:{health_port}"]
    with started_exporter(folder, arguments, [port, health_port], f"http://{HOST}:{health_port}/-/ready") as daemon:
        yield Guarded(folder, daemon, port, health_port)
        assert 'error="Traceback' not in daemon.log


def client(ca: Authority, name: str) -> Credential:
    """Issue a certificate for a client."""
    extensions = (
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
        x509.SubjectAlternativeName([x509.DNSName(name)]),
    )
    return issue(
        common_name("client"),
        extensions,
        {"not_before": ca.now - DAY, "not_after": ca.now + DAY},
        (ca.certificate.subject, ca.key),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, root: Authority, authority: Authority) -> Path:
    """Return a folder with the certificates and keys of server and clients."""
    folder = tmp_path_factory.mktemp("web")
    write(folder / "root.pem", pem(der(root.certificate)))
    credentials = {
        "server": authority.leaf(),
        "good": client(root, "prometheus.example.org"),
        "other": client(root, "other.example.org"),
        "foreign": client(root.twin(), "prometheus.example.org"),
    }
    for name, credential in credentials.items():
        write(folder / f"{name}.pem", credential.certificate_pem())
        write(folder / f"{name}.key", credential.key_pem())
    return folder


TLS = {"cert_file": "server.pem", "key_file": "server.key"}
MUTUAL = {
    **TLS,
    "client_auth_type": "RequireAndVerifyClientCert",
    "client_ca_file": "root.pem",
    "client_allowed_sans": ["prometheus.example.org"],
}


def hashed(password: str) -> str:
    """Hash a password as the documentation says, with htpasswd."""
    command = [find("htpasswd"), "-nbBC", "4", USER, password]
    done = subprocess.run(command, text=True, capture_output=True, check=True, timeout=PATIENCE)
    return done.stdout.strip().removeprefix(f"{USER}:")


@pytest.fixture(scope="module")
def mutual(folder: Path) -> Iterator[Guarded]:
    """Run an exporter that demands a certificate, of one name, and a password."""
    with guarded(folder, {"tls_server_config": MUTUAL, "basic_auth_users": {USER: hashed(PASSWORD)}}) as exporter:
        yield exporter


LOGIN = ("--user", f"{USER}:{PASSWORD}")
CERTIFICATE = ("--cert", "good.pem", "--key", "good.key")


@pytest.mark.parametrize("path", ["/", "/metrics", "/probe", "/-/healthy", "/-/ready", "/none"])
def test_every_path_takes_a_login(mutual: Guarded, path: str) -> None:
    """Without a password, or with another one, the answer is 401 whatever is asked for; with it, it is not."""
    assert mutual.curl(path, *CERTIFICATE) == (0, "401")
    assert mutual.curl(path, *CERTIFICATE, "--user", f"{USER}:wrong") == (0, "401")
    assert mutual.curl(path, *CERTIFICATE, *LOGIN) not in {(0, "401"), (0, "000")}


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_only_a_client_of_an_allowed_name_is_talked_to(mutual: Guarded, version: str) -> None:
    """A client without a certificate, with one of another name or another CA is turned away without an answer."""
    tls = ("--tls-max", version, f"--tlsv{version}")
    assert mutual.curl("/metrics", *tls, *CERTIFICATE, *LOGIN) == (0, "200")
    for name in ("other", "foreign"):
        exit_code, answer = mutual.curl("/metrics", *tls, "--cert", f"{name}.pem", "--key", f"{name}.key", *LOGIN)
        assert (exit_code > 0, answer) == (True, "000"), name
    exit_code, answer = mutual.curl("/metrics", *tls, *LOGIN)
    assert (exit_code > 0, answer) == (True, "000")


def test_whoever_speaks_no_tls_is_not_talked_to(mutual: Guarded) -> None:
    """A request in clear gets no answer, and those after it are answered as ever."""
    exit_code, answer = mutual.curl("/metrics", *LOGIN, scheme="http")
    assert (exit_code > 0, answer) == (True, "000")
    assert mutual.curl("/metrics", *CERTIFICATE, *LOGIN) == (0, "200")


def test_health_is_told_in_clear_and_nothing_else_is(mutual: Guarded) -> None:
    """The listener of its own has two pages, which take neither TLS nor login."""
    command = [find("curl"), "--silent", "--write-out", "%{http_code}"]
    answers = [
        subprocess.run(
            [*command, f"http://{HOST}:{mutual.health_port}{path}"], text=True, capture_output=True, check=True
        ).stdout
        for path in ("/-/healthy", "/-/ready", "/", "/metrics")
    ]
    assert answers == [
        "ocsp_exporter is healthy.\n200",
        "ocsp_exporter is ready.\n200",
        "Not Found\n404",
        "Not Found\n404",
    ]


def test_prometheus_scrapes_it(mutual: Guarded, tmp_path: Path) -> None:
    """With certificate and password the scrape succeeds; without either it does not, and Prometheus says why."""
    credentials = {"username": USER, "password": PASSWORD}
    certificate = {"cert_file": str(mutual.folder / "good.pem"), "key_file": str(mutual.folder / "good.key")}

    def job(name: str, tls: dict[str, str], **login: object) -> object:
        return {
            "job_name": name,
            "scheme": "https",
            "tls_config": {"ca_file": str(mutual.folder / "root.pem"), **tls},
            "static_configs": [{"targets": [f"localhost:{mutual.port}"]}],
            **login,
        }

    jobs = [
        job("both", certificate, basic_auth=credentials),
        job("no password", certificate),
        job("no certificate", {}, basic_auth=credentials),
    ]
    configuration = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}
    with running_prometheus(tmp_path, yaml.safe_dump(configuration)) as prometheus:
        until(lambda: len(prometheus.last_errors()) == len(jobs), lambda: f"only {prometheus.last_errors()} scraped")
        errors = prometheus.last_errors()
        until(lambda: len(prometheus.query("up")) == len(jobs), lambda: "up is not there")
        up = {metric["job"]: value for metric, value in prometheus.query("up")}
    assert up == {"both": 1, "no password": 0, "no certificate": 0}
    assert errors["both"] == ""
    assert errors["no password"] == "server returned HTTP status 401 Unauthorized"
    # As Prometheus meets the end of the connection while it reads, or still writes.
    assert re.fullmatch(
        rf'Get "https://localhost:{mutual.port}/metrics": (EOF|.*(connection reset by peer|broken pipe))',
        errors["no certificate"],
    )


def examples() -> list[str]:
    """Return the examples in YAML of the page about web configurations."""
    page = Path(__file__).parents[2] / "docs" / "web-configuration.md"
    return re.findall(r"^```yaml\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_documentation_work(tmp_path: Path, folder: Path) -> None:
    """The exporter behind the one is scraped by a Prometheus with the other, only their files have our content."""
    web, scrape = examples()
    for theirs, ours in {
        "exporter.pem": "server.pem",
        "exporter.key": "server.key",
        "clients.pem": "root.pem",
        "root.pem": "root.pem",
        "ca.pem": "root.pem",
        "prometheus.pem": "good.pem",
        "prometheus.key": "good.key",
    }.items():
        write(tmp_path / theirs, (folder / ours).read_bytes())
    with guarded(tmp_path, yaml.safe_load(web)) as exporter:
        assert "localhost:10960" in scrape
        configuration = f"global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n{scrape}"
        configuration = configuration.replace("localhost:10960", f"localhost:{exporter.port}")
        with running_prometheus(tmp_path, configuration) as prometheus:
            until(lambda: bool(prometheus.query("up")), lambda: f"nothing scraped: {prometheus.last_errors()}")
            assert [value for _, value in prometheus.query("up")] == [1], prometheus.last_errors()
        login = ("--user", "prometheus:correct horse battery staple")
        certificate = ("--cert", "prometheus.pem", "--key", "prometheus.key")
        assert exporter.curl("/metrics", *certificate, *login) == (0, "200")
        assert exporter.curl("/metrics", *certificate) == (0, "401")


def test_a_renewed_certificate_is_shown(tmp_path: Path, folder: Path, authority: Authority) -> None:
    """With key and certificate connections have the new one; between the two, and with a broken one, the old."""
    for name in ("root.pem", "server.pem", "server.key"):
        write(tmp_path / name, (folder / name).read_bytes())
    with guarded(tmp_path, {"tls_server_config": TLS}) as exporter:
        old, renewed = exporter.shown(), authority.leaf()
        assert exporter.shown() == old
        write(tmp_path / "server.pem", renewed.certificate_pem())
        exporter.until_logged("web configuration refused", 1)
        assert exporter.shown() == old
        write(tmp_path / "server.key", renewed.key_pem())
        exporter.until_logged("web configuration loaded", 1)
        assert exporter.shown() == der(renewed.certificate) != old
        assert exporter.curl("/metrics") == (0, "200")
        write(tmp_path / "server.pem", b"broken")
        exporter.until_logged("web configuration refused", 2)
        assert exporter.shown() == der(renewed.certificate)


def test_versions_and_ciphers_are_those_of_the_file(tmp_path: Path, folder: Path) -> None:
    """A client of another version or without the cipher suite is turned away, until the file says otherwise."""
    for name in ("root.pem", "server.pem", "server.key"):
        write(tmp_path / name, (folder / name).read_bytes())
    suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    with guarded(
        tmp_path, {"tls_server_config": {**TLS, "max_version": "TLS12", "cipher_suites": [suite]}}
    ) as exporter:
        other = ("--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384")
        assert exporter.curl("/metrics", "--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256") == (0, "200")
        assert exporter.curl("/metrics", *other) == (35, "000")
        assert exporter.curl("/metrics", "--tlsv1.3") == (35, "000")
        write(tmp_path / "web.yml", yaml.safe_dump({"tls_server_config": TLS}).encode())
        exporter.until_logged("web configuration loaded", 1)
        assert exporter.curl("/metrics", *other) == (0, "200")
        assert exporter.curl("/metrics", "--tlsv1.3") == (0, "200")


def test_it_ends_in_time_whatever_its_clients_do(tmp_path: Path, folder: Path) -> None:
    """Neither a client that is silent after the handshake, nor one within it, nor a costly password delays the end."""
    for name in ("root.pem", "server.pem", "server.key"):
        write(tmp_path / name, (folder / name).read_bytes())
    # At this cost a check takes longer than the end may.
    users = {USER: hashed(PASSWORD).replace("$04$", "$18$")}
    context = ssl.create_default_context(cafile=str(tmp_path / "root.pem"))
    with (
        guarded(tmp_path, {"tls_server_config": TLS, "basic_auth_users": users}) as exporter,
        socket.create_connection((HOST, exporter.port)),
        socket.create_connection((HOST, exporter.port)) as silent,
        context.wrap_socket(silent, server_hostname="localhost"),
        subprocess.Popen(
            [find("curl"), "--silent", "--cacert", "root.pem", *LOGIN, f"https://localhost:{exporter.port}/"],
            cwd=tmp_path,
        ) as waiting,
    ):
        assert exporter.curl("/") == (0, "401")
        exporter.daemon.process.terminate()
        assert exporter.daemon.process.wait(ENDS_WITHIN) == 0
        waiting.wait(PATIENCE)
