"""Servers that say something in clear before TLS, and web servers that fetch their own staples.

Each is a function of a folder and a site, and serves it while its block lasts: `with postfix(folder, site) as ports`
gives the port of each protocol. The site's staple is shown where the server can be given one in a file.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ocsp_exporter.model import StartTLS
from tests.peers.daemons import HOST, find, free_port, need_root, run
from tests.peers.servers import Files, Site, files_of, write

Ports = Mapping[StartTLS, int]
Service = Callable[[Path, Site], AbstractContextManager[Ports]]

_IS_ROOT = os.getuid() == 0
UNPACKED = Path(__file__).parents[2] / ".venv" / "peers"


def as_user(name: str) -> list[str]:
    """Return the beginning of a command that is run as another user, where we may; else as ourselves."""
    return [find("setpriv"), f"--reuid={name}", f"--regid={name}", "--clear-groups"] if _IS_ROOT else []


def _configure(folder: Path, name: str, *lines: str) -> str:
    return str(write(folder / name, "\n".join([*lines, ""]).encode()))


@contextmanager
def postfix(folder: Path, site: Site) -> Iterator[Ports]:
    """SMTP by Postfix, which knows no stapling."""
    need_root("postfix")
    files = files_of(folder, site)
    for each in ("queue", "data"):
        (folder / each).mkdir()
    shutil.chown(folder / "data", "postfix")
    _configure(
        folder,
        "main.cf",
        "compatibility_level = 3.6",
        f"queue_directory = {folder}/queue",
        f"data_directory = {folder}/data",
        "maillog_file = /dev/stdout",
        "inet_protocols = ipv4",
        "myhostname = localhost",
        "mydestination =",
        "alias_maps =",
        "alias_database =",
        "local_recipient_maps =",
        "smtpd_peername_lookup = no",
        "smtpd_tls_security_level = may",
        f"smtpd_tls_cert_file = {files.certificates}",
        f"smtpd_tls_key_file = {files.key}",
    )
    _configure(
        folder,
        "master.cf",
        f"{HOST}:{files.port} inet n - n - - smtpd",
        "tlsmgr unix - - n 1000? 1 tlsmgr",
        "anvil unix - - n - 1 anvil",
        "postlog unix-dgram n - n - 1 postlogd",
    )
    subprocess.run([find("postfix"), "-c", str(folder), "check"], check=True, capture_output=True)  # makes its folders
    # Not by `postfix start-fg`, whose daemon leaves the process group by which we end it.
    with run([find("master", Path("/usr/lib/postfix/sbin")), "-d", "-c", str(folder)], folder, [files.port]):
        yield {StartTLS.SMTP: files.port}


@contextmanager
def exim(folder: Path, site: Site) -> Iterator[Ports]:
    """SMTP by Exim, with its staple from a file.

    Debian does not install it beside Postfix, so it is unpacked only, and told of its user by a wrapper.
    """
    need_root("exim4")
    files = files_of(folder, site)
    configuration = _configure(
        folder,
        "exim.conf",
        "exim_user = root",
        "never_users =",
        "keep_environment =",
        f"spool_directory = {folder}/spool",
        f"log_file_path = {folder}/exim.%s",
        f"local_interfaces = {HOST}",
        "host_lookup =",
        "rfc1413_query_timeout = 0s",
        "tls_advertise_hosts = *",
        f"tls_certificate = {files.certificates}",
        f"tls_privatekey = {files.key}",
        f"tls_ocsp_file = {files.staple}" if files.staple else "",
    )
    users = _configure(folder, "passwd", "root:x:0:0::/root:/bin/sh", "Debian-exim:x:65533:65533::/:/bin/false")
    groups = _configure(folder, "group", "root:x:0:", "mail:x:8:", "Debian-exim:x:65533:")
    wrapper = [
        find("env"),
        "LD_PRELOAD=libnss_wrapper.so",
        f"NSS_WRAPPER_PASSWD={users}",
        f"NSS_WRAPPER_GROUP={groups}",
    ]
    command = [find("exim4", UNPACKED / "usr/sbin"), "-C", configuration, "-bdf", "-oX", str(files.port)]
    with run([*wrapper, *command, "-oP", f"{folder}/exim.pid"], folder, [files.port]):
        yield {StartTLS.SMTP: files.port}


@contextmanager
def dovecot(folder: Path, site: Site) -> Iterator[Ports]:
    """IMAP, POP3, LMTP and ManageSieve by Dovecot, which knows no stapling."""
    need_root("dovecot")
    files = files_of(folder, site)
    ports = {each: free_port() for each in (StartTLS.IMAP, StartTLS.POP3, StartTLS.LMTP, StartTLS.SIEVE)}

    def service(name: str, protocol: StartTLS, *others: str) -> str:
        listeners = [f"inet_listener {other} {{\n port = 0\n }}" for other in others]
        own = f"inet_listener {protocol} {{\n port = {ports[protocol]}\n }}"
        return "\n".join([f"service {name} {{", own, *listeners, "}"])

    configuration = _configure(
        folder,
        "dovecot.conf",
        "protocols = imap pop3 lmtp sieve",
        f"listen = {HOST}",
        f"base_dir = {folder}/run",
        f"state_dir = {folder}/state",
        "log_path = /dev/stderr",
        "ssl = yes",
        f"ssl_cert = <{files.certificates}",
        f"ssl_key = <{files.key}",
        "mail_location = maildir:/nonexistent",
        "passdb {\n driver = static\n}",
        service("imap-login", StartTLS.IMAP, "imaps"),
        service("pop3-login", StartTLS.POP3, "pop3s"),
        service("managesieve-login", StartTLS.SIEVE, "sieve_deprecated"),
        service("lmtp", StartTLS.LMTP),
    )
    with run([find("dovecot"), "-F", "-c", configuration], folder, list(ports.values())):
        yield ports


@contextmanager
def proftpd(folder: Path, site: Site) -> Iterator[Ports]:
    """FTP by ProFTPD, which fetches the staple from the certificate's responder."""
    need_root("proftpd")
    files = files_of(folder, site)
    configuration = _configure(
        folder,
        "proftpd.conf",
        "ModulePath /usr/lib/proftpd",
        "LoadModule mod_tls.c",
        "LoadModule mod_tls_shmcache.c",
        "ServerType standalone",
        f"DefaultAddress {HOST}",
        "SocketBindTight on",
        f"Port {files.port}",
        "UseIPv6 off",
        "UseReverseDNS off",
        "WtmpLog off",
        "TransferLog none",
        f"PidFile {folder}/proftpd.pid",
        f"ScoreboardFile {folder}/scoreboard",
        f"DelayTable {folder}/delay",
        f"ControlsSocket {folder}/controls",
        "TLSEngine on",
        f"TLSECCertificateFile {files.certificates}",
        f"TLSECCertificateKeyFile {files.key}",
        f"TLSCertificateChainFile {files.chain}",
        "TLSStapling on" if site.fetch_staple else "TLSStapling off",
        f"TLSStaplingCache shm:/file={folder}/staples" if site.fetch_staple else "",
        f"TLSLog {folder}/tls.log",
    )
    with run([find("proftpd"), "-n", "-q", "-c", configuration], folder, [files.port]):
        yield {StartTLS.FTP: files.port}


