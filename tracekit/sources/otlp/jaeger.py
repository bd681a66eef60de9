"""Traces in Jaeger's JSON, as its page and its API give them, as spans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tracekit.sources.otlp.json_form import json_id, listed, text_in, whole_in
from tracekit.sources.otlp.span import SourceSpan, SpanEvent

__all__ = ["is_jaeger", "jaeger_spans"]

_KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_PARENT = ("CHILD_OF", "FOLLOWS_FROM")


def is_jaeger(record: Any) -> bool:
    """Return whether `record` is a trace, or a list of traces, in Jaeger's JSON."""
    return isinstance(record, Mapping) and any("spans" in each and "traceID" in each for each in _traces(record))


def _traces(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    data = record.get("data")
    return listed(data) if isinstance(data, list) else [record]


def jaeger_spans(record: Mapping[str, Any]) -> Iterator[SourceSpan | None]:
    """Yield the spans of `record`, with None for each that has no valid ids."""
    for trace in _traces(record):
        processes = trace.get("processes")
        known = processes if isinstance(processes, Mapping) else {}
        for span in listed(trace.get("spans")):
            process = known.get(span.get("processID"), span.get("process"))
            yield _span(span, process if isinstance(process, Mapping) else {})


def _id(value: Any, digits: int) -> str:
    """Return an id with the leading zeros that Jaeger leaves out."""
    return json_id(value.rjust(digits, "0"), digits) if isinstance(value, str) else ""


def _span(span: Mapping[str, Any], process: Mapping[str, Any]) -> SourceSpan | None:
    trace, id = _id(span.get("traceID"), 32), _id(span.get("spanID"), 16)
    if not trace or not id:
        return None
    tags = _tags(span.get("tags"))
    references = listed(span.get("references"))
    parents = [
        each
        for kind in _PARENT
        for each in references
        if each.get("refType") == kind and _id(each.get("traceID"), 32) == trace
    ]
    parent = _id(parents[0].get("spanID"), 16) if parents else _id(span.get("parentSpanID"), 16)
    start = whole_in(span.get("startTime")) * 1_000
    is_error = tags.pop("otel.status_code", "") == "ERROR" or tags.get("error") is True
    tags.pop("error", None)
    return SourceSpan(
        trace,
        id,
        parent,
        text_in(span.get("operationName")),
        start,
        start + whole_in(span.get("duration")) * 1_000,
        _KINDS.get(str(tags.pop("span.kind", "")), 0),
        2 if is_error else 0,
        text_in(tags.pop("otel.status_description", "")),
        text_in(tags.pop("otel.scope.name", "") or tags.pop("otel.library.name", "")),
        text_in(tags.pop("otel.scope.version", "") or tags.pop("otel.library.version", "")),
        tags,
        {"service.name": text_in(process.get("serviceName")), **_tags(process.get("tags"))},
        [_event(each) for each in listed(span.get("logs"))],
        [(_id(each.get("traceID"), 32), _id(each.get("spanID"), 16)) for each in references if each not in parents[:1]],
    )


def _event(log: Mapping[str, Any]) -> SpanEvent:
    fields = _tags(log.get("fields"))
    name = text_in(fields.pop("event", "") or fields.pop("message", "") or "log")
    return SpanEvent(name, whole_in(log.get("timestamp")) * 1_000, fields)


def _tags(tags: Any) -> dict[str, Any]:
    found = {}
    for tag in listed(tags):
        value = tag.get("value")
        if tag.get("type") == "int64" and isinstance(value, str):
            value = whole_in(value)
        if isinstance(value, str | bool | int | float):
            found[text_in(tag.get("key"))] = value if not isinstance(value, str) else text_in(value)
    return found
