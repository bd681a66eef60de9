"""LangSmith: the type of a run in `langsmith.span.kind`. A prompt's run has the operation of a call, and is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.sources.otlp.dialects.messages import as_messages, without_empty
from tracekit.sources.otlp.dialects.table import Dialect
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["LANGSMITH"]


def _content(span: SourceSpan) -> Mapping[str, Any]:
    return without_empty(
        as_messages(span.attributes.get("gen_ai.prompt")), as_messages(span.attributes.get("gen_ai.completion"))
    )


LANGSMITH = Dialect(
    "langsmith",
    scopes=("langsmith",),
    marks=("langsmith.span.kind",),
    names={
        semconv.PROVIDER_NAME: ("gen_ai.system",),
        semconv.CONVERSATION_ID: ("langsmith.trace.session_id",),
    },
    cache="inside",
    content=_content,
)
