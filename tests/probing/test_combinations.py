"""Staple, responder and CRL, each with every status in turn, and what is published of the three together.

Everything is real, from the handshake to the page; only the machine is small.
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from ocsp_exporter.demo.authority import Authority, unsuccessful
from ocsp_exporter.demo.certificate import DAY, HOUR, Credential, location_extensions
from ocsp_exporter.model import (
    ChainDepth,
    CRLQuery,
    CRLSettings,
    Module,
    Reason,
    ResponderSettings,
    Revocation,
    StaplePolicy,
    StapleSettings,
    Status,
    TLSSettings,
)
from ocsp_exporter.probing.opening import open_prober
from ocsp_exporter.probing.probe import Prober
from tests.probing.http_server import Script, answer, hang_after
from tests.probing.scene import (
    CA,
    HERE,
    MODULE,
    NOW,
    Acts,
    Page,
    Scene,
    Sources,
    Staples,
    as_crl,
    as_response,
    no_staple,
    scene,
    sources,
)

#: What was revoked was revoked three days ago, long before anything here was issued but what has expired.
REVOKED_AT = NOW - 3 * DAY
TWIN = CA.twin()

#: Whoever is missing there is somewhere else, where nobody asks.
DIRECTORY = "ldap://directory.example/cn=CA"
NOT_FOUND = answer(b"no such thing", "404 Not Found")


def listed(leaf: Credential, at: float = REVOKED_AT, reason: Reason | None = None) -> Mapping[int, Revocation]:
    """Put the leaf on a CRL."""
    return {leaf.certificate.serial_number: Revocation(int(at), reason)}


#: For each status, how a source comes to have it; `none`: it does not apply.
STAPLES: Mapping[str, Staples] = {
    "good": lambda ca, leaf: ca.answer(leaf, this_update=NOW - 3 * HOUR),
    "revoked": lambda ca, leaf: ca.answer(
        leaf, status=Status.REVOKED, this_update=NOW - 3 * HOUR, revocation_time=REVOKED_AT
    ),
    "unknown": lambda ca, leaf: ca.answer(leaf, status=Status.UNKNOWN, this_update=NOW - 3 * HOUR),
    "server_failed": lambda _ca, _leaf: unsuccessful(),
    "missing": no_staple,
    "invalid": lambda ca, leaf: ca.answer(leaf, this_update=NOW - 8 * DAY, next_update=NOW - DAY),
    "none": no_staple,
}
RESPONDERS: Mapping[str, Acts] = {
    "good": [lambda ca, leaf: as_response(ca.answer(leaf))],
    "revoked": [lambda ca, leaf: as_response(ca.answer(leaf, status=Status.REVOKED, revocation_time=REVOKED_AT))],
    "unknown": [lambda ca, leaf: as_response(ca.answer(leaf, status=Status.UNKNOWN))],
    "server_failed": [lambda _ca, _leaf: NOT_FOUND],
    "missing": DIRECTORY,
    "invalid": [lambda ca, leaf: as_response(ca.answer(leaf, signing_key=TWIN.key))],
    "none": (),
}
CRLS: Mapping[str, Acts] = {
    "good": [lambda ca, _: as_crl(ca.crl())],
    "revoked": [lambda ca, leaf: as_crl(ca.crl(listed(leaf)))],
    "server_failed": [lambda _ca, _leaf: NOT_FOUND],
    "missing": DIRECTORY,
    "invalid": [lambda ca, _: as_crl(ca.crl(this_update=NOW - 8 * DAY, next_update=NOW - DAY))],
    "none": (),
}

#: The problems that are told beside the status.
PROBLEMS: Mapping[str, Mapping[str, str]] = {
    "staple": {"server_failed": "unsuccessful", "invalid": "expired"},
    "responder": {
        "server_failed": "http_error",
        "missing": "unsupported_scheme",
        "invalid": "signature_invalid",
    },
    "crl": {"server_failed": "http_error", "missing": "unsupported_scheme", "invalid": "expired"},
}
#: What is authentic is, verified or not, such as may have ended since: then its end is published, and a lag measured.
AUTHENTIC: Mapping[str, set[str]] = {
    "staple": {"good", "revoked", "unknown", "invalid"},
    "responder": {"good", "revoked", "unknown"},
    "crl": {"good", "revoked", "invalid"},
}

#: Of each combination, the series as they are published; - where there is none.
#:   compliant: ocsp_must_staple_compliant under the policy auto, of a certificate that demands a staple, unless the
#:              staple is `none`: then of one that does not
#:   lag:       ocsp_staple_lag_seconds
#: and, for each status of the CRL, ocsp_revoked and ocsp_sources_agree.
TABLE = """
staple         responder      compliant  lag      good  revoked  server_failed  missing  invalid  none
good           good           1          7200     0 1   1 0      0 1            0 1      0 1      0 1
good           revoked        1          7200     1 0   1 0      1 0            1 0      1 0      1 0
good           unknown        1          7200     0 0   1 0      0 0            0 0      0 0      0 0
good           server_failed  1          -        0 1   1 0      0 -            0 -      0 -      0 -
good           missing        1          -        0 1   1 0      0 -            0 -      0 -      0 -
good           invalid        1          -        0 1   1 0      0 -            0 -      0 -      0 -
good           none           1          -        0 1   1 0      0 -            0 -      0 -      0 -
revoked        good           1          7200     1 0   1 0      1 0            1 0      1 0      1 0
revoked        revoked        1          7200     1 0   1 1      1 1            1 1      1 1      1 1
revoked        unknown        1          7200     1 0   1 1      1 1            1 1      1 1      1 1
revoked        server_failed  1          -        1 0   1 1      1 -            1 -      1 -      1 -
revoked        missing        1          -        1 0   1 1      1 -            1 -      1 -      1 -
revoked        invalid        1          -        1 0   1 1      1 -            1 -      1 -      1 -
revoked        none           1          -        1 0   1 1      1 -            1 -      1 -      1 -
unknown        good           1          7200     0 0   1 0      0 0            0 0      0 0      0 0
unknown        revoked        1          7200     1 0   1 1      1 1            1 1      1 1      1 1
unknown        unknown        1          7200     0 1   1 1      - 1            - 1      - 1      - 1
unknown        server_failed  1          -        0 1   1 1      - -            - -      - -      - -
unknown        missing        1          -        0 1   1 1      - -            - -      - -      - -
unknown        invalid        1          -        0 1   1 1      - -            - -      - -      - -
unknown        none           1          -        0 1   1 1      - -            - -      - -      - -
server_failed  good           0          -        0 1   1 0      0 -            0 -      0 -      0 -
server_failed  revoked        0          -        1 0   1 1      1 -            1 -      1 -      1 -
server_failed  unknown        0          -        0 1   1 1      - -            - -      - -      - -
server_failed  server_failed  0          -        0 -   1 -      - -            - -      - -      - -
server_failed  missing        0          -        0 -   1 -      - -            - -      - -      - -
server_failed  invalid        0          -        0 -   1 -      - -            - -      - -      - -
server_failed  none           0          -        0 -   1 -      - -            - -      - -      - -
missing        good           0          -        0 1   1 0      0 -            0 -      0 -      0 -
missing        revoked        0          -        1 0   1 1      1 -            1 -      1 -      1 -
missing        unknown        0          -        0 1   1 1      - -            - -      - -      - -
missing        server_failed  0          -        0 -   1 -      - -            - -      - -      - -
missing        missing        0          -        0 -   1 -      - -            - -      - -      - -
missing        invalid        0          -        0 -   1 -      - -            - -      - -      - -
missing        none           0          -        0 -   1 -      - -            - -      - -      - -
invalid        good           0          687600   0 1   1 0      0 -            0 -      0 -      0 -
invalid        revoked        0          687600   1 0   1 1      1 -            1 -      1 -      1 -
invalid        unknown        0          687600   0 1   1 1      - -            - -      - -      - -
invalid        server_failed  0          -        0 -   1 -      - -            - -      - -      - -
invalid        missing        0          -        0 -   1 -      - -            - -      - -      - -
invalid        invalid        0          -        0 -   1 -      - -            - -      - -      - -
invalid        none           0          -        0 -   1 -      - -            - -      - -      - -
none           good           -          -        0 1   1 0      0 -            0 -      0 -      0 -
none           revoked        -          -        1 0   1 1      1 -            1 -      1 -      1 -
none           unknown        -          -        0 1   1 1      - -            - -      - -      - -
none           server_failed  -          -        0 -   1 -      - -            - -      - -      - -
none           missing        -          -        0 -   1 -      - -            - -      - -      - -
none           invalid        -          -        0 -   1 -      - -            - -      - -      - -
none           none           -          -        0 -   1 -      - -            - -      - -      - -
"""


@dataclass(frozen=True)
class Row:
    """A row of the table: `together` are `ocsp_revoked` and `ocsp_sources_agree` by the status of the CRL."""

    staple: str
    responder: str
    compliant: str
    lag: str
    together: Mapping[str, str]


def rows() -> Iterator[Row]:
    """Read the table."""
    head, *lines = TABLE.strip().splitlines()
    statuses = head.split()[4:]
    for line in lines:
        staple, responder, compliant, lag, *cells = line.split()
        pairs = (f"{revoked} {agree}" for revoked, agree in zip(cells[::2], cells[1::2], strict=True))
        yield Row(staple, responder, compliant, lag, dict(zip(statuses, pairs, strict=True)))


def test_the_table_has_each_status_of_each_source_beside_all_of_the_others() -> None:
    """It has a row for each pair of staple and responder, and a cell in it for each CRL."""
    table = list(rows())
    assert {(row.staple, row.responder) for row in table} == {(one, two) for one in STAPLES for two in RESPONDERS}
    assert all(list(row.together) == list(CRLS) for row in table)
    assert len(table) * len(CRLS) == 294
    for statuses in (STAPLES, RESPONDERS):
        assert set(statuses) == {*Status, "none"}
    assert set(CRLS) == {*Status, "none"} - {Status.UNKNOWN}  # it lists who is revoked, and not who exists


def lines(table: str) -> list[str]:
    """Give the lines of a table without its head."""
    return table.strip().splitlines()[1:]


def combination(staple: str, responder: str, crl: str) -> contextlib.AbstractAsyncContextManager[Scene]:
    """Set up an endpoint whose sources have these statuses."""
    return scene(STAPLES[staple], RESPONDERS[responder], CRLS[crl], must_staple=staple != "none")


async def look(prober: Prober, staple: str, responder: str, crl: str, module: Module = MODULE) -> Page:
    """Look at such an endpoint once."""
    async with combination(staple, responder, crl) as found:
        return await found.look(prober, module)


def shown(page: Page, name: str, **labels: str) -> str:
    """Give the value of a series as the tables have it."""
    value = page.value(name, **labels)
    return "-" if value is None else f"{value:.0f}"


def together(page: Page, depth: int = 0) -> str:
    """Give what all sources say together of the certificate at a depth."""
    at = str(depth)
    return f"{shown(page, 'ocsp_revoked', depth=at)} {shown(page, 'ocsp_sources_agree', depth=at)}"


def with_problem(source: str, status: str) -> str:
    """Give the status of a source with the problem that belongs to it here."""
    return f"{status} {PROBLEMS[source].get(status, '')}".strip()


@pytest.mark.parametrize("row", list(rows()), ids=lambda row: f"{row.staple}-{row.responder}")
async def test_the_series_are_those_of_the_table(row: Row) -> None:
    """What one source says changes nothing of what is published of the others, and all of what they say together."""
    async with open_prober(HERE) as prober:
        pages = await asyncio.gather(*(look(prober, row.staple, row.responder, crl) for crl in CRLS))
    by_crl = dict(zip(CRLS, pages, strict=True))
    assert {crl: together(page) for crl, page in by_crl.items()} == row.together
    for crl, page in by_crl.items():
        assert shown(page, "ocsp_must_staple_compliant") == row.compliant
        assert shown(page, "ocsp_staple_lag_seconds") == row.lag
        for source, status in (("staple", row.staple), ("responder", row.responder), ("crl", crl)):
            assert page.says(source) == with_problem(source, status)
            ends = page.values("ocsp_next_update_remaining_seconds", source=source)
            assert len(ends) == (status in AUTHENTIC[source])
            revocations = page.values("ocsp_revocation_timestamp_seconds", source=source)
            assert revocations == ([int(REVOKED_AT)] if status == "revoked" else [])
            applies = status != "none" and (source == "staple" or status != "missing")
            assert page.values("ocsp_source_applicable", source=source) == [applies]


# --- What the times do --------------------------------------------------------------------------------------

#: Hours since the revocation that the CRL has, and since the responder signed its good; what is said together. The CA
#: has a day to say it everywhere.
AGES = [
    (23, 0, "1 1"),
    (26, 3, "1 1"),
    (26, 1, "1 0"),
    (72, 71, "1 1"),
    (72, 47, "1 0"),
]


@pytest.mark.parametrize(("revoked", "signed", "says"), AGES)
async def test_a_good_that_was_signed_soon_after_the_revocation_contradicts_nothing(
    revoked: int, signed: int, says: str
) -> None:
    """The certificate is revoked all the same."""

    def good(ca: Authority, leaf: Credential) -> Script:
        return as_response(ca.answer(leaf, this_update=NOW - signed * HOUR))

    def crl(ca: Authority, leaf: Credential) -> Script:
        return as_crl(ca.crl(listed(leaf, NOW - revoked * HOUR)))

    async with scene(responder=[good], crl=[crl]) as found, open_prober(HERE) as prober:
        page = await found.look(prober)
    assert (page.says("responder"), page.says("crl"), together(page)) == ("good", "revoked", says)


#: Of what ended a day ago: the reason of the revocation, what is said, and ocsp_revoked.
ENDED = [
    (None, "revoked expired", "1"),
    (Reason.KEY_COMPROMISE, "revoked expired", "1"),
    (Reason.CERTIFICATE_HOLD, "invalid expired", "-"),
]


@pytest.mark.parametrize("source", ["staple", "responder", "crl"])
@pytest.mark.parametrize(("reason", "says", "revoked"), ENDED)
async def test_a_revocation_outlives_its_evidence_and_a_hold_does_not(
    source: str, reason: Reason | None, says: str, revoked: str
) -> None:
    """Whichever source it is; and what does not hold any more is not taken for its opposite."""
    begun, ended = NOW - 2 * DAY, NOW - DAY

    def response(ca: Authority, leaf: Credential) -> bytes:
        revocation = {"status": Status.REVOKED, "revocation_time": REVOKED_AT, "reason": reason}
        return ca.answer(leaf, this_update=begun, next_update=ended, **revocation)  # type: ignore[arg-type]  # as it wants

    def crl(ca: Authority, leaf: Credential) -> Script:
        return as_crl(ca.crl(listed(leaf, reason=reason), this_update=begun, next_update=ended))

    def asked(ca: Authority, leaf: Credential) -> Script:
        return as_response(response(ca, leaf))

    staple = response if source == "staple" else no_staple
    responder, listing = [asked] if source == "responder" else (), [crl] if source == "crl" else ()
    async with scene(staple, responder, listing) as found, open_prober(HERE) as prober:
        page = await found.look(prober)
    assert (page.says(source), shown(page, "ocsp_revoked")) == (says, revoked)
    times = page.values("ocsp_revocation_timestamp_seconds", source=source)
    assert times == ([int(REVOKED_AT)] if revoked == "1" else [])


# --- What the module asks for -------------------------------------------------------------------------------

#: ocsp_must_staple_compliant under the policies; of a staple that is `none`, for a certificate that demands none.
POLICIES = """
policy  staple   responder      crl      compliant
must    good     good           good     1
must    good     revoked        none     0
must    good     none           revoked  0
must    good     server_failed  none     1
must    good     unknown        none     1
must    unknown  good           good     0
must    revoked  none           none     0
must    missing  good           good     0
must    none     good           good     -
must    none     revoked        none     0
must    none     none           revoked  0
must    none     unknown        none     -
always  good     good           good     1
always  good     none           revoked  0
always  none     revoked        none     0
auto    good     revoked        revoked  1
auto    none     revoked        revoked  -
never   good     good           good     -
never   missing  good           good     -
never   none     revoked        revoked  -
"""


@pytest.mark.parametrize("line", lines(POLICIES))
async def test_the_staple_policy_hears_all_sources(line: str) -> None:
    """Under `must` and `always` it is a violation that the leaf is revoked, whoever says so."""
    policy, staple, responder, crl, compliant = line.split()
    module = replace(MODULE, staple=StapleSettings(policy=StaplePolicy(policy), retry_missing=0))
    async with open_prober(HERE) as prober:
        page = await look(prober, staple, responder, crl, module)
    assert shown(page, "ocsp_must_staple_compliant") == compliant


#: By crl.query and the responder (`not asked`: responder.query is false): the statuses of both, and who is asked.
QUERIES = """
crl.query  responder      | status of responder            | of CRL  | asked
fallback   good           | good                           | none    | responder
fallback   revoked        | revoked                        | none    | responder
fallback   unknown        | unknown                        | none    | responder
fallback   server_failed  | server_failed http_error       | revoked | responder CRL
fallback   missing        | missing unsupported_scheme     | revoked | CRL
fallback   invalid        | invalid signature_invalid      | revoked | responder CRL
fallback   none           | none                           | revoked | CRL
fallback   not asked      | none                           | revoked | CRL
never      good           | good                           | none    | responder
never      server_failed  | server_failed http_error       | none    | responder
never      none           | none                           | none    |
never      not asked      | none                           | none    |
always     good           | good                           | revoked | responder CRL
always     not asked      | none                           | revoked | CRL
"""


@pytest.mark.parametrize("line", lines(QUERIES))
async def test_who_is_asked_is_as_the_module_says(line: str) -> None:
    """Under `fallback` the CRL only where the responder gave no verified answer; who is not asked has no series."""
    asks, *says, asked = (cell.strip() for cell in line.split("|"))
    query, responder = asks.split(maxsplit=1)
    is_asked = responder != "not asked"
    module = replace(MODULE, responder=ResponderSettings(query=is_asked), crl=CRLSettings(query=CRLQuery(query)))
    async with combination("none", responder if is_asked else "good", "revoked") as found, open_prober(HERE) as prober:
        page = await found.look(prober, module)
    assert [page.says("responder"), page.says("crl")] == says
    requests = zip(("responder", "CRL"), found.sources.requests, strict=True)
    assert " ".join(name for name, number in requests if number) == asked
    # Whether it applies is a matter of the certificate.
    assert page.values("ocsp_source_applicable", source="responder") == [responder not in {"none", "missing"}]
    assert page.values("ocsp_source_applicable", source="crl") == [1]


async def test_who_has_not_answered_yet_has_no_status() -> None:
    """The probe does not fail for it; and under `fallback` the CRL is asked in its place while there is time."""
    module = replace(MODULE, timeout=1.5, crl=CRLSettings(query=CRLQuery.FALLBACK))
    async with (
        scene(responder=[lambda _ca, _leaf: hang_after(b"")], crl=CRLS["good"]) as found,
        open_prober(HERE) as prober,
    ):
        page = await found.look(prober, module)
    assert (page.says("responder"), page.says("crl"), together(page)) == ("none", "good", "0 -")
    assert found.sources.requests == (1, 1)


async def test_who_looks_only_once_is_told_of_what_did_not_come() -> None:
    """At the command line a responder that hangs is a timeout, and hides no revocation that the CRL tells of."""
    module = replace(MODULE, timeout=1.5, crl=CRLSettings(query=CRLQuery.FALLBACK))
    hanging: Acts = [lambda _ca, _leaf: hang_after(b"")]
    for crl, expected in ((CRLS["revoked"], "revoked"), (hanging, "server_failed timeout"), ((), "none")):
        async with scene(responder=hanging, crl=crl) as found, open_prober(HERE, patience=math.inf) as prober:
            page = await found.look(prober, module)
        assert (page.says("responder"), page.says("crl")) == ("server_failed timeout", expected)


async def test_an_answer_that_comes_too_late_for_one_probe_serves_the_next() -> None:
    """Nobody is asked a second time for it."""
    go_on = asyncio.Event()

    def slowly(ca: Authority, leaf: Credential) -> Script:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await go_on.wait()
            await as_response(ca.answer(leaf))(reader, writer)

        return script

    async with scene(responder=[slowly]) as found, open_prober(HERE) as prober:
        assert (await found.look(prober, replace(MODULE, timeout=0.5))).says("responder") == "none"
        go_on.set()
        assert (await found.look(prober)).says("responder") == "good"
    assert found.sources.requests == (1, 0)


# --- The chain ----------------------------------------------------------------------------------------------

#: What responder and CRL say of the leaf, and of the CA below the root that issued it; then ocsp_revoked and
#: ocsp_sources_agree of each.
CHAINS = """
leaf                     CA                         leaf  CA
good           good      good           good        0 1   0 1
good           good      revoked        good        0 1   1 0
good           good      revoked        none        0 1   1 -
good           good      none           revoked     0 1   1 -
revoked        good      good           good        1 0   0 1
revoked        revoked   revoked        revoked     1 1   1 1
good           none      none           none        0 -   - -
good           none      server_failed  missing     0 -   - -
unknown        good      unknown        good        0 1   0 1
invalid        invalid   good           good        - -   0 1
none           none      good           none        - -   0 -
"""


@dataclass(frozen=True)
class Chain:
    """An endpoint below a CA below a root, the module that trusts the root, and the servers of all of them."""

    scene: Scene
    module: Module
    of_ca: Sources
    of_root: Sources

    async def look(self, **options: ChainDepth | StapleSettings) -> Page:
        """Look at it, with some options of the module changed."""
        async with open_prober(HERE) as prober:
            return await self.scene.look(prober, replace(self.module, **options))  # type: ignore[arg-type]  # its fields


@contextlib.asynccontextmanager
async def chain(leaf: Sequence[str], below_root: Sequence[str], staple: str = "none") -> AsyncIterator[Chain]:
    """Set up a chain whose responders and CRLs have these statuses; the root names good ones, which do not matter."""
    async with sources(CA, RESPONDERS["good"], CRLS["good"]) as of_root:
        root = Authority.root(NOW, extensions=location_extensions(of_root.ocsp_urls, of_root.crl_urls, ()))
        of_root.about.append(Credential(root.certificate, root.key))
        async with sources(root, RESPONDERS[below_root[0]], CRLS[below_root[1]]) as of_ca:
            ca = root.intermediate(extensions=location_extensions(of_ca.ocsp_urls, of_ca.crl_urls, ()))
            of_ca.about.append(Credential(ca.certificate, ca.key))
            responder, crl = RESPONDERS[leaf[0]], CRLS[leaf[1]]
            sent = (ca.certificate, root.certificate)
            module = replace(MODULE, tls=TLSSettings(roots=(root.certificate,)), chain=ChainDepth.ALL)
            async with scene(STAPLES[staple], responder, crl, authority=ca, chain=sent) as found:
                yield Chain(found, module, of_ca, of_root)


@pytest.mark.parametrize("line", lines(CHAINS))
async def test_each_certificate_of_the_chain_is_checked_but_the_root(line: str) -> None:
    """Each by its own responder and CRL, and nothing that is said of one touches another."""
    words = line.split()
    of_certificates = (words[0:2], words[2:4])
    async with chain(*of_certificates) as all_of_them:
        page = await all_of_them.look()
    for depth, (responder, crl) in enumerate(of_certificates):
        assert page.says("responder", depth) == with_problem("responder", responder)
        assert page.says("crl", depth) == with_problem("crl", crl)
    assert [together(page, depth) for depth in (0, 1)] == [" ".join(words[4:6]), " ".join(words[6:8])]
    assert page.values("ocsp_source_applicable", depth="2") == []
    assert (page.says("responder", 2), page.says("crl", 2), together(page, 2)) == ("none", "none", "- -")
    assert all_of_them.of_root.requests == (0, 0)


async def test_without_being_told_only_the_leaf_is_checked() -> None:
    """Nobody is asked about the CA, and nothing is published of it."""
    async with chain(["good", "good"], ["revoked", "revoked"]) as all_of_them:
        page = await all_of_them.look(chain=ChainDepth.LEAF)
    assert together(page, 0) == "0 1"
    assert (page.says("responder", 1), page.says("crl", 1), together(page, 1)) == ("none", "none", "- -")
    assert all_of_them.of_ca.requests == (0, 0)


async def test_a_staple_is_about_the_leaf_and_so_is_its_policy() -> None:
    """It has no series beside the CA's; that the CA is revoked shows there, and is no violation of the leaf's."""
    policy = StapleSettings(policy=StaplePolicy.ALWAYS)
    async with chain(["good", "good"], ["revoked", "good"], staple="good") as all_of_them:
        page = await all_of_them.look(staple=policy)
    assert (page.says("staple", 0), page.says("staple", 1)) == ("good", "none")
    assert (together(page, 0), together(page, 1)) == ("0 1", "1 0")
    assert shown(page, "ocsp_must_staple_compliant") == "1"
