"""Servers that mean harm: a probe of one ends in time, and lets the others go on."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from cryptography.hazmat.primitives import serialization

from ocsp_exporter.demo.certificate import common_name, issue, rsa_key
from ocsp_exporter.model import Failure, Module, ProbeResult, Target
from ocsp_exporter.probing.probe import Prober

_HOST = "127.0.0.1"
#: So long a hostile server goes on, and a probe would that does not defend itself.
_LONG = 5.0
#: HelloRequests, which a server may send at any time and OpenSSL skips (RFC 5246, section 7.4.1.1).
_HELLO_REQUESTS = b"\x16\x03\x03\x00\x04\x00\x00\x00\x00" * 5000


def _flood(connected: socket.socket) -> None:
    end = time.monotonic() + _LONG
    connected.recv(4096)
    while time.monotonic() < end:
        connected.sendall(_HELLO_REQUESTS)


def _say_goodbye(connected: socket.socket) -> None:
    connected.recv(4096)
    connected.sendall(b"\x15\x03\x03\x00\x02\x01\x00")
    connected.recv(4096)


def _send_unknown_alert(connected: socket.socket) -> None:
    connected.recv(4096)
    connected.sendall(b"\x15\x03\x03\x00\x02\x02\xff")
    connected.recv(4096)


def _speak_plainly_octet_by_octet(connected: socket.socket) -> None:
    for octet in b"220 mail":
        connected.sendall(bytes([octet]))
        time.sleep(0.02)
    connected.recv(4096)


def _leave(connected: socket.socket) -> None:
    connected.recv(4096)


@contextmanager
def _server(behaviour: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve one connection in a thread, and give the port."""
    with socket.create_server((_HOST, 0)) as listening:
        listening.settimeout(_LONG)

        def run() -> None:
            with suppress(OSError):
                connected, _ = listening.accept()
                with connected:
                    connected.settimeout(_LONG)
                    behaviour(connected)

        thread = threading.Thread(target=run)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


async def _probe(behaviour: Callable[[socket.socket], None]) -> ProbeResult:
    prober = Prober()
    with _server(behaviour) as port:
        try:
            [result] = await prober.probe(Target("hostile", _HOST, port), Module("tls", timeout=2 * _LONG))
            return result
        finally:
            prober.close()


async def test_a_handshake_that_never_ends_is_broken_off_and_stalls_nobody() -> None:
    """Messages that OpenSSL skips, faster than it skips them, neither keep the event loop nor fill the time."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            begun = time.monotonic()
            await asyncio.sleep(0)
            longest = max(longest, time.monotonic() - begun)

    watching = asyncio.create_task(watch())
    result = await _probe(_flood)
    watching.cancel()
    assert result.failure is Failure.TLS
    assert "the handshake has not ended" in result.detail
    assert result.duration < _LONG / 2
    assert longest < _LONG / 2


@pytest.mark.parametrize(
    ("behaviour", "failure", "detail"),
    [
        (_say_goodbye, Failure.TLS, "the handshake failed: the server said goodbye"),
        (_send_unknown_alert, Failure.TLS, "the handshake failed: for a reason that has no name"),
        (_leave, Failure.TLS, "the handshake failed: the server closed the connection"),
        (
            _speak_plainly_octet_by_octet,
            Failure.NOT_TLS,
            "the answer to the ClientHello is not TLS; it begins with b'22'",
        ),
    ],
)
async def test_a_server_that_is_no_help_is_named_in_words(
    behaviour: Callable[[socket.socket], None], failure: Failure, detail: str
) -> None:
    """However the server leaves, the failure says it as a person would."""
    result = await _probe(behaviour)
    assert (result.failure, result.detail) == (failure, detail)


def _message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def _show_certificate_of_february_30(connected: socket.socket) -> None:
    """Send the first flight of TLS 1.2, which takes no key, and leave."""
    credential = issue(common_name("leaf"), (), {"not_before": 0, "not_after": 2_843_596_800, "key": rsa_key()})
    good = credential.certificate.public_bytes(serialization.Encoding.DER)
    certificate = good.replace(b"20600210000000Z", b"20600230000000Z")
    assert certificate != good
    one = len(certificate).to_bytes(3, "big") + certificate
    hello = _message(2, b"\x03\x03" + bytes(32) + b"\x00\x00\x9c\x00" + b"\x00\x05\xff\x01\x00\x01\x00")
    flight = hello + _message(11, len(one).to_bytes(3, "big") + one) + _message(14, b"")
    connected.recv(4096)
    connected.sendall(b"\x16\x03\x03" + len(flight).to_bytes(2, "big") + flight)
    connected.recv(4096)


async def test_a_certificate_that_cannot_be_read_is_no_fault_of_the_handshake() -> None:
    """The failure is that of the certificate, even if the handshake then fails too."""
    result = await _probe(_show_certificate_of_february_30)
    assert (result.failure, result.detail) == (
        Failure.NO_CERTIFICATE,
        "the handshake brought no certificate that can be read",
    )
