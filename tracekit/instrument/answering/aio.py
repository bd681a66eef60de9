"""Requests of aiohttp in a replay, answered by responses whose bodies arrive at their recorded times."""

from __future__ import annotations

import asyncio
import builtins
import functools
import inspect
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from tracekit.instrument.answering.answerer import Answerer
from tracekit.instrument.answering.calls import answered
from tracekit.instrument.failures import CANCELLED
from tracekit.instrument.http.aio import arrived, as_sent, usual_reason
from tracekit.instrument.http.call import Sending
from tracekit.instrument.reply import Reply
from tracekit.instrument.sdk.attempt import Attempt
from tracekit.model.events import Failure
from tracekit.model.heads import HeadForm
from tracekit.model.recording import Piece

__all__ = ["answer"]


async def answer(session: Any, answerer: Answerer, sending: Sending, request: Any) -> Any:
    """The recorded answer, whose body arrives when it did.

    Raises:
        BaseException: What aiohttp raised in the recording, or a `ReplayDivergence`.
    """
    sent = await as_sent(request)
    call, attempt = answered(sending.call), sending.attempt
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
        arrived(sending, response)
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
    """Feed the rest of the body to the reader, each of its `pieces` at its time."""
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
    """Return the exception that aiohttp raised in the recording."""
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
    """A stand-in for the connection of a recorded body."""

    connected = True
    _reading_paused = False

    def pause_reading(self, *_: Any) -> None:
        """Do nothing: no data waits in the connection."""

    def resume_reading(self, *_: Any, **__: Any) -> None:
        """Do nothing: reading was never paused."""


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
    response.reason = form.reason if form.reason is not None else usual_reason(reply.status)
    headers = multidict.CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)
    response._headers = multidict.CIMultiDictProxy(headers)  # noqa: SLF001  `start` sets these from a connection
    response._raw_headers = tuple(raw)  # noqa: SLF001  see above
    response._closed = False  # noqa: SLF001  see above
    kind = type("RecordedReader", (aiohttp.StreamReader,), {})
    response.content = kind(_Protocol(), 1 << 40, loop=loop)
    response.content.on_eof(response._response_eof)  # noqa: SLF001  see above
    return response
