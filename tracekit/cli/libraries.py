"""The checks of `tracekit doctor` that look at other libraries: the SDK, OpenTelemetry, and other instrumentations."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import Final, NamedTuple

from tracekit.instrument.sdk.points import SUPPORTED, TRACING, generation_of_installed

__all__ = ["HealthCheck", "library_checks"]

_OPENTELEMETRY: Final = ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-exporter-otlp")

_OF_CALLS: Final = {
    "openinference-instrumentation-anthropic": "OpenInference; active after `AnthropicInstrumentor().instrument()`",
    "opentelemetry-instrumentation-anthropic": "OpenLLMetry; active after `AnthropicInstrumentor().instrument()` or "
    "`Traceloop.init()`",
    "opentelemetry-instrumentation-genai-anthropic": "OpenTelemetry GenAI; active after "
    "`AnthropicInstrumentor().instrument()`",
    "logfire": "active after `logfire.instrument_anthropic()`",
    "langfuse": "active where its client is made",
    "langsmith": "active after `wrap_anthropic(client)`",
    "ddtrace": "active under `ddtrace-run` or after `import ddtrace.auto`",
}
"""Distributions that record each call of the anthropic SDK in a span of their own."""


class HealthCheck(NamedTuple):
    """One checked item. `ok` is False where a user may want to act."""

    name: str
    ok: bool
    says: str


def library_checks() -> list[HealthCheck]:
    """Return the checks of the installed libraries."""
    installed = _installed("anthropic")
    if installed is None:
        return [
            HealthCheck("anthropic", False, f"not installed: pip install '{SUPPORTED}'"),
            *_others(),
            _opentelemetry(),
        ]
    generation, lacking = generation_of_installed()
    if lacking:
        says = (
            f"{installed} has no {', '.join(lacking)}, which tracekit hooks into: each HTTP request is recorded as a call of "
            f"its own, so that a retry counts as a call; use {SUPPORTED}"
        )
        return [HealthCheck("anthropic", False, says), *_others(), _opentelemetry()]
    points = ", ".join(f"{owner}.{attribute}" for owner, attribute, _ in generation.points)
    sdk = HealthCheck("anthropic", True, f"{installed}, every point that tracekit hooks into is there: {points}")
    return [sdk, _tracing(generation is TRACING), *_others(is_traced=generation is TRACING), _opentelemetry()]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _tracing(is_traced: bool) -> HealthCheck:
    if not is_traced:
        return HealthCheck(
            "SDK tracing", True, "this SDK makes no spans (from 1.14 on it does): tracekit's is the LLM span"
        )
    if os.environ.get("ANTHROPIC_OPEN_TELEMETRY", "").lower() == "false":
        return HealthCheck(
            "SDK tracing", True, "off by ANTHROPIC_OPEN_TELEMETRY: no spans are exported; the record is complete"
        )
    return HealthCheck("SDK tracing", True, "on: its span is the one LLM span of a call")


def _others(*, is_traced: bool = True) -> list[HealthCheck]:
    return [_of_calls(is_traced=is_traced), *_of_frameworks()]


def _of_calls(*, is_traced: bool) -> HealthCheck:
    found = [f"{name} {found} ({how})" for name, how in _OF_CALLS.items() if (found := _installed(name))]
    if not found:
        return HealthCheck("other LLM spans", True, "no other library that emits LLM spans is installed")
    if not is_traced:
        says = (
            f"{', '.join(found)}: where it is active, its span of a call is the one that is exported, and tracekit "
            "exports none; the record counts each call once"
        )
        return HealthCheck("other LLM spans", True, says)
    says = (
        f"{', '.join(found)}: where it is active, each call is exported twice, once by it and once by the SDK; tracekit's "
        "record counts it once. To export once: switch that instrumentation off, or ANTHROPIC_OPEN_TELEMETRY=false"
    )
    return HealthCheck("other LLM spans", False, says)


def _of_frameworks() -> list[HealthCheck]:
    """Return a check that names the registered instrumentations of other libraries."""
    found = {
        f"{entry.dist.name} {entry.dist.version}"
        for entry in entry_points(group="opentelemetry_instrumentor")
        if entry.dist is not None and entry.dist.name not in _OF_CALLS
    }
    if not found:
        return []
    says = (
        f"{', '.join(sorted(found))}: where one is active (`opentelemetry-instrument`, or its `instrument()`), its spans "
        "within a run are in the record"
    )
    return [HealthCheck("other spans", True, says)]


def _opentelemetry() -> HealthCheck:
    there = ", ".join(f"{name} {_installed(name)}" for name in _OPENTELEMETRY)
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        says = f"{there}; off by OTEL_SDK_DISABLED: no spans are exported; the record is complete"
        return HealthCheck("OpenTelemetry", True, says)
    names = ", ".join(sorted(name for name in os.environ if name.startswith("OTEL_")))
    return HealthCheck("OpenTelemetry", True, f"{there}; {f'set: {names}' if names else 'no OTEL_ variable is set'}")
