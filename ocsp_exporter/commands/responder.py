"""`ocsp-exporter responder`: examine a CA's responder once and tell."""

from pathlib import Path
from typing import Final

import click

from ocsp_exporter.commands.probe import look
from ocsp_exporter.config.files import check_issued, read_certificate
from ocsp_exporter.model import EgressPolicy, Module, ProberKind, Profile
from ocsp_exporter.target import TargetError, read_target

#: Seconds for all that is asked: somebody waits for it.
_TIMEOUT: Final = 30.0


def run(certificate: Path, issuer: Path, url: str, profile: str) -> int:
    """Examine the responder at `url` (empty: the certificate's own), print what was found, and return the exit code.

    `certificate` and `issuer` are files, `profile` is a value of Profile. Raises ClickException before anything is
    asked.
    """
    try:
        subject = read_certificate(str(certificate), Path())
        ca = read_certificate(str(issuer), Path()).certificate
        check_issued(subject, ca)
        module = Module(
            "responder",
            ProberKind.RESPONDER,
            timeout=_TIMEOUT,
            issuers=(ca,),
            certificate=subject.certificate,
            profile=Profile(profile),
        )
        target = read_target(url, module)
    except TargetError as error:
        unnamed = f"The certificate in {certificate} names no responder by http or https; give its URL with --url."
        raise click.ClickException(str(error) if url else unnamed) from error
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    return look([target], module, EgressPolicy(), "text")
