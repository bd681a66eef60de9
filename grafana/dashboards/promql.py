"""PromQL: the few forms that the metrics dashboard and the alert rules use, and the names of the metrics in Prometheus.

A name there has underscores for dots, its unit if that is one of measure, and ``_total`` if it only ever grows.
"""

from __future__ import annotations

from typing import Final

from tracekit import semconv

__all__ = [
    "AGENT",
    "AGENTS",
    "COST",
    "DURATION",
    "ERROR",
    "FAILED",
    "MODEL",
    "RETRIES",
    "TOKENS",
    "TYPE",
    "added",
    "per",
    "quantile",
    "share",
]


def _name(name: str, suffix: str = "") -> str:
    return name.replace(".", "_") + suffix


DURATION: Final = _name(semconv.Metric.OPERATION_DURATION, "_seconds")
TOKENS: Final = _name(semconv.Metric.TOKEN_USAGE)
COST: Final = _name(semconv.Metric.COST, "_total")
RETRIES: Final = _name(semconv.Metric.RETRIES, "_total")
AGENT: Final = _name(semconv.AGENT_NAME)
MODEL: Final = _name(semconv.REQUEST_MODEL)
ERROR: Final = _name(semconv.ERROR_TYPE)
TYPE: Final = _name(semconv.TOKEN_TYPE)
AGENTS: Final = 'job=~"$service"'
"""The services that the dashboard's variable chooses: Prometheus calls a ``service.name`` job."""
FAILED: Final = f'{ERROR}!=""'


def added(series: str, *matchers: str, over: str = "$__range", by: tuple[str, ...] = ()) -> str:
    """Sum what `series` grew by within the time `over`, for each value of the labels `by`.

    A series counts from 0 if it began in that time, unlike with ``increase``: an agent that runs for seconds exports
    once, and ``increase`` sees growth only between two values.
    """
    chosen = f"{series}{{{','.join(matchers)}}}" if matchers else series
    last = f"last_over_time({chosen}[{over}])"
    return f"sum{_by(by)}({last} - {chosen} offset {over} or {last})"


def per(part: str, whole: str) -> str:
    """Divide two sums of the same labels."""
    return f"{part} / {whole}"


def share(part: str, whole: str) -> str:
    """Divide `part` of a whole, none of which is 0, by it; nothing where there is no whole."""
    return f"({part} or vector(0)) / ({whole} > 0)"


def quantile(which: float, series: str, *matchers: str, over: str, by: tuple[str, ...]) -> str:
    """Estimate a quantile of the histogram `series` within the time `over`."""
    return f"histogram_quantile({which:g}, {added(f'{series}_bucket', *matchers, over=over, by=('le', *by))})"


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)}) " if labels else ""
