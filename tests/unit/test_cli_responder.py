"""`ocsp-exporter responder` as a shell sees it, against the lab's own responder."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.cli import main
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.demo.http import build_app, serve_http
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.demo.responder import Responder
from ocsp_exporter.model import Reason, Revocation


@dataclass(frozen=True, slots=True)
class World:
    """A CA of today, and the files with its certificate and with one that names the responder at `url`."""

    authority: Authority
    leaf: Credential
    url: str
    folder: Path

    def file(self, name: str) -> str:
        """Give the path of a file."""
        return str(self.folder / name)

    @property
    def files(self) -> list[str]:
        """The arguments that are always needed."""
        return ["--cert", self.file("leaf.pem"), "--issuer", self.file("ca.pem")]


@contextlib.asynccontextmanager
async def running(
    folder: Path, *, revoked: bool = False, is_known: bool = True, nocheck: bool = True
) -> AsyncIterator[World]:
    """Run a responder while the block lasts."""
    authority = Authority.root(int(time.time()))
    listener = listen("127.0.0.1")
    url = f"http://127.0.0.1:{port_of(listener)}/ocsp"
    leaf = authority.leaf(ocsp_urls=[url])
    revocation = Revocation(int(authority.now) - 3600, Reason.KEY_COMPROMISE) if revoked else None
    known = {leaf.certificate.serial_number: revocation} if is_known else {}
    responder = Responder(authority, known, time.time, authority.delegate(nocheck=nocheck))
    (folder / "leaf.pem").write_bytes(leaf.certificate_pem())
    (folder / "ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    async with serve_http(build_app(responder, authority.certificate), listener):
        yield World(authority, leaf, url, folder)


async def examine(*arguments: str) -> Result:
    """Run the command beside the responder that this event loop drives."""
    return await asyncio.to_thread(CliRunner().invoke, main, ["responder", *arguments])


async def test_a_responder_that_does_all_rightly(tmp_path: Path) -> None:
    """It ends with 0, having told each rule, those of public CAs only where they were asked for."""
    async with running(tmp_path) as world:
        result = await examine(*world.files)
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith(f"{world.url}  module responder, probed ")
        assert " OK  The responder's answer is good, for another 6 d 22 h." in result.stdout
        assert "  conforms      get: good\n" in result.stdout
        assert "RFC 6960, appendix A.1; RFC 9919, section 6; CA/B" in " ".join(result.stdout.split())
        assert "validity_interval" not in result.stdout
        assert "unassigned_serial_not_good" not in result.stdout
        public = await examine(*world.files, "--profile", "public")
        assert (public.exit_code, "  conforms      validity_interval: 7.0 d\n" in public.stdout) == (0, True)
        named = await examine(*world.files, "--url", world.url)
        assert named.exit_code == 0


async def test_a_responder_that_violates_a_rule(tmp_path: Path) -> None:
    """It ends with 1."""
    async with running(tmp_path, nocheck=False) as world:
        result = await examine(*world.files)
    assert result.exit_code == 1, result.output
    assert "  violates      signer_nocheck: " in result.stdout


@pytest.mark.parametrize("state", ["revoked", "unknown"])
async def test_a_certificate_in_a_bad_state(tmp_path: Path, state: str) -> None:
    """It ends with 2, as `probe` does."""
    async with running(tmp_path, revoked=state == "revoked", is_known=state == "revoked") as world:
        result = await examine(*world.files)
    assert result.exit_code == 2, result.output
    assert f"  GET           UP  {state}  (HTTP 200, " in result.stdout


async def test_nobody_is_there(tmp_path: Path) -> None:
    """It ends with 2, and says what happened."""
    async with running(tmp_path) as world:
        pass
    result = await examine(*world.files)
    assert result.exit_code == 2, result.output
    assert "by GET and POST cannot be reached: Connection refused." in " ".join(result.stdout.split())
    assert "  not judged    sha256_cert_id: not asked\n" in result.stdout


async def test_what_is_wrong_with_the_command(tmp_path: Path) -> None:
    """It ends with 3 and a sentence, and nothing is asked."""
    async with running(tmp_path) as world:
        (tmp_path / "two.pem").write_bytes((tmp_path / "leaf.pem").read_bytes() * 2)
        (tmp_path / "foreign.pem").write_bytes(world.authority.twin().leaf().certificate_pem())
        (tmp_path / "silent.pem").write_bytes(world.authority.leaf().certificate_pem())
        issuer = ["--issuer", world.file("ca.pem")]
        for arguments, told in (
            (["--cert", world.file("leaf.pem")], "Missing option '--issuer'"),
            (["--cert", world.file("none.pem"), *issuer], "cannot be read: No such file or directory"),
            (["--cert", world.file("two.pem"), *issuer], "has 2 certificates; expected one certificate, in PEM or DER"),
            (
                ["--cert", world.file("foreign.pem"), *issuer],
                "as its certificate was given, did not issue; expected",
            ),
            (
                ["--cert", world.file("silent.pem"), *issuer],
                "names no responder by http or https; give its URL with --url.",
            ),
            ([*world.files, "--url", "ocsp.example"], "that is no http(s) URL"),
            ([*world.files, "--profile", "secret"], "'secret' is not one of 'private', 'public'"),
        ):
            result = await examine(*arguments)
            assert (result.exit_code, result.stdout) == (3, "")
            assert told in result.stderr
