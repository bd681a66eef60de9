"""The kinds of panels that the dashboards about traces are made of. Each asks one query of Tempo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, table, tempo, text, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    StackingMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.tempo import MetricsQueryType, SearchTableType
from grafana_foundation_sdk.models.text import TextMode

from grafana.dashboards.traceql import SPAN_ID, span
from tracekit import semconv

__all__ = [
    "assemble",
    "bars",
    "cost",
    "graph",
    "latency",
    "note",
    "number",
    "ranking",
    "runs",
    "spans",
    "trace",
    "traces",
]

_TEMPO: Final = models.DataSourceRef(type_val="tempo", uid="${datasource}")
_TRACES_LISTED: Final = 200
_TAG: Final = "tracekit"
_KEPT: Final = "${datasource:queryparam}&${__url_time_range}"
_HIDDEN: Final = (
    *("traceIdHidden", "Trace Service", "Trace Name"),
    *(semconv.RUN_ID, semconv.KIND, "status", f"by({SPAN_ID})"),
)
"""Columns of a list of spans that say the same in each row: those of the trace, and those of the query's conditions."""
_UNQUOTED: Final = models.DynamicConfigValue(
    id_val="mappings",
    value=[models.RegexMap(models.DashboardRegexMapOptions('^"(.*)"$', models.ValueMappingResult(text="$1")))],
)
"""Grafana's Tempo data source spells the labels of a series with their quotes."""


def assemble(
    board: dashboard.Dashboard,
    source: str,
    panels: list[Builder[models.Panel]],
    *variables: Builder[models.VariableModel],
) -> models.Dashboard:
    """Return the dashboard with `panels` in reading order, each with an id, and with links to the other dashboards.

    `source` is the type of its data source, which the first of its variables chooses.
    """
    chosen = dashboard.DatasourceVariable("datasource").label("Data source").type(source)
    for variable in (chosen, *variables):
        board.with_variable(variable)
    for panel in panels:
        board.with_panel(panel)
    others = dashboard.DashboardLink(_TAG).type(models.DashboardLinkType.DASHBOARDS).tags([_TAG])
    built = board.tags([_TAG]).refresh("30s").link(others.keep_time(keep_time=True)).build()
    for id, each in enumerate(built.panels or [], start=1):
        each.id_val = id
    return built


def note(content: str, *, height: int) -> Builder[models.Panel]:
    """Return a panel of text, in Markdown."""
    return text.Panel().mode(TextMode.MARKDOWN).content(content).transparent(transparent=True).span(24).height(height)


def number(
    title: str,
    query: str,
    *,
    width: int,
    unit: str = "short",
    none: str = "0",
    about: str = "",
    of: str = "lastNotNull",
) -> stat.Panel:
    """Return one number over the whole time range. `none` stands where no span has any; `of` is Grafana's reducer."""
    return (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(_TEMPO)
        .with_target(_metric(query, MetricsQueryType.INSTANT))
        .reduce_options(common.ReduceDataOptions().calcs([of]))
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(BigValueTextMode.VALUE)
        .unit(unit)
        .no_value(none)
        .span(width)
        .height(4)
    )


def runs(query: str) -> Builder[models.Panel]:
    """Return the number of runs: of the series that `query` groups by run."""
    about = "Runs with a call of the model that has ended, those that go on or were killed included."
    return number("Runs", query, width=4, about=about, of="count").with_transformation(
        _transformation("reduce", {"reducers": ["lastNotNull"]})
    )


def cost(query: str) -> Builder[models.Panel]:
    """Return the number of US dollars that the query sums."""
    about = "At list prices. A call whose price is not known is not in it."
    return number("Cost", query, width=4, unit="currencyUSD", none="no price known", about=about)


def bars(title: str, query: str, *, width: int, unit: str = "short") -> Builder[models.Panel]:
    """Return one bar for each value that the query groups by, over the whole time range."""
    return (
        bargauge.Panel()
        .title(title)
        .datasource(_TEMPO)
        .with_target(_metric(query, MetricsQueryType.INSTANT))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .display_mode(BarGaugeDisplayMode.BASIC)
        .orientation(VizOrientation.HORIZONTAL)
        .unit(unit)
        .min(0)
        .span(width)
        .height(8)
    )


def graph(title: str, query: str, *, unit: str = "short") -> Builder[models.Panel]:
    """Return a graph of what happened in each step of time, stacked by what the query groups by."""
    stacked = common.StackingConfig().mode(StackingMode.NORMAL)
    return _graph(title, query, unit).draw_style(GraphDrawStyle.BARS).fill_opacity(60).stacking(stacked)


def latency(title: str, query: str, by: str, *, about: str = "", quantile: bool = False) -> Builder[models.Panel]:
    """Return a duration over time, by the attribute `by`, and by which `quantile` it is if the query has several."""
    name = f'${{__field.labels["{span(by)}"]}}{" p${__field.labels.p}" if quantile else ""}'
    named = models.DynamicConfigValue(id_val="displayName", value=name)
    panel = _graph(title, query, "s").draw_style(GraphDrawStyle.POINTS).override_by_field_type("number", [named])
    return panel.description(about)


