"""Calls of an SDK without spans of its own (before 1.14), for which tracekit makes the llm spans.

Before 0.108 the SDK has no method for one attempt either: its `request` prepares, signs and sends within one loop. There
`request` runs on a stand-in for the client, whose HTTP client is where an attempt is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace as otel_trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, SpanKind, StatusCode
from typing_extensions import override

from tracekit import semconv
from tracekit.instrument.context import attach_context
from tracekit.instrument.guard import finishing
from tracekit.instrument.sdk.attempt import Attempt
from tracekit.instrument.sdk.call import Call
from tracekit.instrument.sdk.spans import AdoptedSpan
from tracekit.instrument.values import flat

__all__ = ["UntracedCall"]

_PLATFORMS = {"bedrock": "aws.bedrock", "vertex": "gcp.vertex_ai"}
"""Providers, as newer SDKs name them, by the part of the SDK that the client's class is from."""


_FIRST_CONTENT = b"content_block_delta"
"""In the first event of a stream that has content. Bedrock's events are encoded, so nothing is found there."""


class UntracedCall(Call):
    """A call whose span tracekit starts and ends itself."""

    _contexts: tuple[Context, Context] | None = None

    @override
    def make_current(self, client: Any, options: Any) -> None:
        if not self._posts_messages:
            return
        attributes = _attributes(client, options)
        name = f"{semconv.Operation.CHAT} {attributes.get(semconv.REQUEST_MODEL, '')}".rstrip()
        is_traced_elsewhere = _is_traced_elsewhere()
        real = (
            INVALID_SPAN
            if is_traced_elsewhere
            else self.tracer().start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        )
        span = AdoptedSpan(real, hidden=is_traced_elsewhere)
        self.span_started(span, name, attributes)
        before = attach_context(otel_trace.set_span_in_context(span))
        self._contexts = before, otel_context.get_current()

    @override
    def restore_current(self) -> None:
        if self._contexts is not None and otel_context.get_current() is self._contexts[1]:
            attach_context(self._contexts[0])

    @override
    def received(self, data: bytes, now_ns: Callable[[], int]) -> None:
        span = self.span
        if span is None or semconv.TIME_TO_FIRST_CHUNK in span.attributes or _FIRST_CONTENT not in data:
            return
        span.set_attribute(semconv.TIME_TO_FIRST_CHUNK, (now_ns() - self._begin_ns) / 1e9)

    @override
    def asking_client(self, client: Any) -> Any:
        if hasattr(client, "_attempt_request"):
            return client
        return (_Client if hasattr(client, "__enter__") else _AsyncClient)(client, self)

    @override
    def _finish_if_over(self) -> None:
        span = self.span
        if span is None or self._span_ended:
            super()._finish_if_over()
        elif not self._in_request and self.open_attempt is None:
            if self._failure is not None:
                span.set_attribute(semconv.ERROR_TYPE, self._failure.type)
                span.set_status(StatusCode.ERROR)
            span.end()


def _attributes(client: Any, options: Any) -> dict[str, Any]:
    """Return what newer SDKs tell their span when a call begins."""
    asked = options.json_data if isinstance(options.json_data, Mapping) else {}
    parts = {part for kind in type(client).__mro__ for part in kind.__module__.split(".")}
    url = client.base_url
    found = {
        semconv.OPERATION_NAME: semconv.Operation.CHAT,
        semconv.PROVIDER_NAME: next((name for part, name in _PLATFORMS.items() if part in parts), "anthropic"),
        semconv.REQUEST_MODEL: asked.get("model"),
        semconv.REQUEST_MAX_TOKENS: asked.get("max_tokens"),
        semconv.REQUEST_STREAM: asked.get("stream") or None,
        semconv.SERVER_ADDRESS: url.host,
        semconv.SERVER_PORT: url.port or (443 if url.scheme == "https" else 80),
    }
    return flat({name: value for name, value in found.items() if isinstance(value, str | int)})


def _is_traced_elsewhere() -> bool:
    """Return whether the call runs in the LLM span of another instrumentation, so that a second would count it twice."""
    span: Any = otel_trace.get_current_span()
    scope = getattr(span, "instrumentation_scope", None)
    return span.is_recording() and scope is not None and scope.name.startswith(semconv.OTHER_LLM_SCOPES)


# ── before 0.108 ─────────────────────────────────────────────────────────────────────────────────────────────────────


class _StandIn:
    """An object that is `real` but for what a subclass has of its own."""

    def __init__(self, real: Any, call: Call) -> None:
        vars(self).update(real=real, call=call)

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["real"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.real, name, value)


class _Client(_StandIn):
    """The client, while it makes a request. Of an asynchronous client, its methods return coroutines."""

    @property
    def _client(self) -> Any:
        return _Sender(self.real, self.call, _send)

    def _prepare_options(self, options: Any) -> Any:
        return self.call.recorder.upstream.prepare_options(self.real, options)

    def _prepare_request(self, request: Any) -> Any:
        return self.call.recorder.upstream.prepare_request(self.real, request)


class _AsyncClient(_Client):
    """The same for an asynchronous client."""

    @property
    @override
    def _client(self) -> Any:
        return _Sender(self.real, self.call, _send_async)


class _Sender:
    """The HTTP client of `client`: each `send` is an attempt of `call`, which `recorded` sends."""

    def __init__(self, client: Any, call: Call, recorded: Callable[..., Any]) -> None:
        self._of = client
        self._call = call
        self._recorded = recorded

    def send(self, request: Any, **options: Any) -> Any:
        """Send `request`, or what the upstream has for that."""
        return self._call.recorder.upstream.send_prepared(self._recorded, self._call, self._of, request, options)


def _send(call: Call, client: Any, request: Any, **options: Any) -> Any:
    attempt = Attempt(call)
    try:
        attempt.sending(request)
        response = client._client.send(request, **options)  # noqa: SLF001  what the SDK calls
    except BaseException as error:
        _failed(attempt, error)
        raise
    attempt.answered(response)
    return response


async def _send_async(call: Call, client: Any, request: Any, **options: Any) -> Any:
    attempt = Attempt(call)
    try:
        attempt.sending(request)
        response = await client._client.send(request, **options)  # noqa: SLF001  what the SDK calls
    except BaseException as error:
        _failed(attempt, error)
        raise
    attempt.answered(response)
    return response


@finishing
def _failed(attempt: Attempt, error: BaseException) -> None:
    attempt.failed(error)
