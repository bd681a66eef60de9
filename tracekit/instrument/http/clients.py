"""The methods of httpx, and of httpx2, by which each request goes: recorded, or answered in a replay."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tracekit.instrument.guard import guarded
from tracekit.instrument.http.answering import answer, answer_async
from tracekit.instrument.http.call import Sending, begin, concerns
from tracekit.instrument.sdk.attempt import request_of

__all__ = ["send", "send_async"]


def send(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Client.send`."""

    @functools.wraps(original)
    def send(client: Any, request: Any, **kwargs: Any) -> Any:
        sending = _begin(request, is_sync=True)
        if sending is None:
            return original(client, request, **kwargs)
        answerer = sending.call.recorder.answerer
        if answerer is not None:
            return answer(client, answerer, sending, request, stream=kwargs.get("stream", False))
        with sending:
            _enter(sending, request)
            response = original(client, request, **kwargs)
            sending.answered(response)
        return response

    return send


def send_async(original: Callable[..., Any]) -> Callable[..., Any]:
    """`AsyncClient.send`."""

    @functools.wraps(original)
    async def send(client: Any, request: Any, **kwargs: Any) -> Any:
        sending = _begin(request, is_sync=False)
        if sending is None:
            return await original(client, request, **kwargs)
        answerer = sending.call.recorder.answerer
        if answerer is not None:
            return await answer_async(client, answerer, sending, request, stream=kwargs.get("stream", False))
        with sending:
            _enter(sending, request)
            response = await original(client, request, **kwargs)
            sending.answered(response)
        return response

    return send


@guarded
def _begin(request: Any, *, is_sync: bool) -> Sending | None:
    recorder = concerns(request.url.path)
    return None if recorder is None else begin(recorder, request_of(request), request.headers, is_sync=is_sync)


@guarded
def _enter(sending: Sending, request: Any) -> None:
    sending.enter(request.url.path)
    sending.attempt.sending(request)
