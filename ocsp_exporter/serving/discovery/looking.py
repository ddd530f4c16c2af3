"""What a look at a source of targets brings, whatever kind of source it is."""

from dataclasses import dataclass
from typing import Protocol

from ocsp_exporter.config.target_groups import Groups


@dataclass(frozen=True, slots=True)
class Look:
    """What one look brought.

    `groups` is the whole list, None: the same as before, or nothing that can be used. `faults` are sentences about all
    that is wrong now; what was last good is used in its place. `failures` is how much of that failed in this look.
    """

    groups: Groups | None
    faults: tuple[str, ...] = ()
    failures: int = 0


class Source(Protocol):
    """A source that is looked at again `pause` seconds after each look."""

    pause: float

    async def look(self) -> Look:
        """Look once, in bounded time. Never raises but CancelledError, and errors of ours."""
