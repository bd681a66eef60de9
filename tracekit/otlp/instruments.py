"""The metrics of calls, by OpenTelemetry's API: names, units, buckets and attributes are the GenAI conventions'.

https://github.com/open-telemetry/semantic-conventions-genai: gen_ai.client.operation.duration and
gen_ai.client.token.usage; cost and retries are ours, with the same attributes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

from opentelemetry.metrics import Histogram, Meter

from tracekit import semconv
from tracekit.cost import call_cost_usd
from tracekit.model.measured import Measured
from tracekit.semconv import Metric, TokenType

__all__ = ["BOUNDARIES", "SECONDS", "TOKENS", "Instruments"]

SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS: Final = tuple(4**power for power in range(14))
"""The boundaries of buckets that the conventions give: OpenTelemetry's default ones are for milliseconds."""

BOUNDARIES: Final[dict[str, tuple[float, ...]]] = {Metric.OPERATION_DURATION: SECONDS, Metric.TOKEN_USAGE: TOKENS}
"""The boundaries of each histogram."""

_ADVISORY: Final = "explicit_bucket_boundaries_advisory"
_COPIED = (
    semconv.OPERATION_NAME,
    semconv.PROVIDER_NAME,
    semconv.REQUEST_MODEL,
    semconv.RESPONSE_MODEL,
    semconv.SERVER_ADDRESS,
)
_MOST_VALUES = 100
_OTHER = "_OTHER"
"""In place of every value of an attribute after the first `_MOST_VALUES`: each one is a series that a backend keeps."""


class Instruments:
    """The instruments of one meter. `redact` is applied to the values of attributes."""

    def __init__(self, meter: Meter, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._seen: dict[str, dict[str, str]] = {}
        self._duration = _histogram(
            meter, Metric.OPERATION_DURATION, "s", "Duration of a call of a model, with its retries."
        )
        self._tokens = _histogram(meter, Metric.TOKEN_USAGE, "{token}", "Tokens of a call.")
        self._cost = meter.create_counter(Metric.COST, "{USD}", "List price of calls.")
        self._retries = meter.create_counter(Metric.RETRIES, "{retry}", "Attempts of calls after the first.")

    def record(self, call: Measured) -> None:
        """Count `call`."""
        common = self._attributes(call)
        failed = {semconv.ERROR_TYPE: self._bounded(semconv.ERROR_TYPE, call.error)} if call.error else {}
        self._duration.record(call.duration_s, {**common, **failed})
        self._retries.add(call.retries, common)
        for kind, name in ((TokenType.INPUT, semconv.INPUT_TOKENS), (TokenType.OUTPUT, semconv.OUTPUT_TOKENS)):
            if isinstance(number := call.attributes.get(name), int):
                self._tokens.record(number, {**common, semconv.TOKEN_TYPE: kind})
        cost = call_cost_usd(call.attributes, call.begin_ns)
        if cost is not None:
            self._cost.add(cost, common)

    def _attributes(self, call: Measured) -> dict[str, Any]:
        told = {name: str(call.attributes[name]) for name in _COPIED if call.attributes.get(name)}
        if call.agent:
            told[semconv.AGENT_NAME] = call.agent
        return {name: self._bounded(name, value) for name, value in told.items()}

    def _bounded(self, name: str, value: str) -> str:
        seen = self._seen.setdefault(name, {})
        if value not in seen:
            if len(seen) >= _MOST_VALUES:
                return _OTHER
            seen[value] = self._redact(value)
        return seen[value]


def _histogram(meter: Meter, name: str, unit: str, description: str) -> Histogram:
    """Return a histogram with the conventions' boundaries, where OpenTelemetry's API can pass these on."""
    options: dict[str, Any] = {}
    if _ADVISORY in inspect.signature(Meter.create_histogram).parameters:
        options[_ADVISORY] = BOUNDARIES[name]
    return meter.create_histogram(name, unit, description, **options)
