"""The running lab: an endpoint for each state of health and the CA's responder, on this machine only."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from cryptography import x509

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential
from ocsp_exporter.demo.endpoints import Endpoint, serve_tls
from ocsp_exporter.demo.http import build_app, serve_http
from ocsp_exporter.demo.listening import listen_at_or_anywhere, port_of
from ocsp_exporter.demo.responder import Responder
from ocsp_exporter.demo.states import REVOKED_FOR, STATES, Cast, State
from ocsp_exporter.model import CRLQuery, CRLSettings, Module, Revocation, ScheduledTarget, Status, Target, TLSSettings

#: An endpoint gets a new staple once in this many seconds, as from a refresher, and not at each handshake.
_REFRESH = 60


@dataclass(frozen=True, slots=True)
class RunningEndpoint:
    """A row of the table of states, live at an address. `revocation`: when and why its certificate was revoked."""

    row: State
    host: str
    port: int
    credential: Credential
    revocation: Revocation | None

    @property
    def address(self) -> str:
        """The address as a target is written."""
        return _address(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Lab:
    """The lab while it runs. `roots` is what to trust, `url` where its CA answers over HTTP (see `http.py`)."""

    roots: tuple[x509.Certificate, ...]
    endpoints: tuple[RunningEndpoint, ...]
    url: str

    @classmethod
    @asynccontextmanager
    async def start(
        cls, host: str = "127.0.0.1", first_port: int = 10961, clock: Callable[[], float] = time.time
    ) -> AsyncIterator[Self]:
        """Run the lab while the block lasts, `clock` in seconds since 1970.

        The endpoints take the ports from `first_port` on in the order of the table, the responder the one after
        them; any that is taken is replaced by a free one, and 0 means free ones only. Raises OSError where
        `host` is no address of this machine.
        """
        cast = _cast(clock())
        ports = range(first_port, first_port + len(STATES) + 1) if first_port else [0] * (len(STATES) + 1)
        async with AsyncExitStack() as stack:
            *listeners, web = [stack.enter_context(listen_at_or_anywhere(host, port)) for port in ports]
            url = f"http://{_address(host, port_of(web))}"
            endpoints = tuple(
                _endpoint(cast, row, url, host, port_of(listener))
                for row, listener in zip(STATES, listeners, strict=True)
            )
            for endpoint, listener in zip(endpoints, listeners, strict=True):
                await stack.enter_async_context(serve_tls(_server(cast, endpoint, clock), listener))
            app = build_app(Responder(cast.authority, _issued(endpoints), clock), cast.root.certificate)
            await stack.enter_async_context(serve_http(app, web))
            yield cls((cast.root.certificate,), endpoints, url)

    def scheduled_targets(self, interval: float) -> tuple[ScheduledTarget, ...]:
        """Return the endpoints as targets of a module `tls`, each labelled with its row's name.

        The module trusts the lab, and always asks its CRL, so that all sources can be seen.
        """
        module = Module("tls", tls=TLSSettings(roots=self.roots), crl=CRLSettings(query=CRLQuery.ALWAYS))
        return tuple(
            ScheduledTarget(
                Target(endpoint.address, endpoint.host, endpoint.port),
                module,
                interval,
                labels=(("endpoint", endpoint.row.name),),
            )
            for endpoint in self.endpoints
        )


def _cast(now: float) -> Cast:
    root = Authority.root(now, "ocsp_exporter demo root CA")
    authority = root.intermediate("ocsp_exporter demo CA")
    return Cast(
        root=root,
        authority=authority,
        twin=authority.twin(),
        delegate=authority.delegate("ocsp_exporter demo responder"),
        unauthorized=authority.delegate("ocsp_exporter demo impostor", ocsp_signing=False),
        started_at=now,
    )


def _endpoint(cast: Cast, row: State, url: str, host: str, port: int) -> RunningEndpoint:
    names = dict.fromkeys(("localhost", "127.0.0.1", "::1", host))
    leaf = cast.authority.leaf(
        *names,
        must_staple=row.must_staple,
        ocsp_urls=[f"{url}/ocsp"] if row.names_responder else (),
        crl_urls=[f"{url}/ca.crl"] if row.names_crl else (),
        issuer_urls=[f"{url}/ca.cer"] if row.names_responder else (),
    )
    revoked = row.recorded is Status.REVOKED
    revocation = Revocation(int(cast.started_at - REVOKED_FOR), row.expected.reason) if revoked else None
    return RunningEndpoint(row, host, port, leaf, revocation)


def _server(cast: Cast, endpoint: RunningEndpoint, clock: Callable[[], float]) -> Endpoint:
    @lru_cache(maxsize=1)
    def staple_of(period: int) -> bytes | None:
        return endpoint.row.staple(cast, endpoint.credential, period * _REFRESH)

    greeting = f"{endpoint.row.name}: {endpoint.row.shows}"
    return Endpoint(endpoint.credential, lambda: staple_of(int(clock() // _REFRESH)), greeting=greeting)


def _issued(endpoints: Sequence[RunningEndpoint]) -> dict[int, Revocation | None]:
    return {
        endpoint.credential.certificate.serial_number: endpoint.revocation
        for endpoint in endpoints
        if endpoint.row.recorded is not Status.UNKNOWN
    }


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
