"""One attempt: one HTTP request within a call, its answer and its failure."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urlsplit

from opentelemetry import trace as otel_trace
from opentelemetry.trace import SpanKind

from tracekit import semconv
from tracekit.instrument.failures import CANCELLED, call_failure, failure_of
from tracekit.instrument.guard import finishing, guarded
from tracekit.instrument.lanes import TaskVariable
from tracekit.instrument.live import LiveSpan
from tracekit.instrument.sdk.call import Call
from tracekit.instrument.sdk.reading import Reading
from tracekit.instrument.telling import begin_attributes, end_exported
from tracekit.model.events import Answered, Chunk, Event, Failure, Request, Response
from tracekit.model.heads import HeadForm
from tracekit.model.messages import ResponseContent, answer_of, stream_form
from tracekit.origin import pass_on
from tracekit.privacy import SENT_HEADERS, kept_headers

__all__ = ["CURRENT_ATTEMPT", "Attempt"]

_MOST_HELD = 64
"""Pieces of a body that are written at once at the latest."""

CURRENT_ATTEMPT: TaskVariable[Attempt] = TaskVariable("tracekit_attempt")


class Attempt:
    """An attempt while it runs.

    `now_ns` tells when things happen, and `end_ns` when it ends; an upstream that knows better may replace them.
    """

    def __init__(self, call: Call) -> None:
        self.call = call
        self.live: LiveSpan | None = None
        self.now_ns = self.end_ns = call.recorder.clock.now_ns
        self._otel: Any = None
        self._reading: Reading | None = None
        self._held: list[tuple[LiveSpan, Event]] = []
        self._status = 0
        self._done = False

    @guarded
    def sending(self, request: Any) -> None:
        """`request`, one of httpx2 or httpx, is about to be sent."""
        if self.live is None:
            self.sends(request_of(request))

    def sends(self, sent: Request) -> None:
        """`sent` is about to be sent."""
        call = self.call
        sent = call.as_recorded(sent)
        parent = call.asking(sent)
        if parent is None:
            return
        address, port = _server_of(sent.host)
        attributes: dict[str, Any] = {
            semconv.HTTP_METHOD: sent.method,
            semconv.URL_FULL: f"{sent.host}{sent.path}",
            semconv.URL_PATH: sent.path,
            semconv.SERVER_ADDRESS: address,
            semconv.SERVER_PORT: port,
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
        self.live = recorder.begin(
            "attempt",
            sent.method,
            parent,
            otel=self._otel,
            attributes=attributes,
            begin_ns=self.now_ns(),
            hidden=not parent.exported,
        )
        recorder.write_begin(self.live, sent)

    @guarded
    def answered(self, response: Any) -> None:
        """`response`, one of httpx2 or httpx, arrived: as a whole, or with its body yet to be read."""
        if self.live is None:
            return
        from tracekit.instrument.sdk.body import form_of  # noqa: PLC0415  loads with the first answer

        headers = kept_headers(response.headers.items())
        self._note_head(response.status_code, headers)
        content_type = headers.get("content-type", "")
        form = form_of(response, headers)
        recorder = self.call.recorder
        if response.is_closed:
            body = _content_of(response)
            if body is None:
                recorder.tell((self.live, Answered(self.live.id, self.now_ns(), self._status, headers, form)))
                self._end_early(semconv.Outcome.UNREAD if self._status >= 400 else semconv.Outcome.CLOSED)
                return
            self.call.answer = answer_of(body, content_type)
            self._end_of_body(stream_form(body, content_type) is not None, Response(self._status, headers, body, form))
            return
        recorder.tell((self.live, Answered(self.live.id, self.now_ns(), self._status, headers, form)))
        self._read_later(response, content_type)

    @guarded
    def arrived(self, status: int, headers: Mapping[str, str], form: HeadForm) -> None:
        """The head of an answer arrived, with `headers` that may be kept; `chunk` tells of its body, decoded."""
        if self.live is None:
            return
        self._note_head(status, headers)
        self.call.recorder.tell((self.live, Answered(self.live.id, self.now_ns(), status, headers, form)))
        self._begin_reading(headers.get("content-type", ""), None)

    def _note_head(self, status: int, headers: Mapping[str, str]) -> None:
        assert self.live is not None
        self._status = status
        for attribute, header in ((semconv.REQUEST_ID, "request-id"), (semconv.RETRY_AFTER, "retry-after")):
            if header in headers:
                self.live.attributes[attribute] = headers[header]
        if "retry-after-ms" in headers:
            self.live.attributes.setdefault(semconv.RETRY_AFTER, f"{headers['retry-after-ms']} ms")
        self.live.attributes[semconv.HTTP_STATUS] = self._status

    def raised(self, error: BaseException) -> None:
        """The request failed without an answer: the SDK raised `error`."""
        self.failed(error if error.__cause__ is None else error.__cause__)

    def failed(self, error: BaseException) -> None:
        """The request failed without an answer: the HTTP library raised `error`."""
        failure = failure_of(error)
        self._end(failure, CANCELLED if failure.type == CANCELLED else "")

    # ── the body ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _read_later(self, response: Any, content_type: str) -> None:
        from tracekit.instrument.sdk.body import library_of, observed, separate_decoder  # noqa: PLC0415  with an answer

        self._begin_reading(content_type, separate_decoder(response))
        response.stream = observed(response, self, library_of(response))

    def _begin_reading(self, content_type: str, decoder: Any) -> None:
        call = self.call
        call.answer = ResponseContent()
        wanted: Literal["nothing", "account", "everything"] = "nothing"
        if call.live is not None and call.live.kind == "llm":
            # What a call without a parent was answered tells which later call continues it.
            wanted = "account" if call.live.parent is not None else "everything"
        elif self._status >= 400:
            wanted = "account"
        self._reading = Reading(call.answer, content_type, decoder, wanted)

    @guarded
    def chunk(self, data: bytes, *, is_more_ready: bool = False) -> None:
        """The application's reading received `data`, as it crossed the wire.

        Where `is_more_ready`, so that the reader will not wait for the next piece, `data` is written together with that.
        """
        reading = self._reading
        if reading is None or self._done:
            return
        whole = reading.take(data)
        if whole:
            self._hold(whole)
            if not is_more_ready or len(self._held) >= _MOST_HELD:
                self.write_held()
            self.call.received(whole, self.now_ns)
        if reading.error is not None:
            # The application's decoder fails on the same bytes, outside what is seen of it.
            self.broke(reading.error)

    @finishing
    def read(self) -> None:
        """The body was read to its end."""
        self._flush()
        self._end_of_body(self._reading is not None and self._reading.is_stream)

    @finishing
    def broke(self, error: BaseException) -> None:
        """Reading the body raised `error`."""
        self._flush()
        failure = failure_of(error)
        self._end(failure, CANCELLED if failure.type == CANCELLED else "", of_call=call_failure(error))

    @finishing
    def closed(self) -> None:
        """The body was closed before its end: by the application, or by the SDK to try again."""
        self._flush()
        self._end_early(semconv.Outcome.UNREAD if self._status >= 400 else semconv.Outcome.CLOSED)

    @finishing
    def dropped(self) -> None:
        """The application dropped the response without reading it to its end or closing it."""
        self._flush()
        self._end_early(semconv.Outcome.ABANDONED)

    def _flush(self) -> None:
        """Keep what has not completed an event, since it did cross the wire."""
        if self._reading is not None and not self._done:
            rest = self._reading.rest()
            if rest:
                self._hold(rest)

    def _hold(self, data: bytes) -> None:
        live = self.live
        assert live is not None
        if not self._held:
            self.call.recorder.holding.add(self)
        self._held.append((live, Chunk(live.id, self.now_ns(), data)))

    @guarded
    def write_held(self) -> None:
        """Write the pieces of the body that are held back."""
        if self._held:
            try:
                self.call.recorder.tell(*self._held)
            finally:
                # The sink has the lines also where the program's exception has cut in.
                self._let_go()

    def _let_go(self) -> None:
        self._held = []
        self.call.recorder.holding.discard(self)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _end_of_body(self, was_stream: bool, response: Response | None = None) -> None:
        call = self.call
        is_message = call.live is not None and call.live.kind == "llm"
        if was_stream and is_message and not call.answer.complete and call.answer.error is None:
            incomplete = Failure(semconv.Outcome.INCOMPLETE)
            self._end(incomplete, semconv.Outcome.INCOMPLETE, of_call=incomplete, response=response)
        else:
            self._end(self._reported_failure(), response=response, of_call=self._reported_failure())

    def _end_early(self, outcome: str) -> None:
        failure = self._reported_failure()
        is_settled = self.call.answer.complete or (failure is not None and self._status < 400)
        self._end(failure, "" if is_settled else outcome, of_call=failure)

    def _reported_failure(self) -> Failure | None:
        """The failure that the answer tells: its status, or the error event of its stream."""
        error = self.call.answer.error
        if self._status >= 400:
            return Failure(str(self._status), str((error or {}).get("type", "")))
        if error is not None:
            return Failure(str(error.get("type", "error")), str(error.get("message", "")))
        return None

    def _end(
        self,
        failure: Failure | None,
        outcome: str = "",
        *,
        of_call: Failure | None = None,
        response: Response | None = None,
    ) -> None:
        """End the attempt. `of_call` is what the call fails with, unless there is another attempt."""
        if self._done or self.live is None:
            return
        live = self.live
        if outcome:
            live.attributes[semconv.OUTCOME] = outcome
        if self._otel is not None:
            end_exported(self.call.recorder, live, failure, self._otel)
        call = self.call
        if not live.ended:
            event = call.recorder.end_of(live, failure, response, at_ns=self.end_ns())
            rest: list[tuple[LiveSpan, Event]] = [*self._held, (live, event)] if event is not None else []
            call.attempt_ends(rest, may_wait=response is not None and failure is None)
            self._let_go()
            call.recorder.ended(live)
        if self._status >= 400 or not self._status:
            # Whether that is the call's failure is for the SDK to decide, or for a middleware.
            call.attempt_ended(None, "")
        else:
            call.attempt_ended(of_call, outcome)
        self._done = True


@lru_cache(maxsize=64)
def _server_of(host: str) -> tuple[str, int]:
    """Return the name and port of the server at `host`, a URL."""
    server = urlsplit(host)
    return server.hostname or "", server.port or (443 if server.scheme == "https" else 80)


def request_of(request: Any) -> Request:
    """Convert a request of httpx2 or httpx for the record, without the headers that carry credentials."""
    url = request.url
    # Each look-up by name goes through all headers.
    sent = {name.lower(): value for name, value in request.headers.raw}
    headers = {name.decode(): sent[name].decode("latin-1") for name in SENT_HEADERS if name in sent}
    try:
        body: bytes | None = request.content
    except Exception as error:  # noqa: BLE001  the library raises RequestNotRead for an upload that is streamed
        pass_on(error)
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


def _content_of(response: Any) -> bytes | None:
    """The body of a response that is closed; None if it was closed without being read."""
    try:
        content: bytes = response.content
    except Exception as error:  # noqa: BLE001  the libraries raise a ResponseNotRead of their own
        pass_on(error)
        return None
    return content


def _start_otel_span(call: Call, method: str, attributes: dict[str, Any]) -> Any:
    """An HTTP client span under the call's span, where that one is recorded."""
    if call.span is None or not call.span.real.is_recording():
        return None
    context = otel_trace.set_span_in_context(call.span.real)
    shown = begin_attributes(call.recorder, "attempt", attributes)
    return call.tracer().start_span(method, context, SpanKind.CLIENT, shown)
