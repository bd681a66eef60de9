"""A request in a replay: answered from the record. Nothing is sent, and no authentication of the client's is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tracekit.instrument.answering import sdk
from tracekit.instrument.answering.answerer import Answerer
from tracekit.instrument.answering.calls import answered
from tracekit.instrument.http.call import Sending
from tracekit.instrument.reply import Reply
from tracekit.instrument.sdk.attempt import request_of

__all__ = ["answer", "answer_async"]


def answer(client: Any, answerer: Answerer, sending: Sending, request: Any, *, stream: bool) -> Any:
    """Return the recorded answer as the client's own response, read unless it is to be streamed.

    Raises:
        BaseException: What the client raised in the recording, or a `ReplayDivergence`.
    """
    with _asking(answerer, sending, request) as reply:
        for hook in client.event_hooks["request"]:
            hook(request)
        answerer.hold(reply.begin_ns)
        sdk.send(sending.attempt, reply, request, None, None)
        answerer.hold(reply.answered_ns)
        response = _response(answerer, reply, request, sending, sdk.ReplayedBody, stream=stream)
        try:
            for hook in client.event_hooks["response"]:
                hook(response)
            if not stream:
                response.read()
        except BaseException:
            response.close()
            raise
    return response


async def answer_async(client: Any, answerer: Answerer, sending: Sending, request: Any, *, stream: bool) -> Any:
    """`answer` for an asynchronous client."""
    with _asking(answerer, sending, request) as reply:
        for hook in client.event_hooks["request"]:
            await hook(request)
        await answerer.hold_async(reply.begin_ns)
        sdk.send(sending.attempt, reply, request, None, None)
        await answerer.hold_async(reply.answered_ns)
        response = _response(answerer, reply, request, sending, sdk.AsyncReplayedBody, stream=stream)
        try:
            for hook in client.event_hooks["response"]:
                await hook(response)
            if not stream:
                await response.aread()
        except BaseException:
            await response.aclose()
            raise
    return response


@contextmanager
def _asking(answerer: Answerer, sending: Sending, request: Any) -> Iterator[Reply]:
    call = answered(sending.call)
    reply = answerer.answer(request_of(request), call, call.parent)
    call.answered_by(reply)
    sending.enter(request.url.path)
    try:
        yield reply
    except BaseException as error:
        sdk.raised(sending.attempt, reply, error)
        call.raised(error)
        answerer.ended(reply)
        raise
    finally:
        sending.leave()


def _response(answerer: Answerer, reply: Reply, request: Any, sending: Sending, reading: Any, *, stream: bool) -> Any:
    from tracekit.instrument.answering import replies  # noqa: PLC0415  loads with the first answer

    attempt = sending.attempt
    if not reply.status:
        raise replies.raised_in(reply, answerer, request)
    if stream or reply.is_partial:
        response = replies.streamed(reply, request, reading(reply, answerer, attempt, request))
        sending.answered(response)
        return response
    attempt.end_ns = lambda: reply.end_ns
    response = replies.whole(reply, request)
    sending.answered(response)
    answerer.ended(reply)
    return response
