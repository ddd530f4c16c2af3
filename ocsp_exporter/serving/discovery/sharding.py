"""Which of several exporters looks at a target: the one that Prometheus's hashmod would send it to."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

_MOST: Final = 100_000
_SHARD: Final = re.compile(r"(0|[1-9][0-9]{0,5})/([1-9][0-9]{0,5})")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` exporters, counted from 0, which share the targets."""

    index: int = 0
    count: int = 1

    def has(self, text: str) -> bool:
        """Tell whether a target of this text is for this exporter.

        Prometheus takes the last 8 bytes of the MD5 as a number, big-endian, modulo `count` (relabelling, hashmod).
        """
        if self.count == 1:
            return True
        digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
        return int.from_bytes(digest[8:], "big") % self.count == self.index


#: All targets.
WHOLE: Final = Shard()


def parse_shard(text: str) -> Shard:
    """Read `I/N`, I counted from 0. Raises ValueError with a sentence."""
    found = _SHARD.fullmatch(text)
    index, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not index < count <= _MOST:
        raise ValueError(f"expected I/N, one of N exporters with I counted from 0, such as 0/3 (got {text!r})")
    return Shard(index, count)
