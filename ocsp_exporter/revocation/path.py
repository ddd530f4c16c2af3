"""Who issued a certificate: the path from a leaf upwards, built by signature."""

from collections.abc import Iterable, Mapping, Sequence

from cryptography import x509

from ocsp_exporter.model import ChainDepth
from ocsp_exporter.revocation.certificate import Name, issuer_of, subject_of
from ocsp_exporter.revocation.signature import signed_by

#: A path longer than this is no path but a trap.
LONGEST_PATH = 10
#: So many signatures are checked in search of a path; names come first, so that those needed are among them.
MOST_TRIED = 24


def find_issuer(subject: x509.Certificate, candidates: Iterable[x509.Certificate]) -> x509.Certificate | None:
    """Return the first candidate whose key signed `subject`, those of the right name being tried first.

    By signature, never by name alone: a name is no proof, and equal names may be written differently. No more
    than `MOST_TRIED` are tried.
    """
    return _search(subject, candidates, MOST_TRIED)[0]


def _search(
    subject: x509.Certificate, candidates: Iterable[x509.Certificate], most: int
) -> tuple[x509.Certificate | None, int]:
    """Return the issuer found, if any, and how many candidates were tried."""
    ordered = sorted(candidates, key=lambda candidate: subject_of(candidate) != issuer_of(subject))[:most]
    for tried, candidate in enumerate(ordered, start=1):
        if signed_by(subject, candidate):
            return candidate, tried
    return None, len(ordered)


def build_path(
    leaf: x509.Certificate,
    candidates: Sequence[x509.Certificate],
    roots: Mapping[Name, Sequence[x509.Certificate]],
) -> tuple[x509.Certificate, ...]:
    """Return the path from `leaf` upwards, each certificate signed by the next, as far as the candidates reach.

    Of the `roots`, keyed by their subject, only those of the right name are tried: there are hundreds. No more
    than `MOST_TRIED` signatures are checked for a path: a server may send hundreds of certificates, too.
    """
    path = [leaf]
    left = MOST_TRIED
    while len(path) < LONGEST_PATH and not is_self_signed(path[-1]):
        at_hand = dict.fromkeys((*candidates, *roots.get(issuer_of(path[-1]), ())))
        issuer, tried = _search(path[-1], (candidate for candidate in at_hand if candidate not in path), left)
        left -= tried
        if issuer is None:
            break
        path.append(issuer)
    return tuple(path)


def issuer_on(path: Sequence[x509.Certificate], depth: int) -> x509.Certificate | None:
    """Return who issued the certificate at a depth of a path: the next one, or itself; None where nobody knows."""
    if depth + 1 < len(path):
        return path[depth + 1]
    return path[depth] if is_self_signed(path[depth]) else None


def checked_depths(path: Sequence[x509.Certificate], chain: ChainDepth) -> tuple[int, ...]:
    """Return the depths at which revocation is checked: the leaf's, and all others that a module wants, bar the root's.

    A root vouches for itself, and nobody else can revoke it.
    """
    above = range(1, len(path)) if chain is ChainDepth.ALL else ()
    return (0, *(depth for depth in above if not is_self_signed(path[depth])))


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate bears its own name as issuer and its own key's signature."""
    return subject_of(certificate) == issuer_of(certificate) and signed_by(certificate, certificate)
