"""The answers to requests that were taken, the same over gRPC and HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tracekit.sources.otlp.receiver.intake import Accepted, Signal

__all__ = ["success"]

_RESPONSES: Mapping[Signal, Any] = {
    "traces": ExportTraceServiceResponse,
    "metrics": ExportMetricsServiceResponse,
    "logs": ExportLogsServiceResponse,
}


def success(signal: Signal, accepted: Accepted) -> Any:
    """Return the response, in protobuf, to a request that was taken; a partial success where a part was rejected."""
    response = _RESPONSES[signal]()
    if accepted.rejected:
        partial = response.partial_success
        setattr(partial, "rejected_log_records" if signal == "logs" else "rejected_spans", accepted.rejected)
        partial.error_message = accepted.reason
    return response
