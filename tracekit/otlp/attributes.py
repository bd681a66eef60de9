"""The exported form of a recorded span: names and attributes by the conventions, without content that may not be exported."""

from __future__ import annotations

from tracekit import semconv
from tracekit.otlp.content import messages_of
from tracekit.otlp.span_data import SpanData, WireSpan, span_id_of
from tracekit.privacy import SpanFacts, SpanRules, span_attributes, span_description, span_name

__all__ = ["wired"]


def wired(told: SpanData, rules: SpanRules) -> WireSpan:
    """The span as it is sent. A span that the SDK started keeps the SDK's scope."""
    is_sdks = semconv.PROVIDER_NAME in told.attributes
    failure = told.failure
    has_messages = told.kind == "llm" and rules.content and told.exchange is not None
    messages = messages_of(told.exchange) if has_messages and told.exchange is not None else {}
    error_type = failure.type if failure is not None else None
    facts = SpanFacts(told.kind, told.run, told.run_name, told.agent, told.start_ns, error_type)
    return WireSpan(
        told.trace,
        span_id_of(told.id),
        span_id_of(told.parent) if told.parent else None,
        span_name(told.name, rules),
        told.kind in ("llm", "attempt") or (is_sdks and told.kind == "span"),
        semconv.SDK_SCOPE_PREFIX if is_sdks else semconv.TRACEKIT_SCOPE,
        told.start_ns,
        max(told.end_ns, told.start_ns),
        failure is not None,
        span_description(failure, rules),
        span_attributes({**messages, **told.attributes}, facts, rules),
    )
