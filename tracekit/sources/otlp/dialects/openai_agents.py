"""The OpenAI Agents SDK, as its instrumentations export it: tasks and turns repeat the tokens of the calls in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit.sources.otlp.dialects.openinference import OPENINFERENCE, openinference_content
from tracekit.sources.otlp.dialects.openllmetry import openllmetry_content
from tracekit.sources.otlp.dialects.table import Dialect, SpanLevel
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["OPENAI_AGENTS"]

_LEVELS: Mapping[str, SpanLevel] = {
    "Agent Workflow": "workflow",
    "Agent workflow": "workflow",
    "task": "workflow",
    "turn": "turn",
}


def _level(span: SourceSpan) -> SpanLevel | None:
    return _LEVELS.get(span.name)


def _content(span: SourceSpan) -> Mapping[str, Any]:
    return openllmetry_content(span) or openinference_content(span)


OPENAI_AGENTS = Dialect(
    "openai-agents",
    scopes=(
        "openinference.instrumentation.openai_agents",
        "opentelemetry.instrumentation.openai_agents",
        "opentelemetry.instrumentation.openai_agents_v2",
        "openai-agents",
    ),
    level=_level,
    names=OPENINFERENCE.names,
    cache="inside",
    cost=OPENINFERENCE.cost,
    content=_content,
)
