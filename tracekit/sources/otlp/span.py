"""A span of another tool, the same whatever form it came in, and the line that holds it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

__all__ = ["LIMITS", "SourceSpan", "SpanEvent", "SpanLimits", "bounded", "span_of_record"]

_MOST_NS = (1 << 62) - 1


@dataclass(frozen=True, slots=True)
class SpanLimits:
    """The largest numbers of attributes, events and levels of a value, and the longest text in characters.

    Of a span beyond them, the rest is left out, and the span is marked.
    """

    attributes: int = 1_000
    events: int = 500
    links: int = 200
    depth: int = 40
    text: int = 4_000_000


LIMITS = SpanLimits()


class SpanEvent(NamedTuple):
    """An event of a span."""

    name: str
    at_ns: int
    attributes: Mapping[str, Any]


@dataclass(slots=True)
class SourceSpan:
    """A span as its sender describes it. Times are nanoseconds since the epoch, ids are lower-case hex.

    `kind` and `status` are the numbers of OpenTelemetry: 3 is a client's span and 2 a server's; status 2 is an error.
    `dropped` counts the attributes, events and links that somebody left out.
    """

    trace: str
    id: str
    parent: str
    name: str
    start_ns: int
    end_ns: int
    kind: int = 0
    status: int = 0
    message: str = ""
    scope: str = ""
    version: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    resource: dict[str, Any] = field(default_factory=dict)
    events: list[SpanEvent] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    dropped: int = 0

    def record(self) -> dict[str, Any]:
        """Return the span as the JSON of its line, which begins with the id."""
        return {
            "id": self.id,
            "trace": self.trace,
            "parent": self.parent,
            "name": self.name,
            "start": self.start_ns,
            "end": self.end_ns,
            "kind": self.kind,
            "status": self.status,
            "message": self.message,
            "scope": self.scope,
            "version": self.version,
            "attributes": self.attributes,
            "resource": self.resource,
            "events": [list(event) for event in self.events],
            "links": [list(link) for link in self.links],
            "dropped": self.dropped,
        }


def span_of_record(record: Mapping[str, Any]) -> SourceSpan:
    """Return the span whose `record` a line holds.

    Raises:
        KeyError, TypeError, ValueError: The line was changed by somebody else.
    """
    return SourceSpan(
        str(record["trace"]),
        str(record["id"]),
        str(record["parent"]),
        str(record["name"]),
        int(record["start"]),
        int(record["end"]),
        int(record["kind"]),
        int(record["status"]),
        str(record["message"]),
        str(record["scope"]),
        str(record["version"]),
        dict(record["attributes"]),
        dict(record["resource"]),
        [SpanEvent(str(name), int(at_ns), dict(attributes)) for name, at_ns, attributes in record["events"]],
        [(str(trace), str(id)) for trace, id in record["links"]],
        int(record["dropped"]),
    )


class _Cutting(Protocol):
    dropped: int


def bounded(span: SourceSpan, limits: SpanLimits = LIMITS) -> SourceSpan:
    """Cut `span` to the `limits`, and bring its times into order, in place."""
    span.start_ns, span.end_ns = (min(max(0, at_ns), _MOST_NS) for at_ns in (span.start_ns, span.end_ns))
    span.start_ns = span.start_ns or span.end_ns
    span.attributes = _cut(span.attributes, limits, span)
    span.resource = _cut(span.resource, limits, span)
    span.dropped += max(0, len(span.events) - limits.events) + max(0, len(span.links) - limits.links)
    span.events = [
        SpanEvent(name[: limits.text], min(max(0, at_ns), _MOST_NS), _cut(attributes, limits, span))
        for name, at_ns, attributes in span.events[: limits.events]
    ]
    span.links = span.links[: limits.links]
    span.name, span.message = span.name[:10_000], span.message[: limits.text]
    return span


def _cut(attributes: Mapping[str, Any], limits: SpanLimits, cutting: _Cutting) -> dict[str, Any]:
    cutting.dropped += max(0, len(attributes) - limits.attributes)
    kept: Iterable[tuple[str, Any]] = attributes.items()
    if len(attributes) > limits.attributes:
        kept = [*attributes.items()][: limits.attributes]
    most = limits.text
    return {
        name[:1_000]: value
        if type(value) is int or (type(value) is str and len(value) <= most)
        else _value(value, limits, cutting)
        for name, value in kept
    }


def _value(value: Any, limits: SpanLimits, cutting: _Cutting, level: int = 0) -> Any:
    if isinstance(value, str):
        if len(value) > limits.text:
            cutting.dropped += 1
            return value[: limits.text] + "…"
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict | list):
        if level >= limits.depth:
            cutting.dropped += 1
            return None
        if isinstance(value, list):
            return [_value(each, limits, cutting, level + 1) for each in value]
        return {str(name): _value(each, limits, cutting, level + 1) for name, each in value.items()}
    return value
