"""A dashboard as a document: its variables, its links to the others, where its panels stand, and its JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from dashboards.generate.parts import DATA_SOURCE

#: What Grafana 9 to 13 read: 39 is Grafana 11.0, older ones ignore what they do not know, newer ones migrate it.
SCHEMA_VERSION = 39
#: The version that Grafana shows. Raise it when a dashboard changes.
VERSION = 1
_TAG = "ocsp"
_WIDTH = 24

#: A row of panels from left to right, each with its width; all have the row's height.
Row = tuple[int, Sequence[tuple[int, dashboard.Panel]]]


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of panels below a heading; without a title there is none."""

    title: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Document:
    """A dashboard. `name` is its uid and the name of its file."""

    name: str
    title: str
    description: str
    variables: Sequence[builders.QueryVariable | builders.TextBoxVariable | builders.CustomVariable]
    sections: Sequence[Section]
    since: str = "now-6h"
    refresh: str = "1m"
    annotations: Sequence[dashboard.AnnotationQuery] = ()

    def text(self) -> str:
        """Give the JSON that Grafana reads."""
        content = json.loads(json.dumps(self._model(), cls=JSONEncoder))
        for variable in content["templating"]["list"]:
            for key in ("auto", "auto_min", "auto_count"):  # of intervals, which these are not
                del variable[key]
            variable["skipUrlSync"] = variable.get("hide") == dashboard.VariableHide.HIDE_VARIABLE
        return json.dumps({"__requires": _requires(content), **content}, indent=2, ensure_ascii=False) + "\n"

    def explained(self) -> str:
        """Give what each panel tells, as Markdown."""
        lines = [f"### {self.title}", "", self.description]
        for section in self.sections:
            panels = [panel for _, row in section.rows for _, panel in row]
            heading = [f"**{section.title}**", ""] if section.title else []
            lines += ["", *heading, *(f"- **{panel.title}.** {panel.description}" for panel in panels)]
        return "\n".join((*lines, ""))

    def _model(self) -> dashboard.Dashboard:
        source = builders.DatasourceVariable("datasource").label("Data source").type("prometheus")
        builder = (
            builders.Dashboard(self.title)
            .uid(self.name)
            .description(self.description)
            .tags([_TAG])
            .version(VERSION)
            .editable()
            .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
            .time(self.since, "now")
            .refresh(self.refresh)
            .with_variable(source)
        )
        for variable in self.variables:
            builder = builder.with_variable(variable)
        model = builder.link(_others()).build()
        model.schema_version = SCHEMA_VERSION
        model.timezone = ""
        model.annotations = dashboard.AnnotationContainer([_built_in(), *self.annotations])
        model.panels = _placed(self.sections)
        return model


def query_variable(name: str, label: str, query: str) -> builders.QueryVariable:
    """Give a variable of whose values several may be chosen, or all, which is also what has no such label."""
    return (
        single_variable(name, label, query)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(dashboard.VariableOption(text="All", value="$__all"))
    )


def single_variable(name: str, label: str, query: str) -> builders.QueryVariable:
    """Give a variable of whose values one is chosen."""
    return (
        builders.QueryVariable(name)
        .label(label)
        .datasource(DATA_SOURCE)
        .query({"query": query, "refId": "StandardVariableQuery"})
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )


def text_variable(name: str, label: str, description: str) -> builders.TextBoxVariable:
    """Give a variable that somebody types; at first it is empty."""
    empty = dashboard.VariableOption(selected=True, text="", value="")
    return builders.TextBoxVariable(name).label(label).description(description).default_value("").current(empty)


def names_of(name: str, query: str) -> builders.QueryVariable:
    """Give a hidden variable that holds the names of the targets which a query gives."""
    return (
        # Grafana takes such a query on one line only.
        single_variable(name, name, f"query_result({' '.join(query.split())})")
        .regex('/[{,]target="([^"]*)"/')
        .hide(dashboard.VariableHide.HIDE_VARIABLE)
        .sort(dashboard.VariableSort.DISABLED)
        .multi(True)
        .include_all(True)
        .current(dashboard.VariableOption(text="All", value="$__all"))
    )


def _placed(sections: Sequence[Section]) -> list[dashboard.Panel | dashboard.RowPanel]:
    """Set the panels side by side and below each other, and number them."""
    placed: list[dashboard.Panel | dashboard.RowPanel] = []
    top = 0
    for section in sections:
        if section.title:
            heading = dashboard.RowPanel(title=section.title, collapsed=False, panels=[])
            heading.grid_pos = dashboard.GridPos(h=1, w=_WIDTH, x=0, y=top)
            placed.append(heading)
            top += 1
        for height, row in section.rows:
            left = 0
            for width, panel in row:
                panel.grid_pos = dashboard.GridPos(h=height, w=width, x=left, y=top)
                placed.append(panel)
                left += width
            top += height
    for number, each in enumerate(placed, start=1):
        each.id_val = number
    return placed


def _others() -> builders.DashboardLink:
    return (
        builders.DashboardLink("OCSP dashboards")
        .type(dashboard.DashboardLinkType.DASHBOARDS)
        .tags([_TAG])
        .as_dropdown(True)
        .keep_time(True)
        .include_vars(True)
        .icon("external link")
        .tooltip("The other dashboards of ocsp_exporter")
    )


def _built_in() -> dashboard.AnnotationQuery:
    """Give the annotations that people make in Grafana, and those of its alerts."""
    return dashboard.AnnotationQuery(
        name="Annotations & Alerts",
        datasource=dashboard.DataSourceRef("grafana", "-- Grafana --"),
        enable=True,
        hide=True,
        icon_color="rgba(0, 211, 255, 1)",
        type_val="dashboard",
        built_in=1,
    )


def _requires(content: dict[str, list[dict[str, str]]]) -> list[dict[str, str]]:
    """Name the oldest Grafana, and the panels, that a dashboard needs."""
    kinds = sorted({panel["type"] for panel in content["panels"]} - {"row"})
    return [
        {"type": "grafana", "id": "grafana", "name": "Grafana", "version": "9.0.0"},
        {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
        *({"type": "panel", "id": kind, "name": kind, "version": ""} for kind in kinds),
    ]
