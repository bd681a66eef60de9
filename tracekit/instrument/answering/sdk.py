"""One attempt in a replay: the request is built as for sending, and answered from the record.

Nothing is sent, signed or fetched, and no credentials are needed. Nothing here is guarded: where an answer cannot be
given, the program must not get another.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tracekit.instrument.answering.answerer import Answerer, Later
from tracekit.instrument.answering.calls import AnsweredCall
from tracekit.instrument.reply import Reply
from tracekit.instrument.sdk.attempt import CURRENT_ATTEMPT, Attempt, request_of

__all__ = [
    "AsyncReplayedBody",
    "PendingRequest",
    "ReplayedBody",
    "answer",
    "answer_async",
    "prepare",
    "prepare_async",
    "raised",
    "respond",
    "respond_async",
    "send",
]

_TOKEN_PROVIDER = "_azure_ad_token_provider"  # noqa: S105  the name of Foundry's attribute
_NO_KEY = {"X-Api-Key": "replayed"}


def answer(
    client: Any,
    answerer: Answerer,
    call: AnsweredCall,
    options: Any,
    /,
    *,
    stream: bool = False,
    retries_taken: int = 0,
    **kwargs: Any,
) -> tuple[Any, Any]:
    """The recorded answer, as a response of the HTTP library, and the prepared `options`, as ``_attempt_request`` gives them.

    Raises:
        BaseException: What the SDK raised in the recording, or a `ReplayDivergence`.
    """
    options = prepare(client, options)
    request = client._build_request(options, retries_taken=retries_taken)  # noqa: SLF001  see `points`
    asked = PendingRequest(client, answerer, call, request, stream)
    return respond(asked, kwargs.get("call"), options), options


def prepare(client: Any, options: Any) -> Any:
    """Return `options` as `client` prepares them, without fetching a token, and with a placeholder key if there is none."""
    with _without_token(client):
        return _with_some_key(client, client._prepare_options(options))  # noqa: SLF001  as the SDK does


def respond(asked: PendingRequest, sdk_call: Any = None, options: Any = None) -> Any:
    """Return the recorded answer to what is `asked`; `sdk_call` is the SDK's own record of the call, with `options`.

    Raises:
        BaseException: What the recording has in place of an answer, or a `ReplayDivergence`.
    """
    try:
        reply, attempt = asked.begin()
    except Later as later:
        asked.answerer.hold(later.until_ns)
        reply, attempt = asked.begin()
    try:
        asked.answerer.hold(reply.begin_ns)
        send(attempt, reply, asked.request, sdk_call, options)
        asked.answerer.hold(reply.answered_ns)
        return _response(asked, reply, attempt)
    except BaseException as error:
        raised(attempt, reply, error)
        asked.answerer.ended(reply)
        raise


async def answer_async(
    client: Any,
    answerer: Answerer,
    call: AnsweredCall,
    options: Any,
    /,
    *,
    stream: bool = False,
    retries_taken: int = 0,
    **kwargs: Any,
) -> tuple[Any, Any]:
    """`answer` for an asynchronous client."""
    options = await prepare_async(client, options)
    request = client._build_request(options, retries_taken=retries_taken)  # noqa: SLF001  see `points`
    asked = PendingRequest(client, answerer, call, request, stream)
    return await respond_async(asked, kwargs.get("call"), options), options


async def prepare_async(client: Any, options: Any) -> Any:
    """`prepare` for an asynchronous client."""
    with _without_token(client):
        return _with_some_key(client, await client._prepare_options(options))  # noqa: SLF001  as the SDK does


async def respond_async(asked: PendingRequest, sdk_call: Any = None, options: Any = None) -> Any:
    """`respond` for an asynchronous client."""
    try:
        reply, attempt = asked.begin()
    except Later as later:
        await asked.answerer.hold_async(later.until_ns)
        reply, attempt = asked.begin()
    try:
        await asked.answerer.hold_async(reply.begin_ns)
        send(attempt, reply, asked.request, sdk_call, options)
        await asked.answerer.hold_async(reply.answered_ns)
        return _response(asked, reply, attempt)
    except BaseException as error:
        raised(attempt, reply, error)
        asked.answerer.ended(reply)
        raise


# ── the request ──────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _without_token(client: Any) -> Iterator[None]:
    """Let Foundry's client ask nobody for a token."""
    provider = getattr(client, _TOKEN_PROVIDER, None)
    if provider is None:
        yield
        return
    setattr(client, _TOKEN_PROVIDER, lambda: "replayed")
    try:
        yield
    finally:
        setattr(client, _TOKEN_PROVIDER, provider)


def _with_some_key(client: Any, options: Any) -> Any:
    """`options` with a header that passes for a key, where the client has none: it would build no request."""
    if getattr(client, "api_key", None) is None and getattr(client, "auth_token", None) is None:
        given = options.headers if isinstance(options.headers, dict) else {}
        options.headers = {**_NO_KEY, **given}
    return options


