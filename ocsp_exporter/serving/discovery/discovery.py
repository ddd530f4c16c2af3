"""All sources of targets, followed side by side: what they say now, and whom that concerns."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from ocsp_exporter.config import Config
from ocsp_exporter.config.discovery import FileDiscovery, HTTPDiscovery
from ocsp_exporter.config.target_groups import Groups
from ocsp_exporter.model import DiscoveryKind, Module, ScheduledTarget
from ocsp_exporter.serving.discovery.files import FileSource
from ocsp_exporter.serving.discovery.followed import Followed
from ocsp_exporter.serving.discovery.http import HTTPSource
from ocsp_exporter.serving.discovery.looking import Look
from ocsp_exporter.serving.discovery.selecting import select, take_stock
from ocsp_exporter.serving.discovery.sharding import WHOLE, Shard
from ocsp_exporter.serving.instruments import Instruments
from ocsp_exporter.serving.probes import Clock
from ocsp_exporter.serving.threads import in_thread

_log = logging.getLogger(__name__)


class Discovery:
    """Follows the sources of the configuration last given to `use`, until it is closed.

    `publish` is given all targets, configured and discovered, whenever they may have changed. Files are looked at
    every so many seconds. Everything happens on
    the event loop, but for what takes long.
    """

    def __init__(
        self,
        publish: Callable[[Sequence[ScheduledTarget]], None],
        instruments: Instruments,
        clock: Clock,
        shard: Shard = WHOLE,
        look_at_files_every: float = 2.0,
    ) -> None:
        self._publish = publish
        self._instruments = instruments
        self._clock = clock
        self._shard = shard
        self._look_at_files_every = look_at_files_every
        self._one_at_a_time = asyncio.Lock()
        self._followed: list[Followed] = []
        self._targets: tuple[ScheduledTarget, ...] = ()
        self._modules: Mapping[str, Module] = {}
        self._have_all_answered = False

    @property
    def has_answered(self) -> bool:
        """Whether there was a moment at which each source had answered or failed at least once."""
        return self._have_all_answered

    async def use(self, config: Config) -> None:
        """Follow this configuration from now on: once this ends, and not at all where it is cancelled before.

        Sources that it has in common with the one before go on. Files are read first, so that what they name both
        before and after is never gone; what a URL last said holds until it is asked again.
        """
        async with self._one_at_a_time:
            followed = self._sources(config)
            new = [each for each in followed if each.task is None]
            files = [each for each in new if isinstance(each.source, FileSource)]
            looks = list(zip(files, await asyncio.gather(*(each.source.look() for each in files)), strict=True))
            groups = {each: look.groups for each, look in looks if look.groups is not None}
            selections = await in_thread(
                lambda: [select(groups.get(each, each.groups), each.usual, config.modules) for each in followed]
            )
            # From here on nothing waits: it all comes into force at once.
            for each in self._followed:
                if each not in followed:
                    each.stop()
            self._followed, self._targets, self._modules = followed, config.targets, config.modules
            for each, selection in zip(followed, selections, strict=True):
                each.groups, each.selection = groups.get(each, each.groups), selection
            for each, look in looks:
                self._note(each, look)
            for kind in (DiscoveryKind.FILE, DiscoveryKind.HTTP):
                self._instruments.discovery_succeeded(kind, self._all_succeeded_at(kind))
            self._publish_all()
            for each in new:
                each.task = asyncio.create_task(self._follow(each, look_at_once=each not in dict(looks)))
            self._see_who_has_answered()

    async def close(self) -> None:
        """Follow nothing any more."""
        tasks = [each.task for each in self._followed if each.task]
        for each in self._followed:
            each.stop()
        if tasks:
            await asyncio.wait(tasks)

    def _sources(self, config: Config) -> list[Followed]:
        """Give the sources of a configuration in its order, those that there are already and new ones."""
        running = {each.source.settings: each for each in self._followed}
        known: dict[str, Groups] = {}
        said: dict[str, Groups] = {}
        for each in self._followed:
            if isinstance(each.source, FileSource):
                known |= each.source.last_good()
            else:
                said[each.source.settings.url] = each.groups

        def of_files(settings: FileDiscovery) -> Followed:
            return running.get(settings) or Followed(FileSource(settings, self._look_at_files_every, known))

        def of_url(settings: HTTPDiscovery) -> Followed:
            new = Followed(HTTPSource(settings), said.get(settings.url, ()))
            return running.get(settings) or new

        return [
            *map(of_files, dict.fromkeys(config.file_discoveries)),
            *map(of_url, dict.fromkeys(config.http_discoveries)),
        ]

    async def _follow(self, followed: Followed, *, look_at_once: bool) -> None:
        """Look at a source again and again."""
        while True:
            if look_at_once:
                await self._look(followed)
            look_at_once = True
            await asyncio.sleep(followed.source.pause)

    async def _look(self, followed: Followed) -> None:
        try:
            look = await followed.source.look()
        except Exception:  # noqa: BLE001 - whatever it is, it is this one source's
            _log.exception("a discovery ended in an error of the exporter", extra={"fields": followed.fields})
            look = Look(None, ("an error of the exporter; its log has more",), failures=1)
        async with self._one_at_a_time:
            if look.groups is not None and look.groups != followed.groups:
                groups, usual, modules = look.groups, followed.usual, self._modules
                followed.selection = await in_thread(lambda: select(groups, usual, modules))
                followed.groups = groups
                self._publish_all()
            self._note(followed, look)
            self._see_who_has_answered()

    def _note(self, followed: Followed, look: Look) -> None:
        followed.note(look, self._clock.wall())
        self._instruments.discovery_failed(followed.kind, look.failures)
        self._instruments.discovery_succeeded(followed.kind, self._all_succeeded_at(followed.kind))

    def _see_who_has_answered(self) -> None:
        self._have_all_answered |= all(each.has_answered for each in self._followed)

    def _publish_all(self) -> None:
        """Give on what the sources say, and tell of each what is new."""
        stock = take_stock([self._targets, *(each.selection.targets for each in self._followed)], self._shard)
        self._publish(stock.targets)
        kinds = [DiscoveryKind.STATIC, *(each.kind for each in self._followed)]
        counts = dict.fromkeys(DiscoveryKind, 0)
        for kind, count in zip(kinds, stock.counts, strict=True):
            counts[kind] += count
        self._instruments.discovered(counts)
        for each, count, duplicates in zip(self._followed, stock.counts[1:], stock.duplicates[1:], strict=True):
            self._instruments.omitted(each.kind, each.tell_selection(count, duplicates))

    def _all_succeeded_at(self, kind: DiscoveryKind) -> float | None:
        """Give since when each source of a kind has succeeded, None if one never has, or if there is none."""
        times = [each.succeeded_at for each in self._followed if each.kind is kind]
        known = [time for time in times if time is not None]
        return min(known) if known and len(known) == len(times) else None