@contextmanager
def slapd(folder: Path, site: Site) -> Iterator[Ports]:
    """LDAP by OpenLDAP, which knows no stapling."""
    files = files_of(folder, site)
    configuration = _configure(
        folder,
        "slapd.conf",
        f"pidfile {folder}/slapd.pid",
        f"TLSCertificateFile {files.certificates}",
        f"TLSCertificateKeyFile {files.key}",
    )
    command = [find("slapd"), "-d", "0", "-h", f"ldap://{HOST}:{files.port}", "-f", configuration]
    with run(command, folder, [files.port]):
        yield {StartTLS.LDAP: files.port}


@contextmanager
def prosody(folder: Path, site: Site) -> Iterator[Ports]:
    """XMPP by Prosody, which knows no stapling."""
    files = files_of(folder, site)
    ports = {each: free_port() for each in (StartTLS.XMPP_CLIENT, StartTLS.XMPP_SERVER)}
    configuration = _configure(
        folder,
        "prosody.cfg.lua",
        "run_as_root = true",
        f'data_path = "{folder}"',
        f'pidfile = "{folder}/prosody.pid"',
        f'interfaces = {{ "{HOST}" }}',
        f"c2s_ports = {{ {ports[StartTLS.XMPP_CLIENT]} }}",
        f"s2s_ports = {{ {ports[StartTLS.XMPP_SERVER]} }}",
        'modules_enabled = { "tls", "saslauth", "dialback" }',
        'modules_disabled = { "s2s_auth_certs" }',
        'log = { info = "*console" }',
        f'ssl = {{ certificate = "{files.certificates}", key = "{files.key}" }}',
        'VirtualHost "localhost"',
    )
    with run([find("prosody"), "-F", "--config", configuration], folder, list(ports.values())):
        yield ports


