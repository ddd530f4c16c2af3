"""What the panels of all kinds are made of: queries, columns, links, and what every panel has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.models import common, dashboard, prometheus

from dashboards.generate import promql
from dashboards.generate.look import NO_DATA, PLAIN, Steps, thresholds

DATA_SOURCE = dashboard.DataSourceRef("prometheus", "${datasource}")

Mappings = list[dashboard.ValueMapping]


@dataclass(frozen=True, slots=True)
class Query:
    """What Prometheus is asked for, and what a series that it gives is called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a click on a value leads."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: a label, or `Value #A` for what the first query gives, and its heading."""

    field: str
    heading: str
    unit: str = ""
    mappings: Sequence[dashboard.ValueMapping] = ()
    steps: Steps = PLAIN
    link: Link | None = None
    width: int = 0


def instant(query: Query) -> prometheus.Dataquery:
    """Ask for now."""
    return prometheus.Dataquery(expr=query.expr, legend_format=query.legend or None, instant=True, range_val=False)


def ranged(query: Query) -> prometheus.Dataquery:
    """Ask for the whole range."""
    return prometheus.Dataquery(expr=query.expr, legend_format=query.legend or None, instant=False, range_val=True)


def tabled(expr: str) -> prometheus.Dataquery:
    """Ask for now, as a table: a column for each label, and one for the value."""
    table = prometheus.PromQueryFormat.TABLE
    return prometheus.Dataquery(expr=expr, instant=True, range_val=False, format_val=table)


def finished(
    panel: dashboard.Panel, title: str, description: str, queries: Sequence[prometheus.Dataquery], steps: Steps
) -> dashboard.Panel:
    """Give a panel what all of them have."""
    for letter, query in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", queries, strict=False):
        query.ref_id = letter
        query.datasource = DATA_SOURCE
        query.editor_mode = prometheus.QueryEditorMode.CODE
    panel.title, panel.description = title, description
    panel.datasource = DATA_SOURCE
    panel.targets = list(queries)
    defaults = field_defaults(panel)
    defaults.no_value = defaults.no_value or NO_DATA
    defaults.thresholds = thresholds(steps)
    if defaults.color is None:
        defaults.color = dashboard.FieldColor(dashboard.FieldColorModeId.THRESHOLDS)
    return panel


def field_defaults(panel: dashboard.Panel) -> dashboard.FieldConfig:
    """Give what is set for all fields of a panel, to be changed."""
    if panel.field_config is None:
        panel.field_config = dashboard.FieldConfigSource()
    if panel.field_config.defaults is None:
        panel.field_config.defaults = dashboard.FieldConfig()
    return panel.field_config.defaults


def legend() -> common_builders.VizLegendOptions:
    """Name the series below the panel."""
    return (
        common_builders.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)
    )


class _DataLink(dashboard.DashboardLink):
    """A link of a value: the library has only the links of dashboards, which have more to them."""

    def to_json(self) -> dict[str, object]:
        """Give what Grafana keeps of it."""
        return {"title": self.title, "url": self.url, "targetBlank": False}


def as_links(links: Sequence[Link]) -> list[dashboard.DashboardLink]:
    """Give links as Grafana has them in a field."""
    return [_DataLink(link.title, url=link.url) for link in links]


class Happening(dashboard.AnnotationQuery):
    """Marks on all graphs where a query gives something: the library has no fields for what Prometheus's need."""

    def __init__(self, name: str, expr: str, title: str, text: str) -> None:
        super().__init__(name, DATA_SOURCE, hide=False, icon_color="orange", expr=expr)
        self._title, self._text = title, text

    def to_json(self) -> dict[str, object]:
        """Give what Grafana keeps of it."""
        return {**super().to_json(), "titleFormat": self._title, "textFormat": self._text, "step": "", "tagKeys": ""}


def column_properties(column: Column) -> list[dashboard.DynamicConfigValue]:
    """Give how a column differs from the others."""
    properties: Mapping[str, object] = {
        "unit": column.unit,
        "mappings": list(column.mappings),
        "thresholds": thresholds(column.steps) if column.steps else None,
        "links": as_links([column.link] if column.link else []),
        "custom.width": column.width,
        "custom.cellOptions": _cell(column),
    }
    return [dashboard.DynamicConfigValue(name, value) for name, value in properties.items() if value]


def _cell(column: Column) -> common.TableCellOptions | None:
    if column.mappings:
        return common.TableColoredBackgroundCellOptions(common.TableCellBackgroundDisplayMode.BASIC)
    return common.TableColorTextCellOptions() if column.steps else None


def organized(columns: Sequence[Column], queries: int) -> dict[str, object]:
    """Give the options of the transformation that orders and names columns, and hides all that are not shown."""
    values = ["Value"] if queries == 1 else [f"Value #{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:queries]]
    shown = [column.field for column in columns]
    identity = promql.IDENTITY.split(", ")
    hidden = [name for name in ("Time", "__name__", *identity, *values) if name not in shown]
    return {
        "excludeByName": dict.fromkeys(hidden, True),
        "indexByName": {name: index for index, name in enumerate(shown)},
        "renameByName": {column.field: column.heading for column in columns},
    }
