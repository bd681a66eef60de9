"""Attributes that an application's own exporter gets beside those that the SDK or the application sets.

They are the attributes that our exporter sends, so that a dashboard shows the same whoever exports the spans.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import Span, Status, StatusCode

from tracekit import semconv
from tracekit.instrument.live import LiveSpan
from tracekit.instrument.recorder import Recorder
from tracekit.model.events import Failure, Kind
from tracekit.privacy import SpanFacts, span_attributes, span_description

__all__ = ["agent_around", "begin_attributes", "complete", "end_exported"]


def begin_attributes(recorder: Recorder, kind: Kind, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the exported attributes of a span of `kind` that begins with `attributes`; its run is not decided yet."""
    return span_attributes(attributes, SpanFacts(kind, "", "", None, 0), recorder.span_rules)


def complete(recorder: Recorder, live: LiveSpan, span: Span, more: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Set the attributes that tracekit's exporter would send on the SDK's `span` for `live`.

    `more` are attributes that the record gets when `live` ends; those in `known` the span has already, as given there.
    """
    if not span.is_recording():
        return
    exported = _exported(recorder, live, {**live.attributes_at_begin, **live.attributes, **more}, None)
    span.set_attributes({name: value for name, value in exported.items() if known.get(name) != value})


def end_exported(recorder: Recorder, live: LiveSpan, failure: Failure | None, span: Span) -> None:
    """End `span`, by which the application exports `live`, with all that our exporter would send."""
    if not span.is_recording():
        return
    # Only the recorder adds to what a span begins with, and to an attempt it adds nothing.
    begun = {} if live.kind == "attempt" else live.attributes_at_begin
    span.set_attributes(_exported(recorder, live, {**begun, **live.attributes}, failure))
    if failure is not None:
        span.set_status(Status(StatusCode.ERROR, span_description(failure, recorder.span_rules) or None))
    span.end()


def _exported(
    recorder: Recorder, live: LiveSpan, attributes: Mapping[str, Any], failure: Failure | None
) -> dict[str, Any]:
    run = live.run.info if live.run is not None else None
    facts = SpanFacts(
        live.kind,
        run.id if run is not None else "",
        run.name if run is not None else "",
        agent_around(live) if live.kind == "llm" else None,
        live.begin_ns,
        failure.type if failure is not None else None,
    )
    return span_attributes(attributes, facts, recorder.span_rules)


def agent_around(live: LiveSpan) -> str | None:
    """Return the name of the nearest agent above `live`; None where no agent of this process is above it."""
    above = live.parent
    while above is not None:
        name = above.attributes_at_begin.get(semconv.AGENT_NAME)
        if name is not None:
            return str(name)
        above = above.parent
    return None
