"""One run: its trace, its calls, what had to be tried again, and what each agent took."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.dashboards.panels import assemble, bars, cost, note, number, spans, trace, traces
from grafana.dashboards.traceql import (
    AGENT,
    ATTEMPT,
    CALL,
    FAILED,
    average,
    count,
    longest,
    seconds,
    select,
    span,
    total,
    where,
)
from tracekit import semconv

__all__ = ["UID", "dashboard"]

UID: Final = "tracekit-run"

THIS: Final = f'{span(semconv.RUN_ID)} = "${{run}}"'
CALLS: Final = where(THIS, CALL)
RETRIES: Final = where(THIS, ATTEMPT, f"{span(semconv.HTTP_RESEND_COUNT)} > 0")
# Beside answers that are no success, this finds attempts without an answer, and those whose answer broke off.
FAILED_ATTEMPTS: Final = where(THIS, ATTEMPT, f"({span(semconv.HTTP_STATUS)} >= 300 || {FAILED})")

_NOTE = (
    "In a terminal, the whole record: `tracekit show ${run}`, or `tracekit view ${run}`; with the trace id in place of "
    "the run's it works too. The time range above has to hold the run. A call is counted when it has ended, and Tempo "
    "shows it up to a minute after that."
)

_CALL_COLUMNS = {
    semconv.AGENT_NAME: "Agent",
    semconv.REQUEST_MODEL: "Model",
    semconv.INPUT_TOKENS: "Tokens in",
    semconv.OUTPUT_TOKENS: "Tokens out",
    semconv.CACHE_READ_TOKENS: "Read from cache",
    semconv.CACHE_WRITE_TOKENS: "Written to cache",
    semconv.COST_USD: "Cost",
    semconv.STOP_REASON: "Stop reason",
    semconv.ERROR_TYPE: "Error",
}
_CALL_NUMBERS = {
    semconv.INPUT_TOKENS: "short",
    semconv.OUTPUT_TOKENS: "short",
    semconv.CACHE_READ_TOKENS: "short",
    semconv.CACHE_WRITE_TOKENS: "short",
    semconv.COST_USD: "currencyUSD",
}
_ATTEMPT_COLUMNS = {
    semconv.HTTP_STATUS: "Status",
    semconv.ERROR_TYPE: "Error",
    semconv.HTTP_RESEND_COUNT: "Retry",
    semconv.WAIT_MS: "Waited before",
    semconv.REQUEST_ID: "Request id",
}


def dashboard() -> Dashboard:
    """Return the dashboard."""
    run = builders.TextBoxVariable("run").label("Run id").description("As the overview and `tracekit ls` give it.")
    shown = builders.TextBoxVariable("trace").label("Trace id")
    shown = shown.description("The trace that is drawn. The table of traces has those of the run.")
    agent = semconv.AGENT_NAME
    return assemble(
        builders.Dashboard("tracekit: one run").uid(UID).time("now-6h", "now"),
        "tempo",
        [
            note(_NOTE, height=2),
            number("Calls of the model", count(CALLS), width=3),
            cost(total(semconv.COST_USD, THIS, CALL)),
            number("Tokens in, cached ones included", total(semconv.INPUT_TOKENS, THIS, CALL), width=4),
            number("Tokens out", total(semconv.OUTPUT_TOKENS, THIS, CALL), width=3),
            number("Retries", count(RETRIES), width=2),
            number("Failed calls", count(where(THIS, CALL, FAILED)), width=2),
            number("Mean time of a call", average(CALLS), width=3, unit="s", none="-"),
            number("Longest call", longest(CALLS), width=3, unit="s", none="-"),
            traces(
                "Traces of this run",
                where(THIS, CALL),
                opens=UID,
                about="Most runs are one trace. A trace whose first span has not come has no name yet.",
            ),
            trace("Trace", "${trace}"),
            spans(
                "Calls of the model, one by one",
                select(CALLS, *_CALL_COLUMNS),
                _CALL_COLUMNS,
                numbers=_CALL_NUMBERS,
            ),
            spans(
                "Attempts that failed",
                select(FAILED_ATTEMPTS, *_ATTEMPT_COLUMNS),
                _ATTEMPT_COLUMNS,
                numbers={semconv.WAIT_MS: "ms"},
            ),
            bars("Time by agent", seconds(where(THIS, AGENT), agent), width=8, unit="s"),
            bars("Tokens in by agent", total(semconv.INPUT_TOKENS, THIS, CALL, by=(agent,)), width=8),
            bars("Tokens out by agent", total(semconv.OUTPUT_TOKENS, THIS, CALL, by=(agent,)), width=8),
        ],
        run,
        shown,
    )
