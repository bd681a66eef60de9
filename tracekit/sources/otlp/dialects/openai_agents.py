"""The OpenAI Agents SDK, as its instrumentations export it: tasks and turns repeat the tokens of the calls in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit import semconv
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
_HANDOFF = "handoff to "


def _level(span: SourceSpan) -> SpanLevel | None:
    return _LEVELS.get(span.name)


def _extras(span: SourceSpan) -> Mapping[str, Any]:
    # The span does not say how the tool is called; this is the SDK's own way.
    to = span.name.removeprefix(_HANDOFF)
    return {semconv.TOOL_NAME: f"transfer_to_{to.replace(' ', '_')}"} if to != span.name else {}


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
    extras=_extras,
    names=OPENINFERENCE.names,
    cache="inside",
    cost=OPENINFERENCE.cost,
    content=_content,
)
