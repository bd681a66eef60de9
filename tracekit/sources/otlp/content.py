"""The texts of a span, in the form of the GenAI conventions as far as the dialect is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from tracekit import semconv
from tracekit.model.adopted import Adopted, canonical, json_in
from tracekit.sources.otlp.dialects.own import OWN
from tracekit.sources.otlp.dialects.table import Dialect, SpanLevel
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["content_of", "is_content"]

_MESSAGES = (semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES, semconv.SYSTEM_INSTRUCTIONS)
_LONG = 500

is_content = lru_cache(maxsize=4096)(semconv.is_content)
"""`semconv.is_content`; the spans of a trace have the same few names."""


def content_of(span: SourceSpan, level: SpanLevel, dialect: Dialect) -> dict[str, Any]:
    """Return the attributes of `span` that hold texts."""
    raw = {
        name: value
        for name, value in span.attributes.items()
        if is_content(name) or (isinstance(value, str | list | dict) and len(value) > _LONG)
    }
    if dialect is OWN:
        return {name: json_in(value) if name == semconv.TOOL_CALL_ARGUMENTS else value for name, value in raw.items()}
    if level in ("llm", "outer"):
        return _call(span, raw, dialect)
    if level == "tool":
        found = {**raw, **dialect.content(span)}
        found |= canonical(Adopted("tool", "content"), span.name, {**span.attributes, **found})
        if semconv.TOOL_CALL_ARGUMENTS in found:
            found[semconv.TOOL_CALL_ARGUMENTS] = json_in(found[semconv.TOOL_CALL_ARGUMENTS])
        return {name: value for name, value in found.items() if not _is_others(name) or name in semconv.CONTENT}
    return raw


def _call(span: SourceSpan, raw: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    messages = {**dialect.content(span), **{name: raw[name] for name in _MESSAGES if name in raw}}
    texts = {name: value if isinstance(value, str) else _dumps(value) for name, value in messages.items()}
    if not texts:
        return dict(raw)
    return {**{name: value for name, value in raw.items() if not _is_others(name)}, **texts}


def _is_others(name: str) -> bool:
    """Return whether an attribute repeats, in another tool's words, what the conventions' attributes say."""
    return is_content(name) and name not in semconv.CONTENT


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
