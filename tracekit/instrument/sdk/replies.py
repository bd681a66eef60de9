"""Recorded answers as the HTTP library's own objects. Needs the SDK, so it is imported with the first answer."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any, NoReturn, Protocol

import anthropic
from typing_extensions import override

from tracekit.instrument.failures import CANCELLED
from tracekit.instrument.protocols import Answerer
from tracekit.instrument.reply import Reply
from tracekit.instrument.sdk.body import DECODED
from tracekit.instrument.sdk.http_library import http
from tracekit.model.events import Failure
from tracekit.model.heads import HeadForm

__all__ = ["Body", "error_of", "fail", "streamed", "whole"]


class Body(Protocol):
    """The pieces of a body, each when its time has come; asynchronous for an asynchronous client."""

    def __iter__(self) -> Iterator[bytes]:
        """The pieces."""

    def close(self) -> None:
        """No more is read."""


def whole(reply: Reply, request: Any) -> http.Response:
    """`reply` as a response that has been read."""
    body = b"".join(piece.data for piece in reply.pieces)
    return _finish(http.Response(reply.status, headers=_plain(reply), content=body, request=request), reply)


def streamed(reply: Reply, request: Any, body: Body) -> http.Response:
    """`reply` as a response whose body is yet to be read."""
    stream = _AsyncStream(body) if hasattr(body, "__aiter__") else _SyncStream(body)
    return _finish(http.Response(reply.status, headers=_plain(reply), stream=stream, request=request), reply)


def _raw(reply: Reply) -> list[tuple[bytes, bytes]]:
    """The recorded headers as they were written."""
    return (reply.form or HeadForm()).raw(reply.headers)


def _plain(reply: Reply) -> list[tuple[bytes, bytes]]:
    """The recorded headers without the encoding, since bodies are recorded decoded."""
    return [(name, value) for name, value in _raw(reply) if name.lower() != b"content-encoding"]


def _finish(response: http.Response, reply: Reply) -> http.Response:
    """`response` with all the recorded headers, which are for the application to read, and how long it took."""
    response._get_content_decoder()  # noqa: SLF001  it is kept, and looks at the headers only once
    response.headers = http.Headers(_raw(reply))
    form = reply.form or HeadForm()
    if form.reason is not None:
        response.extensions["reason_phrase"] = form.reason.encode("latin-1", "replace")
    if form.version:
        response.extensions["http_version"] = form.version.encode("ascii", "replace")
    response.extensions[DECODED] = True
    response.elapsed = timedelta(microseconds=max(0, reply.end_ns - reply.begin_ns) / 1000)
    return response


class _SyncStream(http.SyncByteStream):
    def __init__(self, body: Body) -> None:
        self._body = body

    @override
    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    @override
    def close(self) -> None:
        self._body.close()

    def __del__(self) -> None:
        self._body.close()


class _AsyncStream(http.AsyncByteStream):
    def __init__(self, body: Any) -> None:
        self._body = body

    @override
    def __aiter__(self) -> AsyncIterator[bytes]:
        pieces: AsyncIterator[bytes] = self._body.__aiter__()
        return pieces

    @override
    async def aclose(self) -> None:
        self._body.close()

    def __del__(self) -> None:
        self._body.close()


# ── failures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def fail(reply: Reply, answerer: Answerer, request: Any, *, as_sent: bool = False) -> NoReturn:
    """Raise what the SDK raised in the recording in place of an answer; `as_sent`, what the HTTP library raised.

    Raises:
        BaseException: That, or a `ReplayDivergence` for a call that was cancelled there and is not here.
    """
    failure = reply.failure or Failure("ConnectError")
    if failure.type == CANCELLED:
        raise answerer.beyond(reply)
    cause = error_of(failure, request)
    if as_sent or isinstance(cause, anthropic.AnthropicError):
        raise cause
    if isinstance(cause, http.TimeoutException):
        raise anthropic.APITimeoutError(request=request) from cause
    raise anthropic.APIConnectionError(request=request) from cause


def error_of(failure: Failure, request: Any) -> BaseException:
    """The exception whose class and message `failure` tells; one that says both where there is no such class."""
    for module in (http, builtins, anthropic):
        kind = getattr(module, failure.type, None)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            try:
                return (
                    kind(failure.message, request=request)
                    if issubclass(kind, http.RequestError)
                    else kind(failure.message)
                )
            except TypeError:
                break
    return http.TransportError(f"{failure.type}: {failure.message}", request=request)
