"""A span of the record on its way out, before and after it is put in the conventions' form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tracekit import semconv
from tracekit.model.events import Attributes, Failure, Kind
from tracekit.model.recording import Exchange

__all__ = ["SpanData", "WireSpan", "content_size", "drop_content", "span_id_of"]


@dataclass(slots=True)
class SpanData:
    """A span as recorded. `exchange` is the last one of an llm, if content is exported; `agent` its nearest agent."""

    run: str
    run_name: str
    trace: str
    id: str
    parent: str | None
    kind: Kind
    name: str
    start_ns: int
    end_ns: int
    failure: Failure | None
    attributes: Attributes
    exchange: Exchange | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class WireSpan:
    """A span as it is sent: attributes are strings, booleans, numbers, and lists of one of these."""

    trace: str
    id: str
    parent: str | None
    name: str
    is_client: bool
    scope: str
    start_ns: int
    end_ns: int
    failed: bool
    description: str
    attributes: Mapping[str, Any]


def content_size(span: SpanData) -> int:
    """Return about how many bytes of content `span` holds."""
    held = sum(_size(value) for name, value in span.attributes.items() if semconv.is_content(name))
    if span.exchange is not None:
        held += len(span.exchange.request.body or b"") + sum(len(piece.data) for piece in span.exchange.pieces)
    return held


def drop_content(span: SpanData) -> None:
    """Take the content from `span`, and say so on it."""
    dropped = [name for name in span.attributes if semconv.is_content(name)]
    if span.exchange is not None:
        dropped += [semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES]
        span.exchange = None
    kept = {name: value for name, value in span.attributes.items() if name not in dropped}
    span.attributes = {**kept, semconv.CONTENT_DROPPED: dropped}


def _size(value: Any) -> int:
    """About the bytes of a value's texts, however it is nested."""
    stack, held = [value], 0
    while stack:
        each = stack.pop()
        if isinstance(each, str):
            held += len(each)
        elif isinstance(each, Mapping):
            stack.extend(each.values())
        elif isinstance(each, list | tuple):
            stack.extend(each)
    return held


def span_id_of(id: str) -> str:
    """Return `id` if it is a span's id, else an id that never changes for the inferred node."""
    if len(id) == 16 and id.strip("0123456789abcdef") == "" and id.strip("0"):
        return id
    return sha256(id.encode()).hexdigest()[:16]
