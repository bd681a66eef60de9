"""Which span is current, in OpenTelemetry's own context, so that whatever carries that context carries ours."""

from __future__ import annotations

from opentelemetry import context as otel_context
from opentelemetry import trace as otel_trace
from opentelemetry.context import Context

from tracekit.instrument.live import LiveSpan

__all__ = ["Attached", "attach_context", "current_span", "register", "span_by_id", "unregister"]

_KEY = otel_context.create_key("tracekit-span")
_by_id: dict[int, LiveSpan] = {}


def register(span_id: int, live: LiveSpan) -> None:
    """Let the OpenTelemetry span with `span_id` stand for `live` while it is open."""
    _by_id[span_id] = live


def unregister(span_id: int) -> None:
    """Forget what `register` said."""
    _by_id.pop(span_id, None)


def span_by_id(span_id: int) -> LiveSpan | None:
    """The open recorded span for which the OpenTelemetry span with `span_id` stands."""
    return _by_id.get(span_id)


def current_span(context: Context | None = None) -> LiveSpan | None:
    """The innermost recorded span around the caller, or around whoever made `context`.

    OpenTelemetry's current span decides where it is recorded. Else (no provider, a sampler at 0) our own entry does,
    which is at most one of the application's own unrecorded spans too far out.
    """
    span = otel_trace.get_current_span(context)
    live: LiveSpan | None = getattr(span, "live", None)
    if live is None and (span_id := span.get_span_context().span_id):
        live = _by_id.get(span_id)
    if live is None:
        live = otel_context.get_value(_KEY, context)  # type: ignore[assignment]  # only `Attached` sets it
    while live is not None and live.leaked:
        live = live.parent
    return live


class Attached:
    """Makes `live` current until `detach`.

    A generator may be closed late, in another context than it was started in. There, what is current is not ours to
    restore, and the token that OpenTelemetry would check is of no use; so none is kept.
    """

    __slots__ = ("_before", "_context", "_live")

    def __init__(self, live: LiveSpan) -> None:
        self._live = live
        self._before = otel_context.get_current()
        context = otel_context.set_value(_KEY, live, self._before)
        if live.otel is not None:
            context = otel_trace.set_span_in_context(live.otel, context)
        self._context = context
        self.reattach()

    def reattach(self) -> None:
        """Make the span current again in the caller's context, as when a generator is resumed."""
        current = otel_context.get_current()
        if current is not self._context:
            self._before = current
            otel_context.attach(self._context)

    def detach(self) -> bool:
        """Restore what was current before. False if something else is current by now, which is left alone."""
        if otel_context.get_current() is not self._context:
            return False
        otel_context.attach(self._before)
        return True


def attach_context(context: Context) -> Context:
    """Make OpenTelemetry's `context` current on this thread; returns what was current."""
    before = otel_context.get_current()
    otel_context.attach(context)
    return before
