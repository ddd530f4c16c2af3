"""What was measured, as it is shown."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of a table; `most` is what is wanted at most, None where nothing is."""

    what: str
    value: float
    unit: str
    most: float | None = None

    @property
    def row(self) -> str:
        """The row in Markdown."""
        if self.most is None:
            return f"| {self.what} | {_number(self.value)} {self.unit} | | |"
        verdict = "yes" if self.value <= self.most else "**no**"
        return f"| {self.what} | {_number(self.value)} {self.unit} | {self.most:.3g} | {verdict} |"


def table(figures: Iterable[Figure]) -> str:
    """Write figures as a table in Markdown."""
    return "\n".join(
        ("| Figure | Measured | At most | Reached |", "|---|---|---|---|", *(each.row for each in figures))
    )


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"  # noqa: PLR2004 -- three digits
