"""The inputs that cost most of all that are not refused at once: `python -m tests.fuzz.worst_case` tells how much."""

import contextlib
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from math import prod

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from ocsp_exporter.demo import crl
from ocsp_exporter.demo import der as encoding
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import (
    CertificateOptions,
    authority_extensions,
    common_name,
    issue,
    responder_extensions,
)
from ocsp_exporter.demo.response import PrivateKey, Signing, extension, identifier, responder_by_key, responder_by_name
from ocsp_exporter.model import Reason, Revocation
from ocsp_exporter.revocation import certificate, der
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.crl import MalformedCRL, read
from ocsp_exporter.revocation.path import build_path
from ocsp_exporter.revocation.response import LARGEST_RESPONSE, LARGEST_SIGNED_PART, MOST_CERTIFICATES
from ocsp_exporter.revocation.signature import signed_by
from ocsp_exporter.revocation.validation import validate

NOW = 1_800_000_000.0
CA = Authority.root(NOW, "Test CA")
LEAF = CA.leaf("leaf.example").certificate

#: The part of what may be signed that is left for lists.
_ROOM = LARGEST_SIGNED_PART - 400

Work = Callable[[], object]


def _validation(encoded: bytes, issuer: x509.Certificate = CA.certificate, subject: x509.Certificate = LEAF) -> Work:
    return lambda: validate(encoded, subject, issuer, NOW, Policy())


def _long_name(length: int) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")] * (length // 12))


