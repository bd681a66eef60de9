"""OTLP in JSON from protobuf, and back: ids are hex there, and bytes here."""

from __future__ import annotations

import base64
import json
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def in_json(message: ExportTraceServiceRequest) -> dict[str, Any]:
    """Return a request as OTLP in JSON."""
    found: dict[str, Any] = MessageToDict(message)
    for group, resource in zip(found["resourceSpans"], message.resource_spans, strict=True):
        for scope, scoped in zip(group["scopeSpans"], resource.scope_spans, strict=True):
            for told, span in zip(scope["spans"], scoped.spans, strict=True):
                told |= {"traceId": span.trace_id.hex(), "spanId": span.span_id.hex()}
                if span.parent_span_id:
                    told["parentSpanId"] = span.parent_span_id.hex()
    return found


def in_protobuf(body: dict[str, Any]) -> bytes:
    """Return a request in OTLP's JSON as protobuf."""
    told = json.loads(json.dumps(body))
    for group in told["resourceSpans"]:
        for scope in group["scopeSpans"]:
            for span in scope["spans"]:
                for name in {"traceId", "spanId", "parentSpanId"} & span.keys():
                    span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return bytes(ParseDict(told, ExportTraceServiceRequest()).SerializeToString())
