"""Requests of aiohttp, seen by a middleware of its client that stands before all others."""

from __future__ import annotations

import functools
import sys
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from tracekit.instrument.guard import finishing, guarded
from tracekit.instrument.http.call import Sending, begin, concerns
from tracekit.instrument.sdk.attempt import Attempt
from tracekit.model.events import Request
from tracekit.model.heads import HeadForm
from tracekit.privacy import SENT_HEADERS, kept_headers

__all__ = ["arrived", "as_sent", "request", "usual_reason"]

_CLOSED = "Connection closed"
"""What aiohttp puts into a body that is closed before its end."""


def request(original: Callable[..., Any]) -> Callable[..., Any]:
    """`ClientSession._request`, by which each request goes."""

    @functools.wraps(original)
    async def request(session: Any, method: str, address: Any, **kwargs: Any) -> Any:
        if _may_ask(address):
            others = kwargs.get("middlewares")
            others = session._middlewares if others is None else others  # noqa: SLF001  those of the session
            kwargs["middlewares"] = (functools.partial(_between, session), *others)
        return await original(session, method, address, **kwargs)

    return request


@guarded
def _may_ask(address: Any) -> bool:
    return concerns(str(address).partition("?")[0].rstrip("/")) is not None


async def _between(session: Any, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
    sent = await as_sent(request)
    sending = _begin(sent, request)
    if sending is None:
        return await handler(request)

    async def recorded(sending: Sending, request: Any) -> Any:
        with sending:
            _enter(sending, sent)
            response = await handler(request)
            arrived(sending, response)
        return response

    return await sending.call.recorder.upstream.send_aiohttp(recorded, sending, session, request)


async def as_sent(request: Any) -> Request:
    """Convert a request of aiohttp for the record, without the headers that carry credentials."""
    url, body = request.url, request.body
    if isinstance(body, sys.modules["aiohttp"].payload.BytesPayload):
        content: bytes | None = await body.as_bytes()
    else:
        # What is read while it is sent cannot be seen.
        content = body if isinstance(body, bytes) else None
    headers = {
        name.decode(): request.headers[name.decode()] for name in SENT_HEADERS if name.decode() in request.headers
    }
    host = f"{url.scheme}://{url.host_port_subcomponent if url.explicit_port else url.host_subcomponent}"
    return Request(request.method, host, url.raw_path, url.raw_query_string, headers, content)


@guarded
def _begin(sent: Request, request: Any) -> Sending | None:
    recorder = concerns(sent.path)
    return None if recorder is None else begin(recorder, sent, request.headers, is_sync=False)


@guarded
def _enter(sending: Sending, sent: Request) -> None:
    sending.enter(sent.path)
    sending.attempt.sends(sent)


@guarded
def arrived(sending: Sending, response: Any) -> None:
    """The head of the answer is there; its body is observed as it arrives."""
    sending.call.status = response.status
    kept = kept_headers((name.lower(), value) for name, value in response.headers.items())
    raw = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers]
    reason = response.reason if response.reason != usual_reason(response.status) else None
    form = HeadForm.of([each for each in raw if each[0].lower() in kept], "latin-1", reason, "")
    attempt = sending.attempt
    # What of the body came with the head is there before the application can turn it down.
    at_ns, now_ns, end_ns = attempt.now_ns(), attempt.now_ns, attempt.end_ns
    attempt.now_ns = attempt.end_ns = lambda: at_ns
    attempt.arrived(response.status, kept, form)
    _observe(response.content, attempt)
    attempt.now_ns, attempt.end_ns = now_ns, end_ns
    sending.call.returned()


def usual_reason(status: int) -> str:
    """The words that stand for `status`, which servers may replace by others."""
    return next((each.phrase for each in HTTPStatus if each == status), "")


def _observe(content: Any, attempt: Attempt) -> None:
    if not isinstance(content, sys.modules["aiohttp"].StreamReader):
        # The body of an answer without one.
        attempt.read()
        return
    # What has come with the head.
    for data in list(content._buffer):  # noqa: SLF001  there is no way to look at it without taking it
        attempt.chunk(data)
    if content.is_eof():
        attempt.read()
        return
    content.__class__ = type("ObservedReader", (_Observing, type(content)), {"__slots__": (), "attempt": attempt})


class _Observing:
    """The body of an answer, which tells an attempt what arrives in it."""

    __slots__ = ()
    attempt: Attempt

    def feed_data(self, data: bytes, *args: Any) -> Any:
        """Record the next bytes of the body."""
        self.attempt.chunk(data)
        return super().feed_data(data, *args)  # type: ignore[misc]  # the reader's, which stands behind this class

    def feed_eof(self) -> None:
        """Note the end of the body."""
        self.attempt.read()
        super().feed_eof()  # type: ignore[misc]  # see above

    def set_exception(self, exc: Any, *args: Any) -> None:
        """The body cannot be read any further, or nobody is to."""
        _ended_by(self.attempt, exc)
        super().set_exception(exc, *args)  # type: ignore[misc]  # see above

    def __del__(self) -> None:
        self.attempt.dropped()


@finishing
def _ended_by(attempt: Attempt, error: Any) -> None:
    if str(error) == _CLOSED and type(error).__name__ == "ClientConnectionError":
        attempt.closed()
    else:
        attempt.broke(error if isinstance(error, BaseException) else error())
