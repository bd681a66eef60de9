"""Pydantic AI: its spans of calls are around those of the SDK."""

from __future__ import annotations

from tracekit import semconv
from tracekit.sources.otlp.dialects.genai import event_messages
from tracekit.sources.otlp.dialects.table import Dialect, SpanLevel
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["PYDANTIC_AI"]

_ATTEMPT = "model request attempt"


def _level(span: SourceSpan) -> SpanLevel | None:
    if span.name.startswith(_ATTEMPT):
        return "attempt"
    if span.name == "agent run":
        return "agent"
    if span.name == "running tool" or (span.name.startswith("running tool:") and semconv.TOOL_NAME in span.attributes):
        return "tool"
    return None


PYDANTIC_AI = Dialect(
    "pydantic-ai",
    scopes=("pydantic-ai",),
    level=_level,
    names={semconv.PROVIDER_NAME: ("gen_ai.system",), semconv.REQUEST_MODEL: ("model_name",)},
    cache="inside",
    cost=("operation.cost",),
    content=event_messages,
)
