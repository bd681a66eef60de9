"""One attempt: one HTTP request within a call, its answer and its failure."""

from __future__ import annotations

import codecs
from contextvars import ContextVar
from typing import Any

from opentelemetry import trace as otel_trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from tracekit import semconv
from tracekit.instrument.guard import guarded
from tracekit.instrument.live import LiveSpan
from tracekit.instrument.sdk.call import Call, failure_of
from tracekit.model.events import Answered, Chunk, Failure, Request, Response
from tracekit.model.messages import answer_of
from tracekit.model.sse import Splitter, events_of

__all__ = ["CURRENT_ATTEMPT", "Attempt"]

CURRENT_ATTEMPT: ContextVar[Attempt | None] = ContextVar("tracekit_attempt", default=None)

_SENT_HEADERS = ("content-type", "anthropic-version", "anthropic-beta")
_SECRET_HEADERS = frozenset(("set-cookie", "www-authenticate", "proxy-authenticate", "authorization"))
_ACCOUNTED = (b"message_start", b"message_delta", b"message_stop", b"event: error", b"event:error")
"""Events of a stream that are parsed while it is read; what the others say is left to the reader of the record."""


class Attempt:
    """An attempt while it runs."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.live: LiveSpan | None = None
        self._otel: Any = None
        self._splitter: Splitter | None = None
        self._decoder: Any = None
        self._status = 0
        self._saw_start = False
        self._done = False

    @guarded
    def sending(self, request: Any) -> None:
        """`request`, an httpx2 request, is about to be sent."""
        if self.live is not None:
            return
        call = self.call
        sent = request_of(request)
        parent = call.asking(sent)
        if parent is None:
            return
        attributes: dict[str, Any] = {
            semconv.HTTP_METHOD: sent.method,
            semconv.URL_PATH: sent.path,
            semconv.SERVER_ADDRESS: request.url.host,
        }
        if call.attempts:
            attributes[semconv.HTTP_RESEND_COUNT] = call.attempts
        if call.wait_s is not None:
            attributes[semconv.WAIT_MS] = round(call.wait_s * 1000, 3)
            call.wait_s = None
        call.attempts += 1
        call.open_attempt = self
        self._otel = _start_otel_span(call, sent.method, attributes)
        recorder = call.recorder
        self.live = recorder.begin("attempt", sent.method, parent, otel=self._otel, attributes=attributes)
        recorder.write_begin(self.live, sent)

    @guarded
    def answered(self, response: Any) -> None:
        """`response`, an httpx2 response, arrived: as a whole, or with its body yet to be read."""
        if self.live is None:
            return
        self._status = response.status_code
        headers = {name: value for name, value in response.headers.items() if name not in _SECRET_HEADERS}
        for attribute, header in ((semconv.REQUEST_ID, "request-id"), (semconv.RETRY_AFTER, "retry-after")):
            if header in headers:
                self.live.attributes[attribute] = headers[header]
        if "retry-after-ms" in headers:
            self.live.attributes.setdefault(semconv.RETRY_AFTER, f"{headers['retry-after-ms']} ms")
        self.live.attributes[semconv.HTTP_STATUS] = self._status
        if response.is_closed:
            self._whole(response, headers)
            return
        self.call.recorder.tell(
            self.live, Answered(self.live.id, self.call.recorder.clock.now_ns(), self._status, headers)
        )
        self._read_later(response)

    def raised(self, error: BaseException) -> None:
        """The request failed without an answer."""
        cause = error.__cause__ if error.__cause__ is not None else error
        self._end(failure_of(cause))

    # ── the body ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _whole(self, response: Any, headers: dict[str, str]) -> None:
        body: bytes = response.content
        self.call.answer = answer_of(body, headers.get("content-type", ""))
        self._saw_start = self.call.answer.message is not None
        if "event-stream" in headers.get("content-type", "") and not self.call.answer.complete and self._saw_start:
            self._end(Failure(semconv.Outcome.INCOMPLETE), semconv.Outcome.INCOMPLETE, Response(self._status, headers, body))
            return
        self._end(None, "", Response(self._status, headers, body))

    def _read_later(self, response: Any) -> None:
        from tracekit.instrument.sdk.body import observed, separate_decoder  # noqa: PLC0415  needs httpx2

        content_type = response.headers.get("content-type", "")
        if "text/event-stream" in content_type:
            self._splitter = Splitter()
        self._decoder = separate_decoder(response)
        response.stream = observed(response.stream, self)

    @guarded
    def chunk(self, data: bytes) -> None:
        """The application's reading received `data`, as it crossed the wire."""
        if self._done or self.live is None:
            return
        now_ns = self.call.recorder.clock.now_ns()
        if self._decoder is not None:
            data = b"".join(self._decoder.decode(data))
        if self._splitter is not None:
            data = self._splitter.feed(data)
            if any(name in data for name in _ACCOUNTED):
                self._account(data)
        if data:
            self.call.recorder.tell(self.live, Chunk(self.live.id, now_ns, data))

    @guarded
    def read(self) -> None:
        """The body was read to its end."""
        self._flush()
        if self._splitter is not None and self._saw_start and not self.call.answer.complete and not self.call.answer.error:
            self._end(Failure(semconv.Outcome.INCOMPLETE), semconv.Outcome.INCOMPLETE)
            return
        self._end()

    @guarded
    def broke(self, error: BaseException) -> None:
        """Reading the body raised `error`."""
        self._flush()
        failure = failure_of(error)
        self._end(failure, semconv.Outcome.CANCELLED if failure.type == semconv.Outcome.CANCELLED else "")

    @guarded
    def closed(self) -> None:
        """The body was closed before its end: by the application, or by the SDK to try again."""
        self._flush()
        outcome = semconv.Outcome.UNREAD if self._status >= 400 else semconv.Outcome.CLOSED
        self._end(None, "" if self.call.answer.complete else outcome)

    @guarded
    def dropped(self) -> None:
        """The application dropped the response without reading it to its end or closing it."""
        self._flush()
        self._end(None, semconv.Outcome.ABANDONED)

    def _account(self, data: bytes) -> None:
        answer = self.call.answer
        for name, value in events_of(data):
            if name == "message_start":
                self._saw_start = True
            if name in ("message_start", "message_delta", "message_stop", "error"):
                answer.take(name, value)

    def _flush(self) -> None:
        """Write what has not completed an event, since it did cross the wire."""
        if self._done or self.live is None:
            return
        data = self._splitter.rest() if self._splitter is not None else b""
        if data:
            self.call.recorder.tell(self.live, Chunk(self.live.id, self.call.recorder.clock.now_ns(), data))

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _end(self, failure: Failure | None = None, outcome: str = "", response: Response | None = None) -> None:
        if self._done or self.live is None:
            return
        self._done = True
        call, live = self.call, self.live
        if call.open_attempt is self:
            call.open_attempt = None
        if failure is None and self._status >= 400:
            failure = Failure(str(self._status), str((call.answer.error or {}).get("type", "")))
        if failure is None and call.answer.error is not None and self._splitter is not None:
            error = call.answer.error
            failure = Failure(str(error.get("type", "error")), str(error.get("message", "")))
        if outcome:
            live.attributes[semconv.OUTCOME] = outcome
        call.last_failure, call.outcome = failure, outcome
        _end_otel_span(self._otel, live.attributes, failure)
        call.recorder.end(live, failure, response)
        call.body_ended()


