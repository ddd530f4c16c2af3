"""The two shapes that the terminal report is made from: a line of facts, and the bar of a piece of evidence's life."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from ocsp_exporter.model import Evidence, Status
from ocsp_exporter.report import words
from ocsp_exporter.report.assessment import elapsed_life, is_refresh_overdue

_OUTSIDE = 6  # cells for the time before or after the span, whatever its true length
_SHORTEST = 4
_DIM = Style(dim=True)
_GOOD, _LATE, _OVER = Style(color="green"), Style(color="yellow"), Style(color="red")


@dataclass(frozen=True, slots=True)
class Line:
    """A label and a text beside it, whose further lines hang below its first; no blanks at the ends of lines.

    `indent` is where the label begins and `hang` where the text does, both in cells.
    """

    label: Text
    text: Text
    indent: int
    hang: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Yield the text wrapped to what is left of the width."""
        margin = Text(" " * self.indent) + self.label
        margin.append(" " * (self.hang - margin.cell_len))
        for line in self.text.wrap(console, max(options.max_width - self.hang, 1), overflow="fold"):
            line.rstrip()
            yield from Text.assemble(margin, line).render(console, end="\n")
            margin = Text(" " * self.hang)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Draws the span of a piece of evidence that states a this_update, from `indent` to the end of the line.

    The passed part is heavy and coloured by what it says, the rest light; below stand the ends, absolute and relative.
    Outside the span the present is drawn beyond its label: `this_update ━━━━ next_update ╌╌╌●`.
    """

    evidence: Evidence
    now: float
    indent: int

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Yield three lines: the bar, and the two ends in absolute and in relative words."""
        begin, end = self.evidence.this_update, self.evidence.next_update
        if begin is None:
            return
        before = self.now < begin
        after = end is not None and self.now > end
        lead, tail = _OUTSIDE * before, _OUTSIDE * after
        left, right = "this_update ", " next_update" if end is not None else " no next_update"
        cells = max(options.max_width - self.indent - lead - tail - len(left) - len(right), _SHORTEST)

        yield Segment(" " * self.indent)
        yield Segment("●╌╌╌╌ "[:lead], _OVER)
        yield Segment(left, _DIM)
        yield from self._bar(cells, before=before, after=after)
        yield Segment(right, _DIM)
        yield Segment(" ╌╌╌╌●"[:tail], _OVER)
        yield Segment.line()
        width = len(left) + cells + len(right)
        for say in (words.utc, lambda moment: words.relative(moment, self.now)):
            first, last = say(begin), say(end) if end is not None else ""
            yield Segment(
                " " * (self.indent + lead) + first + last.rjust(max(width - len(first), len(last) + 1)).rstrip()
            )
            yield Segment.line()

    def _bar(self, cells: int, *, before: bool, after: bool) -> Iterator[Segment]:
        if before:
            yield Segment("─" * cells, _DIM)
        elif after:
            yield Segment("━" * cells, _OVER)
        else:
            life = elapsed_life(self.evidence, self.now)
            style = _GOOD if self.evidence.status is Status.GOOD else Style()
            style = _LATE if is_refresh_overdue(self.evidence, self.now) else style
            passed = round((0.5 if life is None else life) * (cells - 1))
            yield Segment("━" * passed, style)
            yield Segment("●", style + Style(bold=True))
            yield Segment(("╌" if life is None else "─") * (cells - 1 - passed), _DIM)
