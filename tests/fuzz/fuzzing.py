"""Puts changed inputs to the pure core and checks what must hold for all of them."""

import gc
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.demo.crl import full_name, issuing_distribution_point, url_name
from ocsp_exporter.model import VERIFIED
from ocsp_exporter.revocation import certificate, der
from ocsp_exporter.revocation.checks import Policy
from ocsp_exporter.revocation.extensions import may_sign_responses
from ocsp_exporter.revocation.facts import describe
from ocsp_exporter.revocation.path import build_path
from ocsp_exporter.revocation.response import MalformedResponse, Response, parse
from ocsp_exporter.revocation.validation import validate
from tests.fuzz.mutating import mutated
from tests.scenarios.crl_material import POINT, CRLMaterial, CRLSubject, build_crl, judged
from tests.scenarios.crl_table import CRL_SCENARIOS
from tests.scenarios.material import Material, Options, Subject, build
from tests.scenarios.table import SCENARIOS

NOW = 1_800_000_000.0
MATERIAL = Material(now=NOW)
CRL_MATERIAL = CRLMaterial(now=NOW)

#: Longer ones are not worth their time: what they show is their size.
_LARGEST_SEED = 4096
_COLLECTED_AFTER = 5000


@dataclass(slots=True)
class Report:
    """What a run found. Times are seconds of CPU, memory is in octets; both of the worst single input.

    `accepted` inputs could be read although they were changed, `verified` are those responses and CRLs that are still
    verified: what changed lies outside of what is signed.
    """

    inputs: int = 0
    accepted: int = 0
    verified: int = 0
    worst_time: float = 0.0
    worst_memory: int = 0
    failures: list[str] = field(default_factory=list)

    def judge(self, check: Callable[[bytes, "Report"], None], data: bytes, *, measure_memory: bool) -> None:
        """Put one input to a check and note what it cost, and whether it failed."""
        self.inputs += 1
        if measure_memory:
            tracemalloc.start()
        begun = time.process_time()
        try:
            check(data, self)
        except Exception:  # noqa: BLE001 -- that there is none is what is tested
            self.failures.append(f"{traceback.format_exc()}input: {data.hex()}")
        if measure_memory:
            self.worst_memory = max(self.worst_memory, tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        else:
            self.worst_time = max(self.worst_time, time.process_time() - begun)


@dataclass(frozen=True, slots=True)
class Seed:
    """Real bytes that are changed, and the check of what comes out."""

    data: bytes
    check: Callable[[bytes, Report], None]


def run(
    inputs: int | None, seconds: float | None, seed: int, progress: Callable[[Report], None] = lambda _report: None
) -> Report:
    """Check so many inputs, or for so long; `progress` is shown the report after each."""
    random = Random(seed)  # noqa: S311 -- not for secrets, and to be repeated
    seeds = (*_responses(), *_certificates(), *_crls())
    report = Report()
    ends = None if seconds is None else time.monotonic() + seconds
    try:
        while report.inputs != inputs and (ends is None or time.monotonic() < ends):
            if report.inputs % _COLLECTED_AFTER == 0:
                gc.collect()
                gc.disable()  # so that no single input is charged with the garbage of others
            chosen = random.choice(seeds)
            # Tracing makes everything slower, so that it is one input in sixteen of which the memory is measured.
            report.judge(chosen.check, mutated(random, chosen.data), measure_memory=report.inputs % 16 == 0)
            progress(report)
    finally:
        gc.enable()
    return report


def _responses() -> Iterator[Seed]:
    for scenario in SCENARIOS:
        for options in (scenario.bad_options, scenario.twin_options):
            seed = _response(options)
            if len(seed.data) <= _LARGEST_SEED:
                yield seed


def _response(options: Options) -> Seed:
    """Build a scenario's response, noting what was signed: a scenario may spoil it afterwards, and fuzzing mend it."""
    genuine: list[bytes] = []

    def spoil(data: bytes) -> bytes:
        genuine.append(data)
        spoiled: bytes = options["mangle"](data) if "mangle" in options else data
        return spoiled

    data, subject = build(MATERIAL, {**options, "mangle": spoil})
    return Seed(data, _ResponseCheck(_signed(genuine[0]), subject))


def _signed(data: bytes) -> bytes | None:
    try:
        response = parse(data)
    except MalformedResponse:
        return None
    return response.signed if isinstance(response, Response) else None


@dataclass(frozen=True, slots=True)
class _ResponseCheck:
    """Whatever the bytes are, validate() does not raise, and believes only what was signed (`signed`)."""

    signed: bytes | None
    subject: Subject

    def __call__(self, data: bytes, report: Report) -> None:
        evidence = self.subject.judge(data, NOW)
        report.accepted += evidence.produced_at is not None
        if evidence.status in VERIFIED:
            report.verified += 1
            assert evidence.authentic
            assert _signed(data) == self.signed, "a changed tbsResponseData was believed"


def _crls() -> Iterator[Seed]:
    for scenario in CRL_SCENARIOS:
        for options in (scenario.bad_options, scenario.twin_options):
            # A mangled one is not built upon: a change could mend it.
            data, subject = build_crl(CRL_MATERIAL, {**options, "mangle": _unchanged})
            if len(data) <= _LARGEST_SEED:
                yield Seed(data, _CRLCheck(der.signed_parts(data)[0], subject))


def _unchanged(data: bytes) -> bytes:
    return data


@dataclass(frozen=True, slots=True)
class _CRLCheck:
    """Whatever the bytes are, they are a CRL or none, and only what was signed (`signed`) is believed."""

    signed: bytes
    subject: CRLSubject

    def __call__(self, data: bytes, report: Report) -> None:
        evidence = judged(data, self.subject, NOW)
        report.accepted += evidence.crl is not None
        if evidence.status in VERIFIED:
            report.verified += 1
            assert evidence.authentic
            assert der.signed_parts(data)[0] == self.signed, "a changed TBSCertList was believed"


def _certificates() -> Iterator[Seed]:
    authority = MATERIAL.authority
    leaf = authority.leaf(
        "leaf.example",
        "192.0.2.1",
        must_staple=True,
        ocsp_urls=["http://ocsp.example/a", "ldap://ocsp.example"],
        crl_urls=["http://crl.example/b"],
        issuer_urls=["http://ca.example/c"],
    )
    made = (leaf, MATERIAL.leaf, MATERIAL.delegate)
    certificates = (authority.certificate, MATERIAL.below.certificate, *(each.certificate for each in made))
    certificates += tuple(MATERIAL.with_key(kind).certificate for kind in ("rsa", "p384", "ed25519"))
    answer = authority.answer(MATERIAL.leaf, signer=MATERIAL.delegate)
    crl = CRL_MATERIAL.authority.crl(extensions=[issuing_distribution_point(full_name(url_name(POINT)))])
    # As many seeds as there are responses, so that both get half of the inputs.
    for _ in range(len(SCENARIOS) // 4):
        for each in certificates:
            yield Seed(each.public_bytes(Encoding.DER), _CertificateCheck(answer, crl))


@dataclass(frozen=True, slots=True)
class _CertificateCheck:
    """Whatever the bytes are, reading them does not raise; what was read serves as any certificate of a verdict."""

    answer: bytes
    crl: bytes

    def __call__(self, data: bytes, report: Report) -> None:
        parsed = certificate.parse(data)
        if parsed is None:
            return
        report.accepted += 1
        describe(parsed, 0)
        may_sign_responses(parsed)
        authority = MATERIAL.authority.certificate
        path = build_path(parsed, (MATERIAL.leaf.certificate, authority, parsed), {})
        assert path[0] is parsed
        leaf = MATERIAL.leaf.certificate
        validate(self.answer, parsed, authority, NOW, Policy())
        validate(self.answer, leaf, parsed, NOW, Policy())
        validate(self.answer, leaf, authority, NOW, Policy(trusted=(parsed,)))
        judged(self.crl, CRLSubject(parsed, CRL_MATERIAL.authority.certificate, Policy()), NOW)
        judged(self.crl, CRLSubject(leaf, parsed, Policy()), NOW)
