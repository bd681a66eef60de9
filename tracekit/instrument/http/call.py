"""A call that a plain HTTP client makes: one request, with a span by tracekit in place of the SDK's."""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import trace as otel_trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from typing_extensions import override

from tracekit import semconv
from tracekit.instrument.context import attach_context
from tracekit.instrument.guard import finishing, guarded
from tracekit.instrument.http.addresses import MESSAGES, asks_claude, is_candidate, model_in, provider_of, shown_host
from tracekit.instrument.http.callers import caller
from tracekit.instrument.recorder import Recorder, active
from tracekit.instrument.sdk.attempt import Attempt
from tracekit.instrument.sdk.call import Call
from tracekit.instrument.sdk.current import CURRENT_CALL, current_call
from tracekit.instrument.sdk.spans import RecordingTracer
from tracekit.model.events import Failure, Request
from tracekit.origin import pass_on

__all__ = ["HttpCall", "Sending", "begin", "concerns"]

_VERSION = "anthropic-version"
_OF_OTHERS = (semconv.OPERATION_NAME, "openinference.span.kind", "llm.request.type")
"""Attributes that a span for a call of a model has in the conventions of the field."""


class HttpCall(Call):
    """A call of one attempt. Its span ends when the answer has been read, closed or dropped."""

    def __init__(self, recorder: Recorder, *, is_sync: bool) -> None:
        super().__init__(recorder, is_sync=is_sync, hidden=_is_in_span_for_call())
        self.status = 0
        self._is_ending = False

    def start_span(self, sent: Request, asked: dict[str, Any]) -> None:
        """Start the span of a call that asks for a message by the body `asked`."""
        server = urlsplit(sent.host)
        model = asked.get("model") or model_in(sent.path.rstrip("/"))
        attributes: dict[str, Any] = {
            semconv.SERVER_ADDRESS: server.hostname or "",
            semconv.SERVER_PORT: server.port or (443 if server.scheme == "https" else 80),
            semconv.PROVIDER_NAME: provider_of(sent.path),
            semconv.OPERATION_NAME: semconv.Operation.CHAT,
            semconv.REQUEST_MODEL: str(model),
        }
        if type(asked.get("max_tokens")) is int:
            attributes[semconv.REQUEST_MAX_TOKENS] = asked["max_tokens"]
        if asked.get("stream") is True:
            attributes[semconv.REQUEST_STREAM] = True
        tracer = RecordingTracer(self.recorder, None if self.hidden else self.tracer(), lambda: self)
        name = f"{semconv.Operation.CHAT} {model}".rstrip()
        tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)

    @override
    def attempt_ended(self, failure: Failure | None, outcome: str) -> None:
        if self.status >= 400:
            # Nobody else decides whether that is the failure of the call.
            error = self.answer.error or {}
            failure = Failure(str(error.get("type") or self.status), str(error.get("message") or ""))
        super().attempt_ended(failure, outcome)

    @override
    def _finish_if_over(self) -> None:
        is_over = not self._in_request and self.open_attempt is None
        if is_over and self.span is not None and not self._is_ending:
            self._is_ending = True
            if self.status:
                self.span.set_attribute(semconv.HTTP_STATUS, self.status)
            if self._failure is not None:
                self.span.set_attribute(semconv.ERROR_TYPE, self._failure.type)
                self.span.set_status(Status(StatusCode.ERROR))
            self.span.end()
        super()._finish_if_over()


class Sending:
    """A request of a call while the HTTP client sends it, as a block in which `enter` was called."""

    def __init__(self, call: HttpCall) -> None:
        self.call = call
        self.attempt = Attempt(call)
        self._context: Any = None

    @guarded
    def enter(self, path: str) -> None:
        """The client is about to send the request, to `path`: what starts meanwhile is the client's, not the program's."""
        self.call.entered(path)
        CURRENT_CALL.set(self.call)
        if self.call.span is not None:
            self._context = attach_context(otel_trace.set_span_in_context(self.call.span))

    @finishing
    def leave(self) -> None:
        """The client has sent it, unless this is not the context in which that began (a coroutine closed late)."""
        if CURRENT_CALL.get() is not self.call:
            return
        CURRENT_CALL.set(None)
        if self._context is not None:
            attach_context(self._context)

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            if error is not None:
                self.raised(error)
        finally:
            self.leave()

    @guarded
    def answered(self, response: Any) -> None:
        """`response` arrived: as a whole, or with its body yet to be read."""
        self.call.status = response.status_code
        self.attempt.answered(response)
        self.call.returned()

    @finishing
    def raised(self, error: BaseException) -> None:
        """The client raised `error`, maybe after the answer: a hook of the application's may refuse its status."""
        response = getattr(error, "response", None)
        if response is not None and response.is_closed:
            self.answered(response)
        self.attempt.failed(error)
        self.call.raised(error)


def concerns(path: str) -> Recorder | None:
    """Return the recorder if a request to `path` may have to be recorded or counted and isn't the SDK's."""
    recorder = active()
    # A request to any other address costs no more than this.
    return recorder if recorder is not None and is_candidate(path) and current_call() is None else None


def begin(recorder: Recorder, sent: Request, headers: Container[str], *, is_sync: bool) -> Sending | None:
    """Begin the call that `sent`, a request with these `headers`, makes.

    None if it is none of the Messages API; it is counted if Claude answers it.
    """
    has_version = _VERSION in headers
    path = sent.path.rstrip("/")
    asked = _body(sent) if sent.method == "POST" else None
    asks = asked is not None and isinstance(asked.get("messages"), list)
    if path.endswith(MESSAGES) or model_in(path):
        is_recorded = sent.method == "POST" and (asks or has_version)
    else:
        is_recorded = has_version and f"{MESSAGES}/" in path
    if not is_recorded:
        _count(recorder, sent, has_version=has_version)
        return None
    call = recorder.upstream.call_type(HttpCall)(recorder, is_sync=is_sync)
    if asks and asked is not None and not path.endswith("/count_tokens"):
        call.start_span(sent, asked)
    return Sending(call)


def _count(recorder: Recorder, sent: Request, *, has_version: bool) -> None:
    server = urlsplit(sent.host)
    host = server.hostname or ""
    if sent.method == "POST" and recorder.upstream.is_live and asks_claude(host, sent.path, has_version=has_version):
        recorder.missed(caller(), shown_host(host, server.port))


def _body(sent: Request) -> dict[str, Any] | None:
    """The body of a request as a JSON object; None if it is none."""
    try:
        body = json.loads(sent.body or b"null")
    except (ValueError, RecursionError) as error:
        pass_on(error)
        return None
    return body if isinstance(body, dict) else None


def _is_in_span_for_call() -> bool:
    """Return whether the current span is another instrumentation's for this call; a second one would count it twice."""
    attributes = getattr(otel_trace.get_current_span(), "attributes", None) or {}
    return any(str(attributes.get(name)).lower() in ("chat", "llm", "text_completion") for name in _OF_OTHERS)
