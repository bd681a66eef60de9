"""The methods of httpx, and of httpx2, by which each request goes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tracekit.instrument.guard import guarded
from tracekit.instrument.http.call import Sending, begin, concerns
from tracekit.instrument.sdk.attempt import request_of
from tracekit.instrument.sdk.current import current_call

__all__ = ["send", "send_async"]


def send(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Client.send`."""

    def recorded(sending: Sending, client: Any, request: Any, **kwargs: Any) -> Any:
        with sending:
            _enter(sending, request)
            response = original(client, request, **kwargs)
            sending.answered(response)
        return response

    @functools.wraps(original)
    def send(client: Any, request: Any, **kwargs: Any) -> Any:
        sending = _begin(request, is_sync=True)
        if sending is None:
            return original(client, request, **kwargs)
        return sending.call.recorder.upstream.send(recorded, sending, client, request, **kwargs)

    return send


def send_async(original: Callable[..., Any]) -> Callable[..., Any]:
    """`AsyncClient.send`."""

    async def recorded(sending: Sending, client: Any, request: Any, **kwargs: Any) -> Any:
        with sending:
            _enter(sending, request)
            response = await original(client, request, **kwargs)
            sending.answered(response)
        return response

    @functools.wraps(original)
    async def send(client: Any, request: Any, **kwargs: Any) -> Any:
        sending = _begin(request, is_sync=False)
        if sending is None:
            return await original(client, request, **kwargs)
        return await sending.call.recorder.upstream.send(recorded, sending, client, request, **kwargs)

    return send


@guarded
def _begin(request: Any, *, is_sync: bool) -> Sending | None:
    if current_call() is not None:
        # The SDK's own request, whose path need not be looked at.
        return None
    recorder = concerns(request.url.path)
    return None if recorder is None else begin(recorder, request_of(request), request.headers, is_sync=is_sync)


@guarded
def _enter(sending: Sending, request: Any) -> None:
    sending.enter(request.url.path)
    sending.attempt.sending(request)
