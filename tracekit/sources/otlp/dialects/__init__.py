"""The dialects, one file each. The dialect of a span is decided by its scope, and else by its attributes."""

from __future__ import annotations

from functools import lru_cache

from tracekit import semconv
from tracekit.sources.otlp.dialects.anthropic_sdk import ANTHROPIC_API, ANTHROPIC_SDK
from tracekit.sources.otlp.dialects.claude_code import CLAUDE_CODE, CLAUDE_CODE_LOG
from tracekit.sources.otlp.dialects.genai import GENAI
from tracekit.sources.otlp.dialects.google_adk import GOOGLE_ADK
from tracekit.sources.otlp.dialects.langfuse import LANGFUSE
from tracekit.sources.otlp.dialects.langsmith import LANGSMITH
from tracekit.sources.otlp.dialects.logfire import LOGFIRE
from tracekit.sources.otlp.dialects.mastra import MASTRA
from tracekit.sources.otlp.dialects.openai_agents import OPENAI_AGENTS
from tracekit.sources.otlp.dialects.openinference import OPENINFERENCE
from tracekit.sources.otlp.dialects.openllmetry import OPENLLMETRY
from tracekit.sources.otlp.dialects.own import OWN
from tracekit.sources.otlp.dialects.pydantic_ai import PYDANTIC_AI
from tracekit.sources.otlp.dialects.strands import STRANDS
from tracekit.sources.otlp.dialects.table import Dialect
from tracekit.sources.otlp.dialects.vercel import VERCEL
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["DIALECTS", "dialect_of"]

DIALECTS: tuple[Dialect, ...] = (
    OWN,
    ANTHROPIC_SDK,
    ANTHROPIC_API,
    CLAUDE_CODE,
    CLAUDE_CODE_LOG,
    PYDANTIC_AI,
    STRANDS,
    GOOGLE_ADK,
    OPENAI_AGENTS,
    LANGFUSE,
    LANGSMITH,
    LOGFIRE,
    VERCEL,
    MASTRA,
    OPENINFERENCE,
    OPENLLMETRY,
)
"""The dialects, the most exact first. Spans of no other are in `GENAI`."""


def dialect_of(span: SourceSpan) -> Dialect:
    """Return the dialect of `span`."""
    if semconv.KIND in span.attributes:
        return OWN
    return _of_scope(span.scope) or next((_BY_MARK[mark] for mark in _BY_MARK if mark in span.attributes), GENAI)


_BY_MARK = {mark: dialect for dialect in DIALECTS for mark in dialect.marks}


@lru_cache(maxsize=256)
def _of_scope(scope: str) -> Dialect | None:
    within = (dialect for dialect in DIALECTS if any(_is_within(scope, name) for name in dialect.scopes))
    return next(within, None)


def _is_within(scope: str, name: str) -> bool:
    return scope == name or scope.startswith(f"{name}.")
