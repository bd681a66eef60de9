"""Recorded answers as the objects of the HTTP library that the request is of: httpx2, or httpx, which is alike."""

from __future__ import annotations

import builtins
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import cache
from typing import Any, NoReturn, Protocol

from tracekit.errors import ReplayDivergence, ReplayError
from tracekit.instrument.answering.answerer import Answerer
from tracekit.instrument.failures import CANCELLED
from tracekit.instrument.reply import Reply
from tracekit.instrument.sdk.body import DECODED, library_of
from tracekit.model.events import Failure
from tracekit.model.heads import HeadForm

__all__ = ["TimedChunks", "error_of", "fail", "raised_in", "streamed", "whole"]


class TimedChunks(Protocol):
    """The pieces of a body, each when its time has come; asynchronous for an asynchronous client."""

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the pieces."""

    def close(self) -> None:
        """Stop reading."""


def whole(reply: Reply, request: Any) -> Any:
    """`reply` as a response that has been read."""
    body = b"".join(piece.data for piece in reply.pieces)
    library = library_of(request)
    response = library.Response(reply.status, headers=_plain(reply), content=body, request=request)
    return _finish(response, library.Headers(_raw(reply)), reply)


def streamed(reply: Reply, request: Any, body: TimedChunks) -> Any:
    """`reply` as a response whose body is yet to be read."""
    library = library_of(request)
    stream = _streams(library)[hasattr(body, "__aiter__")](body)
    response = library.Response(reply.status, headers=_plain(reply), stream=stream, request=request)
    return _finish(response, library.Headers(_raw(reply)), reply)


def _raw(reply: Reply) -> list[tuple[bytes, bytes]]:
    """The recorded headers as they were written."""
    return (reply.form or HeadForm()).raw(reply.headers)


def _plain(reply: Reply) -> list[tuple[bytes, bytes]]:
    """The recorded headers without the encoding, since bodies are recorded decoded."""
    return [(name, value) for name, value in _raw(reply) if name.lower() != b"content-encoding"]


def _finish(response: Any, headers: Any, reply: Reply) -> Any:
    """`response` with all the recorded `headers`, which are for the application to read, and how long it took."""
    response._get_content_decoder()  # noqa: SLF001  it is kept, and looks at the headers only once
    response.headers = headers
    form = reply.form or HeadForm()
    if form.reason is not None:
        response.extensions["reason_phrase"] = form.reason.encode("latin-1", "replace")
    if form.version:
        response.extensions["http_version"] = form.version.encode("ascii", "replace")
    response.extensions[DECODED] = True
    response.elapsed = timedelta(microseconds=max(0, reply.end_ns - reply.begin_ns) / 1000)
    return response


@cache
def _streams(library: Any) -> tuple[Any, Any]:
    """The classes of synchronous and of asynchronous bodies for `library`."""
    return (
        type("SyncStream", (_SyncStream, library.SyncByteStream), {}),
        type("AsyncStream", (_AsyncStream, library.AsyncByteStream), {}),
    )


class _SyncStream:
    def __init__(self, body: TimedChunks) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        self._body.close()

    def __del__(self) -> None:
        self._body.close()


class _AsyncStream:
    def __init__(self, body: Any) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        pieces: AsyncIterator[bytes] = self._body.__aiter__()
        return pieces

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
    import anthropic  # noqa: PLC0415  the call is the SDK's, so it is loaded

    cause = raised_in(reply, answerer, request)
    if as_sent or isinstance(cause, (anthropic.AnthropicError, ReplayDivergence, ReplayError)):
        raise cause
    if isinstance(cause, library_of(request).TimeoutException):
        raise anthropic.APITimeoutError(request=request) from cause
    raise anthropic.APIConnectionError(request=request) from cause


def raised_in(reply: Reply, answerer: Answerer, request: Any) -> BaseException:
    """Return what the HTTP client raised in the recording; a `ReplayDivergence` for a call that was cancelled there."""
    failure = reply.failure or Failure("ConnectError")
    return answerer.beyond(reply) if failure.type == CANCELLED else error_of(failure, request)


def error_of(failure: Failure, request: Any) -> BaseException:
    """The exception whose class and message `failure` tells; one that says both where there is no such class."""
    library = library_of(request)
    for module in (library, builtins, sys.modules.get("anthropic")):
        kind = getattr(module, failure.type, None)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            make: Any = kind
            more = {"request": request} if issubclass(kind, library.RequestError) else {}
            try:
                raised: BaseException = make(failure.message, **more)
            except TypeError:
                break
            return raised
    error: BaseException = library.TransportError(f"{failure.type}: {failure.message}", request=request)
    return error
