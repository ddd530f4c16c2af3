"""How punctual the workers are: with less to do than they can, with more, and beside targets that hang.

The workers have one core, the server another. What is looked at comes after the first round, in which every target is
probed as soon as that can be; after it each takes its slot within the interval.
"""

import collections
import contextlib
import resource
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.exporters import addresses, configuration, exporter
from benchmarks.processes import cores, kept_on
from benchmarks.recorded import Begun, read
from benchmarks.stage import Stage, free_port, log_of
from benchmarks.throughput import come_round

#: What is offered, of what can be done.
UNDER, OVER = 0.8, 1.5
#: Seconds after which the log says that the schedule is late, where it is.
TOLD_WITHIN = 65.0
#: Targets that are offered where they are more than can be done, at an interval that makes them so.
_TOO_OFTEN = 5000
#: Of the targets that hang, and of the others beside them; and the shortest interval at which that many that hang for
#: 10 s, which is the timeout, leave places free.
_EACH, _SHORTEST = 1000, 30
#: From their first probe targets come to their slots after half an interval to one and a half.
_SETTLED = 1.5
_BEHIND = b'msg="the schedule is late'


@dataclass(frozen=True, slots=True)
class Lateness:
    """Of the probes of so many targets: seconds late, p99 and most; probes of the one with the most to that with least.

    `told`: how often the log said that the schedule is late. `first`: seconds until all had been probed once.
    """

    targets: int
    interval: float
    p99: float
    most: float
    unevenness: float
    told: int
    first: float


def under_capacity(stage: Stage, pace: float, most: int, interval: float, seconds: float) -> Lateness:
    """Offer less than `pace` probes a second, of at most so many targets, and watch for so many seconds."""
    number = min(most, int(UNDER * pace * interval))
    named = addresses(stage.port, number)
    return _watched(stage, named, named, interval, seconds)


def over_capacity(stage: Stage, pace: float, seconds: float) -> Lateness:
    """Offer more than `pace` probes a second, and watch for so many seconds."""
    interval = _TOO_OFTEN / pace / OVER
    named = addresses(stage.port, _TOO_OFTEN)
    return _watched(stage, named, named, interval, seconds)


def beside_hanging(stage: Stage, interval: float, seconds: float) -> Lateness:
    """Have targets that hang until their timeout before others, and watch the others for so many seconds."""
    interval = max(interval, _SHORTEST)
    with _hanging() as port:
        named = addresses(stage.port, _EACH)
        return _watched(stage, [*addresses(port, _EACH), *named], named, interval, seconds)


def _watched(stage: Stage, targets: Sequence[str], named: Sequence[str], interval: float, seconds: float) -> Lateness:
    """Run the exporter until its targets have come to their slots, and watch those named for so many seconds."""
    configured = configuration(stage.root, targets, f"{interval * 1000:.0f}ms", server_name="localhost")
    core, other_core = cores()
    record = stage.folder / "probes.txt"
    with kept_on(other_core, stage.server):
        with exporter(stage.folder, configured, core, record) as (_, port):
            started = time.monotonic()
            come_round(stage, len(named), times=1)
            time.sleep(_SETTLED * interval)
            begun = time.monotonic()
            time.sleep(seconds)
            ended = time.monotonic()
        told = log_of(stage.folder, port).read_bytes().count(_BEHIND)
    return _lateness(read(record), frozenset(named), interval, (started, begun, ended), told)


def _lateness(
    begun: Sequence[Begun], named: frozenset[str], interval: float, times: tuple[float, float, float], told: int
) -> Lateness:
    started, since, until = times
    probes = [each for each in begun if each.target in named]
    watched = [each for each in probes if since <= each.at < until]
    late = sorted(each.late for each in watched if each.late is not None)
    counts = collections.Counter(dict.fromkeys(named, 0))
    counts.update(each.target for each in watched)
    return Lateness(
        targets=len(named),
        interval=interval,
        p99=late[int(len(late) * 0.99)],
        most=late[-1],
        unevenness=max(counts.values()) / max(min(counts.values()), 0.5),
        told=told,
        first=max(each.at for each in probes if each.late is None) - started,
    )


@contextlib.contextmanager
def _hanging() -> Iterator[int]:
    """Take connections and say nothing while the block lasts; give the port, which is one of all addresses."""
    files, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    port = free_port()
    with socket.create_server(("", port), backlog=4096) as listener:
        taken: collections.deque[socket.socket] = collections.deque(maxlen=2 * _EACH)

        def take() -> None:
            with contextlib.suppress(OSError):  # the listener is closed
                while True:
                    taken.append(listener.accept()[0])

        threading.Thread(target=take, daemon=True).start()
        try:
            yield port
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for each in taken:
                each.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, most_files))
