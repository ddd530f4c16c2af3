"""A prober with all that it needs to go out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from ocsp_exporter.model import EgressPolicy, FetchKind
from ocsp_exporter.probing.crl_watch import CRLWatch
from ocsp_exporter.probing.egress import Egress
from ocsp_exporter.probing.fetcher import Fetcher
from ocsp_exporter.probing.issuer_fetch import IssuerFetch
from ocsp_exporter.probing.keeper import QUEUE_PATIENCE
from ocsp_exporter.probing.observer import NOBODY, Observer
from ocsp_exporter.probing.opinions import Opinions
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.resolver import Resolver
from ocsp_exporter.probing.responder_watch import ResponderWatch
from ocsp_exporter.probing.store import Store
from ocsp_exporter.revocation import crl, response

#: Seconds between two looks for files of the store that nobody will want again.
_SWEPT_EVERY = 86400.0


@contextlib.asynccontextmanager
async def open_prober(
    policy: EgressPolicy,
    observer: Observer = NOBODY,
    store_path: Path | None = None,
    patience: float = QUEUE_PATIENCE,
) -> AsyncIterator[Prober]:
    """Give a prober whose fetches follow `policy`; at the end let go of connections, fetches and threads.

    `store_path` None: what was fetched is kept in memory only. `patience`: see `keeper.QUEUE_PATIENCE`.
    """
    resolver = Resolver()
    egress = Egress(policy, resolver)
    fetcher = Fetcher(egress, policy.requests_per_second_per_host, observer)
    issuers = IssuerFetch(fetcher)
    store = Store(store_path, observer, largest_crl=policy.max_crl_bytes)
    opinions = Opinions(fetcher, store, policy, patience=patience)
    watch = CRLWatch(opinions, policy.max_crl_bytes)
    sweeping = asyncio.create_task(_sweep_now_and_then(store))
    try:
        responders = ResponderWatch(fetcher)
        yield Prober(resolver, issuers=issuers, opinions=opinions, crls=watch, responders=responders)
    finally:
        sweeping.cancel()
        await asyncio.wait([sweeping])
        await watch.close()
        await opinions.close()
        store.close()
        await issuers.close()
        await egress.close()
        resolver.close()


async def _sweep_now_and_then(store: Store) -> None:
    while True:
        await store.sweep(_end_of)
        await asyncio.sleep(_SWEPT_EVERY)


def _end_of(kind: FetchKind, content: bytes) -> float | None:
    return crl.end_of(content) if kind is FetchKind.CRL else response.end_of(content)
