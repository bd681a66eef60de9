"""The Anthropic SDK's own spans, and those of Claude's API, which continue the SDK's trace on the server."""

from __future__ import annotations

from tracekit import semconv
from tracekit.sources.otlp.dialects.genai import event_messages
from tracekit.sources.otlp.dialects.table import Dialect, SpanLevel
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["ANTHROPIC_API", "ANTHROPIC_SDK"]

_TOOLS = ("anthropic.tool_use", "anthropic.custom_tool_use")
_RUNNER = "anthropic.messages.tool_runner"
_TURN = "anthropic.session.turn."
_SERVER = 2


def _level(span: SourceSpan) -> SpanLevel | None:
    if span.name.startswith(_TOOLS):
        return "tool"
    if span.name == _RUNNER:
        return "agent"
    is_call = span.attributes.get(semconv.OPERATION_NAME) == semconv.Operation.CHAT
    return "llm" if is_call and ".messages." in span.name else "span"


def _servers(span: SourceSpan) -> SpanLevel | None:
    if any(name.startswith(_TURN) for name in span.attributes):
        return "turn"
    return "llm" if span.kind == _SERVER and semconv.INPUT_TOKENS in span.attributes else None


ANTHROPIC_SDK = Dialect(
    "anthropic-sdk", scopes=(semconv.SDK_SCOPE_PREFIX,), level=_level, cache="inside", content=event_messages
)
ANTHROPIC_API = Dialect(
    "anthropic-api", scopes=("com.anthropic.claude-platform",), level=_servers, cache="inside", is_server=True
)
