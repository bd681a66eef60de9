"""OpenLLMetry (Traceloop): the kind of a span in `traceloop.span.kind`, prompts in attributes with indexes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.sources.otlp.dialects.messages import indexed, message_of, without_empty
from tracekit.sources.otlp.dialects.table import Dialect
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["OPENLLMETRY", "openllmetry_content"]


def openllmetry_content(span: SourceSpan) -> Mapping[str, Any]:
    """Return the messages of a call, in the form of versions before the conventions had one."""
    return without_empty(_messages(span.attributes, "gen_ai.prompt."), _messages(span.attributes, "gen_ai.completion."))


def _messages(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    found = []
    for each in indexed(attributes, prefix):
        message = message_of(each.get("role"), each.get("content"), indexed(each, "tool_calls."))
        if each.get("finish_reason"):
            message["finish_reason"] = each["finish_reason"]
        found.append(message)
    return found


OPENLLMETRY = Dialect(
    "openllmetry",
    scopes=("opentelemetry.instrumentation.anthropic", "opentelemetry.instrumentation.langchain"),
    marks=(
        "traceloop.span.kind",
        "traceloop.workflow.name",
        "llm.request.type",
        "gen_ai.is_streaming",
        "llm.is_streaming",
    ),
    names={
        semconv.PROVIDER_NAME: ("gen_ai.system",),
        semconv.FINISH_REASONS: ("gen_ai.response.finish_reason", "gen_ai.response.stop_reason"),
        semconv.REASONING_TOKENS: ("gen_ai.usage.reasoning_tokens",),
    },
    cache="inside",
    content=openllmetry_content,
)
