"""All runs of a time: how many, how much, how long, and what went wrong."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.dashboards import run
from grafana.dashboards.panels import assemble, cost, graph, latency, number, traces
from grafana.dashboards.traceql import AGENT, CALL, FAILED, ROOT, TOOL, count, quantiles, span, total, where
from tracekit import semconv

__all__ = ["UID", "dashboard"]

UID: Final = "tracekit-overview"

RUNS = f"{where(CALL)} << {where(ROOT)}"
RETRIES = f"{where(CALL)} >> {where(f'{span(semconv.HTTP_RESEND_COUNT)} > 0')}"
ATTEMPTS = f"{where(CALL)} >> {where(f'{span(semconv.HTTP_STATUS)} != nil')}"

_RUNS_ARE = "Traces whose first span stands above a call. A call with nothing around it is a trace, and no run."


def dashboard() -> Dashboard:
    """Return the dashboard."""
    board = builders.Dashboard("tracekit: overview").uid(UID).time("now-6h", "now")
    return assemble(
        board,
        [
            number("Runs", count(RUNS), width=4, about=_RUNS_ARE),
            number("Calls of the model", count(where(CALL)), width=4),
            cost(total(semconv.COST_USD, CALL)),
            number("Retries", count(RETRIES), width=4),
            number("Failed calls", count(where(CALL, FAILED)), width=4),
            number("Failed tools", count(where(TOOL, FAILED)), width=4),
            number("Tokens in, cached ones included", total(semconv.INPUT_TOKENS, CALL), width=6),
            number("Tokens out", total(semconv.OUTPUT_TOKENS, CALL), width=6),
            number("Tokens read from the cache", total(semconv.CACHE_READ_TOKENS, CALL), width=6),
            number("Tokens written to the cache", total(semconv.CACHE_WRITE_TOKENS, CALL), width=6),
            traces("Slowest of the newest runs", where(CALL), opens=run.UID),
            graph("Calls by model", count(where(CALL), by=semconv.REQUEST_MODEL)),
            graph("Cost by model", total(semconv.COST_USD, CALL, by=semconv.REQUEST_MODEL), unit="currencyUSD"),
            graph("Tokens in by model", total(semconv.INPUT_TOKENS, CALL, by=semconv.REQUEST_MODEL)),
            graph("Tokens out by model", total(semconv.OUTPUT_TOKENS, CALL, by=semconv.REQUEST_MODEL)),
            latency(
                "Time of a call by model, retries included",
                quantiles(where(CALL), by=semconv.REQUEST_MODEL),
                semconv.REQUEST_MODEL,
            ),
            latency("Time of an agent", quantiles(where(AGENT), by=semconv.AGENT_NAME), semconv.AGENT_NAME),
            graph("Attempts by status", count(ATTEMPTS, by=semconv.HTTP_STATUS)),
            graph("Failed calls by error", count(where(CALL, FAILED), by=semconv.ERROR_TYPE)),
        ],
    )
