"""The AI SDK of Vercel: a span around all steps repeats the tokens of the calls in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.sources.otlp.dialects.messages import as_messages, message_of, without_empty
from tracekit.sources.otlp.dialects.table import Dialect, SpanLevel
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["VERCEL"]

_OPERATION = "ai.operationId"
_AROUND = ("ai.generateText", "ai.streamText", "ai.generateObject", "ai.streamObject")
_FIRST_MS = "ai.response.msToFirstChunk"


def _level(span: SourceSpan) -> SpanLevel | None:
    operation = str(span.attributes.get(_OPERATION) or "")
    if operation in _AROUND:
        return "workflow"
    if operation.startswith(_AROUND) and operation.endswith((".doGenerate", ".doStream")):
        return "llm"
    if not operation:
        return None
    return "tool" if operation == "ai.toolCall" else "span"


def _extras(span: SourceSpan) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    first_ms = span.attributes.get(_FIRST_MS)
    if isinstance(first_ms, int | float) and not isinstance(first_ms, bool):
        found[semconv.TIME_TO_FIRST_CHUNK] = first_ms / 1e3
    provider = span.attributes.get("ai.model.provider")
    if isinstance(provider, str) and provider:
        found[semconv.PROVIDER_NAME] = provider.partition(".")[0]
    return found


def _content(span: SourceSpan) -> Mapping[str, Any]:
    attributes = span.attributes
    output = message_of("assistant", attributes.get("ai.response.text"))
    calls = as_messages([{"role": "assistant", "tool_calls": _listed(attributes.get("ai.response.toolCalls"))}])
    output["parts"] += calls[0]["parts"]
    return without_empty(as_messages(attributes.get("ai.prompt.messages")), [output] if output["parts"] else [])


def _listed(value: Any) -> Any:
    from tracekit.model.adopted import json_in  # noqa: PLC0415

    return json_in(value)


VERCEL = Dialect(
    "vercel",
    scopes=("ai",),
    marks=(_OPERATION,),
    level=_level,
    names={
        semconv.REQUEST_MODEL: (semconv.REQUEST_MODEL, "ai.model.id"),
        semconv.RESPONSE_MODEL: (semconv.RESPONSE_MODEL, "ai.response.model"),
        semconv.RESPONSE_ID: (semconv.RESPONSE_ID, "ai.response.id"),
        semconv.FINISH_REASONS: (semconv.FINISH_REASONS, "ai.response.finishReason"),
        semconv.INPUT_TOKENS: ("ai.usage.inputTokens", "ai.usage.promptTokens"),
        semconv.OUTPUT_TOKENS: ("ai.usage.outputTokens", "ai.usage.completionTokens"),
        semconv.CACHE_READ_TOKENS: ("ai.usage.cachedInputTokens",),
        semconv.REASONING_TOKENS: ("ai.usage.reasoningTokens",),
    },
    extras=_extras,
    content=_content,
)
