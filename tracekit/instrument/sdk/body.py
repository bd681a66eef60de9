"""The body of an answer, observed as the application reads it. Needs the SDK, so it is imported with the first stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tracekit.instrument.sdk.http_library import http
from tracekit.model.heads import HeadForm

if TYPE_CHECKING:
    from tracekit.instrument.sdk.attempt import Attempt

__all__ = ["DECODED", "form_of", "observed", "separate_decoder"]

DECODED = "tracekit.decoded"
"""Among a response's extensions: its body is decoded already, whatever its headers say."""


class _SyncBody(http.SyncByteStream):
    """A body that is read synchronously."""

    def __init__(self, body: Any, attempt: Attempt) -> None:
        self._body = body
        self._attempt = attempt

    @property
    def elapsed(self) -> timedelta | None:
        """The `elapsed` of the wrapped body, which httpx2's `Response.elapsed` reads from its stream."""
        return getattr(self._body, "elapsed", None)

    @override
    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._body:
                self._attempt.chunk(chunk)
                yield chunk
        except GeneratorExit:
            self._attempt.closed()
            raise
        except BaseException as error:
            self._attempt.broke(error)
            raise
        self._attempt.read()

    @override
    def close(self) -> None:
        self._attempt.closed()
        self._body.close()

    def __del__(self) -> None:
        self._attempt.dropped()


class _AsyncBody(http.AsyncByteStream):
    """A body that is read asynchronously."""

    def __init__(self, body: Any, attempt: Attempt) -> None:
        self._async_body = body
        self._attempt = attempt

    @property
    def elapsed(self) -> timedelta | None:
        """The `elapsed` of the wrapped body, which httpx2's `Response.elapsed` reads from its stream."""
        return getattr(self._async_body, "elapsed", None)

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = self._async_body.__aiter__()
        try:
            async for chunk in chunks:
                self._attempt.chunk(chunk)
                yield chunk
        except GeneratorExit:
            self._attempt.closed()
            raise
        except BaseException as error:
            self._attempt.broke(error)
            raise
        finally:
            # In the task that reads: else the event loop closes the generator later, in a task of its own.
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
        self._attempt.read()

    @override
    async def aclose(self) -> None:
        self._attempt.closed()
        await self._async_body.aclose()

    def __del__(self) -> None:
        self._attempt.dropped()


class _Body(_SyncBody, _AsyncBody):
    """A body of both kinds at once, as the library's `ByteStream` is."""

    def __init__(self, body: Any, attempt: Attempt) -> None:
        _SyncBody.__init__(self, body, attempt)
        _AsyncBody.__init__(self, body, attempt)


def observed(body: Any, attempt: Attempt) -> Any:
    """`body`, which tells `attempt` how it is read; of the same kind, since `httpx2.Response` checks that."""
    if not isinstance(body, http.SyncByteStream):
        return _AsyncBody(body, attempt)
    if isinstance(body, http.AsyncByteStream):
        return _Body(body, attempt)
    return _SyncBody(body, attempt)


def form_of(response: Any, kept: Collection[str]) -> HeadForm:
    """The form of the response's head: of the headers whose names in lower case are `kept`."""
    headers, encoding = response.headers, response.headers.encoding
    written = [
        (name.decode(encoding), value.decode(encoding))
        for name, value in headers.raw
        if name.lower().decode(encoding) in kept
    ]
    usual = http.codes.get_reason_phrase(response.status_code).encode()
    reason = response.extensions.get("reason_phrase", usual)
    return HeadForm.of(
        written,
        encoding,
        None if reason == usual else reason.decode("latin-1"),
        "" if response.http_version == "HTTP/1.1" else response.http_version,
    )


def separate_decoder(response: Any) -> Any:
    """A decoder of the response's content encoding, apart from the one that the response uses; None if plain."""
    if DECODED in response.extensions:
        return None
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return None
    # One without a stream reads its empty body at once, and a decoder that has been used may not know its format any more.
    unread = http.Response(200, headers={"content-encoding": encoding}, stream=http.SyncByteStream())
    make = getattr(unread, "_get_content_decoder", None)
    return make() if make is not None else None
