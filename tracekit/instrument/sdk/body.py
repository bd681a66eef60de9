"""The body of an answer of httpx2, or of httpx, whose classes are alike, observed as the application reads it."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from tracekit.model.heads import HeadForm
from tracekit.system_clock import steady_ns

if TYPE_CHECKING:
    from tracekit.instrument.sdk.attempt import Attempt

__all__ = ["DECODED", "form_of", "library_of", "observed", "separate_decoder"]

DECODED = "tracekit.decoded"
"""Among a response's extensions: its body is decoded already, whatever its headers say."""


def library_of(message: Any) -> Any:
    """Return the module httpx2 or httpx, whichever the request or response `message` is of."""
    kinds = (kind.__module__.partition(".")[0] for kind in type(message).__mro__)
    return sys.modules[next(name for name in kinds if name in ("httpx2", "httpx"))]


_AT_ONCE_NS = 1_000_000
"""How long a body in memory takes at most to give its next piece."""


class _SyncBody:
    """A body that is read synchronously.

    One that comes from memory, and not from a connection, has its next piece ready, until it first lets the reader wait.
    """

    def __init__(self, body: Any, attempt: Attempt, *, is_in_memory: bool) -> None:
        self._body = body
        self._attempt = attempt
        self._is_in_memory = is_in_memory

    @property
    def elapsed(self) -> timedelta | None:
        """The `elapsed` of the wrapped body, which `Response.elapsed` reads from its stream."""
        return getattr(self._body, "elapsed", None)

    def __iter__(self) -> Iterator[bytes]:
        is_ready, asked_ns = self._is_in_memory, steady_ns()
        try:
            for chunk in self._body:
                is_ready = is_ready and steady_ns() - asked_ns < _AT_ONCE_NS
                self._attempt.chunk(chunk, is_more_ready=is_ready)
                yield chunk
                asked_ns = steady_ns()
        except GeneratorExit:
            self._attempt.closed()
            raise
        except BaseException as error:
            self._attempt.broke(error)
            raise
        self._attempt.read()

    def close(self) -> None:
        self._attempt.closed()
        self._body.close()

    def __del__(self) -> None:
        self._attempt.dropped()


class _AsyncBody:
    """A body that is read asynchronously."""

    def __init__(self, body: Any, attempt: Attempt, *, is_in_memory: bool) -> None:  # noqa: ARG002  as the other's
        self._async_body = body
        self._attempt = attempt

    @property
    def elapsed(self) -> timedelta | None:
        """The `elapsed` of the wrapped body, which `Response.elapsed` reads from its stream."""
        return getattr(self._async_body, "elapsed", None)

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

    async def aclose(self) -> None:
        self._attempt.closed()
        await self._async_body.aclose()

    def __del__(self) -> None:
        self._attempt.dropped()


class _BothBody(_SyncBody, _AsyncBody):
    """A body of both kinds at once, as `ByteStream` is."""

    def __init__(self, body: Any, attempt: Attempt, *, is_in_memory: bool) -> None:
        _SyncBody.__init__(self, body, attempt, is_in_memory=is_in_memory)
        _AsyncBody.__init__(self, body, attempt, is_in_memory=is_in_memory)


def observed(response: Any, attempt: Attempt, library: Any) -> Any:
    """Return the body of `response`, which tells `attempt` how it is read.

    It is of the same kind, since the `Response` of the `library` checks that.
    """
    body = response.stream
    is_sync, is_async = (isinstance(body, kind) for kind in (library.SyncByteStream, library.AsyncByteStream))
    kind = _kinds(library)[is_sync, is_async or not is_sync]
    return kind(body, attempt, is_in_memory="network_stream" not in response.extensions)


@cache
def _kinds(library: Any) -> dict[tuple[bool, bool], Any]:
    """The classes of bodies for `library`, by whether they are read synchronously, asynchronously or in either way."""
    sync, asynchronous = library.SyncByteStream, library.AsyncByteStream
    return {
        (True, False): type("SyncBody", (_SyncBody, sync), {}),
        (False, True): type("AsyncBody", (_AsyncBody, asynchronous), {}),
        (True, True): type("BothBody", (_BothBody, sync, asynchronous), {}),
    }


def form_of(response: Any, kept: Collection[str]) -> HeadForm:
    """The form of the response's head: of the headers whose names in lower case are `kept`."""
    headers, encoding = response.headers, response.headers.encoding
    written = [
        (name.decode(encoding), value.decode(encoding))
        for name, value in headers.raw
        if name.lower().decode(encoding) in kept
    ]
    usual = library_of(response).codes.get_reason_phrase(response.status_code).encode()
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
    library = library_of(response)
    unread = library.Response(200, headers={"content-encoding": encoding}, stream=library.SyncByteStream())
    make = getattr(unread, "_get_content_decoder", None)
    if make is None:
        return None
    return make() if library.__name__ == "httpx2" else _InPieces(make())


class _InPieces:
    """A decoder of httpx, which gives what it decodes as one, in the way of httpx2, whose decoders give pieces."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Decode `data`."""
        yield self._decoder.decode(data)

    def flush(self) -> Iterator[bytes]:
        """Decode what is left."""
        yield self._decoder.flush()