def request_of(request: Any) -> Request:
    """What an httpx2 request says, less the headers that carry credentials."""
    url = request.url
    headers = {name: request.headers[name] for name in _SENT_HEADERS if name in request.headers}
    try:
        body: bytes | None = request.content
    except Exception:  # noqa: BLE001  httpx2 raises RequestNotRead for an upload that is streamed
        body = None
    path = codecs.decode(url.raw_path.partition(b"?")[0], "ascii")
    return Request(
        request.method,
        f"{url.scheme}://{codecs.decode(url.netloc, 'ascii')}",
        path,
        codecs.decode(url.query, "ascii"),
        headers,
        body,
    )


def _start_otel_span(call: Call, method: str, attributes: dict[str, Any]) -> Any:
    """An HTTP client span under the call's span, where that one is recorded."""
    if call.span is None or not call.span.real.is_recording():
        return None
    context = otel_trace.set_span_in_context(call.span.real)
    tracer = otel_trace.get_tracer(semconv.TRACEKIT_SCOPE)
    return tracer.start_span(method, context, SpanKind.CLIENT, attributes)


def _end_otel_span(span: Any, attributes: dict[str, Any], failure: Failure | None) -> None:
    if span is None:
        return
    span.set_attributes(attributes)
    if failure is not None:
        span.set_attribute(semconv.ERROR_TYPE, failure.type)
        span.set_status(Status(StatusCode.ERROR))
    span.end()
