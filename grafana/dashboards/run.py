"""One run: its trace, its calls, what had to be tried again, and what each agent took."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.dashboards.panels import SPANS_LISTED, assemble, bars, cost, number, spans, trace
from grafana.dashboards.traceql import AGENT, CALL, FAILED, count, seconds, select, span, total, where
from tracekit import semconv

__all__ = ["UID", "dashboard"]

UID: Final = "tracekit-run"

THIS = 'trace:id = "${trace}"'
CALLS = where(THIS, CALL)
RETRIES = f"{CALLS} >> {where(f'{span(semconv.HTTP_RESEND_COUNT)} > 0')}"
# Beside answers that are no success, this finds attempts without an answer, and those whose answer broke off.
FAILED_ATTEMPTS = f"{CALLS} >> {{ {span(semconv.HTTP_STATUS)} >= 300 || {FAILED} }}"

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
    asked = builders.TextBoxVariable("trace").label("Trace id")
    asked = asked.description("As Tempo lists it: without leading zeros. The time range has to hold the run.")
    board = builders.Dashboard("tracekit: one run").uid(UID).time("now-6h", "now").with_variable(asked)
    by_agent = semconv.AGENT_NAME
    return assemble(
        board,
        [
            number("Calls of the model", count(CALLS), width=4),
            cost(total(semconv.COST_USD, THIS, CALL)),
            number("Tokens in, cached ones included", total(semconv.INPUT_TOKENS, THIS, CALL), width=4),
            number("Tokens out", total(semconv.OUTPUT_TOKENS, THIS, CALL), width=4),
            number("Retries", count(RETRIES), width=4),
            number("Failed calls", count(where(THIS, CALL, FAILED)), width=4),
            trace("Trace", "${trace}"),
            spans(
                f"Calls of the model (the first {SPANS_LISTED})",
                select(CALLS, *_CALL_COLUMNS),
                _CALL_COLUMNS,
                numbers=_CALL_NUMBERS,
            ),
            spans(
                f"Attempts that failed (the first {SPANS_LISTED})",
                select(FAILED_ATTEMPTS, *_ATTEMPT_COLUMNS),
                _ATTEMPT_COLUMNS,
                numbers={semconv.WAIT_MS: "ms"},
            ),
            bars("Time by agent", seconds(where(THIS, AGENT), by=by_agent), width=8, unit="s"),
            bars("Tokens in by agent", total(semconv.INPUT_TOKENS, THIS, CALL, by=by_agent), width=8),
            bars("Tokens out by agent", total(semconv.OUTPUT_TOKENS, THIS, CALL, by=by_agent), width=8),
        ],
    )
