"""A process that reads one large CRL and ends: `python -m ocsp_exporter.probing.crl_worker`.

Its standard input is a file in which the issuer's certificate and the CRL stand one after the other, its arguments say
how many octets each has. To its standard output it writes the CertificateList, or the MalformedCRL that it is.
"""

import os
import pickle
import resource
import sys
import warnings

from cryptography import x509

from ocsp_exporter.revocation.crl import CertificateList, MalformedCRL, read

#: Address space for a CRL: libraries and interpreter, and the entries, of which the smallest cost most (8 octets of
#: memory for one of the CRL). More is for a hostile one only, and shall not be had at the cost of the exporter.
_SPACE = 512 * 1024 * 1024
_SPACE_PER_OCTET = 12
#: The probes go first.
_NICENESS = 10


def main() -> None:
    """Read what is to be read, and write what it is."""
    issuer_size, crl_size = map(int, sys.argv[1:])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    space = _SPACE + _SPACE_PER_OCTET * crl_size
    resource.setrlimit(resource.RLIMIT_AS, (space if hard == resource.RLIM_INFINITY else min(space, hard), hard))
    os.nice(_NICENESS)
    with open(0, "rb", buffering=0) as source:
        encoded_issuer = source.read(issuer_size)
        encoded = source.read(crl_size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about odd certificates: tolerated here
        issuer = x509.load_der_x509_certificate(encoded_issuer)
    with open(1, "wb") as output:
        pickle.dump(_result(encoded, issuer), output, protocol=pickle.HIGHEST_PROTOCOL)


def _result(encoded: bytes, issuer: x509.Certificate) -> CertificateList | MalformedCRL:
    try:
        return read(encoded, issuer)
    except MalformedCRL as malformed:
        return malformed


if __name__ == "__main__":
    main()
