"""Logfire: a copy of each open span, calls with their request and response as JSON, streams in two records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit.model.adopted import json_in
from tracekit.sources.otlp.dialects.messages import as_messages, message_of, without_empty
from tracekit.sources.otlp.dialects.table import Dialect, SpanLevel
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["LOGFIRE", "is_pending"]

_CALL, _STREAM = "Message with ", "streaming response from "


def is_pending(span: SourceSpan) -> bool:
    """Return whether `span` is a copy of an open span."""
    return span.attributes.get("logfire.span_type") == "pending_span"


def _level(span: SourceSpan) -> SpanLevel | None:
    if span.name.startswith(_STREAM):
        return "second"
    return "llm" if span.name.startswith(_CALL) else None


def _content(span: SourceSpan) -> Mapping[str, Any]:
    request, response = (json_in(span.attributes.get(f"{each}_data")) for each in ("request", "response"))
    sent = request if isinstance(request, Mapping) else {}
    received = response if isinstance(response, Mapping) else {}
    output = as_messages([received["message"]]) if isinstance(received.get("message"), Mapping) else []
    if not output and received.get("combined_chunk_content"):
        output = [message_of("assistant", received["combined_chunk_content"])]
    return without_empty(as_messages(sent.get("messages")), output, message_of("", sent.get("system"))["parts"])


LOGFIRE = Dialect(
    "logfire",
    scopes=("logfire",),
    marks=("logfire.span_type", "logfire.msg_template"),
    level=_level,
    cache="inside",
    content=_content,
)
