"""How values look: a word for every number that is a code, and the same colour for the same thing everywhere."""

from collections.abc import Mapping

from grafana_foundation_sdk.models import dashboard

from dashboards.generate.promql import (
    AT_RISK,
    GOOD,
    NOT_LOOKED_AT,
    NOTHING_KNOWN,
    REVOKED,
    STATUS_CODES,
    VIOLATED,
)

#: What is neither good nor bad, and what is not there: without it Grafana paints "No data" in the colour of the lowest.
NEUTRAL = "#7b8087"
NO_DATA = "no data"
#: In the cells of tables, of which many are empty, and of those that are best empty as a whole.
EMPTY_CELL, NOTHING = "-", "nothing reported"

#: Boundaries and what is painted from there on.
Steps = tuple[tuple[float, str], ...]
#: Values, and the word and colour for each.
Words = Mapping[str, tuple[str, str]]

#: For counts: what ought to be none, and what ought to be some.
NONE_WANTED: Steps = ((0, NEUTRAL), (1, "red"))
NONE_HOPED: Steps = ((0, NEUTRAL), (1, "orange"))
SOME_WANTED: Steps = ((0, NEUTRAL), (1, "green"))
PLAIN: Steps = ()

#: For what is left of a time in seconds; the first is lower than all that is.
_PAST = -1e11
_DAY = 86400
STAPLE_LEFT: Steps = ((_PAST, "red"), (0, "orange"), (3600, "green"))
CERTIFICATE_LEFT: Steps = ((_PAST, "red"), (7 * _DAY, "orange"), (30 * _DAY, "green"))
#: For the part of a lifetime that is over.
STAPLE_LIFETIME: Steps = ((0, "green"), (0.75, "orange"), (0.9, "red"))
AUTHORITY_LIFETIME: Steps = ((0, "green"), (0.95, "orange"), (0.98, "red"))

_STATUS_COLOURS = {
    "good": "green",
    "missing": "orange",
    "server_failed": "yellow",
    "unknown": "purple",
    "invalid": "red",
    "revoked": "dark-red",
}
STATUS_CODE_WORDS: Words = {
    str(code): (status.replace("_", " "), _STATUS_COLOURS[status]) for status, code in STATUS_CODES.items()
}
STATUS_WORDS: Words = {status: (status.replace("_", " "), colour) for status, colour in _STATUS_COLOURS.items()}

_STATES: Mapping[int, tuple[str, str]] = {
    REVOKED: ("revoked", "dark-red"),
    VIOLATED: ("violated", "red"),
    NOT_LOOKED_AT: ("not looked at", "purple"),
    AT_RISK: ("at risk", "orange"),
    GOOD: ("good", "green"),
    NOTHING_KNOWN: ("nothing known", NEUTRAL),
}

COMPLIANCE: Words = {"0": ("violated", "red"), "1": ("kept", "green")}
LOOKED_AT: Words = {"0": ("no", "purple"), "1": ("yes", "green")}
AGREEMENT: Words = {"0": ("they contradict", "red"), "1": ("they agree", "green")}
UP: Words = {"0": ("down", "red"), "1": ("up", "green")}
CONFORMS: Words = {"0": ("broken", "red"), "1": ("kept", "green")}
RELOADED: Words = {"0": ("failed", "red"), "1": ("succeeded", "green")}
ON_DISK: Words = {"0": ("not as on disk", "red"), "1": ("as on disk", "green")}
YES_NO: Words = {"0": ("no", NEUTRAL), "1": ("yes", NEUTRAL)}
TRUSTED: Words = {"0": ("untrusted", "orange"), "1": ("trusted", "green")}


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    """Give the boundaries with what is neutral below all of them."""
    painted = [dashboard.Threshold(value, colour) for value, colour in steps]
    return dashboard.ThresholdsConfig(steps=[dashboard.Threshold(None, NEUTRAL), *painted])


def mappings(words: Words) -> list[dashboard.ValueMapping]:
    """Give the words for values."""
    results = {
        value: dashboard.ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(words.items())
    }
    return [dashboard.ValueMap(results)] if results else []


def state_mappings() -> list[dashboard.ValueMapping]:
    """Give the words for the states of targets; those of the good ones are a little less than 1."""
    return [
        dashboard.RangeMap(
            dashboard.DashboardRangeMapOptions(
                number - 0.5, number + 0.4, dashboard.ValueMappingResult(text=text, color=colour, index=index)
            )
        )
        for index, (number, (text, colour)) in enumerate(_STATES.items())
    ]
