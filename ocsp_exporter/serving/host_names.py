"""Which hosts are counted under their names: certificates may name any number of them, labels may not."""

from collections.abc import Callable
from enum import IntEnum
from typing import Final


class Standing(IntEnum):
    """What is known of a host, the least first."""

    REFUSED = 0
    """The exporter has not asked it."""
    SILENT = 1
    """It has never answered: it may be down, and there may be no such host."""
    ANSWERED = 2


MOST_HOSTS: Final = 200
#: How many there may be of this standing and those below. Names that nobody has, and hosts that are only ever refused,
#: cannot take the places of those that answer; and those that are down have names from their first fetch on.
_MOST: Final = {Standing.REFUSED: 100, Standing.SILENT: 100, Standing.ANSWERED: MOST_HOSTS}


class HostNames:
    """The hosts that have names, the first that come; `forget` is told of each that loses its own.

    That is the last of a lower standing, where a host of a higher one needs its place.
    """

    def __init__(self, forget: Callable[[str], None]) -> None:
        self._forget = forget
        self._standings: dict[str, Standing] = {}

    def has(self, host: str, standing: Standing) -> bool:
        """Tell whether a host, of which that is known now, is counted under its name."""
        is_named = host in self._standings
        if is_named and self._standings[host] >= standing:
            return True
        others = {name: theirs for name, theirs in self._standings.items() if name != host}
        rivals = sum(theirs <= standing for theirs in others.values())
        if len(others) >= MOST_HOSTS or rivals >= _MOST[standing]:
            lower = [name for name, theirs in others.items() if theirs < standing]
            if not lower:
                return is_named
            del self._standings[lower[-1]]
            self._forget(lower[-1])
        self._standings[host] = standing
        return True
