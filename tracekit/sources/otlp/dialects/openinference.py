"""OpenInference (Arize Phoenix): the kind of a span in an attribute, messages in attributes with indexes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.sources.otlp.dialects.messages import as_messages, indexed, message_of, without_empty
from tracekit.sources.otlp.dialects.table import Dialect, SpanLevel
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["OPENINFERENCE", "openinference_content"]

_OF_SESSION = "openinference.instrumentation.claude_agent_sdk"
"""Its spans of agents have the tokens and the cost of the session so far; there are no spans of calls."""
_PREPARING = "._prepare_chat_with_tools"
"""A step before a call of LlamaIndex, which has the kind of a call."""


def _extras(span: SourceSpan) -> Mapping[str, Any]:
    return {semconv.USAGE_OF_SESSION: True} if span.scope == _OF_SESSION else {}


def _level(span: SourceSpan) -> SpanLevel | None:
    return "span" if span.name.endswith(_PREPARING) else None


def openinference_content(span: SourceSpan) -> Mapping[str, Any]:
    """Return the messages of a call."""
    input, output = (_messages(span.attributes, f"llm.{each}_messages.") for each in ("input", "output"))
    return without_empty(
        input or as_messages(span.attributes.get("input.value")),
        output or as_messages(span.attributes.get("output.value")),
    )


def _messages(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    found = []
    for each in indexed(attributes, prefix):
        texts = [part.get("message_content.text") for part in indexed(each, "message.contents.")]
        content = each.get("message.content") or [{"type": "text", "text": text} for text in texts if text] or None
        calls = [
            {
                "id": call.get("tool_call.id"),
                "name": call.get("tool_call.function.name"),
                "arguments": call.get("tool_call.function.arguments"),
            }
            for call in indexed(each, "message.tool_calls.")
        ]
        message = message_of(each.get("message.role"), content, calls)
        if "message.tool_call_id" in each:
            message["parts"] = [{"type": "tool_call_response", "id": each["message.tool_call_id"], "response": content}]
        found.append(message)
    return found


OPENINFERENCE = Dialect(
    "openinference",
    scopes=("openinference.instrumentation",),
    marks=("openinference.span.kind",),
    names={
        semconv.PROVIDER_NAME: ("llm.provider", "llm.system"),
        semconv.FINISH_REASONS: ("llm.finish_reason",),
        semconv.CACHE_READ_TOKENS: (
            "llm.token_count.prompt_details.cache_read",
            "llm.token_count.prompt_details.cache_input",
        ),
        semconv.REASONING_TOKENS: ("llm.token_count.completion_details.reasoning",),
    },
    level=_level,
    extras=_extras,
    cache="inside",
    cost=("llm.cost.total",),
    content=openinference_content,
)
