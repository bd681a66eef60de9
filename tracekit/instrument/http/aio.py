"""Requests of aiohttp, recorded or answered by a middleware of its client that stands before all others."""

from __future__ import annotations

import asyncio
import builtins
import functools
import inspect
import sys
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

from tracekit.instrument.failures import CANCELLED
from tracekit.instrument.guard import finishing, guarded
from tracekit.instrument.http.call import Sending, begin, concerns
from tracekit.instrument.protocols import Answerer
from tracekit.instrument.reply import Reply
from tracekit.instrument.sdk.attempt import Attempt
from tracekit.model.events import Failure, Request
from tracekit.model.heads import HeadForm
from tracekit.model.recording import Piece
from tracekit.privacy import SENT_HEADERS, kept_headers

__all__ = ["request"]

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
    sent = await _as_sent(request)
    sending = _begin(sent, request)
    if sending is None:
        return await handler(request)
    answerer = sending.call.recorder.answerer
    if answerer is not None:
        return await _answer(session, answerer, sending, request, sent)
    with sending:
        _enter(sending, sent)
        response = await handler(request)
        _arrived(sending, response)
    return response


# ── recording ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _as_sent(request: Any) -> Request:
    """What the request says, less the headers that carry credentials."""
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
def _arrived(sending: Sending, response: Any) -> None:
    """The head of the answer is there; its body is observed as it arrives."""
    sending.call.status = response.status
    kept = kept_headers((name.lower(), value) for name, value in response.headers.items())
    raw = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers]
    reason = response.reason if response.reason != _usual_reason(response.status) else None
    form = HeadForm.of([each for each in raw if each[0].lower() in kept], "latin-1", reason, "")
    attempt = sending.attempt
    # What of the body came with the head is there before the application can turn it down.
    at_ns, now_ns, end_ns = attempt.now_ns(), attempt.now_ns, attempt.end_ns
    attempt.now_ns = attempt.end_ns = lambda: at_ns
    attempt.arrived(response.status, kept, form)
    _observe(response.content, attempt)
    attempt.now_ns, attempt.end_ns = now_ns, end_ns
    sending.call.returned()


def _usual_reason(status: int) -> str:
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
        """More of the body arrived."""
        self.attempt.chunk(data)
        return super().feed_data(data, *args)  # type: ignore[misc]  # the reader's, which stands behind this class

    def feed_eof(self) -> None:
        """The body has ended."""
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


# ── a replay ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _answer(session: Any, answerer: Answerer, sending: Sending, request: Any, sent: Request) -> Any:
    """The recorded answer, whose body arrives when it did.

    Raises:
        BaseException: What aiohttp raised in the recording, or a `ReplayDivergence`.
    """
    call, attempt = sending.call, sending.attempt
    reply = answerer.answer(sent, call, call.parent)
    call.answered_by(reply)
    sending.enter(sent.path)
    try:
        await answerer.hold_async(reply.begin_ns)
        attempt.now_ns = lambda: reply.begin_ns
        attempt.sends(sent)
        attempt.now_ns = lambda: reply.answered_ns
        await answerer.hold_async(reply.answered_ns)
        _fail_as_recorded(reply, answerer)
        response = _response(session, request, reply)
        content = response.content
        later = [piece for piece in reply.pieces if piece.at_ns > reply.answered_ns]
        for piece in reply.pieces[: len(reply.pieces) - len(later)]:
            content.feed_data(piece.data)
        if reply.end_ns <= reply.answered_ns and not reply.is_partial:
            content.feed_eof()
            answerer.ended(reply)
        _arrived(sending, response)
        attempt.end_ns = lambda: reply.end_ns
        if not content.is_eof():
            # The loop holds on to a task of its own no more than to others.
            content.feeding = asyncio.get_running_loop().create_task(_feed(content, answerer, reply, later, attempt))
    except BaseException as error:
        attempt.end_ns = lambda: reply.end_ns
        sending.raised(error)
        answerer.ended(reply)
        raise
    finally:
        sending.leave()
    return response


async def _feed(content: Any, answerer: Answerer, reply: Reply, pieces: Sequence[Piece], attempt: Attempt) -> None:
    """Let the rest of the body arrive, each of its `pieces` at its time."""
    try:
        for piece in pieces:
            await answerer.hold_async(piece.at_ns)
            if content.exception() is not None:
                return
            attempt.now_ns = functools.partial(int, piece.at_ns)
            content.feed_data(piece.data)
        await answerer.hold_async(reply.refused_ns if reply.is_partial else reply.end_ns)
        if content.exception() is not None:
            return
        if reply.is_partial:
            content.set_exception(answerer.beyond(reply))
        elif reply.failure is not None and reply.status < 400 and reply.failure.type != "incomplete":
            content.set_exception(_failure(reply, answerer))
        else:
            content.feed_eof()
    finally:
        answerer.ended(reply)


def _fail_as_recorded(reply: Reply, answerer: Answerer) -> None:
    if not reply.status:
        raise _failure(reply, answerer)


def _failure(reply: Reply, answerer: Answerer) -> BaseException:
    """What aiohttp raised in the recording."""
    failure = reply.failure or Failure("ClientConnectionError")
    if failure.type == CANCELLED:
        return answerer.beyond(reply)
    aiohttp = sys.modules["aiohttp"]
    for module in (aiohttp, builtins):
        kind = getattr(module, failure.type, None)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            try:
                return kind(failure.message)
            except TypeError:
                # Some tell of a connection, which there is none of here.
                break
    error: BaseException = aiohttp.ClientConnectionError(f"{failure.type}: {failure.message}")
    return error


class _Protocol:
    """Stands for the connection of a body that comes from the record."""

    connected = True
    _reading_paused = False

    def pause_reading(self, *_: Any) -> None:
        """Nothing is to be held back."""

    def resume_reading(self, *_: Any, **__: Any) -> None:
        """Nothing was held back."""


def _response(session: Any, request: Any, reply: Reply) -> Any:
    """The head of `reply` as aiohttp's own response, with a body that is yet to arrive."""
    aiohttp, loop = sys.modules["aiohttp"], asyncio.get_running_loop()
    multidict = sys.modules["multidict"]
    given = {
        "writer": None,
        "continue100": None,
        "timer": aiohttp.helpers.TimerNoop(),
        "request_info": request.request_info,
        "traces": [],
        "loop": loop,
        "session": session,
        "stream_writer": SimpleNamespace(output_size=0),
    }
    known = inspect.signature(request.response_class.__init__).parameters
    response = request.response_class(
        request.method, request.url, **{name: value for name, value in given.items() if name in known}
    )
    form = reply.form or HeadForm()
    raw = form.raw(reply.headers)
    response.version, response.status = aiohttp.HttpVersion11, reply.status
    response.reason = form.reason if form.reason is not None else _usual_reason(reply.status)
    headers = multidict.CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)
    response._headers = multidict.CIMultiDictProxy(headers)  # noqa: SLF001  `start` sets these from a connection
    response._raw_headers = tuple(raw)  # noqa: SLF001  see above
    response._closed = False  # noqa: SLF001  see above
    kind = type("RecordedReader", (aiohttp.StreamReader,), {})
    response.content = kind(_Protocol(), 1 << 40, loop=loop)
    response.content.on_eof(response._response_eof)  # noqa: SLF001  see above
    return response
