"""Whether the schedule is kept: one line in the log when it no longer is, and one when it is again."""

import logging

_log = logging.getLogger(__name__)

#: Seconds of which the probes are judged together.
_TOGETHER = 60.0
#: A probe that begins later than this part of its interval is one that the schedule did not keep.
_MUCH = 0.5
#: The schedule is late where so many of all were, and kept again where only so many were: in between it is as it was.
_LATE, _KEPT = 0.1, 0.01


class Punctuality:
    """Is told of every probe that had an appointment."""

    def __init__(self) -> None:
        self._is_late = False
        self._until: float | None = None
        self._probes = self._late_ones = 0
        self._latest = 0.0

    def note(self, late: float, interval: float, now: float) -> None:
        """Note a probe that began at `now` of any steady clock, so many seconds late."""
        if self._until is None or now >= self._until:
            self._judge()
            self._until = now + _TOGETHER
            self._probes, self._late_ones, self._latest = 0, 0, 0.0
        self._probes += 1
        self._late_ones += late > interval * _MUCH
        self._latest = max(self._latest, late)

    def _judge(self) -> None:
        if not self._probes:
            return
        share = self._late_ones / self._probes
        fields = {"probes": self._probes, "late": self._late_ones, "latest": round(self._latest, 1)}
        if share >= _LATE and not self._is_late:
            self._is_late = True
            _log.warning(
                "the schedule is late: raise the intervals or probe.concurrency, or share the targets with --shard",
                extra={"fields": fields},
            )
        if share <= _KEPT and self._is_late:
            self._is_late = False
            _log.info("the schedule is kept again", extra={"fields": fields})