def ranking(title: str, query: str, value: str, *, unit: str, opens: str, about: str = "") -> Builder[models.Panel]:
    """Return a table of runs by a number, which `query` groups by run. A run's id opens the dashboard `opens`.

    What tracekit exports by itself has the run's id as the id of its trace, unless another process began the trace.
    """
    url = f"/d/{opens}/{opens}?var-run=${{__value.text}}&var-trace=${{__value.text}}&{_KEPT}"
    opened = models.DynamicConfigValue(id_val="links", value=[{"title": "Open the run", "url": url}])
    columns = {span(semconv.RUN_NAME): "Name", span(semconv.RUN_ID): "Run", "Last *": value}
    return (
        table.Panel()
        .title(title)
        .description(about)
        .datasource(_TEMPO)
        .with_target(_metric(query, MetricsQueryType.INSTANT))
        .with_transformation(_transformation("reduce", {"reducers": ["lastNotNull"], "labelsToFields": True}))
        .with_transformation(_organized(columns, hidden=("Field",)))
        .override_by_name("Name", [_UNQUOTED])
        .override_by_name("Run", [_UNQUOTED, opened])
        .override_by_name(value, [models.DynamicConfigValue(id_val="unit", value=unit)])
        .sort_by([common.TableSortByFieldState().display_name(value).desc(desc=True)])
        .span(12)
        .height(9)
    )


def traces(title: str, query: str, *, opens: str, about: str) -> Builder[models.Panel]:
    """Return a table of traces, newest first. A trace's id becomes the variable `trace` of the dashboard `opens`."""
    url = f"/d/{opens}/{opens}?var-run=${{run}}&var-trace=${{__value.raw}}&{_KEPT}"
    opened = models.DynamicConfigValue(id_val="links", value=[{"title": "Show the trace below", "url": url}])
    return (
        table.Panel()
        .title(title)
        .description(about)
        .datasource(_TEMPO)
        .with_target(_search(query, SearchTableType.TRACES, per_trace=1))
        .override_by_name("traceID", [opened])
        .span(24)
        .height(5)
    )


def spans(title: str, query: str, names: Mapping[str, str], *, numbers: Mapping[str, str]) -> Builder[models.Panel]:
    """Return a table of spans.

    `names` has a heading for each attribute, in the order of the columns; `numbers` has the unit of those that are
    numbers, which Tempo's answer spells as text.
    """
    columns = {"Start time": "Start", **names, "Duration": "Time"}
    conversions = [{"targetField": each, "destinationType": "number"} for each in numbers]
    panel = (
        table.Panel()
        .title(title)
        .datasource(_TEMPO)
        .with_target(_search(query, SearchTableType.SPANS, per_trace=1))
        .with_transformation(_transformation("convertFieldType", {"conversions": conversions}))
        .with_transformation(_organized(columns, hidden=_HIDDEN))
        .sort_by([common.TableSortByFieldState().display_name("Start").desc(desc=False)])
        .span(24)
        .height(9)
    )
    for attribute, unit in numbers.items():
        panel.override_by_name(names[attribute], [models.DynamicConfigValue(id_val="unit", value=unit)])
    return panel


def trace(title: str, id: str) -> Builder[models.Panel]:
    """Return the waterfall of one trace."""
    asked = tempo.TempoQuery().ref_id("A").query_type("traceql").query(id)
    return dashboard.Panel().type("traces").title(title).datasource(_TEMPO).with_target(asked).span(24).height(14)


def _graph(title: str, query: str, unit: str) -> timeseries.Panel:
    return (
        timeseries.Panel()
        .title(title)
        .datasource(_TEMPO)
        .with_target(_metric(query, MetricsQueryType.RANGE))
        .unit(unit)
        .min(0)
        .span(12)
        .height(8)
    )


def _metric(query: str, kind: MetricsQueryType) -> tempo.TempoQuery:
    return tempo.TempoQuery().ref_id("A").query_type("traceql").query(query).metrics_query_type(kind)


def _search(query: str, kind: SearchTableType, *, per_trace: int) -> tempo.TempoQuery:
    asked = tempo.TempoQuery().ref_id("A").query_type("traceql").query(query)
    return asked.table_type(kind).limit(_TRACES_LISTED).spss(per_trace)


def _transformation(id: str, options: Mapping[str, object]) -> models.DataTransformerConfig:
    return models.DataTransformerConfig(id_val=id, options=options)


def _organized(columns: Mapping[str, str], hidden: tuple[str, ...]) -> models.DataTransformerConfig:
    """Return what renames `columns`, in their order, and takes out those that are `hidden`."""
    order = {each: index for index, each in enumerate(columns)}
    options = {"excludeByName": dict.fromkeys(hidden, True), "indexByName": order, "renameByName": columns}
    return _transformation("organize", options)
