"""The part of a received span that is kept: no personal attributes, and no more content than the mode allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.model.events import SpanBegin
from tracekit.privacy import Privacy
from tracekit.sources.otlp.span import SourceSpan, SpanEvent

__all__ = ["kept_span"]

_RESOURCE = (
    "service.",
    "telemetry.",
    "deployment.",
    "tracekit.",
    "langfuse.release",
    "openinference.project.name",
)
"""The beginnings of the resource attributes that are kept. All others may describe a person or a machine."""
_PERSONAL = frozenset(
    (
        "user.email",
        "user.id",
        "user.name",
        "user.full_name",
        "user.account_id",
        "user.account_uuid",
        "enduser.id",
        "organization.id",
        "host.name",
        "host.id",
        "langfuse.user.id",
    )
)
_ADDRESSES = (semconv.URL_FULL, semconv.URL_PATH, semconv.URL_QUERY, *semconv.OTHER_URLS)
_TEXT_EVENTS = ("gen_ai.client.inference.operation.details", "gen_ai.choice", "exception")


def kept_span(span: SourceSpan, privacy: Privacy) -> SourceSpan:
    """Take out of `span` what must not reach the disk, in place; credentials are left to its line.

    Raises:
        RuleTimeoutError: A rule of the user takes too long, if the rules are strict.
    """
    span.resource = {name: value for name, value in span.resource.items() if name.startswith(_RESOURCE)}
    if not _PERSONAL.isdisjoint(span.attributes):
        span.attributes = _impersonal(span.attributes)
    if not all(_PERSONAL.isdisjoint(event.attributes) for event in span.events):
        span.events = [event._replace(attributes=_impersonal(event.attributes)) for event in span.events]
    if privacy.content == "full" and not privacy.rules and not _has_encoded(span):
        return span
    span.name, span.attributes = _kept(span.name, span.attributes, privacy)
    span.resource = privacy.value(span.resource)
    events = [event for event in span.events if privacy.content == "full" or not _holds_texts(event.name)]
    span.events = [SpanEvent(*_kept_event(event, privacy)) for event in events]
    span.message = privacy.text(span.message) if privacy.content == "full" else ""
    return span


def _impersonal(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in _PERSONAL}


def _has_encoded(span: SourceSpan) -> bool:
    """Return whether a name or an address of `span` may hide a credential by percent encoding."""
    values = (span.name, *(span.attributes.get(name) for name in _ADDRESSES))
    return any(isinstance(value, str) and "%" in value for value in values)


def _holds_texts(name: str) -> bool:
    return name in _TEXT_EVENTS or (name.startswith("gen_ai.") and name.endswith(".message"))


def _kept_event(event: SpanEvent, privacy: Privacy) -> tuple[str, int, Mapping[str, Any]]:
    name, attributes = _kept(event.name, event.attributes, privacy)
    return name, event.at_ns, attributes


def _kept(name: str, attributes: Mapping[str, Any], privacy: Privacy) -> tuple[str, dict[str, Any]]:
    """Return a name and attributes after the rules that hold for a span of our own."""
    event = SpanBegin("", None, "span", name, 0, "m", attributes=attributes)
    for kept in privacy.for_segment().over(event):
        if isinstance(kept, SpanBegin):
            return kept.name, {
                each: value
                for each, value in kept.attributes.items()
                if not semconv.is_content(each) or privacy.content == "full"
            }
    return name, {}
