"""Reads a response's body for its call while the application reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from tracekit.model.aws import FrameSplitter
from tracekit.model.messages import HEAD_BYTES, ResponseContent, StreamForm, answer_of, stream_events_of, stream_form
from tracekit.model.sse import Splitter
from tracekit.origin import pass_on

__all__ = ["Reading"]

_ACCOUNTED = ("message_start", "message_delta", "message_stop", "error")
"""The events of a stream that are parsed while it is read; what the others say is left to the reader of the record."""


class Reading:
    """Takes a body's pieces as they cross the wire, gives them back content-decoded, and fills in `answer`.

    The pieces of a stream of events are whole events. `wanted` is what is parsed of the body meanwhile: nothing, its
    usage and how it ends, or everything.
    """

    error: BaseException | None = None
    """Why the body could not be decoded any further."""

    def __init__(
        self,
        answer: ResponseContent,
        content_type: str,
        decoder: Any,
        wanted: Literal["nothing", "account", "everything"],
    ) -> None:
        self._answer = answer
        self._content_type = content_type
        self._decoder = decoder
        self._head: bytes | None = b""
        self._form: StreamForm | None = None
        self._splitter: Splitter | FrameSplitter | None = None
        self._wanted = wanted
        self._whole: list[bytes] = []

    @property
    def is_stream(self) -> bool:
        """Return whether the body is a stream of events, as far as it was read."""
        return self._form is not None

    def take(self, data: bytes) -> bytes:
        """Return the bytes that `data` adds to the recorded body."""
        return self._add(data if self._decoder is None else self._decoded(self._decoder.decode(data)))

    def rest(self) -> bytes:
        """Return the bytes left at the end of reading: they were received, but complete no event."""
        data = b""
        if self._decoder is not None:
            data = self._add(self._decoded(self._decoder.flush()))
            self._decoder = None
        if self._head is not None:
            data += self._begin(self._head)
        if self._splitter is not None:
            return data + self._splitter.rest()
        if self._whole:
            whole = answer_of(b"".join(self._whole), self._content_type)
            self._answer.message, self._answer.error = whole.message, whole.error
            self._answer.complete = whole.complete
            self._whole = []
        return data

    def _decoded(self, pieces: Iterable[bytes]) -> bytes:
        decoded: list[bytes] = []
        try:
            # What comes before the fault is given to the application.
            decoded.extend(pieces)
        except Exception as error:  # noqa: BLE001  each decoder has its own, and the application's fails on the same bytes
            pass_on(error)
            self.error = error
        return b"".join(decoded)

    def _add(self, data: bytes) -> bytes:
        if self._head is not None:
            # What form the body has is told by its first bytes, which come as one piece nearly always.
            data = self._head + data
            if len(data) < HEAD_BYTES:
                self._head = data
                return b""
            return self._begin(data)
        if self._splitter is None or self._form is None:
            if self._wanted != "nothing" and data:
                self._whole.append(data)
            return data
        data = self._splitter.feed(data)
        if self._is_worth_parsing(data):
            names = None if self._wanted == "everything" else _ACCOUNTED
            for name, value in stream_events_of(data, self._form, names):
                self._answer.take(name, value)
        return data

    def _begin(self, head: bytes) -> bytes:
        """Take the first bytes of the body, or all of a shorter one."""
        self._head = None
        self._form = stream_form(head, self._content_type)
        if self._form is not None:
            self._splitter = FrameSplitter() if self._form == "frames" else Splitter()
        return self._add(head)

    def _is_worth_parsing(self, data: bytes) -> bool:
        if self._wanted == "account" and self._form == "sse":
            return b"message_" in data or b"error" in data
        return self._wanted != "nothing"
