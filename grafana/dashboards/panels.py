"""The kinds of panels that the dashboards are made of. Each asks one query of Tempo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, table, tempo, timeseries
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

from grafana.dashboards.traceql import span

__all__ = [
    "SPANS_LISTED",
    "TEMPO",
    "assemble",
    "bars",
    "cost",
    "graph",
    "latency",
    "number",
    "spans",
    "trace",
    "traces",
]

TEMPO: Final = models.DataSourceRef(type_val="tempo", uid="tempo")

SPANS_LISTED: Final = 100
"""The most spans of one trace that Tempo lists unless it is configured otherwise; it refuses to be asked for more."""

_TRACES_LISTED: Final = 200

_TAG: Final = "tracekit"


def assemble(board: dashboard.Dashboard, panels: list[Builder[models.Panel]]) -> models.Dashboard:
    """Return the dashboard with `panels` in reading order, each with an id, and with links to the other dashboards."""
    for panel in panels:
        board.with_panel(panel)
    others = dashboard.DashboardLink(_TAG).type(models.DashboardLinkType.DASHBOARDS).tags([_TAG])
    built = board.tags([_TAG]).link(others.keep_time(keep_time=True)).build()
    for id, each in enumerate(built.panels or [], start=1):
        each.id_val = id
    return built


def number(
    title: str, query: str, *, width: int, unit: str = "short", none: str = "0", about: str = ""
) -> Builder[models.Panel]:
    """Return one number over the whole time range. `none` stands where no span says any."""
    return (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(TEMPO)
        .with_target(_metric(query, MetricsQueryType.INSTANT))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(BigValueTextMode.VALUE)
        .unit(unit)
        .no_value(none)
        .span(width)
        .height(4)
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
        .datasource(TEMPO)
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


def latency(title: str, query: str, by: str) -> Builder[models.Panel]:
    """Return the quantiles of a duration over time, each named by the attribute `by` and by which quantile it is."""
    name = f'${{__field.labels["{span(by)}"]}} p${{__field.labels.p}}'
    named = models.DynamicConfigValue(id_val="displayName", value=name)
    return _graph(title, query, "s").draw_style(GraphDrawStyle.POINTS).override_by_field_type("number", [named])


def traces(title: str, query: str, *, opens: str) -> Builder[models.Panel]:
    """Return a table of traces, slowest first. A trace's id opens the dashboard `opens` with it as ``var-trace``."""
    url = f"/d/{opens}/{opens}?var-trace=${{__value.raw}}&${{__url_time_range}}"
    to_run = models.DynamicConfigValue(id_val="links", value=[{"title": "Open the run", "url": url}])
    return (
        table.Panel()
        .title(title)
        .datasource(TEMPO)
        .with_target(_search(query, SearchTableType.TRACES, per_trace=1))
        .override_by_name("traceID", [to_run])
        .sort_by([common.TableSortByFieldState().display_name("Duration").desc(desc=True)])
        .span(24)
        .height(11)
    )


def spans(title: str, query: str, names: Mapping[str, str], *, numbers: Mapping[str, str]) -> Builder[models.Panel]:
    """Return a table of the spans of one trace.

    `names` has a heading for each attribute, in the order of the columns; `numbers` has the unit of those that are
    numbers, which Tempo's answer spells as text.
    """
    columns = {"Start time": "Start", **names, "Duration": "Time"}
    conversions = [{"targetField": each, "destinationType": "number"} for each in numbers]
    panel = (
        table.Panel()
        .title(title)
        .datasource(TEMPO)
        .with_target(_search(query, SearchTableType.SPANS, per_trace=SPANS_LISTED))
        .with_transformation(_transformation("convertFieldType", {"conversions": conversions}))
        .with_transformation(
            _transformation(
                "organize",
                {
                    "excludeByName": dict.fromkeys(("traceIdHidden", "Trace Service", "Trace Name"), True),
                    "indexByName": {each: index for index, each in enumerate(columns)},
                    "renameByName": columns,
                },
            )
        )
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
    return dashboard.Panel().type("traces").title(title).datasource(TEMPO).with_target(asked).span(24).height(14)


def _graph(title: str, query: str, unit: str) -> timeseries.Panel:
    return (
        timeseries.Panel()
        .title(title)
        .datasource(TEMPO)
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
