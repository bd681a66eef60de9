"""One API call of the SDK: all its attempts, and the reading of its stream."""

from __future__ import annotations

import asyncio
import os
import sys
from contextvars import ContextVar
from typing import Any

from opentelemetry import trace as otel_trace

from tracekit import semconv
from tracekit.instrument.context import current_span
from tracekit.instrument.live import LiveSpan
from tracekit.instrument.recorder import Recorder
from tracekit.instrument.sdk.spans import AdoptedSpan
from tracekit.model.events import Failure, Kind, Request
from tracekit.model.messages import Answer, usage_attributes

__all__ = ["CURRENT_CALL", "Call"]

CURRENT_CALL: ContextVar[Call | None] = ContextVar("tracekit_call", default=None)
"""The call in whose request the caller runs. What starts in there is the SDK's, not the program's."""


class Call:
    """A call while it runs. It begins in the record with its first attempt, when it is known what is asked."""

    def __init__(self, recorder: Recorder, *, url: str, is_sync: bool) -> None:
        self.recorder = recorder
        self.span: AdoptedSpan | None = None
        self.live: LiveSpan | None = None
        self.wait_s: float | None = None
        self.attempts = 0
        self.answer = Answer()
        self.last_failure: Failure | None = None
        self.outcome = ""
        self._posts_messages = url.partition("?")[0].rstrip("/").endswith("/v1/messages")
        self._parent = current_span()
        self._begin_ns = recorder.clock.now_ns()
        self._blocks_loop = is_sync and _loop_is_running()
        self._failure: Failure | None = None
        self._asked: bytes | None = None
        self._in_request = True
        self._span_ended = False
        self._finished = False
        self.open_attempt: Any = None

    # ── told by the SDK's span ───────────────────────────────────────────────────────────────────────────────────

    def span_started(self, span: AdoptedSpan, name: str, attributes: dict[str, Any]) -> None:
        """The SDK started its span, called `name`, for this call."""
        span.call = self
        self.span = span
        span.live = self._begin(name, attributes, span.real)

    def span_ended(self) -> None:
        """The SDK ended its span: the call is over, or will be when its request returns."""
        self._span_ended = True
        if not self._in_request:
            self.finish()

    # ── told by the request ──────────────────────────────────────────────────────────────────────────────────────

    def asking(self, request: Request) -> LiveSpan | None:
        """An attempt is about to send `request`. Returns the span that it belongs under, None if none is recorded.

        A call that is no message, such as `count_tokens`, makes no run by itself.
        """
        live = self.live or self._begin(f"{request.method} {request.path}", {}, None)
        if self._asked is None:
            self._asked = request.body or b""
            if live.kind == "llm" or self.recorder.is_within_run(live):
                self._write_begin(live, self._asked)
        return live if live.written else None

    def returned(self) -> None:
        """The request returned to the application, which may have a stream to read yet."""
        self._in_request = False
        if self._span_ended or (self.span is None and self.open_attempt is None):
            self.finish()

    def raised(self, error: BaseException) -> None:
        """The request raised `error`."""
        self._in_request = False
        self._failure = failure_of(error)
        if self._failure.type == semconv.Outcome.CANCELLED:
            self.outcome = semconv.Outcome.CANCELLED
        self.finish()

    def body_ended(self) -> None:
        """The last attempt's body was read, closed or dropped; without a span of the SDK's that ends the call."""
        if self.span is None and not self._in_request:
            self.finish()

    def finish(self) -> None:
        """The call is over."""
        if self._finished or self.live is None:
            return
        self._finished = True
        live = self.live
        if not live.written and live.kind == "llm":
            self._write_begin(live, None)
        if self.open_attempt is not None:
            self.open_attempt.closed()
        complete = bool(self.answer.complete or (self.answer.message or {}).get("stop_reason"))
        attributes = dict(self.span.attributes) if self.span is not None else {}
        if live.kind == "llm":
            usage = usage_attributes(self.answer, finished=complete)
            self._tell_span(usage, attributes)
            attributes.update(usage)
            if live.run is not None and self.answer.message is not None and live.parent is None:
                self.recorder.talk.remember(self._asked, self.answer.message, live.run)
        failure = self._failure_of_call(attributes)
        if self.outcome:
            attributes[semconv.OUTCOME] = self.outcome
        live.attributes = attributes
        self.recorder.end(live, failure)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, name: str, attributes: dict[str, Any], otel: Any) -> LiveSpan:
        kind: Kind = "span"
        if attributes.get(semconv.OPERATION_NAME) == semconv.Operation.CHAT or (otel is None and self._posts_messages):
            kind = "llm"
            name = f"{semconv.Operation.CHAT} {attributes.get(semconv.REQUEST_MODEL, '')}".rstrip()
        if self._blocks_loop:
            attributes = {**attributes, semconv.SYNC_IN_EVENT_LOOP: True}
        self.live = self.recorder.begin(
            kind, name, self._parent, otel=otel, attributes=attributes, begin_ns=self._begin_ns
        )
        return self.live

    def _write_begin(self, live: LiveSpan, body: bytes | None) -> None:
        """Write the call's begin, now that what it asks can tell to which run it belongs."""
        if live.parent is None and live.run is None and live.kind == "llm":
            live.run = self.recorder.talk.continued_by(body)
        self.recorder.write_begin(live)

    def _failure_of_call(self, attributes: dict[str, Any]) -> Failure | None:
        """Why the call failed, in the API's own word for it where there is one."""
        failure = self._failure
        told = attributes.pop(semconv.ERROR_TYPE, None)
        if self.outcome in (semconv.Outcome.CANCELLED, semconv.Outcome.INCOMPLETE):
            return failure or self.last_failure or Failure(self.outcome)
        if self.span is not None and self.span.failed and failure is None:
            failure = self.last_failure or Failure("error")
        if failure is not None and told and failure.type != semconv.Outcome.CANCELLED:
            return Failure(str(told), failure.message)
        if failure is None and self.span is None:
            return self.last_failure
        return failure

    def _tell_span(self, usage: dict[str, Any], attributes: dict[str, Any]) -> None:
        """Give the SDK's span the usage that the SDK itself does not set, as for `with_streaming_response`."""
        if self.span is None or semconv.INPUT_TOKENS in attributes or not self.span.real.is_recording():
            return
        for name, value in usage.items():
            self.span.real.set_attribute(name, value)


def failure_of(error: BaseException) -> Failure:
    """The failure that `error` stands for: a cancellation is one in every async library."""
    if isinstance(error, asyncio.CancelledError) or type(error).__name__ == "Cancelled":
        return Failure(semconv.Outcome.CANCELLED)
    api_type = getattr(error, "type", None)
    return Failure(str(api_type) if isinstance(api_type, str) else type(error).__name__, str(error))


def tracing_is_off() -> bool:
    """Whether the environment tells the SDK to start no spans at all."""
    return os.environ.get("ANTHROPIC_OPEN_TELEMETRY", "").lower() == "false"


def own_tracer() -> otel_trace.Tracer:
    """The tracer for a call whose client has its own tracing switched off."""
    return otel_trace.get_tracer(semconv.TRACEKIT_SCOPE)


def _loop_is_running() -> bool:
    if asyncio._get_running_loop() is not None:  # noqa: SLF001  the documented, cheap form for libraries
        return True
    trio = sys.modules.get("trio")
    return bool(trio and trio.lowlevel.in_trio_run())