@dataclass(frozen=True)
class PendingRequest:
    """A request in a replay that is about to be answered.

    `stream` says that its body is read later. One that is `as_sent` fails as in the HTTP library, not as in the SDK.
    """

    client: Any
    answerer: Answerer
    call: AnsweredCall
    request: Any
    stream: bool
    as_sent: bool = False

    def begin(self) -> tuple[Reply, Attempt]:
        """Find the recorded answer, and begin the attempt that it answers."""
        reply = self.answerer.answer(request_of(self.request), self.call, self.call.parent)
        self.call.answered_by(reply)
        return reply, Attempt(self.call)


def send(attempt: Attempt, reply: Reply, request: Any, sdk_call: Any, options: Any) -> None:
    """Record that `request` was sent, at its recorded time.

    `sdk_call` and `options` are the SDK's own; both are None for a request that the SDK did not make.
    """
    if sdk_call is not None:
        # The SDK's span counts what is sent, and tells the address.
        sdk_call.sending(request, options)
    CURRENT_ATTEMPT.set(attempt)
    attempt.now_ns = lambda: reply.begin_ns
    attempt.sending(request)
    attempt.now_ns = lambda: reply.answered_ns
    CURRENT_ATTEMPT.set(None)


# ── the answer ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _response(asked: PendingRequest, reply: Reply, attempt: Attempt) -> Any:
    from tracekit.instrument.answering import replies  # noqa: PLC0415  needs the SDK

    client, answerer, request = asked.client, asked.answerer, asked.request
    if not reply.status:
        replies.fail(reply, answerer, request, as_sent=asked.as_sent)
    # What the SDK would read at once was read at once in the recording, or is there as pieces.
    wants_stream = asked.stream or client._should_stream_response_body(request=request)  # noqa: SLF001  as the SDK does
    if not wants_stream:
        attempt.end_ns = lambda: reply.end_ns
        response = replies.whole(reply, request)
        attempt.answered(response)
        answerer.ended(reply)
        return response
    is_async = hasattr(client, "__aenter__")
    body = (AsyncReplayedBody if is_async else ReplayedBody)(reply, answerer, attempt, request)
    response = replies.streamed(reply, request, body)
    attempt.answered(response)
    return response


def raised(attempt: Attempt, reply: Reply, error: BaseException) -> None:
    """The attempt failed as it did in the recording, or was cancelled meanwhile."""
    now_ns = attempt.call.recorder.clock.now_ns()
    attempt.end_ns = lambda: reply.end_ns if not reply.status else max(reply.begin_ns, min(reply.end_ns, now_ns))
    attempt.raised(error)


class ReplayedBody:
    """The pieces of a body, each when its time has come."""

    def __init__(self, reply: Reply, answerer: Answerer, attempt: Attempt, request: Any) -> None:
        self.reply = reply
        self._answerer = answerer
        self._attempt = attempt
        self._request = request
        self._at_ns = reply.answered_ns
        self._left = len(reply.pieces)
        attempt.now_ns = self._piece_ns
        attempt.end_ns = self._closed_ns

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.reply.pieces:
            self._answerer.hold(piece.at_ns)
            self._arrived(piece.at_ns)
            yield piece.data
        self._answerer.hold(self.reply.refused_ns if self.reply.is_partial else self.reply.end_ns)
        self._end()

    def _arrived(self, at_ns: int) -> None:
        self._at_ns = at_ns
        self._left -= 1

    def _piece_ns(self) -> int:
        return self._at_ns

    def _closed_ns(self) -> int:
        """Return the time at which the body closes.

        That is the recorded time if the program read as much as in the recording, else the end of its last chunk.
        """
        return self.reply.end_ns if not self._left else max(self._at_ns, self._attempt.call.recorder.clock.now_ns())

    def _end(self) -> None:
        from tracekit.instrument.answering import replies  # noqa: PLC0415  needs the SDK

        if self.reply.is_partial:
            raise self._answerer.beyond(self.reply)
        self._attempt.end_ns = lambda: self.reply.end_ns
        self._answerer.ended(self.reply)
        if self.reply.failure is not None:
            raise replies.error_of(self.reply.failure, self._request)

    def close(self) -> None:
        """The body is closed: by the application, or after its end."""
        self._answerer.ended(self.reply)


class AsyncReplayedBody(ReplayedBody):
    """The same for an asynchronous client."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.reply.pieces:
            await self._answerer.hold_async(piece.at_ns)
            self._arrived(piece.at_ns)
            yield piece.data
        await self._answerer.hold_async(self.reply.refused_ns if self.reply.is_partial else self.reply.end_ns)
        self._end()
