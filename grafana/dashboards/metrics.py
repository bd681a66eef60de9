"""Calls, tokens, cost and retries as OpenTelemetry metrics in Prometheus: cheap over any time, kept for years."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import BigValueGraphMode, BigValueTextMode, GraphDrawStyle, StackingMode

from grafana.dashboards.panels import assemble, note
from grafana.dashboards.promql import (
    AGENT,
    AGENTS,
    COST,
    DURATION,
    ERROR,
    FAILED,
    MODEL,
    RETRIES,
    TOKENS,
    TYPE,
    added,
    per,
    quantile,
)

__all__ = ["UID", "dashboard"]

UID: Final = "tracekit-metrics"

_PROMETHEUS: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
_STEP: Final = "$__interval"
_INPUT, _OUTPUT = f'{TYPE}="input"', f'{TYPE}="output"'
_NOTE = (
    "Metrics that a program exports if `OTEL_METRICS_EXPORTER=otlp` is set: once a minute, and when it ends. They have no "
    "runs: those are in the dashboards about traces, and in `tracekit ls`. This page asks again every 30 seconds."
)


def dashboard() -> models.Dashboard:
    """Return the dashboard."""
    calls = f"{DURATION}_count"
    return assemble(
        builders.Dashboard("tracekit: metrics").uid(UID).time("now-24h", "now"),
        "prometheus",
        [
            note(_NOTE, height=2),
            _number("Calls of the model", added(calls, AGENTS)),
            _number("Failed calls", added(calls, AGENTS, FAILED)),
            _number("Retries", added(RETRIES, AGENTS)),
            _number("Cost", added(COST, AGENTS), unit="currencyUSD"),
            _number("Tokens in, cached ones included", added(f"{TOKENS}_sum", AGENTS, _INPUT)),
            _number("Tokens out", added(f"{TOKENS}_sum", AGENTS, _OUTPUT)),
            _graph("Calls by model", added(calls, AGENTS, over=_STEP, by=(MODEL,)), MODEL),
            _graph("Cost by model", added(COST, AGENTS, over=_STEP, by=(MODEL,)), MODEL, unit="currencyUSD"),
            _graph("Tokens in by model", added(f"{TOKENS}_sum", AGENTS, _INPUT, over=_STEP, by=(MODEL,)), MODEL),
            _graph("Tokens out by model", added(f"{TOKENS}_sum", AGENTS, _OUTPUT, over=_STEP, by=(MODEL,)), MODEL),
            _latency(
                "Mean time of a call by model",
                per(*(added(f"{DURATION}_{part}", AGENTS, over=_STEP, by=(MODEL,)) for part in ("sum", "count"))),
            ),
            _latency("Time of a call by model: median", _quantile(0.5)),
            _latency("Time of a call by model: 95th percentile", _quantile(0.95)),
            _graph("Retries by model", added(RETRIES, AGENTS, over=_STEP, by=(MODEL,)), MODEL),
            _graph("Failed calls by error", added(calls, AGENTS, FAILED, over=_STEP, by=(ERROR,)), ERROR),
            _graph("Cost by agent", added(COST, AGENTS, over=_STEP, by=(AGENT,)), AGENT, unit="currencyUSD"),
            _graph("Cost by service", added(COST, AGENTS, over=_STEP, by=("job",)), "job", unit="currencyUSD"),
        ],
        _services(),
    )


def _quantile(which: float) -> str:
    return quantile(which, DURATION, AGENTS, over=_STEP, by=(MODEL,))


def _services() -> Builder[models.VariableModel]:
    variable = builders.QueryVariable("service").label("Service").datasource(_PROMETHEUS)
    variable = variable.query(f"label_values({DURATION}_count, job)").refresh(
        models.VariableRefresh.ON_TIME_RANGE_CHANGED
    )
    every = models.VariableOption(text="All", value="$__all")
    return variable.include_all(include_all=True).all_value(".*").multi(multi=True).current(every)


def _number(title: str, query: str, *, unit: str = "short") -> Builder[models.Panel]:
    return (
        stat.Panel()
        .title(title)
        .datasource(_PROMETHEUS)
        .with_target(prometheus.Dataquery().ref_id("A").expr(query).instant())
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(BigValueTextMode.VALUE)
        .unit(unit)
        .no_value("0")
        .span(4)
        .height(4)
    )


def _graph(title: str, query: str, by: str, *, unit: str = "short") -> Builder[models.Panel]:
    stacked = common.StackingConfig().mode(StackingMode.NORMAL)
    return _lines(title, query, by, unit).draw_style(GraphDrawStyle.BARS).fill_opacity(60).stacking(stacked)


def _latency(title: str, query: str) -> Builder[models.Panel]:
    return _lines(title, query, MODEL, "s").draw_style(GraphDrawStyle.POINTS)


def _lines(title: str, query: str, by: str, unit: str) -> timeseries.Panel:
    target = prometheus.Dataquery().ref_id("A").expr(query).range().legend_format(f"{{{{{by}}}}}")
    # Metrics come once a minute: in a shorter step there is mostly nothing.
    return (
        timeseries.Panel()
        .title(title)
        .datasource(_PROMETHEUS)
        .with_target(target)
        .interval("1m")
        .unit(unit)
        .min(0)
        .span(12)
        .height(8)
    )
