"""Claude Code: its spans have no agents, and name them by an id on the calls and tools of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.sources.otlp.dialects.table import Dialect, SpanLevel
from tracekit.sources.otlp.span import SourceSpan
from tracekit.sources.otlp.usage_counts import count_in

__all__ = ["AGENT_ID", "AGENT_SOURCE", "ATTEMPT_EVENT", "CLAUDE_CODE", "CLAUDE_CODE_LOG", "LOG_SCOPE"]

AGENT_ID = "agent_id"
AGENT_SOURCE = "query_source_safe"
ATTEMPT_EVENT = "gen_ai.request.attempt"
LOG_SCOPE = "com.anthropic.claude_code.events"
_TYPE = "span.type"
_LEVELS: Mapping[object, SpanLevel] = {"interaction": "workflow", "llm_request": "llm", "tool": "tool"}
_BARE = ("input_tokens", "cache_read_tokens", "cache_creation_tokens")
"""Counts of which the first leaves out the other two."""


def _level(span: SourceSpan) -> SpanLevel | None:
    kind = span.attributes.get(_TYPE) or span.name.removeprefix("claude_code.")
    return _LEVELS.get(str(kind), "span")


def _extras(span: SourceSpan) -> Mapping[str, Any]:
    attributes, found = span.attributes, dict[str, Any]()
    if "request_id" in attributes or semconv.RESPONSE_ID in attributes:
        # The id of the response is that of the request.
        found |= {
            semconv.REQUEST_ID: attributes.get("request_id", attributes.get(semconv.RESPONSE_ID)),
            semconv.RESPONSE_ID: None,
        }
    counts = [count_in(attributes.get(name)) for name in _BARE]
    if semconv.INPUT_TOKENS not in attributes and counts[0] is not None:
        found[semconv.INPUT_TOKENS] = sum(count or 0 for count in counts)
        found[semconv.CACHE_READ_TOKENS], found[semconv.CACHE_WRITE_TOKENS] = counts[1] or 0, counts[2] or 0
        if semconv.OUTPUT_TOKENS not in attributes and count_in(attributes.get("output_tokens")) is not None:
            found[semconv.OUTPUT_TOKENS] = count_in(attributes["output_tokens"])
    first_ms = attributes.get("ttft_ms")
    if isinstance(first_ms, int | float) and not isinstance(first_ms, bool):
        found[semconv.TIME_TO_FIRST_CHUNK] = first_ms / 1e3
    found[semconv.PROVIDER_NAME] = "anthropic"
    return found


CLAUDE_CODE = Dialect(
    "claude-code",
    scopes=("com.anthropic.claude_code.tracing",),
    level=_level,
    extras=_extras,
    names={semconv.REQUEST_MODEL: (semconv.REQUEST_MODEL, "model")},
    cache="inside",
)


def _call(_: SourceSpan) -> SpanLevel | None:
    return "llm"


CLAUDE_CODE_LOG = Dialect(
    "claude-code-log",
    scopes=(LOG_SCOPE,),
    level=_call,
    names={semconv.REQUEST_ID: ("request_id",)},
    cost=("cost_usd",),
)
"""A log of a request, which only adds to the call that a span records."""
