"""TraceQL: the few forms that the dashboards use, and the spans that they ask for.

https://grafana.com/docs/tempo/latest/traceql/ describes the language.
"""

from __future__ import annotations

from typing import Final

from tracekit import semconv

__all__ = [
    "AGENT",
    "CALL",
    "FAILED",
    "ROOT",
    "TOOL",
    "count",
    "quantiles",
    "seconds",
    "select",
    "span",
    "total",
    "where",
]


def span(attribute: str) -> str:
    """Name an attribute of a span."""
    return f"span.{attribute}"


CALL: Final = f'{span(semconv.OPERATION_NAME)} = "{semconv.Operation.CHAT}"'
# The SDK's tool runner has such a span without a name, within the agent whose loop it is.
AGENT: Final = (
    f'{span(semconv.OPERATION_NAME)} = "{semconv.Operation.INVOKE_AGENT}" && {span(semconv.AGENT_NAME)} != nil'
)
TOOL: Final = f'{span(semconv.OPERATION_NAME)} = "{semconv.Operation.EXECUTE_TOOL}"'
FAILED: Final = "status = error"
ROOT: Final = "nestedSetParent < 0"


def where(*conditions: str) -> str:
    """Return the spans that meet all `conditions`."""
    return f"{{ {' && '.join(conditions)} }}"


def count(spans: str, by: str = "") -> str:
    """Count `spans`, for each value of the attribute `by`."""
    return f"{spans} | count_over_time(){_by(by)}"


def total(attribute: str, *conditions: str, by: str = "") -> str:
    """Sum `attribute` over the spans that meet `conditions` and have it.

    The sum is empty as soon as one of its spans lacks the attribute.
    """
    having = where(*conditions, f"{span(attribute)} != nil")
    return f"{having} | sum_over_time({span(attribute)}){_by(by)}"


def seconds(spans: str, by: str) -> str:
    """Sum the seconds that `spans` took, for each value of the attribute `by`."""
    return f"{spans} | sum_over_time(duration){_by(by)}"


def quantiles(spans: str, by: str) -> str:
    """Return the median and the 95th percentile of the seconds that `spans` took, for each value of `by`."""
    return f"{spans} | quantile_over_time(duration, .5, .95){_by(by)}"


def select(spans: str, *attributes: str) -> str:
    """List `spans` with `attributes`."""
    return f"{spans} | select({', '.join(span(each) for each in attributes)})"


def _by(attribute: str) -> str:
    return f" by ({span(attribute)})" if attribute else ""
