"""OTLP in JSON, as exporters send it and collectors and Tempo write it, as spans.

Ids are hex; Tempo's are base64. Whole numbers stand as numbers or as texts. Unknown fields are left out.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from tracekit.origin import pass_on
from tracekit.sources.otlp.span import SourceSpan, SpanEvent

__all__ = ["attributes_in", "is_traces", "json_id", "json_spans", "listed", "scopes_in", "text_in", "whole_in"]

_TRACE_DIGITS, _SPAN_DIGITS = 32, 16
_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_CODES = ("UNSET", "OK", "ERROR")
_GROUPS = ("resourceSpans", "resource_spans", "batches")
_SCOPES = ("scopeSpans", "scope_spans", "instrumentationLibrarySpans")


def is_traces(record: Any) -> bool:
    """Return whether `record` is a request with spans, or a trace as Tempo answers it."""
    if isinstance(record, Mapping) and isinstance(record.get("trace"), Mapping):
        record = record["trace"]
    return isinstance(record, Mapping) and any(isinstance(record.get(name), list) for name in _GROUPS)


def json_spans(record: Mapping[str, Any]) -> Iterator[SourceSpan | None]:
    """Yield the spans of `record`, with None for each that has no valid ids."""
    inner = record.get("trace")
    for group in _first(inner if isinstance(inner, Mapping) else record, _GROUPS):
        resource = attributes_in(_mapping(group.get("resource")).get("attributes"))
        for scope, spans in scopes_in(group):
            for span in spans:
                yield _span(span, resource, text_in(scope.get("name")), text_in(scope.get("version")))


def scopes_in(group: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Yield each scope of a resource's `group` with its spans."""
    for each in _first(group, _SCOPES):
        yield _mapping(each.get("scope") or each.get("instrumentationLibrary")), listed(each.get("spans"))


def _span(span: Mapping[str, Any], resource: dict[str, Any], scope: str, version: str) -> SourceSpan | None:
    trace = json_id(span.get("traceId", span.get("trace_id")), _TRACE_DIGITS)
    id = json_id(span.get("spanId", span.get("span_id")), _SPAN_DIGITS)
    if not trace or not id:
        return None
    status = _mapping(span.get("status"))
    return SourceSpan(
        trace,
        id,
        json_id(span.get("parentSpanId", span.get("parent_span_id")), _SPAN_DIGITS),
        text_in(span.get("name")),
        whole_in(span.get("startTimeUnixNano", span.get("start_time_unix_nano"))),
        whole_in(span.get("endTimeUnixNano", span.get("end_time_unix_nano"))),
        _enum(span.get("kind"), _KINDS),
        _enum(status.get("code"), _CODES),
        text_in(status.get("message")),
        scope,
        version,
        attributes_in(span.get("attributes")),
        resource,
        [_event(event) for event in listed(span.get("events"))],
        [
            (json_id(link.get("traceId"), _TRACE_DIGITS), json_id(link.get("spanId"), _SPAN_DIGITS))
            for link in listed(span.get("links"))
        ],
        sum(max(0, whole_in(span.get(f"dropped{what}Count"))) for what in ("Attributes", "Events", "Links")),
    )


def _event(event: Mapping[str, Any]) -> SpanEvent:
    at_ns = whole_in(event.get("timeUnixNano", event.get("time_unix_nano")))
    return SpanEvent(text_in(event.get("name")), at_ns, attributes_in(event.get("attributes")))


def json_id(value: Any, digits: int) -> str:
    """Return the id in `value`, hex or base64, as hex of `digits`; "" where it is none, or only zeros."""
    if not isinstance(value, str):
        return ""
    if len(value) == digits:
        found = value.lower()
    else:
        try:
            found = base64.b64decode(value, validate=True).hex()
        except (ValueError, binascii.Error) as error:
            pass_on(error)
            return ""
    is_id = len(found) == digits and not found.strip("0123456789abcdef") and found.strip("0")
    return found if is_id else ""


def attributes_in(pairs: Any) -> dict[str, Any]:
    """Return the attributes that a list of keys and values holds."""
    return {text_in(pair.get("key")): _value(pair.get("value")) for pair in listed(pairs)}


def _value(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value if isinstance(value, str | bool | int | float) else None
    for name, found in value.items():
        match name:
            case "stringValue" | "string_value" | "bytesValue" | "bytes_value":
                return text_in(found)
            case "boolValue" | "bool_value":
                return found is True or found == "true"
            case "intValue" | "int_value":
                return _whole(found)
            case "doubleValue" | "double_value":
                return _number(found)
            case "arrayValue" | "array_value":
                return [_value(each) for each in listed(_mapping(found).get("values"), dict | str | int | float)]
            case "kvlistValue" | "kvlist_value":
                return attributes_in(_mapping(found).get("values"))
    return None


def text_in(value: Any) -> str:
    """Return `value` if it is a text, without halves of surrogate pairs, which no line can hold."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def whole_in(value: Any) -> int:
    """Return the whole number in `value`, a number or a text; 0 where there is none."""
    found = _whole(value)
    return found if isinstance(found, int) else 0


def _whole(value: Any) -> int | float | str | None:
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError as error:
            pass_on(error)
            return text_in(value)[:100]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not value.is_integer():
        return value
    return int(value) if -(1 << 63) <= value < 1 << 63 else str(value)[:100]


def _number(value: Any) -> float | str | None:
    if isinstance(value, str):
        return text_in(value)[:100]
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _enum(value: Any, names: tuple[str, ...]) -> int:
    """Return the number of an enumeration's value, given as a number or by its name with a prefix."""
    if isinstance(value, str):
        value = names.index(last) if (last := value.rpartition("_")[2].upper()) in names else 0
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names) else 0


def listed(value: Any, types: Any = Mapping) -> list[Any]:
    """Return those items of the list `value` that have one of the `types`; none where it is no list."""
    return [each for each in value if isinstance(each, types)] if isinstance(value, list) else []


def _first(record: Mapping[str, Any], names: tuple[str, ...]) -> list[Mapping[str, Any]]:
    return next((listed(record[name]) for name in names if name in record), [])


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
