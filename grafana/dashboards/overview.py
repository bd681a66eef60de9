"""All runs of a time: how many, how much, how long, and what went wrong."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.dashboards import run
from grafana.dashboards.panels import assemble, cost, graph, latency, note, number, ranking, runs
from grafana.dashboards.traceql import (
    AGENT,
    ATTEMPT,
    CALL,
    FAILED,
    TOOL,
    average,
    count,
    has,
    longest,
    quantiles,
    span,
    top,
    total,
    where,
)
from tracekit import semconv

__all__ = ["LAG", "UID", "dashboard"]

UID: Final = "tracekit-overview"

LAG: Final = (
    "A call is counted when it has ended, and Tempo shows it up to a minute after that; this page asks again every "
    "30 seconds. Tempo refuses a time range longer than 7 days, unless `query_frontend.metrics.max_duration` and "
    "`query_frontend.search.max_duration` say more."
)

RUN = (semconv.RUN_ID, semconv.RUN_NAME)
MODEL = semconv.REQUEST_MODEL
RETRIES = where(ATTEMPT, f"{span(semconv.HTTP_RESEND_COUNT)} > 0")
ATTEMPTS = where(ATTEMPT, has(semconv.HTTP_STATUS))

_LISTED = 50
_ESTIMATED = "Tempo counts durations in powers of two of a second, and estimates within them: the true value may be half of it, or twice."
_EXACT = "Exact, retries included."
_LONGEST = "The run's longest span that has ended: the whole run, unless it goes on or was killed."


def dashboard() -> Dashboard:
    """Return the dashboard."""
    calls, agents = where(CALL), where(AGENT)
    return assemble(
        builders.Dashboard("tracekit: overview").uid(UID).time("now-6h", "now"),
        "tempo",
        [
            note(
                f"{LAG} Over longer times, and of runs that were not sent: `tracekit ls` and `tracekit sql`.", height=2
            ),
            runs(count(calls, semconv.RUN_ID)),
            number("Calls of the model", count(calls), width=4),
            cost(total(semconv.COST_USD, CALL)),
            number("Retries", count(RETRIES), width=4),
            number("Failed calls", count(where(CALL, FAILED)), width=4),
            number("Failed tools", count(where(TOOL, FAILED)), width=4),
            number("Tokens in, cached ones included", total(semconv.INPUT_TOKENS, CALL), width=4),
            number("Tokens out", total(semconv.OUTPUT_TOKENS, CALL), width=4),
            number("Tokens read from the cache", total(semconv.CACHE_READ_TOKENS, CALL), width=4),
            number("Tokens written to the cache", total(semconv.CACHE_WRITE_TOKENS, CALL), width=4),
            number("Mean time of a call", average(calls), width=4, unit="s", none="-", about=_EXACT),
            number("Longest call", longest(calls), width=4, unit="s", none="-", about=_EXACT),
            ranking(
                f"Longest runs (the first {_LISTED})",
                top(longest(where(has(semconv.RUN_ID)), *RUN), _LISTED),
                "Time",
                unit="s",
                opens=run.UID,
                about=_LONGEST,
            ),
            ranking(
                f"Most expensive runs (the first {_LISTED})",
                top(total(semconv.COST_USD, CALL, by=RUN), _LISTED),
                "Cost",
                unit="currencyUSD",
                opens=run.UID,
            ),
            graph("Calls by model", count(calls, MODEL)),
            graph("Cost by model", total(semconv.COST_USD, CALL, by=(MODEL,)), unit="currencyUSD"),
            graph("Tokens in by model", total(semconv.INPUT_TOKENS, CALL, by=(MODEL,))),
            graph("Tokens out by model", total(semconv.OUTPUT_TOKENS, CALL, by=(MODEL,))),
            latency("Mean time of a call by model", average(calls, MODEL), MODEL, about=_EXACT),
            latency("Longest call by model", longest(calls, MODEL), MODEL, about=_EXACT),
            latency(
                "Time of a call by model: quantiles", quantiles(calls, MODEL), MODEL, about=_ESTIMATED, quantile=True
            ),
            latency("Mean time of an agent", average(agents, semconv.AGENT_NAME), semconv.AGENT_NAME, about="Exact."),
            graph("Attempts by status", count(ATTEMPTS, semconv.HTTP_STATUS)),
            graph("Failed calls by error", count(where(CALL, FAILED), semconv.ERROR_TYPE)),
        ],
    )
