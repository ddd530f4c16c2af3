"""The few kinds of panels that the dashboards are made of."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.builders import heatmap, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard, prometheus
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models import table as table_models

from dashboards.generate.look import EMPTY_CELL, PLAIN, Steps, Words, mappings
from dashboards.generate.parts import (
    Column,
    Link,
    Mappings,
    Query,
    as_links,
    column_properties,
    field_defaults,
    finished,
    instant,
    legend,
    organized,
    ranged,
    tabled,
)

#: Points of a graph: enough to see, and few enough for Prometheus where there are thousands of targets. A heat map asks
#: for much at each, and its cells are to be seen.
_POINTS, _CELLS = 100, 50


def tile(  # noqa: PLR0913 - what differs between tiles
    title: str,
    description: str,
    query: str,
    *,
    steps: Steps = PLAIN,
    words: Words | None = None,
    unit: str = "short",
    legend: str = "",
) -> dashboard.Panel:
    """One number or word, as of now, on its colour; with a legend, that is the word."""
    reduced = common_builders.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields("")
    builder = (
        stat.Panel()
        .unit(unit)
        .mappings(mappings(words or {}))
        .reduce_options(reduced)
        .color_mode(common.BigValueColorMode.BACKGROUND)
        .graph_mode(common.BigValueGraphMode.NONE)
        .text_mode(common.BigValueTextMode.NAME if legend else common.BigValueTextMode.VALUE)
        .justify_mode(common.BigValueJustifyMode.CENTER)
        .orientation(common.VizOrientation.AUTO)
    )
    return finished(builder.build(), title, description, [instant(Query(query, legend))], steps)


def graph(  # noqa: PLR0913 - what differs between graphs
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    unit: str,
    stacked: bool = False,
    steps: Steps = PLAIN,
    colours: Words | None = None,
    links: Sequence[Link] = (),
) -> dashboard.Panel:
    """Lines over time, or areas on top of each other; boundaries are drawn as lines.

    `colours` are the words and colours of series by their names.
    """
    stacking = common.StackingMode.NORMAL if stacked else common.StackingMode.NONE
    boundaries = common.GraphThresholdsStyleMode.DASHED if steps else common.GraphThresholdsStyleMode.OFF
    tooltip = common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)
    builder = (
        timeseries.Panel()
        .unit(unit)
        .color_scheme(dashboard_builders.FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC))
        .axis_soft_min(0)
        .line_width(1)
        .fill_opacity(60 if stacked else 8)
        .show_points(common.VisibilityMode.AUTO)
        .stacking(common_builders.StackingConfig().mode(stacking).group("A"))
        .thresholds_style(common_builders.GraphThresholdsStyleConfig().mode(boundaries))
        .legend(legend())
        .tooltip(tooltip.sort(common.SortOrder.DESCENDING))
        .max_data_points(_POINTS)
    )
    for name, (text, colour) in (colours or {}).items():
        fixed = dashboard.FieldColor(dashboard.FieldColorModeId.FIXED, colour)
        properties = [dashboard.DynamicConfigValue("color", fixed), dashboard.DynamicConfigValue("displayName", text)]
        builder = builder.override_by_name(name, properties)
    panel = finished(builder.build(), title, description, [ranged(query) for query in queries], steps)
    field_defaults(panel).links = as_links(links) or None
    return panel


def timeline(
    title: str, description: str, queries: Sequence[Query], words: Mappings, links: Sequence[Link] = ()
) -> dashboard.Panel:
    """Rows of words over time."""
    builder = (
        statetimeline.Panel()
        .unit("short")
        .mappings(words)
        .show_value(common.VisibilityMode.AUTO)
        .merge_values(True)
        .row_height(0.8)
        .fill_opacity(85)
        .line_width(0)
        .legend(legend())
        .tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.SINGLE))
        .max_data_points(_POINTS)
    )
    panel = finished(builder.build(), title, description, [ranged(query) for query in queries], PLAIN)
    field_defaults(panel).links = as_links(links) or None
    return panel


def heat(title: str, description: str, query: str, *, unit: str) -> dashboard.Panel:
    """How many there are of each size over time: the query gives cumulative counts by the label `le`, in `unit`."""
    colour = (
        heatmap.HeatmapColorOptions()
        .mode(heatmap_models.HeatmapColorMode.SCHEME)
        .scheme("Oranges")
        .exponent(0.5)
        .steps(64)
        .reverse(False)
    )
    builder = (
        heatmap.Panel()
        .unit("short")
        .calculate(False)
        .color(colour)
        .cell_gap(1)
        .y_axis(heatmap.YAxisConfig().unit(unit).axis_placement(common.AxisPlacement.LEFT))
        .cell_values(heatmap.CellValues().unit("short").decimals(0))
        .show_value(common.VisibilityMode.NEVER)
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .rows_frame(heatmap.RowsHeatmapOptions().layout(common.HeatmapCellLayout.AUTO))
        .show_legend()
        .max_data_points(_CELLS)
    )
    target = ranged(Query(query, "{{le}}"))
    target.format_val = prometheus.PromQueryFormat.HEATMAP
    return finished(builder.build(), title, description, [target], PLAIN)


def grid(
    title: str,
    description: str,
    queries: Sequence[str],
    columns: Sequence[Column],
    worst: Sequence[str] = (),
    empty: str = EMPTY_CELL,
) -> dashboard.Panel:
    """A table with a row for each set of labels that the queries have in common.

    `worst` are the headings to sort by; one that begins with `-` has the greatest first. `empty` is shown in cells
    without a value, and in place of a table without rows.
    """
    sorting: list[Builder[common.TableSortByFieldState]] = [
        common_builders.TableSortByFieldState().display_name(heading.removeprefix("-")).desc(heading.startswith("-"))
        for heading in worst
    ]
    builder = (
        table.Panel()
        .unit("short")
        .cell_height(common.TableCellHeight.SM)
        .filterable(True)
        .sort_by(sorting)
        .no_value(empty)
    )
    for column in columns:
        if properties := column_properties(column):
            builder = builder.override_by_name(column.heading, properties)
    panel = finished(builder.build(), title, description, [tabled(query) for query in queries], PLAIN)
    _without_footer(panel)
    panel.transformations = [
        dashboard.DataTransformerConfig("merge", options={}),
        dashboard.DataTransformerConfig("organize", options=organized(columns, len(queries))),
    ]
    return panel


def matrix(  # noqa: PLR0913 - what a matrix is made of
    title: str, description: str, query: str, *, rows: str, heading: str, columns: str, words: Words
) -> dashboard.Panel:
    """A table with a row for each value of one label, below a heading, and a column for each value of another."""
    coloured = common.TableColoredBackgroundCellOptions(common.TableCellBackgroundDisplayMode.BASIC)
    builder = table.Panel().unit("short").cell_height(common.TableCellHeight.SM).filterable(True).no_value(EMPTY_CELL)
    builder = builder.mappings(mappings(words)).cell_options(coloured)
    panel = finished(builder.build(), title, description, [tabled(query)], PLAIN)
    _without_footer(panel)
    options = {"rowField": rows, "columnField": columns, "valueField": "Value"}
    first = {"renameByName": {f"{rows}\\{columns}": heading}}
    panel.transformations = [
        dashboard.DataTransformerConfig("groupingToMatrix", options=options),
        dashboard.DataTransformerConfig("organize", options={"excludeByName": {}, "indexByName": {}, **first}),
    ]
    return panel


def _without_footer(panel: dashboard.Panel) -> None:
    """Take off what the library adds to every table, and newer Grafana no longer has there."""
    if isinstance(panel.options, table_models.Options):
        panel.options.footer = None
