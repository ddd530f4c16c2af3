"""A certificate on its path, as those who ask about it see it: whom they may ask, and who vouches for that. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509

from ocsp_exporter.model import MOST_SOURCE_URLS, Evidence, Module, Problem, Source, Status
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.roots import by_subject
from ocsp_exporter.revocation.certificate import public_key_info, subject_of
from ocsp_exporter.revocation.checks import Policy, policy_of
from ocsp_exporter.revocation.extensions import is_authority
from ocsp_exporter.revocation.path import issuer_on
from ocsp_exporter.revocation.status import status_of

#: Longer URLs are not asked: whoever made a certificate could keep the exporter busy.
LONGEST_URL = 2048


@dataclass(frozen=True, slots=True)
class Subject:
    """The certificate at a depth of a path that is built by signature, and until when its sources are waited for.

    `deadline` is on the event loop's clock.
    """

    path: Sequence[x509.Certificate]
    depth: int
    module: Module
    deadline: float

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate itself."""
        return self.path[self.depth]

    @property
    def issuer(self) -> x509.Certificate | None:
        """Who issued it; None where nobody knows."""
        return issuer_on(self.path, self.depth)

    @property
    def policy(self) -> Policy:
        """How evidence about it is judged."""
        return policy_of(self.module)

    def configured(self, urls: tuple[str, ...]) -> tuple[str, ...]:
        """Return the URLs that the operator wrote, as far as they are about this certificate: they are the leaf's."""
        return () if self.depth else urls

    def obstacle(self, urls: Sequence[str]) -> Problem | None:
        """Return why nobody can be asked; without the issuer there is neither CertID nor signature to verify."""
        if not askable(urls):
            return Problem.UNSUPPORTED_SCHEME
        return Problem.ISSUER_UNAVAILABLE if self.issuer is None else None

    def voucher(self, configured: Sequence[str]) -> Voucher:
        """Return who stands behind the URLs: the operator, or a root or issuer of the module's over CAs only."""
        if configured:
            return Voucher.OPERATOR
        for each in self.path[self.depth :]:
            if _is_trusted(each, self.module):
                return Voucher.TRUST
            if each is not self.certificate and not is_authority(each):
                break  # anybody who bought a certificate could sign others with it
        return Voucher.NOBODY

    def without(self, source: Source, problem: Problem) -> Evidence:
        """Say that a source brought nothing, and why."""
        return Evidence(source, self.depth, status_of((problem,)) or Status.INVALID, (problem,))


def askable(urls: Sequence[str]) -> tuple[str, ...]:
    """Return those of some URLs that can be asked, the first ones, each once."""
    on_the_web = (url for url in urls if url.lower().startswith(("http:", "https:")) and len(url) <= LONGEST_URL)
    return tuple(dict.fromkeys(on_the_web))[:MOST_SOURCE_URLS]


def _is_trusted(certificate: x509.Certificate, module: Module) -> bool:
    """Tell whether a certificate is a root or an issuer of the module's, or one of the same name and key.

    Servers send certificates of roots that other roots have signed.
    """
    roots = by_subject(module.tls.roots).get(subject_of(certificate), ())
    return any(
        subject_of(known) == subject_of(certificate) and public_key_info(known) == public_key_info(certificate)
        for known in (*module.issuers, *roots)
    )