def works() -> Iterator[tuple[str, Work]]:
    """Yield hostile inputs by name, as functions that judge them."""
    single = CA.single(LEAF)
    yield "an ordinary response", _validation(CA.answer(LEAF))
    yield "the greatest size, of zeros", _validation(bytes(LARGEST_RESPONSE))
    yield "answers", _validation(CA.answer(LEAF, also=[single] * (_ROOM // len(single))))
    tiny = extension(x509.ObjectIdentifier("1.2.3"), b"")
    most = [tiny] * der.MOST_EXTENSIONS
    packed = CA.single(LEAF, single_extensions=most)
    yield "answers full of extensions", _validation(CA.answer(LEAF, also=[packed] * (_ROOM // len(packed) - 1)))
    name = _long_name(_ROOM - 400).public_bytes()
    yield "a long responder name", _validation(CA.answer(LEAF, responder_id=lambda _: encoding.explicit(1, name)))
    long = [issue(_long_name(3600), (), _dates(CA.key)).certificate for _ in range(MOST_CERTIFICATES)]
    yield (
        "delegates with long names",
        _validation(CA.answer(LEAF, responder_id=lambda _: responder_by_name(long[0]), certificates=long)),
    )
    yield from _long_issuer()
    for bits in (8192, 16384):
        yield from _slow_keys(bits)
    for curve in (ec.SECP521R1(), ec.BrainpoolP512R1()):
        yield f"a path among 200 certificates of {curve.name}", _path(curve)
    yield from _crls()


def _crls() -> Iterator[tuple[str, Work]]:
    """Yield CRLs whose entries are of the kind that costs most for its size; a large one is read beside the probes."""
    time = encoding.utc_time(NOW)
    kinds: Mapping[str, Callable[[int], bytes]] = {
        "usual": lambda number: crl.entry(number << 64, Revocation(int(NOW), Reason.SUPERSEDED)),
        "the smallest": lambda _: encoding.sequence(encoding.integer(1), time),
        "a day each": lambda number: encoding.sequence(encoding.integer(1), encoding.generalized_time(number * 86400)),
        "long serial numbers": lambda number: encoding.sequence(encoding.integer(number + (1 << 168)), time),
        "extensions each": lambda number: crl.entry(number, Revocation(int(NOW), None), [_strange(number)]),
        "many extensions": lambda number: crl.entry(
            number, Revocation(int(NOW), None), [_strange(number + each) for each in range(der.MOST_EXTENSIONS)]
        ),
    }
    for name, entry in kinds.items():
        number = _CRL_SIZE // len(entry(0))
        encoded = CA.crl(entries=[entry(each) for each in range(number)])
        yield f"a CRL of 1 MiB, {number} entries: {name}", _reading(encoded)
    yield "a CRL of 1 MiB of zeros", _reading(CA.crl(entries=[bytes(_CRL_SIZE)]))


_CRL_SIZE = 2**20


def _strange(number: int) -> bytes:
    return extension(x509.ObjectIdentifier(f"1.3.{number}"), b"")


def _reading(encoded: bytes) -> Work:
    def work() -> None:
        with contextlib.suppress(MalformedCRL):
            read(encoded, CA.certificate)

    return work


def _long_issuer() -> Iterator[tuple[str, Work]]:
    by = issue(_long_name(60_000), authority_extensions(), _dates(CA.key))
    authority = Authority(NOW, by.certificate, by.key)
    leaf = authority.leaf("leaf.example").certificate
    both = [authority.single(leaf, hash_algorithm=each) for each in (hashes.SHA256(), hashes.SHA512())]
    encoded = authority.answer(leaf, also=both * (_ROOM // sum(map(len, both)) - 1))
    yield "answers about an issuer with a long name", _validation(encoded, by.certificate, leaf)


def _slow_keys(bits: int) -> Iterator[tuple[str, Work]]:
    """Keys that are slow to verify with; nobody needs to have made the signatures."""
    modulus = prod(
        rsa.generate_private_key(65537, 2048).private_numbers().public_numbers.n for _ in range(bits // 2048)
    )
    key = rsa.RSAPublicNumbers(2**32 - 1, modulus).public_key()
    claimed = (modulus - 99).to_bytes(bits // 8)
    signing = Signing(identifier("1.2.840.113549.1.1.11", encoding.null()), lambda _key, _data: claimed)
    issuer = _with_key(CA.certificate, key, signing)
    impostors = [_with_key(CA.delegate().certificate, key, signing) for _ in range(MOST_CERTIFICATES)]
    encoded = CA.answer(LEAF, responder_id=lambda _: responder_by_key(issuer), signing=signing, certificates=impostors)
    yield f"delegates with RSA keys of {bits} bits", _validation(encoded, issuer)

    long = issue(_long_name(60_000), authority_extensions(), _dates(CA.key))
    authority = Authority(NOW, _with_key(long.certificate, key, signing), CA.key)
    leaf = authority.leaf("leaf.example").certificate
    name = _long_name(1800)
    made = [issue(name, responder_extensions(ocsp_signing=True, nocheck=True), _dates(CA.key)) for _ in impostors]
    impostors = [_with_key(each.certificate, key, signing) for each in made]
    packed = authority.single(leaf, single_extensions=[extension(x509.ObjectIdentifier("1.2.3"), b"")] * 100)
    encoded = authority.answer(
        leaf,
        responder_id=lambda _: responder_by_name(impostors[0]),
        signing=signing,
        certificates=impostors,
        also=[packed] * ((_ROOM - 3000) // len(packed) - 1),
    )
    yield (
        f"the same with long names and many extensions, {bits} bits",
        _validation(encoded, authority.certificate, leaf),
    )


def _dates(key: PrivateKey) -> CertificateOptions:
    return {"not_before": NOW - 1, "not_after": NOW + 1, "key": key}


def _with_key(made: x509.Certificate, key: rsa.RSAPublicKey, signing: Signing) -> x509.Certificate:
    tbs, *_ = der.parse(made.public_bytes(Encoding.DER)).children()
    fields = [child.encoded for child in tbs.children()]
    fields[2], fields[6] = signing.algorithm, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    claimed = encoding.bit_string(signing.sign(CA.key, b""))
    parsed = certificate.parse(encoding.sequence(encoding.sequence(*fields), signing.algorithm, claimed))
    assert parsed is not None
    return parsed


def _path(curve: ec.EllipticCurve) -> Work:
    """A path whose every next certificate comes last, and bears a name that leads nowhere."""
    keys = [ec.generate_private_key(curve) for _ in range(201)]
    chain = [
        issue(common_name(f"CA {number}"), (), _dates(key), (common_name("nobody"), above)).certificate
        for number, (key, above) in enumerate(pairwise(keys))
    ]
    return lambda: build_path(chain[0], (*chain[10:], *reversed(chain[1:10])), {})


def main() -> None:
    """Print what each costs the first time: milliseconds of CPU, and memory (measured apart)."""
    for name, work in works():
        spent = []
        for _ in range(3):
            certificate.remembered.cache_clear()
            signed_by.cache_clear()  # type: ignore[attr-defined]  # what `remembering` wraps has it
            begun = time.process_time()
            work()
            spent.append(time.process_time() - begun)
        tracemalloc.start()
        work()
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(f"{min(spent) * 1000:8.1f} ms {peak / 2**20:8.2f} MiB  {name}")  # noqa: T201 -- a command


if __name__ == "__main__":
    main()
