"""One API call of the SDK: all its attempts, and the reading of its stream."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as otel_trace
from opentelemetry.trace import Tracer

from tracekit import semconv
from tracekit.instrument.callers import functions_around
from tracekit.instrument.context import current_span
from tracekit.instrument.failures import CANCELLED, call_failure
from tracekit.instrument.importing import loaded
from tracekit.instrument.lanes import current_lane, running_asyncio
from tracekit.instrument.live import LiveSpan
from tracekit.instrument.recorder import Recorder
from tracekit.instrument.sdk.spans import AdoptedSpan
from tracekit.instrument.telling import agent_around, complete
from tracekit.model.batch import is_batch_results
from tracekit.model.events import Event, Failure, Kind, Request
from tracekit.model.measured import Measured
from tracekit.model.messages import ResponseContent, usage_attributes
from tracekit.origin import interrupts, pass_on

if TYPE_CHECKING:
    from tracekit.instrument.sdk.attempt import Attempt

__all__ = ["Call"]


class Call:
    """A call while it runs. Its span begins in the record with its first attempt, when the request is known.

    It is over when its request has returned, the SDK's span for it has ended and the answer's body is read, closed or
    dropped, in whatever order. `tracer_provider` is the client's own, if it has one; the call is `hidden` where the
    client was told to trace nothing.
    """

    def __init__(self, recorder: Recorder, *, is_sync: bool, tracer_provider: Any = None, hidden: bool = False) -> None:
        self.recorder = recorder
        self.hidden = hidden
        self.tracer_provider = tracer_provider
        self.span: AdoptedSpan | None = None
        self.live: LiveSpan | None = None
        self.answer = ResponseContent()
        self.wait_s: float | None = None
        self.attempts = 0
        self.open_attempt: Attempt | None = None
        self._posts_messages = False
        self.parent = current_span()
        self._begin_ns = recorder.begin_ns(self.parent)
        self._blocks_loop = is_sync and _loop_is_running()
        self._failure: Failure | None = None
        self._outcome = ""
        self._asked: bytes | None = None
        self._is_recorded = False
        self._used: tuple[ResponseContent, dict[str, Any]] | None = None
        self._waiting: list[tuple[LiveSpan, Event]] = []
        self._may_wait = False
        self._in_request = False
        self._span_ended = False
        self._finished = False
        recorder.measuring.expect()

    @property
    def in_request(self) -> bool:
        """Return whether the SDK's request for this call is running."""
        return self._in_request

    # ── told by the SDK's span ───────────────────────────────────────────────────────────────────────────────────

    def span_started(self, span: AdoptedSpan, name: str, attributes: dict[str, Any]) -> None:
        """The SDK started its span, called `name`, for this call."""
        span.call = self
        self.span = span
        span.tracekit_live = self._begin(name, attributes, span.real)

    def span_ended(self) -> None:
        """Note that the SDK ends its span; the request may still have to return, and the body to be closed."""
        self._span_ended = True
        self._tell_span()
        self._finish_if_over()

    # ── where the SDK makes no span: see `untraced` ──────────────────────────────────────────────────────────────

    def make_current(self, client: Any, options: Any) -> None:
        """The request of `client` for `options` begins in this context."""

    def asking_client(self, client: Any) -> Any:
        """Return the object as which `client` makes its request."""
        return client

    def restore_current(self) -> None:
        """The request is over in this context."""

    def received(self, data: bytes, now_ns: Callable[[], int]) -> None:
        """The application reads `data` of the response's body, whole events of a stream."""

    # ── where an upstream knows the call ─────────────────────────────────────────────────────────────────────────

    def as_recorded(self, request: Request) -> Request:
        """Return `request`, which the next attempt sends, as it is to be recorded."""
        return request

    def waiting(self, wait_s: float) -> float:
        """The SDK waits `wait_s` before the next attempt. Return how long it is to wait."""
        self.wait_s = wait_s
        return wait_s

    def end_ns(self) -> int | None:
        """Return when the call ends; None for now."""
        return None

    def known_of(self, attributes: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002  for a subclass
        """Return the values of those `attributes` that are known better than the SDK tells them."""
        return {}

    # ── told by the request ──────────────────────────────────────────────────────────────────────────────────────

    def entered(self, url: str) -> None:
        """The request, to `url`, is about to run."""
        self._posts_messages = url.partition("?")[0].rstrip("/").endswith("/v1/messages")
        self._in_request = True

    def asking(self, request: Request) -> LiveSpan | None:
        """Return the span under which to record an attempt that sends `request`; None if it is not recorded.

        A call that neither sends a message nor reads those of a batch, such as `count_tokens`, makes no run by itself.
        """
        # A middleware may send twice within one request.
        self._write_waiting()
        live = self.live
        if live is None:
            attributes = _asked_attributes(request.body) if self._posts_messages else {}
            live = self._begin(f"{request.method} {request.path}", attributes, None)
        if self._asked is None:
            self._asked = request.body or b""
            brings_answers = live.kind == "llm" or is_batch_results(request.path)
            self._is_recorded = brings_answers or self.recorder.is_within_run(live)
            if self._is_recorded:
                # Its begin is written with that of the attempt.
                self._find_run(live)
        return live if self._is_recorded or live.written else None

    def returned(self) -> None:
        """The request returned to the application, which may have a stream to read yet."""
        self._in_request = False
        self._finish_if_over()
        self._write_waiting()

    def raised(self, error: BaseException) -> None:
        """The request raised `error`."""
        if self.open_attempt is not None:
            self.open_attempt.dropped()
            # One that was cut short before it began has nothing to drop.
            self.open_attempt = None
        self._failure = call_failure(error)
        self._outcome = CANCELLED if self._failure.type == CANCELLED else ""
        self._in_request = False
        if interrupts(error) or (error.__cause__ is not None and interrupts(error.__cause__)):
            # The SDK may have been about to end its span, and does not try again.
            self._span_ended = True
        self._finish_if_over()
        self._write_waiting()

    def attempt_ends(self, events: Sequence[tuple[LiveSpan, Event]], *, may_wait: bool) -> None:
        """The newest attempt is about to be over. The call writes `events`, the rest of the attempt's record.

        The rest is written with the call's own end where that comes at once, or where it `may_wait` until the request has
        returned.
        """
        self._waiting, self._may_wait = list(events), may_wait

    def attempt_ended(self, failure: Failure | None, outcome: str) -> None:
        """The newest attempt is over: it failed, or its answer's body was read, closed or dropped."""
        self.open_attempt = None
        self._failure, self._outcome = failure, outcome
        self._finish_if_over()
        if not (self._may_wait and self._in_request):
            self._write_waiting()

    def _write_waiting(self) -> None:
        if self._waiting:
            try:
                self.recorder.tell(*self._waiting)
            finally:
                # The sink has the lines also where the program's exception has cut in.
                self._waiting = []

    def tracer(self) -> Tracer:
        """The tracer for the attempts. A provider makes a new one each time it is asked, so one is kept."""
        provider = self.tracer_provider or otel_trace.get_tracer_provider()
        known = _last_tracer.of
        if known is None or known[0] is not provider:
            known = _last_tracer.of = provider, provider.get_tracer(semconv.TRACEKIT_SCOPE)
        return known[1]

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _finish_if_over(self) -> None:
        if not self._in_request and self.open_attempt is None and (self.span is None or self._span_ended):
            self._finish()

    def _finish(self) -> None:
        live = self.live
        if self._finished or live is None:
            return
        if live.kind == "llm" or (live.run is not None and live.run.written):
            # Nothing is sent yet where it failed this early.
            if not live.written:
                self._find_run(live)
            self.recorder.write_begin(live)
        attributes = {**(self.span.attributes if self.span is not None else {}), **self._usage()}
        attributes.update(self.known_of(attributes))
        failure = self._failure_of_span(attributes.pop(semconv.ERROR_TYPE, None))
        if self._outcome:
            attributes[semconv.OUTCOME] = self._outcome
        if self._is_alone(live) and live.run is not None and self.answer.message is not None:
            self.recorder.conversations.remember(self._asked, self.answer.message, live.run)
        live.attributes.update(attributes)
        self._measure(live, attributes, failure)
        try:
            self.recorder.end(live, failure, at_ns=self.end_ns(), before=self._waiting)
        finally:
            self._waiting = []
        self._finished = True
        if self.span is not None:
            # The span knows the call, too: without this the garbage collector would have to find them.
            self.span.call = None

    @staticmethod
    def _is_alone(live: LiveSpan) -> bool:
        """Return whether nothing but what a call asks tells to which run it belongs."""
        return live.kind == "llm" and live.parent is None and (live.run is None or not live.run.info.unit)

    def _measure(self, live: LiveSpan, attributes: Mapping[str, Any], failure: Failure | None) -> None:
        if live.kind != "llm" or not self.recorder.measuring.counts():
            return
        duration_s = (self.recorder.clock.now_ns() - live.begin_ns) / 1e9
        error = failure.type if failure is not None else None
        known = {**live.attributes_at_begin, **attributes}
        retries = max(0, self.attempts - 1)
        self.recorder.measuring.call(Measured(known, agent_around(live), live.begin_ns, duration_s, error, retries))

    def _failure_of_span(self, error_type: Any) -> Failure | None:
        """Return the failure of the call, including one that only the SDK sees, such as an unreadable body."""
        if self._failure is not None or self.span is None or not self.span.failed:
            return self._failure
        if error_type == "api_error" and not self._outcome:
            # The SDK read the body to its end, and missed the stream's end event.
            self._outcome = semconv.Outcome.INCOMPLETE
            return Failure(semconv.Outcome.INCOMPLETE)
        return Failure(str(error_type or "error"))

    def _usage(self) -> dict[str, Any]:
        if self.live is None or self.live.kind != "llm":
            return {}
        if self._used is not None and self._used[0] is self.answer:
            return self._used[1]
        complete = self.answer.complete or bool((self.answer.message or {}).get("stop_reason"))
        used = usage_attributes(self.answer, finished=complete)
        if self.answer.complete:
            self._used = self.answer, used
        return used

    def _tell_span(self) -> None:
        """Set the usage on the SDK's span, and the attributes that tracekit's exporter would send."""
        span, live = self.span, self.live
        if span is not None and live is not None:
            outcome = {semconv.OUTCOME: self._outcome} if self._outcome else {}
            complete(self.recorder, live, span.real, {**self._usage(), **outcome, **span.attributes}, span.attributes)

    # ── the begin ────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, name: str, attributes: dict[str, Any], otel: Any) -> LiveSpan:
        kind: Kind = "span"
        if attributes.get(semconv.OPERATION_NAME) == semconv.Operation.CHAT:
            kind = "llm"
            name = f"{semconv.Operation.CHAT} {attributes.get(semconv.REQUEST_MODEL, '')}".rstrip()
        if kind == "llm" and (callers := functions_around(current_lane().within)):
            attributes = {**attributes, semconv.CALLERS: callers}
        if self.parent is not None:
            self.parent.holds_call = self.parent.holds_call or kind == "llm"
        if self._blocks_loop:
            attributes = {**attributes, semconv.SYNC_IN_EVENT_LOOP: True}
        self.live = self.recorder.begin(
            kind,
            name,
            self.parent,
            otel=otel,
            attributes=attributes,
            begin_ns=self._begin_ns,
            hidden=self.hidden,
        )
        return self.live

    def _find_run(self, live: LiveSpan) -> None:
        """Find the run that the call continues by what it asks, where nothing else tells its run."""
        if self._is_alone(live) and live.run is None and not self.recorder.has_root(live):
            live.run = self.recorder.conversations.continued_by(self._asked)


class _LastTracer:
    """The provider that was last asked for a tracer for attempts, and that tracer."""

    of: tuple[otel_trace.TracerProvider, Tracer] | None = None


_last_tracer = _LastTracer()


def _asked_attributes(body: bytes | None) -> dict[str, Any]:
    """Return the attributes of the SDK's span for a Messages request that the application posts itself."""
    attributes: dict[str, Any] = {semconv.OPERATION_NAME: semconv.Operation.CHAT}
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        pass_on(error)
        return attributes
    if isinstance(request, dict):
        if isinstance(request.get("model"), str):
            attributes[semconv.REQUEST_MODEL] = request["model"]
        if request.get("stream") is True:
            attributes[semconv.REQUEST_STREAM] = True
    return attributes


def _loop_is_running() -> bool:
    if running_asyncio() is not None:
        return True
    trio: Any = loaded("trio")
    return bool(trio and trio.lowlevel.in_trio_run())
