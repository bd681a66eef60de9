"""What an answer's body says, as far as a call needs to know it while the application reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from tracekit.model.aws import CONTENT_TYPE, FrameSplitter
from tracekit.model.messages import Answer, answer_of, is_stream, stream_events_of
from tracekit.model.sse import Splitter

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
        self, answer: Answer, content_type: str, decoder: Any, wanted: Literal["nothing", "account", "everything"]
    ) -> None:
        self.is_stream = is_stream(content_type)
        self._answer = answer
        self._content_type = content_type
        self._decoder = decoder
        self._is_encoded = CONTENT_TYPE in content_type
        self._splitter: Splitter | FrameSplitter | None = None
        if self.is_stream:
            self._splitter = FrameSplitter() if self._is_encoded else Splitter()
        self._wanted = wanted
        self._whole: list[bytes] = []

    def take(self, data: bytes) -> bytes:
        """What `data` adds, for the record."""
        return self._add(data if self._decoder is None else self._decoded(self._decoder.decode(data)))

    def rest(self) -> bytes:
        """What is left when reading ends: it completed no event, but it did cross the wire."""
        data = b""
        if self._decoder is not None:
            data = self._add(self._decoded(self._decoder.flush()))
            self._decoder = None
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
            self.error = error
        return b"".join(decoded)

    def _add(self, data: bytes) -> bytes:
        if self._splitter is None:
            if self._wanted != "nothing" and data:
                self._whole.append(data)
            return data
        data = self._splitter.feed(data)
        if self._is_worth_parsing(data):
            names = None if self._wanted == "everything" else _ACCOUNTED
            for name, value in stream_events_of(data, self._content_type, names):
                self._answer.take(name, value)
        return data

    def _is_worth_parsing(self, data: bytes) -> bool:
        if self._wanted == "account" and not self._is_encoded:
            return b"message_" in data or b"error" in data
        return self._wanted != "nothing"
