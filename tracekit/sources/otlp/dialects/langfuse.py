"""Langfuse: observations, with usage and cost as JSON. Its input leaves out the cache, unless the total says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tracekit import semconv
from tracekit.model.adopted import json_in
from tracekit.origin import pass_on
from tracekit.sources.otlp.dialects.messages import as_messages, without_empty
from tracekit.sources.otlp.dialects.table import Dialect, SpanLevel
from tracekit.sources.otlp.span import SourceSpan
from tracekit.sources.otlp.usage_counts import TOTAL_TOKENS

__all__ = ["LANGFUSE"]

_TYPE = "langfuse.observation.type"
_USAGE, _COST = "langfuse.observation.usage_details", "langfuse.observation.cost_details"
_FIRST = "langfuse.observation.completion_start_time"
_COUNTS = {
    semconv.INPUT_TOKENS: ("input", "prompt_tokens", "input_tokens"),
    semconv.OUTPUT_TOKENS: ("output", "completion_tokens", "output_tokens"),
    semconv.CACHE_READ_TOKENS: ("cache_read_input_tokens", "input_cached_tokens", "input_cache_read"),
    semconv.CACHE_WRITE_TOKENS: ("cache_creation_input_tokens", "input_cache_creation"),
    TOTAL_TOKENS: ("total", "total_tokens"),
}


def _level(span: SourceSpan) -> SpanLevel | None:
    kind = span.attributes.get(_TYPE)
    if kind == "generation":
        return "outer"
    return "span" if kind in ("event", "embedding", "evaluator", "guardrail", "retriever") else None


def _extras(span: SourceSpan) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    usage, cost = (json_in(span.attributes.get(name)) for name in (_USAGE, _COST))
    for ours, names in _COUNTS.items() if isinstance(usage, Mapping) else ():
        count = next((usage[name] for name in names if name in usage), None)
        if count is not None:
            found[ours] = count
    if isinstance(cost, Mapping) and isinstance(cost.get("total"), int | float):
        found[semconv.RECORDED_COST_USD] = cost["total"]
    first = span.attributes.get(_FIRST)
    if isinstance(first, str):
        try:
            at_s = datetime.fromisoformat(first.strip('"')).timestamp()
        except ValueError as error:
            pass_on(error)
        else:
            found[semconv.TIME_TO_FIRST_CHUNK] = max(0.0, at_s - span.start_ns / 1e9)
    return found


def _content(span: SourceSpan) -> Mapping[str, Any]:
    input, output = (span.attributes.get(f"langfuse.observation.{each}") for each in ("input", "output"))
    if span.attributes.get(_TYPE) != "generation":
        return {}
    return without_empty(as_messages(input), as_messages(output))


LANGFUSE = Dialect(
    "langfuse",
    scopes=("langfuse-sdk",),
    marks=(_TYPE,),
    level=_level,
    extras=_extras,
    cache="outside",
    cost=(semconv.RECORDED_COST_USD,),
    content=_content,
)
