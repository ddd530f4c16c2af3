"""One source that is followed: what is known from it, and what of that the log has been told."""

import asyncio
import logging
from dataclasses import dataclass, field

from ocsp_exporter.config.target_groups import Groups
from ocsp_exporter.model import DiscoveryKind, Omission
from ocsp_exporter.quoting import printable
from ocsp_exporter.serving.discovery.files import FileSource
from ocsp_exporter.serving.discovery.http import HTTPSource
from ocsp_exporter.serving.discovery.looking import Look
from ocsp_exporter.serving.discovery.selecting import NOTHING, Omitted, Selection, Usual

_log = logging.getLogger(__name__)

# So much of what is left out is logged one by one; of more, only how much it is.
_MOST_TOLD = 20


@dataclass(eq=False, slots=True)
class Followed:
    """A source, the list that it last gave, and what was selected from that. `task` is what looks at it."""

    source: FileSource | HTTPSource
    groups: Groups = ()
    selection: Selection = NOTHING
    has_answered: bool = False
    succeeded_at: float | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)
    _targets_told: int = 0
    _faults_told: frozenset[str] = frozenset()
    _omitted_told: frozenset[Omitted] = frozenset()

    @property
    def kind(self) -> DiscoveryKind:
        """What kind of source it is."""
        return DiscoveryKind.FILE if isinstance(self.source, FileSource) else DiscoveryKind.HTTP

    @property
    def usual(self) -> Usual:
        """How its targets are looked at where their group says nothing else."""
        settings = self.source.settings
        return Usual(settings.module, settings.interval, files=self.kind is DiscoveryKind.FILE)

    @property
    def fields(self) -> dict[str, object]:
        """What it is called in the log."""
        return {"discovery": self.kind, "source": printable(self.source.settings.name, 300)}

    def note(self, look: Look, now: float) -> None:
        """Note how a look went, and log what is new about that."""
        for fault in look.faults:
            if fault not in self._faults_told:
                self._tell(logging.WARNING, "discovery failed, what was last good stays", fault=fault)
        if self._faults_told and not look.faults:
            self._tell(logging.INFO, "discovery works again")
        self._faults_told = frozenset(look.faults)
        self.has_answered = True
        if not look.faults:
            self.succeeded_at = now

    def tell_selection(self, targets: int, duplicates: frozenset[Omitted]) -> list[Omission]:
        """Log what is new about what was selected, and give the reasons of what is newly left out."""
        if targets != self._targets_told:
            self._targets_told = targets
            self._tell(logging.INFO, "targets discovered", targets=targets)
        omitted = self.selection.omitted | duplicates
        new = sorted(omitted - self._omitted_told)
        self._omitted_told = omitted
        for each in new[:_MOST_TOLD]:
            detail = printable(each.detail) or None
            self._tell(
                logging.WARNING,
                "discovered, and left out",
                reason=each.reason,
                what=printable(each.what),
                detail=detail,
            )
        if len(new) > _MOST_TOLD:
            self._tell(logging.WARNING, "discovered, and left out", more=len(new) - _MOST_TOLD)
        return [each.reason for each in new]

    def stop(self) -> None:
        """Look at it no more."""
        if self.task:
            self.task.cancel()

    def _tell(self, level: int, message: str, **facts: object) -> None:
        _log.log(level, message, extra={"fields": {**self.fields, **facts}})
