"""The SDK's own spans, adopted: whatever they tell OpenTelemetry, they tell the record too.

The SDK starts a span for each call, for each loop of its tool runner and for each tool that the runner runs. It gets
its tracer from one property. The tracer here stands before the real one, which may be a no-op (no provider, a sampler
at 0, a client whose tracing is off): the record is the same in each case, and what is exported stays the
application's decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as otel_trace
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    NoOpTracer,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
)
from typing_extensions import override

from tracekit import semconv
from tracekit.instrument.context import current_span
from tracekit.instrument.guard import finishing, guarded
from tracekit.instrument.live import LiveSpan
from tracekit.instrument.recorder import Recorder
from tracekit.instrument.telling import complete
from tracekit.model.events import Failure, Kind

if TYPE_CHECKING:
    from tracekit.instrument.sdk.call import Call

__all__ = ["AdoptedSpan", "RecordingTracer"]


class AdoptedSpan(Span):
    """Passes everything on to the real span, and keeps it for the record.

    `tracekit_live` is the recorded span that is current while this one is. A span is `hidden` where the client was told
    to trace nothing: nothing is exported for it, and in OpenTelemetry's eyes it is the span around it.
    """

    def __init__(self, real: Span, *, hidden: bool) -> None:
        self.real = real
        self.hidden = hidden
        self.tracekit_live: LiveSpan | None = None
        self.call: Call | None = None
        self.recorder: Recorder | None = None
        self.attributes: dict[str, Any] = {}
        self.failed = False
        self._context = otel_trace.get_current_span().get_span_context() if hidden else real.get_span_context()
        self._open = True

    @override
    def end(self, end_time: int | None = None) -> None:
        if not self._open:
            return
        self._open = False
        try:
            self._tell_end()
        finally:
            self.real.end(end_time)

    @finishing
    def _tell_end(self) -> None:
        if self.call is not None:
            self.call.span_ended()
        elif self.recorder is not None and self.tracekit_live is not None:
            live = self.tracekit_live
            complete(self.recorder, live, self.real, self.attributes, self.attributes)
            self.tracekit_live.attributes.update(self.attributes)
            error = str(self.attributes.get(semconv.ERROR_TYPE, "error"))
            self.recorder.end(self.tracekit_live, Failure(error) if self.failed else None)

    @override
    def get_span_context(self) -> SpanContext:
        return self._context

    @override
    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        self.attributes.update(attributes)
        self.real.set_attributes(attributes)

    @override
    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value
        self.real.set_attribute(key, value)

    @override
    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        self.real.add_event(name, attributes, timestamp)

    @override
    def add_link(self, context: SpanContext, attributes: Any = None) -> None:
        self.real.add_link(context, attributes)

    @override
    def update_name(self, name: str) -> None:
        self.real.update_name(name)

    @override
    def is_recording(self) -> bool:
        return self._open

    @override
    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        code = status.status_code if isinstance(status, Status) else status
        self.failed = code is StatusCode.ERROR
        self.real.set_status(status, description)

    @override
    def record_exception(
        self, exception: BaseException, attributes: Any = None, timestamp: int | None = None, escaped: bool = False
    ) -> None:
        self.real.record_exception(exception, attributes, timestamp, escaped)

    def __getattr__(self, name: str) -> Any:
        # The application may find this span current, and read it as the SDK's span that it stands for.
        return getattr(object.__getattribute__(self, "real"), name)


class RecordingTracer(Tracer):
    """Starts the SDK's spans with the `real` tracer, None for a client that traces nothing, and adopts them.

    `new_call` makes the call that a span of an API call stands for.
    """

    def __init__(self, recorder: Recorder, real: Tracer | None, new_call: Callable[[], Call]) -> None:
        self._recorder = recorder
        self._real = real
        self._new_call = new_call

    @override
    def start_span(self, name: str, *args: Any, **kwargs: Any) -> Span:
        attributes = dict(kwargs.get("attributes") or {})
        if self._real is None:
            real: Span = INVALID_SPAN
        elif attributes.get(semconv.OPERATION_NAME) == semconv.Operation.INVOKE_AGENT and _agent_around() is not None:
            # That agent is exported already, and would be counted twice.
            real = NonRecordingSpan(otel_trace.get_current_span().get_span_context())
        else:
            real = self._real.start_span(name, *args, **kwargs)
        return self._adopt(name, real, kwargs.get("kind"), attributes) or real

    @override
    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        # The interface asks for it, and the SDK does not use it.
        return (self._real or NoOpTracer()).start_as_current_span(*args, **kwargs)

    @guarded
    def _adopt(self, name: str, real: Span, kind: Any, attributes: dict[str, Any]) -> AdoptedSpan | None:
        span = AdoptedSpan(real, hidden=self._real is None)
        if kind is SpanKind.CLIENT:
            self._new_call().span_started(span, name, attributes)
            return span
        operation = attributes.get(semconv.OPERATION_NAME)
        if operation == semconv.Operation.INVOKE_AGENT:
            self._adopt_runner(span, attributes)
        elif operation == semconv.Operation.EXECUTE_TOOL:
            self._begin(span, "tool", f"{operation} {attributes.get(semconv.TOOL_NAME)}", attributes)
        else:
            self._begin(span, "span", name, attributes)
        return span

    def _adopt_runner(self, span: AdoptedSpan, attributes: dict[str, Any]) -> None:
        """The runner's loop is the agent that it stands in; where it stands in none, it is one."""
        around = _agent_around()
        if around is not None:
            around.attributes[semconv.TOOL_RUNNER] = True
            span.tracekit_live = around
            return
        named = {**attributes, semconv.AGENT_NAME: "agent", semconv.TOOL_RUNNER: True}
        self._begin(span, "agent", f"{semconv.Operation.INVOKE_AGENT} agent", named)

    def _begin(self, span: AdoptedSpan, kind: Kind, name: str, attributes: dict[str, Any]) -> None:
        span.recorder = self._recorder
        span.tracekit_live = self._recorder.begin(
            kind, name, current_span(), otel=span.real, attributes=attributes, hidden=span.hidden
        )


@guarded
def _agent_around() -> LiveSpan | None:
    """The agent right in which the caller stands."""
    around = current_span()
    return around if around is not None and around.kind == "agent" and not around.ended else None
