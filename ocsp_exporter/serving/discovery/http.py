"""URLs where targets are listed, polled as Prometheus polls them."""

import asyncio
import base64
import os
import re
import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter.config.discovery import ClientTLS, HTTPDiscovery, Login
from ocsp_exporter.config.discovery_schema import read_secret
from ocsp_exporter.config.files import read_certificates, read_private_key
from ocsp_exporter.config.reading import ConfigError
from ocsp_exporter.config.target_groups import read_json_groups
from ocsp_exporter.quoting import printable
from ocsp_exporter.serving.discovery.looking import Look
from ocsp_exporter.serving.threads import in_thread
from ocsp_exporter.serving.tls import VERSIONS, load_certificate

_MOST_BYTES: Final = 32 * 1024 * 1024
_MOST_REDIRECTS: Final = 5
_LONGEST_WAIT: Final = 30.0
_LONGEST_FAULT: Final = 300
_OK: Final = 200
# What Prometheus takes, and no more: what comes from elsewhere is seldom JSON.
_JSON: Final = re.compile(r'application/json(;\s*charset=("utf-8"|utf-8))?', re.IGNORECASE)


class ListUnavailable(Exception):
    """There is no list to be had. The text is half a sentence for people, to follow the name of the source."""


@dataclass(slots=True)
class HTTPSource:
    """One URL. Files with secrets and certificates are read each time, since what is in them has an end."""

    settings: HTTPDiscovery
    _last: bytes = b""

    @property
    def pause(self) -> float:
        """How many seconds are between two looks."""
        return self.settings.refresh_interval

    async def look(self) -> Look:
        """Ask for the list."""
        name, wait = self.settings.name, min(self.settings.refresh_interval, _LONGEST_WAIT)
        try:
            async with asyncio.timeout(wait):
                body = await fetch(self.settings)
                # Most lists are what they were, and a large one takes seconds to read.
                digest = sha256(body).digest()
                if digest == self._last:
                    return Look(None)
                groups = await in_thread(lambda: read_json_groups(body.decode(), name))
        except TimeoutError:
            fault = f"{name}: did not answer within {wait:g} s"
        except ListUnavailable as error:
            fault = f"{name}: {error}"
        except ConfigError as error:
            fault = str(error.faults[0])
        except UnicodeDecodeError:
            fault = f"{name}: answered with what is not UTF-8"
        else:
            self._last = digest
            return Look(groups)
        return Look(None, (printable(fault, _LONGEST_FAULT),), failures=1)


async def fetch(settings: HTTPDiscovery) -> bytes:
    """Give what the URL answers, if that is a list by its status, type and size. Raises ListUnavailable."""
    context, authorization = await in_thread(lambda: _prepare(settings))
    seconds = settings.refresh_interval
    headers = {
        b"Accept": b"application/json",
        b"Accept-Encoding": b"identity",
        b"User-Agent": b"ocsp_exporter",
        b"X-Prometheus-Refresh-Interval-Seconds": f"{seconds:f}".rstrip("0").rstrip(".").encode(),
        **({b"Authorization": authorization} if authorization else {}),
    }
    extensions = {"sni_hostname": settings.tls.server_name} if settings.tls.server_name else {}
    with _failures_told():
        # The client looks the name up in a thread that is waited for at the end: so it is known first that this ends.
        await in_thread(lambda: socket.getaddrinfo(urlsplit(settings.url).hostname, None))
        async with (
            httpx.AsyncClient(
                verify=context,
                trust_env=False,
                timeout=_LONGEST_WAIT,
                follow_redirects=settings.follow_redirects,
                max_redirects=_MOST_REDIRECTS,
            ) as client,
            client.stream("GET", settings.url, headers=headers, extensions=extensions) as response,
        ):
            return await _body(response)


async def _body(response: httpx.Response) -> bytes:
    """Read an answer. Raises ListUnavailable."""
    if response.status_code != _OK:
        raise ListUnavailable(f"answered {response.status_code} {response.reason_phrase}".rstrip())
    kind = response.headers.get("content-type", "")
    if not _JSON.fullmatch(kind.strip()):
        raise ListUnavailable(f"answered with content type {kind!r}; expected application/json")
    encoding = response.headers.get("content-encoding", "identity")
    if encoding.strip().lower() != "identity":
        raise ListUnavailable(f"answered in the encoding {encoding!r}, though only identity was accepted")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise ListUnavailable(f"answered with more than {_MOST_BYTES // 1024 // 1024} MiB")
    return bytes(body)


def _prepare(settings: HTTPDiscovery) -> tuple[ssl.SSLContext, bytes | None]:
    """Read the files that the settings name. Raises ListUnavailable."""
    try:
        return _context(settings.tls), _authorization(settings.login) if settings.login else None
    except ssl.SSLError as error:
        raise ListUnavailable(f"cannot be asked: OpenSSL does not take the certificate: {error.reason}") from None
    except ValueError as error:
        raise ListUnavailable(f"cannot be asked: {error}") from None


def _context(tls: ClientTLS) -> ssl.SSLContext:
    """Make the context of a request. Raises ValueError with a sentence, and SSLError."""
    roots = None if tls.ca_file is None else read_certificates(str(tls.ca_file), Path())
    context = ssl.create_default_context(
        cadata=None if roots is None else b"".join(each.public_bytes(Encoding.DER) for each in roots)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 and 1.1 are there for those who ask for them
        context.minimum_version = VERSIONS[tls.min_version]
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert_file and tls.key_file:
        chain = read_certificates(str(tls.cert_file), Path())
        load_certificate(context, chain, read_private_key(str(tls.key_file), Path()))
    return context


def _authorization(login: Login) -> bytes:
    """Give the header's value. Raises ValueError with a sentence that has nothing of the secret."""
    secret = read_secret(login.secret_file) if login.secret_file else login.secret
    if login.user is None:
        return f"{login.scheme} {secret}".encode()
    return b"Basic " + base64.b64encode(f"{login.user}:{secret}".encode())


@contextmanager
def _failures_told() -> Iterator[None]:
    """Say in half a sentence what went wrong on the way. Raises ListUnavailable."""
    try:
        yield
    except httpx.TooManyRedirects:
        raise ListUnavailable(f"redirects more than {_MOST_REDIRECTS} times") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise ListUnavailable(f"cannot be asked: {_cause(error)}") from None


def _cause(error: BaseException) -> str:
    """Give what the system or OpenSSL said first, before libraries put it in their own words."""
    said = str(error) or type(error).__name__
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case ssl.SSLCertVerificationError():
                return cause.verify_message
            case ssl.SSLError():
                said = str(cause.reason or said)
            case OSError(errno=int(number)) if number > 0:
                said = os.strerror(number)
        cause = cause.__cause__ or cause.__context__
    return said
