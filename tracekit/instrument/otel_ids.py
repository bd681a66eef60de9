"""The ids of OpenTelemetry's spans, which stand for recorded ones, and whether the application exports them."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace as otel_trace

from tracekit.instrument.live import new_span_id

__all__ = ["exports_itself", "ids_of", "with_own_ids"]


def with_own_ids(otel: Any) -> Any:
    """Return `otel` where its ids are its own, else None.

    A tracer that is off gives spans without ids, or with those of the parent.
    """
    if otel is None:
        return None
    context, current = otel.get_span_context(), otel_trace.get_current_span().get_span_context()
    return otel if context.is_valid and context.span_id != current.span_id else None


def exports_itself() -> bool:
    """Return whether the application has a TracerProvider of its own, and so decides itself about its export."""
    return not isinstance(otel_trace.get_tracer_provider(), otel_trace.ProxyTracerProvider)


def ids_of(otel: Any) -> tuple[str, str]:
    """The span and trace id of `otel`, else a new span id and no trace."""
    if otel is not None:
        context = otel.get_span_context()
        return format(context.span_id, "016x"), format(context.trace_id, "032x")
    return new_span_id(), ""
