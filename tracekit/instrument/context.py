"""The current span, kept in OpenTelemetry's context, so that code which carries that context carries the span."""

from __future__ import annotations

from typing import NamedTuple
from weakref import WeakKeyDictionary

from opentelemetry import context as otel_context
from opentelemetry import trace as otel_trace
from opentelemetry.context import Context
from opentelemetry.trace import Span

from tracekit.instrument.greenlets import current_greenlet, inherit_context
from tracekit.instrument.lanes import sharing_lane
from tracekit.instrument.live import LiveSpan

__all__ = ["Attached", "attach_context", "current_span", "register", "span_by_id", "unregister", "withdraw"]

_KEY = otel_context.create_key("tracekit-span")
_by_id: dict[int, LiveSpan] = {}
_ended: WeakKeyDictionary[Span, LiveSpan] = WeakKeyDictionary()
"""The application's spans that are over, for as long as a task or a thread that began in one still stands in it."""


class _Entry(NamedTuple):
    """A recorded span in the context, OpenTelemetry's span that was current when it became so, and the context before."""

    live: LiveSpan
    span: Span
    before: Context


def register(live: LiveSpan) -> None:
    """Map the OpenTelemetry span with the id of `live` to `live` while it is open."""
    _by_id[int(live.id, 16)] = live


def unregister(live: LiveSpan) -> None:
    """Remove the mapping that `register` added."""
    _by_id.pop(int(live.id, 16), None)
    if live.is_applications and live.otel is not None:
        # The dictionary forgets the span with its last user, so `live` must not be one.
        span, live.otel = live.otel, None
        _ended[span] = live


def span_by_id(span_id: int) -> LiveSpan | None:
    """The open recorded span for which the OpenTelemetry span with `span_id` stands."""
    return _by_id.get(span_id)


def current_span(context: Context | None = None) -> LiveSpan | None:
    """Return the innermost recorded span around the caller, or in `context`.

    Where our own entry is as new as OpenTelemetry's current span, it decides: without a provider that span stays the
    one of an outer level. Else the current span does, if it is recorded.
    """
    entry: _Entry | None = otel_context.get_value(_KEY, context)  # type: ignore[assignment]  # only `Attached` sets it
    if entry is None and context is None and (greenlet := current_greenlet()) is not None:
        # Started by a method that is not hooked, such as gevent's `Greenlet.start`.
        context = inherit_context(greenlet)
        entry = otel_context.get_value(_KEY, context)  # type: ignore[assignment]  # see above
    span = otel_trace.get_current_span(context)
    while entry is not None and context is None and not _is_own(entry.live):
        entry = otel_context.get_value(_KEY, entry.before)  # type: ignore[assignment]  # see above
    live = entry.live if entry is not None else None
    if entry is None or entry.span is not span:
        standing = _standing_for(span)
        if standing is not None and (context is not None or _is_own(standing)):
            live = standing
    while live is not None and live.leaked:
        live = live.parent
    return live


def _is_own(live: LiveSpan) -> bool:
    """Return whether `live` is around the caller, and not another task's that shares the context of the caller's task."""
    lane = sharing_lane()
    # In a shared context a span that is over may be restored by a task that began while the span was current.
    return lane is None or (lane.is_within(live.lane) and not live.ended)


def _standing_for(span: Span) -> LiveSpan | None:
    """The recorded span for which `span` stands."""
    live: LiveSpan | None = getattr(span, "tracekit_live", None)
    if live is None and (span_id := span.get_span_context().span_id):
        live = _by_id.get(span_id) or _ended.get(span)
    return live


class Attached:
    """Makes `live` current until `detach`.

    What began in one context may end in another, as a generator that is closed late does. There, what is current is
    not ours to restore, and the token that OpenTelemetry would check is of no use; so none is kept.
    """

    __slots__ = ("_before", "_context", "_is_over", "_within")

    def __init__(self, live: LiveSpan) -> None:
        before = context = otel_context.get_current()
        span = otel_trace.get_current_span()
        if live.otel is not None:
            span = live.otel
            context = otel_trace.set_span_in_context(span, context)
        self._context = otel_context.set_value(_KEY, _Entry(live, span, before), context)
        self._within: Context | None = None
        self._is_over = False
        self._before = attach_context(self._context)

    @property
    def is_current(self) -> bool:
        """Return whether this span is still the current one."""
        return otel_context.get_current() is self._context

    def pause(self) -> None:
        """Restore what was current before, while the code that runs in the span does not, as between a generator's steps."""
        self._within = attach_context(self._before)

    def resume(self) -> None:
        """Make current again what was when the code was paused, maybe in another context."""
        if self._within is not None:
            self._before, self._within = attach_context(self._within), None

    def left_over(self) -> list[LiveSpan]:
        """Restore the context of this span, where blocks within it were cut short as they ended; returns their spans."""
        mine: _Entry = otel_context.get_value(_KEY, self._context)  # type: ignore[assignment]  # set above
        entry: _Entry | None = otel_context.get_value(_KEY)  # type: ignore[assignment]  # see `current_span`
        inner = []
        while entry is not None and entry is not mine and entry.live.lane is mine.live.lane:
            inner.append(entry.live)
            entry = otel_context.get_value(_KEY, entry.before)  # type: ignore[assignment]  # see `current_span`
        if entry is not mine or not inner:
            return []
        otel_context.attach(self._context)
        return inner

    def detach(self) -> bool:
        """Restore what was current before. False if something else is current by now, which is left alone."""
        if self._within is not None or self._is_over:
            return True
        if not self.is_current:
            return False
        otel_context.attach(self._before)
        self._is_over = True
        return True


def withdraw(live: LiveSpan) -> None:
    """Restore what was current before `live`, where an exception has cut short that `live` became current."""
    entry: _Entry | None = otel_context.get_value(_KEY)  # type: ignore[assignment]  # see `current_span`
    if entry is not None and entry.live is live:
        otel_context.attach(entry.before)


def attach_context(context: Context) -> Context:
    """Make OpenTelemetry's `context` current on this thread; returns what was current."""
    before = otel_context.get_current()
    otel_context.attach(context)
    return before
