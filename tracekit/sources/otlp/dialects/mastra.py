"""Mastra: the type of a span in `mastra.span.type`; a generation repeats the tokens of the inferences in it."""

from __future__ import annotations

from collections.abc import Mapping

from tracekit.sources.otlp.dialects.genai import event_messages
from tracekit.sources.otlp.dialects.table import Dialect, SpanLevel
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["MASTRA"]

_TYPE = "mastra.span.type"
_LEVELS: Mapping[object, SpanLevel] = {
    "agent_run": "agent",
    "mcp_tool_call": "tool",
    "model_generation": "outer",
    "model_inference": "llm",
    "tool_call": "tool",
    "workflow_run": "workflow",
    "workflow_step": "workflow",
}


def _level(span: SourceSpan) -> SpanLevel | None:
    return _LEVELS.get(str(span.attributes[_TYPE]), "span") if _TYPE in span.attributes else None


MASTRA = Dialect("mastra", scopes=("@mastra/otel",), marks=(_TYPE,), level=_level, content=event_messages)