@contextmanager
def postgresql(folder: Path, site: Site) -> Iterator[Ports]:
    """PostgreSQL, which knows no stapling. It does not run as root."""
    files = files_of(folder, site)
    files.key.chmod(0o600)
    if _IS_ROOT:
        for each in (folder, files.key):
            shutil.chown(each, "postgres", "postgres")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    command = [*as_user("postgres"), find("initdb", *versions[-1:]), "-D", f"{folder}/data", "-A", "reject", "-N"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    settings = {
        "ssl": "on",
        "ssl_cert_file": files.certificates,
        "ssl_key_file": files.key,
        "listen_addresses": HOST,
        "unix_socket_directories": "",
    }
    command = [*as_user("postgres"), find("postgres", *versions[-1:]), "-D", f"{folder}/data", "-p", str(files.port)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with run(command, folder, [files.port]):
        yield {StartTLS.POSTGRES: files.port}


@contextmanager
def mariadb(folder: Path, site: Site) -> Iterator[Ports]:
    """MariaDB, which speaks MySQL's protocol and knows no stapling."""
    files = files_of(folder, site)
    (folder / "data").mkdir()
    command = [
        find("mariadbd"),
        "--no-defaults",
        *(["--user=root"] if _IS_ROOT else []),
        "--skip-grant-tables",
        "--skip-networking=0",
        f"--datadir={folder}/data",
        f"--socket={folder}/socket",
        f"--pid-file={folder}/pid",
        f"--bind-address={HOST}",
        f"--port={files.port}",
        f"--ssl-cert={files.certificates}",
        f"--ssl-key={files.key}",
    ]
    with run(command, folder, [files.port]):
        yield {StartTLS.MYSQL: files.port}


@contextmanager
def inspircd(folder: Path, site: Site) -> Iterator[Ports]:
    """IRC by InspIRCd, which knows no stapling."""
    files = files_of(folder, site)
    configuration = _configure(
        folder,
        "inspircd.conf",
        '<server name="irc.localhost" description="a test" network="test">',
        '<admin name="a" nick="a" email="a@localhost">',
        f'<bind address="{HOST}" port="{files.port}" type="clients">',
        '<module name="ssl_gnutls">',
        '<module name="starttls">',
        '<starttls provider="clients">',
        f'<sslprofile name="clients" provider="gnutls" certfile="{files.certificates}" keyfile="{files.key}">',
        '<connect allow="*" resolvehostnames="no" useident="no">',
        f'<pid file="{folder}/inspircd.pid">',
        '<log method="file" type="*" level="default" target="/dev/stdout">',
    )
    with run([find("inspircd"), "--nofork", "--runasroot", "--config", configuration], folder, [files.port]):
        yield {StartTLS.IRC: files.port}


@contextmanager
def apache(folder: Path, site: Site) -> Iterator[Ports]:
    """HTTPS by Apache, whose mod_ssl fetches the staple when the first client asks for it."""
    files = files_of(folder, site)
    stapling = f"SSLStaplingCache shmcb:{folder}/staples(65536)" if site.fetch_staple else ""
    with _apache(folder, files, stapling, f"SSLUseStapling {'on' if site.fetch_staple else 'off'}"):
        yield {StartTLS.NONE: files.port}


@contextmanager
def apache_md(folder: Path, site: Site) -> Iterator[Ports]:
    """HTTPS by Apache, whose mod_md fetches the staple beforehand."""
    files = files_of(folder, site)
    modules = ["md"]
    with _apache(folder, files, f"MDStoreDir {folder}/md", "MDStapling on", modules=modules):
        yield {StartTLS.NONE: files.port}


@contextmanager
def _apache(folder: Path, files: Files, everywhere: str, here: str, modules: Sequence[str] = ()) -> Iterator[None]:
    configuration = _configure(
        folder,
        "apache.conf",
        f"ServerRoot {folder}",
        "ServerName localhost",
        f"PidFile {folder}/apache.pid",
        f"DefaultRuntimeDir {folder}",
        f"Mutex file:{folder}",
        "User www-data" if _IS_ROOT else "",
        "Group www-data" if _IS_ROOT else "",
        "ErrorLog /dev/stderr",
        "LogLevel info",
        *(f"LoadModule {each}_module /usr/lib/apache2/modules/mod_{each}.so" for each in (*_APACHE_MODULES, *modules)),
        f"Listen {HOST}:{files.port}",
        "SSLSessionCache none",
        everywhere,
        f"<VirtualHost {HOST}:{files.port}>",
        "SSLEngine on",
        f"SSLCertificateFile {files.certificates}",
        f"SSLCertificateKeyFile {files.key}",
        here,
        "</VirtualHost>",
    )
    command = [find("apache2"), "-D", "FOREGROUND", "-f", configuration]
    with run(command, folder, [files.port]):
        yield


_APACHE_MODULES = ("mpm_event", "authz_core", "socache_shmcb", "ssl")


@contextmanager
def caddy(folder: Path, site: Site) -> Iterator[Ports]:
    """HTTPS by Caddy, which fetches the staple by itself."""
    files = files_of(folder, site)
    configuration = _configure(
        folder,
        "Caddyfile",
        "{",
        "admin off",
        "auto_https off",
        f"storage file_system {folder}/caddy",
        "}",
        f"https://localhost:{files.port} {{",
        f"bind {HOST}",
        f"tls {files.certificates} {files.key}",
        'respond "hello"',
        "}",
    )
    command = [
        find("env"),
        f"XDG_CONFIG_HOME={folder}",
        find("caddy"),
        "run",
        "--config",
        configuration,
        "--adapter",
        "caddyfile",
    ]
    with run(command, folder, [files.port]):
        yield {StartTLS.NONE: files.port}
