"""OTLP in protobuf, as its official classes decode it, as spans."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it comes without types
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracekit.errors import SourceError
from tracekit.sources.otlp.span import SourceSpan, SpanEvent

__all__ = ["attributes_of", "parse_logs", "parse_traces", "spans_in"]

_TRACE_BYTES, _SPAN_BYTES = 16, 8


def parse_traces(body: bytes) -> Any:
    """Return the ExportTraceServiceRequest in `body`.

    Raises:
        SourceError: The body is no such message.
    """
    return _parse(ExportTraceServiceRequest, body)


def parse_logs(body: bytes) -> Any:
    """Return the ExportLogsServiceRequest in `body`.

    Raises:
        SourceError: The body is no such message.
    """
    return _parse(ExportLogsServiceRequest, body)


def _parse(message: Any, body: bytes) -> Any:
    try:
        return message.FromString(body)
    except (DecodeError, RecursionError, ValueError) as error:
        raise SourceError(f"the body is not an {message.__name__} in protobuf: {error}") from error


def spans_in(request: Any) -> Iterator[SourceSpan | None]:
    """Yield the spans of a request, with None for each that has no valid ids."""
    for resource_spans in request.resource_spans:
        resource = attributes_of(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            scope, version = scope_spans.scope.name, scope_spans.scope.version
            for span in scope_spans.spans:
                yield _span(span, resource, scope, version)


def _span(span: Any, resource: dict[str, Any], scope: str, version: str) -> SourceSpan | None:
    trace, id = span.trace_id, span.span_id
    if len(trace) != _TRACE_BYTES or len(id) != _SPAN_BYTES or not any(trace) or not any(id):
        return None
    parent = span.parent_span_id
    return SourceSpan(
        trace.hex(),
        id.hex(),
        parent.hex() if len(parent) == _SPAN_BYTES and any(parent) else "",
        span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.kind,
        span.status.code,
        span.status.message,
        scope,
        version,
        attributes_of(span.attributes),
        resource,
        [SpanEvent(event.name, event.time_unix_nano, attributes_of(event.attributes)) for event in span.events],
        [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        span.dropped_attributes_count + span.dropped_events_count + span.dropped_links_count,
    )


def attributes_of(pairs: Iterable[Any]) -> dict[str, Any]:
    """Return the attributes that keys and values in protobuf are."""
    # Most values are texts, which need no look at the kind.
    return {pair.key: (value := pair.value).string_value or _value(value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    if kind == "kvlist_value":
        return attributes_of(value.kvlist_value.values)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind)
