"""A prober with all that it needs to go out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ocsp_exporter.model import EgressPolicy
from ocsp_exporter.probing.egress import Egress
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.issuer_fetch import IssuerFetch
from ocsp_exporter.probing.observer import NOBODY, Observer
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.resolver import Resolver


@asynccontextmanager
async def open_prober(policy: EgressPolicy, observer: Observer = NOBODY) -> AsyncIterator[Prober]:
    """Give a prober whose fetches follow `policy`; at the end let go of connections, fetches and threads."""
    resolver = Resolver()
    egress = Egress(policy, resolver)
    fetcher = Fetcher(egress, policy.requests_per_second_per_host, observer)
    issuers = IssuerFetch(fetcher)
    try:
        yield Prober(resolver, issuers=issuers)
    finally:
        await issuers.close()
        await egress.close()
        resolver.close()
