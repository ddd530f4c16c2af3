"""What those who fetch and store tell of it to whoever counts."""

from typing import Protocol

from ocsp_exporter.model import FetchKind, Problem, StoreResult


class Observer(Protocol):
    """Whoever counts. It is called on the event loop and raises nothing."""

    def fetched(self, kind: FetchKind, host: str, seconds: float, problem: Problem | None, /) -> None:
        """Note that a fetch from a host ended after so many seconds; `problem` None: with what was wanted.

        `host` has its port where that is not the scheme's default; it is empty where the URL leads to none that could
        be asked. What the policy refused is told as well.
        """

    def store_requested(self, kind: FetchKind, result: StoreResult, /) -> None:
        """Note what the store was asked for and how that ended."""


class _Nobody:
    """Counts nothing."""

    def fetched(self, kind: FetchKind, host: str, seconds: float, problem: Problem | None, /) -> None:
        """Do nothing."""

    def store_requested(self, kind: FetchKind, result: StoreResult, /) -> None:
        """Do nothing."""


NOBODY: Observer = _Nobody()
