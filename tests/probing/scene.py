"""An endpoint with its responder and its CRL on this machine, and what the real prober publishes of it, read back."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from cryptography import x509
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.listening import listen, port_of
from ocsp_exporter.metrics import Publication
from ocsp_exporter.model import (
    CRLQuery,
    CRLSettings,
    EgressPolicy,
    Module,
    ProbeResult,
    StapleSettings,
    Target,
    TLSSettings,
)
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.serving.exposition import render
from ocsp_exporter.serving.negotiation import Format
from tests.probing.http_server import Script, Server, answer, serve

NOW = time.time()
CA = Authority.root(NOW, "Scene CA")
#: Trusts the CA, asks all sources, and makes no further handshake for the sake of a staple.
MODULE = Module(
    "tls",
    tls=TLSSettings(roots=(CA.certificate,)),
    staple=StapleSettings(retry_missing=0),
    crl=CRLSettings(query=CRLQuery.ALWAYS),
)
#: Nobody waits for his turn with a host.
HERE = EgressPolicy(requests_per_second_per_host=10_000.0)

#: What an endpoint staples, and what a server does that an authority has for a certificate.
Staples = Callable[[Authority, Credential], bytes | None]
Says = Callable[[Authority, Credential], Script]
#: A server does one thing after the other, and then the last one again and again; a text is a URL in its place, and
#: of nothing there is not even a URL.
Acts = Sequence[Says] | str


def no_staple(_authority: Authority, _leaf: Credential) -> None:
    """Staple nothing."""


def as_response(body: bytes) -> Script:
    """Answer as a responder does."""
    return answer(body, Content_Type="application/ocsp-response")


def as_crl(body: bytes) -> Script:
    """Answer as a server of CRLs does."""
    return answer(body, Content_Type="application/pkix-crl")


class Page:
    """A page of series, as Prometheus's own client library reads it."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _samples(self) -> list[Sample]:
        return [sample for family in text_string_to_metric_families(self.text) for sample in family.samples]

    def values(self, name: str, **labels: str) -> list[float]:
        """Give the values of the series of this name that have these labels."""
        return [
            sample.value for sample in self._samples if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def value(self, name: str, **labels: str) -> float | None:
        """Give the value of the one such series, None where there is none."""
        values = self.values(name, **labels)
        assert len(values) <= 1, f"{name}{labels} is not one series"
        return values[0] if values else None

    def says(self, source: str, depth: int = 0, **labels: str) -> str:
        """Give the status of a source and its problems, in the order of the alphabet; `none` where it has no series."""
        at = {"source": source, "depth": str(depth), **labels}
        problems = self._labels("ocsp_problem", "problem", **at)
        if not self.values("ocsp_status", **at):
            assert problems == []
            return "none"
        assert sorted(self.values("ocsp_status", **at)) == [0, 0, 0, 0, 0, 1]
        return " ".join((*self._labels("ocsp_status", "status", **at), *problems))

    def _labels(self, name: str, label: str, **labels: str) -> list[str]:
        return sorted(
            sample.labels[label]
            for sample in self._samples
            if sample.name == name and labels.items() <= sample.labels.items() and sample.value == 1
        )


def published(results: Iterable[ProbeResult]) -> Page:
    """Put results on a page, and read it."""
    return Page(render(map(Publication, results), time.time(), Format.TEXT).decode())


@dataclass(frozen=True)
class Sources:
    """The servers that a certificate names, and the URLs by which it does; what it is `about` is told once it is."""

    responder: Server | None
    crl: Server | None
    ocsp_urls: Sequence[str]
    crl_urls: Sequence[str]
    about: list[Credential]

    @property
    def requests(self) -> tuple[int, int]:
        """How many requests responder and CRL server have had."""
        responder, crl = (len(server.heads) if server else 0 for server in (self.responder, self.crl))
        return responder, crl


@contextlib.asynccontextmanager
async def sources(authority: Authority, responder: Acts, crl: Acts) -> AsyncIterator[Sources]:
    """Serve what an authority's responder and CRL server do, while the block lasts."""
    about: list[Credential] = []

    def script(says: Says) -> Script:
        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await says(authority, about[0])(reader, writer)

        return converse

    async with contextlib.AsyncExitStack() as stack:

        async def named(acts: Acts, path: str) -> tuple[Server | None, list[str]]:
            if isinstance(acts, str) or not acts:
                return None, [acts] if isinstance(acts, str) else []
            server = await stack.enter_async_context(serve(*map(script, acts)))
            return server, [server.url(path)]

        asked, ocsp_urls = await named(responder, "/ocsp")
        listed, crl_urls = await named(crl, "/ca.crl")
        yield Sources(asked, listed, ocsp_urls, crl_urls, about)


@dataclass(frozen=True)
class Scene:
    """What there is to look at."""

    target: Target
    leaf: Credential
    sources: Sources

    async def look(self, prober: Prober, module: Module = MODULE) -> Page:
        """Look at the target once, and give what is published."""
        page = published(await prober.probe(self.target, module))
        assert page.value("ocsp_probe_success") == 1
        return page


@contextlib.asynccontextmanager
async def scene(
    staple: Staples = no_staple,
    responder: Acts = (),
    crl: Acts = (),
    *,
    must_staple: bool = False,
    authority: Authority = CA,
    chain: Sequence[x509.Certificate] | None = None,
) -> AsyncIterator[Scene]:
    """Set an endpoint with its servers up while the block lasts.

    `chain` None: what is sent beside the leaf is the authority's.
    """
    async with sources(authority, responder, crl) as named:
        leaf = authority.leaf(must_staple=must_staple, ocsp_urls=named.ocsp_urls, crl_urls=named.crl_urls)
        named.about.append(leaf)
        sent = None if chain is None else tuple(chain)
        async with serving(Endpoint(leaf, lambda: staple(authority, leaf), sent)) as target:
            yield Scene(target, leaf, named)


@contextlib.asynccontextmanager
async def serving(endpoint: Endpoint) -> AsyncIterator[Target]:
    """Run an endpoint while the block lasts."""
    listener = listen("127.0.0.1")
    port = port_of(listener)
    async with serve_tls(endpoint, listener):
        yield Target(f"127.0.0.1:{port}", "127.0.0.1", port)
