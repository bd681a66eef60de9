"""TraceQL: the few forms that the dashboards use, and the spans that they ask for.

https://grafana.com/docs/tempo/latest/traceql/ describes the language.

No query relates spans to each other: Tempo cuts a trace into pieces when it is idle, or long, and finds ancestors and
descendants only within the piece that holds the trace's root. Each span says of itself what the panels need. All
conditions begin with ``tracekit.kind``, which one span a call has, whoever else instruments the SDK.
"""

from __future__ import annotations

from typing import Final

from tracekit import semconv

__all__ = [
    "AGENT",
    "ATTEMPT",
    "CALL",
    "FAILED",
    "SPAN_ID",
    "TOOL",
    "average",
    "count",
    "has",
    "longest",
    "quantiles",
    "seconds",
    "select",
    "span",
    "top",
    "total",
    "where",
]


def span(attribute: str) -> str:
    """Name an attribute of a span."""
    return f"span.{attribute}"


def has(attribute: str) -> str:
    """Return the condition that a span has `attribute`."""
    return f"{span(attribute)} != nil"


def _kind(kind: str) -> str:
    return f'{span(semconv.KIND)} = "{kind}"'


CALL: Final = _kind("llm")
# The SDK's tool runner has such a span without a name, within the agent whose loop it is.
AGENT: Final = f"{_kind('agent')} && {has(semconv.AGENT_NAME)}"
TOOL: Final = _kind("tool")
ATTEMPT: Final = _kind("attempt")
FAILED: Final = "status = error"
SPAN_ID: Final = "span:id"


def where(*conditions: str) -> str:
    """Return the spans that meet all `conditions`."""
    return f"{{ {' && '.join(conditions)} }}"


def count(spans: str, *by: str) -> str:
    """Count `spans`, for each value of the attributes `by`."""
    return f"{spans} | count_over_time(){_by(by)}"


def total(attribute: str, *conditions: str, by: tuple[str, ...] = ()) -> str:
    """Sum `attribute` over the spans that meet `conditions` and have it.

    The sum is empty as soon as one of its spans lacks the attribute.
    """
    return f"{where(*conditions, has(attribute))} | sum_over_time({span(attribute)}){_by(by)}"


def seconds(spans: str, *by: str) -> str:
    """Sum the seconds that `spans` took, for each value of the attributes `by`."""
    return f"{spans} | sum_over_time(duration){_by(by)}"


def average(spans: str, *by: str) -> str:
    """Return the mean of the seconds that `spans` took, for each value of the attributes `by`."""
    return f"{spans} | avg_over_time(duration){_by(by)}"


def longest(spans: str, *by: str) -> str:
    """Return the seconds of the longest of `spans`, for each value of the attributes `by`."""
    return f"{spans} | max_over_time(duration){_by(by)}"


def quantiles(spans: str, *by: str) -> str:
    """Estimate the median and the 95th percentile of the seconds that `spans` took, for each value of `by`."""
    return f"{spans} | quantile_over_time(duration, .5, .95){_by(by)}"


def top(query: str, number: int) -> str:
    """Keep the `number` largest values of `query`."""
    return f"{query} | topk({number})"


def select(spans: str, *attributes: str) -> str:
    """List `spans` with `attributes`.

    Each is a set of its own: of sets that are called alike, a search keeps the one of the piece with most spans.
    """
    return f"{spans} | by({SPAN_ID}) | select({', '.join(span(each) for each in attributes)})"


def _by(attributes: tuple[str, ...]) -> str:
    return f" by ({', '.join(span(each) for each in attributes)})" if attributes else ""
