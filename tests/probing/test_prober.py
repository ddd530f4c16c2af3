"""What the prober does beside looking."""

import logging

import pytest

from ocsp_exporter.model import Failure, Module, Target
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.resolver import Addresses, Asker, Resolver

TARGET = Target("example.org", "example.org", 443)


def _broken(_host: str) -> Addresses:
    raise OSError(5, "the resolver is broken")


class _Faulty(Resolver):
    """A resolver with a fault of ours in it."""

    async def resolve(self, host: str, asker: Asker = Asker.OPERATOR) -> Addresses:
        del asker
        raise ZeroDivisionError(host)


async def test_a_fault_of_the_exporter_is_the_failure_internal(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong inside is a failure of this one probe, and in the log with its place in the code."""
    with caplog.at_level(logging.ERROR):
        [result] = await Prober(_Faulty()).probe(TARGET, Module("tls"))
    assert (result.failure, result.findings) == (Failure.INTERNAL, None)
    assert "ZeroDivisionError" in caplog.text


async def test_a_fault_of_the_world_is_no_fault_of_the_exporter(caplog: pytest.LogCaptureFixture) -> None:
    """A look-up that fails has its own failure, and no traceback."""
    resolver = Resolver(_broken)
    [result] = await Prober(resolver).probe(TARGET, Module("tls"))
    resolver.close()
    assert (result.failure, result.detail) == (
        Failure.RESOLVE,
        "example.org does not resolve: [Errno 5] the resolver is broken",
    )
    assert "Traceback" not in caplog.text


def test_the_roots_are_read_before_the_first_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read once, so not at a moment when no file may be to be had: nothing would be trusted ever after."""
    read: list[None] = []
    monkeypatch.setattr("ocsp_exporter.probing.probe.system_roots", lambda: read.append(None))
    Prober().close()
    assert read
