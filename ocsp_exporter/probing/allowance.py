"""The time that a question has, shared fairly among all that is sent for it."""

import asyncio
from dataclasses import dataclass

from ocsp_exporter.model import FetchKind
from ocsp_exporter.probing.egress import Answer, Request
from ocsp_exporter.probing.fetcher import Fetcher


@dataclass(slots=True)
class Allowance:
    """The seconds that are left to ask in; waiting for one's turn with a host does not count."""

    left: float

    def part(self, shares: int) -> "Allowance":
        """Take one of so many equal shares out of it."""
        share = self.left / shares
        self.left -= share
        return Allowance(share)

    def take_back(self, part: "Allowance") -> None:
        """Add what a part did not need."""
        self.left += part.left
        part.left = 0.0

    async def fetch(self, fetcher: Fetcher, kind: FetchKind, request: Request) -> Answer:
        """Fetch in what is left. Raises FetchFailed."""
        clock = asyncio.get_running_loop().time
        # How long it waits for its turn is not known exactly, but no fetch takes longer than it was given.
        begins = clock() + fetcher.delay(request.url)
        try:
            return await fetcher.fetch(kind, request, self.left)
        finally:
            self.left -= min(max(clock() - begins, 0.0), self.left)
