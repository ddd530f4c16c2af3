"""Changes to bytes such as faults and attacks make them."""

from collections.abc import Callable
from random import Random

#: Octets with a meaning in DER: tags, forms of a length, truth values, and the ends of ranges.
_TELLING = bytes.fromhex("00017f808182848aff0203040506090a0c1316171830313ba0a1a2a3")
_MOST_CHANGES = 6

Change = Callable[[Random, bytearray, int], None]


def mutated(random: Random, data: bytes) -> bytes:
    """Return `data` after one change or several."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, _MOST_CHANGES))):
        position = random.randrange(len(changed) + 1)
        random.choice(_CHANGES)(random, changed, position)
    return bytes(changed)


def _flip(random: Random, data: bytearray, position: int) -> None:
    if position < len(data):
        data[position] ^= 1 << random.randrange(8)


def _replace(random: Random, data: bytearray, position: int) -> None:
    data[position : position + 1] = random.randbytes(1)


def _replace_by_telling(random: Random, data: bytearray, position: int) -> None:
    data[position : position + 1] = bytes((random.choice(_TELLING),))


def _delete(random: Random, data: bytearray, position: int) -> None:
    del data[position : position + random.choice((1, 1, 2, 4, 16, 64))]


def _insert(random: Random, data: bytearray, position: int) -> None:
    data[position:position] = random.randbytes(random.choice((1, 1, 2, 4, 16)))


def _copy(random: Random, data: bytearray, position: int) -> None:
    """Put a piece of the data over another, or between."""
    begin, length = random.randrange(len(data) + 1), random.choice((1, 2, 8, 32, 128))
    data[position : position + random.choice((0, length))] = data[begin : begin + length]


def _cut(_random: Random, data: bytearray, position: int) -> None:
    del data[position:]


_CHANGES: tuple[Change, ...] = (
    _flip,
    _flip,
    _replace,
    _replace_by_telling,
    _replace_by_telling,
    _delete,
    _insert,
    _copy,
    _cut,
)
