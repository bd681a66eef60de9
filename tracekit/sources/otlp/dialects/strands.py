"""Strands Agents: each cycle of its loop is a turn; agents repeat the tokens of their calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.sources.otlp.dialects.genai import event_messages
from tracekit.sources.otlp.dialects.table import Dialect, SpanLevel
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["STRANDS"]

_LEVELS: Mapping[str, SpanLevel] = {
    "execute_event_loop_cycle": "turn",
    "invoke_graph": "workflow",
    "invoke_swarm": "workflow",
}
_FIRST_MS = "gen_ai.server.time_to_first_token"


def _level(span: SourceSpan) -> SpanLevel | None:
    return _LEVELS.get(span.name.partition(" ")[0])


def _extras(span: SourceSpan) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    first_ms = span.attributes.get(_FIRST_MS)
    if isinstance(first_ms, int | float) and not isinstance(first_ms, bool):
        found[semconv.TIME_TO_FIRST_CHUNK] = first_ms / 1e3
    model = str(span.attributes.get(semconv.REQUEST_MODEL) or "")
    if model:
        # The span names Strands itself as the provider.
        found[semconv.PROVIDER_NAME] = "aws.bedrock" if "anthropic." in model else "anthropic"
    return found


STRANDS = Dialect(
    "strands",
    scopes=("strands.telemetry.tracer",),
    level=_level,
    extras=_extras,
    cache="inside",
    content=event_messages,
)
