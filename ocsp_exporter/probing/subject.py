"""A certificate on its path, as those who ask about it see it: whom they may ask, and who vouches for that. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from cryptography import x509

from ocsp_exporter.model import MOST_SOURCE_URLS, Evidence, Module, Problem, Source, Status
from ocsp_exporter.probing.egress_policy import Voucher
from ocsp_exporter.probing.responder import Question
from ocsp_exporter.probing.roots import by_subject
from ocsp_exporter.revocation.certificate import public_key_info, subject_of
from ocsp_exporter.revocation.checks import Policy, policy_of
from ocsp_exporter.revocation.extensions import crl_urls, is_authority, ocsp_urls
from ocsp_exporter.revocation.path import checked_depths, issuer_on
from ocsp_exporter.revocation.status import status_of

#: Longer URLs are not asked: whoever made a certificate could keep the exporter busy.
LONGEST_URL = 2048


@dataclass(frozen=True)  # without slots: what is read of a certificate is remembered, as long as the subject itself
class Subject:
    """The certificate at a depth of a path that is built by signature, and what it says of its sources."""

    path: Sequence[x509.Certificate]
    depth: int
    module: Module

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate itself."""
        return self.path[self.depth]

    @cached_property
    def issuer(self) -> x509.Certificate | None:
        """Who issued it; None where nobody knows."""
        return issuer_on(self.path, self.depth)

    @cached_property
    def policy(self) -> Policy:
        """How evidence about it is judged."""
        return policy_of(self.module)

    def configured(self, urls: tuple[str, ...]) -> tuple[str, ...]:
        """Return the URLs that the operator wrote, as far as they are about this certificate: they are the leaf's."""
        return () if self.depth else urls

    @cached_property
    def responder_urls(self) -> tuple[str, ...]:
        """The URLs of its responder, of any scheme: the operator's, or else its own."""
        return self.configured(self.module.responder.urls) or ocsp_urls(self.certificate)

    @cached_property
    def crl_urls(self) -> tuple[str, ...]:
        """The URLs of its CRL, of any scheme: the operator's, or else its own."""
        return self.configured(self.module.crl.urls) or crl_urls(self.certificate)

    @cached_property
    def question(self) -> Question | Problem:
        """What its responder is asked, or why it cannot be."""
        problem = self.obstacle(self.responder_urls)
        if self.issuer is None or problem:
            return problem or Problem.ISSUER_UNAVAILABLE
        settings = self.module.responder
        return Question(
            subject=self.certificate,
            issuer=self.issuer,
            urls=askable(self.responder_urls),
            vouched_by=self.voucher(self.configured(settings.urls)),
            method=settings.method,
            hash=settings.hash,
            nonce=settings.nonce,
            timeout=settings.timeout,
        )

    def obstacle(self, urls: Sequence[str]) -> Problem | None:
        """Return why nobody can be asked; without the issuer there is neither CertID nor signature to verify."""
        if not askable(urls):
            return Problem.UNSUPPORTED_SCHEME
        return Problem.ISSUER_UNAVAILABLE if self.issuer is None else None

    def voucher(self, configured: Sequence[str]) -> Voucher:
        """Return who stands behind the URLs: the operator, or a root or issuer of the module's over CAs only."""
        if configured:
            return Voucher.OPERATOR
        if self.certificate in _anchors(self.certificate, self.module):
            return Voucher.TRUST
        for each in self.path[self.depth + 1 :]:
            if _has_key_of_anchor(each, self.module):
                return Voucher.TRUST
            if not is_authority(each):
                break  # anybody who bought a certificate could sign others with it
        return Voucher.NOBODY

    def without(self, source: Source, problem: Problem) -> Evidence:
        """Say that a source brought nothing, and why."""
        return Evidence(source, self.depth, status_of((problem,)) or Status.INVALID, (problem,))


def subjects_of(path: Sequence[x509.Certificate], module: Module) -> tuple[Subject, ...]:
    """Return the certificates of a path that the module wants checked."""
    return tuple(Subject(path, depth, module) for depth in checked_depths(path, module.chain))


def askable(urls: Sequence[str]) -> tuple[str, ...]:
    """Return those of some URLs that can be asked, the first ones, each once."""
    on_the_web = (url for url in urls if url.lower().startswith(("http:", "https:")) and len(url) <= LONGEST_URL)
    return tuple(dict.fromkeys(on_the_web))[:MOST_SOURCE_URLS]


def _anchors(certificate: x509.Certificate, module: Module) -> tuple[x509.Certificate, ...]:
    """Return the roots and issuers of the module's with the certificate's name."""
    name = subject_of(certificate)
    issuers = (each for each in module.issuers if subject_of(each) == name)
    return (*issuers, *by_subject(module.tls.roots).get(name, ()))


def _has_key_of_anchor(certificate: x509.Certificate, module: Module) -> bool:
    """Tell whether a certificate has the name and the key of a root or an issuer of the module's.

    Servers send certificates of roots that other roots have signed. That says something only where this key verified a
    signature: anybody can put a name and a public key into a certificate of his own.
    """
    key = public_key_info(certificate)
    return any(public_key_info(known) == key for known in _anchors(certificate, module))
