"""Times and durations in words. Pure."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = ((31_536_000, "y"), (86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def utc(seconds: float) -> str:
    """Return a point in time as `2026-11-20 10:05:12 UTC`."""
    try:
        moment = _EPOCH + timedelta(seconds=int(seconds))
    except OverflowError:  # a certificate may state any time; datetime ends with the year 9999
        return f"{int(seconds)} s since 1970"
    return f"{moment.replace(tzinfo=None).isoformat(sep=' ')} UTC"


def span(seconds: float) -> str:
    """Return a duration by its two largest units, rounded down: `3 d 4 h`, `12 min`, `0 s`."""
    left = int(abs(seconds))
    for position, (size, unit) in enumerate(_UNITS):
        if left >= size:
            whole, rest = divmod(left, size)
            smaller = _UNITS[position + 1 : position + 2]
            tail = [f"{rest // next_size} {next_unit}" for next_size, next_unit in smaller if rest >= next_size]
            return " ".join([f"{whole} {unit}", *tail])
    return "0 s"


def relative(seconds: float, now: float) -> str:
    """Return where a point in time lies seen from `now`: `in 3 d 4 h`, `2 h 5 min ago`, `just now`."""
    distance = seconds - now
    if abs(distance) < 1:
        return "just now"
    return f"in {span(distance)}" if distance > 0 else f"{span(distance)} ago"


def milliseconds(seconds: float) -> str:
    """Return a short duration as `4.2 ms`, or as `1.50 s` from one second on."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"
